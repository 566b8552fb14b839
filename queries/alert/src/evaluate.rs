//! Asks the store what a rule finds. "Now" is an argument: the service, `--once` and a back-test run this same code.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use patchlens_queries::case::Language;
use patchlens_queries::{Param, Store, names};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::rule::{Rule, TestKind};
use crate::tail::{binomial_at_least, poisson_at_least};
use crate::text::{self, Bilingual};
use crate::{Error, Result};

/// More new alerts of one rule than this tell nobody anything: of what is found beyond the largest, only what was
/// raised before goes on (see [`crate::state::advance`]).
pub const FINDINGS_MAX: usize = 200;
/// Devices that are named in an alert.
const SAMPLE_MAX: usize = 10;
/// A rule that takes longer is no use as an alert.
const EVALUATION_MAX: Duration = Duration::from_secs(30);

/// The two clocks of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Up to when the data counts: what is later is not seen. Logs are often analysed later than they were
    /// written, so the service takes the newest report of any device, which a quiet store does not move.
    /// `None` when nothing has reported yet: rules about data find nothing then.
    pub as_of: Option<Timestamp>,
    /// The time on the wall, for rules about the pipeline itself.
    pub now: Timestamp,
}

impl Moment {
    /// The time that findings are of: the data's, or the clock's while there are no data.
    pub fn time(&self) -> Timestamp {
        self.as_of.unwrap_or(self.now)
    }
}

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What makes it this alert: the rule's name as `alertname`, and the columns that the rule names.
    pub labels: BTreeMap<String, String>,
    /// Devices concerned.
    pub devices: u64,
    /// Some of them.
    pub sample_devices: Vec<String>,
    /// What would be expected.
    pub expected: Option<f64>,
    /// How likely so many are by chance, times what was tried.
    pub p_value: Option<f64>,
    /// What is wrong.
    pub summary: Bilingual,
    /// Why.
    pub explanation: Bilingual,
    /// Path in the dashboards.
    pub link: String,
}

/// Evaluates one rule.
///
/// # Output
/// All of it, the one with most devices first; nothing when the rule is about data and there are none.
///
/// # Errors
/// When the store refuses the statement, does not answer in time, or the answer lacks a column.
pub async fn evaluate(store: &Store, rule: &Rule, moment: Moment) -> Result<Vec<Finding>> {
    if moment.as_of.is_none() && rule.is_about_data() {
        return Ok(Vec::new());
    }
    let mut params: Vec<(&str, Param)> = vec![
        ("as_of", store_time(moment.time()).into()),
        ("now", store_time(moment.now).into()),
    ];
    for (name, value) in &rule.thresholds {
        params.push((name, value.to_string().into()));
    }
    let doing = format!("evaluate the alert rule {}", rule.name);
    let asked = store.query_json::<Map<String, Value>>(&doing, &rule.sql, &params);
    let failed = |source| Error::Evaluate {
        rule: rule.name.clone(),
        file: rule.file.clone(),
        source: Box::new(source),
    };
    let Ok(answer) = tokio::time::timeout(EVALUATION_MAX, asked).await else {
        return Err(wrong(
            rule,
            format!("did not come within {} s", EVALUATION_MAX.as_secs()),
        ));
    };
    findings(rule, answer.map_err(failed)?)
}

/// Makes findings of the rows of an answer.
fn findings(rule: &Rule, rows: Vec<Map<String, Value>>) -> Result<Vec<Finding>> {
    let rows_given = rows.len();
    let mut found = Vec::new();
    for mut row in rows {
        let tested = test(rule, &mut row, rows_given)?;
        if tested
            .is_some_and(|(_, p_value)| rule.test.is_some_and(|test| p_value > test.p_value_max))
        {
            continue;
        }
        name_cause(&mut row);
        found.push(finding(rule, &row, tested)?);
    }
    found.sort_by(|a, b| {
        b.devices
            .cmp(&a.devices)
            .then_with(|| a.labels.cmp(&b.labels))
    });
    // Two rows with the same labels are the same alert; the larger one speaks.
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|finding| seen.insert(finding.labels.clone()));
    if found.len() > FINDINGS_MAX {
        tracing::warn!(
            rule = rule.name,
            found = found.len(),
            raised_at_most = FINDINGS_MAX,
            "a rule finds too much: beyond the largest, nothing new is raised"
        );
    }
    Ok(found)
}

/// Expectation and chance of a row; both are put into the row, for the sentences.
fn test(
    rule: &Rule,
    row: &mut Map<String, Value>,
    rows_given: usize,
) -> Result<Option<(f64, f64)>> {
    let Some(test) = rule.test else {
        return Ok(None);
    };
    let number = |name: &str| {
        row.get(name)
            .and_then(Value::as_f64)
            .filter(|number| *number >= 0.0)
            .ok_or_else(|| {
                wrong(
                    rule,
                    format!("has no number in the column {name}, which its test reads"),
                )
            })
    };
    let (expected, chance) = match test.kind {
        TestKind::Binomial => {
            let (observed, trials) = (number("observed")?, number("trials")?);
            // Laplace's rule: a reference that never saw it does not prove that it cannot be.
            let rate = (number("reference_observed")? + 1.0) / (number("reference_trials")? + 2.0);
            let rate = rate.min(1.0);
            (
                trials * rate,
                binomial_at_least(whole(observed), whole(trials), rate),
            )
        }
        TestKind::Poisson => {
            let expected = number("expected")?;
            (
                expected,
                poisson_at_least(whole(number("observed")?), expected),
            )
        }
    };
    // What is looked at often enough happens by chance: rows that the statement compared and left out count too.
    #[expect(clippy::cast_precision_loss, reason = "a count of rows")]
    let compared = row
        .get("compared")
        .and_then(Value::as_f64)
        .unwrap_or_default()
        .max(rows_given as f64);
    let p_value = (chance * compared).min(1.0);
    row.insert("expected".to_owned(), expected.into());
    row.insert("p_value".to_owned(), p_value.into());
    Ok(Some((expected, p_value)))
}

/// The widest culprit in a sentence: enough for a package and its version, or for the end of a path.
const CULPRIT_CHARS: usize = 60;

/// Puts the cause's names beside its id, and what of the culprit tells it apart beside the culprit, for the sentences.
fn name_cause(row: &mut Map<String, Value>) {
    if let Some(culprit) = row.get("culprit").and_then(Value::as_str) {
        let short = names::shortened(culprit, CULPRIT_CHARS);
        row.entry("culprit_short").or_insert_with(|| short.into());
    }
    let Some(cause) = row.get("cause").and_then(Value::as_str).map(str::to_owned) else {
        return;
    };
    for (column, name) in [
        ("cause_en", names::cause_name(&cause, Language::En)),
        ("cause_zh", names::cause_name(&cause, Language::Zh)),
    ] {
        row.entry(column).or_insert_with(|| name.into());
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be no less than 0; counts of devices"
)]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

fn finding(rule: &Rule, row: &Map<String, Value>, tested: Option<(f64, f64)>) -> Result<Finding> {
    #[derive(Deserialize)]
    struct Common {
        devices: u64,
        #[serde(default)]
        sample_devices: Vec<String>,
        #[serde(default)]
        expected: Option<f64>,
    }
    let common: Common = serde_json::from_value(Value::Object(row.clone())).map_err(|error| {
        wrong(rule, format!("must have the column devices (a whole number), and may have sample_devices (Array(String)) and expected (a number): {error}"))
    })?;
    let mut labels = BTreeMap::from([("alertname".to_owned(), rule.name.clone())]);
    for label in &rule.labels {
        let value = match row.get(label) {
            // Whole: what differs only at its end is another alert.
            Some(Value::String(text)) => text::without_controls(text),
            Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
            None => {
                return Err(wrong(
                    rule,
                    format!("has no column {label}, which is one of its labels"),
                ));
            }
        };
        // Alertmanager takes an empty label for a missing one.
        if !value.is_empty() {
            labels.insert(label.clone(), value);
        }
    }
    let templates = [&rule.summary, &rule.explanation];
    let sentences = templates
        .into_iter()
        .flat_map(|texts| [&texts.en, &texts.zh])
        .chain([&rule.link]);
    for sentence in sentences {
        if let Some(gap) = text::gaps(sentence)
            .into_iter()
            .find(|gap| !row.contains_key(*gap))
        {
            return Err(wrong(
                rule,
                format!("has no column {gap}, which one of its sentences names"),
            ));
        }
    }
    let mut sample_devices = common.sample_devices;
    sample_devices.truncate(SAMPLE_MAX);
    Ok(Finding {
        labels,
        devices: common.devices,
        sample_devices: sample_devices
            .iter()
            .map(|device| text::without_controls(device))
            .collect(),
        expected: tested.map(|(expected, _)| expected).or(common.expected),
        p_value: tested.map(|(_, p_value)| p_value),
        summary: rule.summary.fill(row),
        explanation: rule.explanation.fill(row),
        link: text::fill(&rule.link, row),
    })
}

fn wrong(rule: &Rule, problem: String) -> Error {
    Error::Answer {
        rule: rule.name.clone(),
        file: rule.file.clone(),
        problem,
    }
}

/// A time as the store reads it: UTC, without a zone letter.
pub(crate) fn store_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// Up to when the store's data reaches: the newest report of any device, but no later than `now`; `None` while no
/// device has reported.
///
/// # Errors
/// When the store does not answer.
pub async fn data_time(store: &Store, now: Timestamp) -> Result<Option<Timestamp>> {
    #[derive(Deserialize)]
    struct Newest {
        micros: i64,
    }
    let sql = "SELECT toInt64(toUnixTimestamp64Micro(max(last_seen_at))) AS micros FROM device WHERE last_seen_at <= {now:DateTime64(6, 'UTC')}";
    let rows: Vec<Newest> = store
        .query_json(
            "read the time of the newest report",
            sql,
            &[("now", store_time(now).into())],
        )
        .await?;
    let micros = rows.first().map_or(0, |row| row.micros);
    Ok((micros > 0).then(|| Timestamp::from_microsecond(micros).unwrap_or(now)))
}

/// Whether any device has reported, at whatever time: a look at the past needs data as much as one at today.
///
/// # Errors
/// When the store does not answer.
pub async fn has_reports(store: &Store) -> Result<bool> {
    #[derive(Deserialize)]
    struct Reports {
        any: u8,
    }
    let sql = "SELECT count() > 0 AS any FROM (SELECT 1 FROM device LIMIT 1)";
    let rows: Vec<Reports> = store
        .query_json("look whether any device has reported", sql, &[])
        .await?;
    Ok(rows.first().is_some_and(|row| row.any > 0))
}

#[cfg(test)]
mod tests;
