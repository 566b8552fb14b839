//! From polls to cuts: messages are gathered until a cut is full or its time is up.
//!
//! A cut that a previous owner recorded and did not finish is gathered as exactly that range: its
//! messages wait until all of them are there, and what follows them waits for the next cut.

use std::sync::Arc;
use std::time::Duration;

use patchlens_log::{Cut, Delivered, Reader, TopicPartition};
use tokio::time::Instant;

use crate::Result;

/// Messages that are stored together, and the ranges that they are.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// In order within each partition.
    pub(crate) messages: Arc<[Delivered]>,
    /// One for each partition.
    pub(crate) cuts: Vec<Cut>,
    /// True when a previous owner may have stored some of it.
    pub(crate) in_doubt: bool,
}

/// Gathers messages across polls.
#[derive(Debug, Default)]
pub(crate) struct Gatherer {
    /// Polled, but not part of a cut yet.
    waiting: Vec<Delivered>,
}

impl Gatherer {
    /// Polls until `bytes_max` are there or `wait` has passed, and takes the next cut; `None` when
    /// there is nothing to take.
    ///
    /// # Errors
    /// When the log fails.
    pub(crate) async fn next(
        &mut self,
        reader: &mut Reader,
        bytes_max: usize,
        wait: Duration,
        made_by: &str,
    ) -> Result<Option<Gathered>> {
        let until = Instant::now() + wait;
        loop {
            let held: usize = self
                .waiting
                .iter()
                .map(|message| message.payload.len())
                .sum();
            let left = until.saturating_duration_since(Instant::now());
            let unfinished = self.lacks_part_of_a_cut(reader);
            if !unfinished && (held >= bytes_max || (left.is_zero() && held > 0)) {
                break;
            }
            let polled = reader
                .poll(
                    bytes_max.saturating_sub(held).max(1),
                    left.max(Duration::from_millis(10)),
                )
                .await?;
            self.drop_lost(&polled.lost);
            let nothing = polled.messages.is_empty();
            self.waiting.extend(polled.messages);
            if nothing && left.is_zero() && !self.lacks_part_of_a_cut(reader) {
                break;
            }
        }
        Ok(self.take(
            |message| reader.in_doubt(&message.topic, message.partition),
            made_by,
        ))
    }

    /// Messages of partitions that another process owns now are its to store.
    fn drop_lost(&mut self, lost: &[TopicPartition]) {
        if !lost.is_empty() {
            self.waiting
                .retain(|message| !lost.contains(&message.topic_partition()));
        }
    }

    fn lacks_part_of_a_cut(&self, reader: &Reader) -> bool {
        self.last_of_each().any(|last| {
            reader
                .in_doubt(&last.topic, last.partition)
                .is_some_and(|cut| last.offset < cut.last_offset)
        })
    }

    fn last_of_each(&self) -> impl Iterator<Item = &Delivered> {
        self.waiting
            .iter()
            .enumerate()
            .filter(|(index, message)| {
                let later = self.waiting.iter().skip(index.saturating_add(1));
                !later.into_iter().any(|other| {
                    other.topic == message.topic && other.partition == message.partition
                })
            })
            .map(|(_, message)| message)
    }

    fn take(
        &mut self,
        recorded: impl Fn(&Delivered) -> Option<Cut>,
        made_by: &str,
    ) -> Option<Gathered> {
        let mut cuts: Vec<Cut> = Vec::new();
        let mut messages = Vec::with_capacity(self.waiting.len());
        let mut later = Vec::new();
        let mut in_doubt = false;
        for message in self.waiting.drain(..) {
            let known = cuts
                .iter_mut()
                .find(|cut| cut.topic == message.topic && cut.partition == message.partition);
            match (known, recorded(&message)) {
                (_, Some(cut)) if message.offset > cut.last_offset => {
                    later.push(message);
                    continue;
                }
                (Some(_), Some(_)) => {}
                (None, Some(cut)) => {
                    in_doubt = true;
                    cuts.push(Cut {
                        made_by: made_by.to_owned(),
                        ..cut
                    });
                }
                (Some(cut), None) => cut.last_offset = message.offset,
                (None, None) => cuts.push(Cut {
                    topic: Arc::clone(&message.topic),
                    partition: message.partition,
                    first_offset: message.offset,
                    last_offset: message.offset,
                    made_by: made_by.to_owned(),
                }),
            }
            messages.push(message);
        }
        self.waiting = later;
        (!messages.is_empty()).then(|| Gathered {
            messages: messages.into(),
            cuts,
            in_doubt,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(partition: i32, offset: i64) -> Delivered {
        Delivered {
            topic: "t".into(),
            partition,
            offset,
            key: String::new(),
            payload: vec![0],
            appended_at: None,
        }
    }

    fn ranges(gathered: &Gathered) -> Vec<(i32, i64, i64)> {
        gathered
            .cuts
            .iter()
            .map(|cut| (cut.partition, cut.first_offset, cut.last_offset))
            .collect()
    }

    #[test]
    fn each_partition_is_one_range() {
        let mut gatherer = Gatherer {
            waiting: vec![message(0, 3), message(1, 8), message(0, 5)],
        };
        let gathered = gatherer.take(|_| None, "v").unwrap();
        assert_eq!(
            (ranges(&gathered), gathered.in_doubt),
            (vec![(0, 3, 5), (1, 8, 8)], false)
        );
        assert!(gatherer.take(|_| None, "v").is_none());
    }

    #[test]
    fn a_recorded_range_is_taken_as_it_was_recorded_and_the_rest_waits() {
        let cut = |message: &Delivered| {
            (message.partition == 0).then(|| Cut {
                topic: "t".into(),
                partition: 0,
                first_offset: 2,
                last_offset: 4,
                made_by: "old".into(),
            })
        };
        let mut gatherer = Gatherer {
            waiting: vec![message(0, 3), message(0, 4), message(0, 5), message(1, 1)],
        };
        let gathered = gatherer.take(cut, "v").unwrap();
        assert_eq!(
            (ranges(&gathered), gathered.in_doubt),
            (vec![(0, 2, 4), (1, 1, 1)], true)
        );
        let rest = gatherer.take(|_| None, "v").unwrap();
        assert_eq!((ranges(&rest), rest.in_doubt), (vec![(0, 5, 5)], false));
    }

    #[test]
    fn messages_of_lost_partitions_are_dropped() {
        let mut gatherer = Gatherer {
            waiting: vec![message(0, 3), message(1, 8)],
        };
        gatherer.drop_lost(&[TopicPartition {
            topic: "t".into(),
            partition: 0,
        }]);
        assert_eq!(
            ranges(&gatherer.take(|_| None, "v").unwrap()),
            vec![(1, 8, 8)]
        );
    }
}
