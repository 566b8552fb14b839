//! WindowsUpdate.log, in the form that `Get-WindowsUpdateLog` decodes from ETW traces
//! (`2024/05/02 14:43:56.6390016 4932  6608  SLS             text`, the separators of the date
//! after the device's locale, process and thread decimal) and in the form of Windows 7
//! (tab-separated, process and thread hexadecimal). Process and thread ids are not kept.

use std::borrow::Cow;

use patchlens_event::Level;

use super::head::Head;
use super::stamp::{self, Cursor};

/// Between thread id and text, this many blanks or more mean that the component column is empty:
/// the decoder found no symbols for the trace.
const EMPTY_COLUMN_BLANKS: usize = 12;

/// Reads a line of the ETW form.
pub(super) fn head(line: &str) -> Option<Head<'_>> {
    let mut cursor = Cursor::new(line);
    let date = stamp::date(&mut cursor, b"/-.")?;
    cursor.byte(b" ")?;
    let time = stamp::time(&mut cursor)?;
    let nanoseconds = if cursor.byte(b".,").is_some() {
        stamp::fraction(&mut cursor)
    } else {
        0
    };
    let time_text = cursor.read();
    for _process_then_thread in 0..2 {
        blanks(&mut cursor)?;
        some(cursor.skip_while(|byte| byte.is_ascii_digit()))?;
    }
    let gap = cursor.blanks();
    if gap == 0 && cursor.peek().is_some() {
        return None;
    }
    let (component, message) = if gap >= EMPTY_COLUMN_BLANKS {
        (None, cursor.rest())
    } else {
        component(cursor.rest())
    };
    Some(Head {
        time_text: Cow::Borrowed(time_text),
        time: stamp::local(date, time, nanoseconds),
        level: level(message),
        component,
        message,
        fields: Vec::new(),
        is_open: false,
    })
}

/// Reads a line of the Windows 7 form.
pub(super) fn legacy_head(line: &str) -> Option<Head<'_>> {
    let mut cursor = Cursor::new(line);
    let date = stamp::date(&mut cursor, b"/-.")?;
    cursor.byte(b"\t")?;
    let time = stamp::time(&mut cursor)?;
    let nanoseconds = if cursor.byte(b":.,").is_some() {
        stamp::fraction(&mut cursor)
    } else {
        0
    };
    let time_text = cursor.read();
    for _process_then_thread in 0..2 {
        cursor.byte(b"\t")?;
        cursor.blanks();
        some(cursor.skip_while(|byte| byte.is_ascii_hexdigit()))?;
    }
    cursor.byte(b"\t")?;
    let (component, message) = cursor
        .rest()
        .split_once('\t')
        .unwrap_or(("", cursor.rest()));
    let component = component.trim();
    let message = message.trim_start();
    Some(Head {
        time_text: Cow::Borrowed(time_text),
        time: stamp::local(date, time, nanoseconds),
        level: level(message),
        component: (!component.is_empty()).then_some(component),
        message,
        fields: Vec::new(),
        is_open: false,
    })
}

/// Splits `SLS             text`.
fn component(rest: &str) -> (Option<&str>, &str) {
    let (word, message) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    let is_name = word
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && word.starts_with(|c: char| c.is_ascii_alphabetic());
    if is_name {
        (Some(word), message.trim_start())
    } else {
        (None, rest)
    }
}

/// The format has no level column; the component writes a word instead.
fn level(message: &str) -> Level {
    match message.as_bytes() {
        [b'W', b'A', b'R', b'N', b'I', b'N', b'G', b':', ..] => Level::Warning,
        [b'F', b'A', b'T', b'A', b'L', b':', ..]
        | [b'*', b'F', b'A', b'I', b'L', b'E', b'D', b'*', ..] => Level::Error,
        _ => Level::Unknown,
    }
}

fn blanks(cursor: &mut Cursor<'_>) -> Option<()> {
    some(cursor.blanks())
}

fn some(count: usize) -> Option<()> {
    (count > 0).then_some(())
}
