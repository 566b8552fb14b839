//! The past, step by step: what would have been raised, when and why.

use jiff::{SignedDuration, Timestamp};
use patchlens_queries::Store;
use schemars::JsonSchema;
use serde::Serialize;

use crate::evaluate::{Moment, evaluate, has_reports};
use crate::rule::Rule;
use crate::state::{Alert, Alerts, State, advance};
use crate::{Error, Result};

/// More steps than this are a mistake in the arguments.
pub const STEPS_MAX: usize = 20_000;

/// An alert that was raised or ended.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// When, by the time of the data.
    pub at: String,
    /// What it is since then.
    pub state: State,
    /// The alert's identity.
    pub alert_id: String,
    /// The rule.
    pub rule: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// What makes it this alert.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Devices concerned.
    pub devices: u64,
    /// What is wrong, in English.
    pub summary_en: String,
    /// What is wrong, in Chinese.
    pub summary_zh: String,
    /// Why, in English.
    pub explanation_en: String,
    /// Why, in Chinese.
    pub explanation_zh: String,
}

impl Change {
    fn of(alert: &Alert, at: Timestamp) -> Self {
        Self {
            at: at.to_string(),
            state: alert.state,
            alert_id: alert.alert_id.clone(),
            rule: alert.rule.clone(),
            severity: alert.severity.as_str().to_owned(),
            labels: alert.labels.clone(),
            devices: alert.devices,
            summary_en: alert.summary.en.clone(),
            summary_zh: alert.summary.zh.clone(),
            explanation_en: alert.explanation.en.clone(),
            explanation_zh: alert.explanation.zh.clone(),
        }
    }
}

/// The moments of a back-test.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The first.
    pub from: Timestamp,
    /// The last, if a step meets it.
    pub to: Timestamp,
    /// Between two.
    pub step: SignedDuration,
}

impl Span {
    /// Returns the moments.
    ///
    /// # Errors
    /// When there are none, or too many.
    pub fn moments(&self) -> std::result::Result<Vec<Timestamp>, String> {
        if self.step <= SignedDuration::ZERO {
            return Err("the step must be longer than nothing".to_owned());
        }
        if self.to < self.from {
            return Err("the end lies before the beginning".to_owned());
        }
        let mut moments = Vec::new();
        let mut at = self.from;
        while at <= self.to {
            if moments.len() == STEPS_MAX {
                return Err(format!(
                    "there are more than {STEPS_MAX} steps; take a longer one"
                ));
            }
            moments.push(at);
            let Ok(next) = at.checked_add(self.step) else {
                break;
            };
            at = next;
        }
        Ok(moments)
    }
}

/// Runs the rules over the past. Nothing is written and nobody is told.
///
/// What had happened by a moment counts, whenever it reached the store. Both clocks are the moment.
///
/// # Input
/// `progress` is called before each step with its number and the number of steps.
///
/// # Output
/// What was raised and what ended, in order, and the alerts at the end.
///
/// # Errors
/// When a rule cannot be evaluated: a back-test that leaves rules out would be wrong without saying so.
pub async fn back_test(
    store: &Store,
    rules: &[Rule],
    span: Span,
    mut progress: impl FnMut(usize, usize),
) -> Result<(Vec<Change>, Alerts)> {
    let moments = span.moments().map_err(|problem| Error::Span { problem })?;
    let has_reports = has_reports(store).await?;
    let (mut alerts, mut changes) = (Alerts::new(), Vec::new());
    for (index, at) in moments.iter().enumerate() {
        progress(index + 1, moments.len());
        let mut findings = Vec::new();
        for rule in rules {
            findings.push((
                rule,
                evaluate(
                    store,
                    rule,
                    Moment {
                        as_of: has_reports.then_some(*at),
                        now: *at,
                    },
                )
                .await?,
            ));
        }
        let before: std::collections::BTreeMap<String, State> = alerts
            .iter()
            .map(|(id, alert)| (id.clone(), alert.state))
            .collect();
        for id in advance(&mut alerts, rules, findings, *at, *at) {
            if let Some(alert) = alerts
                .get(&id)
                .filter(|alert| before.get(&id) != Some(&alert.state))
            {
                changes.push(Change::of(alert, *at));
            }
        }
    }
    Ok((changes, alerts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: &str, to: &str, step: SignedDuration) -> Span {
        Span {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            step,
        }
    }

    #[test]
    fn steps_include_both_ends_and_are_bounded() {
        let day = span(
            "2024-08-13T00:00:00Z",
            "2024-08-14T00:00:00Z",
            SignedDuration::from_hours(6),
        );
        assert_eq!(day.moments().unwrap().len(), 5);
        for (from, to, step, named) in [
            (
                "2024-08-14T00:00:00Z",
                "2024-08-13T00:00:00Z",
                SignedDuration::from_hours(1),
                "before",
            ),
            (
                "2024-08-13T00:00:00Z",
                "2024-08-14T00:00:00Z",
                SignedDuration::ZERO,
                "step",
            ),
            (
                "2024-01-01T00:00:00Z",
                "2025-01-01T00:00:00Z",
                SignedDuration::from_secs(1),
                "more than",
            ),
        ] {
            let problem = span(from, to, step).moments().unwrap_err();
            assert!(problem.contains(named), "{problem}");
        }
    }
}
