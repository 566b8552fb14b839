//! What can go wrong with the event log.

use std::path::PathBuf;
use std::sync::Arc;

use crate::Cut;

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with the event log. Every message names the log: its brokers or its directory.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address of a log could not be understood.
    #[error(
        "{address:?} is no event log: {reason}; expected kafka://host:9092,host:9092/topic, local:/directory or a directory"
    )]
    Address {
        /// The address as given, without its query.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A Kafka property is unknown, has a wrong value, or is one that this crate sets itself.
    #[error("kafka property {key}: {reason}")]
    Property {
        /// The name of the property; its value may be a secret and is never shown.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name cannot be used for a topic or a group, locally and in Kafka alike.
    #[error(
        "{name:?} cannot name a {what}: 1 to 200 letters, digits, '.', '_' or '-', and not only dots"
    )]
    Name {
        /// `topic` or `group`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The log cannot be reached now, or did not answer in time. Nothing is claimed; try again.
    #[error("event log {log} is not available while {doing}: {detail}")]
    Unavailable {
        /// The brokers or the directory.
        log: Arc<str>,
        /// What was being done.
        doing: String,
        /// What the log's client says.
        detail: String,
    },
    /// The log answered, and the answer is no: credentials, permissions, an unknown topic.
    #[error("event log {log} refused while {doing}: {detail}")]
    Refused {
        /// The brokers or the directory.
        log: Arc<str>,
        /// What was being done.
        doing: String,
        /// What the log's client says.
        detail: String,
    },
    /// A message is larger than the log takes.
    #[error(
        "a message of {bytes} bytes for topic {topic} is larger than the {bytes_max} that event log {log} takes: split it"
    )]
    TooLarge {
        /// The brokers or the directory.
        log: Arc<str>,
        /// The topic.
        topic: String,
        /// The size of key and payload.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The local log has reached its byte budget and nothing in it is finished. Try again later.
    #[error(
        "event log {log} is full: {used_bytes} of {bytes_max} bytes are unread or unfinished by a group that read it within the last week; let the transform catch up or raise the budget"
    )]
    Full {
        /// The directory.
        log: Arc<str>,
        /// Bytes in use.
        used_bytes: u64,
        /// The budget.
        bytes_max: u64,
    },
    /// The device under the local log is full. Try again when there is room.
    #[error("no space left on the device of event log {log}")]
    DiskFull {
        /// The directory.
        log: Arc<str>,
    },
    /// The file is an SQLite database of something else, or no database at all.
    #[error("{path} is not an event log ({detail}); nothing was changed: choose another directory", path = .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How that was seen.
        detail: String,
    },
    /// The file was written by a later version.
    #[error("{path} has format {found}, and this version knows {known}: use the version that wrote it", path = .path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: i64,
        /// The newest known format.
        known: i64,
    },
    /// The file is damaged.
    #[error(
        "{path} is damaged ({detail}): stop all programs that use it, move it away, and collect again what was not transformed",
        path = .path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// A file or directory of the local log cannot be made, opened or written.
    #[error("cannot {doing} in event log {log}: {detail}")]
    Storage {
        /// The directory.
        log: Arc<str>,
        /// What was being done.
        doing: String,
        /// What the operating system or SQLite says.
        detail: String,
    },
    /// The partition belongs to another reader of the group now: drop all work for it.
    #[error(
        "partition {partition} of topic {topic} now belongs to another reader of group {group}: its work is dropped here and done there"
    )]
    Lost {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The group.
        group: String,
    },
    /// Cuts must be recorded and finished one after the other: this is a mistake of the caller.
    #[error("cut {first}..={last} of topic {topic}, partition {partition} cannot be {step}: {reason}",
        first = .cut.first_offset, last = .cut.last_offset, topic = .cut.topic, partition = .cut.partition)]
    CutOrder {
        /// The cut.
        cut: Box<Cut>,
        /// `recorded` or `finished`.
        step: &'static str,
        /// What stands against it.
        reason: String,
    },
    /// The group's committed position carries a note that this program did not write.
    #[error(
        "group {group} on {log} is in use by another program (its commit metadata is {metadata:?}): choose another group name"
    )]
    ForeignGroup {
        /// The brokers.
        log: Arc<str>,
        /// The group.
        group: String,
        /// The beginning of the metadata.
        metadata: String,
    },
    /// The log holds less than the group has read: the topic was deleted and made anew, or lost its end.
    #[error(
        "topic {topic}, partition {partition} on {log} went back to offset {found} where group {group} had come to {expected}: \
         reset the group's offsets if the topic was made anew"
    )]
    Rewound {
        /// The brokers.
        log: Arc<str>,
        /// The group.
        group: String,
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The offset that was due.
        expected: i64,
        /// The offset that came.
        found: i64,
    },
    /// The thread that serves the log has ended: this is a mistake in this crate.
    #[error("the thread that serves event log {log} has ended; open it again")]
    Stopped {
        /// The brokers or the directory.
        log: Arc<str>,
    },
}

impl Error {
    /// True when the same call may succeed later without anybody changing anything else.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Full { .. } | Self::DiskFull { .. } => true,
            Self::Address { .. }
            | Self::Property { .. }
            | Self::Name { .. }
            | Self::Refused { .. }
            | Self::TooLarge { .. }
            | Self::Foreign { .. }
            | Self::NewerFormat { .. }
            | Self::Corrupt { .. }
            | Self::Storage { .. }
            | Self::Lost { .. }
            | Self::CutOrder { .. }
            | Self::ForeignGroup { .. }
            | Self::Rewound { .. }
            | Self::Stopped { .. } => false,
        }
    }
}
