//! The address of a log.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::{Error, Result};

/// Where a log is.
///
/// `kafka://host:9092,host2/topic?security.protocol=SASL_SSL` · `local:/var/lib/patchlens/log` · a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogUrl {
    /// A Kafka cluster.
    Kafka {
        /// `host:port,host:port`; port 9092 was added where none was given.
        brokers: String,
        /// The topic that the path named, if it did.
        topic: Option<String>,
        /// librdkafka properties: how to connect.
        properties: Properties,
    },
    /// A directory on this machine.
    Local {
        /// The directory; made when it does not exist.
        dir: PathBuf,
    },
}

/// librdkafka properties. Their values may be secrets: `Debug` shows the names only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// Properties by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// True for properties whose value must not be seen.
    pub(crate) fn is_secret(key: &str) -> bool {
        ["password", "secret", "token", ".pem", "oauthbearer.config"]
            .iter()
            .any(|part| key.contains(part))
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let ours = OURS.iter().any(|ours| match ours.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => key == *ours,
        });
        if ours {
            return Err(Error::Property {
                key: key.to_owned(),
                reason: "is set by patchlens, because delivery depends on it".to_owned(),
            });
        }
        self.0.insert(key.to_owned(), value.to_owned());
        Ok(())
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Properties that carry a guarantee or come from the options.
const OURS: &[&str] = &[
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "auto.commit.interval.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.*",
    "isolation.level",
    "max.in.flight*",
    "max.poll.interval.ms",
    "message.max.bytes",
    "message.send.max.retries",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "queue.buffering.*",
    "queued.*",
    "request.required.acks",
    "retries",
    "session.timeout.ms",
    "transactional.id",
];

impl LogUrl {
    /// Adds librdkafka properties: the place for credentials, which [`LogUrl::from_str`] refuses.
    ///
    /// # Errors
    /// When the log is not Kafka, or a property is one that this crate sets itself.
    pub fn with_properties<'a>(
        mut self,
        more: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self> {
        for (key, value) in more {
            match &mut self {
                Self::Kafka { properties, .. } => properties.set(key, value)?,
                Self::Local { .. } => {
                    return Err(Error::Property {
                        key: key.to_owned(),
                        reason: "is for Kafka, and the event log is local".to_owned(),
                    });
                }
            }
        }
        Ok(self)
    }

    /// A local log in `dir`.
    pub fn local(dir: impl Into<PathBuf>) -> Self {
        Self::Local { dir: dir.into() }
    }
}

impl fmt::Display for LogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kafka { brokers, topic, .. } => {
                write!(f, "kafka://{brokers}")?;
                topic.as_ref().map_or(Ok(()), |topic| write!(f, "/{topic}"))
            }
            Self::Local { dir } => write!(f, "local:{}", dir.display()),
        }
    }
}

impl FromStr for LogUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // The query is left out of messages: somebody may have put a secret there.
        let shown = text.split('?').next().unwrap_or_default();
        let error = |reason: &str| Error::Address {
            address: shown.chars().take(200).collect(),
            reason: reason.to_owned(),
        };
        if let Some(rest) = text.strip_prefix("kafka://") {
            return parse_kafka(rest, error);
        }
        let path = match text.strip_prefix("local:") {
            // local:///dir, as URLs are often written
            Some(path) => path.strip_prefix("//").unwrap_or(path),
            None if text.contains("://") => return Err(error("its scheme is not known")),
            None if is_host_and_port(text) => {
                return Err(error(
                    "it has no scheme: kafka://… for a broker, http://… or https://… for a gateway, local:… for a directory of this name",
                ));
            }
            None => text,
        };
        if path.is_empty() {
            return Err(error("no directory is named"));
        }
        Ok(Self::local(path))
    }
}

/// Whether this is what people call a service by, and hardly a directory.
fn is_host_and_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        host.len() > 1
            && !host.contains(['/', '\\'])
            && !port.is_empty()
            && port.bytes().all(|b| b.is_ascii_digit())
    })
}

fn parse_kafka(rest: &str, error: impl Fn(&str) -> Error) -> Result<LogUrl> {
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, path) = address.split_once('/').unwrap_or((address, ""));
    if hosts.contains('@') {
        let reason =
            "it holds credentials; give them as the properties sasl.username and sasl.password";
        return Err(Error::Address {
            address: "kafka://…@…".to_owned(),
            reason: reason.to_owned(),
        });
    }
    let brokers = hosts
        .split(',')
        .map(|host| with_port(host).ok_or_else(|| error("a broker is host or host:port")))
        .collect::<Result<Vec<_>>>()?;
    let topic = path.trim_end_matches('/');
    if !topic.is_empty() {
        crate::options::check_name("topic", topic)?;
    }
    let mut properties = Properties::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| error("its query is not name=value&name=value"))?;
        if Properties::is_secret(key) {
            let reason = "is a secret: process lists and histories keep addresses, so give it in the configuration or the environment";
            return Err(Error::Property {
                key: key.to_owned(),
                reason: reason.to_owned(),
            });
        }
        properties.set(key, value)?;
    }
    Ok(LogUrl::Kafka {
        brokers: brokers.join(","),
        topic: (!topic.is_empty()).then(|| topic.to_owned()),
        properties,
    })
}

/// Adds port 9092 where there is none. `None` for what is no host.
fn with_port(host: &str) -> Option<String> {
    let (name, port) = match host.rsplit_once(':') {
        // A colon inside [::1] belongs to the address.
        Some((name, port)) if !port.ends_with(']') => {
            (name, port.parse::<u16>().ok().filter(|port| *port != 0)?)
        }
        _ => (host, 9092),
    };
    let bracketed = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let well_formed = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        }
    };
    well_formed.then(|| format!("{name}:{port}"))
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
