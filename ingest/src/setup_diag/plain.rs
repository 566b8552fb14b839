//! SetupDiagResults.log, the text form.
//!
//! ```text
//! Matching Profile found: FindSPFatalError - A4028172-…
//! System Information:
//!     Machine Name = PC-7
//! Error: SetupDiag reports …
//! Recommend …
//! ```

use super::Report;
use crate::inventory::Line;

const MATCH: &str = "Matching Profile found:";
const NO_MATCH: &str = "SetupDiag was unable to match";
const SYSTEM: &str = "System Information:";
const ERROR: &str = "Error: SetupDiag reports";
/// What the console shows of each rule that is tried, with a dot for each file below.
const PROGRESS: &str = "SetupDiag: processing rule:";

/// True when these lines are the start of a report.
pub(super) fn recognise<'a>(mut head: impl Iterator<Item = &'a str>) -> bool {
    head.any(|text| {
        let text = unmarked(text);
        [MATCH, NO_MATCH, ERROR, PROGRESS, "SetupDiag version:"]
            .iter()
            .any(|mark| text.starts_with(mark))
            || (text.starts_with("SetupDiag v") && text.len() < 80)
    })
}

/// Reads a report. Of several that were appended to one file, the last one's rule stands.
pub(super) fn read(lines: &[Line]) -> Report {
    let mut report = Report::default();
    let mut in_system = false;
    for line in lines {
        let text = unmarked(&line.text);
        if let Some(rule) = text.strip_prefix(MATCH) {
            // A file may hold several findings: the last one is, as a rule, the fatal one.
            let (name, guid) = rule.trim().split_once(" - ").unwrap_or((rule.trim(), ""));
            name.trim().clone_into(&mut report.rule_name);
            guid.trim().clone_into(&mut report.rule_guid);
        } else if text.starts_with(SYSTEM) {
            in_system = true;
        } else if text.is_empty() {
            in_system = false;
        } else if in_system && let Some((name, value)) = text.split_once(" = ") {
            // "Machine Name" here is "MachineName" in the other forms.
            let name: String = name.chars().filter(|c| !c.is_whitespace()).collect();
            report.system.push((name, value.trim().to_owned()));
        } else if let Some(entry) = text.strip_prefix("LogEntry:") {
            entry.trim().clone_into(&mut report.log_error_line);
        } else if is_finding(text, &report) {
            report.failures.push(text.to_owned());
        }
    }
    report
}

/// A line without the dots of the progress.
fn unmarked(text: &str) -> &str {
    text.trim().trim_start_matches('.').trim_start()
}

/// Everything behind the first finding belongs to the findings; before it stand progress lines.
fn is_finding(text: &str, report: &Report) -> bool {
    const STARTS: [&str; 8] = [
        "Error:",
        "Recommend",
        "Refer to",
        "Last ",
        "Warning:",
        "You must ",
        "Message = ",
        NO_MATCH,
    ];
    if text.starts_with(PROGRESS) || text == "No match." {
        return false;
    }
    STARTS.iter().any(|start| text.starts_with(start))
        || (!report.failures.is_empty() && text.contains("0x"))
}
