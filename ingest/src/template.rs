//! Templates: a message with its variable parts masked, equal for equal statements.
//!
//! Masked as `<*>` are numbers, hexadecimal values, GUIDs, versions, times, quoted texts, paths,
//! URLs, package and component identities, and correlation vectors; words are kept. What a package
//! or path is named does not change what is said about it, so identities are masked as a whole.
//! Masks with nothing but joining signs between them become one, so that a list or a time has one
//! template whatever its length.

mod stops;

use std::sync::LazyLock;

use memchr::{memchr, memchr_iter, memchr2, memmem};

use stops::Stops;

/// How much of a message makes its template.
const MESSAGE_BYTES_MAX: usize = 300;
const MASK: &str = "<*>";
/// The public key token of every component of Windows: what contains it is an identity.
const PUBLIC_KEY_TOKEN: &[u8] = b"31bf3856ad364e35";
static KEY_TOKEN_FINDER: LazyLock<memmem::Finder<'static>> =
    LazyLock::new(|| memmem::Finder::new(PUBLIC_KEY_TOKEN));

/// A byte of a word: an ASCII letter, a digit or `_`.
const WORD: u8 = 1;
const DIGIT: u8 = 2;
const HEX_DIGIT: u8 = 4;
/// Ends the run of bytes that may be one path or identity.
const TOKEN_END: u8 = 8;
/// A sign that only paths, URLs and identities hold.
const IDENTITY_SIGN: u8 = 16;
/// Joins two masks.
const JOINT: u8 = 32;

/// What each byte is: one look instead of a dozen comparisons.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut rest: &mut [u8] = &mut classes;
    let mut byte: u8 = 0;
    while let [class, behind @ ..] = rest {
        *class = class_of(byte);
        rest = behind;
        byte = byte.wrapping_add(1);
    }
    classes
};

const fn class_of(byte: u8) -> u8 {
    let mut class = 0;
    if byte.is_ascii_alphanumeric() || byte == b'_' {
        class |= WORD;
    }
    if byte.is_ascii_digit() {
        class |= DIGIT;
    }
    if byte.is_ascii_hexdigit() {
        class |= HEX_DIGIT;
    }
    if matches!(
        byte,
        b' ' | b'\t' | b',' | b';' | b'"' | b'\'' | b'(' | b')' | b'[' | b']' | b'<' | b'>' | b'|'
    ) {
        class |= TOKEN_END;
    }
    if matches!(byte, b'\\' | b'/' | b'~') {
        class |= IDENTITY_SIGN;
    }
    if matches!(
        byte,
        b' ' | b'.' | b':' | b'/' | b'-' | b'@' | b',' | b'_' | b'+'
    ) {
        class |= JOINT;
    }
    class
}

#[inline]
fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Writes the template of a message's first line into `out`, which is cleared first.
pub fn of(message: &str, out: &mut String) {
    write(message, out, Stops::of);
}

fn write(message: &str, out: &mut String, stops: fn(&str) -> Stops) {
    out.clear();
    let end = memchr2(b'\n', b'\r', message.as_bytes()).unwrap_or(message.len());
    let line = message.get(..end).unwrap_or_default().trim();
    let line = line
        .get(..line.floor_char_boundary(MESSAGE_BYTES_MAX))
        .unwrap_or(line);
    let mut writer = Writer {
        line,
        at: 0,
        kept_from: 0,
        token_end: 0,
        token_may_be_identity: false,
        stops: stops(line),
        out,
    };
    while let Some((begin, end)) = writer.stops.next(writer.at) {
        writer.at = begin;
        while writer.at < end && writer.step() {}
    }
    writer.at = line.len();
    writer.write_kept();
    while out.ends_with(' ') {
        out.pop();
    }
}

struct Writer<'a, 'o> {
    line: &'a str,
    at: usize,
    /// What is kept from here on has not been written yet.
    kept_from: usize,
    /// Up to here the line has been looked through for signs of paths and identities.
    token_end: usize,
    token_may_be_identity: bool,
    stops: Stops,
    out: &'o mut String,
}

impl<'a> Writer<'a, '_> {
    /// Keeps or masks what stands next; false at the end.
    fn step(&mut self) -> bool {
        let Some(byte) = self.ahead().first().copied() else {
            return false;
        };
        // A blank is no entity and begins none.
        let is_blank = byte == b' ' || byte == b'\t';
        if !is_blank && self.mask_entity(byte) {
            return true;
        }
        if is_word_byte(byte) {
            self.word();
        } else if is_blank {
            let blanks = self
                .ahead()
                .iter()
                .take_while(|byte| **byte == b' ' || **byte == b'\t')
                .count();
            if blanks == 1 && byte == b' ' {
                self.keep(1);
            } else {
                self.write_kept();
                self.out.push(' ');
                self.at += blanks;
                self.kept_from = self.at;
            }
        } else {
            // Signs, and letters beyond ASCII, up to what may be masked next.
            let count = self
                .ahead()
                .iter()
                .skip(1)
                .position(u8::is_ascii)
                .map_or(self.ahead().len(), |at| at + 1);
            self.keep(count);
        }
        true
    }

    /// Masks an entity that is recognised as a whole and starts here.
    fn mask_entity(&mut self, byte: u8) -> bool {
        if (byte == b'"' || byte == b'\'') && self.quoted(byte) {
            return true;
        }
        let starts_word = self.before().is_none_or(|before| !is_word_byte(before));
        if !starts_word {
            return false;
        }
        if class(byte) & HEX_DIGIT != 0 && is_guid(self.ahead()) {
            self.mask(36);
            return true;
        }
        if byte == b'c' && self.ahead().starts_with(b"cV") && self.correlation_vector() {
            return true;
        }
        let value = self.value_bytes();
        if value > 0 {
            self.mask(value);
            return true;
        }
        let extent = self.identity_bytes();
        if extent > 0 {
            self.mask(extent);
        }
        extent > 0
    }

    /// Masks the inside of a quoted text; an apostrophe inside a word quotes nothing.
    fn quoted(&mut self, quote: u8) -> bool {
        let inside = self.ahead().get(1..).unwrap_or_default();
        let Some(length) = memchr(quote, inside) else {
            return false;
        };
        if quote == b'\'' {
            let after = inside.get(length + 1).copied();
            let is_apostrophe =
                self.before().is_some_and(is_word_byte) || after.is_some_and(is_word_byte);
            if is_apostrophe {
                return false;
            }
        }
        self.keep(1);
        if length > 0 {
            self.mask(length);
        }
        self.keep(1);
        true
    }

    /// Masks what follows `cV = `: sixteen letters that need not hold a digit, and counters.
    fn correlation_vector(&mut self) -> bool {
        let after = self.ahead().get(2..).unwrap_or_default();
        let signs = after
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'=' | b':' | b'['))
            .count();
        let vector = after.get(signs..).unwrap_or_default();
        let length = vector
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'/'))
            .count();
        if signs == 0 || length < 16 {
            return false;
        }
        self.keep(2 + signs);
        self.mask(length);
        true
    }

    /// How many bytes from here are a name that fills a labelled place: `hive: SOFTWARE, into …`,
    /// `file: ntuser.dat, …`. A word in lower case there is a state, and says something.
    fn value_bytes(&self) -> usize {
        let is_labelled = self
            .at
            .checked_sub(2)
            .and_then(|start| self.line.as_bytes().get(start..self.at))
            == Some(b": ");
        if !is_labelled {
            return 0;
        }
        let ahead = self.ahead();
        let length = ahead
            .iter()
            .position(|byte| !is_word_byte(*byte) && *byte != b'.')
            .unwrap_or(ahead.len());
        let word = ahead.get(..length).unwrap_or_default();
        let is_name = word.len() >= 3
            && word
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || *byte == b'_');
        let is_file = word
            .iter()
            .rposition(|byte| *byte == b'.')
            .is_some_and(|dot| dot > 0 && (3..=5).contains(&(length - dot)));
        if ahead.get(length) == Some(&b',') && (is_name || is_file) {
            length
        } else {
            0
        }
    }

    /// How many bytes from here are a path, a URL, or the identity of a package or component.
    fn identity_bytes(&mut self) -> usize {
        if self.at >= self.token_end {
            self.token_end = self.stops.stretch_end(self.at);
            let token = self.ahead().get(..self.token_end - self.at);
            self.token_may_be_identity = self.stops.has_sign(self.at..self.token_end)
                || has_key_token(token.unwrap_or_default());
        }
        if !self.token_may_be_identity {
            return 0;
        }
        let ahead = self.ahead();
        let token = self.token_end - self.at;
        let bytes = ahead.get(..token).unwrap_or_default();
        let backslash = memchr(b'\\', bytes);
        if let Some(backslash) = backslash {
            // `name=C:\x` and `key:HKLM\x`: the path begins behind the sign.
            let lead = bytes.get(..backslash).unwrap_or_default();
            let sign = lead
                .iter()
                .rposition(|byte| matches!(byte, b'=' | b':' | b'@' | b'|'))
                .filter(|at| *at > 1);
            return if sign.is_none() {
                path_bytes(ahead, token)
            } else {
                0
            };
        }
        let holds = |sign, count: usize| memchr_iter(sign, bytes).nth(count - 1).is_some();
        if holds(b'~', 2) || holds(b'/', 3) || has_key_token(bytes) {
            token
        } else {
            0
        }
    }

    /// Keeps or masks a word.
    fn word(&mut self) {
        let ahead = self.ahead();
        let mut seen = 0;
        let mut common = u8::MAX;
        let length = ahead
            .iter()
            .position(|byte| {
                let class = class(*byte);
                if class & WORD == 0 {
                    return true;
                }
                seen |= class;
                common &= class;
                false
            })
            .unwrap_or(ahead.len());
        if seen & DIGIT == 0 {
            self.keep(length);
            return;
        }
        let word = ahead.get(..length).unwrap_or_default();
        let digits = word
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let lead = length - digits;
        // All digits stand at its end.
        let ends_in_number = word.iter().take(lead).all(|byte| !byte.is_ascii_digit());
        let is_hexadecimal = length >= 6 && common & HEX_DIGIT != 0;
        if ends_in_number && !is_hexadecimal {
            // `KB5012170`, `Win32`, `12`.
            self.keep(lead);
            self.mask(digits);
        } else {
            self.mask(length);
        }
    }

    fn keep(&mut self, bytes: usize) {
        self.at += bytes;
    }

    fn write_kept(&mut self) {
        self.out
            .push_str(self.line.get(self.kept_from..self.at).unwrap_or_default());
        self.kept_from = self.at;
    }

    fn mask(&mut self, bytes: usize) {
        self.write_kept();
        self.at += bytes;
        self.kept_from = self.at;
        // Up to two signs may stand between two masks; a mask does not end in one.
        let written = self.out.as_bytes();
        let signs = written
            .iter()
            .rev()
            .take(3)
            .take_while(|byte| class(**byte) & JOINT != 0)
            .count();
        let joined = written.len() - signs;
        let follows_mask = written
            .get(..joined)
            .is_some_and(|joined| joined.ends_with(MASK.as_bytes()));
        if follows_mask && signs <= 2 {
            self.out.truncate(joined);
        } else {
            self.out.push_str(MASK);
        }
    }

    fn ahead(&self) -> &'a [u8] {
        self.line.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn before(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at.checked_sub(1)?).copied()
    }
}

/// Whether a byte belongs to a word: ASCII letters, digits and `_`.
#[inline]
fn is_word_byte(byte: u8) -> bool {
    class(byte) & WORD != 0
}

fn has_key_token(token: &[u8]) -> bool {
    token.len() >= PUBLIC_KEY_TOKEN.len() && KEY_TOKEN_FINDER.find(token).is_some()
}

/// How long the run of bytes is that may be one path or identity.
fn token_bytes(ahead: &[u8]) -> usize {
    ahead
        .iter()
        .position(|byte| class(*byte) & TOKEN_END != 0)
        .unwrap_or(ahead.len())
}

/// How long a path is: over blanks as long as the word behind one still names a directory.
fn path_bytes(ahead: &[u8], mut length: usize) -> usize {
    while let Some([b' ', after @ ..]) = ahead.get(length..) {
        let next = token_bytes(after);
        let word = after.get(..next).unwrap_or_default();
        let is_drive = matches!(word, [_, b':', ..]);
        if memchr(b'\\', word).is_none_or(|at| at == 0) || is_drive {
            break;
        }
        length += 1 + next;
    }
    length
}

/// `8B24B027-1DEE-BABB-9A95-3517DFB9C552`
fn is_guid(ahead: &[u8]) -> bool {
    let Some(guid) = ahead.get(..36) else {
        return false;
    };
    let is_ended = ahead.get(36).is_none_or(|byte| !is_word_byte(*byte));
    is_ended
        && guid.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests;
