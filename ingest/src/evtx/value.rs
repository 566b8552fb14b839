//! The text of a value as crate `evtx` prints it, straight from its bytes.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::template::TEXT;

/// No value.
pub(super) const NULL: u8 = 0x00;
/// Elements in place of a value.
pub(super) const BIN_XML: u8 = 0x21;
/// Several texts, each of which repeats the element around it.
pub(super) const TEXT_ARRAY: u8 = 0x81;
const FILE_TIME: u8 = 0x11;
/// How much text is looked at at once.
const ASCII_UNITS: usize = 32;
/// Windows counts units of 100 ns.
const TICKS_PER_SECOND: u64 = 10_000_000;
/// Between 1601-01-01, where Windows begins to count, and 1970-01-01.
const UNIX_EPOCH_SECONDS: i64 = 11_644_473_600;

/// A value of a record: its type and its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) kind: u8,
    pub(super) bytes: &'a [u8],
}

impl Raw<'_> {
    /// Whether the element that depends on it is left out.
    pub(super) fn is_null(&self) -> bool {
        self.kind == NULL || (self.kind == BIN_XML && self.bytes.is_empty())
    }

    /// The instant that it states, if it states one.
    pub(super) fn time(&self) -> Option<Timestamp> {
        if self.kind != FILE_TIME {
            return None;
        }
        instant(u64::from_le_bytes(self.bytes.try_into().ok()?))
    }

    /// Appends its text and tells whether there is any; none for a kind or form that is unusual.
    pub(super) fn push_text(&self, out: &mut String) -> Option<bool> {
        let bytes = self.bytes;
        match self.kind {
            NULL => return Some(false),
            TEXT => return push_utf16(bytes, out),
            0x03 => push_signed(i8::from_le_bytes(bytes.try_into().ok()?).into(), out),
            0x04 => push_number(u8::from_le_bytes(bytes.try_into().ok()?).into(), out),
            0x05 => push_signed(i16::from_le_bytes(bytes.try_into().ok()?).into(), out),
            0x06 => push_number(u16::from_le_bytes(bytes.try_into().ok()?).into(), out),
            0x07 => push_signed(i32::from_le_bytes(bytes.try_into().ok()?).into(), out),
            0x08 => push_number(u32::from_le_bytes(bytes.try_into().ok()?).into(), out),
            0x09 => push_signed(i64::from_le_bytes(bytes.try_into().ok()?), out),
            0x0a => push_number(u64::from_le_bytes(bytes.try_into().ok()?), out),
            0x0d => match i32::from_le_bytes(bytes.try_into().ok()?) {
                0 => out.push_str("false"),
                1 => out.push_str("true"),
                other => push_signed(other.into(), out),
            },
            0x0e => {
                push_hex(bytes.iter().copied(), b"0123456789ABCDEF", out);
                return Some(!bytes.is_empty());
            }
            0x0f => push_guid(bytes.try_into().ok()?, out),
            FILE_TIME => push_time(self.time()?, out)?,
            0x13 => push_sid(bytes, out)?,
            0x14 => write!(out, "{:#x}", u32::from_le_bytes(bytes.try_into().ok()?)).ok()?,
            0x15 => write!(out, "{:#x}", u64::from_le_bytes(bytes.try_into().ok()?)).ok()?,
            _ => return None,
        }
        Some(true)
    }

    /// The texts of an array: every one ends with a zero.
    pub(super) fn texts(&self) -> Option<impl Iterator<Item = &[u8]>> {
        let whole = self.kind == TEXT_ARRAY
            && self.bytes.len().is_multiple_of(2)
            && self.bytes.ends_with(&[0, 0]);
        let (units, _) = self.bytes.as_chunks::<2>();
        let units = units.get(..units.len().checked_sub(1)?)?;
        whole.then(|| {
            units
                .split(|unit| *unit == [0, 0])
                .map(<[[u8; 2]]>::as_flattened)
        })
    }
}

/// The instant that Windows counts so many units to.
pub(super) fn instant(ticks: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(ticks / TICKS_PER_SECOND).ok()? - UNIX_EPOCH_SECONDS;
    let nanoseconds = i32::try_from(ticks % TICKS_PER_SECOND * 100).ok()?;
    Timestamp::new(seconds, nanoseconds).ok()
}

/// Appends UTF-16 up to the first zero and tells whether there was any; none when it is damaged.
pub(super) fn push_utf16(bytes: &[u8], out: &mut String) -> Option<bool> {
    let (units, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let end = units.iter().position(|unit| *unit == [0, 0]);
    let units = units.get(..end.unwrap_or(units.len()))?;
    out.reserve(units.len());
    let mut rest = units;
    while let Some((piece, behind)) = rest.split_at_checked(rest.len().min(ASCII_UNITS)) {
        if piece.is_empty() {
            break;
        }
        // Nearly all text is ASCII, which a piece at a time is copied without looking at each.
        let mut ascii = [0; ASCII_UNITS];
        let mut seen = 0;
        for (to, unit) in ascii.iter_mut().zip(piece) {
            let unit = u16::from_le_bytes(*unit);
            seen |= unit;
            *to = unit.to_le_bytes()[0];
        }
        if seen >= 0x80 {
            for unit in char::decode_utf16(rest.iter().copied().map(u16::from_le_bytes)) {
                out.push(unit.ok()?);
            }
            break;
        }
        out.push_str(std::str::from_utf8(ascii.get(..piece.len())?).ok()?);
        rest = behind;
    }
    Some(!units.is_empty())
}

/// Appends a number in decimal digits.
pub(super) fn push_number(mut number: u64, out: &mut String) {
    let mut digits = [0; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        // A remainder of ten fits.
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        used += 1;
        if number == 0 {
            break;
        }
    }
    let written = digits.get(digits.len() - used..).unwrap_or_default();
    out.push_str(std::str::from_utf8(written).unwrap_or_default());
}

fn push_signed(number: i64, out: &mut String) {
    if number < 0 {
        out.push('-');
    }
    push_number(number.unsigned_abs(), out);
}

fn push_hex(bytes: impl Iterator<Item = u8>, digits: &[u8; 16], out: &mut String) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            // A digit of sixteen is there.
            let digit = digits.get(usize::from(digit)).copied().unwrap_or_default();
            out.push(char::from(digit));
        }
    }
}

/// `{d1-d2-d3-d4-d5}`, the first three with their lowest byte first.
fn push_guid(bytes: [u8; 16], out: &mut String) {
    const PARTS: [&[usize]; 5] = [
        &[3, 2, 1, 0],
        &[5, 4],
        &[7, 6],
        &[8, 9],
        &[10, 11, 12, 13, 14, 15],
    ];
    out.push('{');
    for (index, part) in PARTS.iter().enumerate() {
        if index > 0 {
            out.push('-');
        }
        let bytes = part.iter().filter_map(|at| bytes.get(*at).copied());
        push_hex(bytes, b"0123456789abcdef", out);
    }
    out.push('}');
}

/// `S-R-A-S1-…`, the authority with its highest byte first. None unless it is complete.
fn push_sid(bytes: &[u8], out: &mut String) -> Option<()> {
    let ([revision, count, authority @ ..], parts) = bytes.split_first_chunk::<8>()?;
    let (parts, rest) = parts.as_chunks::<4>();
    if parts.len() != usize::from(*count) || !rest.is_empty() {
        return None;
    }
    out.push_str("S-");
    push_number((*revision).into(), out);
    out.push('-');
    let authority = authority
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    push_number(authority, out);
    for part in parts {
        out.push('-');
        push_number(u32::from_le_bytes(*part).into(), out);
    }
    Some(())
}

/// Appends a time with the seven digits that Windows counts; none outside the years of four.
pub(super) fn push_time(time: Timestamp, out: &mut String) -> Option<()> {
    let civil = Offset::UTC.to_datetime(time);
    let mut text = *b"0000-00-00T00:00:00.0000000Z";
    let mut digits = |range: std::ops::Range<usize>, mut number: u32| {
        for digit in text.get_mut(range)?.iter_mut().rev() {
            *digit += u8::try_from(number % 10).ok()?;
            number /= 10;
        }
        // Nothing may be left of it.
        (number == 0).then_some(())
    };
    digits(0..4, u32::try_from(civil.year()).ok()?)?;
    digits(5..7, u32::try_from(civil.month()).ok()?)?;
    digits(8..10, u32::try_from(civil.day()).ok()?)?;
    digits(11..13, u32::try_from(civil.hour()).ok()?)?;
    digits(14..16, u32::try_from(civil.minute()).ok()?)?;
    digits(17..19, u32::try_from(civil.second()).ok()?)?;
    digits(20..27, u32::try_from(civil.subsec_nanosecond()).ok()? / 100)?;
    out.push_str(std::str::from_utf8(&text).ok()?);
    Some(())
}
