//! Which format a file has, by its content; the name decides only between formats of equal shape.

use patchlens_event::Source;

use crate::encoding::{Decoder, LineReader};
use crate::text::{self, Component};

/// A format that a parser of this crate reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// WindowsUpdate.log as decoded from ETW traces (Windows 10 and later).
    WindowsUpdateLog,
    /// WindowsUpdate.log in the tab-separated form of Windows 7 and 8.
    WindowsUpdateLogLegacy,
    /// CBS.log, CbsPersist archives and `sfcdetails` extracts.
    CbsLog,
    /// dism.log.
    DismLog,
    /// Panther's setupact.log and setuperr.log.
    SetupLog,
    /// ReportingEvents.log.
    ReportingEvents,
    /// Logs of the Configuration Manager client (CMTrace form).
    CmtraceLog,
    /// Logs of driver installations: setupapi.dev.log and its like.
    SetupapiLog,
    /// SetupDiag's results.
    SetupDiag,
    /// An .evtx event log file.
    Evtx,
    /// Event log records as JSON: one array, or one object per line.
    EventsJson,
    /// Event log records as text: XML, CSV, and what Event Viewer, wevtutil and PowerShell print.
    EventsText,
    /// Output of `systeminfo`.
    SystemInfo,
    /// A list of installed updates: `wmic qfe`, `Get-HotFix`.
    HotfixList,
    /// The operating system's version as JSON.
    OsVersion,
    /// Output of `reg query` or a .reg export.
    RegQuery,
    /// A list of services with their start types.
    ServiceList,
    /// A list of volumes with their free space.
    DiskList,
    /// Output of `certutil -hashfile` or `Get-FileHash`.
    HashListing,
    /// Process Monitor's CSV export.
    ProcmonCsv,
    /// Rows of an osquery schedule.
    OsqueryRows,
}

impl Format {
    /// Every format, text logs first.
    pub const ALL: [Self; 21] = [
        Self::WindowsUpdateLog,
        Self::WindowsUpdateLogLegacy,
        Self::CbsLog,
        Self::DismLog,
        Self::SetupLog,
        Self::ReportingEvents,
        Self::CmtraceLog,
        Self::SetupapiLog,
        Self::SetupDiag,
        Self::Evtx,
        Self::EventsJson,
        Self::EventsText,
        Self::SystemInfo,
        Self::HotfixList,
        Self::OsVersion,
        Self::RegQuery,
        Self::ServiceList,
        Self::DiskList,
        Self::HashListing,
        Self::ProcmonCsv,
        Self::OsqueryRows,
    ];

    /// The name in every report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WindowsUpdateLog => "windows_update_log",
            Self::WindowsUpdateLogLegacy => "windows_update_log_legacy",
            Self::CbsLog => "cbs_log",
            Self::DismLog => "dism_log",
            Self::SetupLog => "setup_log",
            Self::ReportingEvents => "reporting_events",
            Self::CmtraceLog => "cmtrace_log",
            Self::SetupapiLog => "setupapi_log",
            Self::SetupDiag => "setup_diag",
            Self::Evtx => "evtx",
            Self::EventsJson => "events_json",
            Self::EventsText => "events_text",
            Self::SystemInfo => "systeminfo",
            Self::HotfixList => "hotfix_list",
            Self::OsVersion => "os_version",
            Self::RegQuery => "reg_query",
            Self::ServiceList => "service_list",
            Self::DiskList => "disk_list",
            Self::HashListing => "hash_listing",
            Self::ProcmonCsv => "procmon_csv",
            Self::OsqueryRows => "osquery_rows",
        }
    }

    /// The source that its events carry.
    pub fn source(self) -> Source {
        match self {
            Self::WindowsUpdateLog | Self::WindowsUpdateLogLegacy => Source::WindowsUpdateLog,
            Self::CbsLog => Source::CbsLog,
            Self::DismLog => Source::DismLog,
            Self::SetupLog => Source::SetupLog,
            Self::ReportingEvents => Source::ReportingEvents,
            Self::CmtraceLog => Source::CmtraceLog,
            Self::SetupapiLog => Source::SetupapiLog,
            Self::SetupDiag => Source::SetupDiag,
            Self::Evtx | Self::EventsJson | Self::EventsText => Source::EventLog,
            Self::SystemInfo
            | Self::HotfixList
            | Self::OsVersion
            | Self::RegQuery
            | Self::ServiceList
            | Self::DiskList => Source::Inventory,
            Self::HashListing => Source::HashListing,
            Self::ProcmonCsv => Source::Procmon,
            Self::OsqueryRows => Source::Osquery,
        }
    }

    /// True for the line-based logs that [`TextParser`](crate::TextParser) reads.
    pub fn is_text_log(self) -> bool {
        matches!(
            self,
            Self::WindowsUpdateLog
                | Self::WindowsUpdateLogLegacy
                | Self::CbsLog
                | Self::DismLog
                | Self::SetupLog
                | Self::ReportingEvents
                | Self::CmtraceLog
                | Self::SetupapiLog
        )
    }
}

/// How much of a file [`detect`] wants to see.
pub const HEAD_BYTES: usize = crate::encoding::HEAD_BYTES;

/// Returns the format of a file from its first bytes ([`HEAD_BYTES`] are enough; a shorter head is
/// taken for the whole file) and its name; `None` when no parser recognises it.
pub fn detect(head: &[u8], file_name: &str) -> Option<Format> {
    // From the most to the least peculiar shape: an inventory is known by a few words, which also
    // stand in the texts of logs and events.
    if crate::evtx::is_evtx(head) {
        return Some(Format::Evtx);
    }
    let named = format_by_name(file_name);
    text_log(head, file_name)
        .or_else(|| crate::procmon::recognise(head).then_some(Format::ProcmonCsv))
        .or_else(|| crate::json_events::recognise(head).then_some(Format::EventsJson))
        .or_else(|| crate::event_text::recognise(head).then_some(Format::EventsText))
        // A line of a log may name packages as a list of them does: the name of the file knows better.
        .or_else(|| named.and_then(|_| excerpt(head, named)))
        .or_else(|| crate::inventory::recognise(head))
        .or_else(|| excerpt(head, named))
        .or_else(|| crate::event_text::recognise_prose(head).then_some(Format::EventsText))
}

/// Where DISM says on the console that its log is, in any language and under any name.
const DISM_LOG: &str = "\\Logs\\DISM\\";

/// Lines cut out of a log. What they look like is seldom enough: the file's name says which log they
/// are from, or at least every other line has the whole shape.
fn excerpt(head: &[u8], named: Option<Format>) -> Option<Format> {
    let mut reader = LineReader::new();
    let mut decoder = Decoder::new();
    let (mut at, mut filled) = (0, 0);
    let (mut is_of_dism, mut is_failure) = (false, false);
    let mut candidates: Vec<(Format, usize)> = [
        Format::CbsLog,
        Format::DismLog,
        Format::SetupLog,
        Format::WindowsUpdateLog,
        Format::ReportingEvents,
        Format::CmtraceLog,
    ]
    .into_iter()
    .filter(|format| named.is_none_or(|named| named == *format))
    .map(|format| (format, 0))
    .collect();
    while let Some(line) = reader.next(head, &mut at, true) {
        let text = decoder.decode(&line, false);
        if text.trim().is_empty() {
            continue;
        }
        filled += 1;
        is_of_dism |= text::is_of_console(&text) || text.contains(DISM_LOG);
        is_failure |= text::console_error(&text).is_some();
        for (format, records) in &mut candidates {
            let is_one = text::excerpt_head(*format, &text)
                .is_some_and(|(_, shape)| named.is_some() || shape == text::ExcerptShape::Strong);
            *records += usize::from(is_one);
        }
    }
    if is_of_dism && is_failure && named.is_none_or(|named| named == Format::DismLog) {
        return Some(Format::DismLog);
    }
    // Where setup is not named, its log is the last to be thought of: it may hold lines of the others.
    let (format, records) = candidates
        .into_iter()
        .rev()
        .max_by_key(|(_, records)| *records)?;
    let share = if named.is_some() {
        LINES_PER_RECORD_MAX
    } else {
        2
    };
    (records > 0 && records * share >= filled).then_some(format)
}

/// One line in this many must begin a record, or else the first: lines of a log that are quoted in
/// some other text do not make it a log.
const LINES_PER_RECORD_MAX: usize = 8;
/// One character in this many may be a control character other than tab, line end and NUL.
const CHARACTERS_PER_CONTROL_MIN: usize = 20;

/// What the lines at the start of a file look like.
#[derive(Default)]
struct Lines {
    /// Lines that are not empty.
    filled: usize,
    characters: usize,
    controls: usize,
    windows_update: Shape,
    legacy: Shape,
    reporting_events: Shape,
    cmtrace: Shape,
    panther: Shape,
    setupapi: Shape,
    has_section: bool,
    cbs: usize,
    dism: usize,
    setup: usize,
}

/// Lines that begin a record in one form.
#[derive(Default, Clone, Copy)]
struct Shape {
    records: usize,
    is_first: bool,
}

fn text_log(head: &[u8], file_name: &str) -> Option<Format> {
    let mut seen = Lines::default();
    let mut reader = LineReader::new();
    let mut decoder = Decoder::new();
    let mut at = 0;
    while let Some(line) = reader.next(head, &mut at, true) {
        seen.line(&decoder.decode(&line, false));
    }
    seen.format(file_name)
}

impl Lines {
    fn line(&mut self, line: &str) {
        let line = line.trim_start_matches('\0');
        if line.trim().is_empty() {
            return;
        }
        let is_first = self.filled == 0;
        self.filled += 1;
        let is_control = |c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\0');
        self.characters += line.chars().count();
        self.controls += line.chars().filter(|c| is_control(*c)).count();
        let begins = |format, shape: &mut Shape| {
            let head = text::head(format, line);
            shape.records += usize::from(head.is_some());
            shape.is_first |= head.is_some() && is_first;
            head.map(|head| Component::of(head.component))
        };
        begins(Format::WindowsUpdateLog, &mut self.windows_update);
        begins(Format::WindowsUpdateLogLegacy, &mut self.legacy);
        begins(Format::ReportingEvents, &mut self.reporting_events);
        begins(Format::CmtraceLog, &mut self.cmtrace);
        let likeness = text::setupapi_likeness(line);
        if likeness != text::SetupapiLikeness::No {
            let is_mark = likeness == text::SetupapiLikeness::Mark;
            self.setupapi.records += 1;
            self.setupapi.is_first |= is_first && is_mark;
            self.has_section |= is_mark;
        }
        match begins(Format::CbsLog, &mut self.panther) {
            Some(Component::Cbs) => self.cbs += 1,
            Some(Component::Dism) => self.dism += 1,
            Some(Component::Setup) => self.setup += 1,
            Some(Component::None) | None => {}
        }
    }

    fn format(&self, file_name: &str) -> Option<Format> {
        if self.controls * CHARACTERS_PER_CONTROL_MIN > self.characters {
            return None;
        }
        let shapes = [
            (self.windows_update, Format::WindowsUpdateLog),
            (self.legacy, Format::WindowsUpdateLogLegacy),
            (self.reporting_events, Format::ReportingEvents),
            (self.cmtrace, Format::CmtraceLog),
            (self.panther, self.panther_format(file_name)),
            (self.setupapi(), Format::SetupapiLog),
        ];
        let (shape, format) = shapes.into_iter().max_by_key(|(shape, _)| shape.records)?;
        let is_log = shape.is_first || shape.records * LINES_PER_RECORD_MAX >= self.filled;
        (shape.records > 0 && is_log).then_some(format)
    }

    /// Three letters and a colon begin many a line: where no section begins or ends, most lines must.
    fn setupapi(&self) -> Shape {
        if self.has_section || self.setupapi.records * 2 > self.filled {
            return self.setupapi;
        }
        Shape::default()
    }

    /// CBS.log, dism.log and setupact.log have lines of one shape, and each may hold lines of the
    /// others' components: the name decides if the content does not contradict it, else the
    /// majority of the components.
    fn panther_format(&self, file_name: &str) -> Format {
        let votes = [
            (self.setup, Format::SetupLog),
            (self.dism, Format::DismLog),
            (self.cbs, Format::CbsLog),
        ];
        let majority = votes
            .into_iter()
            .max_by_key(|(count, _)| *count)
            .filter(|(count, _)| *count > 0);
        let is_panther = |named: &Format| votes.iter().any(|(_, format)| format == named);
        let named = format_by_name(file_name)
            .filter(is_panther)
            .filter(|named| {
                let own = votes
                    .iter()
                    .find(|(_, format)| format == named)
                    .map_or(0, |(count, _)| *count);
                own > 0 || majority.is_none()
            });
        // Only setup writes lines without a component.
        named
            .or(majority.map(|(_, format)| format))
            .unwrap_or(Format::SetupLog)
    }
}

fn format_by_name(file_name: &str) -> Option<Format> {
    let name = file_name
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or(file_name)
        .to_ascii_lowercase();
    let words = [
        ("cbs", Format::CbsLog),
        ("sfcdetails", Format::CbsLog),
        ("checksur", Format::CbsLog),
        ("dism", Format::DismLog),
        ("setupact", Format::SetupLog),
        ("setuperr", Format::SetupLog),
        ("windowsupdate", Format::WindowsUpdateLog),
        ("reportingevents", Format::ReportingEvents),
        ("wuahandler", Format::CmtraceLog),
        ("scanagent", Format::CmtraceLog),
        ("updatesdeployment", Format::CmtraceLog),
        ("updateshandler", Format::CmtraceLog),
        ("contenttransfermanager", Format::CmtraceLog),
        ("datatransferservice", Format::CmtraceLog),
        ("cas.log", Format::CmtraceLog),
        ("smsts", Format::CmtraceLog),
    ];
    words
        .into_iter()
        .find(|(word, _)| name.contains(word))
        .map(|(_, format)| format)
}

#[cfg(test)]
mod tests;
