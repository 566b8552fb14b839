//! Which bytes of a text are of interest, as one bit for each, 64 bytes at a time.
//!
//! Walking over a text byte by byte, with a decision at each, is mispredicted at the end of nearly
//! every word. Asking the same question of 64 bytes at once has no branches, and the compiler makes
//! vector instructions of it; the bits then lead from one place of interest to the next.

/// How many bytes are asked at a time.
pub(crate) const BLOCK_BYTES: usize = 64;

/// The answers of 64 bytes, 0 or 1 each, as bits; the first byte's is the lowest.
pub(crate) fn pack(answers: &[u8; BLOCK_BYTES]) -> u64 {
    let (eights, _) = answers.as_chunks::<8>();
    eights.iter().rev().fold(0, |bits, eight| {
        // The product moves the lowest bits of all eight bytes into its highest byte.
        let byte = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits << 8 | byte
    })
}

/// A digit. Written without branches, as is [`is_word_byte`], for loops over blocks.
#[inline]
pub(crate) fn is_digit(byte: u8) -> bool {
    byte.wrapping_sub(b'0') < 10
}

/// A byte of a word: an ASCII letter, a digit or `_`.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches, for vector instructions"
)]
#[inline]
pub(crate) fn is_word_byte(byte: u8) -> bool {
    ((byte | 0x20).wrapping_sub(b'a') < 26) | is_digit(byte) | (byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_answer_is_the_bit_of_its_place(answers in proptest::array::uniform32(any::<[bool; 2]>())) {
            let answers: Vec<u8> = answers.iter().flatten().map(|answer| u8::from(*answer)).collect();
            let bits = pack(answers.as_slice().try_into().unwrap());
            for (place, answer) in answers.iter().enumerate() {
                prop_assert_eq!(bits >> place & 1, u64::from(*answer));
            }
        }
    }

    #[test]
    fn words_are_made_of_letters_digits_and_underscores() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_digit(byte), byte.is_ascii_digit());
            assert_eq!(
                is_word_byte(byte),
                byte.is_ascii_alphanumeric() || byte == b'_'
            );
        }
    }
}
