//! The wire contract between collectors and the transform stage, and nothing else.
//!
//! One [`Event`] is one JSON object. Several events of one device travel in one log message
//! as NDJSON ([`encode_batch`], [`decode_batch`]), keyed by [`DeviceId`].
//! The JSON Schema of the contract is `ingest/event/schema/event.v1.json`; a test regenerates it.
//!
//! Invariants: this crate does no I/O, reads no clock, and knows neither Kafka nor Polars.

mod batch;
mod causes;
mod code;
mod event;
mod identity;
mod ids;
pub mod inventory;
mod reject;
#[cfg(test)]
mod tests;

pub use batch::{BatchItem, decode_batch, encode_batch};
pub use causes::causes;
pub use code::{Hresult, ParseHresultError};
pub use event::{Event, Kind, Level, Origin, SCHEMA_VERSION, Source, ZoneSource};
pub use identity::{EventId, IdentityKey, IdentityScope};
pub use ids::{DeviceId, KbArticle, ParseKbArticleError};
pub use reject::{Reject, RejectReason};

/// The topic that carries events; the key of each message is the device id.
pub const EVENTS_TOPIC: &str = "patchlens.events.v1";
/// The topic that carries what could not be read: raw bytes, where they stood, and why.
pub const REJECTS_TOPIC: &str = "patchlens.rejects.v1";
/// Topic of event log documents as Winlogbeat and other forwarders write them straight to Kafka; the
/// transform stage reads them as they are.
pub const DOCUMENTS_TOPIC: &str = "patchlens.winlogbeat.v1";
