//! ReportingEvents.log: thirteen fields between tabs, UTF-16, the time with its offset from UTC:
//! `{GUID}⇥2023-07-05 04:46:39:130+0300⇥1⇥148 [AGENT_DETECTION_FAILED]⇥101⇥{update}⇥revision⇥80072ee2⇥
//! caller⇥Failure⇥Software Synchronization⇥text⇥correlation vector`.

use std::borrow::Cow;

use patchlens_event::Level;

use super::head::Head;
use super::stamp::{self, Cursor};
use crate::LoggedTime;

/// Names of the fields between time and message, in their order; the ones that are empty or zero
/// in every file seen are not kept.
const FIELDS: [Option<&str>; 8] = [
    None,
    Some("event"),
    None,
    Some("update_id"),
    Some("update_revision"),
    Some("status_code"),
    Some("caller"),
    Some("result"),
];

/// What the client reports on; the names stand before the text.
const TASKS: [&str; 6] = [
    "Software Synchronization",
    "Content Download",
    "Content Install",
    "Pre-Deployment Check",
    "Device Driver Synchronization",
    "Reboot",
];

/// Reads a line.
pub(super) fn head(line: &str) -> Option<Head<'_>> {
    with_tabs(line).or_else(|| with_blanks(line))
}

/// A line whose tabs became blanks on its way through a ticket or a forum.
fn with_blanks(line: &str) -> Option<Head<'_>> {
    let (id, rest) = line.split_once(' ')?;
    if id.len() != 38 || !id.starts_with('{') || !id.ends_with('}') {
        return None;
    }
    let rest = rest.trim_start();
    let end = rest
        .match_indices(' ')
        .nth(1)
        .map_or(rest.len(), |(at, _)| at);
    let (time_text, rest) = rest.split_at_checked(end)?;
    let time = logged_time(time_text)?;
    let mut fields = vec![("report_id".to_owned(), id.to_owned())];
    let (_, rest) = rest.split_once('[')?;
    let (event, rest) = rest.split_once(']')?;
    fields.push(("event".to_owned(), format!("[{event}]")));
    let mut words = rest.splitn(6, ' ');
    let names = [
        None,
        None,
        Some("update_id"),
        Some("update_revision"),
        Some("status_code"),
    ];
    for name in names {
        let value = words.next().unwrap_or_default();
        if let Some(name) = name.filter(|_| !value.is_empty()) {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    let rest = words.next().unwrap_or_default();
    let result = ["Failure", "Success"].into_iter().find_map(|result| {
        rest.split_once(result)
            .map(|(caller, text)| (result, caller, text))
    });
    let (level, text) = match result {
        Some((result, caller, text)) => {
            fields.push(("caller".to_owned(), caller.trim().to_owned()));
            fields.push(("result".to_owned(), result.to_owned()));
            (level_of(result), text.trim_start())
        }
        None => (Level::Unknown, rest),
    };
    let task = TASKS
        .into_iter()
        .find(|task| text.starts_with(task))
        .and_then(|task| text.split_at_checked(task.len()));
    let (component, message) =
        task.map_or((None, text), |(task, text)| (Some(task), text.trim_start()));
    Some(Head {
        time_text: Cow::Borrowed(time_text),
        time,
        level,
        component,
        message,
        fields,
        is_open: false,
    })
}

fn with_tabs(line: &str) -> Option<Head<'_>> {
    let (id, rest) = line.split_once('\t')?;
    let is_id = id.len() == 38 && id.starts_with('{') && id.ends_with('}');
    if !is_id {
        return None;
    }
    let (time_text, rest) = rest.split_once('\t')?;
    let time = logged_time(time_text)?;
    let mut columns = rest.split('\t');
    let mut fields = vec![("report_id".to_owned(), id.to_owned())];
    let mut level = Level::Unknown;
    for name in FIELDS {
        let value = columns.next().unwrap_or_default();
        match name {
            Some("result") => level = level_of(value),
            None => continue,
            Some(_) => {}
        }
        if let Some(name) = name.filter(|_| !value.is_empty()) {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    let component = columns.next().filter(|component| !component.is_empty());
    let message = columns.next().unwrap_or_default();
    if let Some(vector) = columns.next().filter(|vector| !vector.is_empty()) {
        fields.push(("correlation_vector".to_owned(), vector.to_owned()));
    }
    Some(Head {
        time_text: Cow::Borrowed(time_text),
        time,
        level,
        component,
        message,
        fields,
        is_open: false,
    })
}

/// `2023-07-05 04:46:39:130+0300`.
fn logged_time(text: &str) -> Option<LoggedTime> {
    let mut cursor = Cursor::new(text);
    let date = stamp::date(&mut cursor, b"-/.")?;
    cursor.byte(b" ")?;
    let time = stamp::time(&mut cursor)?;
    let nanoseconds = if cursor.byte(b":.").is_some() {
        stamp::fraction(&mut cursor)
    } else {
        0
    };
    let civil = stamp::civil(date, time, nanoseconds);
    let Some(sign) = cursor.byte(b"+-") else {
        return Some(civil.map_or(LoggedTime::Unstated, LoggedTime::Local));
    };
    let minutes = cursor.digits(2)? * 60 + cursor.digits(2)?;
    let offset = if sign == b'-' { -minutes } else { minutes };
    Some(civil.map_or(LoggedTime::Unstated, |civil| {
        LoggedTime::Offset(civil, offset)
    }))
}

fn level_of(result: &str) -> Level {
    match result {
        "Success" => Level::Info,
        "Failure" => Level::Error,
        _ => Level::Unknown,
    }
}
