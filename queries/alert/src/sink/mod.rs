//! Whom to tell: Alertmanager, generic webhooks, chat robots.
//!
//! A sink is told of states, not of events: what it still has to hear is what is the case and it has not taken yet.
//! So there is no queue that could grow while a sink is away, and nothing is lost when we are killed.

mod alertmanager;
mod config;
mod guard;
mod http;
mod message;
mod runner;
mod sign;

use std::collections::BTreeSet;

use jiff::Timestamp;

pub use alertmanager::{PostableAlert, postable};
pub use config::{Secrets, Sink, SinkConfig, SinkKind};
pub use message::{Language, Template, WebhookBody, body};
pub use runner::{Pace, Surroundings, run};
pub use sign::signature;

use crate::keep::Told;
use crate::state::{Alert, Alerts, State};
use config::Kind;
use http::{Failure, Proof};

/// How many alerts one chat message speaks of, at most; the rest follows in the next.
const CHAT_BATCH_MAX: usize = 20;

/// What came of telling one alert.
type Outcome = (Told, Result<(), Failure>);

/// What an alert's state is called by, for a sink.
fn told(alert: &Alert) -> Told {
    (alert.alert_id.clone(), alert.started_at, alert.state)
}

/// What a sink still has to hear: what is active, and the end of what it was told of.
fn due<'a>(alerts: &'a Alerts, heard: &BTreeSet<Told>) -> Vec<&'a Alert> {
    let is_due = |alert: &&Alert| {
        let was_told = |state| heard.contains(&(alert.alert_id.clone(), alert.started_at, state));
        !was_told(alert.state) && (alert.state == State::Active || was_told(State::Active))
    };
    alerts.values().filter(is_due).collect()
}

impl Sink {
    /// Tells what is due, and says for each alert that was tried what came of it.
    async fn tell(&self, alerts: &[&Alert], now: Timestamp) -> Vec<Outcome> {
        match &self.kind {
            Kind::Alertmanager { .. } => Vec::new(),
            Kind::Generic => self.tell_each(alerts, now).await,
            Kind::Chat {
                template,
                is_dingtalk,
            } => {
                self.tell_together(alerts, template, *is_dingtalk, now)
                    .await
            }
        }
    }

    /// One message per alert: each has a key of its own, so that a receiver can tell a repetition.
    async fn tell_each(&self, alerts: &[&Alert], now: Timestamp) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for alert in alerts {
            let body = body(alert, self.language, &self.public_url);
            let bytes = match serde_json::to_vec(&body) {
                Ok(bytes) => bytes,
                Err(error) => {
                    outcomes.push((told(alert), Err(Failure::of_message(error.to_string()))));
                    continue;
                }
            };
            let idempotency_key = format!(
                "{}-{}-{}",
                alert.alert_id,
                alert.started_at.as_microsecond(),
                alert.state.as_str()
            );
            let proof = Proof::Signature {
                idempotency_key: &idempotency_key,
            };
            let sent = self
                .http
                .post(&self.http.url, bytes, proof, now.as_second())
                .await;
            let is_away = sent.as_ref().is_err_and(|failure| failure.is_sink);
            outcomes.push((told(alert), sent.map(drop)));
            if is_away {
                break;
            }
        }
        outcomes
    }

    /// One message for many: robots take about twenty messages a minute. A message that is refused for what it says is
    /// told by halves, so that one alert does not keep the others from being told.
    async fn tell_together(
        &self,
        alerts: &[&Alert],
        template: &Template,
        is_dingtalk: bool,
        now: Timestamp,
    ) -> Vec<Outcome> {
        let batch = alerts
            .get(..CHAT_BATCH_MAX.min(alerts.len()))
            .unwrap_or_default();
        let mut outcomes = Vec::new();
        let mut waiting = vec![batch];
        while let Some(batch) = waiting.pop() {
            let sent = self.tell_at_once(batch, template, is_dingtalk, now).await;
            let is_away = sent.as_ref().is_err_and(|failure| failure.is_sink);
            if sent.is_err() && !is_away && batch.len() > 1 {
                let (first, second) = batch.split_at(batch.len() / 2);
                waiting.extend([second, first]);
                continue;
            }
            outcomes.extend(batch.iter().map(|alert| (told(alert), sent.clone())));
            if is_away {
                break;
            }
        }
        outcomes
    }

    async fn tell_at_once(
        &self,
        alerts: &[&Alert],
        template: &Template,
        is_dingtalk: bool,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let bodies: Vec<WebhookBody> = alerts
            .iter()
            .map(|alert| body(alert, self.language, &self.public_url))
            .collect();
        let message = template
            .fill(&bodies, self.language)
            .to_string()
            .into_bytes();
        let proof = if is_dingtalk {
            Proof::DingTalk
        } else {
            Proof::Bearer
        };
        let sent = self
            .http
            .post(&self.http.url, message, proof, now.as_second())
            .await;
        sent.and_then(|answer| robot_verdict(&answer))
    }
}

/// Robots answer 200 whatever happened; the verdict is in the body: `{"errcode": 0}`.
fn robot_verdict(answer: &[u8]) -> Result<(), Failure> {
    #[derive(serde::Deserialize)]
    struct Verdict {
        errcode: i64,
        #[serde(default)]
        errmsg: String,
    }
    match serde_json::from_slice::<Verdict>(answer) {
        Ok(Verdict { errcode, errmsg }) if errcode != 0 => Err(Failure {
            is_sink: true,
            problem: format!(
                "refused with errcode {errcode}: {}",
                crate::text::one_line(&errmsg)
            ),
        }),
        _ => Ok(()),
    }
}
