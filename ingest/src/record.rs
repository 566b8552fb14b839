//! What every parser hands on: records and issues, borrowed from the bytes they were read from.

use std::borrow::Cow;

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::Offset};
use patchlens_event::{Level, RejectReason};

/// When a record says it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedTime {
    /// The format or this record states no time.
    Unstated,
    /// Wall-clock time of the device, without a zone.
    Local(DateTime),
    /// Wall-clock time with its offset from UTC in minutes, east positive.
    Offset(DateTime, i32),
    /// UTC.
    Utc(Timestamp),
}

impl LoggedTime {
    /// The day that the record itself states: the device's, or of UTC where it states that.
    pub(crate) fn date(self) -> Option<Date> {
        match self {
            Self::Unstated => None,
            Self::Local(local) | Self::Offset(local, _) => Some(local.date()),
            Self::Utc(at) => Some(Offset::UTC.to_datetime(at).date()),
        }
    }
}

/// One record of a log: its first line and the continuation lines below it.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// Line of the first byte in the file, from 1; 0 where the format has no lines.
    pub line: u64,
    /// Offset of the first byte in the original, undecoded file.
    pub byte_offset: u64,
    /// Record number of the event log.
    pub record_id: Option<u64>,
    /// The time as it stands in the file; part of the content identity.
    pub time_text: Cow<'a, str>,
    /// The time, read.
    pub time: LoggedTime,
    /// The severity that the log gave it.
    pub level: Level,
    /// Component or event provider.
    pub component: Option<Cow<'a, str>>,
    /// Event log channel.
    pub channel: Option<Cow<'a, str>>,
    /// Event id of the event log.
    pub windows_event_id: Option<u32>,
    /// The record without time, level, ids and component; continuation lines follow after `\n`.
    pub message: Cow<'a, str>,
    /// Named values: event data, columns of a CSV row, facts of an inventory.
    pub fields: Vec<(String, String)>,
    /// How many lines below the first belong to it.
    pub continuations: u64,
}

/// Input that no record could be made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue<'a> {
    /// Line of the first byte, from 1; 0 where the format has no lines.
    pub line: u64,
    /// Offset of the first byte in the original, undecoded file.
    pub byte_offset: u64,
    /// How many lines it covers: these count as rejected.
    pub lines: u64,
    /// Why, for counting.
    pub reason: RejectReason,
    /// Why, for a person.
    pub detail: String,
    /// The first bytes of it, at most [`patchlens_event::Reject::RAW_BYTES_MAX`].
    pub raw: Cow<'a, [u8]>,
}

/// Takes what a parser finds, in reading order.
pub trait RecordSink {
    /// Takes one record.
    fn record(&mut self, record: Record<'_>);
    /// Takes one piece of input that no record could be made of.
    fn issue(&mut self, issue: Issue<'_>);
}
