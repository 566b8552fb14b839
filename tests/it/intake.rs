//! The ways in, as processes: gateway, spool, follow mode; stopped, killed, and back again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use patchlens_event::{EVENTS_TOPIC, Event, Kind};
use patchlens_log::{LogUrl, Reader, ReaderOptions};

use crate::support::{Patchlens, arg, bare, engine, kills, python, root, service, text};

/// A gateway as a process, killed when it is dropped.
pub(crate) struct Gateway {
    child: Child,
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Gateway {
    pub(crate) fn start(patchlens: &Patchlens, port: u16) -> Self {
        let address = format!("127.0.0.1:{port}");
        let mut child = patchlens
            .command(&["gateway", "--gateway", &address])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        assert!(said.contains(" http://"), "{said:?}");
        Self { child }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// All events of a local log, in order.
pub(crate) fn events(dir: &Path) -> Vec<Event> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = ReaderOptions::new("it", [EVENTS_TOPIC]);
        let mut reader = Reader::open(&LogUrl::local(dir), options).await.unwrap();
        let mut events = Vec::new();
        let mut is_ours = false;
        loop {
            let polled = reader.poll(8 << 20, Duration::ZERO).await.unwrap();
            // An earlier reader of this test may be on its way out still.
            if is_ours && polled.messages.is_empty() {
                reader.close().await;
                return events;
            }
            is_ours |= !polled.gained.is_empty();
            for message in polled.messages {
                let lines = message.payload.split(|byte| *byte == b'\n');
                let lines = lines.filter(|line| !line.is_empty());
                events.extend(lines.map(|line| serde_json::from_slice::<Event>(line).unwrap()));
            }
        }
    })
}

pub(crate) fn record_ids(events: &[Event]) -> BTreeSet<String> {
    let records = events.iter().filter(|event| event.kind != Kind::Count);
    records.map(|event| event.event_id.to_string()).collect()
}

/// What the same logs give when they are collected straight into a local log.
fn straight(logs: &Path, device: &str) -> BTreeSet<String> {
    let patchlens = Patchlens::new();
    let output = patchlens.run(&["collect", arg(logs), "--device", device]);
    assert!(output.status.code() < Some(2), "{}", text(&output.stderr));
    record_ids(&events(&patchlens.data_dir.path().join("log")))
}

fn simulated(devices: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let devices = devices.to_string();
    let simulate = [
        "simulate",
        "--out",
        arg(folder.path()),
        "--devices",
        &devices,
    ];
    assert!(bare(&simulate).output().unwrap().status.success());
    let bundles = folder.path().join("bundles");
    (folder, bundles)
}

const IMPATIENT: &str = "[collect.spool]\nafter_seconds = 1\ndrain_seconds = 0\n";

#[test]
fn a_gateway_that_is_away_leaves_events_in_the_spool_and_takes_them_when_it_is_back() {
    let (_folder, bundles) = simulated(6);
    let (server, direct) = (Patchlens::new(), Patchlens::new());
    direct.expect(0, &["collect", arg(&bundles)]);
    let collector = Patchlens::new().with_settings(IMPATIENT);
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let said = collector.expect(1, &["collect", arg(&bundles), "--to", &url]);
    assert!(
        said.contains("wait in the spool") && said.contains(&url),
        "{said}"
    );
    assert!(said.contains(" records read = "), "{said}");

    let token = server.expect(0, &["gateway", "token", "add", "one"]);
    let file = server.data_dir.path().join("one.token");
    std::fs::write(&file, &token).unwrap();
    let gateway = Gateway::start(&server, port);
    let refused = collector.run(&["collect", "--drain", "--to", &url]);
    assert_eq!(refused.status.code(), Some(2), "without a token");
    assert!(
        text(&refused.stderr).contains("401"),
        "{}",
        text(&refused.stderr)
    );
    let drain = [
        "collect",
        "--drain",
        "--to",
        &url,
        "--token-file",
        arg(&file),
    ];
    have_patience(&collector);
    collector.expect(0, &drain);
    drop(gateway);
    let log = |patchlens: &Patchlens| events(&patchlens.data_dir.path().join("log"));
    let ids = |events: &[Event]| -> Vec<String> {
        events
            .iter()
            .map(|event| event.event_id.to_string())
            .collect()
    };
    let (arrived, expected) = (log(&server), log(&direct));
    let order = |events: &[Event]| {
        let mut by_device: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in events {
            let ids = by_device.entry(event.device_id.to_string()).or_default();
            ids.push(event.event_id.to_string());
        }
        by_device
    };
    assert_eq!(ids(&arrived).len(), ids(&expected).len());
    assert_eq!(
        order(&arrived),
        order(&expected),
        "each device's events in their order"
    );
}

/// Changes its settings file.
#[test]
fn elastics_own_client_hands_documents_in() {
    let python = python();
    if !service("Python", &python) {
        return;
    }
    let server = Patchlens::new();
    let token = server.expect(
        0,
        &["gateway", "token", "add", "branch", "--scope", "winlogbeat"],
    );
    let port = free_port();
    let _gateway = Gateway::start(&server, port);
    let output = std::process::Command::new(python)
        .arg(root().join("tests/clients/elasticsearch_bulk_test.py"))
        .arg(format!("http://127.0.0.1:{port}/ingest/v1/winlogbeat"))
        .arg(token.trim())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let events = events(&server.data_dir.path().join("log"));
    assert_eq!(said["sent"].as_u64(), Some(events.len() as u64));
    // What came twice counts once.
    let different = record_ids(&events).len() as u64;
    assert_eq!(said["different"].as_u64(), Some(different));
}

fn have_patience(patchlens: &Patchlens) {
    let file = patchlens.data_dir.path().join("settings.toml");
    std::fs::write(
        file,
        "[collect.spool]\nafter_seconds = 5\ndrain_seconds = 60\n",
    )
    .unwrap();
}

#[test]
fn a_spool_that_is_full_refuses_and_says_so() {
    let (_folder, bundles) = simulated(12);
    let collector = Patchlens::new()
        .with_settings("[collect.spool]\nmib_max = 1\nafter_seconds = 1\ndrain_seconds = 0\n");
    let url = format!("http://127.0.0.1:{}", free_port());
    let output = collector.run(&["collect", arg(&bundles), "--to", &url]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(said.contains("spool") && said.contains("full"), "{said}");
}

/// A small generator: the test shall not depend on how a crate draws.
fn random(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_collector_and_a_gateway_that_are_killed_lose_nothing() {
    let (_folder, bundles) = simulated(8);
    let (server, direct) = (Patchlens::new(), Patchlens::new());
    direct.expect(0, &["collect", arg(&bundles)]);
    let expected = record_ids(&events(&direct.data_dir.path().join("log")));
    let collector = Patchlens::new().with_settings(IMPATIENT);
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let mut state = 7;
    for round in 0..kills(6) {
        // Every other round the gateway is there, and is killed under way as well.
        let gateway = (round % 2 == 1).then(|| Gateway::start(&server, port));
        let mut child = collector
            .command(&["collect", arg(&bundles), "--to", &url])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let moment = Instant::now() + Duration::from_millis(random(&mut state) % 600);
        while Instant::now() < moment && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        drop(gateway);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let _gateway = Gateway::start(&server, port);
    have_patience(&collector);
    collector.expect(0, &["collect", arg(&bundles), "--to", &url]);
    collector.expect(0, &["collect", "--drain", "--to", &url]);
    let arrived = record_ids(&events(&server.data_dir.path().join("log")));
    assert_eq!(arrived.len(), expected.len());
    assert_eq!(arrived, expected);
}

fn append(file: &Path, bytes: &str) {
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .unwrap();
    file.write_all(bytes.as_bytes()).unwrap();
}

/// Lines that are sent, some of them equal to others of the same second.
fn line(number: usize) -> String {
    let (minute, second) = (number / 120 % 60, number / 2 % 60);
    let (day, hour) = (20 + number / 7_200 / 13 % 10, 10 + number / 7_200 % 13);
    format!(
        "2024-08-{day} {hour}:{minute:02}:{second:02}, Error                 CBS    Failed step {} [HRESULT = 0x80070005 - E_ACCESSDENIED]\r\n",
        number % 3 / 2
    )
}

#[test]
fn a_follower_that_is_killed_again_and_again_misses_nothing_and_repeats_little() {
    let patchlens = Patchlens::new();
    let logs = patchlens.data_dir.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let file = logs.join("CBS.log");
    append(&file, &line(0));
    let follow = ["collect", arg(&logs), "--follow", "--device", "YR-1"];
    let mut state = 11;
    let mut number = 1;
    for round in 0..kills(12) {
        let mut child = patchlens
            .command(&follow)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let moment = Instant::now() + Duration::from_millis(100 + random(&mut state) % 700);
        let most = number + 700;
        while Instant::now() < moment {
            std::thread::yield_now();
            if number == most {
                continue;
            }
            append(&file, &line(number));
            number += 1;
            if number.is_multiple_of(400) && round % 3 == 0 {
                std::fs::rename(&file, logs.join(format!("CBS-{number}.log"))).unwrap();
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    append(&file, &line(number));
    let mut child = patchlens
        .command(&follow)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let expected = straight(&logs, "YR-1");
    let log = patchlens.data_dir.path().join("log");
    let mut arrived = Vec::new();
    wait_until("all lines", || {
        arrived = events(&log);
        record_ids(&arrived).len() >= expected.len()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(record_ids(&arrived), expected);
}

#[cfg(unix)]
#[test]
fn a_new_line_is_in_the_event_log_within_a_second() {
    let patchlens = Patchlens::new();
    let logs = patchlens.data_dir.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let file = logs.join("CBS.log");
    // More than the head of a file, so that it is read on rather than anew.
    append(&file, &(0..1_000).map(line).collect::<String>());
    let mut child = patchlens
        .command(&["collect", arg(&logs), "--follow", "--device", "YR-1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let log = patchlens.data_dir.path().join("log");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    wait_until("the event log", || log.join("log.sqlite3").exists());
    let mut reader = runtime
        .block_on(Reader::open(
            &LogUrl::local(&log),
            ReaderOptions::new("it", [EVENTS_TOPIC]),
        ))
        .unwrap();
    let mut seen = 0;
    let mut wait_for = |wanted: usize| {
        wait_until("the next line", || {
            let polled = runtime
                .block_on(reader.poll(8 << 20, Duration::from_millis(50)))
                .unwrap();
            for message in polled.messages {
                let lines = message.payload.split(|byte| *byte == b'\n');
                seen += lines
                    .filter(|line| line.windows(8).any(|part| part == b"\"record\""))
                    .count();
            }
            seen >= wanted
        });
    };
    wait_for(1_000);
    let mut latencies = Vec::new();
    for number in 1_000..1_040 {
        let started = Instant::now();
        append(&file, &line(number));
        wait_for(number + 1);
        latencies.push(started.elapsed());
    }
    latencies.sort();
    println!(
        "a new line: p50 {:?}, p99 {:?}",
        latencies[20], latencies[39]
    );
    assert!(latencies[39] < Duration::from_secs(1), "{latencies:?}");

    let pid = child.id().to_string();
    std::process::Command::new("kill")
        .arg(&pid)
        .status()
        .unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(said.starts_with("1040 records and "), "{said}");
}

#[test]
fn a_reject_that_can_be_read_today_becomes_an_event_and_is_no_reject_any_more() {
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new();
    // A line of a CBS log before any record of it: refused, since it might be half a record.
    let logs = patchlens.data_dir.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    append(
        &logs.join("CBS.log"),
        &format!("half a line\r\n{}", line(1)),
    );
    patchlens.expect(1, &["collect", arg(&logs), "--device", "YR-1"]);
    patchlens.expect(1, &["transform", "--until-idle"]);
    let count = "SELECT (SELECT count() FROM patchlens.reject FINAL), (SELECT count() FROM patchlens.update_event FINAL)";
    assert_eq!(patchlens.numbers(count), [1, 1]);
    let said = patchlens.expect(1, &["replay-rejects"]);
    assert!(
        said.contains("1 rejects tried = 0 read + 1 that stay"),
        "{said}"
    );
    // As if an older version had not known the next line.
    let raw = line(9).trim_end().replace('\'', "''");
    patchlens.expect(0, &["sql", "--write", &format!(
        "INSERT INTO patchlens.reject (reject_id, device_id, reason, source_file, line_number, byte_offset, raw) \
         VALUES ('{}', 'YR-1', 'malformed', 'CBS.log', 9, 900, '{raw}')", "0".repeat(32))]);
    let said = patchlens.expect(1, &["replay-rejects", "--dry-run"]);
    assert!(
        said.contains("1 read") && said.contains("would be sent"),
        "{said}"
    );
    let said = patchlens.expect(1, &["replay-rejects"]);
    assert!(
        said.contains("2 rejects tried = 1 read + 1 that stay; 1 events sent"),
        "{said}"
    );
    patchlens.run(&["transform", "--until-idle"]);
    assert_eq!(patchlens.numbers(count), [1, 2]);
}

#[test]
fn tokens_that_are_made_at_the_same_time_are_all_kept() {
    let server = Patchlens::new();
    let makers: Vec<Child> = (0..12)
        .map(|number| {
            let name = format!("branch-{number}");
            let mut command = server.command(&["gateway", "token", "add", &name]);
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut maker in makers {
        assert!(maker.wait().unwrap().success());
    }
    let listed = server.expect(0, &["gateway", "token", "list"]);
    assert_eq!(listed.matches("branch-").count(), 12, "{listed}");
}

#[test]
fn a_bundle_that_this_machine_cannot_unpack_is_no_bundle_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = line(1).repeat(1_000);
    let stored = || {
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored)
    };
    let mut inner = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    inner.start_file("CBS.log", stored()).unwrap();
    inner.write_all(log.as_bytes()).unwrap();
    let inner = inner.finish().unwrap().into_inner();
    let bundle = folder.path().join("YR-1.zip");
    let mut outer = zip::ZipWriter::new(std::fs::File::create(&bundle).unwrap());
    outer.start_file("logs.zip", stored()).unwrap();
    outer.write_all(&inner).unwrap();
    outer.finish().unwrap();
    let patchlens = Patchlens::new().with_settings("[collect.limits]\nspool_memory_bytes = 1024\n");
    patchlens.expect(0, &["collect", arg(&bundle)]);
    // No room for temporary files: nothing is wrong with the bundle.
    let mut collect = patchlens.command(&["collect", arg(&bundle)]);
    let output = collect.env("TMPDIR", "/nonexistent").output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("temporary files"), "{said}");
}
