//! Where a line holds something that its template may not keep as it is.

use std::ops::Range;

use super::MESSAGE_BYTES_MAX;
use crate::bits::{self, BLOCK_BYTES, is_digit};

const BLOCKS: usize = MESSAGE_BYTES_MAX.div_ceil(BLOCK_BYTES);
/// How far back a byte looks: the last hyphen of a GUID to the first.
const BACK: usize = 15;

/// The stretches of a line that have to be read closely. A stretch between blanks, quotes and
/// brackets is kept as it is unless it holds a digit, a sign of paths and identities, a GUID or a
/// correlation vector, or stands behind a label; most words of a log do not.
pub(super) struct Stops {
    /// What has to be read closely, one bit for each byte.
    closely: [u64; BLOCKS],
    /// What ends a stretch.
    ends: [u64; BLOCKS],
    /// Signs that only paths, URLs and identities hold.
    signs: [u64; BLOCKS],
    length: usize,
}

impl Stops {
    /// Looks through a line of at most [`MESSAGE_BYTES_MAX`] bytes.
    pub(super) fn of(line: &str) -> Self {
        let mut padded = [0; BACK + BLOCKS * BLOCK_BYTES + 1];
        let length = line.len().min(MESSAGE_BYTES_MAX);
        let source = line.as_bytes().get(..length).unwrap_or_default();
        if let Some(place) = padded.get_mut(BACK..BACK + length) {
            place.copy_from_slice(source);
        }
        let (mut stops, mut ends, mut signs) = ([0; BLOCKS], [0; BLOCKS], [0; BLOCKS]);
        let blocks = stops.iter_mut().zip(&mut ends).zip(&mut signs).enumerate();
        for (block, ((stops, ends), signs)) in blocks.take(length.div_ceil(BLOCK_BYTES)) {
            let window = padded
                .get(block * BLOCK_BYTES..)
                .and_then(|window| window.first_chunk());
            if let Some(window) = window {
                (*stops, *ends, *signs) = look(window);
            }
        }
        Self {
            closely: stops,
            ends,
            signs,
            length,
        }
    }

    /// Everything is to be read closely.
    #[cfg(test)]
    pub(super) fn everywhere(line: &str) -> Self {
        Self {
            closely: [u64::MAX; BLOCKS],
            ..Self::of(line)
        }
    }

    /// Where the stretch ends that `at` is in.
    pub(super) fn stretch_end(&self, at: usize) -> usize {
        first_from(&self.ends, at).unwrap_or(self.length)
    }

    /// Whether there is a sign of paths and identities in these places.
    pub(super) fn has_sign(&self, places: Range<usize>) -> bool {
        first_from(&self.signs, places.start).is_some_and(|at| at < places.end)
    }

    /// The next stretch at or behind `at` that has to be read closely: where to begin, and where it
    /// ends. It begins with the sign before it, to which letters beyond ASCII may belong.
    pub(super) fn next(&self, at: usize) -> Option<(usize, usize)> {
        // A label may be the last that fits into the line.
        let stop = first_from(&self.closely, at).filter(|stop| *stop < self.length)?;
        let end = self.stretch_end(stop);
        if end == stop {
            return Some((stop, stop + 1));
        }
        let begin = last_before(&self.ends, stop).unwrap_or(0);
        Some((begin.max(at), end))
    }
}

/// The stops, ends and signs of the block that begins at [`BACK`] of the window.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches, for vector instructions"
)]
fn look(window: &[u8; BACK + BLOCK_BYTES + 1]) -> (u64, u64, u64) {
    let mut stops = [0; BLOCK_BYTES];
    let mut ends = [0; BLOCK_BYTES];
    let mut signs = [0; BLOCK_BYTES];
    let bytes = window.array_windows::<{ BACK + 2 }>();
    let answers = stops.iter_mut().zip(&mut ends).zip(&mut signs);
    for (((stop, end), sign), bytes) in answers.zip(bytes) {
        // The byte in question, the one behind it, and some of those before it.
        let &[
            before_15,
            _,
            _,
            _,
            _,
            before_10,
            _,
            _,
            _,
            _,
            before_5,
            _,
            _,
            before_2,
            before,
            byte,
            next,
        ] = bytes;
        let is_blank = (byte == b' ') | (byte == b'\t');
        let is_quote = (byte == b'"') | (byte == b'\'');
        let is_identity_sign = (byte == b'\\') | (byte == b'/') | (byte == b'~');
        // Several blanks become one.
        let is_gap = is_blank & ((next == b' ') | (next == b'\t')) | (byte == b'\t');
        let is_labelled = (before == b' ') & (before_2 == b':') & !is_blank;
        let is_vector = (byte == b'V') & (before == b'c');
        let is_guid =
            (byte == b'-') & (before_5 == b'-') & (before_10 == b'-') & (before_15 == b'-');
        *sign = u8::from(is_identity_sign);
        *stop = u8::from(
            is_digit(byte)
                | is_quote
                | is_identity_sign
                | is_gap
                | is_labelled
                | is_vector
                | is_guid,
        );
        *end = u8::from(
            is_blank
                | is_quote
                | (byte == b',')
                | (byte == b';')
                | (byte == b'(')
                | (byte == b')')
                | (byte == b'[')
                | (byte == b']')
                | (byte == b'<')
                | (byte == b'>')
                | (byte == b'|'),
        );
    }
    (bits::pack(&stops), bits::pack(&ends), bits::pack(&signs))
}

fn first_from(bits: &[u64; BLOCKS], at: usize) -> Option<usize> {
    let mut block = at / BLOCK_BYTES;
    let mut word = bits.get(block)? & u64::MAX << (at % BLOCK_BYTES);
    while word == 0 {
        block += 1;
        word = *bits.get(block)?;
    }
    Some(block * BLOCK_BYTES + word.trailing_zeros() as usize)
}

fn last_before(bits: &[u64; BLOCKS], at: usize) -> Option<usize> {
    let mut block = at / BLOCK_BYTES;
    let mut word = bits.get(block)? & !(u64::MAX << (at % BLOCK_BYTES));
    while word == 0 {
        block = block.checked_sub(1)?;
        word = *bits.get(block)?;
    }
    Some(block * BLOCK_BYTES + word.ilog2() as usize)
}

#[cfg(test)]
mod tests {
    use super::super::{IDENTITY_SIGN, TOKEN_END, class};
    use super::*;

    #[test]
    fn ends_and_signs_are_those_of_the_table_of_classes() {
        let line: String = (0..u8::MAX).map(char::from).collect();
        let line = line
            .get(..line.floor_char_boundary(MESSAGE_BYTES_MAX))
            .unwrap();
        let stops = Stops::of(line);
        for (place, byte) in line.bytes().enumerate() {
            let is_end = stops.stretch_end(place) == place;
            assert_eq!(is_end, class(byte) & TOKEN_END != 0, "{byte}");
            let is_sign = stops.has_sign(place..place + 1);
            assert_eq!(is_sign, class(byte) & IDENTITY_SIGN != 0, "{byte}");
        }
    }
}
