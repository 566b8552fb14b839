//! Alertmanager's API v2: `POST /api/v2/alerts`.
//!
//! It wants to hear of an active alert again and again, and takes one for resolved that it has not heard of until
//! `endsAt`. So `endsAt` lies some intervals ahead: when we die, the alert ends by itself. Only labels make the
//! identity; numbers are annotations, or each new number would be a new alert.
//! Source: https://prometheus.io/docs/alerting/latest/alerts_api/

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::message::{self, Language};
use super::{Failure, Proof, Sink};
use crate::state::{Alert, State};
use crate::text::short_number;

/// `endsAt` lies this many intervals ahead, as Prometheus has it: a missed message ends nothing.
const INTERVALS_AHEAD: u32 = 4;
/// A request holds this many alerts.
const BATCH_MAX: usize = 200;

/// An alert as the API has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PostableAlert {
    /// What makes it this alert.
    pub labels: BTreeMap<String, String>,
    /// What is said about it.
    pub annotations: BTreeMap<String, String>,
    /// When it began.
    pub starts_at: String,
    /// When it ends, or will be taken for ended.
    pub ends_at: String,
    /// Page of the dashboards; left out when the settings name no public URL.
    #[serde(rename = "generatorURL", skip_serializing_if = "String::is_empty")]
    pub generator_url: String,
}

/// Writes an alert for the API.
pub fn postable(
    alert: &Alert,
    language: Language,
    public_url: &str,
    resend: Duration,
    now: Timestamp,
) -> PostableAlert {
    let mut labels = alert.labels.clone();
    labels.insert("severity".to_owned(), alert.severity.as_str().to_owned());
    let (title, summary, explanation) = match language {
        Language::En => (&alert.title.en, &alert.summary.en, &alert.explanation.en),
        Language::Zh => (&alert.title.zh, &alert.summary.zh, &alert.explanation.zh),
    };
    let page = match alert.link.as_str() {
        "" => String::new(),
        _ if public_url.is_empty() => String::new(),
        link => format!("{}{link}", public_url.trim_end_matches('/')),
    };
    let annotations = [
        ("title", title.clone()),
        ("summary", summary.clone()),
        ("description", explanation.clone()),
        ("devices", alert.devices.to_string()),
        ("sample_devices", alert.sample_devices.join(", ")),
        (
            "expected",
            alert.expected.map(short_number).unwrap_or_default(),
        ),
        (
            "p_value",
            alert.p_value.map(short_number).unwrap_or_default(),
        ),
        ("alert_id", alert.alert_id.clone()),
        ("dashboard", page),
    ];
    let ahead = SignedDuration::try_from(resend * INTERVALS_AHEAD).unwrap_or_default();
    let ends_at = match alert.state {
        State::Active => now.checked_add(ahead).unwrap_or(now),
        // By our clock, not by the data's: it decides whether it is over.
        State::Resolved | State::Deleted => alert.updated_at.max(alert.started_at),
    };
    PostableAlert {
        labels,
        annotations: annotations
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name.to_owned(), text))
            .collect(),
        starts_at: alert.started_at.to_string(),
        ends_at: ends_at.to_string(),
        generator_url: message::link(alert, public_url),
    }
}

impl Sink {
    /// Sends alerts, whether Alertmanager knows them or not.
    pub(super) async fn post_alerts(
        &self,
        alerts: &[&Alert],
        resend: Duration,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let mut url = self.http.url.clone();
        let path = format!("{}/api/v2/alerts", url.path().trim_end_matches('/'));
        url.set_path(&path);
        for batch in alerts.chunks(BATCH_MAX) {
            let body: Vec<PostableAlert> = batch
                .iter()
                .map(|alert| postable(alert, self.language, &self.public_url, resend, now))
                .collect();
            let bytes = serde_json::to_vec(&body)
                .map_err(|error| Failure::of_message(error.to_string()))?;
            self.http
                .post(&url, bytes, Proof::Bearer, now.as_second())
                .await?;
        }
        Ok(())
    }
}
