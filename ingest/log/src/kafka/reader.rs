//! Reading: what the pump fetches, and the group's position at the coordinator.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::assignment::lost;
use super::client::{self, Meaning, lock, meaning};
use super::cut_note;
use super::pump::{self, Shared};
use super::rebalance::{Client, Context};
use crate::position::Step;
use crate::{Cut, Error, PartitionLag, Polled, Properties, ReaderOptions, Result, TopicPartition};

/// How long one request about a partition's end may take.
const LAG_ATTEMPT: Duration = Duration::from_secs(10);

/// Reads from Kafka.
pub(crate) struct KafkaReader {
    consumer: Arc<Client>,
    shared: Arc<Shared>,
    pump: Option<JoinHandle<()>>,
    deadline: Duration,
}

impl std::fmt::Debug for KafkaReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaReader")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

impl KafkaReader {
    pub(crate) fn open(
        brokers: &str,
        properties: &Properties,
        options: ReaderOptions,
    ) -> Result<Self> {
        let mut config = client::config(brokers, properties);
        config.set("group.id", &options.group);
        if let Some(instance_id) = &options.instance_id {
            config.set("group.instance.id", instance_id);
        }
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        config.set("auto.offset.reset", "earliest");
        config.set("isolation.level", "read_committed");
        config.set("partition.assignment.strategy", "cooperative-sticky");
        config.set(
            "session.timeout.ms",
            options.session_timeout.as_millis().to_string(),
        );
        // One half is librdkafka's, the other the pump's.
        let half = (options.buffer_bytes_max / 2).max(64 << 10);
        config.set("queued.max.messages.kbytes", (half / 1024).to_string());
        // librdkafka wants at least its message.max.bytes, a million; larger messages come one at a time.
        client::set_default(
            &mut config,
            "fetch.max.bytes",
            &half.max(1 << 20).to_string(),
        );
        // Per partition and request; the default of a megabyte makes many small requests of a backlog.
        client::set_default(
            &mut config,
            "max.partition.fetch.bytes",
            &half.min(4 << 20).to_string(),
        );
        // The longest that a request may wait behind a fetch that finds nothing.
        client::set_default(&mut config, "fetch.wait.max.ms", "100");
        // With a full queue librdkafka would otherwise look for room once a second only.
        client::set_default(&mut config, "fetch.queue.backoff.ms", "20");
        client::set_default(&mut config, "check.crcs", "true");
        // A topic that is made after its readers is seen within seconds.
        client::set_default(&mut config, "topic.metadata.refresh.interval.ms", "5000");
        // A commit that gets no answer blocks the group's rebalance for this long.
        client::set_default(&mut config, "socket.timeout.ms", "30000");

        let shared = Arc::new(Shared::new(
            brokers.into(),
            options.group,
            &options.topics,
            half,
        ));
        let context = Context {
            shared: Arc::clone(&shared),
        };
        let consumer: Arc<Client> = Arc::new(
            config
                .create_with_context(context)
                .map_err(client::config_error)?,
        );
        let topics: Vec<_> = options.topics.iter().map(String::as_str).collect();
        consumer
            .subscribe(&topics)
            .map_err(|error| client::error(&shared.log, "subscribe", &error))?;
        let pump = std::thread::Builder::new()
            .name("log-pump".to_owned())
            .spawn({
                let (consumer, shared) = (Arc::clone(&consumer), Arc::clone(&shared));
                move || pump::run(&consumer, &shared)
            });
        let pump = pump.map_err(|error| Error::Storage {
            log: Arc::clone(&shared.log),
            doing: "start a thread".to_owned(),
            detail: error.to_string(),
        })?;
        Ok(Self {
            consumer,
            shared,
            pump: Some(pump),
            deadline: options.deadline,
        })
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.shared.log
    }

    pub(crate) async fn poll(&mut self, bytes_max: usize, wait: Duration) -> Result<Polled> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            if let Some(polled) = lock(&self.shared.assignment).take(bytes_max)? {
                self.shared.taken.notify_one();
                return Ok(polled);
            }
            if tokio::time::timeout_at(deadline, self.shared.arrived.notified())
                .await
                .is_err()
            {
                return lock(&self.shared.assignment)
                    .take_trouble()
                    .map_or(Ok(Polled::default()), Err);
            }
        }
    }

    pub(crate) fn in_doubt(&self, topic: &str, partition: i32) -> Option<Cut> {
        lock(&self.shared.assignment).in_doubt(&TopicPartition {
            topic: topic.into(),
            partition,
        })
    }

    /// Commits partition by partition: of a request for several librdkafka does not tell which failed.
    pub(crate) async fn step(&mut self, step: Step, cuts: &[Cut]) -> Result<()> {
        for cut in cuts {
            lock(&self.shared.assignment).check(step, cut, &self.shared.group)?;
        }
        let deadline = Instant::now() + self.deadline;
        for cut in cuts {
            let mut pause = Duration::from_millis(50);
            loop {
                let (consumer, shared, cut) = (
                    Arc::clone(&self.consumer),
                    Arc::clone(&self.shared),
                    cut.clone(),
                );
                match self
                    .blocking(move || commit(&consumer, &shared, step, &cut))
                    .await
                {
                    Err(error) if error.is_retryable() && Instant::now() + pause < deadline => {
                        tracing::debug!(%error, "could not commit, trying again");
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(Duration::from_secs(2));
                    }
                    outcome => break outcome?,
                }
            }
        }
        Ok(())
    }

    /// Two questions for all partitions together: each would wait behind the fetch that is under way on
    /// the same connection, and that takes up to `fetch.wait.max.ms` when there is nothing to fetch.
    pub(crate) async fn lag(&mut self) -> Result<Vec<PartitionLag>> {
        let (consumer, shared) = (Arc::clone(&self.consumer), Arc::clone(&self.shared));
        self.blocking(move || {
            let positions = lock(&shared.assignment).positions();
            if positions.is_empty() {
                return Ok(Vec::new());
            }
            let first = edge(&consumer, &shared, &positions, Offset::Beginning)?;
            let end = edge(&consumer, &shared, &positions, Offset::End)?;
            let lags = positions.into_iter().map(|(place, next_offset)| {
                let at = |edge: &HashMap<TopicPartition, i64>| edge.get(&place).copied();
                let next_offset = next_offset.max(at(&first).unwrap_or(0));
                PartitionLag {
                    end_offset: at(&end).unwrap_or(next_offset),
                    topic: place.topic,
                    partition: place.partition,
                    next_offset,
                }
            });
            Ok(lags.collect())
        })
        .await
    }

    pub(crate) async fn close(mut self) {
        let pump = self.pump.take();
        let log = Arc::clone(&self.shared.log);
        // The pump's is then the last reference, and dropping that leaves the group.
        drop(self);
        let joined = tokio::task::spawn_blocking(move || pump.map(JoinHandle::join)).await;
        if !matches!(joined, Ok(None | Some(Ok(())))) {
            tracing::error!(%log, "the thread that polls kafka ended in a panic");
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let stopped = |_| Error::Stopped {
            log: Arc::clone(&self.shared.log),
        };
        tokio::task::spawn_blocking(work).await.map_err(stopped)?
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.taken.notify_one();
    }
}

/// Asks for the first or the end offset of all these partitions at once.
fn edge(
    consumer: &Client,
    shared: &Shared,
    places: &[(TopicPartition, i64)],
    edge: Offset,
) -> Result<HashMap<TopicPartition, i64>> {
    let failed = |error: &KafkaError| client::error(&shared.log, "measure the lag", error);
    let mut asked = TopicPartitionList::with_capacity(places.len());
    for (place, _) in places {
        asked
            .add_partition_offset(&place.topic, place.partition, edge)
            .map_err(|error| failed(&error))?;
    }
    let answered = consumer
        .offsets_for_times(asked, LAG_ATTEMPT)
        .map_err(|error| failed(&error))?;
    let mut offsets = HashMap::with_capacity(places.len());
    for element in answered.elements() {
        element.error().map_err(|error| failed(&error))?;
        if let Offset::Offset(offset) = element.offset() {
            let place = shared.place(element.topic(), element.partition());
            offsets.insert(place, offset);
        }
    }
    Ok(offsets)
}

/// Commits one step of one cut, unless the partition is lost.
fn commit(consumer: &Client, shared: &Shared, step: Step, cut: &Cut) -> Result<()> {
    let doing = step.doing();
    let _partitions_stay = lock(&shared.commit_gate);
    lock(&shared.assignment).check(step, cut, &shared.group)?;
    let refused = |detail: String| Error::Refused {
        log: Arc::clone(&shared.log),
        doing: doing.to_owned(),
        detail,
    };
    let mut offsets = TopicPartitionList::with_capacity(1);
    let mut element = offsets.add_partition(&cut.topic, cut.partition);
    let next_offset = match step {
        Step::Record => {
            element.set_metadata(cut_note::write(cut).map_err(|error| refused(error.to_string()))?);
            cut.first_offset
        }
        Step::Finish => cut.last_offset.saturating_add(1),
    };
    element
        .set_offset(Offset::Offset(next_offset))
        .map_err(|error| refused(error.to_string()))?;
    match consumer.commit(&offsets, CommitMode::Sync) {
        Ok(()) => {
            lock(&shared.assignment).apply(step, cut);
            Ok(())
        }
        Err(error) if error.rdkafka_error_code().map(meaning) == Some(Meaning::PutOut) => {
            Err(lost(cut, &shared.group))
        }
        Err(error) => match client::error(&shared.log, doing, &error) {
            Error::Unavailable { detail, .. } => Err(shared.unavailable(doing, &detail)),
            other => Err(other),
        },
    }
}
