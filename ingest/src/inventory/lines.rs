//! The lines of a small file in whatever encoding, each with its place in the original bytes.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// One line, decoded, without its line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: u64,
    /// Offset of its first byte in the file.
    pub(crate) byte_offset: u64,
    pub(crate) text: String,
}

impl Line {
    pub(crate) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// A decoded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lines {
    /// Name of the encoding, in the style of [`crate::TextAccount::encoding`].
    pub(crate) encoding: String,
    pub(crate) lines: Vec<Line>,
}

/// Splits a file into lines and decodes each.
pub(crate) fn decode_lines(bytes: &[u8]) -> Lines {
    let (encoding, name, bom) = encoding_of(bytes);
    let body = bytes.get(bom..).unwrap_or_default();
    let wide = encoding == UTF_16LE || encoding == UTF_16BE;
    let mut lines = Vec::new();
    let mut start = 0;
    while start < body.len() {
        let rest = body.get(start..).unwrap_or_default();
        let length = if wide {
            wide_line(rest, encoding == UTF_16LE)
        } else {
            memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1)
        };
        let raw = rest.get(..length).unwrap_or(rest);
        let (text, _) = encoding.decode_without_bom_handling(raw);
        let text = text.trim_end_matches(['\n', '\r', '\0']).to_owned();
        lines.push(Line {
            number: lines.len() as u64 + 1,
            byte_offset: (bom + start) as u64,
            text,
        });
        start += length.max(1);
    }
    Lines {
        encoding: name,
        lines,
    }
}

/// Length of the first line of UTF-16 text, its line end included.
fn wide_line(rest: &[u8], little_endian: bool) -> usize {
    let newline: [u8; 2] = if little_endian {
        [b'\n', 0]
    } else {
        [0, b'\n']
    };
    rest.chunks_exact(2)
        .position(|unit| unit == newline)
        .map_or(rest.len(), |at| (at + 1) * 2)
}

/// Decides the encoding of a whole file: BOM, then NUL bytes in every other place, then UTF-8 if it
/// is valid, then the most likely legacy code page.
fn encoding_of(bytes: &[u8]) -> (&'static Encoding, String, usize) {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        let name = if encoding == UTF_8 {
            "utf-8-bom".to_owned()
        } else {
            encoding.name().to_ascii_lowercase()
        };
        return (encoding, name, length);
    }
    let sample = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
    let zeros = |parity: usize| {
        sample
            .iter()
            .skip(parity)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    if sample.len() >= 8 && zeros(1) * 5 > sample.len() {
        return (UTF_16LE, "utf-16le".to_owned(), 0);
    }
    if sample.len() >= 8 && zeros(0) * 5 > sample.len() {
        return (UTF_16BE, "utf-16be".to_owned(), 0);
    }
    if std::str::from_utf8(bytes).is_ok() {
        return (UTF_8, "utf-8".to_owned(), 0);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    (encoding, encoding.name().to_ascii_lowercase(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8], encoding: &str, lines: &[(u64, &str)]) {
        let decoded = decode_lines(bytes);
        assert_eq!(decoded.encoding, encoding);
        assert_eq!(
            decoded
                .lines
                .iter()
                .map(|line| (line.byte_offset, line.text.as_str()))
                .collect::<Vec<_>>(),
            lines
        );
    }

    #[test]
    fn lines_keep_their_place_in_every_encoding() {
        check(b"a\r\nb", "utf-8", &[(0, "a"), (3, "b")]);
        check(b"\xef\xbb\xbfa\nb\n", "utf-8-bom", &[(3, "a"), (5, "b")]);
        check(b"\xff\xfea\0\r\0\n\0b\0", "utf-16le", &[(2, "a"), (8, "b")]);
        let long = "abcdefgh\nij"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>();
        check(&long, "utf-16le", &[(0, "abcdefgh"), (18, "ij")]);
        check(b"", "utf-8", &[]);
    }

    #[test]
    fn chinese_in_its_code_page_is_read() {
        let (bytes, _, _) =
            encoding_rs::GBK.encode("主机名: PC-7\n修补程序: 安装了 3 个修补程序。\n");
        let decoded = decode_lines(&bytes);
        assert_eq!(decoded.lines[0].text, "主机名: PC-7");
    }

    proptest! {
        #[test]
        fn offsets_rise_and_stay_inside(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let decoded = decode_lines(&bytes);
            for pair in decoded.lines.windows(2) {
                prop_assert!(pair[0].byte_offset < pair[1].byte_offset);
            }
            prop_assert!(decoded.lines.iter().all(|line| line.byte_offset < bytes.len() as u64));
        }
    }
}
