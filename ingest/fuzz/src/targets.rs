//! What is done with each hostile input: one function for each parser, for the fuzzer and for the
//! short run among the ordinary tests. Each panics when a promise is broken: every line accounted
//! for, no record outside the file, chunks of any size giving the same.

use patchlens_ingest::bundle::Limits;
use patchlens_ingest::collect::{CollectOptions, EventSink, SinkError, read_path};
use patchlens_ingest::evtx::EvtxParser;
use patchlens_ingest::json_events::EventsParser;
use patchlens_ingest::procmon::ProcmonParser;
use patchlens_ingest::redact::{KnownNames, Redaction, Redactor};
use patchlens_ingest::{
    Format, Issue, Record, RecordSink, TextAccount, TextParser, codes, detect, inventory, template,
};

/// A name, and what is done with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("text_logs", text_logs),
    ("evtx", evtx),
    ("json_events", json_events),
    ("procmon", procmon),
    ("inventories", inventories),
    ("setup_diag", setup_diag),
    ("bundle", bundle),
    ("decode", decode),
    ("redact", redact),
    ("codes", find_codes),
];

/// Checks places and counts.
#[derive(Default, PartialEq, Debug)]
struct Counted {
    bytes: u64,
    records: u64,
    continuations: u64,
    rejected: u64,
}

impl RecordSink for Counted {
    fn record(&mut self, record: Record<'_>) {
        assert!(
            record.byte_offset <= self.bytes,
            "a record outside of the file"
        );
        self.records += 1;
        self.continuations += record.continuations;
    }

    fn issue(&mut self, issue: Issue<'_>) {
        assert!(
            issue.byte_offset <= self.bytes,
            "an issue outside of the file"
        );
        assert!(issue.raw.len() <= 16 * 1024, "a reject of unbounded size");
        self.rejected += issue.lines;
    }
}

fn counted(bytes: &[u8]) -> Counted {
    Counted {
        bytes: bytes.len() as u64,
        ..Counted::default()
    }
}

fn balances(account: &TextAccount) {
    assert_eq!(
        account.lines,
        account.records + account.continuations + account.rejected,
        "{account:?}"
    );
}

fn text_logs(bytes: &[u8]) {
    detect(bytes, "CBS.log");
    for format in Format::ALL
        .into_iter()
        .filter(|format| format.is_text_log())
    {
        let read = |chunk: usize| {
            let mut sink = counted(bytes);
            let mut parser = TextParser::new(format);
            for piece in bytes.chunks(chunk) {
                parser.feed(piece, &mut sink);
            }
            (parser.finish(&mut sink), sink)
        };
        let (account, sink) = read(usize::MAX);
        balances(&account);
        assert_eq!(account.records, sink.records);
        assert_eq!((account, sink), read(7), "the division into chunks matters");
    }
}

fn evtx(bytes: &[u8]) {
    let mut sink = counted(bytes);
    let mut parser = EvtxParser::default();
    for piece in bytes.chunks(4000) {
        parser.feed(piece, &mut sink);
    }
    parser.finish(&mut sink);
}

fn json_events(bytes: &[u8]) {
    let mut sink = counted(bytes);
    let mut parser = EventsParser::new(1 << 16);
    for piece in bytes.chunks(7) {
        parser.feed(piece, &mut sink);
    }
    let account = parser.finish(&mut sink);
    assert!(account.rejected <= account.lines, "{account:?}");
    let told = account.records + account.continuations + account.rejected;
    assert!(told >= account.lines, "a line is lost: {account:?}");
    // A line on which one document ends, or is broken off, and another begins belongs to both.
    let text = String::from_utf8_lossy(bytes);
    let is_shared = |line: &str| {
        line.matches('{').count() > 1
            || line
                .split_once('}')
                .is_some_and(|(_, after)| after.contains('{'))
    };
    if !text.lines().any(is_shared) && !text.contains(']') {
        balances(&account);
    }
}

fn procmon(bytes: &[u8]) {
    let mut sink = counted(bytes);
    let mut parser = ProcmonParser::default();
    for piece in bytes.chunks(7) {
        parser.feed(piece, &mut sink);
    }
    balances(&parser.finish(&mut sink));
}

fn inventories(bytes: &[u8]) {
    inventory::recognise(bytes);
    for format in [
        Format::SystemInfo,
        Format::HotfixList,
        Format::OsVersion,
        Format::RegQuery,
        Format::ServiceList,
        Format::DiskList,
        Format::HashListing,
        Format::OsqueryRows,
        Format::EventsText,
    ] {
        balances(&inventory::parse(bytes, format, &mut counted(bytes)));
    }
}

fn setup_diag(bytes: &[u8]) {
    detect(bytes, "SetupDiagResults.xml");
    balances(&inventory::parse(
        bytes,
        Format::SetupDiag,
        &mut counted(bytes),
    ));
}

/// Counts what arrives.
struct Nowhere;

impl EventSink for Nowhere {
    fn event(&mut self, _: patchlens_event::Event) -> Result<(), SinkError> {
        Ok(())
    }

    fn reject(&mut self, _: patchlens_event::Reject) -> Result<(), SinkError> {
        Ok(())
    }
}

fn bundle(bytes: &[u8]) {
    let Ok(directory) = tempfile::tempdir() else {
        return;
    };
    let path = directory.path().join("bundle");
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let mut options = CollectOptions::new(jiff::Timestamp::UNIX_EPOCH);
    options.limits = Limits {
        entries_max: 64,
        entry_bytes_max: 1 << 20,
        total_bytes_max: 1 << 22,
        spool_memory_bytes: 1 << 16,
        ..Limits::default()
    };
    if let Ok(account) = read_path(&path, &options, &mut Nowhere) {
        assert!(account.balances(), "{account:?}");
        // The first look and the reading proper each have the allowance.
        assert!(account.bytes() <= 1 << 23, "the limits do not hold");
    }
}

/// Any bytes behind a line that decides the format: the decoder's states are what is tried.
fn decode(bytes: &[u8]) {
    let head = b"2024-08-20 10:02:41, Info                  CBS    a\r\n";
    let whole = [head, bytes].concat();
    for whole in [&whole[..], &[b"\xef\xbb\xbf", &whole[..]].concat()] {
        let mut sink = counted(whole);
        let mut parser = TextParser::new(Format::CbsLog);
        for piece in whole.chunks(5) {
            parser.feed(piece, &mut sink);
        }
        balances(&parser.finish(&mut sink));
    }
}

fn redact(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let known = KnownNames {
        users: std::iter::once("zhang.wei".to_owned()).collect(),
        domains: std::iter::once("CORP".to_owned()).collect(),
    };
    let Ok(redactor) = Redactor::new(Redaction::default(), known) else {
        return;
    };
    // That a second time changes nothing is a property of text that somebody wrote
    // (`redact/tests.rs`), not of any bytes: a token beside an `@` is half an address.
    redactor.text(&text);
    redactor.field("user", &text);
}

fn find_codes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(codes::find(&text).count() <= 64);
    let mut out = String::new();
    template::of(&text, &mut out);
    let mut again = String::new();
    template::of(&text, &mut again);
    assert_eq!(out, again);
}
