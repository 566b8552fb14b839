//! Lines of a log as people pass them on: cut out of it, without their times, behind the marks of a
//! list or a quotation, with what stood in columns pushed together.
//!
//! A file is read this way only until a line of its full form shows that it is a whole log: there, a
//! line that begins no record continues the one above.

use std::borrow::Cow;

use patchlens_event::Level;

use super::head::{Head, head as full_head};
use super::panther;
use crate::{Format, LoggedTime};

/// Components of the update client, as both forms of its log name them.
const UPDATE_CLIENT: [&str; 24] = [
    "agent",
    "au",
    "cltui",
    "comapi",
    "datastore",
    "dnldmgr",
    "downloadmanager",
    "driver",
    "dtastor",
    "ep",
    "handler",
    "idletimer",
    "inv",
    "metadataintegrity",
    "misc",
    "parser",
    "protocoltalker",
    "pt",
    "report",
    "service",
    "setup",
    "shared",
    "sls",
    "ws",
];
/// Components of servicing.
const SERVICING: [&str; 5] = ["CBS", "CSI", "DPX", "SXS", "TI"];
/// Components of Windows Setup.
const SETUP: [&str; 12] = [
    "SP", "MIG", "MOUPG", "IBS", "CONX", "DU", "DEPLOY", "SPP", "SYSPRP", "UNATTEND", "IBSLIB",
    "PANTHR",
];
/// Components of the Configuration Manager client that have to do with updates.
const MANAGER_CLIENT: [&str; 15] = [
    "WUAHandler",
    "ScanAgent",
    "UpdatesHandler",
    "UpdatesDeploymentAgent",
    "UpdatesStore",
    "LocationServices",
    "ServiceWindowManager",
    "ContentAccess",
    "ContentTransferManager",
    "DataTransferService",
    "CIAgent",
    "OSDUpgradeWindows",
    "TSManager",
    "TSMBootstrap",
    "execmgr",
];
/// What the texts of those components begin with.
const MANAGER_TEXTS: [(&str, &str); 28] = [
    ("OnSearchComplete - ", "WUAHandler"),
    ("Scan failed with error", "WUAHandler"),
    ("Successfully completed scan", "WUAHandler"),
    ("Async searching of updates", "WUAHandler"),
    ("Async install", "WUAHandler"),
    ("Installation job encountered", "WUAHandler"),
    ("Failed to download updates to the WUAgent", "WUAHandler"),
    ("Failed to get final installation result", "WUAHandler"),
    ("Failed to Add Update Source", "WUAHandler"),
    ("Unable to read existing", "WUAHandler"),
    ("Group policy settings were overwritten", "WUAHandler"),
    ("Received 'SucceededWithErrors'", "WUAHandler"),
    ("WU Agent reported", "WUAHandler"),
    ("HResult: 0x", "WUAHandler"),
    ("Installation of updates completed", "WUAHandler"),
    ("CScanJob::", "ScanAgent"),
    ("CScanAgent::", "ScanAgent"),
    ("WSUS update (", "UpdatesHandler"),
    ("Job error (0x", "UpdatesDeploymentAgent"),
    (
        "Updates will not be made available",
        "UpdatesDeploymentAgent",
    ),
    ("No current service window", "UpdatesDeploymentAgent"),
    ("CTM job ", "ContentTransferManager"),
    ("DTSJob ", "DataTransferService"),
    ("DTS job ", "DataTransferService"),
    ("DTS Job ", "DataTransferService"),
    ("Hash verification ", "ContentAccess"),
    ("Windows setup failed, code ", "OSDUpgradeWindows"),
    ("Failed to set log directory.", "TSManager"),
];
/// How far into a line the comma may stand behind a time that is none: `<DateTime>`, `27:08`.
const TIME_BYTES_MAX: usize = 26;
/// How many words may stand before the component in a line of the update client.
const LEAD_WORDS_MAX: usize = 6;
/// How many marks may stand before a line: a quotation of a list.
const MARKS_MAX: usize = 3;
/// What the check of the store puts before a finding, a repair, a problem and a warning.
const FINDINGS: [&str; 5] = ["(f)", "(fix)", "(p)", "(w)", "(fixed)"];

/// Stands in the name of every package of Windows.
const PACKAGE_TOKEN: &str = "~31bf3856ad364e35~";
/// The longest word for "error" in any language of Windows, in characters.
const ERROR_WORD_CHARS_MAX: usize = 12;

/// How much a line says by itself about the log that it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The whole shape: level and component, or a list's mark before a full line.
    Strong,
    /// Nothing that other texts could not hold as well: the file's name has to say the rest.
    Weak,
}

/// Reads a line as the first of a record of a log of this format.
pub(crate) fn head(format: Format, line: &str) -> Option<(Head<'_>, Shape)> {
    let text = without_marks(line);
    if text.len() < line.len()
        && let Some(head) = full(format, text)
    {
        return Some((head, Shape::Strong));
    }
    match format {
        Format::CbsLog | Format::DismLog | Format::SetupLog => with_columns(format, text),
        Format::WindowsUpdateLog | Format::WindowsUpdateLogLegacy => {
            update_client(text).map(|head| (head, Shape::Weak))
        }
        Format::CmtraceLog => manager_client(text),
        _ => None,
    }
}

/// A line with level and component and without any time, below lines of the full form: somebody put
/// several pieces of a log together. No text of servicing begins a line of its own like this.
pub(super) fn without_time(format: Format, line: &str) -> Option<Head<'_>> {
    if !matches!(format, Format::CbsLog | Format::DismLog | Format::SetupLog)
        || !starts_with_level(line)
    {
        return None;
    }
    panther::columns(line)
        .filter(|(_, component, _)| is_component_of(format, component))
        .map(|(level, component, message)| timeless("", level, Some(component), message))
}

/// A line of the full form. A file of the update client that was passed on may hold both of its forms.
fn full(format: Format, text: &str) -> Option<Head<'_>> {
    match format {
        Format::WindowsUpdateLog => {
            full_head(format, text).or_else(|| full_head(Format::WindowsUpdateLogLegacy, text))
        }
        _ => full_head(format, text),
    }
}

/// Takes away `- `, `* `, `> `, `# ` and `12. `.
fn without_marks(line: &str) -> &str {
    let mut text = line.trim_start();
    for _ in 0..MARKS_MAX {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let behind = if (1..=5).contains(&digits) {
            text.get(digits..)
                .and_then(|rest| rest.strip_prefix(['.', ')']))
        } else {
            text.strip_prefix(['-', '*', '>', '•', '#'])
        };
        match behind {
            Some(rest) if rest.starts_with([' ', '\t']) || text.starts_with('>') => {
                text = rest.trim_start();
            }
            _ => break,
        }
    }
    text
}

/// A line of servicing, imaging or setup.
fn with_columns(format: Format, text: &str) -> Option<(Head<'_>, Shape)> {
    let (time_text, columns) = text
        .split_once(',')
        .filter(|(time, _)| time.len() <= TIME_BYTES_MAX && !starts_with_level(time))
        .map_or(("", text), |(time, rest)| {
            (time.trim_matches(['*', ' ', '\\']), rest)
        });
    if let Some((level, component, message)) =
        panther::columns(columns).filter(|(_, component, _)| is_component_of(format, component))
    {
        return Some((
            timeless(time_text, level, Some(component), message),
            Shape::Strong,
        ));
    }
    // Only the time of day was left before the columns.
    if let Some((time_text, columns)) = text.split_once([' ', '\t'])
        && time_text.starts_with(|c: char| c.is_ascii_digit())
        && time_text.contains(':')
        && let Some((level, component, message)) = panther::columns(columns.trim_start())
            .filter(|(_, component, _)| is_component_of(format, component))
    {
        let head = timeless(time_text, level, Some(component), message);
        return Some((head, Shape::Strong));
    }
    if format == Format::SetupLog {
        return None;
    }
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let rest = rest.trim_start();
    let is_marked = FINDINGS
        .iter()
        .any(|finding| word.eq_ignore_ascii_case(finding));
    if (is_marked && rest.starts_with(['C', '('])) || text.starts_with("Unavailable repair files") {
        return Some((
            timeless("", Level::Unknown, Some("CBS"), text),
            Shape::Strong,
        ));
    }
    if format == Format::DismLog {
        if let Some(error) = console_error(text) {
            return Some((timeless("", Level::Error, Some("DISM"), error), Shape::Weak));
        }
        if text.contains(PACKAGE_TOKEN) {
            return Some((timeless("", Level::Info, Some("DISM"), text), Shape::Weak));
        }
    }
    if is_component_of(format, word) && !rest.is_empty() {
        return Some((timeless("", Level::Unknown, Some(word), rest), Shape::Weak));
    }
    // A line that a page has broken goes on with its code.
    if text.starts_with("[HRESULT") {
        return None;
    }
    let says_failure =
        is_marked || text.starts_with("Failed to ") || text.starts_with("Attempting to mark ");
    // Servicing alone writes codes and names packages this way; a list of files names them by their paths.
    let names_package = text.contains(PACKAGE_TOKEN) && !word.contains(PACKAGE_TOKEN);
    (format == Format::CbsLog && (text.contains("[HRESULT = 0x") || names_package || says_failure))
        .then(|| (timeless("", Level::Unknown, Some("CBS"), text), Shape::Weak))
}

/// What DISM writes to the console when it fails, in any language: a word, a colon and a code. A program
/// that ran DISM and kept what it wrote puts marks of its own before each line.
pub(crate) fn console_error(text: &str) -> Option<&str> {
    let text = text.trim();
    let (before, code) = text.rsplit_once([':', '：'])?;
    let before = before.trim_end();
    let (mark, word) = before
        .rsplit_once([' ', '\t'])
        .map_or(("", before), |(mark, word)| (mark.trim_end(), word));
    let digits = code.trim().strip_prefix("0x").unwrap_or_default();
    let is_error = !word.is_empty()
        && word.chars().count() <= ERROR_WORD_CHARS_MAX
        && word.chars().all(char::is_alphabetic)
        && (mark.is_empty() || mark.ends_with([']', '>', '|', ':', 'Z']))
        && digits.len() == 8
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_error
        .then(|| text.get(before.len() - word.len()..))
        .flatten()
}

/// What else stands on DISM's console: the bar of its progress, and the packages that it works on.
pub(crate) fn is_of_console(text: &str) -> bool {
    let text = text.trim();
    let is_bar = text.starts_with('[')
        && text.ends_with(']')
        && text.contains('%')
        && text.bytes().all(|byte| {
            matches!(byte, b'[' | b']' | b'=' | b' ' | b'.' | b'%') || byte.is_ascii_digit()
        });
    is_bar || text.contains(PACKAGE_TOKEN)
}

/// A line of the Configuration Manager client: as its viewer copies it, with component, time and thread
/// behind the text, or the text alone.
fn manager_client(text: &str) -> Option<(Head<'_>, Shape)> {
    let body = text.trim_end();
    let has_thread = body
        .strip_suffix(')')
        .and_then(|rest| rest.rsplit_once("(0x"))
        .is_some_and(|(_, thread)| {
            (1..=8).contains(&thread.len()) && thread.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
    if has_thread {
        return MANAGER_CLIENT.iter().find_map(|component| {
            let (message, behind) = body.rsplit_once(component)?;
            let stands_apart = message.ends_with([' ', '\t']) && behind.starts_with([' ', '\t']);
            let message = message.trim_end();
            (stands_apart && !message.is_empty()).then(|| {
                let head = timeless("", Level::Unknown, Some(component), message);
                (head, Shape::Strong)
            })
        });
    }
    MANAGER_TEXTS
        .iter()
        .find(|(start, _)| text.starts_with(start))
        .map(|(_, component)| {
            let head = timeless("", Level::Unknown, Some(component), body);
            (head, Shape::Weak)
        })
}

fn starts_with_level(text: &str) -> bool {
    ["Info", "Warning", "Error"]
        .iter()
        .any(|level| text.starts_with(level))
}

/// Logs of setup hold lines of servicing and imaging too.
fn is_component_of(format: Format, word: &str) -> bool {
    match format {
        Format::CbsLog => SERVICING.contains(&word),
        Format::DismLog => word == "DISM",
        _ => SETUP.contains(&word) || SERVICING.contains(&word) || word == "DISM",
    }
}

/// A line of the update client: its component behind whatever is left of time, process and thread,
/// or a level that it writes into its texts.
fn update_client(text: &str) -> Option<Head<'_>> {
    let mut rest = text;
    for _ in 0..=LEAD_WORDS_MAX {
        let (word, behind) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        let name = word.trim_matches(['[', ']']).to_ascii_lowercase();
        if UPDATE_CLIENT.contains(&name.as_str()) && !behind.trim().is_empty() {
            let component = word.trim_matches(['[', ']']);
            return Some(timeless(
                "",
                Level::Unknown,
                Some(component),
                behind.trim_start(),
            ));
        }
        if !is_lead(word) {
            break;
        }
        rest = behind.trim_start();
    }
    let stands_alone = ["FATAL: ", "WARNING: ", "*FAILED* ", "Failed WS error"]
        .iter()
        .any(|start| text.starts_with(start));
    stands_alone.then(|| timeless("", Level::Unknown, None, text))
}

/// What may stand before the component: a time or what was put in its place, process and thread, the
/// place in the source.
fn is_lead(word: &str) -> bool {
    let is_number =
        (1..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_stamp = word.len() >= 8
        && word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'/' | b'-' | b','));
    let is_placeholder = word.len() >= 2
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b':' | b'.' | b'/' | b'-'))
        && word.starts_with(['Y', 'H', 'h', 'M', 'D', 'P', 'T'])
        && word.chars().any(|c| c == ':' || c == '/')
        || matches!(word, "PID" | "TID" | "AM" | "PM" | "tt");
    is_number || is_stamp || is_placeholder || word.contains("_cpp")
}

fn timeless<'a>(
    time_text: &'a str,
    level: Level,
    component: Option<&'a str>,
    message: &'a str,
) -> Head<'a> {
    Head {
        time_text: Cow::Borrowed(time_text),
        time: LoggedTime::Unstated,
        level,
        component,
        message,
        fields: Vec::new(),
        is_open: false,
    }
}
