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

/// Reads a line.
pub(super) fn head(line: &str) -> Option<Head<'_>> {
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
