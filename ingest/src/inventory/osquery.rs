//! Rows of osquery tables: `os_version`, `patches`, `system_info`, `windows_update_history`, as
//! plain rows or wrapped in the result log of a schedule (snapshot, event or batch form).
//!
//! A row of the history is a record of its own with its time; all rows of `patches` together are
//! one fact, the list of installed updates.

use std::borrow::Cow;

use jiff::Timestamp;
use patchlens_event::{Level, inventory};

use super::facts::{Facts, Hotfixes};
use super::lines::Line;
use crate::json::{Document, Value};
use crate::{LoggedTime, Record, RecordSink};

/// True when an object is a row of a table that is known, or wraps one.
pub(crate) fn recognise(value: &Value) -> bool {
    if ["columns", "snapshot", "diffResults"]
        .iter()
        .any(|name| value.get(name).is_some())
    {
        return value.get("name").is_some();
    }
    let has = |names: &[&str]| names.iter().all(|name| value.get(name).is_some());
    has(&["hotfix_id"])
        || has(&["update_id", "result_code"])
        || has(&["build", "major", "minor"])
        || has(&["hardware_vendor", "hostname"])
}

/// Collects rows until the end of the file.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    facts: Facts,
    hotfixes: Hotfixes,
}

impl Rows {
    /// Takes one document: a row, or a result with rows.
    pub(crate) fn take(&mut self, document: &Document, sink: &mut dyn RecordSink) -> bool {
        let value = &document.value;
        if let Some(host) = value.text(&["hostIdentifier"]) {
            self.facts.add(inventory::DEVICE_NAME, host);
        }
        // A row that was removed says what is no more.
        let rows: Vec<&Value> = if let Some(columns) = value.get("columns") {
            let is_gone = value.text(&["action"]) == Some("removed");
            if is_gone { Vec::new() } else { vec![columns] }
        } else if let Some(snapshot) = value.get("snapshot") {
            snapshot.items().iter().collect()
        } else if let Some(changes) = value.get("diffResults") {
            changes
                .get("added")
                .map(Value::items)
                .unwrap_or_default()
                .iter()
                .collect()
        } else {
            vec![value]
        };
        let mut records = 0;
        for row in rows {
            if row.get("update_id").is_some() && row.get("result_code").is_some() {
                history(row, document, records, sink);
                records += 1;
            } else {
                self.fact_row(row);
            }
        }
        records > 0
    }

    fn fact_row(&mut self, row: &Value) {
        if let Some(id) = row.text(&["hotfix_id"]) {
            self.hotfixes.add_all(id);
            self.facts.add(
                inventory::DEVICE_NAME,
                row.text(&["csname"]).unwrap_or_default(),
            );
        } else if let Some(build) = row.text(&["build"]) {
            let part = |name| row.text(&[name]).unwrap_or("0");
            let revision = row
                .text(&["revision"])
                .map(|revision| format!(".{revision}"))
                .unwrap_or_default();
            self.facts.add(
                inventory::OS_BUILD,
                format!("{}.{}.{build}{revision}", part("major"), part("minor")),
            );
            self.facts
                .add(inventory::OS_NAME, row.text(&["name"]).unwrap_or_default());
        } else if row.get("hardware_vendor").is_some() {
            self.facts.add(
                inventory::DEVICE_NAME,
                row.text(&["hostname", "computer_name"]).unwrap_or_default(),
            );
            self.facts.add(
                inventory::MANUFACTURER,
                row.text(&["hardware_vendor"]).unwrap_or_default(),
            );
            self.facts.add(
                inventory::MODEL,
                row.text(&["hardware_model"]).unwrap_or_default(),
            );
        }
    }

    /// Hands on the facts of all rows as one record over `lines`.
    pub(crate) fn finish(mut self, lines: &[Line], sink: &mut dyn RecordSink) -> bool {
        self.facts.add(inventory::HOTFIXES, self.hotfixes.joined());
        let any = !self.facts.is_empty();
        if any {
            self.facts.emit(lines, LoggedTime::Unstated, sink);
        }
        any
    }
}

/// One row of `windows_update_history`: an update that Windows tried to install, with its result.
fn history(row: &Value, document: &Document, earlier: u64, sink: &mut dyn RecordSink) {
    let mut fields = Vec::new();
    row.flatten_into("", &mut fields);
    let text = |name: &str| row.text(&[name]).unwrap_or_default();
    let seconds = text("date");
    let time = seconds
        .parse()
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    let failed = matches!(
        text("result_code").to_ascii_lowercase().as_str(),
        "failed" | "4"
    );
    let aborted = matches!(
        text("result_code").to_ascii_lowercase().as_str(),
        "aborted" | "5" | "succeededwitherrors" | "3"
    );
    let code = text("hresult")
        .parse::<i64>()
        .ok()
        .map(|code| format!("0x{:08x}", code & 0xFFFF_FFFF))
        .unwrap_or_default();
    sink.record(Record {
        line: document.line,
        byte_offset: document.byte_offset,
        record_id: None,
        time_text: Cow::Borrowed(seconds),
        time: time.map_or(LoggedTime::Unstated, LoggedTime::Utc),
        level: if failed {
            Level::Error
        } else if aborted {
            Level::Warning
        } else {
            Level::Info
        },
        component: Some(Cow::Borrowed("windows_update_history")),
        channel: None,
        windows_event_id: None,
        message: Cow::Owned(format!(
            "windows_update_history: {} {} {code} {}",
            text("operation"),
            text("result_code"),
            text("title")
        )),
        fields,
        continuations: if earlier == 0 {
            document.continuations
        } else {
            0
        },
    });
}
