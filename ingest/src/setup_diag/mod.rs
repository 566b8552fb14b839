//! SetupDiag's results: what its rules found in the logs of a failed feature update.
//!
//! The report comes as XML (UTF-16), as JSON and as text, and each is one record: its message is
//! the rule and the lines that SetupDiag found, its fields are the same under fixed names
//! ([`field`]). Windows writes `0001-01-01T00:00:00` for a time that is not known, and JSON dates
//! as `\/Date(milliseconds±zone)\/`. The advice stands, as a rule, in a "Recommend …" line among the
//! failure data, and not under Remediation; both are read.
//!
//! # Source
//! <https://learn.microsoft.com/windows/deployment/upgrade/setupdiag>

mod json;
mod plain;
#[cfg(test)]
mod tests;
mod xml;

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::{Timestamp, Zoned};
use patchlens_event::{Hresult, Level, RejectReason, inventory};

use crate::inventory::Line;
use crate::{Issue, LoggedTime, Record, RecordSink};

/// Names of a report's fields.
pub mod field {
    /// Name of the rule that matched, such as `FindSPFatalError`; `NoRuleMatched` when none did.
    pub const RULE_NAME: &str = "rule_name";
    /// GUID of that rule.
    pub const RULE_GUID: &str = "rule_guid";
    /// The code of the failure, an HRESULT as `0x8007001f`.
    pub const ERROR_CODE: &str = "error_code";
    /// Phase and operation as one number, `0x50015`.
    pub const EXTEND_CODE: &str = "extend_code";
    /// The phase of setup that failed, in words.
    pub const PHASE: &str = "phase";
    /// The operation that failed, in words.
    pub const OPERATION: &str = "operation";
    /// What the rule found, one finding a line.
    pub const FAILURE_DATA: &str = "failure_data";
    /// Advice, one piece a line.
    pub const REMEDIATION: &str = "remediation";
    /// The line of the setup log that names the failure.
    pub const LOG_ERROR_LINE: &str = "log_error_line";
    /// Id of the report, the same in all forms of one report.
    pub const REPORT_ID: &str = "report_id";
}

/// What SetupDiag calls a report in which none of its rules matched.
const NO_RULE: &str = "NoRuleMatched";
/// What a machine is called whose logs were read elsewhere.
const OFFLINE: &str = "Offline";
/// Lines at the start of a file among which the marks of a report stand.
const HEAD_LINES: usize = 40;

/// What any form of a report states.
#[derive(Debug, Default)]
struct Report {
    rule_name: String,
    rule_guid: String,
    /// Name and value of everything under SystemInfo, in order.
    system: Vec<(String, String)>,
    failures: Vec<String>,
    remedies: Vec<String>,
    log_error_line: String,
    /// `Err = …, LastOperation = …, LastPhase = …`.
    details: String,
    /// Phase and operation that were not completed.
    phase: String,
    operation: String,
}

/// True when these lines are the start of a report.
pub(crate) fn recognise(lines: &[Line]) -> bool {
    let head = || lines.iter().take(HEAD_LINES).map(|line| line.text.as_str());
    let Some(first) = head().find(|text| !text.trim().is_empty()) else {
        return false;
    };
    match first.trim_start().chars().next() {
        Some('<') => head().any(|text| {
            ["<SetupDiag", "<FailureDetails>", "<FailureData>"]
                .iter()
                .any(|tag| text.contains(tag))
        }),
        Some('{') => {
            head().any(|text| text.contains("\"ProfileName\""))
                && head().any(|text| {
                    text.contains("\"ProfileGuid\"") || text.contains("\"FailureData\"")
                })
        }
        _ => plain::recognise(head()),
    }
}

/// Reads a report. What is cut is read as far as it goes, and complained about.
pub(crate) fn parse(lines: &[Line], sink: &mut dyn RecordSink) {
    let Some(first) = lines.iter().find(|line| !line.is_blank()) else {
        return;
    };
    let (report, complaint) = match first.text.trim_start().chars().next() {
        Some('<') => xml::read(lines),
        Some('{') => json::read(lines),
        _ => (Some(plain::read(lines)), None),
    };
    if let Some(detail) = complaint {
        let last = lines.last().unwrap_or(first);
        sink.issue(Issue {
            line: last.number,
            byte_offset: last.byte_offset,
            // The lines are the record's own where there is one.
            lines: 0,
            reason: RejectReason::Truncated,
            detail,
            raw: Cow::Borrowed(&[]),
        });
    }
    if let Some(report) = report.filter(|report| !report.is_empty()) {
        report.emit(lines, sink);
    }
}

impl Report {
    fn is_empty(&self) -> bool {
        self.rule_name.is_empty() && self.failures.is_empty() && self.details.is_empty()
    }

    fn system(&self, name: &str) -> &str {
        self.system
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value.as_str())
    }

    /// The text behind one of these words, up to a comma or the end of its line.
    fn stated(&self, words: &[&str]) -> Option<&str> {
        let lines = self
            .failures
            .iter()
            .flat_map(|text| text.lines())
            .chain(self.details.lines());
        lines
            .filter_map(|line| words.iter().find_map(|word| behind(line, word)))
            .find(|value| !value.is_empty())
    }

    /// Code and extend code of the failure: of the last line that names one, since the last failure
    /// that SetupDiag reports is, as a rule, the fatal one.
    fn codes(&self) -> (Option<Hresult>, Option<u32>) {
        let lines: Vec<&str> = self
            .details
            .lines()
            .chain(self.failures.iter().flat_map(|text| text.lines()))
            .chain(self.log_error_line.lines())
            .collect();
        let pairs = lines.iter().map(|line| code_pair(line));
        let mut code = None;
        let mut extend = None;
        for (found, more) in pairs {
            if found.is_some() && (code.is_none() || more.is_some()) {
                code = found;
            }
            extend = more.or(extend);
        }
        (code, extend)
    }

    fn time(&self) -> (String, LoggedTime) {
        [
            "UpgradeEndTime",
            "RollbackEndTime",
            "FinalizeStartTime",
            "RollbackStartTime",
            "UpgradeStartTime",
        ]
        .iter()
        .map(|name| self.system(name))
        .find_map(|text| Some((text.to_owned(), time_of(text)?)))
        .unwrap_or((String::new(), LoggedTime::Unstated))
    }

    /// Advice stands among the failures as well as in its own place.
    fn remedies_among<'a>(&'a self, failures: &[&'a str]) -> Vec<&'a str> {
        let is_advice = |line: &&str| line.to_ascii_lowercase().starts_with("recommend");
        let own = self.remedies.iter().flat_map(|text| lines_of(text));
        failures
            .iter()
            .copied()
            .filter(is_advice)
            .chain(own)
            .collect()
    }

    fn emit(self, lines: &[Line], sink: &mut dyn RecordSink) {
        let (code, extend) = self.codes();
        let (time_text, time) = self.time();
        let rule = if self.rule_name.is_empty() {
            NO_RULE
        } else {
            &self.rule_name
        };
        let failures: Vec<&str> = self
            .failures
            .iter()
            .flat_map(|text| lines_of(text))
            .collect();
        let remedies = self.remedies_among(&failures);
        let mut message = format!("SetupDiag rule {rule}");
        for line in failures
            .iter()
            .copied()
            .chain([self.details.trim(), self.log_error_line.trim()])
        {
            if !line.is_empty() && message.len() + line.len() < crate::collect::MESSAGE_BYTES_MAX {
                message.push('\n');
                message.push_str(line);
            }
        }
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, value: String| {
            let value = value.trim();
            if !value.is_empty() && !fields.iter().any(|(known, _)| known == name) {
                fields.push((name.to_owned(), value.to_owned()));
            }
        };
        add(field::RULE_NAME, rule.to_owned());
        add(field::RULE_GUID, self.rule_guid.clone());
        add(
            field::ERROR_CODE,
            code.map(|code| code.to_string()).unwrap_or_default(),
        );
        add(
            field::EXTEND_CODE,
            extend
                .map(|code| format!("0x{code:05X}"))
                .unwrap_or_default(),
        );
        let words = |stated: Option<&str>, open: &str| stated.unwrap_or(open).to_owned();
        add(
            field::PHASE,
            words(
                self.stated(&["LastPhase", "Last Setup Phase", "Phase"]),
                &self.phase,
            ),
        );
        add(
            field::OPERATION,
            words(
                self.stated(&[
                    "LastOperation",
                    "Last Setup Operation",
                    "Last Operation",
                    "Operation",
                ]),
                &self.operation,
            ),
        );
        add(field::FAILURE_DATA, failures.join("\n"));
        add(field::REMEDIATION, remedies.join("\n"));
        add(field::LOG_ERROR_LINE, self.log_error_line.clone());
        let name = self.system("MachineName");
        if !name.eq_ignore_ascii_case(OFFLINE) {
            add(inventory::DEVICE_NAME, name.to_owned());
        }
        add(field::REPORT_ID, self.system("ReportId").to_owned());
        for (name, value) in &self.system {
            let is_unset = value.starts_with("0001-01-01") || date_of_unset(value);
            if !is_unset && !matches!(name.as_str(), "MachineName" | "ReportId") {
                add(name, value.clone());
            }
        }
        let first = place(lines);
        sink.record(Record {
            line: first.map_or(1, |line| line.number),
            byte_offset: first.map_or(0, |line| line.byte_offset),
            record_id: None,
            time_text: Cow::Owned(time_text),
            time,
            level: if code.is_some() {
                Level::Error
            } else {
                Level::Info
            },
            component: Some(Cow::Borrowed("SetupDiag")),
            channel: None,
            windows_event_id: None,
            message: Cow::Owned(message),
            fields,
            continuations: lines.len().saturating_sub(1) as u64,
        });
    }
}

/// The lines of a text that hold something.
fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// The line that evidence points at: the one that names the failure, else the rule, else the first.
fn place(lines: &[Line]) -> Option<&Line> {
    [
        "<FailureData",
        "\"FailureData\"",
        "Error: ",
        "ProfileName",
        "Matching Profile",
    ]
    .iter()
    .find_map(|mark| lines.iter().find(|line| line.text.contains(mark)))
    .or(lines.iter().find(|line| !line.is_blank()))
}

/// The value behind `word` and `=` or `:` on a line, up to the next comma that a name follows.
fn behind<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let at = line.match_indices(word).find(|(at, _)| {
        !line
            .get(..*at)
            .and_then(|before| before.chars().next_back())
            .is_some_and(char::is_alphanumeric)
    })?;
    let rest = line.get(at.0 + word.len()..)?.trim_start();
    let value = rest.strip_prefix(['=', ':'])?.trim_start();
    let end = [", Last", ", Error", ", Err ", ", Phase", ", Operation"]
        .iter()
        .filter_map(|mark| value.find(mark))
        .min()
        .unwrap_or(value.len());
    value
        .get(..end)
        .map(|value| value.trim_end_matches([',', '.', ' ']))
}

/// `0x8007001F - 0x50015`, `Error: 0x00000057`, `Err = 0x57`: the code, and the extend code.
fn code_pair(line: &str) -> (Option<Hresult>, Option<u32>) {
    let numbers: Vec<(usize, u32)> = line
        .match_indices("0x")
        .filter_map(|(at, _)| {
            let digits = line.get(at + 2..)?;
            let length = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
            let value = u32::from_str_radix(digits.get(..length)?, 16).ok()?;
            Some((at, value))
        })
        .collect();
    let code = numbers.iter().find_map(|&(at, value)| {
        let before = line
            .get(..at)
            .unwrap_or_default()
            .trim_end_matches([' ', '=', ':', '[', '(']);
        let is_called = ["error", "err", "code", "gle", "hr", "hresult", "result"]
            .iter()
            .any(|word| {
                before
                    .get(before.len().saturating_sub(word.len())..)
                    .is_some_and(|tail| tail.eq_ignore_ascii_case(word))
            });
        let hresult = match value {
            1..=0xFFFF if is_called => Hresult::from_win32(value),
            _ => Hresult(value),
        };
        hresult.is_failure().then_some((at, hresult))
    });
    let extend = code.and_then(|(at, _)| {
        let (_, value) = numbers.iter().find(|(other, _)| *other > at)?;
        (0x1_0000..=0xF_FFFF).contains(value).then_some(*value)
    });
    (code.map(|(_, code)| code), extend)
}

/// `\/Date(-62135596800000)\/`, the first day of the calendar: not set.
fn date_of_unset(text: &str) -> bool {
    json_milliseconds(text).is_some_and(|milliseconds| milliseconds < 0)
}

/// Milliseconds of `/Date(1569428502000-0700)/`.
fn json_milliseconds(text: &str) -> Option<i64> {
    let inside = text.split_once("Date(")?.1.split_once(')')?.0;
    let end = inside
        .get(1..)
        .and_then(|rest| rest.find(['+', '-']))
        .map_or(inside.len(), |at| at + 1);
    inside.get(..end)?.parse().ok()
}

/// A time in any form that a report has; `None` where it is not set.
fn time_of(text: &str) -> Option<LoggedTime> {
    let text = text.trim();
    if let Some(milliseconds) = json_milliseconds(text) {
        let at = Timestamp::from_millisecond(milliseconds).ok()?;
        return (milliseconds > 0).then_some(LoggedTime::Utc(at));
    }
    if text.starts_with("0001-01-01") {
        return None;
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(LoggedTime::Utc(at));
    }
    if let Ok(zoned) = text.parse::<Zoned>() {
        return Some(LoggedTime::Utc(zoned.timestamp()));
    }
    if let Ok(local) = text.parse::<DateTime>() {
        return Some(LoggedTime::Local(local));
    }
    american(text).map(LoggedTime::Local)
}

/// `3/21/2018 9:47:16 PM`, the only form of the text report that can be told from others.
fn american(text: &str) -> Option<DateTime> {
    let (text, is_afternoon) = match text.rsplit_once(' ')? {
        (rest, "PM") => (rest, true),
        (rest, "AM") => (rest, false),
        _ => return None,
    };
    let mut numbers = text
        .split(['/', ' ', ':'])
        .map(|part| part.parse::<i16>().ok());
    let mut next = || numbers.next().flatten();
    let (month, day, year, hour, minute, second) =
        (next()?, next()?, next()?, next()?, next()?, next()?);
    let hour = hour % 12 + if is_afternoon { 12 } else { 0 };
    let small = |number: i16| i8::try_from(number).ok();
    DateTime::new(
        year,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        0,
    )
    .ok()
}
