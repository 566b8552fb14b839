//! The settings in force: flag, then environment, then file, then `default.toml`.
//!
//! Nothing below this package reads the environment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::cli::{Addresses, Ends};

#[cfg(feature = "fleet")]
mod alert;
mod intake;

#[cfg(feature = "fleet")]
pub(crate) use alert::Alert;
pub(crate) use intake::{Follow, Gateway, Spool, collector_token};

/// Every setting, resolved. Field by field as in `default.toml`, where each is explained.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) knowledge_dir: PathBuf,
    pub(crate) event_log: EventLog,
    pub(crate) store: Store,
    pub(crate) embedded: Embedded,
    pub(crate) transform: Transform,
    pub(crate) collect: Collect,
    pub(crate) gateway: Gateway,
    pub(crate) dashboards: Dashboards,
    #[cfg(feature = "fleet")]
    pub(crate) alert: Alert,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventLog {
    pub(crate) url: String,
    pub(crate) group: String,
    pub(crate) instance_id: String,
    pub(crate) partitions: u16,
    pub(crate) append_deadline_seconds: u64,
    pub(crate) local_mib_max: u64,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    pub(crate) url: String,
    pub(crate) user: String,
    pub(crate) password_file: PathBuf,
    pub(crate) database: String,
    pub(crate) ready_deadline_seconds: u64,
    /// Never from a file in the clear, and never shown.
    #[serde(skip)]
    pub(crate) password: Secret,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Embedded {
    pub(crate) library: PathBuf,
    pub(crate) http: String,
    pub(crate) analyst_password_file: PathBuf,
    /// What that file or the environment holds; never shown.
    #[serde(skip)]
    pub(crate) analyst_password: Secret,
    pub(crate) memory_mib_max: u64,
    pub(crate) threads: usize,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transform {
    pub(crate) cut_mib_max: usize,
    pub(crate) cut_wait_ms: u64,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Collect {
    pub(crate) assume_utc_offset: String,
    pub(crate) message_kib_max: usize,
    pub(crate) token_file: PathBuf,
    pub(crate) spool: Spool,
    pub(crate) follow: Follow,
    pub(crate) redact: Redact,
    pub(crate) limits: patchlens_ingest::bundle::Limits,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one switch per class of names, as in the file"
)]
pub(crate) struct Redact {
    pub(crate) user_names: bool,
    pub(crate) sids: bool,
    pub(crate) email_addresses: bool,
    pub(crate) ip_addresses: bool,
    #[serde(skip_serializing)]
    pub(crate) salt: String,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dashboards {
    pub(crate) http: String,
    pub(crate) hosts: Vec<String>,
    pub(crate) token_file: PathBuf,
    pub(crate) upload_mib_max: u64,
    pub(crate) upload_from_elsewhere: bool,
}

/// A password: its `Debug` shows nothing.
#[derive(Clone, Default)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

const DEFAULTS: &str = include_str!("default.toml");

impl Config {
    /// Resolves the settings.
    ///
    /// # Errors
    /// When the file cannot be read, holds an unknown key, or a value is out of its limits.
    pub(crate) fn resolve(file: Option<&Path>, ends: &Ends) -> anyhow::Result<Self> {
        let mut table: toml::Table = DEFAULTS.parse().context("reading the built-in defaults")?;
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("reading the configuration file {}", path.display()))?;
            let own: toml::Table = text
                .parse()
                .with_context(|| format!("reading the configuration file {}", path.display()))?;
            overlay(&mut table, own);
        }
        // One file of settings serves both editions; this one evaluates no alert rules.
        #[cfg(not(feature = "fleet"))]
        table.remove("alert");
        let mut config: Self = table.try_into().with_context(|| match file {
            Some(path) => format!("reading the configuration file {}", path.display()),
            None => "reading the built-in defaults".to_owned(),
        })?;
        config.apply(ends);
        // The engine takes a relative path as one below its own directory.
        config.data_dir = std::path::absolute(&config.data_dir)
            .with_context(|| format!("finding data_dir {}", config.data_dir.display()))?;
        config.read_secrets()?;
        config.check()?;
        Ok(config)
    }

    fn apply(&mut self, ends: &Ends) {
        if let Some(dir) = &ends.data_dir {
            self.data_dir.clone_from(dir);
        }
        if let Some(url) = &ends.event_log {
            self.event_log.url.clone_from(url);
        }
        if let Some(url) = &ends.store {
            self.store.url.clone_from(url);
        }
        if let Some(library) = &ends.libchdb {
            self.embedded.library.clone_from(library);
        }
        if let Some(http) = &ends.store_http {
            self.embedded.http.clone_from(http);
        }
        if let Some(dir) = &ends.knowledge {
            self.knowledge_dir.clone_from(dir);
        }
    }

    /// Takes over addresses given as flags.
    pub(crate) fn with_addresses(mut self, addresses: &Addresses) -> anyhow::Result<Self> {
        if let Some(http) = &addresses.http {
            self.dashboards.http.clone_from(http);
        }
        self.check()?;
        Ok(self)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads secrets from the environment"
    )]
    fn read_secrets(&mut self) -> anyhow::Result<()> {
        let read = |variable: &str, setting: &str, path: &Path| -> anyhow::Result<Secret> {
            if let Ok(password) = std::env::var(variable) {
                return Ok(Secret(password));
            }
            if path.as_os_str().is_empty() {
                return Ok(Secret::default());
            }
            let password = std::fs::read_to_string(path)
                .with_context(|| format!("reading {setting} {}", path.display()))?;
            Ok(Secret(password.trim_end().to_owned()))
        };
        self.store.password = read(
            "PATCHLENS_STORE_PASSWORD",
            "store.password_file",
            &self.store.password_file,
        )?;
        self.embedded.analyst_password = read(
            "PATCHLENS_ANALYST_PASSWORD",
            "embedded.analyst_password_file",
            &self.embedded.analyst_password_file,
        )?;
        if let Ok(salt) = std::env::var("PATCHLENS_REDACT_SALT") {
            self.collect.redact.salt = salt;
        }
        #[cfg(feature = "fleet")]
        self.alert.read_secrets()?;
        Ok(())
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(
            (1..=256).contains(&self.transform.cut_mib_max),
            "transform.cut_mib_max is {}; it must lie between 1 and 256",
            self.transform.cut_mib_max
        );
        ensure!(
            (10..=60_000).contains(&self.transform.cut_wait_ms),
            "transform.cut_wait_ms is {}; it must lie between 10 and 60000",
            self.transform.cut_wait_ms
        );
        ensure!(
            (1..=900).contains(&self.collect.message_kib_max),
            "collect.message_kib_max is {}; it must lie between 1 and 900, for Kafka's brokers take 1 MiB",
            self.collect.message_kib_max
        );
        self.collect
            .limits
            .check()
            .context("in the section collect.limits")?;
        ensure!(
            (1..=64).contains(&self.embedded.threads),
            "embedded.threads is {}; it must lie between 1 and 64",
            self.embedded.threads
        );
        ensure!(
            self.embedded.memory_mib_max >= 256,
            "embedded.memory_mib_max is {}; the engine needs 256 at least",
            self.embedded.memory_mib_max
        );
        ensure!(
            (1..=1024).contains(&self.event_log.partitions),
            "event_log.partitions is {}; it must lie between 1 and 1024",
            self.event_log.partitions
        );
        ensure!(
            !self.event_log.group.is_empty(),
            "event_log.group is empty; name the consumer group"
        );
        ensure!(
            !self.store.url.contains('@'),
            "store.url holds a user or password; use store.user and store.password_file"
        );
        ensure!(
            self.store.url.is_empty()
                || self.store.url.starts_with("http://")
                || self.store.url.starts_with("https://"),
            "store.url is {:?}; it begins with http:// or https://",
            self.store.url
        );
        ensure!(
            (1..=65_536).contains(&self.dashboards.upload_mib_max),
            "dashboards.upload_mib_max is {}; it must lie between 1 and 65536",
            self.dashboards.upload_mib_max
        );
        #[cfg(feature = "fleet")]
        self.alert.check()?;
        self.gateway.check()?;
        self.collect.spool.check()?;
        self.collect.follow.check()?;
        socket_address("embedded.http", &self.embedded.http)?;
        socket_address("dashboards.http", &self.dashboards.http)?;
        utc_offset_minutes(&self.collect.assume_utc_offset)?;
        Ok(())
    }

    /// The event log's URL, the default filled in.
    pub(crate) fn event_log_url(&self) -> String {
        if self.event_log.url.is_empty() {
            format!("local:{}", self.data_dir.join("log").display())
        } else {
            self.event_log.url.clone()
        }
    }

    /// How long a write is tried again.
    pub(crate) fn append_deadline(&self) -> Duration {
        Duration::from_secs(self.event_log.append_deadline_seconds)
    }

    /// The engine's library, the default filled in.
    #[expect(
        clippy::disallowed_methods,
        reason = "the default lies in the user's home"
    )]
    pub(crate) fn library(&self) -> PathBuf {
        if !self.embedded.library.as_os_str().is_empty() {
            return self.embedded.library.clone();
        }
        let home = std::env::var("HOME").unwrap_or_default();
        Path::new(&home)
            .join(".cache/patchlens/libchdb/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so")
    }
}

/// Reads `ADDR:PORT` of the setting `key`.
pub(crate) fn socket_address(key: &str, text: &str) -> anyhow::Result<SocketAddr> {
    text.parse().with_context(|| {
        format!("{key} is {text:?}; expected an address with a port, such as 127.0.0.1:8080")
    })
}

/// Reads `+08:00`, `-0330` or `Z` as minutes east of UTC.
pub(crate) fn utc_offset_minutes(text: &str) -> anyhow::Result<i32> {
    if matches!(text, "Z" | "z" | "") {
        return Ok(0);
    }
    let wrong =
        || format!("{text:?} is no offset from UTC; expected a form such as +08:00 or -03:30");
    let (sign, digits) = match text.split_at_checked(1) {
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => bail!(wrong()),
    };
    let digits = digits.replace(':', "");
    ensure!(
        digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()),
        wrong()
    );
    let number: i32 = digits.parse().with_context(wrong)?;
    let (hours, minutes) = (number / 100, number % 100);
    ensure!(hours <= 14 && minutes < 60, wrong());
    Ok(sign * (hours * 60 + minutes))
}

fn overlay(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(own)) => overlay(inner, own),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
