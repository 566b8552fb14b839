//! Code units: where a line can end depends on how wide a character is.

/// The width and order of the code units of a stretch of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// One byte: UTF-8 and every code page of Windows.
    Byte,
    /// Two bytes, low byte first.
    Utf16Le,
    /// Two bytes, high byte first.
    Utf16Be,
}

/// A stretch of text that begins here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) unit: Unit,
    /// Length of the byte order mark, which belongs to no line's text.
    pub(crate) mark_bytes: usize,
}

/// How many bytes from a line start [`continued`] looks at.
pub(crate) const LINE_START_BYTES: usize = 16;

/// How many bytes from the start of a file decide about UTF-16 without a byte order mark.
const SAMPLE_BYTES: usize = 4096;

/// What a file that begins with `head` consists of.
pub(crate) fn first(head: &[u8]) -> Segment {
    if let Some(segment) = byte_order_mark(head) {
        return segment;
    }
    // The start decides, where it is ASCII in any form: what follows may be another stretch.
    let start = head.get(..LINE_START_BYTES).unwrap_or_default();
    let of_start = if start.is_empty() {
        None
    } else if is_plain_text(start) {
        Some(Unit::Byte)
    } else {
        wide_ascii(start)
    };
    if let Some(unit) = of_start {
        return Segment {
            unit,
            mark_bytes: 0,
        };
    }
    let sample = head.get(..SAMPLE_BYTES).unwrap_or(head);
    let zeros = Zeros::count(sample);
    // Text in any script has blanks, digits and line ends; text in bytes has no zero at all.
    let unit = if zeros.low_byte_first(15, 2) {
        Unit::Utf16Le
    } else if zeros.high_byte_first(15, 2) {
        Unit::Utf16Be
    } else {
        Unit::Byte
    };
    Segment {
        unit,
        mark_bytes: 0,
    }
}

/// Whether another stretch begins at a line start in the middle of a file: a second byte order
/// mark, or code units of another width, as `>>` of PowerShell leaves them.
pub(crate) fn continued(line_start: &[u8], current: Unit) -> Option<Segment> {
    if let Some(segment) = byte_order_mark(line_start) {
        return Some(segment);
    }
    let start = line_start.get(..LINE_START_BYTES)?;
    let unit = match current {
        Unit::Byte => {
            // Most lines are refused here, by their second or first byte.
            if !matches!(start, [_, 0, ..] | [0, ..]) {
                return None;
            }
            wide_ascii(start)?
        }
        Unit::Utf16Le | Unit::Utf16Be => {
            if is_plain_text(start) {
                Unit::Byte
            } else {
                wide_ascii(start).filter(|unit| *unit != current)?
            }
        }
    };
    Some(Segment {
        unit,
        mark_bytes: 0,
    })
}

/// The order of the bytes where every second one is zero: ASCII in code units of two bytes.
fn wide_ascii(bytes: &[u8]) -> Option<Unit> {
    let zeros = Zeros::count(bytes);
    if zeros.low_byte_first(100, 0) {
        Some(Unit::Utf16Le)
    } else if zeros.high_byte_first(100, 0) {
        Some(Unit::Utf16Be)
    } else {
        None
    }
}

/// Printable ASCII: as code units of two bytes it would be a row of rare Chinese characters.
fn is_plain_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

fn byte_order_mark(bytes: &[u8]) -> Option<Segment> {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => Some(Segment {
            unit: Unit::Byte,
            mark_bytes: 3,
        }),
        [0xFF, 0xFE, ..] => Some(Segment {
            unit: Unit::Utf16Le,
            mark_bytes: 2,
        }),
        [0xFE, 0xFF, ..] => Some(Segment {
            unit: Unit::Utf16Be,
            mark_bytes: 2,
        }),
        _ => None,
    }
}

/// Zero bytes by their place in a pair.
struct Zeros {
    pairs: usize,
    first: usize,
    second: usize,
}

impl Zeros {
    fn count(bytes: &[u8]) -> Self {
        let mut zeros = Self {
            pairs: 0,
            first: 0,
            second: 0,
        };
        for pair in bytes.chunks_exact(2) {
            if let [first, second] = pair {
                zeros.pairs += 1;
                zeros.first += usize::from(*first == 0);
                zeros.second += usize::from(*second == 0);
            }
        }
        zeros
    }

    fn low_byte_first(&self, least_percent: usize, most_percent: usize) -> bool {
        self.pairs > 0
            && self.second * 100 >= self.pairs * least_percent
            && self.first * 100 <= self.pairs * most_percent
    }

    fn high_byte_first(&self, least_percent: usize, most_percent: usize) -> bool {
        Self {
            pairs: self.pairs,
            first: self.second,
            second: self.first,
        }
        .low_byte_first(least_percent, most_percent)
    }
}
