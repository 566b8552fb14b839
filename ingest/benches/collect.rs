//! A large bundle through the whole collector: `cargo bench -p patchlens-ingest --bench collect`.
//!
//! A .zip of about 500 MB of CBS.log, dism.log and WindowsUpdate.log is written to a temporary
//! directory and read once. Printed are MB/s, records, and the peak resident set of this process,
//! which must not grow with the size of the bundle.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a benchmark prints its figures, which need no more digits"
)]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use patchlens_event::{Event, Reject};
use patchlens_ingest::bundle::Limits;
use patchlens_ingest::collect::{CollectOptions, EventSink, SinkError, read_path};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const BYTES_PER_FILE: usize = 50 << 20;
const FILES: usize = 10;

/// Counts what it gets.
#[derive(Default)]
struct Counted {
    events: u64,
    bytes: u64,
}

impl EventSink for Counted {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        self.events += 1;
        self.bytes += event.message.len() as u64;
        Ok(())
    }

    fn reject(&mut self, _: Reject) -> Result<(), SinkError> {
        Ok(())
    }
}

/// One line of a log; one in fifty says something.
fn line(file: usize, number: usize) -> String {
    let (minute, second) = (number / 60 % 60, number % 60);
    let time = format!(
        "2024-08-{:02} {:02}:{minute:02}:{second:02}",
        file + 1,
        number / 3600 % 24
    );
    match number % 50 {
        0 => format!(
            "{time}, Info                  CBS    Session: {number}_{file} initialized by client WindowsUpdateAgent.\r\n"
        ),
        7 => format!(
            "{time}, Info                  CBS    Failed to open C:\\Users\\j.doe\\x{number}.dll [HRESULT = 0x80070005 - E_ACCESSDENIED]\r\n"
        ),
        _ => format!(
            "{time}, Info                  CBS    Read out cached package applicability for package: Package_{number}~31bf3856ad364e35~amd64~~10.0.{number}.1, ApplicableState: 112, CurrentState:112\r\n"
        ),
    }
}

fn write_bundle(path: &Path) -> u64 {
    let mut writer = ZipWriter::new(BufWriter::new(File::create(path).unwrap()));
    let mut total = 0;
    for file in 0..FILES {
        writer
            .start_file(
                format!("CBS/CbsPersist_{file}.log"),
                SimpleFileOptions::default(),
            )
            .unwrap();
        let mut written = 0;
        let mut number = 0;
        while written < BYTES_PER_FILE {
            let text = line(file, number);
            writer.write_all(text.as_bytes()).unwrap();
            written += text.len();
            number += 1;
        }
        total += written as u64;
    }
    writer.finish().unwrap();
    total
}

/// Peak resident set in MB, where the system tells it.
fn peak_resident_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("device.zip");
    let bytes = write_bundle(&path);
    let before = peak_resident_mb();
    let mut options = CollectOptions::new("2024-09-01T00:00:00Z".parse().unwrap());
    options.limits = Limits::default();
    let mut sink = Counted::default();
    let started = Instant::now();
    let account = read_path(&path, &options, &mut sink).unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{megabytes:.0} MB in {seconds:.2} s = {:.0} MB/s; {} records = {} sent + {} counted; {} events; peak resident set {:?} MB (before reading {before:?})",
        megabytes / seconds,
        account.records(),
        account.sent(),
        account.noise_counted(),
        sink.events,
        peak_resident_mb(),
    );
}
