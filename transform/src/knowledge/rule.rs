//! Compiled rules.

use std::ops::RangeInclusive;

use patchlens_event::Hresult;

use super::condition::Condition;
use super::expression::Expression;
use crate::attempt::{Phase, Signal};

/// One kind of record that says something about an attempt.
#[derive(Debug)]
pub(crate) struct SignalRule {
    pub(crate) succeeded: Option<Signal>,
    pub(crate) failed: Option<Signal>,
    pub(crate) is_weak: bool,
    pub(crate) boundary: Option<Boundary>,
}

/// One cause with all ways to recognise it.
#[derive(Debug)]
pub(crate) struct Cause {
    pub(crate) id: String,
    pub(crate) alert_subtype: String,
    pub(crate) summary_en: String,
    pub(crate) summary_zh: String,
    pub(crate) actions_en: Vec<String>,
    pub(crate) actions_zh: Vec<String>,
    pub(crate) explains: Vec<String>,
    pub(crate) rules: Vec<Rule>,
}

/// A set of codes: single ones and ranges.
#[derive(Debug, Default)]
pub(crate) struct Codes(pub(crate) Vec<RangeInclusive<u32>>);

impl Codes {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `0x80070005, 0xc8000100-0xc80005ff`.
    pub(crate) fn in_words(&self) -> String {
        let range = |range: &RangeInclusive<u32>| {
            let (first, last) = (Hresult(*range.start()), Hresult(*range.end()));
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        };
        self.0.iter().map(range).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn contains(&self, code: u32) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }
}

/// One way to recognise a cause.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) confidence: f64,
    pub(crate) standing: Standing,
    pub(crate) phases: Vec<Phase>,
    pub(crate) codes: Codes,
    pub(crate) codes_within: Codes,
    pub(crate) inner_code: Option<u32>,
    /// `None` in the list stands for any operation.
    pub(crate) extend_operations: Vec<Option<u32>>,
    pub(crate) check: Option<Check>,
    pub(crate) culprit: Option<String>,
    pub(crate) evidence: Vec<EvidenceRule>,
    pub(crate) facts: Vec<FactRule>,
}

impl Rule {
    /// True when the code of the attempt alone makes the rule hold.
    pub(crate) fn asks_for_codes_only(&self) -> bool {
        self.phases.is_empty()
            && self.codes_within.is_empty()
            && self.extend_operations.is_empty()
            && self.check.is_none()
            && self.evidence.iter().all(|evidence| evidence.is_optional)
            && self.facts.iter().all(|fact| fact.is_optional)
    }

    /// What the rule asks for, one line each, for an explanation.
    pub(crate) fn in_words(&self, needles: &[String], conditions: &[Condition]) -> Vec<String> {
        let mut words = Vec::new();
        if !self.phases.is_empty() {
            let phases: Vec<&str> = self.phases.iter().map(|phase| phase.as_str()).collect();
            words.push(format!(
                "the attempt failed in phase {}",
                phases.join(" or ")
            ));
        }
        if !self.codes.is_empty() {
            words.push(format!(
                "the attempt's code, or the one beneath, is {}",
                self.codes.in_words()
            ));
        }
        if !self.codes_within.is_empty() {
            words.push(format!(
                "a record of the attempt reports {}",
                self.codes_within.in_words()
            ));
        }
        if !self.extend_operations.is_empty() {
            words.push("the setup extend code names the operation".to_owned());
        }
        for evidence in &self.evidence {
            let optional = if evidence.is_optional {
                " (optional)"
            } else {
                ""
            };
            let no = if evidence.is_absent { "no" } else { "a" };
            let condition = conditions.get(evidence.condition);
            let asked = condition
                .map(|condition| condition.in_words(needles))
                .unwrap_or_default();
            words.push(format!(
                "{no} record {}: {asked}{optional}",
                evidence.scope.in_words()
            ));
        }
        for fact in &self.facts {
            let optional = if fact.is_optional { " (optional)" } else { "" };
            words.push(format!(
                "an inventory fact: {}{optional}",
                fact.name.as_str()
            ));
        }
        if let Some(check) = self.check {
            words.push(format!("the comparison {}", check.as_str()));
        }
        words
    }

    pub(crate) fn asks_for_something(&self) -> bool {
        !self.codes.is_empty()
            || !self.codes_within.is_empty()
            || !self.extend_operations.is_empty()
            || self.check.is_some()
            || self
                .evidence
                .iter()
                .any(|evidence| !evidence.is_optional && !evidence.is_absent)
            || self.facts.iter().any(|fact| !fact.is_optional)
    }
}

/// A record that supports a rule.
#[derive(Debug)]
pub(crate) struct EvidenceRule {
    pub(crate) condition: usize,
    pub(crate) role: Role,
    pub(crate) scope: Scope,
    pub(crate) is_optional: bool,
    /// Such a record speaks against the rule.
    pub(crate) is_absent: bool,
    pub(crate) adds: f64,
}

/// A fact of the newest inventory that supports a rule.
#[derive(Debug)]
pub(crate) struct FactRule {
    pub(crate) name: Expression,
    pub(crate) value: Option<Expression>,
    pub(crate) below: Option<f64>,
    pub(crate) is_optional: bool,
    pub(crate) adds: f64,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant,)* }

        #[allow(dead_code, reason = "not every closed set is both read and written")]
        impl $name {
            pub(crate) fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }

            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What a record does to the stretch of log that it stands in.
    Boundary {
        /// Opens a stretch.
        Start = "start",
        /// Closes it.
        End = "end",
        /// Is no signal at all, whatever it looks like.
        None = "none",
    }
}

words! {
    /// Whether a rule needs a failed attempt.
    Standing {
        /// Only a failed attempt can have this cause.
        Never = "never",
        /// Stands alone where the material holds no verdict of any attempt.
        Excerpt = "excerpt",
        /// A condition of the device.
        Always = "always",
    }
}

words! {
    /// What a piece of evidence shows.
    Role {
        /// That the attempt failed.
        Verdict = "verdict",
        /// Why it failed.
        Cause = "cause",
        /// What is at fault.
        Culprit = "culprit",
        /// What went on around it.
        Context = "context",
    }
}

words! {
    /// Where evidence is looked for.
    Scope {
        /// Within the attempt.
        Attempt = "attempt",
        /// Within a quarter of an hour of the attempt, whatever the zone of the clocks.
        Near = "near",
        /// Anywhere in the device's material.
        Device = "device",
    }
}

impl Scope {
    fn in_words(self) -> &'static str {
        match self {
            Self::Attempt => "of the attempt",
            Self::Near => "within a quarter of an hour of the attempt",
            Self::Device => "of the device",
        }
    }
}

words! {
    /// A comparison with reference data, made in `diagnosis/checks.rs`.
    Check {
        /// The device's build is below what the servicing stack entry of the update asks for.
        ServicingStackBelowRequired = "servicing_stack_below_required",
        /// The device's build is below what another prerequisite of the update asks for.
        PrerequisiteMissing = "prerequisite_missing",
        /// A listed hash differs from the published one.
        PackageHashDiffers = "package_hash_differs",
        /// No reference data says that a servicing stack update is missing.
        ServicingStackNotBelow = "servicing_stack_not_below",
        /// The servicing stack that a record says is needed is one that reference data has an update for.
        StatedServicingStackListed = "stated_servicing_stack_listed",
        /// Reference data for the device's branch says that the servicing stack is new enough.
        ServicingStackInOrder = "servicing_stack_in_order",
    }
}
