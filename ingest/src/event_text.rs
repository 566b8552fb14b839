//! Event log records as people export and copy them: XML (Event Viewer, `wevtutil /f:xml`), the
//! text that Event Viewer copies and `wevtutil /f:text` prints, the CSV and text exports of Event
//! Viewer, and what `Get-WinEvent` and `Get-EventLog` give to `Format-List` and `Export-Csv`.
//!
//! Labels and columns of Event Viewer are translated, so that their order decides; PowerShell's are
//! not, so that their names do. Without the XML there are no named values: the message in the
//! device's language is all that these forms carry.

mod blocks;
mod prose;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod xml;

use crate::LoggedTime;
use crate::RecordSink;
use crate::event_record::{EventRecord, level_of};
use crate::inventory::{Line, decode_lines};
use time::Order;

/// How many lines are looked at to recognise a form.
const LOOKED_AT: usize = 60;

/// One record as a form states it; what is not stated is empty.
#[derive(Debug, Default)]
struct Stated {
    /// Index of its first line among the lines.
    line: usize,
    /// How many lines below the first belong to it.
    continuations: u64,
    provider: String,
    event_id: Option<u32>,
    record_id: Option<u64>,
    channel: String,
    computer_name: String,
    level: String,
    time_text: String,
    fields: Vec<(String, String)>,
    text: String,
}

/// Which form a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Xml,
    Blocks,
    Properties,
    Table,
}

/// True when a file begins like an export of event log records.
pub(crate) fn recognise(head: &[u8]) -> bool {
    form_of(&decode_lines(head).lines).is_some()
}

/// True when a file holds little else than the messages of such records. Other formats are asked
/// before: their lines may hold the same words.
pub(crate) fn recognise_prose(head: &[u8]) -> bool {
    prose::recognise(&decode_lines(head).lines)
}

fn form_of(lines: &[Line]) -> Option<Form> {
    if xml::recognise(lines) {
        Some(Form::Xml)
    } else if blocks::recognise(lines) {
        Some(Form::Blocks)
    } else if blocks::has_properties(lines) {
        Some(Form::Properties)
    } else {
        table::recognise(lines).then_some(Form::Table)
    }
}

/// Reads a whole file.
pub(crate) fn parse(lines: &[Line], sink: &mut dyn RecordSink) {
    let records = match form_of(lines) {
        Some(Form::Xml) => xml::records(lines),
        Some(Form::Blocks) => blocks::records(lines),
        Some(Form::Properties) => blocks::properties(lines),
        Some(Form::Table) => table::records(lines),
        None => prose::records(lines),
    };
    // `04/05/2024` is April or May: other dates of the file tell.
    let order = Order::of(records.iter().map(|record| record.time_text.as_str()));
    for record in records {
        emit(record, lines, order, sink);
    }
}

fn emit(record: Stated, lines: &[Line], order: Order, sink: &mut dyn RecordSink) {
    let Some(line) = lines.get(record.line) else {
        return;
    };
    let time = time::read(&record.time_text, order).unwrap_or(LoggedTime::Unstated);
    EventRecord {
        provider: provider_name(&record.provider),
        windows_event_id: record.event_id,
        record_id: record.record_id,
        channel: &record.channel,
        computer_name: &record.computer_name,
        level: level_of(&record.level),
        time_text: &record.time_text,
        fields: record.fields,
        text: &record.text,
    }
    .emit(
        line.number,
        line.byte_offset,
        record.continuations,
        time,
        sink,
    );
}

/// Event Viewer shows some providers without the beginning of their names.
fn provider_name(shown: &str) -> &str {
    match shown {
        // The second is what Windows XP and Server 2003 called it.
        "WindowsUpdateClient" | "Windows Update Agent" => "Microsoft-Windows-WindowsUpdateClient",
        "Servicing" => "Microsoft-Windows-Servicing",
        "WUSA" => "Microsoft-Windows-WUSA",
        "Kernel-Power" => "Microsoft-Windows-Kernel-Power",
        "Kernel-General" => "Microsoft-Windows-Kernel-General",
        "GroupPolicy" | "GroupPolicy (Microsoft-Windows-GroupPolicy)" => {
            "Microsoft-Windows-GroupPolicy"
        }
        "Ntfs (Microsoft-Windows-Ntfs)" => "Microsoft-Windows-Ntfs",
        "Bits-Client" => "Microsoft-Windows-Bits-Client",
        other => other,
    }
}
