//! Writing to a log.

use std::sync::Arc;

use crate::kafka::{self, KafkaWriter};
use crate::local::{self, LocalWriter};
use crate::options::check_name;
use crate::{Error, LogUrl, Message, Result, WriterOptions};

/// Appends messages to a log. May be shared: appends of several tasks go on side by side.
#[derive(Debug)]
pub struct Writer {
    message_bytes_max: usize,
    end: End,
}

#[derive(Debug)]
enum End {
    Kafka(KafkaWriter),
    Local(LocalWriter),
}

impl Writer {
    /// Opens the log for writing. A Kafka cluster need not be reachable yet; a local log is made
    /// when it does not exist.
    ///
    /// # Errors
    /// When a property is wrong, or the local log cannot be opened.
    pub async fn open(url: &LogUrl, options: WriterOptions) -> Result<Self> {
        let message_bytes_max = options.message_bytes_max;
        let end = match url {
            LogUrl::Kafka {
                brokers,
                properties,
                ..
            } => End::Kafka(KafkaWriter::open(brokers, properties, options)?),
            LogUrl::Local { dir } => End::Local(LocalWriter::open(dir, options).await?),
        };
        Ok(Self {
            message_bytes_max,
            end,
        })
    }

    /// Appends the messages, in their order. Returns when all of them are durable.
    ///
    /// Dropping the future does not undo the append: what was handed over may still be written.
    ///
    /// # Errors
    /// When the log could not take all of them within the deadline. Nothing is claimed then: append
    /// all of them again when [`Error::is_retryable`] says so.
    pub async fn append(&self, topic: &str, messages: Vec<Message>) -> Result<()> {
        check_name("topic", topic)?;
        let size = |message: &Message| message.key.len() + message.payload.len();
        if let Some(large) = messages
            .iter()
            .find(|message| size(message) > self.message_bytes_max)
        {
            return Err(Error::TooLarge {
                log: Arc::clone(self.log()),
                topic: topic.to_owned(),
                bytes: size(large),
                bytes_max: self.message_bytes_max,
            });
        }
        if messages.is_empty() {
            return Ok(());
        }
        match &self.end {
            End::Kafka(writer) => writer.append(topic, &messages).await,
            End::Local(writer) => writer.append(topic, messages).await,
        }
    }

    /// Asks the log whether it would take an append now, without appending: whether the brokers
    /// answer, or the local log is within its budget, can be written and has room on its disk.
    ///
    /// # Errors
    /// When it would not, or does not answer within some seconds.
    pub async fn check(&self) -> Result<()> {
        match &self.end {
            End::Kafka(writer) => writer.check().await,
            End::Local(writer) => writer.check().await,
        }
    }

    /// The brokers or the directory, for messages to people.
    pub fn log(&self) -> &Arc<str> {
        match &self.end {
            End::Kafka(writer) => writer.name(),
            End::Local(writer) => writer.name(),
        }
    }

    /// Closes the log after the appends that are under way.
    pub async fn close(self) {
        match self.end {
            // The producer has nothing left that somebody waits for; dropping it ends its threads.
            End::Kafka(_) => {}
            End::Local(writer) => writer.close().await,
        }
    }
}

/// Makes sure that the topics exist; each is a name and a number of partitions. An existing topic
/// stays as it is, since another number of partitions would tear the order of its keys. A local log
/// has one partition per topic.
///
/// # Errors
/// When a name is not allowed, the log is not reachable within a minute, or it refuses.
pub async fn ensure_topics(url: &LogUrl, topics: &[(&str, u16)]) -> Result<()> {
    for (name, _) in topics {
        check_name("topic", name)?;
    }
    match url {
        LogUrl::Kafka {
            brokers,
            properties,
            ..
        } => kafka::ensure_topics(brokers, properties, topics).await,
        LogUrl::Local { dir } => {
            local::ensure_topics(
                dir,
                topics.iter().map(|(name, _)| (*name).to_owned()).collect(),
            )
            .await
        }
    }
}
