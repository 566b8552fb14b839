//! What a reader has: its partitions, their positions, and what was fetched and not yet delivered.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::position::{Position, Step};
use crate::{Cut, Delivered, Error, Polled, Result, TopicPartition};

/// Shared between the thread that polls librdkafka and the reader.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    owned: BTreeMap<TopicPartition, Owned>,
    /// Gained and lost since the last poll.
    news: Polled,
    fetched: VecDeque<Delivered>,
    fetched_bytes: usize,
    /// Why there is nothing to deliver; the next poll tells it when it has nothing better.
    trouble: Option<Error>,
    /// The reader cannot go on; every call tells it.
    failure: Option<Error>,
}

#[derive(Debug)]
struct Owned {
    position: Position,
    /// The offset that the next fetched message should have, once that is known.
    due: Option<i64>,
}

impl Assignment {
    /// Takes over a partition. `next_offset` is `None` for a group that has no position yet.
    pub(super) fn gain(
        &mut self,
        place: TopicPartition,
        next_offset: Option<i64>,
        cut: Option<Cut>,
    ) {
        let position = Position::inherited(next_offset.unwrap_or(0), cut);
        self.news.gained.push(place.clone());
        self.owned.insert(
            place,
            Owned {
                position,
                due: next_offset,
            },
        );
    }

    /// Gives a partition up, with all that was fetched from it.
    pub(super) fn lose(&mut self, place: &TopicPartition) {
        if self.owned.remove(place).is_none() {
            return;
        }
        self.retain(|message| message.partition != place.partition || message.topic != place.topic);
        match self.news.gained.iter().position(|gained| gained == place) {
            // The caller has never heard of it.
            Some(index) => drop(self.news.gained.swap_remove(index)),
            None => self.news.lost.push(place.clone()),
        }
    }

    /// Takes a fetched message. `Err` has the offset that was due when the log went back.
    pub(super) fn push(&mut self, message: Delivered) -> std::result::Result<(), i64> {
        let Some(owned) = self.owned.get_mut(&message.topic_partition()) else {
            return Ok(());
        };
        match owned.due {
            Some(due) if message.offset < due => return Err(due),
            Some(due) if message.offset > due => {
                tracing::error!(
                    topic = %message.topic, partition = message.partition, due, found = message.offset,
                    "messages were deleted before they were read; the topic's retention is shorter than the delay"
                );
            }
            _ => {}
        }
        owned.due = Some(message.offset.saturating_add(1));
        if message.offset < owned.position.next_offset {
            // Of a cut that was in doubt and was finished without having been read again.
            return Ok(());
        }
        self.fetched_bytes = self.fetched_bytes.saturating_add(size(&message));
        self.fetched.push_back(message);
        self.trouble = None;
        Ok(())
    }

    /// Takes what the next poll shall return, if there is anything.
    pub(super) fn take(&mut self, bytes_max: usize) -> Result<Option<Polled>> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let mut polled = std::mem::take(&mut self.news);
        let mut bytes = 0_usize;
        while let Some(message) = self.fetched.front() {
            bytes = bytes.saturating_add(size(message));
            if bytes > bytes_max && !polled.messages.is_empty() {
                break;
            }
            self.fetched_bytes = self.fetched_bytes.saturating_sub(size(message));
            polled.messages.extend(self.fetched.pop_front());
        }
        Ok((!polled.is_empty()).then_some(polled))
    }

    /// Takes the trouble that keeps messages from coming.
    pub(super) fn take_trouble(&mut self) -> Option<Error> {
        self.trouble.take()
    }

    /// Notes why no messages come.
    pub(super) fn note_trouble(&mut self, trouble: Error) {
        self.trouble = Some(trouble);
    }

    /// Ends the reader.
    pub(super) fn fail(&mut self, failure: Error) {
        self.failure = Some(failure);
    }

    /// Bytes that are fetched and not delivered.
    pub(super) fn fetched_bytes(&self) -> usize {
        self.fetched_bytes
    }

    /// The partitions and their next offsets.
    pub(super) fn positions(&self) -> Vec<(TopicPartition, i64)> {
        self.owned
            .iter()
            .map(|(place, owned)| (place.clone(), owned.position.next_offset))
            .collect()
    }

    pub(super) fn in_doubt(&self, place: &TopicPartition) -> Option<Cut> {
        self.owned.get(place)?.position.in_doubt().cloned()
    }

    /// Checks that the cut's partition is ours, as far as the caller knows too, and that the step is due.
    pub(super) fn check(&self, step: Step, cut: &Cut, group: &str) -> Result<()> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let place = cut.topic_partition();
        match self.owned.get(&place) {
            // Lost and won back: the cut is of the time before.
            Some(owned) if !self.news.lost.contains(&place) => owned.position.check(step, cut),
            _ => Err(lost(cut, group)),
        }
    }

    /// Notes that the broker has the step.
    pub(super) fn apply(&mut self, step: Step, cut: &Cut) {
        let place = cut.topic_partition();
        let Some(owned) = self.owned.get_mut(&place) else {
            return;
        };
        owned.position.apply(step, cut);
        let next_offset = owned.position.next_offset;
        // A cut that was in doubt may be finished without having been read again.
        self.retain(|message| message.offset >= next_offset || message.topic_partition() != place);
    }

    fn retain(&mut self, keep: impl Fn(&Delivered) -> bool) {
        self.fetched.retain(keep);
        self.fetched_bytes = self.fetched.iter().map(size).sum();
    }
}

/// The error for a cut whose partition is another reader's.
pub(super) fn lost(cut: &Cut, group: &str) -> Error {
    Error::Lost {
        topic: Arc::clone(&cut.topic),
        partition: cut.partition,
        group: group.to_owned(),
    }
}

fn size(message: &Delivered) -> usize {
    message.key.len() + message.payload.len()
}
