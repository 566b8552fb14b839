//! How fast a log takes and gives messages: `cargo bench -p patchlens-log`.
//!
//! Messages are NDJSON batches as collectors send them, 64 events of about 500 bytes in each. One
//! writer appends 32 messages at a time and waits for each append to be durable; then one reader
//! polls all of them, in cuts of 16 MiB that it records and finishes.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark's output is its result"
)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use patchlens_log::{
    Cut, Delivered, LogUrl, Message, Reader, ReaderOptions, Writer, WriterOptions, ensure_topics,
};
use patchlens_test_broker::{Broker, BrokerOptions};

const TOPIC: &str = "bench";
const APPENDS: usize = 250;
const MESSAGES_PER_APPEND: usize = 32;
const EVENTS_PER_MESSAGE: usize = 64;
const CUT_BYTES: usize = 16 << 20;

fn payload(seed: usize) -> Vec<u8> {
    let mut text = String::new();
    for n in 0..EVENTS_PER_MESSAGE {
        let id = (seed * EVENTS_PER_MESSAGE + n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writeln!(
            text,
            r#"{{"v":1,"event_id":"{id:032x}","device_id":"YR-{seed:04}","source":"cbs_log","kind":"record","occurred_at":"2024-08-20T02:02:{:02}Z","zone_source":"device","collected_at":"2024-08-21T00:00:00Z","origin":{{"file":"Windows/Logs/CBS/CBS.log","line":{n},"byte_offset":{}}},"level":"error","component":"CBS","codes":["0x800f0922"],"message":"Failed to perform operation. [HRESULT = 0x800f0922 - CBS_E_INSTALLERS_FAILED] package {id:x} state {n}","template":"Failed to perform operation. [HRESULT = <code> - CBS_E_INSTALLERS_FAILED]"}}"#,
            n % 60,
            n * 211,
        )
        .unwrap();
    }
    text.into_bytes()
}

/// Reads and finishes all messages. Returns how long that took, not counting the time to join the
/// group: a new broker makes its offsets topic first, which takes seconds.
async fn read_all(reader: &mut Reader, count: usize) -> Duration {
    let mut started = Instant::now();
    let mut seen = 0;
    let mut range: Vec<Delivered> = Vec::new();
    while seen < count {
        let polled = reader
            .poll(CUT_BYTES, Duration::from_secs(30))
            .await
            .unwrap();
        if !polled.gained.is_empty() {
            started = Instant::now();
        }
        seen += polled.messages.len();
        range.extend(polled.messages);
        let bytes: usize = range.iter().map(|message| message.payload.len()).sum();
        if bytes >= CUT_BYTES || seen == count {
            let (first, last) = (range.first().unwrap(), range.last().unwrap());
            let cut = Cut {
                topic: first.topic.clone(),
                partition: first.partition,
                first_offset: first.offset,
                last_offset: last.offset,
                made_by: "bench".to_owned(),
            };
            reader.record_cut(std::slice::from_ref(&cut)).await.unwrap();
            reader.finish(&[cut]).await.unwrap();
            range.clear();
        }
    }
    started.elapsed()
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
async fn measure(name: &str, url: &LogUrl) {
    ensure_topics(url, &[(TOPIC, 1)]).await.unwrap();
    let batch: Vec<Message> = (0..MESSAGES_PER_APPEND)
        .map(|n| Message {
            key: format!("YR-{n:04}"),
            payload: payload(n),
        })
        .collect();
    let count = APPENDS * MESSAGES_PER_APPEND;
    let megabytes = (APPENDS
        * batch
            .iter()
            .map(|message| message.payload.len())
            .sum::<usize>()) as f64
        / 1e6;
    let report = |what: &str, took: Duration| {
        let seconds = took.as_secs_f64();
        let events = (count * EVENTS_PER_MESSAGE) as f64;
        println!(
            "{name} {what}: {megabytes:.0} MB in {seconds:.2} s = {:.0} MB/s, {:.0} events/s",
            megabytes / seconds,
            events / seconds
        );
    };
    let writer = Writer::open(url, WriterOptions::default()).await.unwrap();
    let started = Instant::now();
    for _ in 0..APPENDS {
        writer.append(TOPIC, batch.clone()).await.unwrap();
    }
    report("append", started.elapsed());
    println!(
        "{name} append: {:.2} ms each",
        started.elapsed().as_secs_f64() * 1e3 / APPENDS as f64
    );
    writer.close().await;
    let mut reader = Reader::open(url, ReaderOptions::new("bench", [TOPIC]))
        .await
        .unwrap();
    report("read", read_all(&mut reader, count).await);
    reader.close().await;
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    runtime.block_on(measure("local", &LogUrl::local(dir.path())));
    if let Some(broker) = Broker::start_or_skip(&BrokerOptions::default()) {
        let url = format!("kafka://{}", broker.bootstrap()).parse().unwrap();
        runtime.block_on(measure("kafka", &url));
    }
}
