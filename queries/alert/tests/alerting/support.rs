//! A service on a fresh database, and a receiver of webhooks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use patchlens_alert::rule::{self, Rule};
use patchlens_alert::service::{Options, Service};
use patchlens_alert::sink::{Pace, Secrets, Sink, SinkConfig};
use patchlens_alert::{Metrics, keep};
use patchlens_queries::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Waits until `is_so` says yes; fails with what it says otherwise.
pub(crate) async fn wait_for<T>(what: &str, mut is_so: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = is_so().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A rule over the rings of devices: simple to raise and to end.
pub(crate) fn ring_rule() -> Rule {
    rule::parse(
        "ring.toml",
        r#"rule = "too-many"
severity = "critical"
resolve_after = 2
labels = ["ring", "error_code"]
link = "/devices?ring={ring|url}"
title.en = "Too many"
title.zh = "过多"
summary.en = "{devices} devices in {ring}"
summary.zh = "{ring} 环有 {devices} 台"
explanation.en = "{devices} devices <script>alert(1)</script>"
explanation.zh = "{devices} 台"
thresholds.devices_min = 2
sql = '''
SELECT toString(ring) AS ring, '0x80073712' AS error_code, count() AS devices, arraySort(groupArray(device_id)) AS sample_devices
FROM device FINAL
WHERE last_seen_at <= {as_of:DateTime64(6, 'UTC')} AND ring != ''
GROUP BY ring
HAVING devices >= {devices_min:UInt32}
'''
"#,
    )
    .unwrap()
}

/// Puts devices into a ring; the empty ring takes them out.
pub(crate) async fn put(store: &Store, ring: &str, devices: u32, generation: u32) {
    let sql = format!(
        "INSERT INTO device (device_id, ring, last_seen_at, generation) SELECT concat('PC-', toString(number)), '{ring}', now64(6) - 60, {generation} FROM numbers({devices})"
    );
    store.execute("put devices", &sql).await.unwrap();
    store.refresh_outdated().await.unwrap();
}

/// A service under way.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Running {
    pub(crate) fn start(store: &Store, rules: Vec<Rule>, sinks: Vec<Sink>) -> Self {
        let metrics = Arc::new(Metrics::default());
        let options = Options {
            rules,
            interval: Duration::from_millis(100),
            pace: Pace {
                first_pause: Duration::from_millis(50),
                longest_pause: Duration::from_millis(200),
            },
            clock: Timestamp::now,
        };
        let service = Service::new(store.clone(), options, Arc::clone(&metrics));
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(service.run(sinks, stopped));
        Self {
            stop,
            task,
            metrics,
        }
    }

    pub(crate) async fn stop(self) {
        self.stop_and(async {}).await;
    }

    /// Tells it to stop, then lets something happen while it does.
    pub(crate) async fn stop_and(self, meanwhile: impl Future<Output = ()>) {
        self.stop.send_replace(true);
        let ((), ended) = tokio::join!(meanwhile, self.task);
        ended.unwrap();
    }

    /// Ends it where it stands, as a kill would.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Settings of a sink, as a file has them.
pub(crate) fn sink(settings: &str, secret: Option<&str>) -> Sink {
    let config: SinkConfig = toml::from_str(settings).unwrap();
    let secrets = Secrets {
        secret: secret.map(str::to_owned),
        ..Secrets::default()
    };
    Sink::new(&config, secrets, "https://patchlens.example").unwrap()
}

/// A message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

type Answer = fn() -> Response;

#[derive(Clone, Default)]
struct Inbox {
    received: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

/// Receives webhooks, and answers 200, or what it was told to.
pub(crate) struct Receiver {
    pub(crate) url: String,
    inside: Inbox,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let inside = Inbox::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let take = async |State(inside): State<Inbox>, headers: HeaderMap, body: Bytes| {
            inside.received.lock().unwrap().push(Received {
                headers,
                body: body.to_vec(),
            });
            let answer = inside.answers.lock().unwrap().pop_front();
            answer.map_or_else(|| StatusCode::OK.into_response(), |answer| answer())
        };
        let app = axum::Router::new()
            .fallback(take)
            .with_state(inside.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, inside }
    }

    /// The next messages are answered with these.
    pub(crate) fn answer(&self, answers: &[Answer]) {
        self.inside.answers.lock().unwrap().extend(answers);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.inside.received.lock().unwrap().clone()
    }

    /// Waits for this many messages.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Received> {
        wait_for(&format!("{count} messages"), async || {
            Some(self.received()).filter(|received| received.len() >= count)
        })
        .await
    }
}

/// The state of the only alert, once it is this.
pub(crate) async fn wait_for_state(store: &Store, state: &str) {
    wait_for(state, async || {
        let alerts = keep::load_alerts(store).await.unwrap();
        alerts
            .values()
            .any(|alert| alert.state.as_str() == state)
            .then_some(())
    })
    .await;
}
