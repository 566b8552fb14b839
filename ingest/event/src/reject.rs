//! What could not be read, with all that is needed to read it later.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DeviceId, Origin};

/// Why a piece of input was refused. A closed set: it labels metrics.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// No parser recognises the file.
    UnknownFormat,
    /// The bytes do not follow the format that the file otherwise has.
    Malformed,
    /// The file ends in the middle of a record, or an archive is cut short.
    Truncated,
    /// A limit on size, ratio, count or nesting was exceeded.
    LimitExceeded,
    /// A name in an archive points outside it, or is a link.
    UnsafePath,
    /// The file could not be opened or read.
    Unreadable,
    /// A message in the log is not an event of a known version.
    UndecodableEvent,
    /// The store refuses this row.
    RefusedByStore,
    /// It is about a device that its collector may not speak for.
    NotAllowed,
    /// It lies among files of several computers, and nothing says which of them it is of.
    Unassigned,
}

impl RejectReason {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownFormat => "unknown_format",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::LimitExceeded => "limit_exceeded",
            Self::UnsafePath => "unsafe_path",
            Self::Unreadable => "unreadable",
            Self::UndecodableEvent => "undecodable_event",
            Self::RefusedByStore => "refused_by_store",
            Self::NotAllowed => "not_allowed",
            Self::Unassigned => "unassigned",
        }
    }
}

/// One refused piece of input: grain one line, one file or one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// Hash over device, place and bytes: the same reject collected twice has the same id.
    pub reject_id: crate::EventId,
    /// The device, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// Why, for counting.
    pub reason: RejectReason,
    /// Why, for a person: what was being done and what was found.
    pub detail: String,
    /// Where the bytes stood.
    pub origin: Origin,
    /// The first bytes of the refused input (at most [`Reject::RAW_BYTES_MAX`]), as text; bytes
    /// that are no UTF-8 stand as U+FFFD.
    pub raw: String,
    /// When the collector met it, UTC.
    #[schemars(with = "String")]
    pub collected_at: Timestamp,
    /// The program version that refused it.
    pub refused_by: String,
}

impl Reject {
    /// How much of the refused input is kept.
    pub const RAW_BYTES_MAX: usize = 16 * 1024;
}
