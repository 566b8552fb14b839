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
    if line.starts_with('[') {
        return traced_head(line);
    }
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

/// Reads a line as the tools for traces write it, with processor, process and thread before the time:
/// `[0]12F4.1FE8::09/29/2017-13:45:08.530 [agent]text`.
fn traced_head(line: &str) -> Option<Head<'_>> {
    let mut cursor = Cursor::new(line);
    cursor.byte(b"[")?;
    some(cursor.skip_while(|byte| byte.is_ascii_digit()))?;
    cursor.byte(b"]")?;
    some(cursor.skip_while(|byte| byte.is_ascii_hexdigit()))?;
    cursor.byte(b".")?;
    some(cursor.skip_while(|byte| byte.is_ascii_hexdigit()))?;
    cursor.byte(b":")?;
    cursor.byte(b":")?;
    let start = cursor.at();
    let month = cursor.digits(2)?;
    cursor.byte(b"/")?;
    let day = cursor.digits(2)?;
    cursor.byte(b"/")?;
    let year = cursor.digits(4)?;
    cursor.byte(b"-")?;
    let time = stamp::time(&mut cursor)?;
    cursor.byte(b".")?;
    let nanoseconds = stamp::fraction(&mut cursor);
    let time_text = cursor.read().get(start..).unwrap_or_default();
    let rest = cursor.rest().trim_start();
    let (component, message) = rest
        .strip_prefix('[')
        .and_then(|named| named.split_once(']'))
        .map_or((None, rest), |(name, message)| {
            (Some(name), message.trim_start())
        });
    Some(Head {
        time_text: Cow::Borrowed(time_text),
        time: stamp::local((year, month, day), time, nanoseconds),
        level: level(message),
        component,
        message,
        fields: Vec::new(),
        is_open: false,
    })
}

/// Reads a line of the Windows 7 form; its tabs may have become blanks on the way through a ticket or
/// a forum, where the milliseconds behind a colon still tell it from the other form.
pub(super) fn legacy_head(line: &str) -> Option<Head<'_>> {
    let mut cursor = Cursor::new(line);
    let date = stamp::date(&mut cursor, b"/-.")?;
    let is_tabbed = cursor.byte(b"\t ")? == b'\t';
    let time = stamp::time(&mut cursor)?;
    let fraction: &[u8] = if is_tabbed { b":.," } else { b":" };
    let nanoseconds = if cursor.byte(fraction).is_some() {
        stamp::fraction(&mut cursor)
    } else if is_tabbed {
        0
    } else {
        return None;
    };
    let time_text = cursor.read();
    for _process_then_thread in 0..2 {
        blanks(&mut cursor)?;
        some(cursor.skip_while(|byte| byte.is_ascii_hexdigit()))?;
    }
    cursor.byte(b"\t ")?;
    let rest = cursor.rest();
    let (component, message) = match rest.split_once('\t') {
        Some((word, message)) if is_tabbed => (word.trim(), message),
        // A line that only draws a ruler or a text has no component before it.
        _ => {
            let rest = rest.trim_start();
            component(rest).0.map_or(("", rest), |word| {
                (word, rest.get(word.len()..).unwrap_or_default())
            })
        }
    };
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
