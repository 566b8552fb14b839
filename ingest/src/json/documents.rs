//! Cuts a stream of bytes into JSON documents, with constant memory.
//!
//! Documents may stand one per line, in an array, or spread over lines. A scan of brackets and
//! quotes finds where each object ends; a document that is broken is an issue up to the line where
//! the next one starts, and the rest is read as if nothing had happened. Every line is counted:
//! a line on which a document starts is a record's (or reject's) line, the others below it
//! continue it, and lines with nothing but brackets and commas continue what stands before.

use std::borrow::Cow;

use patchlens_event::{Reject, RejectReason};

use super::Value;
use crate::{Issue, RecordSink};

/// One document and its place.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) line: u64,
    pub(crate) byte_offset: u64,
    /// Lines below the first that it covers.
    pub(crate) continuations: u64,
    /// Lines that it covers and nothing before it did.
    pub(crate) lines: u64,
    pub(crate) value: Value,
}

/// Finds documents in bytes that come in chunks of any size.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the states of a scanner: in a string, behind a backslash, at a line start"
)]
pub(crate) struct Documents {
    /// Bytes of the document under way.
    pending: Vec<u8>,
    start_line: u64,
    start_offset: u64,
    depth: u32,
    in_string: bool,
    escaped: bool,
    line: u64,
    offset: u64,
    at_line_start: bool,
    overlong: bool,
    document_bytes_max: usize,
    /// The line that the last document or reject ended on.
    counted_line: u64,
    bytes_on_line: bool,
}

impl Documents {
    pub(crate) fn new(document_bytes_max: usize) -> Self {
        Self {
            pending: Vec::new(),
            start_line: 1,
            start_offset: 0,
            depth: 0,
            in_string: false,
            escaped: false,
            line: 1,
            offset: 0,
            at_line_start: true,
            overlong: false,
            document_bytes_max,
            counted_line: 0,
            bytes_on_line: false,
        }
    }

    /// Lines seen so far, a last one without a line end included.
    pub(crate) fn lines(&self) -> u64 {
        self.line - u64::from(!self.bytes_on_line)
    }

    /// Takes the next bytes; hands complete documents to `found`, and what is none to `sink`.
    pub(crate) fn feed(
        &mut self,
        chunk: &[u8],
        sink: &mut dyn RecordSink,
        found: &mut dyn FnMut(Document, &mut dyn RecordSink),
    ) {
        for &byte in chunk {
            self.take(byte, sink, found);
            self.offset += 1;
            self.bytes_on_line = byte != b'\n';
            if byte == b'\n' {
                self.line += 1;
            }
            self.at_line_start = byte == b'\n';
        }
    }

    /// Takes the end of the input.
    pub(crate) fn finish(&mut self, sink: &mut dyn RecordSink) {
        if !self.pending.is_empty() {
            self.reject(
                RejectReason::Truncated,
                "the file ends inside a JSON document".to_owned(),
                sink,
            );
        }
    }

    fn take(
        &mut self,
        byte: u8,
        sink: &mut dyn RecordSink,
        found: &mut dyn FnMut(Document, &mut dyn RecordSink),
    ) {
        // A raw line end inside a string, or an object that opens in the first column below an
        // unfinished one, means that the one before was cut.
        let cut = self.depth > 0
            && ((self.in_string && byte == b'\n')
                || (!self.in_string && self.at_line_start && byte == b'{'));
        if cut {
            self.reject(
                RejectReason::Malformed,
                "the JSON document is not closed".to_owned(),
                sink,
            );
        }
        if self.depth == 0 {
            match byte {
                b'{' => {
                    // The line is the document's: what stands before it on the line counts no line.
                    let counted = std::mem::replace(&mut self.counted_line, self.line);
                    self.flush_stray(sink);
                    self.counted_line = counted;
                    (self.start_line, self.start_offset) = (self.line, self.offset);
                    self.push(byte);
                    self.depth = 1;
                }
                b'\n' => self.flush_stray(sink),
                b'[' | b']' | b',' | b' ' | b'\t' | b'\r' if self.pending.is_empty() => {}
                // A byte order mark at the start.
                0xEF | 0xBB | 0xBF if self.offset < 3 => {}
                _ => {
                    if self.pending.is_empty() {
                        (self.start_line, self.start_offset) = (self.line, self.offset);
                    }
                    self.push(byte);
                }
            }
            return;
        }
        self.push(byte);
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.complete(sink, found);
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, byte: u8) {
        if self.pending.len() < self.document_bytes_max {
            self.pending.push(byte);
        } else {
            self.overlong = true;
        }
    }

    fn complete(
        &mut self,
        sink: &mut dyn RecordSink,
        found: &mut dyn FnMut(Document, &mut dyn RecordSink),
    ) {
        if self.overlong {
            let detail = format!(
                "the JSON document is longer than {} bytes; raise `document_bytes_max`",
                self.document_bytes_max
            );
            return self.reject(RejectReason::LimitExceeded, detail, sink);
        }
        match serde_json::from_slice(&self.pending) {
            Ok(value) => {
                let lines = self
                    .line
                    .saturating_sub(self.counted_line.max(self.start_line - 1));
                let document = Document {
                    line: self.start_line,
                    byte_offset: self.start_offset,
                    continuations: self.line - self.start_line,
                    lines,
                    value,
                };
                self.counted_line = self.line;
                self.restart();
                found(document, sink);
            }
            Err(error) => self.reject(
                RejectReason::Malformed,
                format!("not a JSON document: {error}"),
                sink,
            ),
        }
    }

    /// What stands between documents and is no punctuation.
    fn flush_stray(&mut self, sink: &mut dyn RecordSink) {
        if !self.pending.is_empty() {
            self.reject(
                RejectReason::Malformed,
                "text outside of any JSON document".to_owned(),
                sink,
            );
        }
    }

    fn reject(&mut self, reason: RejectReason, detail: String, sink: &mut dyn RecordSink) {
        let raw = self
            .pending
            .get(..self.pending.len().min(Reject::RAW_BYTES_MAX))
            .unwrap_or_default();
        let last_line = if self.at_line_start {
            self.line - 1
        } else {
            self.line
        };
        let lines = last_line.saturating_sub(self.counted_line.max(self.start_line - 1));
        self.counted_line = self.counted_line.max(last_line);
        sink.issue(Issue {
            line: self.start_line,
            byte_offset: self.start_offset,
            lines,
            reason,
            detail,
            raw: Cow::Borrowed(raw),
        });
        self.restart();
    }

    fn restart(&mut self) {
        self.pending.clear();
        self.depth = 0;
        self.in_string = false;
        self.escaped = false;
        self.overlong = false;
    }
}
