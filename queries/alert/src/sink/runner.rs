//! One task per sink: a sink that is away holds up neither the others nor the evaluation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use patchlens_queries::Store;
use tokio::sync::watch;

use super::config::Kind;
use super::http::Failure;
use super::{Outcome, Sink, due, told};
use crate::keep::{self, Notification, Told};
use crate::metrics::Metrics;
use crate::state::{Alert, Alerts, State};

/// Alertmanager hears of an end for this long, as Prometheus does it: it may have been away when it came.
const ENDED_TOLD_FOR: SignedDuration = SignedDuration::from_mins(15);

/// A message that was refused for what it says is told again after this long, or when its alert changes: whoever refuses
/// it may have been put right, and the others must not wait for that.
const REFUSED_PAUSE: Duration = Duration::from_mins(15);

/// A stop waits so long for an answer that is due.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How a sink is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Pause after the first failure; doubled after each further one …
    pub first_pause: Duration,
    /// … up to this.
    pub longest_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(1),
        }
    }
}

/// What a runner needs besides its sink.
#[derive(Clone)]
pub struct Surroundings {
    /// Where notifications are kept.
    pub store: Store,
    /// What is the case; changes when something did.
    pub alerts: watch::Receiver<Arc<Alerts>>,
    /// Turns true when it is time to stop.
    pub stop: watch::Receiver<bool>,
    /// The clock on the wall.
    pub clock: fn() -> Timestamp,
    /// How failures are tried again.
    pub pace: Pace,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What became of telling one alert that has not been taken.
#[derive(Debug, Default)]
struct Failed {
    /// How often it was tried.
    attempts: u32,
    /// Why the last attempt failed.
    problem: String,
    /// Set when it was refused for what it says: when its alert had changed last, and until when it is left alone.
    refused: Option<(Timestamp, Instant)>,
}

struct Runner {
    sink: Sink,
    around: Surroundings,
    /// What it has taken of the alerts at hand.
    heard: BTreeSet<Told>,
    /// Alerts at hand, each with its beginning, of which `heard` is known.
    remembered: BTreeSet<(String, Timestamp)>,
    /// What was tried in vain.
    failed: BTreeMap<Told, Failed>,
    /// Rounds in a row in which the sink was away.
    failures: u32,
}

/// Tells a sink what it has to hear until told to stop; a message under way is awaited for some seconds.
pub async fn run(sink: Sink, around: Surroundings) {
    let mut stopping = around.stop.clone();
    let mut runner = Runner {
        sink,
        around,
        heard: BTreeSet::new(),
        remembered: BTreeSet::new(),
        failed: BTreeMap::new(),
        failures: 0,
    };
    let mut run = std::pin::pin!(runner.run());
    tokio::select! {
        () = stopped(&mut stopping) => {}
        () = &mut run => return,
    }
    // What is being told is told to its end and kept, or the next start would tell it again.
    if tokio::time::timeout(LAST_WORDS, run).await.is_err() {
        tracing::warn!(
            "an alert sink did not answer before the stop; it may be told the same again"
        );
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone: that is a stop as well.
    drop(stop.wait_for(|stop| *stop).await);
}

impl Runner {
    /// Ends only between two messages.
    async fn run(&mut self) {
        while !self.is_stopped() {
            let alerts = Arc::clone(&self.around.alerts.borrow_and_update());
            if !self.remembers(&alerts).await {
                self.rest().await;
                continue;
            }
            let again = match self.round(&alerts).await {
                Ok(again) => {
                    self.failures = 0;
                    again
                }
                Err(failure) => {
                    self.failures = self.failures.saturating_add(1);
                    tracing::warn!(
                        sink = self.sink.name,
                        error = failure.problem,
                        failures = self.failures,
                        "an alert sink could not be told; it will be tried again"
                    );
                    // A change must not hurry a sink that is away.
                    self.rest().await;
                    continue;
                }
            };
            let pause = again.unwrap_or(Duration::MAX);
            let changed = tokio::time::timeout(pause, self.around.alerts.changed());
            let is_gone = tokio::select! {
                () = stopped(&mut self.around.stop) => true,
                changed = changed => changed.is_ok_and(|changed| changed.is_err()),
            };
            if is_gone {
                return;
            }
        }
    }

    fn is_stopped(&self) -> bool {
        *self.around.stop.borrow()
    }

    /// Waits after a failure, the longer the more there were.
    async fn rest(&mut self) {
        let pause = self.pause();
        tokio::select! {
            () = stopped(&mut self.around.stop) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// Reads what the sink has heard of alerts that are new at hand, and forgets those that are so no more. False when
    /// the store does not say: nothing is told until that is known.
    async fn remembers(&mut self, alerts: &Alerts) -> bool {
        let is_at_hand = |id: &String, started_at: Timestamp| {
            alerts
                .get(id)
                .is_some_and(|alert| alert.started_at == started_at)
        };
        self.remembered
            .retain(|(id, started_at)| is_at_hand(id, *started_at));
        let begun: BTreeSet<(String, Timestamp)> = alerts
            .values()
            .map(|alert| (alert.alert_id.clone(), alert.started_at))
            .filter(|beginning| !self.remembered.contains(beginning))
            .collect();
        if !begun.is_empty() {
            let ids: Vec<String> = begun.iter().map(|(id, _)| id.clone()).collect();
            match keep::load_told(&self.around.store, &self.sink.name, &ids).await {
                Ok(heard) => self.heard.extend(heard),
                Err(error) => {
                    self.failures = self.failures.saturating_add(1);
                    tracing::warn!(sink = self.sink.name, %error, "cannot read what an alert sink was told; it will be tried again");
                    return false;
                }
            }
            self.remembered.extend(begun);
        }
        self.heard
            .retain(|(id, started_at, _)| is_at_hand(id, *started_at));
        true
    }

    fn pause(&self) -> Duration {
        let Pace {
            first_pause,
            longest_pause,
        } = self.around.pace;
        first_pause
            .saturating_mul(2_u32.saturating_pow(self.failures.saturating_sub(1)))
            .min(longest_pause)
    }

    /// Tells what there is to tell; says after which time to come back even if nothing changes.
    async fn round(&mut self, alerts: &Alerts) -> Result<Option<Duration>, Failure> {
        let resend = match self.sink.kind {
            Kind::Alertmanager { resend } => Some(resend),
            Kind::Generic | Kind::Chat { .. } => None,
        };
        self.failed.retain(|(id, started_at, state), _| {
            alerts
                .get(id)
                .is_some_and(|alert| alert.started_at == *started_at && alert.state == *state)
        });
        if let Some(resend) = resend {
            self.round_of_alertmanager(alerts, resend).await?;
            return Ok(Some(resend));
        }
        loop {
            let mut waiting = due(alerts, &self.heard);
            waiting.retain(|alert| self.left_alone(alert).is_none());
            if waiting.is_empty() {
                return Ok(self.next_refused(alerts));
            }
            let (now, started) = ((self.around.clock)(), Instant::now());
            let outcomes = self.sink.tell(&waiting, now).await;
            let is_told = outcomes.iter().all(|(_, sent)| sent.is_ok());
            self.around
                .metrics
                .delivered(&self.sink.name, is_told, started.elapsed());
            let away = away(&outcomes);
            let tried = outcomes.len();
            self.note(alerts, outcomes).await;
            match away {
                Some(failure) => return Err(failure),
                // Nothing was tried: nothing can be.
                None if tried == 0 || self.is_stopped() => return Ok(None),
                None => {}
            }
        }
    }

    /// How long an alert that was refused for what it says is left alone yet.
    fn left_alone(&self, alert: &Alert) -> Option<Duration> {
        let (updated_at, until) = self.failed.get(&told(alert))?.refused?;
        let left = until.saturating_duration_since(Instant::now());
        (alert.updated_at == updated_at && !left.is_zero()).then_some(left)
    }

    /// When the next alert that was refused may be told again.
    fn next_refused(&self, alerts: &Alerts) -> Option<Duration> {
        due(alerts, &self.heard)
            .into_iter()
            .filter_map(|alert| self.left_alone(alert))
            .min()
    }

    async fn round_of_alertmanager(
        &mut self,
        alerts: &Alerts,
        resend: Duration,
    ) -> Result<(), Failure> {
        let now = (self.around.clock)();
        let still_told = |alert: &&Alert| {
            alert.state == State::Active || now.duration_since(alert.updated_at) <= ENDED_TOLD_FOR
        };
        let telling: Vec<&Alert> = alerts.values().filter(still_told).collect();
        if telling.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let sent = self.sink.post_alerts(&telling, resend, now).await;
        self.around
            .metrics
            .delivered(&self.sink.name, sent.is_ok(), started.elapsed());
        let new: Vec<Outcome> = telling
            .iter()
            .map(|alert| told(alert))
            .filter(|told| !self.heard.contains(told))
            .map(|told| (told, sent.clone()))
            .collect();
        self.note(alerts, new).await;
        // What it refuses for what it says is in the next round as well: nothing waits for it.
        sent.or_else(|failure| {
            if failure.is_sink {
                Err(failure)
            } else {
                Ok(())
            }
        })
    }

    /// Keeps what came of it, in memory and in the store.
    async fn note(&mut self, alerts: &Alerts, outcomes: Vec<Outcome>) {
        let now = (self.around.clock)();
        let mut notifications = Vec::new();
        for (told, sent) in outcomes {
            match sent {
                Ok(()) => {
                    let attempts = self
                        .failed
                        .remove(&told)
                        .map_or(0, |failed| failed.attempts)
                        + 1;
                    self.heard.insert(told.clone());
                    notifications.push(Notification {
                        told,
                        delivered_at: Some(now),
                        attempts,
                        error: String::new(),
                    });
                }
                Err(failure) => {
                    let failed = self.failed.entry(told.clone()).or_default();
                    failed.attempts = failed.attempts.saturating_add(1);
                    failed.refused = alerts
                        .get(&told.0)
                        .filter(|_| !failure.is_sink)
                        .map(|alert| (alert.updated_at, Instant::now() + REFUSED_PAUSE));
                    // The same failure again is no news, and not worth a row.
                    if failed.problem != failure.problem {
                        if !failure.is_sink {
                            tracing::warn!(
                                sink = self.sink.name,
                                alert_id = told.0,
                                error = failure.problem,
                                "an alert sink refuses an alert for what it says; it will be tried again when the alert changes"
                            );
                        }
                        failed.problem.clone_from(&failure.problem);
                        notifications.push(Notification {
                            told,
                            delivered_at: None,
                            attempts: failed.attempts,
                            error: failure.problem,
                        });
                    }
                }
            }
        }
        if let Err(error) =
            keep::save_notifications(&self.around.store, &self.sink.name, &notifications, now).await
        {
            // After a restart it would be told again, with the same idempotency key.
            tracing::warn!(sink = self.sink.name, %error, "could not keep what an alert sink was told");
        }
    }
}

/// Why the sink takes nothing now, if that came out.
fn away(outcomes: &[Outcome]) -> Option<Failure> {
    outcomes
        .iter()
        .filter_map(|(_, sent)| sent.as_ref().err())
        .find(|failure| failure.is_sink)
        .cloned()
}
