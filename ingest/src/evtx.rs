//! Windows event logs (.evtx), chunk by chunk with constant memory.
//!
//! The file header is not believed: an .evtx that was copied from a running device states too few
//! chunks, so every 64 KiB block that starts a chunk is read, whatever the header says. A damaged
//! chunk or record is an issue with its offset, and reading goes on behind it. The format is
//! decoded by crate `evtx`.
//!
//! The records of a chunk stand one behind the other. When one of them has no readable length, the
//! next is searched for. What is found behind such a gap, or in a chunk that the end of the file
//! cuts, is handed on with the field `recovered` and is no part of [`TextAccount::records`], which
//! counts the unbroken chains. What stands in `EventData` and `UserData` becomes the fields.

mod computers;
mod direct;
mod template;
#[cfg(test)]
mod tests;
mod value;
mod walk;

use std::borrow::Cow;
use std::sync::Arc;

use evtx::err::{DeserializationError, EvtxError};
use evtx::{EvtxChunkData, EvtxRecord, ParserSettings};
use jiff::Timestamp;
use patchlens_event::RejectReason;

pub(crate) use self::computers::{Computers, Span};
use self::direct::Direct;
use self::walk::Walk;
use crate::event_record::{EventRecord, level_of};
use crate::json::Value;
use crate::{Issue, LoggedTime, RecordSink, TextAccount};

/// Length of the header in front of the first chunk.
pub(crate) const FILE_HEADER_BYTES: usize = 4096;
/// Length of every chunk.
pub(crate) const CHUNK_BYTES: usize = 65_536;
/// Length of a chunk's header before its first record.
const CHUNK_HEADER_BYTES: usize = 512;
/// Length of a record's header before its content.
const RECORD_HEADER_BYTES: usize = 24;
/// Field of a record that was found by searching behind a damaged one.
pub(crate) const RECOVERED: &str = "recovered";
const FILE_MAGIC: &[u8] = b"ElfFile\0";
const CHUNK_MAGIC: &[u8] = b"ElfChnk\0";

/// True when a file starts as an event log does.
pub fn is_evtx(head: &[u8]) -> bool {
    head.starts_with(FILE_MAGIC)
}

/// Reads one event log in chunks of any size.
#[derive(Debug)]
pub struct EvtxParser {
    settings: Arc<ParserSettings>,
    pending: Vec<u8>,
    header_read: bool,
    account: TextAccount,
}

impl Default for EvtxParser {
    fn default() -> Self {
        Self {
            settings: settings(),
            pending: Vec::with_capacity(CHUNK_BYTES),
            header_read: false,
            account: TextAccount {
                encoding: "evtx".to_owned(),
                ..TextAccount::default()
            },
        }
    }
}

fn settings() -> Arc<ParserSettings> {
    Arc::new(
        ParserSettings::default()
            .separate_json_attributes(true)
            .indent(false),
    )
}

impl EvtxParser {
    /// Takes the next bytes of the file and hands on the records of every complete chunk.
    pub fn feed(&mut self, mut bytes: &[u8], sink: &mut dyn RecordSink) {
        while !bytes.is_empty() {
            let wanted = if self.header_read {
                CHUNK_BYTES
            } else {
                FILE_HEADER_BYTES
            };
            let (taken, rest) = bytes.split_at(bytes.len().min(wanted - self.pending.len()));
            self.pending.extend_from_slice(taken);
            self.account.bytes += taken.len() as u64;
            bytes = rest;
            if self.pending.len() == wanted {
                let block = std::mem::replace(&mut self.pending, Vec::with_capacity(CHUNK_BYTES));
                if self.header_read {
                    self.chunk(block, self.account.bytes - CHUNK_BYTES as u64, false, sink);
                }
                self.header_read = true;
            }
        }
    }

    /// Takes the end of the file; a chunk that is cut is read as far as it goes.
    pub fn finish(mut self, sink: &mut dyn RecordSink) -> TextAccount {
        let mut block = std::mem::take(&mut self.pending);
        let cut_header = !self.header_read;
        let holds_data = block.iter().any(|byte| *byte != 0);
        if cut_header || holds_data {
            let at = self.account.bytes;
            let start = at - block.len() as u64;
            let chunk_number = start.saturating_sub(FILE_HEADER_BYTES as u64) / CHUNK_BYTES as u64;
            if !cut_header && block.starts_with(CHUNK_MAGIC) && block.len() > CHUNK_HEADER_BYTES {
                block.resize(CHUNK_BYTES, 0);
                self.chunk(block, start, true, sink);
            }
            let detail = if cut_header {
                "the file ends inside its header".to_owned()
            } else {
                format!("the file ends inside chunk {chunk_number}")
            };
            self.issue(at, RejectReason::Truncated, detail, sink);
        }
        self.account
    }

    fn issue(
        &mut self,
        byte_offset: u64,
        reason: RejectReason,
        detail: String,
        sink: &mut dyn RecordSink,
    ) {
        self.account.rejected += 1;
        sink.issue(Issue {
            line: 0,
            byte_offset,
            lines: 0,
            reason,
            detail,
            raw: Cow::Borrowed(&[]),
        });
    }

    fn chunk(&mut self, block: Vec<u8>, start: u64, is_cut: bool, sink: &mut dyn RecordSink) {
        // The part of a file that was never written is zero.
        if block.iter().all(|byte| *byte == 0) {
            return;
        }
        let settings = Arc::clone(&self.settings);
        let mut data = match EvtxChunkData::new(block, false) {
            Ok(data) => data,
            Err(error) => {
                return self.issue(
                    start,
                    RejectReason::Malformed,
                    format!("unreadable chunk: {error}"),
                    sink,
                );
            }
        };
        let Some(read) = self.sound_records(&data, start, is_cut, sink) else {
            return;
        };
        let mut chunk = match data.parse(settings) {
            Ok(chunk) => chunk,
            Err(error) => {
                return self.issue(
                    start,
                    RejectReason::Malformed,
                    format!("unreadable chunk: {error}"),
                    sink,
                );
            }
        };
        let mut is_recovered = is_cut;
        let mut direct = Direct::new(chunk.data);
        for record in chunk.iter().skip(read) {
            match record.and_then(|record| emit(record, &mut direct, start, is_recovered, sink)) {
                Ok(()) if is_recovered => {}
                Ok(()) => self.account.records += 1,
                Err(EvtxError::FailedToReadRecordAt { offset, source, .. }) => {
                    is_recovered = true;
                    // Zeros are a gap, not a record.
                    if !is_blank(&source) {
                        self.issue(
                            start + offset,
                            RejectReason::Malformed,
                            format!("unreadable record: {source}"),
                            sink,
                        );
                    }
                }
                Err(error) => self.issue(
                    start,
                    RejectReason::Malformed,
                    format!("unreadable record: {error}"),
                    sink,
                ),
            }
        }
    }

    /// Reads the records of a chunk that is as Windows wrote it straight from its bytes: crate
    /// `evtx` builds a tree of each record before it hands it on, which takes as long as reading it.
    /// Gives how many were read before the first one that is unusual; none when all were.
    fn sound_records(
        &mut self,
        data: &EvtxChunkData,
        start: u64,
        is_cut: bool,
        sink: &mut dyn RecordSink,
    ) -> Option<usize> {
        // What to make of damage is for the crate to say.
        if is_cut || !data.validate_checksum() {
            return Some(0);
        }
        let mut direct = Direct::new(&data.data);
        for (read, header) in Walk::new(data).enumerate() {
            let Some(header) = header else {
                return Some(read);
            };
            let Some((event, time)) = direct.read(header.content.start, header.content.len())
            else {
                return Some(read);
            };
            let place = Place {
                byte_offset: start + header.offset as u64,
                id: header.id,
                written_at: header.written_at,
                is_recovered: false,
            };
            place.emit(event, time, sink);
            self.account.records += 1;
        }
        None
    }
}

/// A record header of zeros.
fn is_blank(error: &EvtxError) -> bool {
    matches!(
        error,
        EvtxError::DeserializationError(DeserializationError::InvalidEvtxRecordHeaderMagic {
            magic: [0, 0, 0, 0]
        })
    )
}

fn emit(
    record: EvtxRecord<'_>,
    direct: &mut Direct<'_>,
    chunk_start: u64,
    is_recovered: bool,
    sink: &mut dyn RecordSink,
) -> Result<(), EvtxError> {
    let place = Place {
        byte_offset: chunk_start
            + record
                .binxml_offset
                .saturating_sub(RECORD_HEADER_BYTES as u64),
        id: record.event_record_id,
        written_at: record.timestamp,
        is_recovered,
    };
    // Both fit: they are of one chunk.
    let offset = usize::try_from(record.binxml_offset).unwrap_or(usize::MAX);
    let size = usize::try_from(record.binxml_size).unwrap_or(usize::MAX);
    if let Some((event, time)) = direct.read(offset, size) {
        place.emit(event, time, sink);
        return Ok(());
    }
    let json = record.into_json_bytes()?;
    let value: Value =
        serde_json::from_slice(&json.data).map_err(evtx::err::SerializationError::from)?;
    let event = value.get("Event").unwrap_or(&value);
    let written_text = place.written_at.to_string();
    let (event, time) = from_event(event, &written_text);
    place.emit(event, time, sink);
    Ok(())
}

/// What the file says of a record besides its content.
struct Place {
    byte_offset: u64,
    id: u64,
    written_at: Timestamp,
    is_recovered: bool,
}

impl Place {
    fn emit(self, event: EventRecord<'_>, time: Option<Timestamp>, sink: &mut dyn RecordSink) {
        let mut event = EventRecord {
            record_id: Some(self.id),
            ..event
        };
        if self.is_recovered {
            event.fields.push((RECOVERED.to_owned(), "true".to_owned()));
        }
        let time = LoggedTime::Utc(time.unwrap_or(self.written_at));
        event.emit(0, self.byte_offset, 0, time, sink);
    }
}

/// Reads an `Event` element in the JSON form of crate `evtx`, with its time; `written_text` stands
/// in when the event states none.
pub(crate) fn from_event<'a>(
    event: &'a Value,
    written_text: &'a str,
) -> (EventRecord<'a>, Option<Timestamp>) {
    let text = |paths: &[&str]| event.text(paths).unwrap_or_default();
    let stated = text(&[
        "System.TimeCreated_attributes.SystemTime",
        "System.TimeCreated.#attributes.SystemTime",
        "System.TimeCreated.SystemTime",
    ]);
    let time = stated.parse().ok();
    let record = EventRecord {
        provider: text(&[
            "System.Provider_attributes.Name",
            "System.Provider.#attributes.Name",
            "System.Provider.Name",
        ]),
        windows_event_id: text(&["System.EventID", "System.EventID.#text"])
            .parse()
            .ok(),
        record_id: text(&["System.EventRecordID"]).parse().ok(),
        channel: text(&["System.Channel"]),
        computer_name: text(&["System.Computer"]),
        level: level_of(text(&["System.Level"])),
        time_text: if time.is_some() { stated } else { written_text },
        fields: event_data(event),
        text: text(&["RenderingInfo.Message"]),
    };
    (record, time)
}

/// The values of `EventData` and `UserData`. Values without a name are `param1`, `param2`, …, as
/// Winlogbeat names them.
fn event_data(event: &Value) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for section in ["EventData", "UserData"] {
        for (name, value) in event.get(section).map(Value::members).unwrap_or_default() {
            if name.contains("attributes") || name == "xmlns" {
                continue;
            }
            match (name.as_str(), value) {
                ("Data", Value::Array(items)) => {
                    items.iter().enumerate().for_each(|(index, item)| {
                        item.flatten_into(&format!("param{}", index + 1), &mut fields);
                    });
                }
                ("Data", Value::Object(members)) => unnamed(members, &mut fields),
                ("Data", scalar) => scalar.flatten_into("param1", &mut fields),
                _ => value.flatten_into(name, &mut fields),
            }
        }
    }
    fields.retain(|(name, _)| !name.starts_with("xmlns") && !name.starts_with("auto-ns"));
    fields
}

fn unnamed(members: &[(String, Value)], fields: &mut Vec<(String, String)>) {
    for (name, value) in members {
        match (name.as_str(), value) {
            ("#attributes", _) => {}
            ("#text", Value::Array(items)) => items.iter().enumerate().for_each(|(index, item)| {
                item.flatten_into(&format!("param{}", index + 1), fields);
            }),
            ("#text", scalar) => scalar.flatten_into("param1", fields),
            _ => value.flatten_into(name, fields),
        }
    }
}

/// Keeps the newest chunk of a stream of blocks and tells what computer wrote its last record: a
/// device that was renamed has its old name in the older records.
#[derive(Debug, Default)]
pub(crate) struct NewestChunk {
    newest: Option<(u64, Vec<u8>)>,
}

impl NewestChunk {
    /// Takes one block of [`CHUNK_BYTES`].
    pub(crate) fn take(&mut self, block: &[u8]) {
        let Some(last_record_id) = block
            .get(32..40)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u64::from_le_bytes)
        else {
            return;
        };
        let newer = self
            .newest
            .as_ref()
            .is_none_or(|(known, _)| *known <= last_record_id);
        // An empty chunk has u64::MAX there.
        if block.starts_with(CHUNK_MAGIC) && newer && last_record_id != u64::MAX {
            self.newest = Some((last_record_id, block.to_vec()));
        }
    }

    /// Hands on the records of the chunk.
    pub(crate) fn records(&self, sink: &mut dyn RecordSink) {
        if let Some((_, block)) = &self.newest {
            let mut parser = EvtxParser::default();
            parser.feed(&[0; FILE_HEADER_BYTES], sink);
            parser.feed(block, sink);
            parser.finish(sink);
        }
    }

    /// Time and computer name of the last readable record.
    pub(crate) fn computer_name(&self) -> Option<(Timestamp, String)> {
        let mut block = self.newest.as_ref()?.1.clone();
        block.resize(CHUNK_BYTES, 0);
        let mut data = EvtxChunkData::new(block, false).ok()?;
        let mut chunk = data.parse(settings()).ok()?;
        let last = chunk.iter().filter_map(Result::ok).last()?;
        let written_at = last.timestamp;
        let json = last.into_json_bytes().ok()?;
        let value: Value = serde_json::from_slice(&json.data).ok()?;
        let name = value.text(&["Event.System.Computer"])?;
        Some((written_at, name.to_owned()))
    }
}
