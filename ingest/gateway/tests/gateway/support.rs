//! A gateway at a free port, and what came out of its event log.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use patchlens_event::{EVENTS_TOPIC, Event, REJECTS_TOPIC, Reject};
use patchlens_gateway::{ConnectionLimits, Gateway, GatewayConfig, TokenFile, serve_on};
use patchlens_ingest::collect::CollectOptions;
use patchlens_log::{LogUrl, Reader, ReaderOptions, Writer, WriterOptions, ensure_topics};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) log: LogUrl,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

fn clock() -> jiff::Timestamp {
    "2024-09-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn config(dir: &Path) -> GatewayConfig {
    GatewayConfig {
        token_file: dir.join("tokens.json"),
        upload_dir: dir.join("uploads"),
        request_bytes_max: 1 << 20,
        bundle_bytes_max: 4 << 20,
        upload_bytes_max: 16 << 20,
        bundles_max: 2,
        memory_bytes_max: 8 << 20,
        requests_per_second: 10_000,
        kib_per_second: 1 << 20,
        body_wait: Duration::from_secs(10),
        connections: ConnectionLimits::default(),
        message_kib_max: 64,
        collect: CollectOptions::new(clock()),
        now: clock,
    }
}

/// Makes a token and gives it.
pub(crate) fn token(config: &GatewayConfig, name: &str, devices: &[&str]) -> String {
    let mut file = TokenFile::read(&config.token_file).unwrap();
    let devices: Vec<String> = devices.iter().map(|id| (*id).to_owned()).collect();
    let token = file
        .add(
            name,
            patchlens_gateway::Scope::COLLECTING,
            &devices,
            clock(),
        )
        .unwrap();
    file.write(&config.token_file).unwrap();
    token
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut GatewayConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = LogUrl::local(dir.path().join("log"));
        Self::start_on(dir, log, WriterOptions::default(), change).await
    }

    pub(crate) async fn start_on(
        dir: tempfile::TempDir,
        log: LogUrl,
        options: WriterOptions,
        change: impl FnOnce(&mut GatewayConfig),
    ) -> Self {
        ensure_topics(&log, &[(EVENTS_TOPIC, 1), (REJECTS_TOPIC, 1)])
            .await
            .unwrap();
        let writer = Arc::new(Writer::open(&log, options).await.unwrap());
        let mut config = config(dir.path());
        change(&mut config);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let gateway = Gateway::new(config, address, writer).unwrap();
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            serve_on(listener, gateway, stopped).await;
        });
        Self {
            url,
            dir,
            log,
            stop: Some(stop),
            served,
        }
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Stops it and gives all that is in its event log.
    pub(crate) async fn finish(mut self) -> (Vec<Event>, Vec<Reject>) {
        self.stop.take().unwrap().send(()).unwrap();
        self.served.await.unwrap();
        read(&self.log).await
    }
}

/// The uploads that are kept now.
pub(crate) fn uploads(gateway: &Running) -> usize {
    let entries = std::fs::read_dir(gateway.path("uploads")).unwrap();
    entries
        .filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().starts_with("upload-")
        })
        .count()
}

/// A connection by hand.
pub(crate) async fn connect(gateway: &Running) -> tokio::net::TcpStream {
    let address = gateway.url.trim_start_matches("http://");
    tokio::net::TcpStream::connect(address).await.unwrap()
}

/// Everything in a log. A log that is read again by the same group gives what is new.
pub(crate) async fn read(log: &LogUrl) -> (Vec<Event>, Vec<Reject>) {
    let options = ReaderOptions::new("test", [EVENTS_TOPIC, REJECTS_TOPIC]);
    let mut reader = Reader::open(log, options).await.unwrap();
    let (mut events, mut rejects) = (Vec::new(), Vec::new());
    let wait = match log {
        LogUrl::Kafka { .. } => Duration::from_secs(8),
        LogUrl::Local { .. } => Duration::ZERO,
    };
    loop {
        let polled = reader.poll(8 << 20, wait).await.unwrap();
        if polled.messages.is_empty() && polled.gained.is_empty() {
            return (events, rejects);
        }
        for message in polled.messages {
            let lines = message.payload.split(|byte| *byte == b'\n');
            for line in lines.filter(|line| !line.is_empty()) {
                if &*message.topic == EVENTS_TOPIC {
                    let event: Event = serde_json::from_slice(line).unwrap();
                    assert_eq!(event.device_id.as_str(), message.key);
                    events.push(event);
                } else {
                    rejects.push(serde_json::from_slice(line).unwrap());
                }
            }
        }
    }
}

/// A line of the contract about a device.
pub(crate) fn line(device: &str, number: usize) -> String {
    let id = blake3::hash(format!("{device} {number}").as_bytes()).to_hex();
    format!(
        r#"{{"v":1,"event_id":"{}","device_id":"{device}","source":"cbs_log","kind":"record","zone_source":"assumed","collected_at":"2024-09-01T00:00:00Z","origin":{{"file":"CBS.log","line":{number}}},"template":"t","message":"m {number}"}}"#,
        &id[..32]
    )
}

pub(crate) async fn json(response: reqwest::Response) -> serde_json::Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}
