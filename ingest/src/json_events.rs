//! Event log records as JSON: Winlogbeat and ECS documents, flat documents (Mordor, NXLog), the
//! JSON of `evtx_dump`, and `Get-WinEvent | ConvertTo-Json`; one document per line or an array.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use jiff::{Timestamp, civil::DateTime};
use patchlens_event::{Level, RejectReason};

use crate::encoding::Transcoder;
use crate::event_record::{EventRecord, level_of};
use crate::json::{Document, Documents, Value};
use crate::{Issue, LoggedTime, RecordSink, TextAccount};

/// Where the parts of a record stand, over all dialects.
const PROVIDER: [&str; 7] = [
    "winlog.provider_name",
    "event.provider",
    "ProviderName",
    "SourceName",
    "provider_name",
    "Provider",
    // `Get-EventLog`
    "Source",
];
const EVENT_ID: [&str; 6] = [
    "winlog.event_id",
    "event.code",
    "EventID",
    "event_id",
    "EventId",
    "Id",
];
const CHANNEL: [&str; 5] = [
    "winlog.channel",
    "Channel",
    "LogName",
    "channel",
    "log_name",
];
const COMPUTER: [&str; 8] = [
    "winlog.computer_name",
    "computer_name",
    "Hostname",
    "MachineName",
    "Computer",
    "host.name",
    "host.hostname",
    "ComputerName",
];
const RECORD_ID: [&str; 6] = [
    "winlog.record_id",
    "RecordNumber",
    "RecordId",
    "record_id",
    "EventRecordID",
    "record_number",
];
const LEVEL: [&str; 7] = [
    "winlog.level",
    "log.level",
    "Level",
    "level",
    "LevelDisplayName",
    "Severity",
    "LevelValue",
];
/// When it happened; `@timestamp` is that for a Beat, but for Fluent Bit when it was read.
const TIME: [&str; 8] = [
    "TimeCreated",
    "@timestamp",
    "EventTime",
    "timestamp",
    "time_created",
    "event.created",
    "TimeGenerated",
    "LastTimeWritten",
];
const TEXT: [&str; 2] = ["message", "Message"];
/// Members of a flat document that are not event data.
const ENVELOPE: [&str; 26] = [
    "@version",
    "@timestamp",
    "ProviderGuid",
    "Keywords",
    "Task",
    "Opcode",
    "OpcodeValue",
    "Version",
    "ThreadID",
    "ProcessID",
    "ExecutionProcessID",
    "ActivityID",
    "RelatedActivityID",
    "SeverityValue",
    "EventType",
    "EventReceivedTime",
    "SourceModuleName",
    "SourceModuleType",
    "EventTime",
    "host",
    "port",
    "tags",
    "type",
    "agent",
    "ecs",
    "LevelDisplayName",
];

/// True when a document is an event log record.
pub(crate) fn is_event(value: &Value) -> bool {
    if value.at("Event.System").is_some() {
        return true;
    }
    value.text(&EVENT_ID).is_some()
        && (value.get("winlog").is_some()
            || value.text(&CHANNEL).is_some()
            || value.text(&PROVIDER).is_some())
}

/// True when the first document of a file is an event log record.
pub fn recognise(head: &[u8]) -> bool {
    let head = &*Transcoder::head_text(head);
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if !start.trim_ascii_start().starts_with(b"{") && !start.trim_ascii_start().starts_with(b"[") {
        return false;
    }
    let mut first = None;
    let mut documents = Documents::new(head.len());
    documents.feed(head, &mut Nowhere, &mut |document, _| {
        first = first
            .take()
            .or(Some(document))
            .filter(|document| !is_bulk_action(&document.value));
    });
    first.is_some_and(|document| is_event(&document.value))
}

struct Nowhere;

impl RecordSink for Nowhere {
    fn record(&mut self, _: crate::Record<'_>) {}
    fn issue(&mut self, _: Issue<'_>) {}
}

/// The line before each document of an Elasticsearch bulk request.
pub(crate) fn is_bulk_action(value: &Value) -> bool {
    matches!(value.members(), [(name, Value::Object(_))] if matches!(name.as_str(), "index" | "create"))
}

/// Reads one file of event documents in chunks of any size.
#[derive(Debug)]
pub struct EventsParser {
    transcoder: Transcoder,
    documents: Documents,
    account: TextAccount,
}

impl EventsParser {
    /// Starts on a file; a document longer than `document_bytes_max` is rejected.
    pub fn new(document_bytes_max: usize) -> Self {
        Self {
            transcoder: Transcoder::new(),
            documents: Documents::new(document_bytes_max),
            account: TextAccount::default(),
        }
    }

    /// Takes the next bytes of the file and hands on complete documents.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut dyn RecordSink) {
        self.account.bytes += chunk.len() as u64;
        let text = self.transcoder.decode(chunk);
        self.feed_text(&text, sink);
    }

    fn feed_text(&mut self, text: &[u8], sink: &mut dyn RecordSink) {
        let account = &mut self.account;
        let mut counted = Counted {
            sink,
            transcoder: &self.transcoder,
            rejected: 0,
            begun: 0,
        };
        self.documents.feed(text, &mut counted, &mut |document, sink| {
            if is_bulk_action(&document.value) {
                return;
            }
            if is_event(&document.value) {
                account.records += 1;
                emit(&document, sink);
            } else {
                sink.issue(Issue {
                    line: document.line,
                    byte_offset: document.byte_offset,
                    lines: document.lines,
                    reason: RejectReason::Malformed,
                    detail: "the JSON document is no event log record: it has no event id with a channel or provider".to_owned(),
                    raw: Cow::Borrowed(&[]),
                });
            }
        });
        let (rejected, begun) = (counted.rejected, counted.begun);
        self.account.rejected += rejected;
        self.transcoder.forget_before(begun);
    }

    /// Takes the end of the file.
    pub fn finish(mut self, sink: &mut dyn RecordSink) -> TextAccount {
        let text = self.transcoder.finish();
        self.feed_text(&text, sink);
        let mut counted = Counted {
            sink,
            transcoder: &self.transcoder,
            rejected: 0,
            begun: 0,
        };
        self.documents.finish(&mut counted);
        let rejected = counted.rejected;
        self.account.rejected += rejected;
        self.transcoder
            .encoding()
            .clone_into(&mut self.account.encoding);
        self.account.lines = self.documents.lines();
        self.account.continuations = self
            .account
            .lines
            .saturating_sub(self.account.records + self.account.rejected);
        self.account
    }
}

/// Counts what is rejected, and hands everything on with its place in the original file.
struct Counted<'a> {
    sink: &'a mut dyn RecordSink,
    transcoder: &'a Transcoder,
    rejected: u64,
    /// Where in the text the last record or issue began.
    begun: u64,
}

impl RecordSink for Counted<'_> {
    fn record(&mut self, mut record: crate::Record<'_>) {
        self.begun = record.byte_offset;
        record.byte_offset = self.transcoder.origin(record.byte_offset);
        self.sink.record(record);
    }

    fn issue(&mut self, mut issue: Issue<'_>) {
        self.begun = issue.byte_offset;
        self.rejected += issue.lines;
        issue.byte_offset = self.transcoder.origin(issue.byte_offset);
        self.sink.issue(issue);
    }
}

/// Hands a document on as a record.
pub(crate) fn emit(document: &Document, sink: &mut dyn RecordSink) {
    let value = &document.value;
    if let Some(event) = value.get("Event") {
        let (record, time) = crate::evtx::from_event(event, "");
        return record.emit(
            document.line,
            document.byte_offset,
            document.continuations,
            time.map_or(LoggedTime::Unstated, LoggedTime::Utc),
            sink,
        );
    }
    let text = |paths: &[&str]| value.text(paths).unwrap_or_default();
    // The first that is a moment; a time without zone only where there is nothing better.
    let (time_text, time) = TIME
        .iter()
        .filter_map(|path| value.text(&[path]))
        .map(|text| (text, time_of(text)))
        .find(|(_, time)| matches!(time, LoggedTime::Utc(_)))
        .unwrap_or_else(|| (text(&TIME), time_of(text(&TIME))));
    let level = match level_of(text(&LEVEL)) {
        Level::Unknown => level_of(text(&["log.level"])),
        known => known,
    };
    let record_id = text(&RECORD_ID).parse().ok();
    let mut fields = event_data(value);
    if record_id.is_none() {
        // Beats write members in another order each time, and this text is part of the identity.
        fields.sort();
    }
    EventRecord {
        provider: text(&PROVIDER),
        windows_event_id: text(&EVENT_ID).parse().ok(),
        record_id,
        channel: text(&CHANNEL),
        computer_name: text(&COMPUTER),
        level,
        time_text,
        fields,
        text: text(&TEXT),
    }
    .emit(
        document.line,
        document.byte_offset,
        document.continuations,
        time,
        sink,
    );
}

/// Computer name that a document states.
pub(crate) fn computer_name(value: &Value) -> Option<&str> {
    value
        .text(&["Event.System.Computer"])
        .or_else(|| value.text(&COMPUTER))
}

fn event_data(value: &Value) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let nested = [
        "winlog.event_data",
        "winlog.user_data",
        "event_data",
        "user_data",
        "EventData",
        "UserData",
    ];
    let mut found = false;
    for section in nested.iter().filter_map(|path| value.at(path)) {
        section.flatten_into("", &mut fields);
        found = true;
    }
    if let Some(properties) = value.get("Properties") {
        for (index, item) in properties.items().iter().enumerate() {
            item.get("Value")
                .unwrap_or(item)
                .flatten_into(&format!("param{}", index + 1), &mut fields);
        }
        found = true;
    }
    if !found && value.get("winlog").is_none() {
        let envelope = [
            &PROVIDER[..],
            &EVENT_ID,
            &CHANNEL,
            &COMPUTER,
            &RECORD_ID,
            &LEVEL,
            &TIME,
            &TEXT,
            &ENVELOPE,
        ];
        for (name, member) in value
            .members()
            .iter()
            .filter(|(name, _)| !envelope.iter().any(|names| names.contains(&name.as_str())))
        {
            member.flatten_into(name, &mut fields);
        }
    }
    fields.retain(|(name, _)| name != "xml_name");
    fields
}

/// Reads RFC 3339, `2024-08-20 10:07:41 +0800`, `/Date(1690000000000)/`, and a time without zone,
/// which is the device's own.
fn time_of(text: &str) -> LoggedTime {
    if let Ok(time) = text
        .parse::<Timestamp>()
        .or_else(|_| Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", text))
    {
        return LoggedTime::Utc(time);
    }
    if let Some(millis) = text
        .strip_prefix("/Date(")
        .and_then(|rest| rest.strip_suffix(")/"))
        && let Some(time) = millis
            .parse()
            .ok()
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
    {
        return LoggedTime::Utc(time);
    }
    text.parse::<DateTime>()
        .map_or(LoggedTime::Unstated, LoggedTime::Local)
}
