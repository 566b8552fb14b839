//! Logs of the Configuration Manager client, in the form that CMTrace reads:
//! `<![LOG[text]LOG]!><time="16:53:52.712+480" date="02-07-2024" component="TSManager" context=""
//! type="1" thread="636" file="tslogging.cpp:1457">`.
//!
//! The text may hold line breaks; time and component stand behind it, on the record's last line.
//! `+480` is the bias of the device: UTC = local time + 480 minutes.

use std::borrow::Cow;

use memchr::memmem;
use patchlens_event::Level;

use super::head::Head;
use super::stamp::{self, Cursor};
use crate::LoggedTime;

/// What a record begins with.
pub(super) const BEGIN: &str = "<![LOG[";
const END: &str = "]LOG]!>";

/// The line on which a record ends.
#[derive(Debug)]
pub(super) struct Close<'a> {
    /// What of the line still belongs to the message.
    pub(super) text: &'a str,
    pub(super) time_text: String,
    pub(super) time: LoggedTime,
    pub(super) level: Level,
    pub(super) component: Option<&'a str>,
    pub(super) fields: Vec<(String, String)>,
}

/// Reads a line as the first of a record; its end may be on a later line.
pub(super) fn head(line: &str) -> Option<Head<'_>> {
    let text = line.strip_prefix(BEGIN)?;
    Some(match close(text) {
        Some(close) => Head {
            time_text: Cow::Owned(close.time_text),
            time: close.time,
            level: close.level,
            component: close.component,
            message: close.text,
            fields: close.fields,
            is_open: false,
        },
        None => Head {
            time_text: Cow::Borrowed(""),
            time: LoggedTime::Unstated,
            level: Level::Unknown,
            component: None,
            message: text,
            fields: Vec::new(),
            is_open: true,
        },
    })
}

/// Reads a line as the last of a record.
pub(super) fn close(line: &str) -> Option<Close<'_>> {
    let at = memmem::find(line.as_bytes(), END.as_bytes())?;
    let text = line.get(..at)?;
    let attributes = line.get(at + END.len()..)?.strip_prefix('<')?;
    let time = attribute(attributes, "time").unwrap_or_default();
    let date = attribute(attributes, "date").unwrap_or_default();
    let fields = [("thread", "thread"), ("source_code_file", "file")]
        .into_iter()
        .filter_map(|(name, attribute_name)| {
            Some((
                name.to_owned(),
                attribute(attributes, attribute_name)?.to_owned(),
            ))
        })
        .collect();
    Some(Close {
        text,
        time_text: format!("{date} {time}"),
        time: logged_time(date, time).unwrap_or(LoggedTime::Unstated),
        level: match attribute(attributes, "type") {
            Some("0" | "1") => Level::Info,
            Some("2") => Level::Warning,
            Some("3") => Level::Error,
            _ => Level::Unknown,
        },
        component: attribute(attributes, "component"),
        fields,
    })
}

/// The value of `name="value"`, unless it is empty.
fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = attributes;
    while let Some((before, after)) = rest.split_once("=\"") {
        let (value, behind) = after.split_once('"')?;
        if before.trim_start() == name {
            return Some(value).filter(|value| !value.is_empty());
        }
        rest = behind;
    }
    None
}

/// `02-07-2024` (month first) and `16:53:52.712+480`.
fn logged_time(date: &str, time: &str) -> Option<LoggedTime> {
    let mut cursor = Cursor::new(date);
    let month = cursor.digits(2)?;
    cursor.byte(b"-")?;
    let day = cursor.digits(2)?;
    cursor.byte(b"-")?;
    let year = cursor.digits(4)?;
    let mut cursor = Cursor::new(time);
    let of_day = stamp::time(&mut cursor)?;
    let nanoseconds = if cursor.byte(b".").is_some() {
        stamp::fraction(&mut cursor)
    } else {
        0
    };
    let civil = stamp::civil((year, month, day), of_day, nanoseconds)?;
    let Some(sign) = cursor.byte(b"+-") else {
        return Some(LoggedTime::Local(civil));
    };
    let bias: i32 = cursor
        .rest()
        .trim_end()
        .parse()
        .ok()
        .filter(|bias| (0..=24 * 60).contains(bias))?;
    // The bias is what must be added to reach UTC: the offset with its sign turned.
    Some(LoggedTime::Offset(
        civil,
        if sign == b'+' { -bias } else { bias },
    ))
}
