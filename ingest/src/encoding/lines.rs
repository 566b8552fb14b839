//! Finds the lines in the bytes of a file that arrives piece by piece.

use memchr::{memchr, memchr_iter, memrchr_iter};
use patchlens_event::Reject;

use super::HEAD_BYTES;
use super::unit::{self, LINE_START_BYTES, Segment, Unit};

/// The longest line that is read whole; what is longer is cut. Far above any line that Windows
/// writes, and it bounds the memory of a reader.
pub(crate) const LINE_BYTES_MAX: usize = 1024 * 1024;

/// How much of the part of a line above [`LINE_BYTES_MAX`] is kept as a sample.
const SURPLUS_BYTES: usize = Reject::RAW_BYTES_MAX;

/// One line, still in its encoding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'b> {
    /// From 1.
    pub(crate) number: u64,
    /// Of its first byte in the file, a byte order mark included.
    pub(crate) offset: u64,
    /// The line as it stands in the file, with byte order mark and line end.
    pub(crate) raw: &'b [u8],
    /// The line without byte order mark and line end.
    pub(crate) body: &'b [u8],
    /// What `body` is made of.
    pub(crate) unit: Unit,
    /// Length of the byte order mark before `body`.
    pub(crate) mark_bytes: usize,
    /// What stands above the longest line: its offset and first bytes.
    pub(crate) surplus: Option<(u64, &'b [u8])>,
}

/// Where the reading of a file stands.
#[derive(Debug, Clone)]
pub(crate) struct LineReader {
    /// Of the next byte to be read.
    offset: u64,
    lines: u64,
    unit: Option<Unit>,
    /// Set once the start of the next line has been looked at.
    line_start: Option<Segment>,
    /// How far behind the start of the next line no line end stands.
    searched: usize,
    /// The rest of a line that was cut is being passed over.
    skipping: bool,
}

impl LineReader {
    /// Starts at the beginning of a file.
    pub(crate) fn new() -> Self {
        Self {
            offset: 0,
            lines: 0,
            unit: None,
            line_start: None,
            searched: 0,
            skipping: false,
        }
    }

    /// How many lines have been handed on.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether nothing has been decided yet: the next bytes are the head of the file.
    pub(crate) fn is_at_start(&self) -> bool {
        self.unit.is_none()
    }

    /// How many bytes of `buffer`, which begins at the start of a line, are whole lines.
    pub(crate) fn whole_lines(&self, buffer: &[u8]) -> usize {
        let unit = self.unit.unwrap_or_else(|| unit::first(buffer).unit);
        let mut ends = memrchr_iter(b'\n', buffer);
        let end = match unit {
            Unit::Byte => ends.next().map(|at| at + 1),
            Unit::Utf16Le => ends
                .find(|at| at % 2 == 0 && buffer.get(at + 1) == Some(&0))
                .map(|at| at + 2),
            Unit::Utf16Be => ends
                .find(|at| at % 2 == 1 && buffer.get(at - 1) == Some(&0))
                .map(|at| at + 1),
        };
        end.unwrap_or(0)
    }

    /// Hands on the next line of `buffer[*at..]` and moves `at` behind it; `None` when more bytes
    /// are needed. `last` says that no more bytes will come. The caller keeps `buffer[*at..]` and
    /// puts it before the bytes of the next call.
    pub(crate) fn next<'b>(
        &mut self,
        buffer: &'b [u8],
        at: &mut usize,
        last: bool,
    ) -> Option<Line<'b>> {
        if self.skipping && !self.skip(buffer, at, last) {
            return None;
        }
        let ahead = buffer.get(*at..).filter(|ahead| !ahead.is_empty())?;
        let segment = self.segment(ahead, last)?;
        let text = ahead.get(segment.mark_bytes..).unwrap_or_default();
        let (body_end, line_end) = match line_end(segment.unit, text, self.searched) {
            Some(end) => end,
            None if last => (text.len(), text.len()),
            None if text.len() >= LINE_BYTES_MAX + SURPLUS_BYTES => {
                (text.len() & !1, text.len() & !1)
            }
            None => {
                // The last unit may be the first half of a line end.
                self.searched = text.len().saturating_sub(1) & !1;
                return None;
            }
        };
        let found_end = body_end < line_end || last;
        let body = text.get(..body_end).unwrap_or_default();
        let line_bytes = segment.mark_bytes + line_end;
        let (body, surplus) = self.cut(body, segment);
        self.skipping = surplus.is_some() && !found_end;
        self.lines += 1;
        let line = Line {
            number: self.lines,
            offset: self.offset,
            raw: ahead.get(..line_bytes).unwrap_or(ahead),
            body: without_carriage_return(segment.unit, body, surplus.is_some()),
            unit: segment.unit,
            mark_bytes: segment.mark_bytes,
            surplus,
        };
        self.advance(at, line_bytes);
        Some(line)
    }

    /// Looks at the start of a line: what encoding it is in.
    fn segment(&mut self, ahead: &[u8], last: bool) -> Option<Segment> {
        if let Some(segment) = self.line_start {
            return Some(segment);
        }
        let needed = if self.unit.is_some() {
            LINE_START_BYTES
        } else {
            HEAD_BYTES
        };
        if ahead.len() < needed && !last {
            return None;
        }
        let segment = match self.unit {
            None => unit::first(ahead),
            Some(unit) => unit::continued(ahead, unit).unwrap_or(Segment {
                unit,
                mark_bytes: 0,
            }),
        };
        self.unit = Some(segment.unit);
        self.line_start = Some(segment);
        Some(segment)
    }

    fn cut<'b>(&self, body: &'b [u8], segment: Segment) -> (&'b [u8], Option<(u64, &'b [u8])>) {
        let mut end = LINE_BYTES_MAX;
        if body.len() <= end {
            return (body, None);
        }
        // Never inside a UTF-8 character, which is at most four bytes long.
        if segment.unit == Unit::Byte {
            for _ in 0..3 {
                end -= usize::from(body.get(end).is_some_and(|byte| byte & 0xC0 == 0x80));
            }
        }
        let surplus = body.get(end..).unwrap_or_default();
        let sample = surplus.get(..SURPLUS_BYTES).unwrap_or(surplus);
        let offset = self.offset + (segment.mark_bytes + end) as u64;
        (body.get(..end).unwrap_or_default(), Some((offset, sample)))
    }

    /// Passes over the rest of a line that was cut; true when its end was found.
    fn skip(&mut self, buffer: &[u8], at: &mut usize, last: bool) -> bool {
        let ahead = buffer.get(*at..).unwrap_or_default();
        let unit = self.unit.unwrap_or(Unit::Byte);
        if let Some((_, end)) = line_end(unit, ahead, 0) {
            self.skipping = false;
            self.advance(at, end);
            return true;
        }
        let passed = if last || unit == Unit::Byte {
            ahead.len()
        } else {
            ahead.len().saturating_sub(1) & !1
        };
        self.advance(at, passed);
        false
    }

    fn advance(&mut self, at: &mut usize, bytes: usize) {
        *at += bytes;
        self.offset += bytes as u64;
        self.searched = 0;
        self.line_start = None;
    }
}

/// Finds the first line end in `text`, looking from `from`: where the line's body ends, and where
/// the next line starts.
fn line_end(unit: Unit, text: &[u8], from: usize) -> Option<(usize, usize)> {
    let ahead = text.get(from..)?;
    match unit {
        Unit::Byte => memchr(b'\n', ahead).map(|at| (from + at, from + at + 1)),
        Unit::Utf16Le => memchr_iter(b'\n', ahead)
            .map(|at| from + at)
            .find(|at| at % 2 == 0 && text.get(at + 1) == Some(&0))
            .map(|at| (at, at + 2)),
        Unit::Utf16Be => memchr_iter(b'\n', ahead)
            .map(|at| from + at)
            .find(|at| at % 2 == 1 && text.get(at - 1) == Some(&0))
            .map(|at| (at - 1, at + 1)),
    }
}

fn without_carriage_return(unit: Unit, body: &[u8], is_cut: bool) -> &[u8] {
    let end: &[u8] = match unit {
        Unit::Byte => b"\r",
        Unit::Utf16Le => b"\r\0",
        Unit::Utf16Be => b"\0\r",
    };
    match body.strip_suffix(end) {
        Some(shorter) if !is_cut => shorter,
        _ => body,
    }
}
