//! Wiring of the alerts: rules, service, and what commands print of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::SignedDuration;
use patchlens_alert::history::Span;
use patchlens_alert::rule::{self, Rule};
use patchlens_alert::service::{Options, Service};
use patchlens_alert::sink::Pace;
use patchlens_alert::state::{Alert, State};
use patchlens_alert::{Metrics, keep};
use patchlens_queries::Store;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::services::now;

/// The rules: the built-in ones and those of a directory, the flag's or the settings'.
pub(crate) fn rules(config: &Config, directory: Option<&Path>) -> anyhow::Result<Vec<Rule>> {
    let configured = config.alert.rules_dir.as_path();
    let directory =
        directory.or_else(|| (!configured.as_os_str().is_empty()).then_some(configured));
    Ok(rule::load(directory)?)
}

/// The service, not yet running.
pub(crate) fn service(
    config: &Config,
    rules_dir: Option<&Path>,
    store: Store,
    metrics: Arc<Metrics>,
) -> anyhow::Result<Service> {
    let options = Options {
        rules: rules(config, rules_dir)?,
        interval: Duration::from_secs(config.alert.interval_seconds),
        pace: Pace::default(),
        clock: now(),
    };
    Ok(Service::new(store, options, metrics))
}

/// Steps of a replay, and how far back it goes at most.
const REPLAY_STEP: SignedDuration = SignedDuration::from_hours(24);
const REPLAY_DAYS_MAX: i64 = 60;

/// Goes through the current rollout's past day by day, so that data loaded as a whole has the alerts
/// that it would have had.
pub(crate) async fn replay(config: &Config, store: &Store) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Times {
        started_us: Option<i64>,
        newest_us: i64,
    }
    let sql = "SELECT
            (SELECT toUnixTimestamp64Micro(begins_at) FROM current_rollout) AS started_us,
            toUnixTimestamp64Micro(max(last_seen_at)) AS newest_us
        FROM device";
    let times: Vec<Times> = store
        .query_json("read the span of the data", sql, &[])
        .await?;
    let Some((started, newest)) = times
        .first()
        .and_then(|times| Some((times.started_us?, times.newest_us)))
    else {
        return Ok(());
    };
    let to = jiff::Timestamp::from_microsecond(newest)?;
    let from = jiff::Timestamp::from_microsecond(started)?;
    let earliest = to.checked_sub(SignedDuration::from_hours(24 * REPLAY_DAYS_MAX))?;
    if from > to {
        return Ok(());
    }
    let mut service = service(config, None, store.clone(), Arc::default())?;
    let span = Span {
        from: from.max(earliest),
        to,
        step: REPLAY_STEP,
    };
    Ok(service.replay(span).await?)
}

/// An alert as commands print it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub(crate) struct ActiveAlert {
    /// Identity: the same condition has the same id for ever.
    pub(crate) alert_id: String,
    /// The rule.
    pub(crate) rule: String,
    /// `info`, `warning` or `critical`.
    pub(crate) severity: String,
    /// Where it stands.
    pub(crate) state: State,
    /// What makes it this alert.
    pub(crate) labels: std::collections::BTreeMap<String, String>,
    /// Devices concerned.
    pub(crate) devices: u64,
    /// Some of them.
    pub(crate) sample_devices: Vec<String>,
    /// What would be expected; null where the rule expects no number.
    pub(crate) expected: Option<f64>,
    /// How likely so many are by chance; null where the rule makes no test.
    pub(crate) p_value: Option<f64>,
    /// What is wrong, in English.
    pub(crate) summary_en: String,
    /// What is wrong, in Chinese.
    pub(crate) summary_zh: String,
    /// Why, in English.
    pub(crate) explanation_en: String,
    /// Why, in Chinese.
    pub(crate) explanation_zh: String,
    /// When it began, by the time of the data.
    pub(crate) started_at: String,
}

impl ActiveAlert {
    pub(crate) fn of(alert: &Alert) -> Self {
        Self {
            alert_id: alert.alert_id.clone(),
            rule: alert.rule.clone(),
            severity: alert.severity.as_str().to_owned(),
            state: alert.state,
            labels: alert.labels.clone(),
            devices: alert.devices,
            sample_devices: alert.sample_devices.clone(),
            expected: alert.expected,
            p_value: alert.p_value,
            summary_en: alert.summary.en.clone(),
            summary_zh: alert.summary.zh.clone(),
            explanation_en: alert.explanation.en.clone(),
            explanation_zh: alert.explanation.zh.clone(),
            started_at: alert.started_at.to_string(),
        }
    }
}

/// Those that are active, the worst first, then those with most devices.
pub(crate) fn worst_first<'a>(alerts: impl Iterator<Item = &'a Alert>) -> Vec<ActiveAlert> {
    let mut active: Vec<&Alert> = alerts
        .filter(|alert| alert.state == State::Active)
        .collect();
    active.sort_by_key(|alert| {
        (
            std::cmp::Reverse(alert.severity),
            std::cmp::Reverse(alert.devices),
            alert.labels.clone(),
        )
    });
    active.into_iter().map(ActiveAlert::of).collect()
}

/// Those that the store keeps as active.
pub(crate) async fn active(store: &Store) -> anyhow::Result<Vec<ActiveAlert>> {
    let alerts = keep::load_alerts(store)
        .await
        .context("reading the alerts")?;
    Ok(worst_first(alerts.values()))
}
