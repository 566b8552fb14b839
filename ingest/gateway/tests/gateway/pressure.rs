//! Limits: above them the answer is a number and a time to come back, never a growing queue.

use std::time::Duration;

use patchlens_gateway::{Client, ClientOptions, ConnectionLimits};
use patchlens_ingest::ship::Destination;
use patchlens_log::{LogUrl, Message, WriterOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Running, connect, line, token};

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
async fn a_full_event_log_is_busy() {
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

/// A small file system of its own; none where this user may mount nothing.
#[cfg(unix)]
struct SmallDisk(tempfile::TempDir);

#[cfg(unix)]
impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "patchlens-test"]);
        let mounted = mount.arg(dir.path()).output().ok()?;
        mounted.status.success().then_some(Self(dir))
    }
}

#[cfg(unix)]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmount = std::process::Command::new("umount")
            .arg(self.0.path())
            .status();
        assert!(unmount.unwrap().success());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_is_busy_and_not_ready_until_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: nothing can be mounted here");
        return;
    };
    let log = LogUrl::local(disk.0.path().join("log"));
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start_on(dir, log, WriterOptions::default(), |_| {}).await;
    let http = reqwest::Client::new();
    let post = async |from: usize| {
        let lines: Vec<String> = (from..from + 1000).map(|n| line("YR-1", n)).collect();
        let request = http.post(gateway.at("/ingest/v1/events"));
        request.body(lines.join("\n")).send().await.unwrap()
    };
    // The answer holds for a moment.
    let ready = async |expected: u16| {
        let asking = async {
            loop {
                let response = http.get(gateway.at("/readyz")).send().await.unwrap();
                if response.status().as_u16() == expected {
                    break response.headers().get("retry-after").cloned();
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asking)
            .await
            .unwrap_or_else(|_| panic!("/readyz never says {expected}"))
    };
    assert_eq!(post(0).await.status(), 200);
    assert_eq!(ready(200).await, None);
    let filler = disk.0.path().join("filler");
    let mut written = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write(&mut written, &[0; 4096]).is_ok_and(|count| count > 0) {}
    drop(written);
    assert_eq!(ready(503).await.unwrap(), "5");
    let refused = post(1000).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "5");
    std::fs::remove_file(&filler).unwrap();
    ready(200).await;
    assert_eq!(post(1000).await.status(), 200);
    let (events, _) = gateway.finish().await;
    assert_eq!(events.len(), 2000, "what was acknowledged is there, once");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
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

fn head(path: &str, token: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 10000\r\n{more}\r\n"
    )
}

#[tokio::test]
async fn one_collector_leaves_room_for_the_others() {
    let (mut greedy, mut other) = (String::new(), String::new());
    let gateway = Running::start_with(|config| {
        greedy = token(config, "greedy", &[]);
        other = token(config, "other", &[]);
        config.memory_bytes_max = 4 << 20;
    })
    .await;
    let mut open = Vec::new();
    for _ in 0..8 {
        for head in [
            head("/ingest/v1/bundles", &greedy, ""),
            head("/ingest/v1/events", &greedy, "content-encoding: gzip\r\n"),
        ] {
            let mut stream = connect(&gateway).await;
            stream.write_all(head.as_bytes()).await.unwrap();
            open.push(stream);
        }
    }
    let http = reqwest::Client::new();
    let mut gzip = flate2::read::GzEncoder::new(&b"{}"[..], flate2::Compression::fast());
    let mut gzipped = Vec::new();
    std::io::Read::read_to_end(&mut gzip, &mut gzipped).unwrap();
    let post = async |token: &str, path: &str, encoding: Option<&str>, body: &[u8]| {
        let mut request = http.post(gateway.at(path)).bearer_auth(token);
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        request
            .body(body.to_vec())
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    // The greedy one has taken all of its share once it is told so.
    while post(&greedy, "/ingest/v1/bundles", None, b"x").await != 503 {}
    while post(&greedy, "/ingest/v1/events", Some("gzip"), &gzipped).await != 503 {}
    assert_eq!(post(&other, "/ingest/v1/bundles", None, b"x").await, 200);
    let taken = post(&other, "/ingest/v1/events", Some("gzip"), &gzipped).await;
    assert_eq!(taken, 200);
}

#[tokio::test]
async fn a_bundle_that_trickles_is_not_waited_for() {
    let gateway = Running::start_with(|config| config.body_wait = Duration::from_millis(500)).await;
    let mut stream = connect(&gateway).await;
    let head = "POST /ingest/v1/bundles HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let trickling = tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_millis(50));
        loop {
            every.tick().await;
            if writing.write_all(b"x").await.is_err() {
                break;
            }
        }
    });
    let mut answer = vec![0; 1024];
    let reading = tokio::time::timeout(Duration::from_secs(20), reading.read(&mut answer));
    let count = reading.await.expect("it is waited for").unwrap();
    let answer = String::from_utf8_lossy(&answer[..count]);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    trickling.abort();
}

#[tokio::test]
async fn the_rate_counts_what_is_sent_not_what_it_inflates_to() {
    let gateway = Running::start_with(|config| config.kib_per_second = 1).await;
    let body = zstd::encode_all(vec![b'\n'; 1 << 20].as_slice(), 1).unwrap();
    for _ in 0..4 {
        let sent = reqwest::Client::new().post(gateway.at("/ingest/v1/events"));
        let sent = sent.header("content-encoding", "zstd").body(body.clone());
        assert_eq!(sent.send().await.unwrap().status(), 200);
    }
}

/// It asks again and again and never reads: its answers wait in the buffers of the system, and then in
/// the gateway.
#[tokio::test]
async fn a_client_that_never_reads_gives_way() {
    let gateway = Running::start_with(|config| {
        config.connections.connections_max = 1;
        config.connections.head_wait = Duration::from_millis(500);
    })
    .await;
    let mut deaf = connect(&gateway).await;
    let asks = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    // As much as it takes, until nothing more is taken.
    while let Ok(Ok(())) =
        tokio::time::timeout(Duration::from_millis(200), deaf.write_all(asks.as_bytes())).await
    {
    }
    let alive = reqwest::get(gateway.at("/healthz"));
    let alive = tokio::time::timeout(Duration::from_secs(20), alive).await;
    assert_eq!(alive.expect("no place").unwrap().status(), 200);
    drop(deaf);
}

#[tokio::test]
async fn connections_that_say_nothing_give_way() {
    let gateway = Running::start_with(|config| {
        config.connections = ConnectionLimits {
            connections_max: 2,
            head_wait: Duration::from_millis(300),
            stop_wait: Duration::from_millis(300),
        };
    })
    .await;
    let mut silent = Vec::new();
    for said in ["POST /ingest", "", "GET /healthz HTTP/1.1\r\nx: ", "P"] {
        let mut stream = connect(&gateway).await;
        stream.write_all(said.as_bytes()).await.unwrap();
        silent.push(stream);
    }
    let alive = reqwest::get(gateway.at("/healthz"));
    let alive = tokio::time::timeout(Duration::from_secs(20), alive).await;
    assert_eq!(alive.expect("no place").unwrap().status(), 200);
    for mut stream in silent {
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer));
        ended.await.expect("still open").ok();
    }
    // A client that never ends its request does not keep the gateway.
    let mut stream = connect(&gateway).await;
    let head = head("/ingest/v1/bundles?upload_id=slow", "", "");
    let head = head.replace("authorization: Bearer \r\n", "");
    stream.write_all(head.as_bytes()).await.unwrap();
    while reqwest::get(gateway.at("/ingest/v1/bundles/slow"))
        .await
        .unwrap()
        .status()
        != 200
    {}
    let stopping = tokio::time::timeout(Duration::from_secs(8), gateway.finish());
    stopping.await.expect("still running");
}
