//! What one event says.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::DateTime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DeviceId, EventId, Hresult};

/// The version of the contract that this crate writes and reads.
pub const SCHEMA_VERSION: u32 = 1;

/// The format that a record was read from. Part of the content identity: never renamed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// WindowsUpdate.log, ETW-decoded or Windows 7 form.
    WindowsUpdateLog,
    /// CBS.log, CbsPersist archives and `sfcdetails` extracts.
    CbsLog,
    /// dism.log.
    DismLog,
    /// Panther's setupact.log and setuperr.log, rollback logs included.
    SetupLog,
    /// SetupDiag's results.
    SetupDiag,
    /// ReportingEvents.log.
    ReportingEvents,
    /// CMTrace-format logs of the Configuration Manager client.
    CmtraceLog,
    /// Logs of driver installations: setupapi.dev.log and its like.
    SetupapiLog,
    /// Windows event log records, from .evtx files or as JSON.
    EventLog,
    /// Process Monitor's CSV export.
    Procmon,
    /// `certutil -hashfile` and `Get-FileHash` output.
    HashListing,
    /// What the device is: systeminfo, hotfix lists, services, disks.
    Inventory,
    /// Rows of an osquery schedule.
    Osquery,
}

impl Source {
    /// Every source, in the order of the closed set in the store.
    pub const ALL: [Self; 13] = [
        Self::WindowsUpdateLog,
        Self::CbsLog,
        Self::DismLog,
        Self::SetupLog,
        Self::SetupDiag,
        Self::ReportingEvents,
        Self::CmtraceLog,
        Self::SetupapiLog,
        Self::EventLog,
        Self::Procmon,
        Self::HashListing,
        Self::Inventory,
        Self::Osquery,
    ];

    /// The name on the wire, in the store and in every report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WindowsUpdateLog => "windows_update_log",
            Self::CbsLog => "cbs_log",
            Self::DismLog => "dism_log",
            Self::SetupLog => "setup_log",
            Self::SetupDiag => "setup_diag",
            Self::ReportingEvents => "reporting_events",
            Self::CmtraceLog => "cmtrace_log",
            Self::SetupapiLog => "setupapi_log",
            Self::EventLog => "event_log",
            Self::Procmon => "procmon",
            Self::HashListing => "hash_listing",
            Self::Inventory => "inventory",
            Self::Osquery => "osquery",
        }
    }
}

/// What kind of statement an event makes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One log record, sent whole.
    Record,
    /// Facts about the device, in [`Event::fields`] under the names of [`crate::inventory`].
    Inventory,
    /// Records that were counted, not sent: [`Event::count`] of one template in one day.
    Count,
}

impl Kind {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Inventory => "inventory",
            Self::Count => "count",
        }
    }
}

/// The severity that the log itself gave the record.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The format has no levels, or this record's is not known.
    #[default]
    Unknown,
    /// Verbose, debug or performance output.
    Verbose,
    /// Information.
    Info,
    /// Warning.
    Warning,
    /// Error or critical.
    Error,
}

impl Level {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Verbose => "verbose",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How it is known where a local log time lies in UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ZoneSource {
    /// The record itself is in UTC (EVTX) or carries its offset.
    Record,
    /// The log states its offset (a bias line, `tz: +0530`).
    Log,
    /// Another file of the same bundle states the device's zone.
    Device,
    /// Nothing states it: the collector's configured zone was assumed.
    Assumed,
}

impl ZoneSource {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Log => "log",
            Self::Device => "device",
            Self::Assumed => "assumed",
        }
    }
}

/// Where in the collected material a record stood: the address of a piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Path inside the bundle, with `/` between the parts.
    pub file: String,
    /// Line of the record's first byte, from 1; 0 where the format has no lines.
    #[serde(default)]
    pub line: u64,
    /// Offset of the record's first byte in the original, undecoded file.
    #[serde(default)]
    pub byte_offset: u64,
    /// Record number of the event log; null elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_id: Option<u64>,
}

/// One statement of one device: grain one log record, one inventory reading, or one noise count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Version of the contract, [`SCHEMA_VERSION`].
    pub v: u32,
    /// Content identity: the same record collected twice has the same id.
    pub event_id: EventId,
    /// The device that the statement is about.
    pub device_id: DeviceId,
    /// The device's name as it spells it; null when only the id is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// The format it was read from.
    pub source: Source,
    /// What kind of statement it is.
    pub kind: Kind,
    /// When it happened, UTC; null when the source states no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub occurred_at: Option<Timestamp>,
    /// When it happened by the device's own clock on the wall, as logged; null for UTC sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub occurred_at_local: Option<DateTime>,
    /// How the way from local time to UTC is known.
    pub zone_source: ZoneSource,
    /// When the collector read it, UTC.
    #[schemars(with = "String")]
    pub collected_at: Timestamp,
    /// Where it stood.
    pub origin: Origin,
    /// The severity that the log gave it.
    #[serde(default)]
    pub level: Level,
    /// The component that logged it (`CBS`, `Agent`, `MOUPG`) or the event provider's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The event log's channel; null elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The event log's event id; null elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows_event_id: Option<u32>,
    /// Codes found in the record, in reading order, each once; Win32 numbers as HRESULTs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<Hresult>,
    /// The message with its variable parts masked; equal for equal statements.
    pub template: String,
    /// The record as it stood (decoded, redacted, continuation lines joined by `\n`).
    #[serde(default)]
    pub message: String,
    /// Named values: event data, inventory facts, columns of a CSV row.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// How many records it stands for: 1, but for [`Kind::Count`].
    #[serde(default = "one")]
    pub count: u32,
}

fn one() -> u32 {
    1
}
