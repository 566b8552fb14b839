//! From findings to alerts: raised once, kept while found, resolved when quiet for long enough.
//!
//! Pure: what was known and what was found in, what changed out. A restart loses nothing, because everything that
//! decides is in the row that the store keeps.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evaluate::{FINDINGS_MAX, Finding};
use crate::rule::{Rule, Severity};
use crate::text::Bilingual;

/// Where an alert stands, in the words of Microsoft's update reports.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum State {
    /// It is the case.
    Active,
    /// It is no longer the case.
    Resolved,
    /// Its rule is gone: nobody looks whether it is the case.
    Deleted,
}

impl State {
    /// As the store and everybody else spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Resolved => "Resolved",
            Self::Deleted => "Deleted",
        }
    }
}

/// One alert: a row of the table `alert`.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Hash over rule and labels.
    pub alert_id: String,
    /// The rule.
    pub rule: String,
    /// What the rule is called.
    pub title: Bilingual,
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands.
    pub state: State,
    /// What makes it this alert.
    pub labels: BTreeMap<String, String>,
    /// Devices concerned when it was found last.
    pub devices: u64,
    /// Some of them.
    pub sample_devices: Vec<String>,
    /// What would be expected.
    pub expected: Option<f64>,
    /// How likely so many are by chance.
    pub p_value: Option<f64>,
    /// What is wrong.
    pub summary: Bilingual,
    /// Why it was raised.
    pub explanation: Bilingual,
    /// Path in the dashboards.
    pub link: String,
    /// How often it was raised.
    pub times_raised: u32,
    /// Evaluations in a row that did not find it.
    pub quiet_evaluations: u32,
    /// When it was found first, by the time of the data.
    pub started_at: Timestamp,
    /// When it was found last, by the time of the data.
    pub found_at: Timestamp,
    /// When it ended, by the time of the data.
    pub ended_at: Option<Timestamp>,
    /// When it changed last, by the clock on the wall.
    pub updated_at: Timestamp,
}

/// All alerts that are known, by id.
pub type Alerts = BTreeMap<String, Alert>;

/// What one evaluation gave: for every rule that could be evaluated, what it found.
pub type Findings<'a> = Vec<(&'a Rule, Vec<Finding>)>;

/// The identity of an alert: the same rule and labels are the same alert for ever.
pub fn alert_id(labels: &BTreeMap<String, String>) -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, value) in labels {
        // Lengths, so that no other split of the same text gives the same bytes.
        for part in [name, value] {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

/// Takes an evaluation over into what is known.
///
/// # Input
/// `findings` has an entry for each rule that could be evaluated, the largest first: alerts of the others stay as
/// they are. Beyond the first [`FINDINGS_MAX`] of a rule, active alerts go on and none are raised. `rules` are all
/// there are: an alert of any other is deleted.
///
/// # Output
/// Ids of the alerts that changed, in any way.
pub fn advance(
    known: &mut Alerts,
    rules: &[Rule],
    findings: Findings<'_>,
    as_of: Timestamp,
    now: Timestamp,
) -> Vec<String> {
    let mut changed = Vec::new();
    let mut found = BTreeSet::new();
    let mut quiet_allowed = BTreeMap::new();
    for (rule, of_rule) in findings {
        quiet_allowed.insert(rule.name.clone(), rule.resolve_after);
        for (rank, finding) in of_rule.into_iter().enumerate() {
            let id = alert_id(&finding.labels);
            let is_active = known
                .get(&id)
                .is_some_and(|alert| alert.state == State::Active);
            if rank >= FINDINGS_MAX && !is_active {
                continue;
            }
            found.insert(id.clone());
            let alert = found_again(known.get(&id), &id, rule, finding, as_of, now);
            if known.get(&id) != Some(&alert) {
                known.insert(
                    id.clone(),
                    Alert {
                        updated_at: now,
                        ..alert
                    },
                );
                changed.push(id);
            }
        }
    }
    for alert in known
        .values_mut()
        .filter(|alert| alert.state == State::Active)
    {
        if rules.iter().all(|rule| rule.name != alert.rule) {
            alert.state = State::Deleted;
            alert.ended_at = Some(as_of.max(alert.started_at));
        } else if let Some(allowed) = quiet_allowed
            .get(&alert.rule)
            .filter(|_| !found.contains(&alert.alert_id))
        {
            alert.quiet_evaluations = alert.quiet_evaluations.saturating_add(1);
            if alert.quiet_evaluations >= *allowed {
                alert.state = State::Resolved;
                alert.ended_at = Some(as_of.max(alert.started_at));
            }
        } else {
            continue;
        }
        alert.updated_at = now;
        changed.push(alert.alert_id.clone());
    }
    changed
}

/// The alert of a finding: the known one with what was found now, or one that begins.
fn found_again(
    known: Option<&Alert>,
    id: &str,
    rule: &Rule,
    finding: Finding,
    as_of: Timestamp,
    now: Timestamp,
) -> Alert {
    let active = known.filter(|alert| alert.state == State::Active);
    // Telling "found again" for every evaluation would write a row for each: the time of finding moves only with
    // what was found.
    let same = active.filter(|alert| {
        alert.devices == finding.devices
            && alert.sample_devices == finding.sample_devices
            && alert.explanation == finding.explanation
            && alert.quiet_evaluations == 0
    });
    let started_at = match (active, known) {
        (Some(active), _) => active.started_at,
        (None, Some(ended)) => after(ended, as_of),
        (None, None) => as_of,
    };
    Alert {
        alert_id: id.to_owned(),
        rule: rule.name.clone(),
        title: rule.title.clone(),
        severity: rule.severity,
        state: State::Active,
        labels: finding.labels,
        devices: finding.devices,
        sample_devices: finding.sample_devices,
        expected: finding.expected,
        p_value: finding.p_value,
        summary: finding.summary,
        explanation: finding.explanation,
        link: finding.link,
        times_raised: active.map_or_else(
            || known.map_or(1, |alert| alert.times_raised.saturating_add(1)),
            |alert| alert.times_raised,
        ),
        quiet_evaluations: 0,
        started_at,
        found_at: same.map_or(as_of.max(started_at), |alert| alert.found_at),
        ended_at: None,
        updated_at: active.map_or(now, |alert| alert.updated_at),
    }
}

/// When an alert that had ended begins again. Sinks know a beginning by its time, and the data's time may stand
/// still between two: the new one is later than all that was told of the old.
fn after(ended: &Alert, as_of: Timestamp) -> Timestamp {
    let last = ended.ended_at.unwrap_or(ended.started_at);
    let next = last
        .max(ended.started_at)
        .checked_add(SignedDuration::from_micros(1))
        .unwrap_or(last);
    as_of.max(next)
}

#[cfg(test)]
mod tests;
