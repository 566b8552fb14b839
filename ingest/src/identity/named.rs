//! Which computers the records of an event log, or of an export of several, are of.

use std::collections::BTreeMap;
use std::io::Read;

use super::{NAMES_OVERLAP_BYTES, NAMES_PIECE_BYTES, short_name};
use crate::bundle::Limits;
use crate::event_record::COMPUTER_NAME;
use crate::evtx::Span;
use crate::parser::FileParser;
use crate::redact::{KnownNames, owners_in};
use crate::{Format, Issue, Record, RecordSink};

/// How much of an export of event logs is read for the computers that it names.
const EXPORT_BYTES: u64 = 64 << 20;
/// How many computers one export may name.
const COMPUTERS_MAX: usize = 4_096;

/// The computers that an event log, or an export of several, names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// By name without domain, in upper case; with a span where the file numbers its records.
    pub(crate) computers: BTreeMap<String, Option<Span>>,
    /// It is the log that a computer keeps of itself: other names in it are its own of old.
    pub(crate) is_own: bool,
}

impl Named {
    /// Notes that a record is of the computer of this name.
    pub(super) fn note(&mut self, name: &str, span: Option<Span>) {
        let name = short_name(name).to_uppercase();
        let known = self.computers.entry(name).or_insert(span);
        if let (Some(known), Some(span)) = (known, span) {
            known.add(span);
        }
    }
}

/// Notes of which computers the records of an export are.
#[derive(Default)]
struct Speakers(Named);

impl RecordSink for Speakers {
    fn record(&mut self, record: Record<'_>) {
        let mut fields = record.fields.iter();
        if let Some((_, name)) = fields.find(|(name, _)| name == COMPUTER_NAME)
            && (self.0.computers.len() < COMPUTERS_MAX || self.0.computers.contains_key(name))
        {
            self.0.note(name, None);
        }
    }

    fn issue(&mut self, _: Issue<'_>) {}
}

/// Reads an export for the computers that it names, and for names of users.
pub(super) fn exported(
    format: Format,
    head: Vec<u8>,
    reader: &mut dyn Read,
    limits: &Limits,
    known: &mut KnownNames,
) -> Named {
    let mut speakers = Speakers::default();
    let mut parser = FileParser::new(format, limits);
    let mut rest = reader.take(EXPORT_BYTES.saturating_sub(head.len() as u64));
    let mut piece = head;
    let mut seam = Vec::new();
    loop {
        parser.feed(&piece, &mut speakers);
        owners_in(&piece, &mut known.users);
        // A name may stand half in this piece and half in the one before.
        let half = piece.len().min(NAMES_OVERLAP_BYTES);
        seam.extend_from_slice(piece.get(..half).unwrap_or_default());
        owners_in(&seam, &mut known.users);
        seam.clear();
        seam.extend_from_slice(piece.get(piece.len() - half..).unwrap_or_default());
        piece.clear();
        // What cannot be read is complained about later.
        let wanted = rest.by_ref().take(NAMES_PIECE_BYTES as u64);
        match { wanted }.read_to_end(&mut piece) {
            Ok(count) if count > 0 => {}
            _ => break,
        }
    }
    parser.finish(&mut speakers);
    speakers.0
}
