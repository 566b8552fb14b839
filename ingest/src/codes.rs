//! Error codes in running text, in every spelling that Windows logs use.
//!
//! Only failing codes count. A number by itself says nothing: eight hexadecimal digits may be part
//! of a GUID, a hash, a size or an address, and 5 is an error only where the text says so. What is
//! written with `0x` and looks like an HRESULT or NTSTATUS is taken unless the word before names
//! it something else; everything else needs a word or bracket that speaks for it.

mod context;

use patchlens_event::Hresult;

use crate::bits::{self, BLOCK_BYTES, is_digit, is_word_byte};
use context::Word;

/// How many different codes of one message are kept; real ones hold fewer than ten.
const CODES_MAX: usize = 64;
/// The longest spelling of a code: `0x80070005`, `2147942405`.
const LENGTH_MAX: usize = 10;

/// Finds the failing codes of a message, in reading order, each once; Win32 numbers as HRESULTs.
/// At most 64 different codes are given.
pub fn find(text: &str) -> impl Iterator<Item = Hresult> + use<> {
    let mut found: Vec<Hresult> = Vec::new();
    for word in Candidates::new(text.as_bytes()) {
        if let Some(code) = code(&word)
            && !found.contains(&code)
        {
            found.push(code);
            if found.len() == CODES_MAX {
                break;
            }
        }
    }
    found.into_iter()
}

/// Walks over the words of a text, runs of ASCII letters, digits and `_`, that could be a code by
/// their first letters and length.
struct Candidates<'a> {
    text: &'a [u8],
    /// Where the next block of the text begins.
    next_block: usize,
    /// Where words begin in the block before, that may be codes: one bit for each byte.
    starts: u64,
}

impl<'a> Candidates<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            next_block: 0,
            starts: 0,
        }
    }

    /// The starts of the next block; `None` at the end of the text.
    fn read_block(&mut self) -> Option<()> {
        let at = self.next_block;
        if at >= self.text.len() {
            return None;
        }
        // The block with the byte before it and the one behind it.
        let mut window = [0; BLOCK_BYTES + 2];
        let from = at.saturating_sub(1);
        let source = self.text.get(from..)?;
        let source = source.get(..at + BLOCK_BYTES + 1 - from).unwrap_or(source);
        window
            .get_mut(from + 1 - at..)?
            .get_mut(..source.len())?
            .copy_from_slice(source);
        let shifted = |by: usize| window.get(by..)?.first_chunk::<BLOCK_BYTES>();
        let (before, first, second) = (shifted(0)?, shifted(1)?, shifted(2)?);
        let mut answers = [0; BLOCK_BYTES];
        let bytes = before.iter().zip(first).zip(second);
        for (answer, ((before, first), second)) in answers.iter_mut().zip(bytes) {
            *answer = u8::from(may_begin_code(*before, *first, *second));
        }
        self.starts = bits::pack(&answers);
        self.next_block += BLOCK_BYTES;
        Some(())
    }
}

impl<'a> Iterator for Candidates<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        loop {
            while self.starts == 0 {
                self.read_block()?;
            }
            let start = self.next_block - BLOCK_BYTES + self.starts.trailing_zeros() as usize;
            self.starts &= self.starts - 1;
            let word = self.text.get(start..)?;
            let length = word
                .iter()
                .take(LENGTH_MAX + 1)
                .take_while(|byte| is_word_byte(**byte))
                .count();
            let is_candidate = match word.first() {
                Some(b'0'..=b'9') => length <= LENGTH_MAX,
                _ => length == 8,
            };
            if is_candidate {
                return Some(Word::new(self.text, start, start + length));
            }
        }
    }
}

/// Whether a word begins behind `before` that may be a code: a digit, or a letter that
/// the known families begin with (see [`is_of_known_family`]).
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches, for vector instructions"
)]
#[inline]
fn may_begin_code(before: u8, first: u8, second: u8) -> bool {
    let (letter, next) = (first | 0x20, second | 0x20);
    let is_family = (letter == b'c') | (letter == b'd');
    let is_family =
        is_family & ((second == b'0') | (second == b'1') | (second == b'8') | (next == b'a'));
    let is_family = is_family | ((letter == b'e') & (second == b'0'));
    (is_digit(first) | is_family) & !is_word_byte(before)
}

/// Judges one word by its form and by what stands around it.
fn code(word: &Word<'_>) -> Option<Hresult> {
    match word.bytes() {
        [b'0', b'x' | b'X', digits @ ..] => prefixed(digits, word),
        digits if digits.iter().all(u8::is_ascii_digit) && word.is_negative() => negative(digits),
        digits @ [b'8' | b'c'..=b'e' | b'C'..=b'E', ..] if digits.len() == 8 => bare(digits, word),
        digits if digits.iter().all(u8::is_ascii_digit) => decimal(digits, word),
        _ => None,
    }
}

/// `0x80070005`; `gle=0x00000005`.
fn prefixed(digits: &[u8], word: &Word<'_>) -> Option<Hresult> {
    let value = hexadecimal(digits)?;
    if value <= 0xFFFF {
        return (value != 0 && word.is_called_win32_error()).then(|| Hresult::from_win32(value));
    }
    let is_code = digits.len() == 8 && is_error_shaped(value) && !word.is_called_something_else();
    is_code.then_some(Hresult(value))
}

/// `*FAILED* [80070032]`, `status c0000022`.
fn bare(digits: &[u8], word: &Word<'_>) -> Option<Hresult> {
    let value = hexadecimal(digits)?;
    let is_code = is_of_known_family(value)
        && !word.is_part_of_more()
        && (word.is_bracketed() || word.is_near_error_word());
    is_code.then_some(Hresult(value))
}

/// `-2145124322`.
fn negative(digits: &[u8]) -> Option<Hresult> {
    if !(9..=10).contains(&digits.len()) {
        return None;
    }
    let magnitude = number(digits)?;
    let value = (1..=0x8000_0000)
        .contains(&magnitude)
        .then(|| magnitude.wrapping_neg())?;
    is_of_known_family(value).then_some(Hresult(value))
}

/// `GLE [5]`, `Error = 5`, `error code 2147942405`.
fn decimal(digits: &[u8], word: &Word<'_>) -> Option<Hresult> {
    /// The highest number that Windows itself defines (`winerror.h`).
    const WIN32_ERROR_MAX: u32 = 15_999;
    let value = number(digits)?;
    if digits.len() == 10 {
        return (is_of_known_family(value) && word.is_called_code()).then_some(Hresult(value));
    }
    let is_code = (1..=WIN32_ERROR_MAX).contains(&value)
        && !word.is_part_of_more()
        && word.is_called_win32_number();
    is_code.then(|| Hresult::from_win32(value))
}

/// Failing HRESULTs (`0x8…`), NTSTATUS and setup codes (`0xC…`), NTSTATUS as HRESULT (`0xD0…`), and
/// what installing a driver fails with (`0xE00002…`, `setupapi.h`).
/// What starts with another digit is flags or an exception number; the first seven values are
/// registry roots and bare severity bits.
fn is_error_shaped(value: u32) -> bool {
    let is_reserved = matches!(value, 0x8000_0000..=0x8000_0006 | 0xC000_0000);
    let is_of_setup_api = value >> 8 == 0x00E0_0002;
    (matches!(value >> 24, 0x80..=0x8F | 0xC0..=0xCF | 0xD0) || is_of_setup_api) && !is_reserved
}

/// The families that are in use: a hash or a number hardly ever falls into one.
fn is_of_known_family(value: u32) -> bool {
    let is_known = matches!(value >> 16, 0x8000..=0x80FF | 0x87A0..=0x88FF | 0x8A15 | 0xC000..=0xC1FF | 0xC800 | 0xCA00..=0xCAFF | 0xD000..=0xD0FF | 0xE000);
    is_known && is_error_shaped(value)
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let is_short = (1..=8).contains(&digits.len());
    digits
        .iter()
        .filter(|_| is_short)
        .try_fold(0_u32, |value, digit| {
            char::from(*digit)
                .to_digit(16)
                .map(|digit| value << 4 | digit)
        })
        .filter(|_| is_short)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, digit| {
        value
            .checked_mul(10)?
            .checked_add(u32::from(digit.checked_sub(b'0')?))
    })
}

#[cfg(test)]
mod tests;
