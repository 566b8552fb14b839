//! What happens when the group gives partitions and takes them away.
//!
//! A partition is gained with the position and the unfinished cut that its previous owner committed,
//! and is lost only when no commit for it is under way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::client::{self, lock};
use super::cut_note;
use super::pump::Shared;
use crate::{Cut, Error, Result, TopicPartition};

/// How long one request for the positions of new partitions may take.
const POSITIONS_ATTEMPT: Duration = Duration::from_secs(10);

/// The pause between two such requests.
const POSITIONS_PAUSE: Duration = Duration::from_millis(200);

/// The consumer with what hears its events.
pub(super) type Client = BaseConsumer<Context>;

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
type Found = (TopicPartition, Option<i64>, Option<Cut>);

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
                    .try_for_each(TopicPartitionListElem::error);
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
                shared.wait_for_closing(POSITIONS_PAUSE);
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
