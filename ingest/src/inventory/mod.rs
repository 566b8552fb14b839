//! What the device is: host name, build, installed updates, services, disks, hashes of files.
//!
//! Pure parsers over whole files (they are small, and limited by
//! [`Limits::whole_file_bytes_max`](crate::bundle::Limits)). Tools print these in the language and
//! code page of the device, so nothing here relies on a translated word: positions, shapes of
//! values and names that Windows never translates decide. Facts go into [`crate::Record::fields`]
//! under the names of [`patchlens_event::inventory`].
//!
//! For every input `lines = records + continuations + rejected`.

mod device_facts;
mod disks;
mod facts;
mod hash_listing;
mod hotfix;
mod lines;
mod osquery;
mod registry;
mod services;
mod systeminfo;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use patchlens_event::{Reject, RejectReason};

use crate::json::Document;
use crate::{Format, Issue, LoggedTime, Record, RecordSink, TextAccount};
use facts::Facts;
pub(crate) use lines::{Line, decode_lines};
pub(crate) use table::split_csv;

/// Returns the format of an inventory file by its first bytes; `None` when it is none.
pub fn recognise(head: &[u8]) -> Option<Format> {
    let decoded = decode_lines(head);
    let texts = || decoded.lines.iter().map(|line| line.text.as_str());
    let filled = || texts().filter(|text| !text.trim().is_empty());
    let first = texts().find(|text| !text.trim().is_empty())?.trim_start();
    if crate::setup_diag::recognise(&decoded.lines) {
        return Some(Format::SetupDiag);
    }
    if first.starts_with(['{', '['])
        && let Some(format) = recognise_json(&decoded.lines)
    {
        return Some(format);
    }
    if systeminfo::recognise(texts()) {
        return Some(Format::SystemInfo);
    }
    if filled()
        .take(5)
        .any(|text| registry::key_of(text).is_some())
    {
        return Some(Format::RegQuery);
    }
    let column = |name: &str| {
        filled()
            .take(10)
            .any(|text| table::names_column(text, name))
    };
    let starts = |start: &str| {
        filled()
            .take(10)
            .any(|text| text.trim_start().starts_with(start))
    };
    let labels = |label: &str| {
        filled().take(30).any(|text| {
            text.split_once([':', '='])
                .is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case(label))
        })
    };
    if column("HotFixID") || labels("HotFixID") || hotfix::is_package_list(filled()) {
        return Some(Format::HotfixList);
    }
    let has_services = column("StartType")
        || column("StartMode")
        || starts("SERVICE_NAME:")
        || labels("StartType")
        || labels("StartMode")
        || (column("Status") && column("Name") && column("DisplayName"));
    if has_services {
        return Some(Format::ServiceList);
    }
    if column("FreeSpace") || column("SizeRemaining") || column("FreeMB") || starts("FreeSpace=") {
        return Some(Format::DiskList);
    }
    is_hash_listing(&filled().take(10).collect::<Vec<_>>()).then_some(Format::HashListing)
}

/// A hash alone on its line with a path above it, or a table of hashes and paths.
fn is_hash_listing(lines: &[&str]) -> bool {
    let alone = lines
        .iter()
        .any(|line| hash_listing::hash_of(line).is_some_and(|hash| hash.len() >= 40))
        && lines
            .iter()
            .any(|line| hash_listing::path_in(line).is_some());
    let table = lines
        .iter()
        .any(|line| table::names_column(line, "Hash") && table::names_column(line, "Path"));
    let list = lines
        .iter()
        .any(|line| line.starts_with("Hash ") && line.contains(" : "))
        && lines.iter().any(|line| line.starts_with("Path "));
    let sums = lines.first().is_some_and(|line| {
        line.split_once(' ').is_some_and(|(hash, path)| {
            hash.len() >= 40 && hash_listing::hash_of(hash).is_some() && !path.trim().is_empty()
        })
    });
    alone || table || list || sums
}

/// True when a file is JSON and no table.
fn is_json(lines: &[Line]) -> bool {
    lines
        .iter()
        .find(|line| !line.is_blank())
        .is_some_and(|line| line.text.trim_start().starts_with(['{', '[']))
}

/// Tells what `ConvertTo-Json`, osquery and asset databases write by the first object; event documents
/// are not ours.
fn recognise_json(lines: &[Line]) -> Option<Format> {
    let value = documents(lines).into_iter().next()?.value;
    if crate::json_events::is_event(&value) {
        return None;
    }
    let has = |names: &[&str]| names.iter().all(|name| value.get(name).is_some());
    if has(&["HotFixID"]) {
        return Some(Format::HotfixList);
    }
    if has(&["Hash", "Path"]) {
        return Some(Format::HashListing);
    }
    if has(&["Name", "StartType"]) || has(&["Name", "StartMode"]) {
        return Some(Format::ServiceList);
    }
    if has(&["DriveLetter", "SizeRemaining"]) || has(&["DeviceID", "FreeSpace"]) {
        return Some(Format::DiskList);
    }
    if osquery::recognise(&value) {
        return Some(Format::OsqueryRows);
    }
    device_facts::recognise(&value).then_some(Format::OsVersion)
}

/// Reads a whole inventory file.
pub fn parse(bytes: &[u8], format: Format, sink: &mut dyn RecordSink) -> TextAccount {
    let decoded = decode_lines(bytes);
    let mut counted = Counted {
        sink,
        account: TextAccount {
            encoding: decoded.encoding,
            lines: decoded.lines.len() as u64,
            bytes: bytes.len() as u64,
            ..TextAccount::default()
        },
    };
    let lines = &decoded.lines;
    match format {
        Format::SystemInfo => systeminfo::parse(lines, &mut counted),
        Format::HotfixList => hotfix::parse(lines, &mut counted),
        Format::RegQuery => registry::parse(lines, &mut counted),
        Format::ServiceList => services::parse(lines, &mut counted),
        Format::DiskList => disks::parse(lines, &mut counted),
        Format::HashListing => hash_listing::parse(lines, &mut counted),
        Format::SetupDiag => crate::setup_diag::parse(lines, &mut counted),
        Format::EventsText => crate::event_text::parse(lines, &mut counted),
        Format::OsVersion | Format::OsqueryRows => json(lines, format, &mut counted),
        _ => {}
    }
    let mut account = counted.account;
    // An export may hold all its records on one line.
    account.lines = account
        .lines
        .max(account.records + account.continuations + account.rejected);
    let left = account
        .lines
        .saturating_sub(account.records + account.continuations + account.rejected);
    if left > 0 && account.records == 0 {
        let raw = raw_of(lines);
        let detail = format!("nothing of {} could be read here", format.as_str());
        sink.issue(Issue {
            line: 1,
            byte_offset: 0,
            lines: left,
            reason: RejectReason::Malformed,
            detail,
            raw: Cow::Owned(raw.into_bytes()),
        });
        account.rejected += left;
    } else {
        account.continuations += left;
    }
    account
}

/// The first lines, decoded: in the bytes of UTF-16 no name would be found.
fn raw_of(lines: &[Line]) -> String {
    let mut raw = String::new();
    for line in lines {
        raw.push_str(&line.text);
        raw.push('\n');
        if raw.len() >= Reject::RAW_BYTES_MAX {
            raw.truncate(raw.floor_char_boundary(Reject::RAW_BYTES_MAX));
            break;
        }
    }
    raw
}

/// Counts what a parser hands on. A record without any fact is no record, unless it is an event.
struct Counted<'a> {
    sink: &'a mut dyn RecordSink,
    account: TextAccount,
}

impl RecordSink for Counted<'_> {
    fn record(&mut self, record: Record<'_>) {
        if record.fields.is_empty() && record.windows_event_id.is_none() {
            return;
        }
        self.account.records += 1;
        self.account.continuations += record.continuations;
        self.sink.record(record);
    }

    fn issue(&mut self, issue: Issue<'_>) {
        self.account.rejected += issue.lines;
        self.sink.issue(issue);
    }
}

/// The JSON objects of a file; one that is spread over lines counts as one.
pub(crate) fn documents(lines: &[Line]) -> Vec<Document> {
    struct Nowhere;
    impl RecordSink for Nowhere {
        fn record(&mut self, _: Record<'_>) {}
        fn issue(&mut self, _: Issue<'_>) {}
    }
    let mut found = Vec::new();
    let mut scanner = crate::json::Documents::new(usize::MAX);
    for line in lines {
        let mut take = |mut document: Document, _: &mut dyn RecordSink| {
            document.line = document.line.max(1);
            found.push(document);
        };
        scanner.feed(line.text.as_bytes(), &mut Nowhere, &mut take);
        scanner.feed(b"\n", &mut Nowhere, &mut take);
    }
    for document in &mut found {
        let index = usize::try_from(document.line - 1).unwrap_or(usize::MAX);
        document.byte_offset = lines.get(index).map_or(0, |line| line.byte_offset);
    }
    found
}

fn json(lines: &[Line], format: Format, sink: &mut dyn RecordSink) {
    let documents = documents(lines);
    if format == Format::OsVersion {
        let mut facts = Facts::default();
        for document in &documents {
            device_facts::add(&document.value, &mut facts);
        }
        return facts.emit(lines, LoggedTime::Unstated, sink);
    }
    let mut rows = osquery::Rows::default();
    let mut is_covered = vec![false; lines.len()];
    for document in &documents {
        if rows.take(document, sink) {
            // Its lines are the history records' own.
            let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            let first = document.line.saturating_sub(1);
            let end = index(first + document.continuations + 1).min(lines.len());
            for is_covered in is_covered.get_mut(index(first)..end).unwrap_or_default() {
                *is_covered = true;
            }
        }
    }
    let uncovered = lines
        .iter()
        .zip(is_covered)
        .filter(|(_, is_covered)| !is_covered);
    let fact_lines: Vec<Line> = uncovered.map(|(line, _)| line.clone()).collect();
    rows.finish(&fact_lines, sink);
}

/// The facts of a record that name the device and its zone.
pub(crate) fn fact<'a>(record: &'a Record<'_>, name: &str) -> Option<&'a str> {
    record
        .fields
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}
