//! Joins the pieces of a streamed result into one document.
//!
//! The engine gives each piece as a whole document of the format. Where a document is rows after an
//! optional header, or Arrow messages between a schema and an end mark, the pieces join; for the
//! other formats the result has to be made in one piece.

use crate::embedded::failure::Failure;

/// How pieces of one format become one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    /// Rows only.
    None,
    /// Lines of text without quoting.
    Lines(usize),
    /// Lines of CSV: a line end inside quotes belongs to its line.
    CsvLines(usize),
    /// RowBinary: a count, and this many times as many strings.
    RowBinary(usize),
    /// An Arrow stream: a schema message before, an end mark behind.
    Arrow,
}

const FORMATS: &[(&str, Header)] = &[
    ("TabSeparated", Header::None),
    ("TSV", Header::None),
    ("TabSeparatedRaw", Header::None),
    ("TSVRaw", Header::None),
    ("Raw", Header::None),
    ("CSV", Header::None),
    ("JSONEachRow", Header::None),
    ("JSONLines", Header::None),
    ("NDJSON", Header::None),
    ("JSONCompactEachRow", Header::None),
    ("JSONStringsEachRow", Header::None),
    ("JSONCompactStringsEachRow", Header::None),
    ("RowBinary", Header::None),
    ("Native", Header::None),
    ("TSKV", Header::None),
    ("LineAsString", Header::None),
    ("TabSeparatedWithNames", Header::Lines(1)),
    ("TSVWithNames", Header::Lines(1)),
    ("TabSeparatedWithNamesAndTypes", Header::Lines(2)),
    ("TSVWithNamesAndTypes", Header::Lines(2)),
    ("TabSeparatedRawWithNames", Header::Lines(1)),
    ("TSVRawWithNames", Header::Lines(1)),
    ("JSONCompactEachRowWithNames", Header::Lines(1)),
    ("JSONCompactEachRowWithNamesAndTypes", Header::Lines(2)),
    ("CSVWithNames", Header::CsvLines(1)),
    ("CSVWithNamesAndTypes", Header::CsvLines(2)),
    ("RowBinaryWithNames", Header::RowBinary(1)),
    ("RowBinaryWithNamesAndTypes", Header::RowBinary(2)),
    ("ArrowStream", Header::Arrow),
];

/// The state of one document under way.
#[derive(Debug)]
pub(crate) struct Joiner {
    header: Header,
    pieces: usize,
}

impl Joiner {
    /// Returns the joiner for a format, or `None` when its pieces do not join.
    pub(crate) fn new(format: &str) -> Option<Self> {
        let (_, header) = FORMATS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(format))?;
        Some(Self {
            header: *header,
            pieces: 0,
        })
    }

    /// Returns the bytes that `piece` adds to the document.
    pub(crate) fn push<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], Failure> {
        let is_first = self.pieces == 0;
        self.pieces += 1;
        let skipped = match self.header {
            Header::Arrow => return arrow_messages(piece, is_first),
            _ if is_first => 0,
            Header::None => 0,
            Header::Lines(count) => text_header(piece, count, false).ok_or_else(damaged)?,
            Header::CsvLines(count) => text_header(piece, count, true).ok_or_else(damaged)?,
            Header::RowBinary(lists) => row_binary_header(piece, lists).ok_or_else(damaged)?,
        };
        piece.get(skipped..).ok_or_else(damaged)
    }

    /// Returns what stands behind the last piece.
    pub(crate) fn finish(&self) -> &'static [u8] {
        if self.header == Header::Arrow && self.pieces > 0 {
            ARROW_END
        } else {
            &[]
        }
    }
}

const ARROW_CONTINUATION: [u8; 4] = [0xFF; 4];
const ARROW_END: &[u8] = &[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];

fn damaged() -> Failure {
    Failure::new(
        49,
        "LOGICAL_ERROR",
        "a piece of the result does not begin like its format",
    )
}

/// Returns where the header of `count` lines ends.
fn text_header(piece: &[u8], count: usize, quoted: bool) -> Option<usize> {
    let mut in_quotes = false;
    let mut lines = 0;
    for (index, byte) in piece.iter().enumerate() {
        match byte {
            b'"' if quoted => in_quotes = !in_quotes,
            b'\n' if !in_quotes => {
                lines += 1;
                if lines == count {
                    return Some(index + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn row_binary_header(piece: &[u8], lists: usize) -> Option<usize> {
    let mut position = 0;
    let columns = varint(piece, &mut position)?;
    for _ in 0..columns.checked_mul(lists)? {
        let length = varint(piece, &mut position)?;
        position = position.checked_add(length)?;
    }
    (position <= piece.len()).then_some(position)
}

fn varint(bytes: &[u8], position: &mut usize) -> Option<usize> {
    let mut value = 0usize;
    for shift in (0..63).step_by(7) {
        let byte = *bytes.get(*position)?;
        *position += 1;
        value |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Takes the end mark away, and from the second piece on the schema message.
fn arrow_messages(piece: &[u8], keep_schema: bool) -> Result<&[u8], Failure> {
    let body = piece.strip_suffix(ARROW_END).ok_or_else(damaged)?;
    if keep_schema {
        return Ok(body);
    }
    let rest = body.strip_prefix(&ARROW_CONTINUATION).ok_or_else(damaged)?;
    let (length, _) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
    let metadata_length = usize::try_from(i32::from_le_bytes(*length)).map_err(|_| damaged())?;
    // The first message is the schema, which has no body.
    body.get(8 + metadata_length..).ok_or_else(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(format: &str, pieces: &[&[u8]]) -> Vec<u8> {
        let mut joiner = Joiner::new(format).unwrap();
        let mut document: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| joiner.push(piece).unwrap().to_vec())
            .collect();
        document.extend_from_slice(joiner.finish());
        document
    }

    #[test]
    fn headers_stand_once() {
        assert_eq!(join("tsv", &[b"1\n", b"2\n"]), b"1\n2\n");
        assert_eq!(
            join(
                "TSVWithNamesAndTypes",
                &[b"a\nUInt8\n1\n", b"a\nUInt8\n2\n"]
            ),
            b"a\nUInt8\n1\n2\n"
        );
        assert_eq!(
            join("CSVWithNames", &[b"\"a\nb\"\n1\n", b"\"a\nb\"\n2\n"]),
            b"\"a\nb\"\n1\n2\n"
        );
        assert_eq!(
            join(
                "RowBinaryWithNamesAndTypes",
                &[b"\x01\x01a\x05UInt8\x07", b"\x01\x01a\x05UInt8\x08"]
            ),
            b"\x01\x01a\x05UInt8\x07\x08"
        );
        assert!(Joiner::new("JSON").is_none());
    }

    #[test]
    fn arrow_streams_join_into_one() {
        use arrow::array::{ArrayRef, Int32Array, RecordBatch};
        let batch = |values: Vec<i32>| {
            RecordBatch::try_from_iter([(
                "a",
                std::sync::Arc::new(Int32Array::from(values)) as ArrayRef,
            )])
            .unwrap()
        };
        let stream = |batch: &RecordBatch| {
            let mut writer =
                arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
            writer.write(batch).unwrap();
            writer.into_inner().unwrap()
        };
        let (first, second) = (batch(vec![1, 2]), batch(vec![3]));
        let joined = join("ArrowStream", &[&stream(&first), &stream(&second)]);
        let read: Vec<_> = arrow::ipc::reader::StreamReader::try_new(joined.as_slice(), None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(read, [first, second]);
    }

    #[test]
    fn a_piece_without_its_header_is_an_error() {
        for format in ["TSVWithNames", "RowBinaryWithNames"] {
            let mut joiner = Joiner::new(format).unwrap();
            joiner.push(b"\x01\x01a\n").unwrap();
            assert!(joiner.push(b"\x09").is_err(), "{format}");
        }
        assert!(
            Joiner::new("ArrowStream")
                .unwrap()
                .push(b"nonsense")
                .is_err()
        );
    }
}
