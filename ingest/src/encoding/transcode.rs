//! Whole files to UTF-8, for formats whose records are no lines, and the way back to offsets of the original.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use super::HEAD_BYTES;
use super::decode::is_damaged_utf8;
use super::unit::{self, Unit};

/// Turns a file that arrives piece by piece into UTF-8. The start of the file decides about its encoding.
pub(crate) struct Transcoder {
    state: State,
    /// What came before the encoding was decided.
    head: Vec<u8>,
    name: &'static str,
}

enum State {
    Undecided,
    /// As it is, a byte order mark included.
    Utf8,
    Other(Box<Other>),
}

/// Decoding something else.
struct Other {
    decoder: encoding_rs::Decoder,
    unit: Unit,
    /// The first half of a code unit of two bytes.
    half: Option<u8>,
    /// Bytes of the original that were decoded.
    taken: u64,
    /// Bytes of text that were given.
    given: u64,
    /// Where what begins here in the text begins in the original, in both in order.
    places: VecDeque<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    given: u64,
    taken: u64,
}

impl fmt::Debug for Transcoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcoder")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Transcoder {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Undecided,
            head: Vec::new(),
            name: "utf-8",
        }
    }

    /// The text of the start of a file.
    pub(crate) fn head_text(head: &[u8]) -> Cow<'_, [u8]> {
        let mut this = Self::new();
        this.decide(head);
        match &this.state {
            State::Utf8 | State::Undecided => Cow::Borrowed(head),
            State::Other(_) => this.decode(head),
        }
    }

    /// The name of the encoding.
    pub(crate) fn encoding(&self) -> &'static str {
        self.name
    }

    /// Takes the next bytes of the file and gives their text; that of a file's first bytes may come later.
    pub(crate) fn decode<'b>(&mut self, chunk: &'b [u8]) -> Cow<'b, [u8]> {
        if matches!(self.state, State::Undecided) {
            if self.head.is_empty() && chunk.len() >= HEAD_BYTES {
                self.decide(chunk);
            } else {
                self.head.extend_from_slice(chunk);
                if self.head.len() < HEAD_BYTES {
                    return Cow::Borrowed(&[]);
                }
                return Cow::Owned(self.decode_head());
            }
        }
        match &mut self.state {
            State::Utf8 | State::Undecided => Cow::Borrowed(chunk),
            State::Other(other) => Cow::Owned(other.decode(chunk, false)),
        }
    }

    /// The end of the file: gives what is left.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let mut text = if matches!(self.state, State::Undecided) {
            self.decode_head()
        } else {
            Vec::new()
        };
        if let State::Other(other) = &mut self.state {
            text.extend(other.decode(&[], true));
        }
        text
    }

    /// Where in the original the text at `offset` begins, exactly where nothing but ASCII stands between it and the
    /// line end or bracket before it.
    pub(crate) fn origin(&self, offset: u64) -> u64 {
        match &self.state {
            State::Utf8 | State::Undecided => offset,
            State::Other(other) => other.origin(offset),
        }
    }

    /// Says that nothing before `offset` of the text will be asked for.
    pub(crate) fn forget_before(&mut self, offset: u64) {
        if let State::Other(other) = &mut self.state {
            while other.places.get(1).is_some_and(|next| next.given <= offset) {
                other.places.pop_front();
            }
        }
    }

    fn decode_head(&mut self) -> Vec<u8> {
        let head = std::mem::take(&mut self.head);
        self.decide(&head);
        match &mut self.state {
            State::Utf8 | State::Undecided => head,
            State::Other(other) => other.decode(&head, false),
        }
    }

    fn decide(&mut self, head: &[u8]) {
        let start = unit::first(head);
        let encoding = match start.unit {
            Unit::Utf16Le => UTF_16LE,
            Unit::Utf16Be => UTF_16BE,
            Unit::Byte => {
                let Some(encoding) = code_page(head) else {
                    self.state = State::Utf8;
                    return;
                };
                encoding
            }
        };
        self.name = match (start.unit, start.mark_bytes) {
            (Unit::Utf16Le, 0) => "utf-16le",
            (Unit::Utf16Le, _) => "utf-16le-bom",
            (Unit::Utf16Be, 0) => "utf-16be",
            (Unit::Utf16Be, _) => "utf-16be-bom",
            (Unit::Byte, _) => encoding.name(),
        };
        self.state = State::Other(Box::new(Other {
            decoder: encoding.new_decoder_with_bom_removal(),
            unit: start.unit,
            half: None,
            taken: 0,
            given: 0,
            places: VecDeque::new(),
        }));
    }
}

/// The code page of text in bytes that is no UTF-8; `None` where it is.
fn code_page(head: &[u8]) -> Option<&'static Encoding> {
    let head = head.get(..HEAD_BYTES).unwrap_or(head);
    let is_utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        // A character that the end of the head cuts is none that is wrong.
        Err(error) => error.error_len().is_none(),
    };
    if is_utf8 || is_damaged_utf8(head) {
        return None;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(head, true);
    Some(detector.guess(None, Utf8Detection::Deny))
}

impl Other {
    fn decode(&mut self, chunk: &[u8], last: bool) -> Vec<u8> {
        let joined: Vec<u8>;
        let mut ahead = match self.half.take() {
            Some(half) => {
                joined = [&[half], chunk].concat();
                joined.as_slice()
            }
            None => chunk,
        };
        let is_wide = self.unit != Unit::Byte;
        if is_wide && !last && ahead.len() % 2 == 1 {
            self.half = ahead.last().copied();
            ahead = ahead.get(..ahead.len() - 1).unwrap_or_default();
        }
        let mut text = String::new();
        while !ahead.is_empty() {
            let (piece, rest) = ahead.split_at(self.piece(ahead));
            self.places.push_back(Place {
                given: self.given,
                taken: self.taken,
            });
            self.push(piece, &mut text, false);
            ahead = rest;
        }
        if last {
            self.push(&[], &mut text, true);
        }
        text.into_bytes()
    }

    /// How long the piece at the start of `ahead` is: it ends where the next line or bracket begins. Brackets of a code
    /// page may be second bytes of characters, so there only lines count.
    fn piece(&self, ahead: &[u8]) -> usize {
        match self.unit {
            Unit::Byte => memchr::memchr(b'\n', ahead).map_or(ahead.len(), |at| at + 1),
            Unit::Utf16Le | Unit::Utf16Be => {
                let unit = |pair: &[u8]| match (self.unit, pair) {
                    (Unit::Utf16Be, &[high, low]) | (_, &[low, high]) => {
                        u16::from_be_bytes([high, low])
                    }
                    _ => 0,
                };
                let begins =
                    |pair: &[u8]| matches!(u8::try_from(unit(pair)), Ok(b'\n' | b'{' | b'['));
                let next = ahead.chunks(2).skip(1).position(begins);
                next.map_or(ahead.len(), |pairs| (pairs + 1) * 2)
            }
        }
    }

    fn push(&mut self, piece: &[u8], text: &mut String, last: bool) {
        let before = text.len();
        let room = self.decoder.max_utf8_buffer_length(piece.len());
        text.reserve(room.unwrap_or(piece.len() * 3 + 16));
        let (_, read, _) = self.decoder.decode_to_string(piece, text, last);
        debug_assert_eq!(read, piece.len(), "there was room for all of it");
        self.taken += piece.len() as u64;
        self.given += (text.len() - before) as u64;
    }

    fn origin(&self, offset: u64) -> u64 {
        let after = self.places.partition_point(|place| place.given <= offset);
        let Some(place) = after.checked_sub(1).and_then(|at| self.places.get(at)) else {
            return offset;
        };
        let width = if self.unit == Unit::Byte { 1 } else { 2 };
        // Other text than ASCII takes more bytes in UTF-8: never beyond where the next piece begins.
        let end = self.places.get(after).map_or(self.taken, |next| next.taken);
        (place.taken + (offset - place.given) * width).min(end)
    }
}
