//! Where a collector's messages go: the way that a URL names, with a spool before it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use patchlens_event::{EVENTS_TOPIC, REJECTS_TOPIC};
use patchlens_gateway::{Client, ClientOptions};
use patchlens_ingest::ship::{Destination, ShipError, SpoolOptions, Spooled};
use patchlens_log::{Error as LogError, LogUrl, Message, Writer, WriterOptions, ensure_topics};

use crate::config::{Config, collector_token};
use crate::services::open_writer;

/// A way without a spool.
#[derive(Debug)]
pub(crate) enum Way {
    /// A log on this disk.
    Local(Arc<Writer>),
    /// A Kafka cluster, which may be away when the collector starts.
    Kafka(Box<Kafka>),
    /// A gateway.
    Gateway(Box<Client>),
}

/// A Kafka cluster whose topics may not be there yet.
#[derive(Debug)]
pub(crate) struct Kafka {
    url: LogUrl,
    writer: Writer,
    partitions: u16,
    deadline: Duration,
    has_topics: bool,
}

impl Kafka {
    async fn append(&mut self, topic: &str, messages: Vec<Message>) -> Result<(), ShipError> {
        if !self.has_topics {
            let topics = [
                (EVENTS_TOPIC, self.partitions),
                (REJECTS_TOPIC, self.partitions),
            ];
            let making = tokio::time::timeout(self.deadline, ensure_topics(&self.url, &topics));
            making.await.unwrap_or_else(|_| {
                Err(LogError::Unavailable {
                    log: Arc::clone(self.writer.log()),
                    doing: "make its topics".to_owned(),
                    detail: format!("no answer within {} s", self.deadline.as_secs()),
                })
            })?;
            self.has_topics = true;
        }
        Ok(self.writer.append(topic, messages).await?)
    }
}

impl Destination for Way {
    async fn append(&mut self, topic: &str, messages: Vec<Message>) -> Result<(), ShipError> {
        match self {
            Self::Local(writer) => Ok(Writer::append(writer, topic, messages).await?),
            Self::Kafka(kafka) => kafka.append(topic, messages).await,
            Self::Gateway(client) => client.append(topic, messages).await,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Local(writer) => writer.log().to_string(),
            Self::Kafka(kafka) => kafka.url.to_string(),
            Self::Gateway(client) => client.name(),
        }
    }
}

/// A way, with a spool where one is of use.
#[derive(Debug)]
pub(crate) enum Shipping {
    /// A local log has a disk of its own; and somebody may not want a spool.
    Straight(Way),
    /// What cannot be handed over now waits.
    Spooled(Box<Spooled<Way>>),
}

impl Shipping {
    /// Opens the way that `url` names.
    ///
    /// # Errors
    /// When the URL is none, or a local log or the spool cannot be opened.
    pub(crate) async fn open(
        config: &Config,
        url: &str,
        token_file: Option<&std::path::Path>,
    ) -> anyhow::Result<Self> {
        let spool = &config.collect.spool;
        let has_spool = spool.mib_max > 0;
        let deadline = if has_spool {
            Duration::from_secs(spool.after_seconds)
        } else {
            config.append_deadline()
        };
        let way = open_way(config, url, token_file, deadline).await?;
        if matches!(way, Way::Local(_)) || !has_spool {
            return Ok(Self::Straight(way));
        }
        let options = SpoolOptions {
            dir: spool_dir(config, &way.name()),
            bytes_max: spool.mib_max << 20,
            wait: deadline,
        };
        let dir = options.dir.clone();
        let spooled = Spooled::open(way, options)
            .await
            .with_context(|| format!("opening the spool {}", dir.display()))?;
        Ok(Self::Spooled(Box::new(spooled)))
    }

    /// Closes what is open, in good order.
    pub(crate) async fn close(self) {
        match self {
            Self::Straight(Way::Local(writer)) => {
                if let Some(writer) = Arc::into_inner(writer) {
                    writer.close().await;
                }
            }
            Self::Straight(_) => {}
            Self::Spooled(spooled) => spooled.close().await,
        }
    }
}

impl Destination for Shipping {
    async fn append(&mut self, topic: &str, messages: Vec<Message>) -> Result<(), ShipError> {
        match self {
            Self::Straight(way) => way.append(topic, messages).await,
            Self::Spooled(spooled) => spooled.append(topic, messages).await,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Straight(way) => way.name(),
            Self::Spooled(spooled) => spooled.name(),
        }
    }
}

async fn open_way(
    config: &Config,
    url: &str,
    token_file: Option<&std::path::Path>,
    deadline: Duration,
) -> anyhow::Result<Way> {
    if url.starts_with("http://") || url.starts_with("https://") {
        let file = token_file.unwrap_or(&config.collect.token_file);
        let token = collector_token(Some(file))?.map(|secret| secret.0);
        let client = Client::new(ClientOptions {
            url: url.to_owned(),
            token,
            deadline,
        })?;
        return Ok(Way::Gateway(Box::new(client)));
    }
    let parsed: LogUrl = url.parse()?;
    if matches!(parsed, LogUrl::Local { .. }) {
        return Ok(Way::Local(Arc::new(open_writer(config, url).await?)));
    }
    let options = WriterOptions {
        deadline,
        ..WriterOptions::default()
    };
    Ok(Way::Kafka(Box::new(Kafka {
        writer: Writer::open(&parsed, options).await?,
        url: parsed,
        partitions: config.event_log.partitions,
        deadline,
        has_topics: false,
    })))
}

/// The directory of one destination's spool: what waits for one never goes to another.
fn spool_dir(config: &Config, destination: &str) -> PathBuf {
    let base = if config.collect.spool.dir.as_os_str().is_empty() {
        config.data_dir.join("spool")
    } else {
        config.collect.spool.dir.clone()
    };
    let shown: String = destination
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(60)
        .collect();
    let id = patchlens_event::EventId::from_parts(&[b"spool", destination.as_bytes()]);
    let id: String = id.as_str().chars().take(8).collect();
    base.join(format!("{}-{id}", shown.trim_matches('-')))
}
