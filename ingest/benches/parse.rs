//! Parse throughput in MB/s per text format: `cargo bench -p patchlens-ingest`.
//!
//! A plain program: each log is read again and again for about a second, in the 256 KiB chunks
//! that the collector uses, and the fastest pass counts. Reads the real logs where they are at
//! hand (`PATCHLENS_SHARED`), else lines made up here.
//!
//! Beside each figure stands a yardstick of the same run over the same bytes, so that a figure can
//! be judged on a busy machine too: for text the counting of a literal (`memmem`, what ripgrep does
//! at its fastest), for event logs the plain iteration of crate `evtx` to JSON, as `evtx_dump` does.
//! Where `rg` is on the PATH, ripgrep itself counts the literal too, in one large file of the first
//! log over and over, so that starting a process does not count; that file is parsed as well.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark prints its figures, which need no more digits"
)]

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use evtx::ParserSettings;
use memchr::memmem;
use patchlens_ingest::evtx::EvtxParser;
use patchlens_ingest::json_events::EventsParser;
use patchlens_ingest::procmon::ProcmonParser;
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
const EVENT_FILES: [&str; 3] = ["evtx/", "json/", "procmon/"];
/// Counted as the yardstick of a text parser.
const LITERAL: &[u8] = b"0x80070005";
/// A document of an event file may be this long.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;
const CHUNK_BYTES: usize = 256 * 1024;
/// Size of the file that ripgrep and the parser both read.
const LARGE_BYTES: usize = 300_000_000;

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
        "{:<45} {:>9} {:>9} {:>12} {:>16} {:>12} {:>13}",
        "log", "MB", "records", "parse MB/s", "+ codes MB/s", "+ both MB/s", "literal MB/s"
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
        let literal = {
            let finder = memmem::Finder::new(LITERAL);
            megabytes
                / fastest(|| {
                    std::hint::black_box(finder.find_iter(&bytes).count());
                })
                .as_secs_f64()
        };
        println!(
            "{name:<45} {megabytes:>9.2} {records:>9} {parse:>12.0} {with_codes:>16.0} {with_both:>12.0} {literal:>13.0}"
        );
    }
    if let Some((name, bytes)) = logs().first() {
        large(name, bytes);
    }
    println!(
        "\n{:<45} {:>9} {:>9} {:>12} {:>15}",
        "events", "MB", "records", "parse MB/s", "yardstick MB/s"
    );
    for (name, bytes) in event_files() {
        events(&name, &bytes);
    }
}

/// Reads one large file as the collector does, and has ripgrep count a literal in it.
fn large(name: &str, bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut written = 0;
    while written < LARGE_BYTES {
        file.write_all(bytes).unwrap();
        written += bytes.len();
    }
    file.flush().unwrap();
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    let format = detect(head, name).unwrap();
    let rate = |finds_codes, makes_templates| {
        let fastest = fastest(|| {
            let mut work = Work {
                finds_codes,
                makes_templates,
                ..Work::default()
            };
            let mut parser = TextParser::new(format);
            let mut input = File::open(file.path()).unwrap();
            let mut chunk = vec![0; CHUNK_BYTES];
            loop {
                let count = input.read(&mut chunk).unwrap();
                if count == 0 {
                    break;
                }
                parser.feed(chunk.get(..count).unwrap_or_default(), &mut work);
            }
            std::hint::black_box(parser.finish(&mut work));
        });
        written as f64 / 1e6 / fastest.as_secs_f64()
    };
    let (parse, with_both) = (rate(false, false), rate(true, true));
    let ripgrep = ripgrep(file.path()).map_or_else(
        || "no rg on the PATH".to_owned(),
        |time| format!("{:.0} MB/s", written as f64 / 1e6 / time.as_secs_f64()),
    );
    println!(
        "\n{name} over and over, {:.0} MB from a file: parse {parse:.0} MB/s, with codes and templates {with_both:.0} MB/s, `rg -c` {ripgrep}",
        written as f64 / 1e6
    );
}

/// How long `rg -c` takes, from starting it to its end; `None` where there is none.
fn ripgrep(path: &Path) -> Option<Duration> {
    let literal = std::str::from_utf8(LITERAL).ok()?;
    let run = || {
        Command::new("rg")
            .args(["--no-config", "--count", "--fixed-strings", literal])
            .arg(path)
            .output()
    };
    // 1 says that there is no such line.
    let answered = run().is_ok_and(|output| matches!(output.status.code(), Some(0 | 1)));
    answered.then(|| {
        fastest(|| {
            std::hint::black_box(run().is_ok());
        })
    })
}

fn is_event_log(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "evtx")
}

/// Measures one event log, document file or trace against its yardstick.
fn events(name: &str, bytes: &[u8]) {
    let megabytes = bytes.len() as f64 / 1e6;
    let mut records = 0;
    let parse = fastest(|| {
        let mut work = Work::default();
        if is_event_log(name) {
            let mut parser = EvtxParser::default();
            for chunk in bytes.chunks(CHUNK_BYTES) {
                parser.feed(chunk, &mut work);
            }
            parser.finish(&mut work);
        } else if name.to_ascii_lowercase().ends_with(".csv") {
            let mut parser = ProcmonParser::default();
            for chunk in bytes.chunks(CHUNK_BYTES) {
                parser.feed(chunk, &mut work);
            }
            parser.finish(&mut work);
        } else {
            let mut parser = EventsParser::new(DOCUMENT_BYTES_MAX);
            for chunk in bytes.chunks(CHUNK_BYTES) {
                parser.feed(chunk, &mut work);
            }
            parser.finish(&mut work);
        }
        records = work.records;
    });
    let yardstick = fastest(|| {
        if is_event_log(name) {
            // Neither does this with threads.
            let settings = ParserSettings::default().num_threads(1);
            if let Ok(parser) = evtx::EvtxParser::from_buffer(bytes.to_vec()) {
                let mut parser = parser.with_configuration(settings);
                std::hint::black_box(parser.records_json().count());
            }
        } else {
            std::hint::black_box(memmem::find_iter(bytes, LITERAL).count());
        }
    });
    println!(
        "{name:<45} {megabytes:>9.2} {records:>9} {:>12.0} {:>15.0}",
        megabytes / parse.as_secs_f64(),
        megabytes / yardstick.as_secs_f64()
    );
}

/// The largest files of each kind, which the fixed costs matter least in.
fn event_files() -> Vec<(String, Vec<u8>)> {
    const OF_EACH: usize = 3;
    let mut files = Vec::new();
    for kind in EVENT_FILES {
        let mut found = Vec::new();
        find(&realdata().join(kind), &mut found);
        found.sort();
        for (_, path) in found.into_iter().rev().take(OF_EACH) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.push((format!("{kind}{name}"), std::fs::read(&path).unwrap()));
        }
    }
    files
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

/// Size and path of each event file below a folder.
fn find(folder: &Path, found: &mut Vec<(u64, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
        let fits = [".evtx", ".csv", ".ndjson"]
            .iter()
            .any(|ending| name.ends_with(ending));
        if path.is_dir() {
            find(&path, found);
        } else if fits && let Ok(metadata) = entry.metadata() {
            found.push((metadata.len(), path));
        }
    }
}

fn realdata() -> PathBuf {
    std::env::var_os("PATCHLENS_SHARED")
        .map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
            PathBuf::from,
        )
        .join("realdata")
}

fn logs() -> Vec<(String, Vec<u8>)> {
    let root = realdata();
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
