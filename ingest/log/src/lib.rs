//! The event log, to write and to read: a local durable log, or Kafka. Its users cannot tell which.
//! The only place that knows rdkafka.
//!
//! # What holds for both
//! - [`Writer::append`] returns only when every message is durable: synced to disk, or acknowledged
//!   by all in-sync replicas. After an error nothing is claimed: some messages may be in the log,
//!   and appending them again makes duplicates, which the content identity of the events removes.
//! - Messages with equal keys are delivered in the order in which they were appended.
//! - A group's position lives where the log lives. It moves only by [`Reader::finish`].
//! - A [`Cut`] is recorded before its rows are stored, and is found again by whoever owns the
//!   partition next: [`Reader::in_doubt`].
//! - Nothing is looked into: a poison message is a message like any other.
//! - Memory and disk have bounds, and every wait has a deadline.
//!
//! # How the position is kept
//! Kafka: recording a cut commits the cut's first offset with the cut as JSON in the commit's
//! metadata; finishing it commits the offset after its last one, without metadata. Both go through
//! the group coordinator, which refuses readers that the group has put out. Local: a row beside the
//! messages, in the same file. Kafka forgets the position of a group that has had no reader for
//! `offsets.retention.minutes` (7 days unless the broker says otherwise).

mod error;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(not(feature = "kafka"))]
#[path = "without_kafka.rs"]
mod kafka;
mod local;
mod message;
mod options;
mod position;
mod reader;
mod url;
mod writer;

pub use error::{Error, Result};
pub use message::{Cut, Delivered, Message, PartitionLag, Polled, TopicPartition};
pub use options::{ReaderOptions, Retention, WriterOptions};
pub use reader::Reader;
pub use url::{LogUrl, Properties};
pub use writer::{Writer, ensure_topics};

/// The largest message that topics made by [`ensure_topics`] take: key and payload together.
pub const MESSAGE_BYTES_MAX: usize = 8 << 20;
