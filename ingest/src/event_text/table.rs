//! One row for each record: what Event Viewer saves as CSV or text, and `Export-Csv`.

use super::{Stated, time};
use crate::inventory::{Line, split_csv};

/// Columns of Event Viewer before the text: level, time, source, id, task.
const VIEWER_COLUMNS: usize = 5;
/// A quoted text that goes on for so many lines has lost its end.
const ROW_LINES_MAX: usize = 400;
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// A row with the indices of its first and last line.
type Row = (usize, usize, Vec<String>);

pub(super) fn recognise(lines: &[Line]) -> bool {
    layout(lines).is_some()
}

/// Delimiter, the rows after the header, and the names of the columns; no names in Event Viewer's own
/// form, whose header is translated.
fn layout(lines: &[Line]) -> Option<(u8, usize, Option<Vec<String>>)> {
    let header = lines
        .iter()
        .position(|line| !line.is_blank() && !line.text.starts_with("#TYPE"))?;
    let text = &lines.get(header)?.text;
    DELIMITERS.into_iter().find_map(|delimiter| {
        let columns: Vec<String> = split_csv(text, delimiter)
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .collect();
        let has = |names: &[&str]| {
            columns
                .iter()
                .any(|column| names.contains(&column.as_str()))
        };
        let is_named = has(&["id", "eventid", "instanceid"])
            && has(&["timecreated", "timegenerated", "timewritten"])
            && has(&["providername", "source", "message"]);
        if is_named {
            return Some((delimiter, header + 1, Some(columns)));
        }
        if columns.len() != VIEWER_COLUMNS {
            return None;
        }
        let (_, _, first) = rows(lines, header + 1, delimiter).next()?;
        viewer(&first).map(|_| (delimiter, header + 1, None))
    })
}

pub(super) fn records(lines: &[Line]) -> Vec<Stated> {
    let Some((delimiter, from, names)) = layout(lines) else {
        return Vec::new();
    };
    rows(lines, from, delimiter)
        .filter_map(|(begin, last, cells)| {
            let mut record = match &names {
                Some(names) => of_names(
                    names
                        .iter()
                        .map(String::as_str)
                        .zip(cells.iter().map(String::as_str)),
                ),
                None => viewer(&cells),
            }?;
            record.line = begin;
            record.continuations = (last - begin) as u64;
            Some(record)
        })
        .collect()
}

/// A text in quotes may hold line ends: a row goes on while a quote is open.
fn rows(lines: &[Line], from: usize, delimiter: u8) -> impl Iterator<Item = Row> + '_ {
    let mut at = from;
    std::iter::from_fn(move || {
        while lines.get(at).is_some_and(Line::is_blank) {
            at += 1;
        }
        let begin = at;
        let mut text = lines.get(begin)?.text.clone();
        at += 1;
        while memchr::memchr_iter(b'"', text.as_bytes()).count() % 2 == 1
            && at - begin < ROW_LINES_MAX
            && let Some(line) = lines.get(at)
        {
            text.push('\n');
            text.push_str(&line.text);
            at += 1;
        }
        Some((begin, at - 1, split_csv(&text, delimiter)))
    })
}

/// Level, time, source, id, task and the text.
fn viewer(cells: &[String]) -> Option<Stated> {
    let [level, when, source, id, _task, rest @ ..] = cells else {
        return None;
    };
    if !time::is_time(when) || source.is_empty() {
        return None;
    }
    Some(Stated {
        provider: source.clone(),
        event_id: Some(id.trim().parse().ok()?),
        level: level.clone(),
        time_text: when.clone(),
        text: rest.join(" ").trim().to_owned(),
        ..Stated::default()
    })
}

/// A record from the properties that PowerShell names, in lower case.
pub(super) fn of_names<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Stated> {
    let pairs: Vec<(&str, &str)> = pairs.filter(|(_, value)| !value.is_empty()).collect();
    let get = |names: &[&str]| {
        names.iter().find_map(|name| {
            pairs
                .iter()
                .find(|(own, _)| own == name)
                .map(|(_, value)| (*value).to_owned())
        })
    };
    let id: u64 = get(&["id", "eventid", "instanceid"])?.trim().parse().ok()?;
    Some(Stated {
        provider: get(&["providername", "source"]).unwrap_or_default(),
        // `InstanceId` carries facility and severity above the id.
        event_id: u32::try_from(id & 0xffff).ok(),
        record_id: get(&["recordid", "index"]).and_then(|id| id.trim().parse().ok()),
        channel: get(&["logname"]).unwrap_or_default(),
        computer_name: get(&["machinename"]).unwrap_or_default(),
        level: get(&["level", "leveldisplayname", "entrytype"]).unwrap_or_default(),
        time_text: get(&["timecreated", "timegenerated", "timewritten"]).unwrap_or_default(),
        text: get(&["message"]).unwrap_or_default(),
        ..Stated::default()
    })
}
