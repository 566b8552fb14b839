//! The accounting invariant, on anything and on damaged logs.

use std::path::Path;

use patchlens_event::{Reject, RejectReason};
use proptest::prelude::*;

use crate::{Format, Issue, Record, RecordSink, TextAccount, TextParser};

const TEXT_LOGS: [Format; 8] = [
    Format::WindowsUpdateLog,
    Format::WindowsUpdateLogLegacy,
    Format::CbsLog,
    Format::DismLog,
    Format::SetupLog,
    Format::ReportingEvents,
    Format::CmtraceLog,
    Format::SetupapiLog,
];

/// Counts what it is given, and keeps it as text.
#[derive(Default)]
struct Ledger {
    records: u64,
    continuations: u64,
    rejected: u64,
    entries: Vec<String>,
    reasons: Vec<RejectReason>,
    longest: usize,
}

impl RecordSink for Ledger {
    fn record(&mut self, record: Record<'_>) {
        self.records += 1;
        self.continuations += record.continuations;
        self.longest = self.longest.max(record.message.len());
        let start: String = record.message.chars().take(80).collect();
        self.entries.push(format!(
            "{} {} {} {start:?}",
            record.line, record.byte_offset, record.continuations
        ));
    }

    fn issue(&mut self, issue: Issue<'_>) {
        self.rejected += issue.lines;
        self.longest = self.longest.max(issue.raw.len());
        self.reasons.push(issue.reason);
        self.entries.push(format!(
            "{} {} {} {}",
            issue.line, issue.byte_offset, issue.lines, issue.detail
        ));
    }
}

fn read(bytes: &[u8], chunk: usize, format: Format) -> (TextAccount, Ledger) {
    let mut ledger = Ledger::default();
    let mut parser = TextParser::new(format);
    for chunk in bytes.chunks(chunk.max(1)) {
        parser.feed(chunk, &mut ledger);
    }
    (parser.finish(&mut ledger), ledger)
}

/// Reads in one piece and in chunks, and checks the books both times.
fn check(bytes: &[u8], chunk: usize, format: Format) -> (TextAccount, Ledger) {
    let (account, ledger) = read(bytes, usize::MAX, format);
    assert_eq!(
        account.lines,
        account.records + account.continuations + account.rejected,
        "{format:?}"
    );
    assert_eq!(
        (
            account.records,
            account.continuations,
            account.rejected,
            account.bytes
        ),
        (
            ledger.records,
            ledger.continuations,
            ledger.rejected,
            bytes.len() as u64
        ),
        "{format:?}: the account and what the sink got"
    );
    let (in_chunks, other) = read(bytes, chunk, format);
    assert_eq!(
        (&account, &ledger.entries),
        (&in_chunks, &other.entries),
        "{format:?}: chunks make a difference"
    );
    (account, ledger)
}

fn fixtures() -> Vec<(Format, Vec<u8>)> {
    let mut fixtures = Vec::new();
    for format in TEXT_LOGS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(format.as_str());
        for case in std::fs::read_dir(folder).unwrap() {
            fixtures.push((
                format,
                std::fs::read(case.unwrap().path().join("input.log")).unwrap(),
            ));
        }
    }
    assert!(fixtures.len() >= 20);
    fixtures
}

#[test]
fn a_line_above_the_limit_is_cut_and_what_was_cut_is_told() {
    let long = "x".repeat(3 << 20);
    let text = format!(
        "2024-08-20 09:41:03, Info                  CBS    {long}\n2024-08-20 09:41:04, Info                  CBS    next\n"
    );
    let (account, ledger) = check(text.as_bytes(), 100_003, Format::CbsLog);
    assert_eq!(
        (account.lines, account.records, account.rejected),
        (2, 2, 0)
    );
    assert_eq!(ledger.reasons, [RejectReason::LimitExceeded]);
    assert!(ledger.longest <= 1 << 20);
}

#[test]
fn a_record_that_goes_on_for_ever_is_bounded() {
    let text = format!(
        "2024-08-20 09:41:03, Info                  CBS    begin\n{}",
        "one more line of it\n".repeat(100_000)
    );
    let (account, ledger) = check(text.as_bytes(), 100_003, Format::CbsLog);
    assert_eq!((account.lines, account.records), (100_001, 1));
    assert!(account.rejected > 0 && account.continuations > 0);
    assert_eq!(ledger.reasons, [RejectReason::LimitExceeded]);
    assert!(ledger.longest <= 1 << 20);
}

#[test]
fn lines_before_the_first_record_are_kept_in_issues_of_bounded_size() {
    let text = "no record\r\n".repeat(10_000);
    let (account, ledger) = check(text.as_bytes(), 4_099, Format::DismLog);
    assert_eq!((account.lines, account.rejected), (10_000, 10_000));
    assert_eq!(
        ledger.reasons.len(),
        text.len().div_ceil(Reject::RAW_BYTES_MAX / 11 * 11)
    );
    assert!(ledger.longest <= Reject::RAW_BYTES_MAX);
}

#[test]
fn a_format_without_lines_rejects_every_line() {
    let (account, _) = check(b"a\nb", 1, Format::Evtx);
    assert_eq!((account.lines, account.rejected), (2, 2));
}

proptest! {
    #[test]
    fn every_line_of_anything_is_accounted_for(bytes in proptest::collection::vec(any::<u8>(), 0..600), chunk in 1_usize..50) {
        for format in TEXT_LOGS {
            check(&bytes, chunk, format);
        }
    }

    #[test]
    fn every_line_of_a_damaged_log_is_accounted_for(
        case in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..12),
        chunk in 1_usize..300,
    ) {
        let fixtures = fixtures();
        let (format, mut bytes) = fixtures[case.index(fixtures.len())].clone();
        for (place, byte, edit) in edits {
            let at = place.index(bytes.len().max(1));
            match edit {
                _ if bytes.is_empty() => bytes.push(byte),
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        check(&bytes, chunk, format);
    }
}
