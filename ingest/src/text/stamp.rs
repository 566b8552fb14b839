//! Reads times as logs write them, without a format description at run time.

use jiff::civil::DateTime;

use crate::LoggedTime;

/// Walks over the bytes of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self { line, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// What has been read.
    pub(super) fn read(&self) -> &'a str {
        self.line.get(..self.at).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    /// The next bytes, if there are so many.
    fn ahead<const COUNT: usize>(&self) -> Option<&'a [u8; COUNT]> {
        self.line.as_bytes().get(self.at..)?.first_chunk()
    }

    /// Takes one byte that is one of `expected`.
    pub(super) fn byte(&mut self, expected: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| expected.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    /// Takes exactly `count` decimal digits.
    pub(super) fn digits(&mut self, count: usize) -> Option<i32> {
        let digits = self.line.as_bytes().get(self.at..self.at + count)?;
        let mut number = 0;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            number = number * 10 + i32::from(digit - b'0');
        }
        self.at += count;
        Some(number)
    }

    /// Takes bytes as long as `wanted` holds and says how many; only for ASCII.
    pub(super) fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.line.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| wanted(**byte)).count();
        self.at += count;
        count
    }

    /// Takes blanks and says how many.
    pub(super) fn blanks(&mut self) -> usize {
        self.skip_while(|byte| byte == b' ' || byte == b'\t')
    }
}

/// A date: `2024/05/02`, `2024-04-11`, `2018.10.21`; the same separator twice.
pub(super) fn date(cursor: &mut Cursor<'_>, separators: &[u8]) -> Option<(i32, i32, i32)> {
    let [y1, y2, y3, y4, separator, m1, m2, again, d1, d2] = *cursor.ahead()?;
    let year = number([y1, y2, y3, y4])?;
    let (month, day) = (number([m1, m2])?, number([d1, d2])?);
    if again != separator || !separators.contains(&separator) {
        return None;
    }
    cursor.at += 10;
    Some((year, month, day))
}

/// A time of day, `14:43:56` or `14.43.56`, without its fraction.
pub(super) fn time(cursor: &mut Cursor<'_>) -> Option<(i32, i32, i32)> {
    let [h1, h2, separator, m1, m2, again, s1, s2] = *cursor.ahead()?;
    let (hour, minute, second) = (number([h1, h2])?, number([m1, m2])?, number([s1, s2])?);
    if again != separator || !matches!(separator, b':' | b'.') {
        return None;
    }
    cursor.at += 8;
    Some((hour, minute, second))
}

/// The number that these decimal digits stand for. Every line begins with a dozen of them, so they
/// are all read before any is judged.
fn number<const COUNT: usize>(digits: [u8; COUNT]) -> Option<i32> {
    let mut number = 0;
    let mut is_number = true;
    for digit in digits {
        let value = digit.wrapping_sub(b'0');
        is_number &= value <= 9;
        number = number * 10 + i32::from(value);
    }
    is_number.then_some(number)
}

/// The digits of a fraction of a second, as nanoseconds; at most nine digits count.
pub(super) fn fraction(cursor: &mut Cursor<'_>) -> i32 {
    let before = cursor.rest();
    let count = cursor.skip_while(|byte| byte.is_ascii_digit());
    let mut nanoseconds = 0;
    for place in 0..9 {
        let digit = before
            .as_bytes()
            .get(place)
            .filter(|_| place < count)
            .map_or(0, |digit| i32::from(digit - b'0'));
        nanoseconds = nanoseconds * 10 + digit;
    }
    nanoseconds
}

/// Puts a time together. One that no calendar knows is left unread; its text is kept as evidence.
pub(super) fn civil(
    date: (i32, i32, i32),
    time: (i32, i32, i32),
    nanoseconds: i32,
) -> Option<DateTime> {
    let small = |number: i32| i8::try_from(number).ok();
    DateTime::new(
        i16::try_from(date.0).ok()?,
        small(date.1)?,
        small(date.2)?,
        small(time.0)?,
        small(time.1)?,
        small(time.2)?,
        nanoseconds,
    )
    .ok()
}

/// A local time, or none where the calendar does not know it.
pub(super) fn local(date: (i32, i32, i32), time: (i32, i32, i32), nanoseconds: i32) -> LoggedTime {
    civil(date, time, nanoseconds).map_or(LoggedTime::Unstated, LoggedTime::Local)
}
