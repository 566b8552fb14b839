//! Compiled rules.

use std::ops::RangeInclusive;

use regex::Regex;

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

    pub(crate) fn contains(&self, code: u32) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }
}

/// One way to recognise a cause.
#[derive(Debug)]
pub(crate) struct Rule {
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

    pub(crate) fn asks_for_something(&self) -> bool {
        !self.codes.is_empty()
            || !self.codes_within.is_empty()
            || !self.extend_operations.is_empty()
            || self.check.is_some()
            || self.evidence.iter().any(|evidence| !evidence.is_optional)
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
    pub(crate) adds: f64,
}

/// A fact of the newest inventory that supports a rule.
#[derive(Debug)]
pub(crate) struct FactRule {
    pub(crate) name: Regex,
    pub(crate) value: Option<Regex>,
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
        /// Reference data for the device's branch says that the servicing stack is new enough.
        ServicingStackInOrder = "servicing_stack_in_order",
    }
}
