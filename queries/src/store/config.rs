//! Where the store is and how long it may take.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::{Error, Result};

/// Settings of a [`super::Store`]. [`StoreConfig::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// `http://127.0.0.1:8123`.
    pub url: String,
    /// User; ClickHouse's default user when absent or empty.
    pub user: Option<String>,
    /// Password; none when absent.
    pub password: Option<Secret>,
    /// Who runs ad-hoc SQL; none: this user, held to reading by settings of each statement.
    pub analyst: Option<Login>,
    /// Database of patchlens.
    pub database: String,
    /// Name of the cluster, when tables are replicated and sharded.
    pub cluster: Option<String>,
    /// Longest wait for the answer to one request. Just above ClickHouse's own 60 s receive timeout,
    /// so that the server's reason arrives before we give up.
    pub request_timeout: Duration,
    /// Where the engine of this process keeps its tables; none: a server, whose durability is its own.
    pub data_dir: Option<PathBuf>,
    /// How often an insert is sent again when the store says that it stored nothing and is busy.
    pub retries_max: u32,
}

impl StoreConfig {
    /// Returns the defaults for one server: database `patchlens`, no credentials, 65 s, 4 retries.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            user: None,
            password: None,
            analyst: None,
            database: "patchlens".to_owned(),
            cluster: None,
            request_timeout: Duration::from_secs(65),
            data_dir: None,
            retries_max: 4,
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        check_identifier("database name", &self.database)?;
        self.cluster
            .as_deref()
            .map_or(Ok(()), |cluster| check_identifier("cluster name", cluster))
    }

    /// True when the URL names what listens at `url` on this machine, by whichever of its names.
    pub fn is_at(&self, url: &str) -> bool {
        self.is_local() && host_and_port(&self.url).1 == host_and_port(url).1
    }

    /// True when the URL names this machine.
    pub fn is_local(&self) -> bool {
        let (host, _) = host_and_port(&self.url);
        host == "localhost"
            || host
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback())
    }

    pub(crate) fn on_cluster(&self) -> String {
        self.cluster
            .as_ref()
            .map_or_else(String::new, |cluster| format!(" ON CLUSTER `{cluster}`"))
    }
}

/// True names only: they are written into statements.
pub(crate) fn check_identifier(what: &'static str, name: &str) -> Result<()> {
    let well_formed = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    if well_formed {
        Ok(())
    } else {
        Err(Error::Identifier {
            what,
            name: name.to_owned(),
        })
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self::new("http://127.0.0.1:8123")
    }
}

/// A user and its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// None where the user has none.
    pub password: Option<Secret>,
}

/// Host and port of a URL; the port is empty when none is named.
fn host_and_port(url: &str) -> (&str, &str) {
    let authority = url.split("://").nth(1).unwrap_or_default();
    let authority = authority.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    };
    (host.trim_matches(['[', ']']), port)
}

/// A password that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_goes_without_compression() {
        for (url, local) in [
            ("http://127.0.0.1:8123", true),
            ("http://localhost:8123/", true),
            ("http://[::1]:8123", true),
            ("http://clickhouse:8123", false),
            ("https://10.0.0.1", false),
            ("http://localhost.example:8123", false),
        ] {
            assert_eq!(StoreConfig::new(url).is_local(), local, "{url}");
        }
    }

    #[test]
    fn a_database_name_cannot_carry_sql() {
        for name in ["", "1a", "a b", "a`; DROP", "ü"] {
            assert!(
                StoreConfig {
                    database: name.to_owned(),
                    ..StoreConfig::new("http://x")
                }
                .check()
                .is_err(),
                "{name}"
            );
        }
    }
}
