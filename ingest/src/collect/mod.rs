//! From a path to events: the whole way of the bundles in it.
//!
//! ```text
//! path ─▶ devices ─▶ first look (names, zone) ─▶ entries ─▶ parser ─▶ records
//!           ─▶ identity ─▶ select ─┬─ sent: redact ─▶ Event
//!                                  └─ counted ─────▶ Event (kind count), at the end of the device
//!      refused names, limits, damaged lines ───────▶ Reject
//! ```
//!
//! Memory does not grow with the size of the input: entries are streamed, and only counts per
//! template are kept. For every device `records = sent + noise_counted`; rejects stand beside them.

mod account;
mod device;
mod documents;
mod event;
mod noise;
mod parallel;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use patchlens_event::{Event, Reject};

use crate::bundle::Limits;
use crate::device::{Division, computers, shares};
use crate::redact::Redaction;
use crate::{Error, Result};

pub use account::{DeviceAccount, PathAccount, Unrecognised};
pub(crate) use device::{Device, stream};
pub use documents::{DocumentOutcome, DocumentReader, named_device};
pub(crate) use event::{FileEvents, FileState};
pub(crate) use noise::{FileNoise, Noise};

/// Longest message of an event in bytes; what is longer is cut at a character boundary.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Why a sink takes no more events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(String);

impl SinkError {
    /// Says what was being done and what went wrong.
    pub fn new(detail: impl Into<String>) -> Self {
        Self(detail.into())
    }
}

/// Takes events and rejects, in reading order.
pub trait EventSink {
    /// Takes one event.
    ///
    /// # Errors
    /// When it cannot be kept; reading stops then.
    fn event(&mut self, event: Event) -> std::result::Result<(), SinkError>;

    /// Takes one reject.
    ///
    /// # Errors
    /// When it cannot be kept; reading stops then.
    fn reject(&mut self, reject: Reject) -> std::result::Result<(), SinkError>;
}

/// How paths are read.
#[derive(Debug, Clone)]
pub struct CollectOptions {
    /// Limits on untrusted input.
    pub limits: Limits,
    /// Id of the device, when the operator knows better; the whole path is one device then.
    pub device: Option<String>,
    /// Offset in minutes, east positive, of local times when nothing states the device's zone.
    pub assumed_offset_minutes: i32,
    /// What is taken out before anything leaves.
    pub redaction: Redaction,
    /// The time of this run.
    pub collected_at: Timestamp,
    /// How many files of a device are read at a time. What comes out does not depend on it.
    pub threads: usize,
    /// How many bytes of each further file's events may wait while an earlier file is read.
    pub ahead_bytes_max: usize,
    /// Whether records that are not sent are counted by template; without, only their number is kept.
    pub counts_noise: bool,
    /// Ends reading when nobody waits for it any more.
    pub cancel: Cancel,
}

/// Ends reading from outside, soon and without an error: what was read until then stays valid.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks all who hold a clone of this to end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True when somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl CollectOptions {
    /// Default limits and redaction, zone assumed to be UTC.
    pub fn new(collected_at: Timestamp) -> Self {
        Self {
            limits: Limits::default(),
            device: None,
            assumed_offset_minutes: 0,
            redaction: Redaction::default(),
            collected_at,
            threads: 1,
            ahead_bytes_max: 2 << 20,
            counts_noise: true,
            cancel: Cancel::default(),
        }
    }

    fn assumed_zone(&self) -> TimeZone {
        let seconds = self.assumed_offset_minutes.saturating_mul(60);
        Offset::from_seconds(seconds).map_or(TimeZone::UTC, TimeZone::fixed)
    }
}

/// Reads everything in a path and hands its events to `sink`.
///
/// # Errors
/// When the path cannot be read at all, or the sink takes no more. Bad input inside is no error.
pub fn read_path(
    path: &Path,
    options: &CollectOptions,
    sink: &mut dyn EventSink,
) -> Result<PathAccount> {
    let mut account = PathAccount::default();
    let division = match options.device {
        Some(_) => Division::None,
        None => Division::Below,
    };
    for share in shares(path, &options.limits, division)? {
        for (bundle, scans) in share.open(&options.limits, division)? {
            account.computers.extend(computers(&scans));
            account.notes.extend(bundle.notes.iter().cloned());
            account
                .devices
                .push(device::read(&bundle, &scans, options, sink)?);
        }
    }
    Ok(account)
}

impl From<SinkError> for Error {
    fn from(source: SinkError) -> Self {
        Self::Sink { source }
    }
}
