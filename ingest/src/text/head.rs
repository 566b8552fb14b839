//! The first line of a record, by format.

use std::borrow::Cow;

use patchlens_event::Level;

use super::{cmtrace, panther, reporting_events, windows_update};
use crate::{Format, LoggedTime};

/// What the first line of a record says.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    pub(crate) time_text: Cow<'a, str>,
    pub(crate) time: LoggedTime,
    pub(crate) level: Level,
    pub(crate) component: Option<&'a str>,
    pub(crate) message: &'a str,
    pub(crate) fields: Vec<(String, String)>,
    /// The record ends on a later line that says so; until then every line belongs to it.
    pub(crate) is_open: bool,
}

/// Reads a line as the first of a record; `None` when it begins none.
pub(crate) fn head(format: Format, line: &str) -> Option<Head<'_>> {
    match format {
        Format::WindowsUpdateLog => windows_update::head(line),
        Format::WindowsUpdateLogLegacy => windows_update::legacy_head(line),
        Format::CbsLog | Format::DismLog | Format::SetupLog => panther::head(line),
        Format::ReportingEvents => reporting_events::head(line),
        Format::CmtraceLog => cmtrace::head(line),
        // Those that are read with what stands above (`setupapi::Sections`), and those without lines.
        _ => None,
    }
}
