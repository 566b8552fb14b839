//! How long pages and API calls take on a large fleet, while data arrives: the figures of docs/benchmarks.md.
//!
//! `cargo bench -p patchlens -p patchlens-dashboards --bench pages --profile release -- [DEVICES] [EVENTS]`
//!
//! Three rounds over a real server on the embedded engine: pages that somebody looks at, nothing arriving; the same
//! while devices report every second; and addresses that nobody asked for before, while devices report.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench"
)]

use std::time::{Duration, Instant};

use patchlens_dashboards::{DashboardConfig, Uploads, serve_on};
use patchlens_queries::{Store, testing};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const FLEET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/fleet.sql");
/// Rows of one insert of records.
const CHUNK: u64 = 1_000_000;

struct Answer {
    ms: f64,
    bytes: usize,
    age_s: u64,
}

async fn get(address: &str, path: &str) -> Answer {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let ms = began.elapsed().as_secs_f64() * 1000.0;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200"),
        "{path}: {head}\n{}",
        body.chars().take(2_000).collect::<String>()
    );
    let age = head.lines().find_map(|line| line.strip_prefix("age: "));
    Answer {
        ms,
        bytes: body.len(),
        age_s: age.map_or(0, |age| age.trim().parse().unwrap()),
    }
}

/// Asks for every path `rounds` times and prints one line each; returns all times.
async fn measure(address: &str, paths: &[String], rounds: usize, each: bool) -> Vec<f64> {
    let mut all = Vec::new();
    let (mut heaviest, mut oldest) = (0, 0);
    for path in paths {
        let mut times = Vec::new();
        let mut last = None;
        for _ in 0..rounds {
            let answer = get(address, path).await;
            times.push(answer.ms);
            oldest = oldest.max(answer.age_s);
            if !path.starts_with("/api/") {
                heaviest = heaviest.max(answer.bytes);
            }
            last = Some(answer);
        }
        if each {
            let bytes = last.map_or(0, |answer| answer.bytes);
            println!(
                "  {:7.1} {:7.1} {:7.0} kB  {path}",
                quantile(&mut times, 0.5),
                quantile(&mut times, 0.95),
                bytes as f64 / 1e3
            );
        }
        all.extend(times);
    }
    let max = all.iter().copied().fold(0.0, f64::max);
    println!(
        "  {} requests: median {:.1} ms, p95 {:.1} ms, max {max:.0} ms; heaviest page {:.0} kB; oldest figures {oldest} s behind",
        all.len(),
        quantile(&mut all, 0.5),
        quantile(&mut all, 0.95),
        heaviest as f64 / 1e3,
    );
    all
}

fn quantile(times: &mut [f64], q: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * q).round() as usize]
}

async fn fill(store: &Store, devices: u64, events: u64) {
    let began = Instant::now();
    let fleet = std::fs::read_to_string(FLEET)
        .unwrap()
        .replace("{devices}", &devices.to_string());
    for statement in fleet
        .split(";\n")
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
    {
        store.execute("load the fleet", statement).await.unwrap();
    }
    let mut from = 0;
    while from < events {
        let count = CHUNK.min(events - from);
        let device = format!("number % {devices}");
        store
            .execute("load records", &records(&device, devices, from, count))
            .await
            .unwrap();
        from += count;
    }
    println!(
        "loaded {devices} devices and {events} records in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    let began = Instant::now();
    let refreshed = store.refresh_outdated().await.unwrap();
    println!(
        "made digests and standings of {refreshed} devices in {:.0} s",
        began.elapsed().as_secs_f64()
    );
}

/// An insert of `count` records of the devices that `device` computes from their number.
fn records(device: &str, devices: u64, from: u64, count: u64) -> String {
    format!(
        "INSERT INTO update_event (device_id, event_id, source, kind, occurred_at, collected_at, source_file, line_number, byte_offset, level, component, channel, error_code, codes, kb_article, package, signal, template, message, fields, device_name, topic, partition, offset, row, transform_version, ingested_at) \
         SELECT concat('PC-', leftPad(toString({device}), 7, '0')) AS id, lower(hex(sipHash128(number))), ['cbs_log', 'event_log', 'windows_update_log'][number % 3 + 1], 'record', now64(6) - toIntervalSecond(number * 7 % 800000), now64(6) - toIntervalMinute(9), 'Logs/CBS/CBS.log', intDiv(number, {devices}) + 1, number % 100000, 'info', 'CBS', '', \
         if(intDiv(number, {devices}) % 25 = 3, 0x80070000 + number % 40, NULL) AS code, if(code IS NULL, [], [assumeNotNull(code)]), 5041580, '', ['', '', '', 'install_started', '', '', '', 'install_failed', '', ''][intDiv(number, {devices}) % 10 + 1], concat('template ', toString(number % 500)), concat('Exec: Processing complete. Session: ', toString(number), ', Package: Package_for_RollupFix, state: Staged'), '{{}}', id, 'patchlens.events.v1', toInt32(number % 6), toInt64(intDiv(number, 6)), 0, 't1', now64(6) - toIntervalMinute(9) + toIntervalSecond(1) \
         FROM numbers({from}, {count})"
    )
}

/// Twenty devices report: their records, and what they are.
async fn report(store: &Store, devices: u64, round: u64) {
    let first = round * 37 % devices;
    let device = format!("({first} + number % 20) % {devices}");
    let insert = records(&device, devices, 1_000_000_000 + round * 2_000, 2_000);
    store.execute("report records", &insert).await.unwrap();
    let insert = format!(
        "INSERT INTO device SELECT * REPLACE (now64(6) AS last_seen_at, generation + {round} + 1 AS generation) FROM device FINAL WHERE device_id >= 'PC-{first:07}' ORDER BY device_id LIMIT 20"
    );
    store.execute("report devices", &insert).await.unwrap();
    // As the flow does for each cut.
    let changed: Vec<String> = (0..20)
        .map(|number| format!("PC-{:07}", (first + number) % devices))
        .collect();
    store.refresh_devices(&changed).await.unwrap();
}

#[tokio::main]
async fn main() {
    let numbers: Vec<u64> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let devices = numbers.first().copied().unwrap_or(100_000);
    let events = numbers.get(1).copied().unwrap_or(devices * 100);
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    fill(&store, devices, events).await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let began = Instant::now();
    tokio::spawn(serve_on(
        listener,
        store.clone(),
        DashboardConfig {
            store_timeout_ms: 60_000,
            ..DashboardConfig::default()
        },
        Uploads::NoEventLog,
        std::future::pending(),
    ));
    let mut pages: Vec<String> = [
        "/",
        "/rollouts/2024-08-b?by=site",
        "/rollouts/2024-08-b?ring=Pilot",
        "/clusters",
        "/clusters?open=all&site=Site+07",
        "/clusters/v1%3Aservicing-stack-missing%3AKB5005112",
        "/devices",
        "/devices?state=failed&site=Site+03",
        "/devices?q=PC-00012",
        "/devices/PC-0000070",
        "/codes",
        "/codes?all=1",
        "/alerts",
        "/pipeline",
        "/sql",
        "/upload",
    ]
    .map(str::to_owned)
    .to_vec();
    let api: Vec<String> = pages
        .iter()
        .filter(|path| !["/", "/sql", "/upload"].contains(&path.as_str()))
        // How the page groups its rows is nothing to the API.
        .map(|path| format!("/api/v1{}", path.trim_end_matches("?by=site")))
        .collect();
    pages.extend(api);
    println!("first request of each page (median of one, nothing ready):");
    measure(&address, &pages, 1, true).await;
    println!(
        "all of them were ready after {:.1} s",
        began.elapsed().as_secs_f64()
    );
    println!("nothing arrives:");
    measure(&address, &pages, 20, true).await;

    let reporting = tokio::spawn({
        let store = store.clone();
        async move {
            let mut pause = tokio::time::interval(Duration::from_secs(1));
            for round in 0.. {
                pause.tick().await;
                report(&store, devices, round).await;
            }
        }
    });
    println!("devices report every second:");
    let mut all = Vec::new();
    for _ in 0..4 {
        all.extend(measure(&address, &pages, 5, false).await);
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    println!("  all four: p95 {:.1} ms", quantile(&mut all, 0.95));
    let device = |number: u64| {
        format!(
            "/devices/PC-{:07}",
            number * 7_907 % devices / 110 * 110 + number % 90
        )
    };
    println!("devices that nobody asked for before, while devices report:");
    measure(&address, &(1..60).map(device).collect::<Vec<_>>(), 1, false).await;
    println!("filters that nobody asked for before, while devices report:");
    let filters: Vec<String> = (10..20)
        .flat_map(|site| {
            [
                format!("/devices?site=Site+{site}"),
                format!("/clusters?site=Site+{site}"),
                format!("/rollouts/2024-08-b?site=Site+{site}"),
            ]
        })
        .collect();
    measure(&address, &filters, 1, true).await;
    reporting.abort();
}
