//! How the embedded engine is started.

use std::ffi::CString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::embedded::analyst::limits::AnalystLimits;
use crate::store::Secret;

/// Settings of the embedded engine. [`EngineConfig::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// libchdb.so; see [`super::default_library`].
    pub library: PathBuf,
    /// Where tables live; made when missing. One process at a time.
    pub data_dir: PathBuf,
    /// Where ClickHouse's HTTP interface listens; port 0 takes a free one. An address that others
    /// can reach needs a password.
    pub http_addr: SocketAddr,
    /// Queries that run at the same time; others wait their turn. Each keeps one thread.
    pub threads: usize,
    /// Memory that the engine may use in all, in bytes; a query beyond it gets error 241.
    pub memory_bytes_max: u64,
    /// What analysts must give, as `X-ClickHouse-Key`, basic authentication or `password=`; without it they are let
    /// in, from this machine only. Either way they read; to write takes [`super::Engine::writer_password`].
    pub analyst_password: Option<Secret>,
    /// What one statement of an analyst may take.
    pub analyst: AnalystLimits,
}

impl EngineConfig {
    /// Returns the defaults: 127.0.0.1:8123, 16 queries at a time, 2 GiB.
    pub fn new(library: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            library: library.into(),
            data_dir: data_dir.into(),
            http_addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 8123)),
            threads: 16,
            memory_bytes_max: 2 << 30,
            analyst_password: None,
            analyst: AnalystLimits::default(),
        }
    }

    /// The arguments of every connection. The first connection takes the server's part of them.
    pub(crate) fn arguments(&self) -> Vec<CString> {
        let path = self.data_dir.display().to_string();
        [
            "clickhouse".to_owned(),
            format!("--path={path}"),
            // Answers mean "stored": the default since 26.x is to buffer inserts.
            "--async_insert=0".to_owned(),
            "--wait_for_async_insert=1".to_owned(),
            "--mutations_sync=2".to_owned(),
            "--alter_sync=2".to_owned(),
            "--session_timezone=UTC".to_owned(),
            // The defaults are those of a server that owns its machine: 0.9 of RAM, 5 GB of marks.
            format!("--max_server_memory_usage={}", self.memory_bytes_max),
            format!("--mark_cache_size={}", self.memory_bytes_max / 16),
            "--uncompressed_cache_size=0".to_owned(),
            "--index_mark_cache_size=16777216".to_owned(),
            "--background_pool_size=2".to_owned(),
            "--background_schedule_pool_size=8".to_owned(),
        ]
        .into_iter()
        .filter_map(|argument| CString::new(argument).ok())
        .collect()
    }
}

impl Default for EngineConfig {
    /// The defaults without the two paths, which have none.
    fn default() -> Self {
        Self::new("", "")
    }
}

/// A secret that is never printed and is compared without telling how much of it was right.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(blake3::Hash);

impl Password {
    /// Takes the secret; only its hash is kept.
    pub(crate) fn new(secret: &str) -> Self {
        Self(blake3::hash(secret.as_bytes()))
    }

    /// True when `candidate` is the secret.
    pub(crate) fn matches(&self, candidate: &str) -> bool {
        // `blake3::Hash` compares in constant time.
        self.0 == blake3::hash(candidate.as_bytes())
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}
