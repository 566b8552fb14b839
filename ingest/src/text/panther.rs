//! The line shape that CBS.log, dism.log and Panther's setupact.log share:
//! `2019-03-29 00:25:29, Info       [0x0601c1] IBS    InstallWindows:Setup Phase = 2`.
//!
//! After the comma the columns stand at fixed places: level, an optional message id in brackets,
//! component, message. Collapsed blanks (logs pasted into tickets), empty columns and levels in
//! any language are accepted.

use std::borrow::Cow;

use patchlens_event::Level;

use super::head::Head;
use super::stamp::{self, Cursor};

/// Where the message column begins, counted from the comma: a text that stands there or further
/// right has an empty component column before it.
const MESSAGE_COLUMN: usize = 29;
/// The longest word that is taken for a component.
const COMPONENT_BYTES_MAX: usize = 16;

/// What kind of log a component's name speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Component {
    /// Servicing.
    Cbs,
    /// Image servicing.
    Dism,
    /// Setup.
    Setup,
    /// No component is named.
    None,
}

impl Component {
    /// Judges a component's name.
    pub(crate) fn of(name: Option<&str>) -> Self {
        match name {
            Some("CBS" | "CSI" | "DPX" | "SXS" | "TI") => Self::Cbs,
            Some("DISM") => Self::Dism,
            Some(_) => Self::Setup,
            None => Self::None,
        }
    }
}

/// Reads a line.
pub(super) fn head(line: &str) -> Option<Head<'_>> {
    let mut cursor = Cursor::new(line);
    let date = stamp::date(&mut cursor, b"-/")?;
    cursor.byte(b" ")?;
    let time = stamp::time(&mut cursor)?;
    let mut after = cursor;
    let nanoseconds = if after.byte(b".").is_some() {
        stamp::fraction(&mut after)
    } else {
        0
    };
    if after.peek() == Some(b',') && after.at() > cursor.at() + 1 {
        cursor = after;
    }
    let time_text = cursor.read();
    cursor.byte(b",")?;
    let columns = Columns::split(cursor.rest());
    Some(Head {
        time_text: Cow::Borrowed(time_text),
        time: stamp::local(date, time, nanoseconds),
        level: columns.level,
        component: columns.component,
        message: columns.message,
        fields: columns
            .message_id
            .map(|id| vec![("message_id".to_owned(), id.to_owned())])
            .unwrap_or_default(),
        is_open: false,
    })
}

/// Reads level, component and message of a line without its time; `None` when one is missing.
pub(super) fn columns(text: &str) -> Option<(Level, &str, &str)> {
    let columns = Columns::split(text.trim_start().trim_start_matches(','));
    let level = Some(columns.level).filter(|level| *level != Level::Unknown)?;
    Some((level, columns.component?, columns.message))
}

struct Columns<'a> {
    level: Level,
    message_id: Option<&'a str>,
    component: Option<&'a str>,
    message: &'a str,
}

impl<'a> Columns<'a> {
    fn split(columns: &'a str) -> Self {
        let mut cursor = Cursor::new(columns);
        let level = level(&mut cursor);
        // Columns count characters; only a level in another language has any beyond ASCII.
        let read = cursor.read();
        let wide = if read.is_ascii() {
            0
        } else {
            read.len() - read.chars().count()
        };
        cursor.blanks();
        let message_id = message_id(&mut cursor);
        cursor.blanks();
        let (component, message) = component(cursor.rest(), cursor.at() - wide);
        Self {
            level,
            message_id,
            component,
            message,
        }
    }
}

/// Takes the level column. Where it is empty, what stands next is a component or the message.
fn level(cursor: &mut Cursor<'_>) -> Level {
    let indent = cursor.blanks();
    let mut behind = *cursor;
    let start = behind.at();
    behind.skip_while(|byte| byte != b' ' && byte != b'\t');
    let word = behind.read().get(start..).unwrap_or_default();
    let word = word.strip_suffix(',').unwrap_or(word);
    let is_foreign = || {
        indent == 1
            && behind.rest().starts_with("  ")
            && word.chars().all(char::is_alphabetic)
            && !is_component(word, false)
    };
    let level = match word {
        "Info" => Level::Info,
        "Warning" => Level::Warning,
        "Error" | "FatalError" | "Fatal" => Level::Error,
        "Perf" | "Debug" | "Verbose" => Level::Verbose,
        _ if is_foreign() => Level::Unknown,
        _ => return Level::Unknown,
    };
    *cursor = behind;
    level
}

/// Takes `[0x0601c1]`.
fn message_id<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut behind = *cursor;
    behind.byte(b"[")?;
    let start = behind.at();
    behind.byte(b"0")?;
    behind.byte(b"x")?;
    let digits = behind.skip_while(|byte| byte.is_ascii_hexdigit());
    let id = behind.read().get(start..)?;
    behind.byte(b"]")?;
    // Eight digits are an error code at the start of a message.
    if !(1..8).contains(&digits) {
        return None;
    }
    *cursor = behind;
    Some(id)
}

/// Splits `CBS    text`, which starts at `column`.
fn component(text: &str, column: usize) -> (Option<&str>, &str) {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let (word, rest) = text
        .bytes()
        .position(|byte| is_blank(&byte))
        .and_then(|end| text.split_at_checked(end))
        .unwrap_or((text, ""));
    let is_padded = rest.starts_with("  ") || rest.starts_with('\t');
    if column < MESSAGE_COLUMN && is_component(word, is_padded) {
        let blanks = rest.bytes().take_while(is_blank).count();
        (Some(word), rest.get(blanks..).unwrap_or_default())
    } else {
        (None, text)
    }
}

/// A component's name is in capitals; one that is not must at least be set off from the text.
fn is_component(word: &str, is_padded: bool) -> bool {
    let is_letter = |byte: u8| {
        byte.is_ascii_uppercase()
            || byte.is_ascii_digit()
            || byte == b'_'
            || is_padded && byte.is_ascii_lowercase()
    };
    (2..=COMPONENT_BYTES_MAX).contains(&word.len())
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.bytes().all(is_letter)
}
