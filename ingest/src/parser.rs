//! One parser for any format: bytes are pushed in, records come out.

use std::borrow::Cow;

use patchlens_event::RejectReason;

use crate::bundle::Limits;
use crate::evtx::EvtxParser;
use crate::json_events::EventsParser;
use crate::procmon::ProcmonParser;
use crate::{Format, Issue, RecordSink, TextAccount, TextParser, inventory};

/// A parser of one file.
pub(crate) enum FileParser {
    Text(Box<TextParser>),
    Evtx(Box<EvtxParser>),
    Events(Box<EventsParser>),
    Procmon(Box<ProcmonParser>),
    Whole {
        format: Format,
        bytes: Vec<u8>,
        bytes_max: u64,
        total: u64,
    },
}

impl FileParser {
    /// Starts on a file of a format.
    pub(crate) fn new(format: Format, limits: &Limits) -> Self {
        match format {
            Format::Evtx => Self::Evtx(Box::default()),
            Format::EventsJson => {
                Self::Events(Box::new(EventsParser::new(limits.document_bytes_max)))
            }
            Format::ProcmonCsv => Self::Procmon(Box::default()),
            text if text.is_text_log() => Self::Text(Box::new(TextParser::new(text))),
            whole => Self::Whole {
                format: whole,
                bytes: Vec::new(),
                bytes_max: limits.whole_file_bytes_max,
                total: 0,
            },
        }
    }

    /// Takes the next bytes of the file.
    pub(crate) fn feed(&mut self, chunk: &[u8], sink: &mut dyn RecordSink) {
        match self {
            Self::Text(parser) => parser.feed(chunk, sink),
            Self::Evtx(parser) => parser.feed(chunk, sink),
            Self::Events(parser) => parser.feed(chunk, sink),
            Self::Procmon(parser) => parser.feed(chunk, sink),
            Self::Whole {
                bytes,
                bytes_max,
                total,
                ..
            } => {
                *total += chunk.len() as u64;
                if *total <= *bytes_max {
                    bytes.extend_from_slice(chunk);
                }
            }
        }
    }

    /// Takes the end of the file.
    pub(crate) fn finish(self, sink: &mut dyn RecordSink) -> TextAccount {
        match self {
            Self::Text(parser) => parser.finish(sink),
            Self::Evtx(parser) => parser.finish(sink),
            Self::Events(parser) => parser.finish(sink),
            Self::Procmon(parser) => parser.finish(sink),
            Self::Whole {
                format,
                bytes,
                bytes_max,
                total,
            } if total <= bytes_max => inventory::parse(&bytes, format, sink),
            Self::Whole {
                format,
                bytes_max,
                total,
                ..
            } => {
                let detail = format!(
                    "{total} bytes of {}; files of this format are read up to {bytes_max}, raise `whole_file_bytes_max`",
                    format.as_str()
                );
                sink.issue(Issue {
                    line: 1,
                    byte_offset: 0,
                    lines: 1,
                    reason: RejectReason::LimitExceeded,
                    detail,
                    raw: Cow::Borrowed(&[]),
                });
                TextAccount {
                    rejected: 1,
                    bytes: total,
                    ..TextAccount::default()
                }
            }
        }
    }
}
