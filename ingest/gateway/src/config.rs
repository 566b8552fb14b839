//! Limits of the gateway.

use std::path::PathBuf;
use std::time::Duration;

use patchlens_ingest::collect::CollectOptions;

use crate::ConnectionLimits;

/// Limits and places. The settings that fill it are explained in the program's `default.toml`.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// The file of tokens; need not exist.
    pub token_file: PathBuf,
    /// Where uploads are kept while they are read; emptied at start.
    pub upload_dir: PathBuf,
    /// Largest body of events or documents, after inflating.
    pub request_bytes_max: usize,
    /// Largest bundle, as sent.
    pub bundle_bytes_max: u64,
    /// Bytes of all bundles that are on disk at once.
    pub upload_bytes_max: u64,
    /// Bundles that are received or read at once.
    pub bundles_max: usize,
    /// Bytes of bodies that are in memory at once, over all requests.
    pub memory_bytes_max: usize,
    /// Requests that one collector may make in a second.
    pub requests_per_second: u32,
    /// Kibibytes that one collector may send in a second, before inflating.
    pub kib_per_second: u32,
    /// Longest time for a body of events to arrive, and longest silence within a bundle.
    pub body_wait: Duration,
    /// Limits on connections.
    pub connections: ConnectionLimits,
    /// Largest message of the event log that events of one device are put together to.
    pub message_kib_max: usize,
    /// How bundles and documents are read; its time is replaced by that of the request.
    pub collect: CollectOptions,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
}
