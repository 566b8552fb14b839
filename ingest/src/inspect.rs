//! What is in these files: format, encoding, lines, records, rejects, time span, codes.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use patchlens_event::{Hresult, RejectReason};
use serde::Serialize;

use crate::bundle::{Bundle, Entry, Limits, Refusal, read_failure};
use crate::collect::stream;
use crate::device::{Division, shares};
use crate::identity::{Scan, identify};
use crate::parser::FileParser;
use crate::{Issue, LoggedTime, Record, RecordSink, Result, codes};

/// How many rejects of one file are listed; all are counted.
const REJECTS_MAX: usize = 100;

/// What is in the files of some paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct InspectReport {
    /// One for each file, in reading order.
    pub files: Vec<FileReport>,
    /// What a person should know about how devices were told apart.
    pub notes: Vec<String>,
}

/// What is in one file. For line-based logs `lines = records + continuations + rejected`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FileReport {
    /// Path, through archives.
    pub path: String,
    /// The device that it is read as being of; null for a file that is refused. A file that holds
    /// records of several computers names the first.
    pub device: Option<String>,
    /// Name of the format; null when no parser recognises it.
    pub format: Option<String>,
    /// Encodings, joined by `+`; null when the format is not recognised.
    pub encoding: Option<String>,
    /// Bytes, after inflating.
    pub bytes: u64,
    /// Lines; 0 for binary formats.
    pub lines: u64,
    /// Records.
    pub records: u64,
    /// Records of a damaged event log that were found behind a gap; not among `records`.
    pub recovered: u64,
    /// Lines that continue a record.
    pub continuations: u64,
    /// Lines, or damaged pieces of a binary file, that no record could be made of.
    pub rejected: u64,
    /// The first of them, at most 100.
    pub rejects: Vec<RejectReport>,
    /// Earliest time as logged: local time without zone, or UTC with `Z`.
    pub first_at: Option<String>,
    /// Latest time as logged.
    pub last_at: Option<String>,
    /// How many records hold each failing code.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub codes: BTreeMap<Hresult, u64>,
}

/// A piece of a file that no record could be made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RejectReport {
    /// Line, from 1; 0 for binary formats and whole files.
    pub line: u64,
    /// Offset in the file.
    pub byte_offset: u64,
    /// Class and detail: `malformed: the row has another number of values than the header`.
    pub reason: String,
}

/// Reads paths without keeping what is in them.
///
/// # Errors
/// When a path cannot be read at all.
pub fn inspect(paths: &[PathBuf], limits: &Limits) -> Result<InspectReport> {
    let mut report = InspectReport::default();
    for path in paths {
        for share in shares(path, limits, Division::Whole)? {
            let root = share.root(path);
            for (bundle, scans) in share.open(limits, Division::Whole)? {
                report.notes.extend(bundle.notes.iter().cloned());
                let refusals = bundle.refusals.iter();
                let refused = refusals.map(|refusal| refused(&root, refusal));
                report.files.extend(refused);
                let claims = scans.iter().filter_map(|scan| scan.claim.as_ref());
                let device = identify(claims, None, &bundle.name);
                let entries = bundle.entries.iter().zip(&scans);
                let of_others = |entry: &Entry| {
                    let speaker = entry.speaker.as_ref();
                    speaker.is_some_and(|speaker| !speaker.takes_rest)
                };
                let files = entries
                    .filter(|(entry, _)| !of_others(entry))
                    .map(|(entry, scan)| FileReport {
                        device: device.as_ref().map(|found| found.device_id.to_string()),
                        ..file(&root, &bundle, entry, scan, limits)
                    });
                report.files.extend(files);
            }
        }
    }
    Ok(report)
}

/// The path as a person would name it. A single file is its own bundle: its name stands before what
/// it holds already.
fn joined(root: &Path, inside: &str) -> String {
    let name = root
        .file_name()
        .filter(|_| root.is_file())
        .map(|name| name.to_string_lossy());
    let below = name.and_then(|name| inside.strip_prefix(name.as_ref()));
    match below {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            format!("{}{rest}", root.display())
        }
        _ if inside.is_empty() => root.display().to_string(),
        _ => format!("{}/{inside}", root.display()),
    }
}

fn reason(reason: RejectReason, detail: &str) -> String {
    format!("{}: {detail}", reason.as_str())
}

fn refused(root: &Path, refusal: &Refusal) -> FileReport {
    let reject = RejectReport {
        line: 0,
        byte_offset: 0,
        reason: reason(refusal.reason, &refusal.detail),
    };
    FileReport {
        path: joined(root, &refusal.path),
        rejected: 1,
        rejects: vec![reject],
        ..FileReport::default()
    }
}

fn file(root: &Path, bundle: &Bundle, entry: &Entry, scan: &Scan, limits: &Limits) -> FileReport {
    let path = joined(root, &entry.path);
    let Some(format) = scan.format else {
        let reject = RejectReport {
            line: 0,
            byte_offset: 0,
            reason: reason(RejectReason::UnknownFormat, &scan.detail),
        };
        return FileReport {
            path,
            bytes: entry.declared_bytes.unwrap_or(0),
            rejects: vec![reject],
            ..FileReport::default()
        };
    };
    let mut seen = Seen::default();
    let mut parser = FileParser::new(format, limits);
    let failure = stream(bundle, entry, |chunk| {
        parser.feed(chunk, &mut seen);
        true
    });
    let account = parser.finish(&mut seen);
    let mut rejects = seen.rejects;
    let mut rejected = account.rejected;
    if let Some(error) = failure {
        rejected += 1;
        rejects.push(RejectReport {
            line: 0,
            byte_offset: account.bytes,
            reason: reason(
                read_failure(&error),
                &format!("reading stopped here: {error}"),
            ),
        });
    }
    FileReport {
        path,
        device: None,
        format: Some(format.as_str().to_owned()),
        encoding: Some(account.encoding),
        bytes: account.bytes,
        lines: account.lines,
        records: account.records,
        recovered: seen.records.saturating_sub(account.records),
        continuations: account.continuations,
        rejected,
        rejects,
        first_at: seen.first.map(Logged::to_text),
        last_at: seen.last.map(Logged::to_text),
        codes: seen.codes,
    }
}

/// A time as logged; times of one file are all of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Logged {
    Local(DateTime),
    Utc(jiff::Timestamp),
}

impl Logged {
    fn to_text(self) -> String {
        match self {
            Self::Local(local) => local.to_string(),
            Self::Utc(at) => at.to_string(),
        }
    }
}

#[derive(Default)]
struct Seen {
    records: u64,
    rejects: Vec<RejectReport>,
    first: Option<Logged>,
    last: Option<Logged>,
    codes: BTreeMap<Hresult, u64>,
}

impl RecordSink for Seen {
    fn record(&mut self, record: Record<'_>) {
        self.records += 1;
        let time = match record.time {
            LoggedTime::Unstated => None,
            LoggedTime::Local(local) | LoggedTime::Offset(local, _) => Some(Logged::Local(local)),
            LoggedTime::Utc(at) => Some(Logged::Utc(at)),
        };
        if let Some(time) = time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
        for code in codes::find(&record.message) {
            *self.codes.entry(code).or_default() += 1;
        }
    }

    fn issue(&mut self, issue: Issue<'_>) {
        if self.rejects.len() < REJECTS_MAX {
            self.rejects.push(RejectReport {
                line: issue.line,
                byte_offset: issue.byte_offset,
                reason: reason(issue.reason, &issue.detail),
            });
        }
    }
}
