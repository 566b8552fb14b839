//! The thread that polls librdkafka, whatever the caller does: that keeps the reader in its group,
//! and serves rebalances at once.
//!
//! What it fetches goes into a bounded store. While that is full it first waits for the caller, and
//! then pauses the partitions: pausing throws away what librdkafka has fetched ahead, so it is for
//! callers that are slow, not for ones that are busy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use tokio::sync::Notify;

use super::assignment::Assignment;
use super::client::{self, Listener, lock};
use super::rebalance::Client;
use crate::{Delivered, Error, TopicPartition};

/// How long one look for messages takes when there are none.
const LOOK: Duration = Duration::from_millis(50);

/// How long the store may be full before the partitions are paused.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often a cluster that was reported away is asked whether it is back.
const PROBE_PAUSE: Duration = Duration::from_secs(1);

/// Shared between the pump, the reader and the rebalance callback.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) log: Arc<str>,
    pub(super) group: String,
    topics: Vec<Arc<str>>,
    fetched_bytes_max: usize,
    pub(super) assignment: Mutex<Assignment>,
    /// Held while a position is committed, and while partitions are given up: a commit is over
    /// before the group can give its partition to another reader.
    pub(super) commit_gate: Mutex<()>,
    /// Told when there is something for the caller.
    pub(super) arrived: Notify,
    /// Told when the caller has taken something, or the reader closes.
    pub(super) taken: Condvar,
    pub(super) closing: AtomicBool,
    pub(super) listener: Listener,
}

impl Shared {
    pub(super) fn new(
        log: Arc<str>,
        group: String,
        topics: &[String],
        fetched_bytes_max: usize,
    ) -> Self {
        Self {
            log,
            group,
            topics: topics.iter().map(|topic| topic.as_str().into()).collect(),
            fetched_bytes_max,
            assignment: Mutex::default(),
            commit_gate: Mutex::default(),
            arrived: Notify::new(),
            taken: Condvar::new(),
            closing: AtomicBool::new(false),
            listener: Listener::default(),
        }
    }

    pub(super) fn unavailable(&self, doing: &str, detail: &str) -> Error {
        Error::Unavailable {
            log: Arc::clone(&self.log),
            doing: doing.to_owned(),
            detail: self.listener.explain(detail),
        }
    }

    pub(super) fn place(&self, topic: &str, partition: i32) -> TopicPartition {
        let known = self.topics.iter().find(|known| &***known == topic);
        TopicPartition {
            topic: known.map_or_else(|| topic.into(), Arc::clone),
            partition,
        }
    }

    /// Waits until the store has room, `patience` at most. False when it has none. Once paused, room
    /// means half of it, so that fetching is not switched for every message.
    fn has_room(&self, paused: bool) -> bool {
        let (patience, limit) = if paused {
            (Duration::ZERO, self.fetched_bytes_max / 2)
        } else {
            (PATIENCE, self.fetched_bytes_max)
        };
        let is_full = |assignment: &mut Assignment| {
            assignment.fetched_bytes() >= limit && !self.closing.load(Ordering::Acquire)
        };
        let waited = self
            .taken
            .wait_timeout_while(lock(&self.assignment), patience, is_full);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits until the reader closes, `patience` at most.
    pub(super) fn wait_for_closing(&self, patience: Duration) {
        let is_open = |_: &mut Assignment| !self.closing.load(Ordering::Acquire);
        drop(
            self.taken
                .wait_timeout_while(lock(&self.assignment), patience, is_open),
        );
    }

    fn push(&self, message: &BorrowedMessage<'_>) {
        let TopicPartition { topic, partition } = self.place(message.topic(), message.partition());
        let delivered = Delivered {
            topic,
            partition,
            offset: message.offset(),
            key: message
                .key()
                .map(|key| String::from_utf8_lossy(key).into_owned())
                .unwrap_or_default(),
            payload: message.payload().unwrap_or_default().to_vec(),
            appended_at: message.timestamp().to_millis(),
        };
        let (place, found) = (delivered.topic_partition(), delivered.offset);
        let pushed = lock(&self.assignment).push(delivered);
        match pushed {
            Ok(()) => self.arrived.notify_one(),
            Err(expected) => self.fail(Error::Rewound {
                log: Arc::clone(&self.log),
                group: self.group.clone(),
                topic: place.topic,
                partition: place.partition,
                expected,
                found,
            }),
        }
    }

    pub(super) fn fail(&self, error: Error) {
        tracing::error!(%error, group = %self.group, "the reader cannot go on");
        lock(&self.assignment).fail(error);
        self.arrived.notify_one();
    }

    fn complain(&self, error: &KafkaError) {
        let error = match client::error(&self.log, "read", error) {
            Error::Unavailable { detail, .. } => self.unavailable("read", &detail),
            other => other,
        };
        lock(&self.assignment).note_trouble(error);
        self.arrived.notify_one();
    }
}

/// Polls until the reader closes.
pub(super) fn run(consumer: &Client, shared: &Shared) {
    let mut paused = false;
    let mut away_since: Option<Instant> = None;
    while !shared.closing.load(Ordering::Acquire) {
        // While paused the wait is short, for librdkafka must be polled all the same.
        if shared.has_room(paused) {
            if paused {
                paused = !switch(consumer, shared, false);
            }
        } else if !paused {
            paused = switch(consumer, shared, true);
        }
        match consumer.poll(LOOK) {
            Some(Ok(message)) => {
                shared.push(&message);
                away_since = None;
                if paused {
                    // Of a partition that was gained after the others were paused.
                    switch(consumer, shared, true);
                }
            }
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                shared.fail(client::error(&shared.log, "read", &error));
            }
            Some(Err(error)) => {
                shared.complain(&error);
                away_since.get_or_insert_with(Instant::now);
            }
            None => {}
        }
        if away_since.is_some_and(|since| since.elapsed() > PROBE_PAUSE) {
            away_since = probe(consumer, shared);
        }
    }
}

/// Pauses or resumes all partitions. True when that worked.
fn switch(consumer: &Client, shared: &Shared, pause: bool) -> bool {
    let switched = consumer.assignment().and_then(|all| {
        if pause {
            consumer.pause(&all)
        } else {
            consumer.resume(&all)
        }
    });
    match switched {
        Ok(()) => tracing::debug!(group = %shared.group, pause, "switched fetching"),
        Err(ref error) => {
            tracing::warn!(%error, group = %shared.group, pause, "could not switch fetching");
        }
    }
    switched.is_ok()
}

/// Asks the cluster for a sign of life. Returns since when it is away, if it is.
fn probe(consumer: &Client, shared: &Shared) -> Option<Instant> {
    let first_topic = shared.topics.first().map(AsRef::as_ref);
    match consumer.fetch_metadata(first_topic, PROBE_PAUSE) {
        Ok(_) => {
            shared.listener.calm();
            drop(lock(&shared.assignment).take_trouble());
            None
        }
        Err(error) => {
            shared.complain(&error);
            Some(Instant::now())
        }
    }
}
