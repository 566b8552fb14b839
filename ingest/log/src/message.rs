//! What is written to a log, what is read from it, and how far reading has come.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// One message to append. Messages with equal keys keep their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Decides the partition; the device's id.
    pub key: String,
    /// The bytes, which the log does not look into.
    pub payload: Vec<u8>,
}

/// One message as it came out of the log. Its identity is (topic, partition, offset).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The place within the partition; grows, but not always by one.
    pub offset: i64,
    /// The key; empty when the producer gave none.
    pub key: String,
    /// The bytes.
    pub payload: Vec<u8>,
    /// When the log took it, in milliseconds since 1970, UTC; null where the log does not say.
    pub appended_at: Option<i64>,
}

impl Delivered {
    /// The partition that the message stands in.
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition {
            topic: Arc::clone(&self.topic),
            partition: self.partition,
        }
    }
}

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition; always 0 in a local log.
    pub partition: i32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// A range of one partition that is, or was, to be stored as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The first message of the range.
    pub first_offset: i64,
    /// The last message of the range, included.
    pub last_offset: i64,
    /// The versions of transform and reference data that make the rows of this range.
    pub made_by: String,
}

impl Cut {
    /// The longest `made_by`, in bytes: brokers take 4096 bytes of commit metadata unless told otherwise.
    pub const MADE_BY_BYTES_MAX: usize = 1024;

    /// The partition that the range lies in.
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition {
            topic: Arc::clone(&self.topic),
            partition: self.partition,
        }
    }
}

/// What one call of [`crate::Reader::poll`] brought.
///
/// Look at `lost` first: it is about messages of earlier polls. `messages` belong to partitions that
/// this reader has now, a partition lost and won back included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Polled {
    /// Partitions that went to another reader: drop what was read from them and is not finished.
    pub lost: Vec<TopicPartition>,
    /// Partitions that this reader has since this poll; see [`crate::Reader::in_doubt`].
    pub gained: Vec<TopicPartition>,
    /// Messages, in order within each partition.
    pub messages: Vec<Delivered>,
}

impl Polled {
    /// True when there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.gained.is_empty() && self.messages.is_empty()
    }
}

/// How far a group is behind in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionLag {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The first offset that is not finished.
    pub next_offset: i64,
    /// The offset that the next message to be appended will have.
    pub end_offset: i64,
}

impl PartitionLag {
    /// How many messages are not finished.
    pub fn messages(&self) -> u64 {
        u64::try_from(self.end_offset.saturating_sub(self.next_offset)).unwrap_or(0)
    }
}
