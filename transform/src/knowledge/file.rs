//! The shape of the knowledge files, as a support engineer writes them.
//!
//! `knowledge/signals.toml` says which records mean that a scan, a download or an installation
//! began or ended; `knowledge/causes/<cause>.toml` says which records, facts and reference data
//! mean that a cause is at work, what to name as culprit, and what to do.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// Declares an entry that also has the keys of a condition over one record. (serde's `flatten`
/// would lose the lines that errors are reported with.)
macro_rules! entry_with_condition {
    ($(#[$doc:meta])* struct $entry:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $entry {
            $($(#[$field_doc])* pub(super) $field: $type,)*
            /// Sources, as named on the wire; none = any.
            #[serde(default)]
            source: Vec<Spanned<String>>,
            /// Components or event providers, compared without case; none = any.
            #[serde(default)]
            component: Vec<String>,
            /// Event ids of the event log; none = any.
            #[serde(default)]
            event_id: Vec<u32>,
            /// Levels; none = any.
            #[serde(default)]
            level: Vec<String>,
            /// One of these codes is in the record; none = any or no code.
            #[serde(default)]
            with_code: Vec<Spanned<String>>,
            /// The record reports a failing code.
            #[serde(default)]
            failing: bool,
            /// Texts that all stand in the constant part of the message, compared without ASCII case.
            #[serde(default)]
            needles: Vec<String>,
            /// Texts of which one stands in the constant part of the message.
            #[serde(default)]
            any_needle: Vec<String>,
            /// Texts that must not stand in it.
            #[serde(default)]
            no_needle: Vec<String>,
            /// Matches the message; named groups become variables of the texts (`culprit`, `needed`, …).
            regex: Option<Spanned<String>>,
            /// Must not match the message.
            no_regex: Option<Spanned<String>>,
            /// Named values: for each, an expression that the value must match.
            #[serde(default)]
            fields: BTreeMap<String, Spanned<String>>,
        }

        impl $entry {
            pub(super) fn condition(&self) -> ConditionEntry<'_> {
                ConditionEntry {
                    source: &self.source, component: &self.component, event_id: &self.event_id, level: &self.level,
                    with_code: &self.with_code, failing: self.failing, needles: &self.needles, any_needle: &self.any_needle,
                    no_needle: &self.no_needle, regex: self.regex.as_ref(), no_regex: self.no_regex.as_ref(), fields: &self.fields,
                }
            }
        }
    };
}

/// What a record must be: the keys that signals and evidence share.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConditionEntry<'a> {
    pub(super) source: &'a [Spanned<String>],
    pub(super) component: &'a [String],
    pub(super) event_id: &'a [u32],
    pub(super) level: &'a [String],
    pub(super) with_code: &'a [Spanned<String>],
    pub(super) failing: bool,
    pub(super) needles: &'a [String],
    pub(super) any_needle: &'a [String],
    pub(super) no_needle: &'a [String],
    pub(super) regex: Option<&'a Spanned<String>>,
    pub(super) no_regex: Option<&'a Spanned<String>>,
    pub(super) fields: &'a BTreeMap<String, Spanned<String>>,
}

/// `signals.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignalsFile {
    pub(super) signal: Vec<SignalEntry>,
}

entry_with_condition! {
    /// One kind of record that says something about an attempt.
    struct SignalEntry {
        /// The signal whatever code the record carries.
        signal: Option<Spanned<String>>,
        /// The signal when the record carries no failing code.
        succeeded: Option<Spanned<String>>,
        /// The signal when the record carries a failing code.
        failed: Option<Spanned<String>>,
        /// A verdict of a part, overruled by the verdict of the whole.
        #[serde(default)]
        weak: bool,
        /// `start` or `end`: the record opens or closes a stretch of the log, signal or not; `none`:
        /// it is no signal at all.
        boundary: Option<Spanned<String>>,
    }
}

/// `noise.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoiseFile {
    pub(super) noise: Vec<NoiseEntry>,
}

entry_with_condition! {
    /// A kind of record that is logged when all is well.
    struct NoiseEntry {}
}

/// `causes/<cause>.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CauseFile {
    pub(super) cause: Spanned<String>,
    pub(super) alert_subtype: String,
    pub(super) summary_en: Spanned<String>,
    pub(super) summary_zh: Spanned<String>,
    pub(super) actions_en: Vec<Spanned<String>>,
    pub(super) actions_zh: Vec<Spanned<String>>,
    /// Causes that are not worth listing beside this one: it explains their evidence.
    #[serde(default)]
    pub(super) explains: Vec<Spanned<String>>,
    pub(super) rule: Vec<RuleEntry>,
}

/// One way to recognise a cause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleEntry {
    pub(super) id: Spanned<String>,
    /// 0 to 1: how sure the cause is when everything required is there.
    pub(super) confidence: Spanned<f64>,
    /// `never` (the default): only a failed attempt can have this cause. `always`: the evidence is
    /// a standing condition of the device. `excerpt`: stands alone where the material holds no
    /// verdict of any attempt, as in a few lines cut out of a log.
    pub(super) standing: Option<Spanned<String>>,
    /// The attempt failed in one of these phases.
    #[serde(default)]
    pub(super) phases: Vec<Spanned<String>>,
    /// The attempt's code, or the code beneath it, is one of these.
    #[serde(default)]
    pub(super) codes: Vec<Spanned<String>>,
    /// One of these codes is reported anywhere in the attempt.
    #[serde(default)]
    pub(super) codes_within: Vec<Spanned<String>>,
    /// The code that this rule finds beneath the attempt's.
    pub(super) inner_code: Option<Spanned<String>>,
    /// The attempt has an extend code whose operation (last two digits) is one of these; `*` = any.
    #[serde(default)]
    pub(super) extend_operations: Vec<Spanned<String>>,
    /// Names a comparison with reference data; see `diagnosis/checks.rs`.
    pub(super) check: Option<Spanned<String>>,
    /// The culprit where no evidence names one; `{kb}` stands for the attempt's update.
    pub(super) culprit: Option<String>,
    /// Records that must (or, `optional`, may) be there.
    #[serde(default)]
    pub(super) evidence: Vec<EvidenceEntry>,
    /// Facts of the inventory that must hold.
    #[serde(default)]
    pub(super) fact: Vec<FactEntry>,
}

entry_with_condition! {
    /// A record that supports a rule.
    struct EvidenceEntry {
        /// `cause` (the default), `culprit` or `context`.
        role: Option<Spanned<String>>,
        /// Without it the rule still holds.
        #[serde(default)]
        optional: bool,
        /// The rule holds only where no such record is there.
        #[serde(default)]
        absent: bool,
        /// What an optional record adds to the confidence.
        #[serde(default)]
        adds: f64,
        /// `attempt` (the default): within the attempt; `near`: within a quarter of an hour of it;
        /// `device`: anywhere in the device's material.
        scope: Option<Spanned<String>>,
    }
}

/// A fact of the newest inventory.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactEntry {
    /// Expression over the whole name of the fact, without case; named groups become variables.
    pub(super) name: Spanned<String>,
    /// Expression over the whole value.
    pub(super) value: Option<Spanned<String>>,
    /// The value is a number below this.
    pub(super) below: Option<f64>,
    #[serde(default)]
    pub(super) optional: bool,
    #[serde(default)]
    pub(super) adds: f64,
}
