//! The whole path, as a user runs it: bundles → event log → transform → store, in events per second.
//!
//! `cargo bench --bench whole_path`; needs libchdb, and for Kafka the broker's jars. Each figure is
//! the median of three runs of whole processes, start and shutdown included.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark that cannot go on shall fail"
)]
#![allow(
    clippy::cast_precision_loss,
    missing_docs,
    reason = "figures for people"
)]

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use patchlens_test_broker::{Broker, BrokerOptions};

const DEVICES: u32 = 300;
const RUNS: usize = 3;

fn patchlens(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_patchlens"))
        .args(arguments)
        .env("PATCHLENS_STORE_HTTP", "127.0.0.1:0")
        .env("RUST_LOG", "error")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    patchlens(&[
        "simulate",
        "--out",
        out,
        "--devices",
        &DEVICES.to_string(),
        "--seed",
        "3",
    ]);
    let bundles = folder.path().join("bundles");
    let bytes = unpacked_bytes(&bundles);
    println!(
        "{DEVICES} simulated devices, {:.1} MB of logs unpacked",
        bytes as f64 / 1e6
    );
    measure("local log", &bundles, bytes, |_| None);
    match Broker::start_or_skip(&BrokerOptions::default()) {
        // Each run writes to a cluster that has seen the runs before it; its own group starts at the end.
        Some(broker) => measure("Kafka", &bundles, bytes, |run| {
            let _ = run;
            Some(format!("kafka://{}", broker.bootstrap()))
        }),
        None => println!("Kafka: skipped, no broker"),
    }
}

fn measure(name: &str, bundles: &Path, bytes: u64, event_log: impl Fn(usize) -> Option<String>) {
    let mut collects = Vec::new();
    let mut transforms = Vec::new();
    let mut events = 0.0;
    for run in 0..RUNS {
        let data = tempfile::tempdir().unwrap();
        let data_dir = data.path().to_str().unwrap();
        let url = event_log(run);
        let mut ends = vec!["--data-dir", data_dir];
        if let Some(url) = &url {
            ends.extend(["--event-log", url]);
        }
        let started = Instant::now();
        patchlens(&[&["collect", bundles.to_str().unwrap()], ends.as_slice()].concat());
        collects.push(started.elapsed().as_secs_f64());
        let started = Instant::now();
        patchlens(&[&["transform", "--until-idle"], ends.as_slice()].concat());
        transforms.push(started.elapsed().as_secs_f64());
        let count = patchlens(
            &[
                &[
                    "sql",
                    "SELECT count() FROM patchlens.update_event",
                    "--format",
                    "TSV",
                ],
                ends.as_slice(),
            ]
            .concat(),
        );
        events = count.trim().parse::<f64>().unwrap().max(events);
    }
    let (collect, transform) = (median(&mut collects), median(&mut transforms));
    println!(
        "{name}: collect {collect:.2} s ({:.1} MB/s of logs), transform {transform:.2} s; {events:.0} events, {:.0} events/s whole path",
        bytes as f64 / 1e6 / collect,
        events / (collect + transform)
    );
}

fn median(seconds: &mut [f64]) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn unpacked_bytes(bundles: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(bundles).unwrap() {
        let mut archive =
            zip::ZipArchive::new(std::fs::File::open(entry.unwrap().path()).unwrap()).unwrap();
        for index in 0..archive.len() {
            bytes += archive.by_index(index).unwrap().size();
        }
    }
    bytes
}
