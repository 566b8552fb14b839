//! One line for each property of a record: what Event Viewer copies, `wevtutil /f:text` and
//! `Format-List`.

use super::{LOOKED_AT, Stated, time};
use crate::inventory::Line;

/// The longest label: anything longer is a sentence with a colon.
const LABEL_CHARS_MAX: usize = 32;
/// Properties of `Get-WinEvent` and `Get-EventLog`, which PowerShell does not translate.
const PROPERTIES: [&str; 30] = [
    "message",
    "id",
    "eventid",
    "instanceid",
    "version",
    "qualifiers",
    "level",
    "task",
    "opcode",
    "keywords",
    "recordid",
    "index",
    "providername",
    "providerid",
    "source",
    "logname",
    "processid",
    "threadid",
    "machinename",
    "userid",
    "username",
    "timecreated",
    "timegenerated",
    "timewritten",
    "leveldisplayname",
    "entrytype",
    "taskdisplayname",
    "category",
    "activityid",
    "containerlog",
];

/// `Label: value`, in any language and with the colon of any.
fn labelled(text: &str) -> Option<(&str, &str)> {
    let at = text.find([':', '：'])?;
    let (label, rest) = text.split_at_checked(at)?;
    let label = label.trim();
    let is_label = !label.is_empty()
        && label.chars().count() <= LABEL_CHARS_MAX
        && !label.contains(['\\', '/', '"', '=']);
    is_label.then(|| (label, rest.trim_start_matches([':', '：']).trim()))
}

/// What stands at the beginning of a record: log, source, time and id, one below the other.
fn start(lines: &[Line], at: usize) -> Option<(&str, &str, &str, u32)> {
    let value = |below: usize| labelled(&lines.get(at + below)?.text).map(|(_, value)| value);
    let (log, source, when, id) = (value(0)?, value(1)?, value(2)?, value(3)?);
    let is_start = !log.is_empty() && !source.is_empty() && time::is_time(when);
    is_start.then_some((log, source, when, id.parse().ok()?))
}

pub(super) fn recognise(lines: &[Line]) -> bool {
    (0..lines.len().min(LOOKED_AT)).any(|at| start(lines, at).is_some())
}

pub(super) fn records(lines: &[Line]) -> Vec<Stated> {
    let starts: Vec<usize> = (0..lines.len())
        .filter(|at| start(lines, *at).is_some())
        .collect();
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|(begin, end)| record(lines, *begin, end))
        .collect()
}

/// Level, computer and description stand further down, at places that both tools share but for a few
/// lines of their own.
fn record(lines: &[Line], begin: usize, end: usize) -> Option<Stated> {
    let (log, source, when, id) = start(lines, begin)?;
    // `Event[1]:` stands above the next record.
    let end = (begin..end)
        .rev()
        .find(|at| {
            lines.get(*at).is_some_and(|line| {
                let text = line.text.trim();
                !(text.is_empty() || text.starts_with("Event[") && text.len() < 16)
            })
        })
        .map_or(end, |last| last + 1);
    let value_at = |at: usize| {
        lines
            .get(at)
            .filter(|_| at < end)
            .and_then(|line| labelled(&line.text))
            .map(|(_, value)| value)
    };
    let is_empty = |at: &usize| value_at(*at).is_some_and(str::is_empty);
    let description = (begin + 8..=begin + 12)
        .find(is_empty)
        .or_else(|| (begin + 6..begin + 8).rev().find(is_empty))
        .unwrap_or(begin + 5);
    let text: Vec<&str> = lines
        .get(description + 1..end)
        .unwrap_or_default()
        .iter()
        .map(|line| line.text.trim())
        .collect();
    Some(Stated {
        line: begin,
        continuations: (end - begin).saturating_sub(1) as u64,
        provider: source.to_owned(),
        event_id: Some(id),
        channel: log.to_owned(),
        computer_name: value_at(description.saturating_sub(1))
            .filter(|_| description > begin + 5)
            .unwrap_or_default()
            .to_owned(),
        level: value_at(begin + 5).unwrap_or_default().to_owned(),
        time_text: when.to_owned(),
        text: text.join("\n").trim().to_owned(),
        ..Stated::default()
    })
}

/// `Name : value` as `Format-List` aligns it.
fn property(text: &str) -> Option<(String, &str)> {
    let (name, value) = text.split_once(" :").or_else(|| text.split_once(':'))?;
    let name = name.trim_end();
    if name.starts_with(' ') {
        return None;
    }
    let name = name.to_ascii_lowercase();
    PROPERTIES
        .contains(&name.as_str())
        .then(|| (name, value.trim()))
}

pub(super) fn has_properties(lines: &[Line]) -> bool {
    let names: Vec<String> = lines
        .iter()
        .take(LOOKED_AT)
        .filter_map(|line| property(&line.text))
        .map(|(name, _)| name)
        .collect();
    let has = |wanted: &[&str]| {
        wanted
            .iter()
            .any(|name| names.iter().any(|own| own == name))
    };
    has(&["id", "eventid", "instanceid"])
        && has(&["timecreated", "timegenerated"])
        && has(&["message", "providername", "source"])
}

/// A property that is there already begins the next record; what is no property continues the one above.
pub(super) fn properties(lines: &[Line]) -> Vec<Stated> {
    let mut found: Vec<Stated> = Vec::new();
    let mut open: Vec<(String, String)> = Vec::new();
    let mut begin = 0;
    let mut last = 0;
    for (index, line) in lines.iter().enumerate() {
        match property(&line.text) {
            Some((name, value)) => {
                if open.iter().any(|(known, _)| *known == name) {
                    found.extend(stated(&open, begin, last));
                    open.clear();
                }
                if open.is_empty() {
                    begin = index;
                }
                open.push((name, value.to_owned()));
                last = index;
            }
            None if !line.is_blank() => {
                if let Some((_, value)) = open.last_mut() {
                    value.push('\n');
                    value.push_str(line.text.trim());
                    last = index;
                }
            }
            None => {}
        }
    }
    found.extend(stated(&open, begin, last));
    found
}

fn stated(properties: &[(String, String)], begin: usize, last: usize) -> Option<Stated> {
    let mut record = super::table::of_names(
        properties
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    )?;
    record.line = begin;
    record.continuations = last.saturating_sub(begin) as u64;
    Some(record)
}
