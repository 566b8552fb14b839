//! Limits: above them the answer is a number and a time to come back, never a growing queue.

use std::time::Duration;

use patchlens_gateway::{Client, ClientOptions};
use patchlens_ingest::ship::Destination;
use patchlens_log::{LogUrl, Message, WriterOptions};

use crate::support::{Running, line};

#[tokio::test]
async fn a_collector_that_is_too_fast_is_slowed_down_and_loses_nothing() {
    let gateway = Running::start_with(|config| config.requests_per_second = 2).await;
    let http = reqwest::Client::new();
    let mut statuses = Vec::new();
    for number in 0..6 {
        let request = http.post(gateway.at("/ingest/v1/events"));
        let response = request.body(line("YR-1", number)).send().await.unwrap();
        statuses.push(response.status().as_u16());
        if response.status() == 429 {
            assert_eq!(response.headers()["retry-after"], "1");
        }
    }
    assert!(
        statuses.contains(&200) && statuses.contains(&429),
        "{statuses:?}"
    );
    // The client waits as it is told.
    let mut client = Client::new(ClientOptions {
        url: gateway.url.clone(),
        token: None,
        deadline: Duration::from_secs(30),
    })
    .unwrap();
    for number in 0..4 {
        let payload = line("YR-2", number).into_bytes();
        let message = Message {
            key: "YR-2".to_owned(),
            payload,
        };
        client.append("any", vec![message]).await.unwrap();
    }
    let metrics = reqwest::get(gateway.at("/metrics")).await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("patchlens_gateway_refused_total{reason=\"too_fast\"}"),
        "{metrics}"
    );
    let (events, _) = gateway.finish().await;
    let of_client = events
        .iter()
        .filter(|event| event.device_id.as_str() == "YR-2");
    assert_eq!(of_client.count(), 4);
}

#[tokio::test]
async fn a_full_event_log_is_busy_and_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let log = LogUrl::local(dir.path().join("log"));
    let options = WriterOptions {
        disk_bytes_max: 1 << 20,
        ..WriterOptions::default()
    };
    let gateway = Running::start_on(dir, log, options, |_| {}).await;
    let http = reqwest::Client::new();
    let mut taken = 0;
    loop {
        let lines: Vec<String> = (0..300).map(|n| line("YR-1", taken * 300 + n)).collect();
        let request = http.post(gateway.at("/ingest/v1/events"));
        let response = request.body(lines.join("\n")).send().await.unwrap();
        if response.status() == 503 {
            assert_eq!(response.headers()["retry-after"], "5");
            break;
        }
        assert_eq!(response.status(), 200);
        taken += 1;
        assert!(taken < 30, "no limit");
    }
    let (events, _) = gateway.finish().await;
    assert_eq!(events.len(), taken * 300, "what was acknowledged is there");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let gateway = Running::start_with(|config| config.body_wait = Duration::from_millis(200)).await;
    for path in ["/ingest/v1/events", "/ingest/v1/bundles"] {
        let address = gateway.url.trim_start_matches("http://");
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 408"), "{path}: {answer}");
    }
}
