//! Puts lines together into records and accounts for each of them.

use std::borrow::Cow;

use patchlens_event::{Reject, RejectReason};

use super::head::{Head, head};
use super::setupapi::{Sections, Step};
use super::{cmtrace, excerpt};
use crate::encoding::{LINE_BYTES_MAX, Line, Unit, shown_in};
use crate::{Format, Issue, Record, RecordSink};

/// How long a message may grow by its continuation lines: bounds the memory of a record.
const MESSAGE_BYTES_MAX: usize = LINE_BYTES_MAX;

/// A record that may still be continued.
#[derive(Debug, Clone)]
pub(super) struct Pending<'b> {
    record: Record<'b>,
    is_open: bool,
    /// Empty lines since the last that had text; they are written when more text follows.
    blank_lines: u64,
    /// What is to be told after the record: parts of it that were too long.
    surplus: Vec<Issue<'static>>,
    /// Set once a continuation line did not fit: all that follow are refused too. Boxed because it
    /// is rare, and every record is moved twice.
    overflow: Option<Box<Issue<'static>>>,
}

impl Pending<'_> {
    /// Lets go of the buffer that the record was read from.
    pub(super) fn into_owned(self) -> Pending<'static> {
        let Self {
            record,
            is_open,
            blank_lines,
            surplus,
            overflow,
        } = self;
        Pending {
            record: owned(record),
            is_open,
            blank_lines,
            surplus,
            overflow,
        }
    }
}

/// What became of a line of a section.
#[expect(
    clippy::large_enum_variant,
    reason = "every line makes one, and it is taken apart at once"
)]
enum Taken<'b> {
    /// It begins a record.
    Begun(Pending<'b>),
    /// It was the last of the record above.
    Closed,
    /// Neither.
    Not,
}

/// Puts the lines of one file together.
#[derive(Debug, Clone)]
pub(super) struct Assembler {
    format: Format,
    records: u64,
    continuations: u64,
    rejected: u64,
    /// Lines before the first record.
    preface: Option<Issue<'static>>,
    /// No line of the full form came yet: it may be an excerpt.
    may_be_excerpt: bool,
    /// Where a log of driver installations is divided.
    sections: Option<Box<Sections>>,
}

impl Assembler {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            records: 0,
            continuations: 0,
            rejected: 0,
            preface: None,
            may_be_excerpt: true,
            sections: (format == Format::SetupapiLog).then(Box::default),
        }
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    pub(super) fn continuations(&self) -> u64 {
        self.continuations
    }

    pub(super) fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Takes one line, and the record that it may continue, which becomes the one that the next
    /// line may continue.
    #[expect(
        clippy::ptr_arg,
        reason = "what is borrowed lives as long as the buffer, and longer than this reference"
    )]
    pub(super) fn line<'b>(
        &mut self,
        line: &Line<'b>,
        text: &Cow<'b, str>,
        pending: &mut Option<Pending<'b>>,
        sink: &mut dyn RecordSink,
    ) {
        if self.sections.is_some() {
            return self.line_of_section(line, text, pending, sink);
        }
        if let Some(begun) = self.begin(line, text) {
            self.flush(pending.take(), sink);
            *pending = Some(begun);
            return;
        }
        let Some(pending) = pending else {
            return self.reject_preface(line, text, sink);
        };
        if pending.is_open
            && let Some(close) = cmtrace::close(text)
        {
            append(pending, close.text, line);
            pending.is_open = false;
            pending.record.time_text = close.time_text.into();
            pending.record.time = close.time;
            pending.record.level = close.level;
            pending.record.component = close.component.map(|component| component.to_owned().into());
            pending.record.fields = close.fields;
        } else {
            append(pending, text, line);
        }
    }

    /// Takes the end of the file.
    pub(super) fn finish(&mut self, pending: Option<Pending<'_>>, sink: &mut dyn RecordSink) {
        self.flush_preface(sink);
        self.flush(pending, sink);
    }

    fn begin<'b>(&mut self, line: &Line<'b>, text: &Cow<'b, str>) -> Option<Pending<'b>> {
        let mut pending = match text {
            // Borrowed from the file itself, beyond the life of `text`.
            Cow::Borrowed(text) => self.begin_in(line, text),
            Cow::Owned(text) => self.begin_in(line, text).map(Pending::into_owned),
        }?;
        pending.surplus.extend(surplus(line));
        Some(pending)
    }

    /// Takes one line of a log that is divided into sections.
    #[expect(
        clippy::ptr_arg,
        reason = "what is borrowed lives as long as the buffer, and longer than this reference"
    )]
    fn line_of_section<'b>(
        &mut self,
        line: &Line<'b>,
        text: &Cow<'b, str>,
        pending: &mut Option<Pending<'b>>,
        sink: &mut dyn RecordSink,
    ) {
        let begun = match text {
            Cow::Borrowed(text) => self.step(line, text, pending),
            Cow::Owned(text) => match self.step(line, text, pending) {
                Taken::Begun(begun) => Taken::Begun(begun.into_owned()),
                Taken::Closed => Taken::Closed,
                Taken::Not => Taken::Not,
            },
        };
        match begun {
            Taken::Begun(mut begun) => {
                begun.surplus.extend(surplus(line));
                self.flush(pending.take(), sink);
                *pending = Some(begun);
            }
            Taken::Closed => {}
            Taken::Not => match pending {
                Some(pending) => append(pending, text, line),
                None => self.reject_preface(line, text, sink),
            },
        }
    }

    /// What a line is for the records of a log that is divided into sections.
    fn step<'t>(
        &mut self,
        line: &Line<'_>,
        text: &'t str,
        pending: &mut Option<Pending<'_>>,
    ) -> Taken<'t> {
        let (zeros, text) = without_zeros(text);
        let Some(sections) = &mut self.sections else {
            return Taken::Not;
        };
        match sections.step(line.number, text) {
            Step::Other => Taken::Not,
            Step::Begin(head) => Taken::Begun(begun(line, zeros, head)),
            Step::Close(close) => {
                let Some(pending) = pending else {
                    return Taken::Not;
                };
                append(pending, close.text, line);
                let record = &mut pending.record;
                record.level = close.level;
                record.fields = close.fields;
                if let Some((time_text, time)) = close.stamp {
                    record.time_text = time_text.into();
                    record.time = time;
                }
                Taken::Closed
            }
        }
    }

    fn begin_in<'t>(&mut self, line: &Line<'_>, text: &'t str) -> Option<Pending<'t>> {
        let (zeros, begin) = without_zeros(text);
        let head = self.head(begin)?;
        Some(begun(line, zeros, head))
    }

    fn head<'t>(&mut self, line: &'t str) -> Option<Head<'t>> {
        let full = head(self.format, line);
        if full.is_some() {
            self.may_be_excerpt = false;
            return full;
        }
        if !self.may_be_excerpt {
            return excerpt::without_time(self.format, line);
        }
        excerpt::head(self.format, line).map(|(head, _)| head)
    }

    /// Hands a finished record on, and after it what did not fit into it.
    fn flush(&mut self, pending: Option<Pending<'_>>, sink: &mut dyn RecordSink) {
        self.flush_preface(sink);
        let Some(pending) = pending else { return };
        if pending.is_open {
            self.refuse_open(pending, sink);
            return;
        }
        self.records += 1;
        self.continuations += pending.record.continuations;
        sink.record(pending.record);
        if pending.surplus.is_empty() && pending.overflow.is_none() {
            return;
        }
        for issue in pending
            .surplus
            .into_iter()
            .chain(pending.overflow.map(|overflow| *overflow))
        {
            self.rejected += issue.lines;
            sink.issue(issue);
        }
    }

    /// A record that says where it ends, and does not end.
    fn refuse_open(&mut self, pending: Pending<'_>, sink: &mut dyn RecordSink) {
        let record = pending.record;
        let mut raw = [cmtrace::BEGIN, record.message.as_ref()]
            .concat()
            .into_bytes();
        raw.truncate(Reject::RAW_BYTES_MAX);
        let issue = Issue {
            line: record.line,
            byte_offset: record.byte_offset,
            lines: 1 + record.continuations + pending.overflow.map_or(0, |overflow| overflow.lines),
            reason: RejectReason::Truncated,
            detail: format!(
                "a {} record begins here and has no end",
                self.format.as_str()
            ),
            raw: raw.into(),
        };
        self.rejected += issue.lines;
        sink.issue(issue);
    }

    fn reject_preface(&mut self, line: &Line<'_>, text: &str, sink: &mut dyn RecordSink) {
        let raw = raw_of(line, text);
        let is_full = |issue: &Issue<'_>| issue.raw.len() + raw.len() > Reject::RAW_BYTES_MAX;
        if self.preface.as_ref().is_some_and(is_full) {
            self.flush_preface(sink);
        }
        let format = self.format;
        let issue = self.preface.get_or_insert_with(|| Issue {
            line: line.number,
            byte_offset: line.offset,
            lines: 0,
            reason: RejectReason::Malformed,
            detail: format!(
                "no {} record begins here or on a line above",
                format.as_str()
            ),
            raw: Cow::Owned(Vec::new()),
        });
        issue.lines += 1;
        let room = Reject::RAW_BYTES_MAX.saturating_sub(issue.raw.len());
        issue
            .raw
            .to_mut()
            .extend_from_slice(raw.get(..room).unwrap_or(&raw));
    }

    fn flush_preface(&mut self, sink: &mut dyn RecordSink) {
        if let Some(issue) = self.preface.take() {
            self.rejected += issue.lines;
            sink.issue(issue);
        }
    }
}

/// Appends a continuation line to the message.
fn append(pending: &mut Pending<'_>, text: &str, line: &Line<'_>) {
    if let Some(overflow) = &mut pending.overflow {
        overflow.lines += 1;
        return;
    }
    if text.trim_matches(['\0', ' ', '\t', '\r']).is_empty() {
        pending.record.continuations += 1;
        pending.blank_lines += 1;
        return;
    }
    let breaks = usize::try_from(pending.blank_lines)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    let length = pending
        .record
        .message
        .len()
        .saturating_add(breaks)
        .saturating_add(text.len());
    if length > MESSAGE_BYTES_MAX {
        let issue = too_long(line.number, line.offset, 1, &raw_of(line, text));
        pending.overflow = Some(Box::new(issue));
        return;
    }
    let message = pending.record.message.to_mut();
    message.extend(std::iter::repeat_n('\n', breaks));
    message.push_str(text);
    pending.blank_lines = 0;
    pending.record.continuations += 1;
    pending.surplus.extend(surplus(line));
}

/// The text behind zeros, and how many there are: a file system that lost power leaves them where the
/// next record was to stand.
fn without_zeros(text: &str) -> (usize, &str) {
    if !text.starts_with('\0') {
        return (0, text);
    }
    let begin = text.trim_start_matches('\0');
    (text.len() - begin.len(), begin)
}

/// The record that a line begins, behind so many zeros.
fn begun<'t>(line: &Line<'_>, zeros: usize, head: Head<'t>) -> Pending<'t> {
    let Head {
        time_text,
        time,
        level,
        component,
        message,
        fields,
        is_open,
    } = head;
    let record = Record {
        line: line.number,
        byte_offset: line.offset
            + if zeros > 0 {
                (line.mark_bytes + zeros) as u64
            } else {
                0
            },
        record_id: None,
        time_text,
        time,
        level,
        component: component.map(Cow::Borrowed),
        channel: None,
        windows_event_id: None,
        message: Cow::Borrowed(message),
        fields,
        continuations: 0,
    };
    Pending {
        record,
        is_open,
        blank_lines: 0,
        surplus: Vec::new(),
        overflow: None,
    }
}

/// The part of a line above the longest that is read; the line itself is counted where it belongs.
fn surplus(line: &Line<'_>) -> Option<Issue<'static>> {
    line.surplus.map(|(offset, raw)| {
        let raw = match line.unit {
            Unit::Byte => Cow::Borrowed(raw),
            wide => Cow::Owned(shown_in(wide, raw).into_owned().into_bytes()),
        };
        too_long(line.number, offset, 0, &raw)
    })
}

/// What is kept of a line that is refused: its bytes where they are UTF-8, else its text, since in
/// the bytes of another encoding no name would be found.
fn raw_of<'b>(line: &Line<'b>, text: &str) -> Cow<'b, [u8]> {
    if line.unit == Unit::Byte && std::str::from_utf8(line.raw).is_ok() {
        return Cow::Borrowed(line.raw);
    }
    Cow::Owned([text.as_bytes(), b"\n"].concat())
}

fn too_long(line: u64, byte_offset: u64, lines: u64, raw: &[u8]) -> Issue<'static> {
    Issue {
        line,
        byte_offset,
        lines,
        reason: RejectReason::LimitExceeded,
        detail: format!(
            "a line or record is longer than {MESSAGE_BYTES_MAX} bytes; the rest of it was left out"
        ),
        raw: Cow::Owned(raw.get(..Reject::RAW_BYTES_MAX).unwrap_or(raw).to_vec()),
    }
}

fn owned(record: Record<'_>) -> Record<'static> {
    fn own(text: Cow<'_, str>) -> Cow<'static, str> {
        Cow::Owned(text.into_owned())
    }
    Record {
        line: record.line,
        byte_offset: record.byte_offset,
        record_id: record.record_id,
        time_text: own(record.time_text),
        time: record.time,
        level: record.level,
        component: record.component.map(own),
        channel: record.channel.map(own),
        windows_event_id: record.windows_event_id,
        message: own(record.message),
        fields: record.fields,
        continuations: record.continuations,
    }
}
