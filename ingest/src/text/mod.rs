//! Parsers of the line-based logs: bytes in, records and issues out.
//!
//! One pure function per format reads the first line of a record ([`head`]); everything else is
//! the same for all formats and lives in [`assemble`]: lines that begin no record continue the one
//! above, and before the first record they are rejected. Nothing is ever dropped without a trace:
//! `lines = records + continuations + rejected` for any input whatever.

mod assemble;
mod cmtrace;
mod excerpt;
mod head;
mod panther;
mod reporting_events;
mod setupapi;
mod stamp;
mod windows_update;

pub(crate) use excerpt::{
    Shape as ExcerptShape, console_error, head as excerpt_head, is_of_console,
};
pub(crate) use head::head;
pub(crate) use panther::Component;
pub(crate) use setupapi::{Likeness as SetupapiLikeness, likeness as setupapi_likeness};

use crate::encoding::{Decoder, LineReader};
use crate::{Format, RecordSink};
use assemble::{Assembler, Pending};

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

/// How much of a chunk is taken into the buffer at once: bounds the memory whatever is fed.
const PIECE_BYTES: usize = 256 * 1024;

/// Reads one text log in chunks of any size, with constant memory. How the bytes are divided into
/// chunks makes no difference to what comes out.
#[derive(Debug)]
pub struct TextParser {
    lines: LineReader,
    decoder: Decoder,
    assembler: Assembler,
    /// The record whose last line is not known yet.
    pending: Option<Pending<'static>>,
    /// Bytes that are no whole line yet.
    buffer: Vec<u8>,
    bytes: u64,
}

impl TextParser {
    /// Starts on a file of a text log format ([`Format::is_text_log`]); in any other format every
    /// line is rejected.
    pub fn new(format: Format) -> Self {
        Self {
            lines: LineReader::new(),
            decoder: Decoder::new(),
            assembler: Assembler::new(format),
            pending: None,
            buffer: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes the next bytes of the file and hands on what is complete.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut dyn RecordSink) {
        self.bytes += chunk.len() as u64;
        for piece in chunk.chunks(PIECE_BYTES) {
            self.buffer.extend_from_slice(piece);
            self.read_lines(false, sink);
        }
    }

    /// True as long as too little was fed to decide about the encoding: nothing was handed on yet.
    pub(crate) fn is_at_start(&self) -> bool {
        self.lines.is_at_start()
    }

    /// The bytes that are no whole line yet; all that were fed as long as it is at its start.
    pub(crate) fn pending_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// How many of the [`pending_bytes`](Self::pending_bytes) are whole lines.
    pub(crate) fn whole_lines(&self) -> usize {
        self.lines.whole_lines(&self.buffer)
    }

    /// Hands on what would come if the file ended here: after its last whole line, or where it
    /// breaks off. This parser stays as it is.
    pub(crate) fn peek_end(&self, with_partial_line: bool, sink: &mut dyn RecordSink) {
        let end = if with_partial_line {
            self.buffer.len()
        } else {
            self.whole_lines()
        };
        let copy = Self {
            lines: self.lines.clone(),
            decoder: self.decoder.snapshot(),
            assembler: self.assembler.clone(),
            pending: self.pending.clone(),
            buffer: self.buffer.get(..end).unwrap_or_default().to_vec(),
            bytes: self.bytes,
        };
        copy.finish(sink);
    }

    /// Takes the end of the file, hands on the rest and gives the account.
    pub fn finish(mut self, sink: &mut dyn RecordSink) -> TextAccount {
        self.read_lines(true, sink);
        self.assembler.finish(self.pending.take(), sink);
        TextAccount {
            encoding: self.decoder.encoding(),
            lines: self.lines.lines(),
            records: self.assembler.records(),
            continuations: self.assembler.continuations(),
            rejected: self.assembler.rejected(),
            bytes: self.bytes,
        }
    }

    fn read_lines(&mut self, last: bool, sink: &mut dyn RecordSink) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut at = 0;
        let mut pending: Option<Pending<'_>> = self.pending.take();
        let is_start = self.lines.is_at_start();
        let mut is_sampled = !is_start;
        // Asked once of all lines, since asking it of each costs as much as decoding them.
        let is_ascii = buffer.is_ascii();
        while let Some(line) = self.lines.next(&buffer, &mut at, last) {
            if !is_sampled {
                self.decoder.sample_head(&buffer);
                is_sampled = true;
            }
            let text = self.decoder.decode(&line, is_ascii);
            self.assembler.line(&line, &text, &mut pending, sink);
        }
        self.pending = pending.map(Pending::into_owned);
        buffer.drain(..at);
        self.buffer = buffer;
    }
}

/// Reads a whole file that is in memory.
pub fn parse(bytes: &[u8], format: Format, sink: &mut dyn RecordSink) -> TextAccount {
    let mut parser = TextParser::new(format);
    parser.feed(bytes, sink);
    parser.finish(sink)
}

#[cfg(test)]
mod tests;
