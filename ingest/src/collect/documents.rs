//! Event log documents that arrive one by one, from any number of devices: what Winlogbeat and
//! other forwarders send.
//!
//! Each document becomes an event of its own: counts of a stream that comes in pieces, some of them
//! twice, would never be right. Identity is that of the same record in a file.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use patchlens_event::{DeviceId, RejectReason};

use super::{CollectOptions, Device, EventSink, FileEvents, FileState};
use crate::identity::{Identity, short_name};
use crate::json::{Document, Documents, Value};
use crate::{Format, Issue, RecordSink, Result, json_events};

/// What became of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentOutcome {
    /// It is an event of this device.
    Sent(DeviceId),
    /// It is none: why, for counting and for a person. Nothing was handed on.
    Refused(RejectReason, String),
}

/// Reads documents of one request.
pub struct DocumentReader<'a> {
    options: &'a CollectOptions,
    /// What stands as the file in evidence.
    origin: &'a str,
    devices: BTreeMap<DeviceId, (Device, Option<FileState>)>,
}

/// Most devices of one request: each has a state in memory.
const DEVICES_MAX: usize = 10_000;
/// How much of a body is read before it is asked whether that is enough.
const PIECE_BYTES: usize = 64 * 1024;

impl<'a> DocumentReader<'a> {
    /// Starts on a request; `origin` says where its documents are from, as file names do elsewhere.
    pub fn new(options: &'a CollectOptions, origin: &'a str) -> Self {
        Self {
            options,
            origin,
            devices: BTreeMap::new(),
        }
    }

    /// Reads one document, which stands at (line, byte offset) of the request.
    ///
    /// `may_speak_for` is asked before anything is handed on.
    ///
    /// # Errors
    /// When the sink takes no more, or redaction cannot be prepared.
    pub fn read(
        &mut self,
        place: (u64, u64),
        bytes: &[u8],
        may_speak_for: &dyn Fn(&DeviceId) -> bool,
        sink: &mut dyn EventSink,
    ) -> Result<DocumentOutcome> {
        match serde_json::from_slice(bytes) {
            Ok(value) => self.read_value(place, value, may_speak_for, sink),
            Err(error) => Ok(DocumentOutcome::Refused(
                RejectReason::Malformed,
                format!("not a JSON document: {error}"),
            )),
        }
    }

    /// Reads a body of documents: one per line, in an array, or spread over lines. `outcome` is told
    /// of each, in their order: line, byte offset, and what became of it; when it returns false, the
    /// rest is not read.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn read_body(
        &mut self,
        body: &[u8],
        may_speak_for: &dyn Fn(&DeviceId) -> bool,
        sink: &mut dyn EventSink,
        outcome: &mut dyn FnMut(u64, u64, DocumentOutcome) -> bool,
    ) -> Result<()> {
        let is_enough = Cell::new(false);
        let outcome = RefCell::new(outcome);
        let tell = |line, byte_offset, became| {
            if !is_enough.get() {
                is_enough.set(!(outcome.borrow_mut())(line, byte_offset, became));
            }
        };
        let mut refusals = Refusals(&tell);
        let mut failure = None;
        let mut documents = Documents::new(self.options.limits.document_bytes_max);
        for piece in body.chunks(PIECE_BYTES) {
            documents.feed(piece, &mut refusals, &mut |document, _| {
                if is_enough.get() || json_events::is_bulk_action(&document.value) {
                    return;
                }
                let place = (document.line, document.byte_offset);
                match self.read_value(place, document.value, may_speak_for, sink) {
                    Ok(became) => tell(place.0, place.1, became),
                    Err(error) => {
                        is_enough.set(true);
                        failure = Some(error);
                    }
                }
            });
            if is_enough.get() {
                return failure.map_or(Ok(()), Err);
            }
        }
        documents.finish(&mut refusals);
        Ok(())
    }

    fn read_value(
        &mut self,
        (line, byte_offset): (u64, u64),
        value: Value,
        may_speak_for: &dyn Fn(&DeviceId) -> bool,
        sink: &mut dyn EventSink,
    ) -> Result<DocumentOutcome> {
        let refused = |reason, detail: String| Ok(DocumentOutcome::Refused(reason, detail));
        if !json_events::is_event(&value) {
            return refused(
                RejectReason::Malformed,
                "the JSON document is no event log record: it has no event id with a channel or provider".to_owned(),
            );
        }
        let named = json_events::computer_name(&value).map(|name| short_name(name).to_owned());
        let device_id = self
            .options
            .device
            .as_deref()
            .or(named.as_deref())
            .and_then(DeviceId::new);
        let Some(device_id) = device_id else {
            return refused(
                RejectReason::Malformed,
                "the event log record does not say which computer it is from".to_owned(),
            );
        };
        if !may_speak_for(&device_id) {
            return refused(
                RejectReason::NotAllowed,
                format!("this collector may not speak for {device_id}"),
            );
        }
        if self.devices.len() >= DEVICES_MAX && !self.devices.contains_key(&device_id) {
            return refused(
                RejectReason::LimitExceeded,
                format!("more than {DEVICES_MAX} devices in one request"),
            );
        }
        let (device, state) = match self.devices.entry(device_id.clone()) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let identity = Identity {
                    device_id: device_id.clone(),
                    device_name: named,
                };
                entry.insert((Device::named(identity, self.options)?, None))
            }
        };
        let begun = state
            .take()
            .unwrap_or_else(|| FileState::new(device, Format::EventsJson));
        let mut events = FileEvents::new(device, self.origin, begun, sink).sending_all();
        let document = Document {
            line,
            byte_offset,
            continuations: 0,
            lines: 1,
            value,
        };
        json_events::emit(&document, &mut events);
        let mut read = events.finish()?;
        // How often an equal one came before says something in a file, whose order stays. Here it would
        // depend on how a forwarder cuts what it sends, some of it again, into requests.
        read.forget_records();
        *state = Some(read);
        Ok(DocumentOutcome::Sent(device_id))
    }
}

/// The device that a line of the contract or an event log document names, whether it can be read
/// otherwise or not.
pub fn named_device(raw: &[u8]) -> Option<DeviceId> {
    let value: Value = serde_json::from_slice(raw).ok()?;
    let name = value
        .get("device_id")
        .and_then(Value::scalar)
        .or_else(|| json_events::computer_name(&value).map(short_name))?;
    DeviceId::new(name)
}

/// Tells of what is no document.
struct Refusals<'a>(&'a dyn Fn(u64, u64, DocumentOutcome));

impl RecordSink for Refusals<'_> {
    fn record(&mut self, _: crate::Record<'_>) {}

    fn issue(&mut self, issue: Issue<'_>) {
        let refused = DocumentOutcome::Refused(issue.reason, issue.detail);
        (self.0)(issue.line, issue.byte_offset, refused);
    }
}
