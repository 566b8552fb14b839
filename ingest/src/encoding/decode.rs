//! Turns a line into text, and remembers which encodings were met.

use std::borrow::Cow;
use std::fmt;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::memchr;

use super::HEAD_BYTES;
use super::lines::Line;
use super::unit::Unit;

/// How many bytes of lines that are no UTF-8 the guess of the code page rests on.
const SAMPLE_BYTES: usize = 16 * 1024;

/// Decodes the lines of one file.
pub(crate) struct Decoder {
    /// In order of appearance.
    names: Vec<&'static str>,
    /// How many names were known at the first line of plain ASCII, which is the same in every
    /// encoding of bytes and gets no name of its own.
    plain_at: Option<usize>,
    /// The code page of the lines that are no UTF-8, as far as they are known.
    code_page: Option<&'static Encoding>,
    detector: Option<Box<EncodingDetector>>,
    sampled: usize,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("names", &self.names)
            .field("code_page", &self.code_page)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            names: Vec::new(),
            plain_at: None,
            code_page: None,
            detector: None,
            sampled: 0,
        }
    }

    /// A copy that decodes as this one does now, and learns nothing more.
    pub(crate) fn snapshot(&self) -> Self {
        Self {
            names: self.names.clone(),
            plain_at: self.plain_at,
            code_page: self.code_page,
            detector: None,
            sampled: SAMPLE_BYTES,
        }
    }

    /// Looks ahead: lets all lines at the start of the file speak before the first is decoded,
    /// since a single short line says little about its code page.
    pub(crate) fn sample_head(&mut self, head: &[u8]) {
        let head = head.get(..HEAD_BYTES).unwrap_or(head);
        if std::str::from_utf8(head).is_err() {
            for line in head.split(|byte| *byte == b'\n') {
                // No code page has zeros: those are stretches of UTF-16.
                let is_wide = memchr(0, line).is_some();
                if !is_wide && std::str::from_utf8(line).is_err() && !is_damaged_utf8(line) {
                    self.sample(line);
                }
            }
        }
    }

    /// Decodes one line; a line that is UTF-8 already is not copied. `is_ascii` says that it is
    /// known to be plain ASCII.
    pub(crate) fn decode<'b>(&mut self, line: &Line<'b>, is_ascii: bool) -> Cow<'b, str> {
        match line.unit {
            Unit::Byte => self.decode_bytes(line, is_ascii),
            Unit::Utf16Le => {
                self.met(if line.mark_bytes > 0 {
                    "utf-16le-bom"
                } else {
                    "utf-16le"
                });
                UTF_16LE.decode_without_bom_handling(line.body).0
            }
            Unit::Utf16Be => {
                self.met(if line.mark_bytes > 0 {
                    "utf-16be-bom"
                } else {
                    "utf-16be"
                });
                UTF_16BE.decode_without_bom_handling(line.body).0
            }
        }
    }

    /// The encodings met, joined by `+`.
    pub(crate) fn encoding(&self) -> String {
        let mut names = self.names.clone();
        let is_all_wide = names.iter().all(|name| name.starts_with("utf-16"));
        if is_all_wide && let Some(at) = self.plain_at.or(names.is_empty().then_some(0)) {
            names.insert(at, "utf-8");
        }
        names.join("+").to_ascii_lowercase()
    }

    fn decode_bytes<'b>(&mut self, line: &Line<'b>, is_ascii: bool) -> Cow<'b, str> {
        if line.mark_bytes > 0 {
            self.met("utf-8-bom");
        }
        if let Ok(text) = std::str::from_utf8(line.body) {
            if is_ascii || text.is_ascii() {
                self.plain_at.get_or_insert(self.names.len());
            } else {
                self.met("utf-8");
            }
            return Cow::Borrowed(text);
        }
        if is_damaged_utf8(line.body) {
            self.met("utf-8");
            return String::from_utf8_lossy(line.body);
        }
        let is_in_head = line.offset < HEAD_BYTES as u64;
        if !is_in_head || self.code_page.is_none() {
            self.sample(line.body);
        }
        let (code_page, text) = decode_code_page(self.code_page.unwrap_or(WINDOWS_1252), line.body);
        self.met(code_page.name());
        text
    }

    fn sample(&mut self, line: &[u8]) {
        if self.sampled >= SAMPLE_BYTES {
            return;
        }
        self.sampled += line.len();
        let detector = self
            .detector
            .get_or_insert_with(|| Box::new(EncodingDetector::new(Iso2022JpDetection::Deny)));
        detector.feed(line, false);
        detector.feed(b"\n", false);
        self.code_page = Some(detector.guess(None, Utf8Detection::Deny));
    }

    fn met(&mut self, name: &'static str) {
        // What goes on in the encoding of the segment's byte order mark has been named.
        let is_known =
            |known: &&'static str| *known == name || known.strip_suffix("-bom") == Some(name);
        if !self.names.iter().any(is_known) {
            self.names.push(name);
        }
    }
}

/// Decodes in the file's code page, or in the line's own where that leaves undecodable bytes.
fn decode_code_page<'b>(
    code_page: &'static Encoding,
    line: &'b [u8],
) -> (&'static Encoding, Cow<'b, str>) {
    let (text, had_errors) = code_page.decode_without_bom_handling(line);
    if !had_errors {
        return (code_page, text);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(line, true);
    let own = detector.guess(None, Utf8Detection::Deny);
    let (own_text, had_errors) = own.decode_without_bom_handling(line);
    if had_errors {
        (code_page, text)
    } else {
        (own, own_text)
    }
}

/// UTF-8 with a few broken characters, as copies and torn writes leave it: far more good
/// characters of several bytes than bad places. Text in a code page hardly ever looks like that.
pub(super) fn is_damaged_utf8(line: &[u8]) -> bool {
    let mut good = 0_usize;
    let mut bad = 0_usize;
    for chunk in line.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good > 4 * bad
}
