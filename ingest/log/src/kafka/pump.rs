//! The thread that polls librdkafka, whatever the caller does: that keeps the reader in its group,
//! and serves rebalances at once.
//!
//! What it fetches goes into a bounded store. While that is full it first waits for the caller, and
//! then pauses the partitions: pausing throws away what librdkafka has fetched ahead, so it is for
//! callers that are slow, not for ones that are busy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::Notify;

use super::assignment::Assignment;
use super::client::{self, Listener, lock};
use super::cut_note;
use crate::{Delivered, Error, Result, TopicPartition};

/// How long one look for messages takes when there are none.
const LOOK: Duration = Duration::from_millis(50);

/// How long the store may be full before the partitions are paused.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long one request for the positions of new partitions may take.
const POSITIONS_ATTEMPT: Duration = Duration::from_secs(10);

/// The pause between two such requests.
const POSITIONS_PAUSE: Duration = Duration::from_millis(200);

/// How often a cluster that was reported away is asked whether it is back.
const PROBE_PAUSE: Duration = Duration::from_secs(1);

/// The consumer with what hears its events.
pub(super) type Client = BaseConsumer<Context>;

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

    fn place(&self, topic: &str, partition: i32) -> TopicPartition {
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

    fn fail(&self, error: Error) {
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
                // What a pause did not reach, for example a partition gained since.
                paused = false;
                away_since = None;
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

/// Hears what happens to the consumer.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) shared: Arc<Shared>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::report(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.shared.listener.complain(&error, reason);
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &Client,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let switched = if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.gain(consumer, partitions)
        } else {
            self.lose(consumer, partitions)
        };
        if let Err(error) = switched {
            self.shared.fail(client::error(
                &self.shared.log,
                "change the assignment",
                &error,
            ));
        }
        self.shared.arrived.notify_one();
    }
}

impl Context {
    fn gain(&self, consumer: &Client, partitions: &TopicPartitionList) -> KafkaResult<()> {
        let shared = &self.shared;
        let found = match positions(consumer, shared, partitions) {
            Ok(found) => found,
            Err(error) => {
                shared.fail(error);
                Vec::new()
            }
        };
        let mut starts = TopicPartitionList::with_capacity(found.len());
        for (place, next_offset, _) in &found {
            let start = next_offset.map_or(Offset::Beginning, Offset::Offset);
            starts.add_partition_offset(&place.topic, place.partition, start)?;
        }
        {
            let mut assignment = lock(&shared.assignment);
            for (place, next_offset, cut) in found {
                tracing::info!(group = %shared.group, topic = %place.topic, partition = place.partition, next_offset, in_doubt = cut.is_some(), "gained a partition");
                assignment.gain(place, next_offset, cut);
            }
        }
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&starts),
            _ => consumer.assign(&starts),
        }
    }

    fn lose(&self, consumer: &Client, partitions: &TopicPartitionList) -> KafkaResult<()> {
        let shared = &self.shared;
        let _commits_are_over = lock(&shared.commit_gate);
        {
            let mut assignment = lock(&shared.assignment);
            for element in partitions.elements() {
                let place = shared.place(element.topic(), element.partition());
                tracing::info!(group = %shared.group, topic = %place.topic, partition = place.partition, "lost a partition");
                assignment.lose(&place);
            }
        }
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(partitions),
            _ => consumer.unassign(),
        }
    }
}

/// A partition with its position and its unfinished cut.
type Found = (TopicPartition, Option<i64>, Option<crate::Cut>);

/// Asks the group coordinator where the partitions' previous owners stood, for as long as it takes:
/// without the answer nothing may be delivered, and a group that gets tired of waiting says so later.
fn positions(
    consumer: &Client,
    shared: &Shared,
    partitions: &TopicPartitionList,
) -> Result<Vec<Found>> {
    let doing = "read the group's position";
    let committed = loop {
        let mut asked = TopicPartitionList::with_capacity(partitions.count());
        for element in partitions.elements() {
            asked.add_partition(element.topic(), element.partition());
        }
        let answer = consumer
            .committed_offsets(asked, POSITIONS_ATTEMPT)
            .and_then(|committed| {
                let errors = committed
                    .elements()
                    .iter()
                    .try_for_each(rdkafka::topic_partition_list::TopicPartitionListElem::error);
                errors.map(|()| committed)
            });
        match answer {
            Ok(committed) => break committed,
            Err(error) => {
                let error = client::error(&shared.log, doing, &error);
                if !error.is_retryable() || shared.closing.load(Ordering::Acquire) {
                    return Err(error);
                }
                lock(&shared.assignment).note_trouble(error);
                std::thread::sleep(POSITIONS_PAUSE);
            }
        }
    };
    committed
        .elements()
        .iter()
        .map(|element| {
            let place = shared.place(element.topic(), element.partition());
            let Offset::Offset(next_offset) = element.offset() else {
                return Ok((place, None, None));
            };
            match cut_note::read(&place, next_offset, element.metadata()) {
                Ok(cut) => Ok((place, Some(next_offset), cut)),
                Err(metadata) => Err(Error::ForeignGroup {
                    log: Arc::clone(&shared.log),
                    group: shared.group.clone(),
                    metadata,
                }),
            }
        })
        .collect()
}
