//! The loop: evaluate, keep, tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use patchlens_event::causes;
use patchlens_queries::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::evaluate::{FINDINGS_MAX, Finding, Moment, data_time, evaluate, has_reports};
use crate::history::Span;
use crate::metrics::Metrics;
use crate::rule::Rule;
use crate::sink::{self, Pace, Sink, Surroundings};
use crate::state::{Alerts, State, advance, alert_id};
use crate::{Error, Result, keep};

/// Ended alerts stay at hand for this long, so that sinks that were away hear of the end.
const ENDED_AT_HAND: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Settings of the service.
#[derive(Debug, Clone)]
pub struct Options {
    /// The rules.
    pub rules: Vec<Rule>,
    /// Pause between two evaluations.
    pub interval: Duration,
    /// How sinks are tried again.
    pub pace: Pace,
    /// The clock on the wall.
    pub clock: fn() -> Timestamp,
}

/// Evaluates rules, and keeps what they find in the store.
#[derive(Debug)]
pub struct Service {
    store: Store,
    options: Options,
    metrics: Arc<Metrics>,
    alerts: Alerts,
    loaded: bool,
    /// A look at the past does not ask what the store knows of alerts.
    is_look_back: bool,
    /// Rules about the pipeline of today have nothing to say about the past.
    is_replay: bool,
}

/// What an evaluation gave.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// Up to when the data counted.
    pub as_of: Timestamp,
    /// Rules that could not be evaluated, and why.
    pub failures: Vec<Error>,
    /// How many alerts changed.
    pub changed: usize,
}

impl Service {
    /// Prepares the service; the store is asked with the first evaluation.
    pub fn new(store: Store, options: Options, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            options,
            metrics,
            alerts: Alerts::new(),
            loaded: false,
            is_look_back: false,
            is_replay: false,
        }
    }

    /// The alerts that are at hand: all that are active, and those that ended lately.
    pub fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// Evaluates all rules at the newest time of the data, without keeping or telling anything.
    ///
    /// # Errors
    /// When the store does not answer. A rule that fails is no error: see [`Evaluation::failures`].
    pub async fn look(&mut self) -> Result<Evaluation> {
        let now = (self.options.clock)();
        let as_of = data_time(&self.store, now).await?;
        Ok(self.evaluated(Moment { as_of, now }).await?.0)
    }

    /// Evaluates all rules at a moment, as if nothing had been found before, and keeps nothing: what the store knows of
    /// alerts is of later days.
    ///
    /// # Errors
    /// When the store does not answer. A rule that fails is no error: see [`Evaluation::failures`].
    pub async fn look_back(&mut self, as_of: Timestamp) -> Result<Evaluation> {
        self.alerts = Alerts::new();
        self.loaded = true;
        self.is_look_back = true;
        let moment = Moment {
            as_of: has_reports(&self.store).await?.then_some(as_of),
            now: (self.options.clock)(),
        };
        Ok(self.evaluated(moment).await?.0)
    }

    async fn evaluated(&mut self, moment: Moment) -> Result<(Evaluation, Vec<String>)> {
        if !self.loaded {
            self.alerts = keep::load_alerts(&self.store).await?;
            self.loaded = true;
        }
        let (mut findings, mut failures) = (Vec::new(), Vec::new());
        let rules: Vec<&Rule> = self
            .options
            .rules
            .iter()
            .filter(|rule| !self.is_replay || rule.is_about_data())
            .collect();
        let next = AtomicUsize::new(0);
        // Two at a time: some rules wait for the store while others keep it busy.
        let (mut answers, others) = tokio::join!(
            ask(&self.store, &rules, &next, moment),
            ask(&self.store, &rules, &next, moment)
        );
        answers.extend(others);
        for (rule, answer) in answers {
            match answer {
                Ok(found) => findings.push((rule, found)),
                Err(error) => {
                    self.metrics.rule_failed(&rule.name);
                    failures.push(error);
                }
            }
        }
        if !self.is_look_back {
            recall(&self.store, &mut self.alerts, &findings).await?;
        }
        let changed = advance(
            &mut self.alerts,
            &self.options.rules,
            findings,
            moment.time(),
            moment.now,
        );
        let evaluation = Evaluation {
            as_of: moment.time(),
            failures,
            changed: changed.len(),
        };
        Ok((evaluation, changed))
    }

    /// Evaluates all rules at a moment and keeps what changed.
    ///
    /// # Errors
    /// When the store does not answer or refuses. The next call makes up for it.
    pub async fn step(&mut self, moment: Moment) -> Result<Evaluation> {
        let (evaluation, changed) = self.evaluated(moment).await?;
        let rows = changed.iter().filter_map(|id| self.alerts.get(id));
        if let Err(error) = keep::save_alerts(&self.store, rows).await {
            // What the store does not know shall be found again.
            self.loaded = false;
            return Err(error);
        }
        let now = moment.now;
        self.alerts.retain(|_, alert| {
            alert.state == State::Active || now.duration_since(alert.updated_at) < ENDED_AT_HAND
        });
        Ok(evaluation)
    }

    /// Goes through the past and keeps what it finds: for data that is loaded as a whole.
    ///
    /// # Errors
    /// When the store does not answer or refuses, or the span makes no sense.
    pub async fn replay(&mut self, span: Span) -> Result<()> {
        let moments = span.moments().map_err(|problem| Error::Span { problem })?;
        self.is_replay = true;
        for at in moments {
            // "Now" stays the clock's: a replay must not look like a pipeline that stood still.
            let evaluation = self
                .step(Moment {
                    as_of: Some(at),
                    now: (self.options.clock)(),
                })
                .await?;
            if let Some(error) = evaluation.failures.into_iter().next() {
                return Err(error);
            }
        }
        self.is_replay = false;
        Ok(())
    }

    /// Evaluates again and again, and tells the sinks, until told to stop.
    pub async fn run(mut self, sinks: Vec<Sink>, stop: watch::Receiver<bool>) {
        let (publish, alerts) = watch::channel(Arc::new(Alerts::new()));
        let mut runners = JoinSet::new();
        let around = Surroundings {
            store: self.store.clone(),
            alerts,
            stop: stop.clone(),
            clock: self.options.clock,
            pace: self.options.pace,
            metrics: Arc::clone(&self.metrics),
        };
        for sink in sinks {
            runners.spawn(sink::run(sink, around.clone()));
        }
        drop(around);
        let mut stopping = stop.clone();
        loop {
            self.turn(&publish).await;
            let pause = tokio::time::sleep(self.options.interval);
            tokio::select! {
                () = pause => {}
                // An error means that the sender is gone: that is a stop as well.
                _ = stopping.wait_for(|stop| *stop) => break,
            }
        }
        // Each of them has seen the stop.
        runners.join_all().await;
    }

    async fn turn(&mut self, publish: &watch::Sender<Arc<Alerts>>) {
        let (started, now) = (Instant::now(), (self.options.clock)());
        let as_of = data_time(&self.store, now).await;
        let stepped = match as_of {
            Ok(as_of) => self.step(Moment { as_of, now }).await,
            Err(error) => Err(error),
        };
        let active = self
            .alerts
            .values()
            .filter(|alert| alert.state == State::Active)
            .count();
        let is_ok = stepped
            .as_ref()
            .is_ok_and(|evaluation| evaluation.failures.is_empty());
        self.metrics
            .evaluated(is_ok, started.elapsed(), active, now.as_second());
        match stepped {
            Ok(evaluation) => {
                for error in &evaluation.failures {
                    tracing::error!(
                        error = causes(error).join(": "),
                        "an alert rule could not be evaluated; its alerts stay as they are"
                    );
                }
                // Sinks are woken only by news; a first look is news as well.
                publish.send_if_modified(|known| {
                    let is_news = **known != self.alerts;
                    if is_news {
                        *known = Arc::new(self.alerts.clone());
                    }
                    is_news
                });
            }
            Err(error) => tracing::warn!(
                error = causes(&error).join(": "),
                "alerts could not be evaluated; they will be at the next turn"
            ),
        }
    }
}

/// Reads alerts that ended longer ago than is kept at hand and are found again: they go on counting.
async fn recall(
    store: &Store,
    alerts: &mut Alerts,
    findings: &[(&Rule, Vec<Finding>)],
) -> Result<()> {
    let unknown: Vec<String> = findings
        .iter()
        .flat_map(|(_, found)| found.iter().take(FINDINGS_MAX))
        .map(|finding| alert_id(&finding.labels))
        .filter(|id| !alerts.contains_key(id))
        .collect();
    if !unknown.is_empty() {
        alerts.extend(keep::load_alerts_of(store, &unknown).await?);
    }
    Ok(())
}

/// Evaluates one rule after the other, sharing them with whoever else counts `next` up.
async fn ask<'a>(
    store: &Store,
    rules: &[&'a Rule],
    next: &AtomicUsize,
    moment: Moment,
) -> Vec<(&'a Rule, Result<Vec<Finding>>)> {
    let mut answers = Vec::new();
    while let Some(rule) = rules.get(next.fetch_add(1, Ordering::Relaxed)) {
        answers.push((*rule, evaluate(store, rule, moment).await));
    }
    answers
}
