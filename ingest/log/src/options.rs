//! How a log is written and read.

use std::time::Duration;

use crate::{Error, Result};

/// Limits of a [`crate::Writer`].
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// How long one append may keep trying before it fails with [`Error::Unavailable`].
    pub deadline: Duration,
    /// The largest key and payload together. Topics made by [`crate::ensure_topics`] take 8 MiB.
    pub message_bytes_max: usize,
    /// Kafka: bytes that may wait to be sent, over all appends.
    pub buffer_bytes_max: usize,
    /// Local: the size of the log on disk at which appends are refused with [`Error::Full`].
    /// The write-ahead log beside it comes on top: 64 MiB and the largest append.
    pub disk_bytes_max: u64,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_mins(1),
            message_bytes_max: crate::MESSAGE_BYTES_MAX,
            buffer_bytes_max: 64 << 20,
            disk_bytes_max: 8 << 30,
        }
    }
}

/// Who reads what, and its limits.
#[derive(Debug, Clone)]
pub struct ReaderOptions {
    /// The consumer group. Readers of one group share the partitions; each group has its own position.
    pub group: String,
    /// The topics.
    pub topics: Vec<String>,
    /// Bytes that are fetched ahead of [`crate::Reader::poll`], at most.
    pub buffer_bytes_max: usize,
    /// How long recording or finishing a cut may keep trying.
    pub deadline: Duration,
    /// Kafka: how long the group waits for a silent reader before it gives its partitions away.
    pub session_timeout: Duration,
    /// Kafka: a name that survives restarts, so that a quick restart moves no partition
    /// (static membership). Unique within the group.
    pub instance_id: Option<String>,
    /// Local: what is kept of finished messages.
    pub retention: Retention,
}

impl ReaderOptions {
    /// Options for `group` on `topics`, the rest at its defaults.
    pub fn new(
        group: impl Into<String>,
        topics: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            group: group.into(),
            topics: topics.into_iter().map(Into::into).collect(),
            buffer_bytes_max: 16 << 20,
            deadline: Duration::from_mins(1),
            session_timeout: Duration::from_secs(45),
            instance_id: None,
            retention: Retention::default(),
        }
    }
}

/// What a local log keeps of messages that every group has finished, for replays. A group that no reader used for a
/// week counts no more once another reads the same topic. A message goes
/// when it is over one of the limits; when the byte budget is reached, all of them go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Finished messages older than this are deleted.
    pub age_max: Duration,
    /// Bytes of finished messages that are kept, per topic; the message across the limit stays.
    pub bytes_max: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            age_max: Duration::from_hours(168),
            bytes_max: 1 << 30,
        }
    }
}

/// Checks a topic's or group's name against what Kafka and file names allow.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<()> {
    let well_formed = (1..=200).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && name.bytes().any(|b| b != b'.');
    if well_formed {
        Ok(())
    } else {
        Err(Error::Name {
            what,
            name: name.chars().take(80).collect(),
        })
    }
}
