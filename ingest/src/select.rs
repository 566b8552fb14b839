//! Which records are sent whole, and which are only counted.
//!
//! Most lines of a log are noise. Sent are: warnings and errors, every record with a failing code,
//! every inventory, event log records of the providers that take part in updating, Procmon rows
//! that did not succeed, and the lines that tell what an attempt did or what stood in its way,
//! found by one automaton over a keyword table per source. Everything else is counted per
//! (source, template, first code, local day): the base rate that tells noise from signal.
//!
//! A keyword is a piece of text that Windows does not translate. Upper and lower case are equal.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use patchlens_event::{Hresult, Level, Source};

use crate::{Format, Record};

/// What happens to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It becomes an event of its own.
    Send,
    /// It is counted with its equals.
    Count,
}

/// CBS.log: sessions, packages and their states, and every line that names what is damaged.
const CBS: &[&str] = &[
    "Session: ", "Exec: Processing", "Exec: Package", "Package_for_", "Plan: Package", "Appl: ", "Perf: ", "does not match expected", "hash mismatch", "Hash Mismatch",
    "requires Servicing Stack", "servicing stack", "corrupt", "missing", "Repair", "cannot repair", "reboot", "restart", "InFlight", "Installer name", "Installer failed",
    "installer ", "needs ", "rollback", "rolled back", "pending.xml", "pending transaction", "Failed ", "failure", "Mark store", "poqexec", "disk space", "not enough space",
    "not applicable", "Not Applicable", "superseded", "SetupPhase", "Startup: ", "driver operation", "Store corruption", "access denied", "sharing violation", "STATUS_",
];

/// WindowsUpdate.log: calls and their ends, updates by title, downloads, restarts.
const WINDOWS_UPDATE: &[&str] = &[
    "* START *", "* END *", "*FAILED*", "*QUEUED*", "*RESUMED*", "START  ", "  END  ", "Exit code", "exit code", "Update is", "Title = ", "UpdateId = ", "Package_for_", "KB",
    "Download job", "Download succeeded", "Download failed", "download failure", "Succeeded to download", "Install call", "Installing update", "Update install", "reboot", "restart",
    "policy", "AU setting", "service is disabled", "Service startup", "disabled", "proxy", "SOAP", "WSUS server", "Found 0 updates", "Added update", "Updates found", "needs ",
    "requires ", "Servicing Stack", "not applicable", "signature", "hash", "disk space",
];

/// setupact.log: phases and operations, rollback, abort, blocks.
const SETUP: &[&str] = &[
    "phase change", "Setup phase", "SetupPhase", "rollback", "Rollback", "abort", "Abort", "fail", "error", "Error", "GLE", "Extend", "0x2000", "0x3000", "0x4000", "Executing operation", "Operation ",
    "BlockMigration", "hard block", "HardBlock", "soft block", "incompatible", "cannot continue", "disk space", "not enough", "access denied", "MIG", "driver", "reboot", "restart", "Host OS", "KB", "Upgrade",
];

/// dism.log: what was mounted, applied and asked for, with its result.
const DISM: &[&str] = &[
    "HRESULT=", "hr:0x", "Mounting ", "mount", "apply", "Applying", "Package_for_", "/Add-Package", "/Cleanup-Image", "Restorehealth", "ScanHealth", "CheckHealth", "command line",
    "corrupt", "reboot", "needs ", "KB", "source files", "not applicable", "Exit code", "Successfully opened the pending",
];

/// ReportingEvents.log: each line is the result of one step of one update.
const REPORTING: &[&str] = &["Installation", "Download", "Detection", "Restart", "reboot", "Uninstallation", "KB", "Failure", "Success"];

/// CMTrace logs of the Configuration Manager client.
const CMTRACE: &[&str] = &["update", "fail", "error", "install", "download", "reboot", "restart", "KB", "0x8", "scan", "disk space", "policy", "WUA"];

/// Providers of the event log whose every record is sent.
const PROVIDERS: &[&str] = &[
    "Microsoft-Windows-WindowsUpdateClient", "Microsoft-Windows-Servicing", "Ntfs", "Microsoft-Windows-Ntfs", "Disk", "Microsoft-Windows-Disk", "Microsoft-Windows-Kernel-Power",
    "USER32", "Microsoft-Windows-GroupPolicy", "Application Error", "Windows Error Reporting", "Microsoft-Windows-WinSetupDiag", "Microsoft-Windows-Kernel-Boot", "Chkdsk",
    "Microsoft-Windows-Chkdsk", "Microsoft-Windows-Wininit", "Microsoft-Windows-Setup", "Microsoft-Windows-Bits-Client", "volsnap", "MsiInstaller", "EventLog", "Microsoft-Windows-CodeIntegrity",
    "Microsoft-Windows-CbsPreview", "Microsoft-Windows-StartupRepair", "ESENT", "SideBySide",
];

/// Service Control Manager: 7040 start type changed, 7000 to 7045 failures and new services.
const SERVICE_CONTROL: &str = "Service Control Manager";

/// Results of Procmon that say the operation was done, or that there was nothing more to do.
const PROCMON_QUIET: &[&str] = &[
    "SUCCESS", "NAME NOT FOUND", "PATH NOT FOUND", "NO SUCH FILE", "NO MORE FILES", "NO MORE ENTRIES", "BUFFER OVERFLOW", "BUFFER TOO SMALL", "REPARSE", "END OF FILE", "FAST IO DISALLOWED",
    "FILE LOCKED WITH ONLY READERS", "FILE LOCKED WITH WRITERS", "OPLOCK NOT GRANTED", "OPLOCK BREAK IN PROGRESS", "INVALID PARAMETER", "NOT REPARSE POINT", "NO EAS ON FILE", "IS DIRECTORY", "",
];

/// Registry keys that have a say in updating; other keys of an export are counted.
const REGISTRY: &[&str] = &[
    "\\Services\\wuauserv", "\\Services\\BITS", "\\Services\\WaaSMedicSvc", "\\Services\\UsoSvc", "\\Services\\TrustedInstaller", "\\Services\\cryptsvc", "\\Services\\DoSvc", "\\Services\\msiserver", "\\Services\\AppXSvc",
    "WindowsUpdate", "Windows NT\\CurrentVersion", "Component Based Servicing", "Session Manager", "ComputerName", "TimeZoneInformation", "SYSTEM\\Setup", "UpdateOrchestrator", "DeliveryOptimization", "WindowsStore",
];

struct Tables {
    cbs: AhoCorasick,
    windows_update: AhoCorasick,
    setup: AhoCorasick,
    dism: AhoCorasick,
    reporting: AhoCorasick,
    cmtrace: AhoCorasick,
    registry: AhoCorasick,
}

static TABLES: LazyLock<Option<Tables>> = LazyLock::new(|| {
    let table = |words: &[&str]| AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::LeftmostFirst).build(words).ok();
    Some(Tables {
        cbs: table(CBS)?,
        windows_update: table(WINDOWS_UPDATE)?,
        setup: table(SETUP)?,
        dism: table(DISM)?,
        reporting: table(REPORTING)?,
        cmtrace: table(CMTRACE)?,
        registry: table(REGISTRY)?,
    })
});

/// Decides about one record of a file of this format; `codes` are its failing codes.
pub fn decide(record: &Record<'_>, codes: &[Hresult], format: Format) -> Decision {
    let evidence = || match format.source() {
        Source::EventLog => provider_matters(record.component.as_deref().unwrap_or_default(), record.windows_event_id),
        Source::Procmon => procmon_matters(record),
        Source::Inventory if format == Format::RegQuery => mentions(record, |tables| &tables.registry),
        Source::Inventory | Source::HashListing | Source::Osquery | Source::SetupDiag => true,
        Source::CbsLog => mentions(record, |tables| &tables.cbs),
        Source::WindowsUpdateLog => mentions(record, |tables| &tables.windows_update),
        Source::SetupLog => mentions(record, |tables| &tables.setup),
        Source::DismLog => mentions(record, |tables| &tables.dism),
        Source::ReportingEvents => mentions(record, |tables| &tables.reporting),
        Source::CmtraceLog => mentions(record, |tables| &tables.cmtrace),
    };
    let is_raised = matches!(record.level, Level::Warning | Level::Error);
    if is_raised || !codes.is_empty() || evidence() { Decision::Send } else { Decision::Count }
}

fn mentions(record: &Record<'_>, table: impl Fn(&Tables) -> &AhoCorasick) -> bool {
    // Without its table nothing is noise.
    TABLES.as_ref().is_none_or(|tables| table(tables).is_match(record.message.as_ref()))
}

fn provider_matters(provider: &str, windows_event_id: Option<u32>) -> bool {
    if provider.eq_ignore_ascii_case(SERVICE_CONTROL) {
        return windows_event_id.is_some_and(|id| id == 7040 || (7000..=7034).contains(&id));
    }
    if provider.eq_ignore_ascii_case("USER32") {
        return windows_event_id == Some(1074);
    }
    PROVIDERS.iter().any(|known| provider.eq_ignore_ascii_case(known))
}

fn procmon_matters(record: &Record<'_>) -> bool {
    let result = record.fields.iter().find(|(name, _)| name == "result").map_or("", |(_, value)| value.as_str());
    !PROCMON_QUIET.iter().any(|quiet| result.trim().eq_ignore_ascii_case(quiet))
}
