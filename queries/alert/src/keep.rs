//! Alerts and notifications in the store: what a restart goes on from.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use patchlens_queries::{Param, Store};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Result;
use crate::evaluate::store_time;
use crate::rule::Severity;
use crate::state::{Alert, Alerts, State};
use crate::text::Bilingual;

/// What a sink was told: an alert, when it began, and its state.
pub type Told = (String, Timestamp, State);

/// How many alerts are read: more than this many at once help nobody.
const ALERTS_MAX: u32 = 20_000;
/// A parameter is one field of a form, which the store bounds.
const IDS_PER_QUERY: usize = 500;

#[derive(Deserialize)]
struct AlertRow {
    alert_id: String,
    rule: String,
    title_en: String,
    title_zh: String,
    severity: Severity,
    state: State,
    labels: BTreeMap<String, String>,
    devices: u64,
    sample_devices: Vec<String>,
    expected: Option<f64>,
    p_value: Option<f64>,
    summary: String,
    summary_zh: String,
    explanation_en: String,
    explanation_zh: String,
    link: String,
    times_raised: u32,
    quiet_evaluations: u32,
    started_us: i64,
    found_us: i64,
    ended_us: Option<i64>,
    updated_us: i64,
}

/// Reads all alerts; those that ended longest ago are left out when there are too many.
///
/// # Errors
/// When the store does not answer.
pub async fn load_alerts(store: &Store) -> Result<Alerts> {
    let limit = format!("ORDER BY state = 'Active' DESC, updated_at DESC LIMIT {ALERTS_MAX}");
    read_alerts(store, &limit, &[]).await
}

/// Reads the alerts with these ids, as many of them as there are.
///
/// # Errors
/// When the store does not answer.
pub async fn load_alerts_of(store: &Store, ids: &[String]) -> Result<Alerts> {
    let mut alerts = Alerts::new();
    for chunk in ids.chunks(IDS_PER_QUERY) {
        let params = [("ids", Param::Texts(chunk.to_vec()))];
        alerts.extend(read_alerts(store, "WHERE alert_id IN {ids:Array(String)}", &params).await?);
    }
    Ok(alerts)
}

/// `which` are the clauses behind `FROM`.
async fn read_alerts(store: &Store, which: &str, params: &[(&str, Param)]) -> Result<Alerts> {
    let sql = format!(
        "SELECT alert_id, rule, title_en, title_zh, severity, state, labels, devices, sample_devices, expected, p_value,
            summary, summary_zh, explanation_en, explanation_zh, link, times_raised, quiet_evaluations,
            toUnixTimestamp64Micro(started_at) AS started_us, toUnixTimestamp64Micro(ifNull(found_at, started_at)) AS found_us,
            toUnixTimestamp64Micro(ended_at) AS ended_us, toUnixTimestamp64Micro(updated_at) AS updated_us
        FROM alert FINAL
        {which}"
    );
    let rows: Vec<AlertRow> = store.query_json("read the alerts", &sql, params).await?;
    Ok(rows
        .into_iter()
        .map(AlertRow::into_alert)
        .map(|alert| (alert.alert_id.clone(), alert))
        .collect())
}

impl AlertRow {
    fn into_alert(self) -> Alert {
        Alert {
            alert_id: self.alert_id,
            rule: self.rule,
            title: Bilingual {
                en: self.title_en,
                zh: self.title_zh,
            },
            severity: self.severity,
            state: self.state,
            labels: self.labels,
            devices: self.devices,
            sample_devices: self.sample_devices,
            expected: self.expected,
            p_value: self.p_value,
            summary: Bilingual {
                en: self.summary,
                zh: self.summary_zh,
            },
            explanation: Bilingual {
                en: self.explanation_en,
                zh: self.explanation_zh,
            },
            link: self.link,
            times_raised: self.times_raised,
            quiet_evaluations: self.quiet_evaluations,
            started_at: time(self.started_us),
            found_at: time(self.found_us),
            ended_at: self.ended_us.map(time),
            updated_at: time(self.updated_us),
        }
    }
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

/// Writes alerts, in one insert. The same call made again is right.
///
/// # Errors
/// When the store refuses or does not answer.
pub async fn save_alerts<'a>(store: &Store, alerts: impl Iterator<Item = &'a Alert>) -> Result<()> {
    const COLUMNS: [&str; 25] = [
        "alert_id",
        "rule",
        "title_en",
        "title_zh",
        "severity",
        "state",
        "labels",
        "rollout_id",
        "ring",
        "cluster_key",
        "error_code",
        "devices",
        "sample_devices",
        "expected",
        "p_value",
        "summary",
        "summary_zh",
        "explanation_en",
        "explanation_zh",
        "link",
        "times_raised",
        "quiet_evaluations",
        "started_at",
        "found_at",
        "ended_at",
    ];
    let rows: Vec<Value> = alerts.map(row).collect();
    let mut columns = COLUMNS.to_vec();
    columns.push("updated_at");
    store.insert_json_rows("alert", &columns, &rows).await?;
    Ok(())
}

fn row(alert: &Alert) -> Value {
    let label = |name: &str| alert.labels.get(name).map_or("", String::as_str);
    let code = label("error_code")
        .strip_prefix("0x")
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    json!({
        "alert_id": alert.alert_id,
        "rule": alert.rule,
        "title_en": alert.title.en,
        "title_zh": alert.title.zh,
        "severity": alert.severity.as_str(),
        "state": alert.state.as_str(),
        "labels": alert.labels,
        "rollout_id": label("rollout_id"),
        "ring": label("ring"),
        "cluster_key": label("cluster_key"),
        "error_code": code,
        "devices": u32::try_from(alert.devices).unwrap_or(u32::MAX),
        "sample_devices": alert.sample_devices,
        "expected": alert.expected,
        "p_value": alert.p_value,
        "summary": alert.summary.en,
        "summary_zh": alert.summary.zh,
        "explanation_en": alert.explanation.en,
        "explanation_zh": alert.explanation.zh,
        "link": alert.link,
        "times_raised": alert.times_raised,
        "quiet_evaluations": alert.quiet_evaluations,
        "started_at": store_time(alert.started_at),
        "found_at": store_time(alert.found_at),
        "ended_at": alert.ended_at.map(store_time),
        "updated_at": store_time(alert.updated_at),
    })
}

/// Reads what a sink has taken of some alerts, of all times that they were raised.
///
/// # Errors
/// When the store does not answer.
pub async fn load_told(store: &Store, sink: &str, ids: &[String]) -> Result<BTreeSet<Told>> {
    #[derive(Deserialize)]
    struct Row {
        alert_id: String,
        started_us: i64,
        state: State,
    }
    let sql = "SELECT alert_id, toUnixTimestamp64Micro(started_at) AS started_us, state FROM alert_notification FINAL
        WHERE alert_id IN {ids:Array(String)} AND sink = {sink:String} AND delivered_at IS NOT NULL";
    let mut told = BTreeSet::new();
    for chunk in ids.chunks(IDS_PER_QUERY) {
        let params = [
            ("ids", Param::Texts(chunk.to_vec())),
            ("sink", Param::from(sink)),
        ];
        let rows: Vec<Row> = store
            .query_json("read what a sink was told", sql, &params)
            .await?;
        told.extend(
            rows.into_iter()
                .map(|row| (row.alert_id, time(row.started_us), row.state)),
        );
    }
    Ok(told)
}

/// How telling a sink went.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// What was told.
    pub told: Told,
    /// When the sink took it; `None` when it did not.
    pub delivered_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error: String,
}

/// Writes how telling a sink went.
///
/// # Errors
/// When the store refuses or does not answer.
pub async fn save_notifications(
    store: &Store,
    sink: &str,
    notifications: &[Notification],
    now: Timestamp,
) -> Result<()> {
    let rows: Vec<Value> = notifications
        .iter()
        .map(|notification| {
            let (alert_id, started_at, state) = &notification.told;
            json!({
                "alert_id": alert_id,
                "started_at": store_time(*started_at),
                "state": state.as_str(),
                "sink": sink,
                "delivered_at": notification.delivered_at.map(store_time),
                "attempts": notification.attempts,
                "error": notification.error,
                "updated_at": store_time(now),
            })
        })
        .collect();
    let columns = [
        "alert_id",
        "started_at",
        "state",
        "sink",
        "delivered_at",
        "attempts",
        "error",
        "updated_at",
    ];
    store
        .insert_json_rows("alert_notification", &columns, &rows)
        .await?;
    Ok(())
}
