//! Which format a file has, by its content; the name decides only between formats of equal shape.

use patchlens_event::Source;

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
    /// SetupDiag's results.
    SetupDiag,
    /// An .evtx event log file.
    Evtx,
    /// Event log records as JSON: one array, or one object per line.
    EventsJson,
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
    pub const ALL: [Self; 19] = [
        Self::WindowsUpdateLog, Self::WindowsUpdateLogLegacy, Self::CbsLog, Self::DismLog, Self::SetupLog,
        Self::ReportingEvents, Self::CmtraceLog, Self::SetupDiag, Self::Evtx, Self::EventsJson, Self::SystemInfo,
        Self::HotfixList, Self::OsVersion, Self::RegQuery, Self::ServiceList, Self::DiskList, Self::HashListing,
        Self::ProcmonCsv, Self::OsqueryRows,
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
            Self::SetupDiag => "setup_diag",
            Self::Evtx => "evtx",
            Self::EventsJson => "events_json",
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
            Self::SetupDiag => Source::SetupDiag,
            Self::Evtx | Self::EventsJson => Source::EventLog,
            Self::SystemInfo | Self::HotfixList | Self::OsVersion | Self::RegQuery | Self::ServiceList | Self::DiskList => {
                Source::Inventory
            }
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
        )
    }
}

/// Returns the format of a file from its first bytes ([`HEAD_BYTES`] are enough) and its name;
/// `None` when no parser recognises it.
pub fn detect(_head: &[u8], _file_name: &str) -> Option<Format> {
    None
}

/// How much of a file [`detect`] wants to see.
pub const HEAD_BYTES: usize = 64 * 1024;
