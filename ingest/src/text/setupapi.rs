//! Setup's and Plug and Play's text logs: setupapi.dev.log, setupapi.setup.log, setupapi.app.log.
//!
//! ```text
//! >>>  [Device Install (Hardware initiated) - PCI\VEN_8086&DEV_15F3\3&11583659&0&FE]
//! >>>  Section start 2024/05/14 09:12:44.031
//!      sto: {Stage Driver Package: C:\Windows\Temp\net.inf} 09:12:44.100
//! !!!  sto:      Failed to import driver package into Driver Store. Error = 0xE0000247
//! <<<  Section end 2024/05/14 09:12:45.118
//! <<<  [Exit status: FAILURE(0xe0000247)]
//! ```
//!
//! A section's two first lines are one record, and so are its two last; between them every line
//! with a category is one. Only sections state a whole time: their lines take that of the start.
//! What failed is known at the end of the section, so the record of its end says what a reader would
//! have to look for above it: which operation, which driver package, the first error.
//! (Microsoft Learn: "SetupAPI Text Logs".) Not read: setupapi.log of Windows XP, another format.

mod failure;

use std::borrow::Cow;

use patchlens_event::Level;

use super::head::Head;
use super::stamp::{self, Cursor};
use crate::LoggedTime;
use failure::Failure;

/// Categories of entries, as Windows writes them.
const CATEGORIES: [&str; 26] = [
    "dvi", "inf", "sto", "sig", "flq", "cpy", "ndv", "utl", "dvs", "idb", "ump", "pol", "set",
    "cmd", "bak", "cci", "prp", "reg", "ui", "drv", "cfg", "wmi", "exp", "tdi", "cer", "pnp",
];
/// The longest category, vendors' own included.
const CATEGORY_BYTES_MAX: usize = 4;

/// What a line is by its form.
#[derive(Debug, Clone, Copy)]
enum Line<'a> {
    /// `>>>  [title]`.
    Title(&'a str),
    /// `>>>  Section start …`.
    Start(Stamp<'a>),
    /// `<<<  Section end …`.
    End(Stamp<'a>),
    /// `<<<  [Exit status: …]`.
    Exit(&'a str),
    /// `[Boot Session: …]`.
    Session(Stamp<'a>),
    /// `[Device Install Log]`, `[BeginLog]`.
    Mark,
    /// An entry with its mark and category.
    Entry(Level, &'a str, &'a str),
}

#[derive(Debug, Clone, Copy)]
struct Stamp<'a> {
    text: &'a str,
    time: LoggedTime,
}

/// What a line means for the records.
pub(super) enum Step<'a> {
    /// It is the first of a record.
    Begin(Head<'a>),
    /// It is the last of the record above.
    Close(Close<'a>),
    /// It continues the record above, or nothing.
    Other,
}

/// What the second line of a section's head or foot adds to its record.
pub(super) struct Close<'a> {
    pub(super) text: &'a str,
    pub(super) level: Level,
    /// Time and its text, where this line states them.
    pub(super) stamp: Option<(String, LoggedTime)>,
    pub(super) fields: Vec<(String, String)>,
}

/// Which second line is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Waiting {
    #[default]
    No,
    Start,
    Exit,
}

/// Where in the file the reader is. Bounded: of a section only what may explain its failure is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Sections {
    waiting: Waiting,
    /// When the section began; every entry has this time.
    started: Option<(String, LoggedTime)>,
    failure: Failure,
}

impl Sections {
    /// Takes the next line; `number` is its line in the file.
    pub(super) fn step<'a>(&mut self, number: u64, text: &'a str) -> Step<'a> {
        let Some(line) = read(text) else {
            return Step::Other;
        };
        let waited = std::mem::take(&mut self.waiting);
        match line {
            Line::Start(stamp) if waited == Waiting::Start => {
                self.started = Some((stamp.text.to_owned(), stamp.time));
                Step::Close(Close {
                    text: without_mark(text),
                    level: Level::Info,
                    stamp: self.started.clone(),
                    fields: Vec::new(),
                })
            }
            Line::Exit(status) if waited == Waiting::Exit => {
                let (level, fields) = self.end(status);
                Step::Close(Close {
                    text: without_mark(text),
                    level,
                    stamp: None,
                    fields,
                })
            }
            other => Step::Begin(self.begin(number, text, other)),
        }
    }

    fn begin<'a>(&mut self, number: u64, text: &'a str, line: Line<'a>) -> Head<'a> {
        let mut head = Head {
            time_text: Cow::Borrowed(""),
            time: LoggedTime::Unstated,
            level: Level::Info,
            component: None,
            message: without_mark(text),
            fields: Vec::new(),
            is_open: false,
        };
        let mut at = |stamp: Stamp<'a>| {
            head.time_text = Cow::Borrowed(stamp.text);
            head.time = stamp.time;
        };
        match line {
            Line::Title(title) => {
                self.waiting = Waiting::Start;
                self.started = None;
                self.failure.begin(title);
            }
            Line::Start(stamp) => {
                self.started = Some((stamp.text.to_owned(), stamp.time));
                self.failure.begin("");
                at(stamp);
            }
            Line::End(stamp) => {
                self.waiting = Waiting::Exit;
                at(stamp);
            }
            Line::Session(stamp) => at(stamp),
            Line::Exit(status) => {
                if let Some((text, time)) = &self.started {
                    head.time_text = Cow::Owned(text.clone());
                    head.time = *time;
                }
                (head.level, head.fields) = self.end(status);
            }
            Line::Mark => {}
            Line::Entry(level, category, message) => {
                if let Some((text, time)) = &self.started {
                    head.time_text = Cow::Owned(text.clone());
                    head.time = *time;
                }
                head.level = level;
                head.component = Some(category).filter(|category| !category.is_empty());
                head.message = message;
                self.failure.entry(number, level, category, message);
            }
        }
        head
    }

    /// The end of a section: its level, and what it says when it failed.
    fn end(&mut self, status: &str) -> (Level, Vec<(String, String)>) {
        self.started = None;
        let Some(code) = failing_status(status) else {
            self.failure.clear();
            return (Level::Info, Vec::new());
        };
        (Level::Error, self.failure.end(code))
    }
}

/// How much a line speaks for this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// No other log has such a line.
    Mark,
    /// An entry of a category that Windows has.
    Entry,
    /// None.
    No,
}

/// Judges a line of a file that is not known yet.
pub(crate) fn likeness(text: &str) -> Likeness {
    // An entry that passed through some other log stands behind that log's own columns.
    match read(text) {
        // Quotations in mail begin with one of these signs too.
        Some(Line::Title(_)) if !text.starts_with(">>>  [") => Likeness::No,
        Some(
            Line::Title(_)
            | Line::Mark
            | Line::Start(_)
            | Line::End(_)
            | Line::Exit(_)
            | Line::Session(_),
        ) => Likeness::Mark,
        Some(Line::Entry(_, category, _)) if CATEGORIES.contains(&category) => Likeness::Entry,
        _ => Likeness::No,
    }
}

fn read(text: &str) -> Option<Line<'_>> {
    let text = text.trim_end();
    if let Some(rest) = text.strip_prefix(">>>") {
        let rest = rest.trim_start();
        if let Some(title) = rest.strip_prefix('[') {
            return Some(Line::Title(title.strip_suffix(']').unwrap_or(title)));
        }
        return stamp_in(rest)
            .filter(|_| rest.contains("ection start"))
            .map(Line::Start);
    }
    if let Some(rest) = text.strip_prefix("<<<") {
        let rest = rest.trim_start();
        if let Some(status) = rest
            .strip_prefix("[Exit ")
            .and_then(|rest| rest.get("status".len()..))
        {
            return Some(Line::Exit(status.trim_start_matches([':', ' '])));
        }
        return rest
            .contains("ection end")
            .then(|| Line::End(stamp_in(rest).unwrap_or(UNSTATED)));
    }
    if text.starts_with('[') {
        if let Some(rest) = text.strip_prefix("[Boot Session:") {
            return stamp_in(rest).map(Line::Session);
        }
        let is_mark = text == "[BeginLog]" || text.starts_with("[Device Install Log]");
        return is_mark.then_some(Line::Mark);
    }
    entry(text)
}

const UNSTATED: Stamp<'static> = Stamp {
    text: "",
    time: LoggedTime::Unstated,
};

/// `!!!  sto:      text`, `     dvi: text`, `      cmd: text`; a time may stand before the category.
fn entry(text: &str) -> Option<Line<'_>> {
    let (level, rest) = if let Some(rest) = text.strip_prefix("!!!") {
        (Level::Error, rest)
    } else if let Some(rest) = text.strip_prefix('!') {
        (Level::Warning, rest)
    } else {
        (Level::Info, text.strip_prefix('.').unwrap_or(text))
    };
    let is_marked = level != Level::Info;
    if is_marked && !rest.starts_with(' ') {
        return None;
    }
    let rest = rest.trim_start_matches([' ', '\t']);
    let body = if rest.starts_with(|c: char| c.is_ascii_digit()) {
        behind_stamp(rest).unwrap_or(rest)
    } else {
        rest
    };
    let end = body
        .bytes()
        .take(CATEGORY_BYTES_MAX + 1)
        .position(|byte| byte == b':');
    let split = end
        .filter(|end| *end >= 2)
        .and_then(|end| body.split_at_checked(end));
    let category = split.and_then(|(category, message)| {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'.';
        let message = message.strip_prefix(':')?;
        let stands_apart = message.is_empty() || message.starts_with([' ', '\t']);
        (stands_apart && category.bytes().all(is_name)).then_some((category, message))
    });
    match category {
        Some((category, message)) => Some(Line::Entry(level, category, message.trim_start())),
        // The category is optional, but without it only a mark tells an entry from a second line.
        None if is_marked => Some(Line::Entry(level, "", body)),
        None => None,
    }
}

/// What stands behind a whole time at the start of a text.
fn behind_stamp(text: &str) -> Option<&str> {
    let mut cursor = Cursor::new(text);
    read_stamp(&mut cursor)?;
    Some(cursor.rest().trim_start_matches([':', ' ']))
}

fn read_stamp(cursor: &mut Cursor<'_>) -> Option<LoggedTime> {
    let date = stamp::date(cursor, b"/-.")?;
    cursor.byte(b" ")?;
    let time = stamp::time(cursor)?;
    let nanoseconds = if cursor.byte(b".,").is_some() {
        stamp::fraction(cursor)
    } else {
        0
    };
    Some(stamp::local(date, time, nanoseconds))
}

/// The first time in a text.
fn stamp_in(text: &str) -> Option<Stamp<'_>> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let text = text.get(start..)?;
    let mut cursor = Cursor::new(text);
    let time = read_stamp(&mut cursor)?;
    Some(Stamp {
        text: cursor.read(),
        time,
    })
}

/// The line without `>>>` and `<<<`.
fn without_mark(text: &str) -> &str {
    let text = text.trim_end();
    let rest = text
        .strip_prefix(">>>")
        .or_else(|| text.strip_prefix("<<<"));
    rest.unwrap_or(text).trim_start()
}

/// The code of `FAILURE(0x00000003)]`; `None` for every way to succeed.
fn failing_status(status: &str) -> Option<u32> {
    if status.starts_with("SUCCESS") {
        return None;
    }
    let digits = status.split_once('(')?.1;
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let end = digits
        .bytes()
        .take_while(u8::is_ascii_hexdigit)
        .count()
        .min(8);
    u32::from_str_radix(digits.get(..end)?, 16)
        .ok()
        .filter(|code| *code != 0)
}
