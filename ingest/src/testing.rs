//! For tests: collects what a parser hands on, and finds the shared real files.

use std::path::PathBuf;

use crate::{Issue, LoggedTime, Record, RecordSink};

#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) records: Vec<Owned>,
    pub(crate) issues: Vec<(u64, u64, String)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Owned {
    pub(crate) line: u64,
    pub(crate) byte_offset: u64,
    pub(crate) record_id: Option<u64>,
    pub(crate) time: LoggedTime,
    pub(crate) level: patchlens_event::Level,
    pub(crate) component: Option<String>,
    pub(crate) channel: Option<String>,
    pub(crate) windows_event_id: Option<u32>,
    pub(crate) message: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) continuations: u64,
}

impl Owned {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl RecordSink for Collected {
    fn record(&mut self, record: Record<'_>) {
        self.records.push(Owned {
            line: record.line,
            byte_offset: record.byte_offset,
            record_id: record.record_id,
            time: record.time,
            level: record.level,
            component: record.component.map(Into::into),
            channel: record.channel.map(Into::into),
            windows_event_id: record.windows_event_id,
            message: record.message.into_owned(),
            fields: record.fields,
            continuations: record.continuations,
        });
    }

    fn issue(&mut self, issue: Issue<'_>) {
        self.issues.push((issue.line, issue.lines, issue.detail));
    }
}

/// Real files and field cases, which are not part of this tree; `None` where they are not at hand
/// and not required.
pub(crate) fn shared(below: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PATCHLENS_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
        PathBuf::from,
    );
    let path = root.join(below);
    if path.exists() {
        return Some(path);
    }
    let is_required =
        std::env::var_os("PATCHLENS_REQUIRE_SHARED").is_some_and(|value| value == "1");
    assert!(!is_required, "{} is missing", path.display());
    println!("skipped: {} is not there", path.display());
    None
}
