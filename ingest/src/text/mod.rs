//! Parsers of the line-based logs.

use crate::{Format, RecordSink};

/// What one text file held: `lines = records + continuations + rejected` for any input whatever.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextAccount {
    /// The encodings met, in order, joined by `+`: `utf-8-bom`, `utf-16le`, `utf-8-bom+windows-1252`.
    pub encoding: String,
    /// Lines, a last one without a line end included.
    pub lines: u64,
    /// Records.
    pub records: u64,
    /// Lines that continue a record.
    pub continuations: u64,
    /// Lines that were handed to [`RecordSink::issue`].
    pub rejected: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// Reads one text log in chunks of any size, with constant memory.
#[derive(Debug)]
pub struct TextParser {
    format: Format,
}

impl TextParser {
    /// Starts on a file of a text log format ([`Format::is_text_log`]); in any other format every
    /// line is rejected.
    pub fn new(format: Format) -> Self {
        Self { format }
    }

    /// Takes the next bytes of the file and hands on what is complete.
    pub fn feed(&mut self, _chunk: &[u8], _sink: &mut dyn RecordSink) {}

    /// Takes the end of the file, hands on the rest and gives the account.
    pub fn finish(self, _sink: &mut dyn RecordSink) -> TextAccount {
        let _ = self.format;
        TextAccount::default()
    }
}

/// Reads a whole file that is in memory.
pub fn parse(bytes: &[u8], format: Format, sink: &mut dyn RecordSink) -> TextAccount {
    let mut parser = TextParser::new(format);
    parser.feed(bytes, sink);
    parser.finish(sink)
}
