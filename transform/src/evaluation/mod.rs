//! How good diagnoses and clusters are, measured against a known truth.
//!
//! Pure: judged devices in, numbers out. Where truth and verdicts come from (a simulation, a labelled
//! archive) is the caller's business.

mod bcubed;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::normalise::culprit_key;

pub use bcubed::{BCubed, bcubed};

/// The cause that says openly that nothing explains a failure.
const UNKNOWN: &str = "unknown";

/// A cause with less confidence than this is offered as a possibility, not stated.
pub const STATED: f64 = 0.5;

/// What is really wrong with a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Cause in the project's vocabulary.
    pub cause: String,
    /// The thing at fault, where there is one.
    pub culprit: Option<String>,
    /// Equal for devices that fail for the same reason.
    pub cluster: String,
    /// False when what the device handed over does not hold the cause: then `unknown` is a right answer.
    pub is_told: bool,
}

/// What was found out about a device: its first open diagnosis.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Cause in the project's vocabulary.
    pub cause: String,
    /// How sure the diagnosis is, 0 to 1.
    pub confidence: f64,
    /// The named thing at fault.
    pub culprit: Option<String>,
    /// Equal for devices that are said to fail for the same reason.
    pub cluster: String,
    /// File, line and text of its first evidence.
    pub evidence: String,
}

/// One device with its truth and its verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedDevice {
    /// The device.
    pub device_id: String,
    /// A free word for the kind of failure, shown beside errors.
    pub kind: String,
    /// What is wrong with it; `None` when nothing is.
    pub expected: Option<Expected>,
    /// What was found; `None` when no diagnosis was made.
    pub verdict: Option<Verdict>,
}

/// Precision and recall of one cause.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CauseScore {
    /// The cause.
    pub cause: String,
    /// Devices that fail for it.
    pub expected: usize,
    /// Devices that are said to fail for it.
    pub diagnosed: usize,
    /// Devices of both.
    pub right: usize,
    /// `right / diagnosed`; null when nobody was diagnosed so.
    pub precision: Option<f64>,
    /// `right / expected`; null when nobody fails for it.
    pub recall: Option<f64>,
}

/// A device whose diagnosis is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Confusion {
    /// The device.
    pub device_id: String,
    /// The kind of failure, in the truth's words.
    pub kind: String,
    /// Cause and culprit in truth; `healthy` when nothing is wrong.
    pub expected: String,
    /// Cause and culprit found; `no diagnosis` when none was made.
    pub got: String,
    /// File, line and text that led there.
    pub evidence: String,
}

/// The measures of one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Evaluation {
    /// Devices that were judged.
    pub devices: usize,
    /// Devices with nothing wrong.
    pub healthy: usize,
    /// Of these, devices with a diagnosis all the same.
    pub false_alarms: usize,
    /// Failing devices whose logs hold the cause: the denominator of accuracy and BCubed.
    pub failing: usize,
    /// Of these, devices with the right cause first.
    pub cause_right: usize,
    /// `cause_right / failing`; null when nobody fails.
    pub cause_accuracy: Option<f64>,
    /// Of those with the right cause whose truth names a culprit: devices, and with the right one.
    pub culprit_named: usize,
    /// Devices whose culprit is the right one.
    pub culprit_right: usize,
    /// `culprit_right / culprit_named`; null when no truth names one.
    pub culprit_accuracy: Option<f64>,
    /// Failing devices that no rule explains although their logs hold a known cause.
    pub unknown: usize,
    /// `unknown / failing`; null when nobody fails.
    pub unknown_share: Option<f64>,
    /// Failing devices without any diagnosis.
    pub missed: usize,
    /// Failing devices whose logs do not hold the cause.
    pub untold: usize,
    /// Of these, devices that are said to fail for a wrong cause, with a confidence of 0.5 or more.
    pub untold_wrong: usize,
    /// Of these, devices with a wrong cause of less confidence: offered, and not stated.
    pub untold_doubtful: usize,
    /// Clusters in truth.
    pub clusters_expected: usize,
    /// Clusters found.
    pub clusters_found: usize,
    /// BCubed precision and recall of the clusters; null when nobody fails.
    pub bcubed: Option<BCubed>,
    /// Every cause that is expected or diagnosed, by name.
    pub causes: Vec<CauseScore>,
    /// Every wrong diagnosis, by device.
    pub confusions: Vec<Confusion>,
    /// Every device with the right cause whose named culprit is not the one in truth, by device.
    pub culprits_missed: Vec<Confusion>,
}

/// Measures judged devices.
///
/// # Input
/// Each device once.
///
/// # Output
/// Accuracy, culprits, clusters and per-cause scores over failing devices whose logs hold the cause;
/// the others are counted apart, and a wrong cause on one of them is an error like any other. A device
/// without a diagnosis is a cluster of its own, so that a miss costs recall.
pub fn evaluate(devices: &[JudgedDevice]) -> Evaluation {
    let told = |device: &&JudgedDevice| device.expected.as_ref().is_some_and(|e| e.is_told);
    let untold = |device: &&JudgedDevice| device.expected.as_ref().is_some_and(|e| !e.is_told);
    let healthy = devices.iter().filter(|device| device.expected.is_none());
    let failing: Vec<&JudgedDevice> = devices.iter().filter(told).collect();
    let right: Vec<&JudgedDevice> = failing.iter().copied().filter(|d| d.is_right()).collect();
    let with_culprit = right.iter().filter(|device| device.names_culprit());
    let culprit_named = with_culprit.clone().count();
    let culprit_right = with_culprit
        .filter(|device| device.culprit_is_right())
        .count();
    let unknown = failing
        .iter()
        .filter(|device| !device.is_right() && device.got() == Some(UNKNOWN))
        .count();
    let pairs: Vec<(&str, String)> = failing.iter().filter_map(|d| d.clusters()).collect();
    let distinct = |names: Vec<&str>| {
        names
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    Evaluation {
        devices: devices.len(),
        healthy: healthy.clone().count(),
        false_alarms: healthy.filter(|device| device.verdict.is_some()).count(),
        failing: failing.len(),
        cause_right: right.len(),
        cause_accuracy: ratio(right.len(), failing.len()),
        culprit_named,
        culprit_right,
        culprit_accuracy: ratio(culprit_right, culprit_named),
        unknown,
        unknown_share: ratio(unknown, failing.len()),
        missed: failing.iter().filter(|d| d.verdict.is_none()).count(),
        untold: devices.iter().filter(untold).count(),
        untold_wrong: devices
            .iter()
            .filter(untold)
            .filter(|d| d.is_wrong())
            .count(),
        untold_doubtful: devices
            .iter()
            .filter(untold)
            .filter(|d| d.has_wrong_cause() && !d.is_wrong())
            .count(),
        clusters_expected: distinct(pairs.iter().map(|(expected, _)| *expected).collect()),
        clusters_found: distinct(pairs.iter().map(|(_, found)| found.as_str()).collect()),
        bcubed: bcubed(
            pairs
                .iter()
                .map(|(expected, found)| (*expected, found.as_str())),
        ),
        causes: cause_scores(&failing),
        confusions: devices
            .iter()
            .filter(|device| device.is_wrong())
            .map(JudgedDevice::confusion)
            .collect(),
        culprits_missed: right
            .iter()
            .filter(|device| device.names_culprit() && !device.culprit_is_right())
            .map(|device| device.confusion())
            .collect(),
    }
}

impl JudgedDevice {
    fn got(&self) -> Option<&str> {
        self.verdict.as_ref().map(|verdict| verdict.cause.as_str())
    }

    fn is_right(&self) -> bool {
        self.got()
            == self
                .expected
                .as_ref()
                .map(|expected| expected.cause.as_str())
    }

    /// Wrong is another cause, no diagnosis where the logs tell one, or any diagnosis of a healthy
    /// device. Where the logs do not tell the cause, only what is stated is wrong.
    fn is_wrong(&self) -> bool {
        if self.expected.as_ref().is_some_and(|e| !e.is_told) {
            let is_stated = self
                .verdict
                .as_ref()
                .is_some_and(|v| v.confidence >= STATED);
            return is_stated && self.has_wrong_cause();
        }
        !self.is_right()
    }

    fn has_wrong_cause(&self) -> bool {
        !self.is_right() && self.got().is_some_and(|got| got != UNKNOWN)
    }

    fn names_culprit(&self) -> bool {
        self.expected
            .as_ref()
            .is_some_and(|expected| expected.culprit.is_some())
    }

    fn culprit_is_right(&self) -> bool {
        let expected = self.expected.as_ref().and_then(|e| e.culprit.as_deref());
        let got = self.verdict.as_ref().and_then(|v| v.culprit.as_deref());
        match (expected, got) {
            (Some(expected), Some(got)) => same_culprit(expected, got),
            _ => false,
        }
    }

    /// Cluster in truth and cluster found.
    fn clusters(&self) -> Option<(&str, String)> {
        let expected = self.expected.as_ref()?;
        let found = self.verdict.as_ref().map_or_else(
            || format!("no diagnosis of {}", self.device_id),
            |verdict| verdict.cluster.clone(),
        );
        Some((&expected.cluster, found))
    }

    fn confusion(&self) -> Confusion {
        let with = |cause: &str, culprit: Option<&str>| match culprit {
            Some(culprit) => format!("{cause} ({culprit})"),
            None => cause.to_owned(),
        };
        Confusion {
            device_id: self.device_id.clone(),
            kind: self.kind.clone(),
            expected: self.expected.as_ref().map_or_else(
                || "healthy".to_owned(),
                |e| with(&e.cause, e.culprit.as_deref()),
            ),
            got: self.verdict.as_ref().map_or_else(
                || "no diagnosis".to_owned(),
                |v| with(&v.cause, v.culprit.as_deref()),
            ),
            evidence: self
                .verdict
                .as_ref()
                .map(|verdict| verdict.evidence.clone())
                .unwrap_or_default(),
        }
    }
}

/// Two spellings of one culprit: equal as clusters compare them, or one names the other in full.
fn same_culprit(expected: &str, got: &str) -> bool {
    let (expected, got) = (culprit_key(expected), culprit_key(got));
    expected == got
        || (expected.len().min(got.len()) >= 6
            && (expected.contains(&got) || got.contains(&expected)))
}

fn cause_scores(failing: &[&JudgedDevice]) -> Vec<CauseScore> {
    let mut counts: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for device in failing {
        if let Some(expected) = &device.expected {
            counts.entry(&expected.cause).or_default().0 += 1;
        }
        if let Some(got) = device.got() {
            let count = counts.entry(got).or_default();
            count.1 += 1;
            count.2 += usize::from(device.is_right());
        }
    }
    counts
        .into_iter()
        .map(|(cause, (expected, diagnosed, right))| CauseScore {
            cause: cause.to_owned(),
            expected,
            diagnosed,
            right,
            precision: ratio(right, diagnosed),
            recall: ratio(right, expected),
        })
        .collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of devices, far below 2^52"
)]
fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
