//! Whether a text is worth a search for names and addresses: most messages hold no sign of any.

use crate::bits::is_digit;

/// An IPv6 address that is written out has seven colons between digits.
const COLONS_MIN: usize = 7;
/// How many bytes are looked at before the first answer.
const PIECE_BYTES: usize = 128;

/// False for a text that holds nothing that could go: no path, account, label of a name, address or SID.
pub(super) fn may_hold_names(text: &str) -> bool {
    let bytes = text.as_bytes();
    // The signs that need no neighbour before or behind them.
    let begins = bytes.starts_with(b"/") || bytes.starts_with(b"::");
    let edges = [bytes.first(), bytes.last()];
    if begins
        || edges
            .iter()
            .flatten()
            .any(|byte| matches!(byte, b'\\' | b'@'))
    {
        return true;
    }
    let shifted = |by: usize| bytes.get(by..).unwrap_or_default().chunks(PIECE_BYTES);
    let mut colons = 0;
    for ((before, piece), after) in shifted(0).zip(shifted(1)).zip(shifted(2)) {
        // Without branches, so that the compiler makes vector instructions of it.
        let (mut is_sign, mut piece_colons) = (false, 0_u8);
        for ((before, byte), after) in before.iter().zip(piece).zip(after) {
            is_sign |= is_sign_between(*before, *byte, *after);
            let is_colon = is_address_colon(*before, *byte, *after);
            // A piece is too short for more than fit.
            piece_colons = piece_colons.wrapping_add(u8::from(is_colon));
        }
        colons += usize::from(piece_colons);
        if is_sign || colons >= COLONS_MIN {
            return true;
        }
    }
    false
}

/// A sign of a path, an account, what labels a name, an e-mail address, a SID or an IP address: whatever
/// `candidate::CANDIDATES` finds must hold one.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches, for vector instructions"
)]
#[inline]
fn is_sign_between(before: u8, byte: u8, after: u8) -> bool {
    let letter = after | 0x20;
    // `/users/`, `/documents and settings/`, `/homes$/`, `/profiles$/`.
    let is_folder = (letter == b'u') | (letter == b'd') | (letter == b'h') | (letter == b'p');
    let is_profile = (byte == b'/') & is_folder;
    // `User name:`, `"UserName" = `.
    let ends_label = (after == b':') | (after == b'=') | (after == b'"') | (after == b' ');
    let is_label = ((before | 0x20) == b'm') & ((byte | 0x20) == b'e') & ends_label;
    let is_common_name = ((before | 0x20) == b'c') & ((byte | 0x20) == b'n') & (after == b'=');
    // Beyond ASCII there is another s that is equal to it but for its case.
    let is_sid = (byte == b'-') & (after == b'1') & (((before | 0x20) == b's') | (before >= 0x80));
    let is_ipv4 = (byte == b'.') & is_digit(before) & is_digit(after);
    let is_ipv6 = (byte == b':') & (after == b':');
    let is_address = is_sid | is_ipv4 | is_ipv6;
    let is_name = is_profile | is_label | is_common_name;
    (byte == b'\\') | (byte == b'@') | is_name | is_address
}

#[inline]
fn is_address_colon(before: u8, byte: u8, after: u8) -> bool {
    let is_hex = |byte: u8| is_digit(byte) | ((byte | 0x20).wrapping_sub(b'a') < 6);
    (byte == b':') & is_hex(before) & is_hex(after)
}
