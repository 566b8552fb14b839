//! Parse throughput in MB/s per text format: `cargo bench -p patchlens-ingest`.
//!
//! A plain program: each log is read again and again for about a second, in the 256 KiB chunks
//! that the collector uses, and the fastest pass counts. Reads the real logs where they are at
//! hand (`PATCHLENS_SHARED`), else lines made up here.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark prints its figures, which need no more digits"
)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use patchlens_ingest::{
    HEAD_BYTES, Issue, Record, RecordSink, TextParser, codes, detect, template,
};

const LOGS: [&str; 8] = [
    "cbs/win11-26100-first-boot.log",
    "windows_update/etw-dash-dates-2024-04.log",
    "windows_update/legacy-tab-2021.log",
    "dism/russian-continuation.log",
    "setup/upgrade-16299/setupact.log",
    "reporting_events/ReportingEvents.log",
    "cmtrace/smsts.log",
    "cbs/loghub/Windows_2k.log",
];
const CHUNK_BYTES: usize = 256 * 1024;

/// Takes records and does with them what is measured.
#[derive(Default)]
struct Work {
    finds_codes: bool,
    makes_templates: bool,
    template: String,
    records: u64,
    codes: usize,
}

impl RecordSink for Work {
    fn record(&mut self, record: Record<'_>) {
        self.records += 1;
        if self.finds_codes {
            self.codes += codes::find(&record.message).count();
        }
        if self.makes_templates {
            template::of(&record.message, &mut self.template);
        }
        std::hint::black_box(&record);
    }

    fn issue(&mut self, issue: Issue<'_>) {
        std::hint::black_box(&issue);
    }
}

fn main() {
    println!(
        "{:<45} {:>9} {:>9} {:>12} {:>16} {:>12}",
        "log", "MB", "records", "parse MB/s", "+ codes MB/s", "+ both MB/s"
    );
    for (name, bytes) in logs() {
        let head = bytes.get(..HEAD_BYTES).unwrap_or(&bytes);
        let format = detect(head, &name).unwrap();
        let mut records = 0;
        let mut rate = |finds_codes, makes_templates| {
            let fastest = fastest(|| {
                let mut work = Work {
                    finds_codes,
                    makes_templates,
                    ..Work::default()
                };
                let mut parser = TextParser::new(format);
                for chunk in bytes.chunks(CHUNK_BYTES) {
                    parser.feed(chunk, &mut work);
                }
                std::hint::black_box(parser.finish(&mut work));
                records = work.records;
            });
            bytes.len() as f64 / 1e6 / fastest.as_secs_f64()
        };
        let (parse, with_codes, with_both) =
            (rate(false, false), rate(true, false), rate(true, true));
        let megabytes = bytes.len() as f64 / 1e6;
        println!(
            "{name:<45} {megabytes:>9.2} {records:>9} {parse:>12.0} {with_codes:>16.0} {with_both:>12.0}"
        );
    }
}

fn fastest(mut pass: impl FnMut()) -> Duration {
    let begin = Instant::now();
    let mut fastest = Duration::MAX;
    while begin.elapsed() < Duration::from_secs(1) {
        let start = Instant::now();
        pass();
        fastest = fastest.min(start.elapsed());
    }
    fastest
}

fn logs() -> Vec<(String, Vec<u8>)> {
    let root = std::env::var_os("PATCHLENS_SHARED")
        .map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
            PathBuf::from,
        )
        .join("realdata");
    let real: Vec<_> = LOGS
        .iter()
        .filter_map(|log| Some(((*log).to_owned(), std::fs::read(root.join(log)).ok()?)))
        .collect();
    if !real.is_empty() {
        return real;
    }
    let line = "2024-08-20 09:41:04, Info                  CBS    Failed to get package [HRESULT = 0x800f0805 - CBS_E_INVALID_PACKAGE]\r\n";
    vec![(
        "made up, CBS.log".to_owned(),
        line.repeat(20_000).into_bytes(),
    )]
}
