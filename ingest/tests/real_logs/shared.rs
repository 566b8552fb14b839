//! Where the real logs are, and a sink that keeps what a test asks about.

use std::collections::BTreeMap;
use std::path::PathBuf;

use patchlens_event::Hresult;
use patchlens_ingest::{
    Format, HEAD_BYTES, Issue, Record, RecordSink, TextAccount, TextParser, codes, detect,
};

/// The folder of material that is not part of this tree; `None` where it is not at hand and not
/// required.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PATCHLENS_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
        PathBuf::from,
    );
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let is_required =
        std::env::var_os("PATCHLENS_REQUIRE_SHARED").is_some_and(|value| value == "1");
    assert!(!is_required, "no {}", folder.display());
    println!("skipped: no {}", folder.display());
    None
}

/// Reads a real log.
pub(crate) fn read(path: &str) -> Option<Vec<u8>> {
    let file = folder("realdata")?.join(path);
    Some(
        std::fs::read(&file)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display())),
    )
}

/// What a log held.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) messages: Vec<String>,
    pub(crate) issues: Vec<Issue<'static>>,
    pub(crate) components: BTreeMap<String, usize>,
    pub(crate) untimed: usize,
    pub(crate) out_of_order_lines: usize,
    last_line: u64,
    /// In how many lines a code stands.
    pub(crate) codes: BTreeMap<Hresult, usize>,
}

impl Seen {
    /// The lines of all messages.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().flat_map(|message| message.lines())
    }
}

impl RecordSink for Seen {
    fn record(&mut self, record: Record<'_>) {
        self.out_of_order_lines += usize::from(record.line <= self.last_line);
        self.last_line = record.line;
        self.untimed += usize::from(record.time == patchlens_ingest::LoggedTime::Unstated);
        *self
            .components
            .entry(record.component.as_deref().unwrap_or("").to_owned())
            .or_default() += 1;
        for line in record.message.lines() {
            for code in codes::find(line) {
                *self.codes.entry(code).or_default() += 1;
            }
        }
        self.messages.push(record.message.into_owned());
    }

    fn issue(&mut self, issue: Issue<'_>) {
        self.out_of_order_lines += usize::from(issue.line < self.last_line);
        self.last_line = issue.line;
        self.issues.push(Issue {
            raw: issue.raw.into_owned().into(),
            ..issue
        });
    }
}

/// Detects the format of a log and reads it.
pub(crate) fn parse(path: &str, bytes: &[u8]) -> Option<(Format, TextAccount, Seen)> {
    let format = detect(&bytes[..bytes.len().min(HEAD_BYTES)], path)?;
    let mut seen = Seen::default();
    let mut parser = TextParser::new(format);
    for chunk in bytes.chunks(10_007) {
        parser.feed(chunk, &mut seen);
    }
    Some((format, parser.finish(&mut seen), seen))
}
