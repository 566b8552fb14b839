//! Reading from a log.

use std::sync::Arc;
use std::time::Duration;

use crate::kafka::KafkaReader;
use crate::local::LocalReader;
use crate::options::check_name;
use crate::position::Step;
use crate::{Cut, LogUrl, PartitionLag, Polled, ReaderOptions, Result};

/// Reads a log as one member of a group, and keeps the group's position.
///
/// The way of a range: [`poll`](Reader::poll) it → [`record_cut`](Reader::record_cut) → store its
/// rows → [`finish`](Reader::finish). Per partition one cut is open at a time. A partition that has
/// an [`in_doubt`](Reader::in_doubt) cut delivers its messages again: verify at the destination
/// which of them are there, store the others, then finish that same cut.
#[derive(Debug)]
pub struct Reader {
    end: End,
}

#[derive(Debug)]
enum End {
    Kafka(KafkaReader),
    Local(LocalReader),
}

impl Reader {
    /// Joins the group. A Kafka cluster need not be reachable yet; a local log is made when it does
    /// not exist. A new group begins with the oldest message there is.
    ///
    /// # Errors
    /// When a name or property is wrong, or the local log cannot be opened.
    pub async fn open(url: &LogUrl, options: ReaderOptions) -> Result<Self> {
        check_name("group", &options.group)?;
        for topic in &options.topics {
            check_name("topic", topic)?;
        }
        let end = match url {
            LogUrl::Kafka {
                brokers,
                properties,
                ..
            } => End::Kafka(KafkaReader::open(brokers, properties, options)?),
            LogUrl::Local { dir } => End::Local(LocalReader::open(dir, options).await?),
        };
        Ok(Self { end })
    }

    /// Returns messages as soon as there are any, at most `bytes_max` of them (but at least one,
    /// whatever its size), and news about partitions. Returns nothing when `wait` has passed.
    ///
    /// Between two polls the reader stays in its group however long the caller takes.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] when the log is away and nothing was left to deliver: poll again.
    pub async fn poll(&mut self, bytes_max: usize, wait: Duration) -> Result<Polled> {
        match &mut self.end {
            End::Kafka(reader) => reader.poll(bytes_max, wait).await,
            End::Local(reader) => reader.poll(bytes_max, wait).await,
        }
    }

    /// The cut that the partition's previous owner recorded and did not finish. Known from the poll
    /// that tells the partition as gained, until it is finished.
    pub fn in_doubt(&self, topic: &str, partition: i32) -> Option<Cut> {
        match &self.end {
            End::Kafka(reader) => reader.in_doubt(topic, partition),
            End::Local(reader) => reader.in_doubt(topic, partition),
        }
    }

    /// Records the cuts, at most one per partition; durable when this returns. A cut may be
    /// recorded again as long as its range is the same.
    ///
    /// # Errors
    /// [`crate::Error::Lost`] when a partition went to another reader, [`crate::Error::CutOrder`] for a cut
    /// that does not follow; after any error store no row of these cuts, or record them again first.
    pub async fn record_cut(&mut self, cuts: &[Cut]) -> Result<()> {
        self.step(Step::Record, cuts).await
    }

    /// Marks the recorded cuts as done: the position moves behind them.
    ///
    /// # Errors
    /// As for [`record_cut`](Reader::record_cut). A cut that could not be finished is in doubt for
    /// the next owner; nothing is lost.
    pub async fn finish(&mut self, cuts: &[Cut]) -> Result<()> {
        self.step(Step::Finish, cuts).await
    }

    async fn step(&mut self, step: Step, cuts: &[Cut]) -> Result<()> {
        if cuts.is_empty() {
            return Ok(());
        }
        match &mut self.end {
            End::Kafka(reader) => reader.step(step, cuts).await,
            End::Local(reader) => reader.step(step, cuts).await,
        }
    }

    /// How far the group is behind: in the partitions of this reader, or in a local log in all.
    ///
    /// # Errors
    /// When the log cannot be asked.
    pub async fn lag(&mut self) -> Result<Vec<PartitionLag>> {
        match &mut self.end {
            End::Kafka(reader) => reader.lag().await,
            End::Local(reader) => reader.lag().await,
        }
    }

    /// The brokers or the directory, for messages to people.
    pub fn log(&self) -> &Arc<str> {
        match &self.end {
            End::Kafka(reader) => reader.name(),
            End::Local(reader) => reader.name(),
        }
    }

    /// Leaves the group, so that its partitions go to others at once. Dropping the reader does the
    /// same, but does not wait for it.
    pub async fn close(self) {
        match self.end {
            End::Kafka(reader) => reader.close().await,
            End::Local(reader) => reader.close().await,
        }
    }
}
