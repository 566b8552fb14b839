//! The routes, and what all of them share.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use patchlens_ingest::redact::Redactor;
use patchlens_log::Writer;
use tower_http::decompression::RequestDecompressionLayer;

use crate::access::{self, Collector};
use crate::metrics::Metrics;
use crate::pressure::{AsSent, Pressure};
use crate::refusal::{self, Reason, Refusal};
use crate::token::{Scope, Tokens};
use crate::uploads::Uploads;
use crate::{Error, GatewayConfig, Result, bundles, events, winlogbeat};

/// How long an answer about readiness holds: asking is not free.
const READY_FOR: Duration = Duration::from_secs(1);

/// A gateway that is ready to serve.
pub struct Gateway {
    shared: Arc<Shared>,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) config: GatewayConfig,
    pub(crate) tokens: Tokens,
    pub(crate) only_local: bool,
    pub(crate) writer: Arc<Writer>,
    pub(crate) metrics: Metrics,
    pub(crate) pressure: Pressure,
    pub(crate) uploads: Uploads,
    pub(crate) upload_bytes: AtomicU64,
    pub(crate) redactor: Redactor,
    /// When the event log was last asked whether it takes events, and whether it did.
    ready: tokio::sync::Mutex<Option<(Instant, bool)>>,
    /// Says that the directory of uploads is taken.
    _uploads_lock: File,
}

impl Shared {
    pub(crate) fn admit(
        &self,
        headers: &HeaderMap,
        scope: Scope,
    ) -> std::result::Result<Collector, Refusal> {
        access::admit(&self.tokens, self.only_local, headers, scope)
    }

    pub(crate) fn new_id() -> std::result::Result<String, Refusal> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| Refusal::Broken(error.to_string()))?;
        Ok(format!("{:032x}", u128::from_be_bytes(random)))
    }
}

impl Gateway {
    /// Prepares to serve at `address`, writing to `writer`.
    ///
    /// # Errors
    /// When the tokens cannot be read, when other machines reach the address and there is no token,
    /// or when the directory for uploads cannot be prepared.
    pub fn new(config: GatewayConfig, address: SocketAddr, writer: Arc<Writer>) -> Result<Self> {
        let tokens = Tokens::open(&config.token_file)?;
        let only_local = address.ip().is_loopback();
        if !only_local && tokens.with(|file| file.tokens.is_empty()) {
            return Err(Error::Open {
                address,
                path: tokens.path().to_owned(),
            });
        }
        let uploads_lock =
            bundles::prepare(&config.upload_dir).map_err(|source| Error::Uploads {
                path: Path::new(&config.upload_dir).to_owned(),
                source,
            })?;
        let redactor = events::redactor(&config)?;
        Ok(Self {
            shared: Arc::new(Shared {
                tokens,
                only_local,
                writer,
                metrics: Metrics::default(),
                pressure: Pressure::new(&config),
                uploads: Uploads::default(),
                upload_bytes: AtomicU64::new(0),
                redactor,
                ready: tokio::sync::Mutex::new(None),
                _uploads_lock: uploads_lock,
                config,
            }),
        })
    }

    /// True when requests without a token are taken: those of this machine, until there is a file of tokens.
    pub fn is_open(&self) -> bool {
        self.shared.only_local && self.shared.tokens.is_open()
    }

    pub(crate) fn connection_limits(&self) -> crate::ConnectionLimits {
        self.shared.config.connections
    }

    pub(crate) fn routes(&self) -> Router {
        let inflated = Router::new()
            .route("/ingest/v1/events", post(events::post))
            .merge(winlogbeat::routes())
            .layer(RequestDecompressionLayer::new())
            .layer(middleware::map_request(note_as_sent));
        Router::new()
            .route("/ingest/v1/bundles", post(bundles::post))
            .route("/ingest/v1/bundles/{upload_id}", get(bundles::get))
            .merge(inflated)
            .layer(middleware::from_fn_with_state(
                Arc::clone(&self.shared),
                count,
            ))
            .route("/healthz", get(async || "alive\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            // Each endpoint has limits of its own.
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&self.shared))
    }
}

/// The name of an endpoint in metrics: a closed set, whatever is asked for.
fn endpoint(path: &str) -> &'static str {
    match path {
        "/ingest/v1/events" => "events",
        path if path.starts_with("/ingest/v1/bundles") => "bundles",
        path if path.starts_with("/ingest/v1/winlogbeat") => "winlogbeat",
        _ => "other",
    }
}

async fn count(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let endpoint = endpoint(request.uri().path());
    let path = request.uri().path();
    let is_elastic = endpoint == "winlogbeat" && !path.trim_end_matches('/').ends_with(endpoint);
    let response = refusal::uniform(next.run(request).await, is_elastic).await;
    shared.metrics.request(endpoint, response.status().as_u16());
    if let Some(Reason(reason)) = response.extensions().get() {
        shared.metrics.refused(reason);
    }
    response
}

/// Inflating takes these headers away.
async fn note_as_sent(mut request: Request) -> Request {
    let sent = AsSent::new(request.headers());
    request.extensions_mut().insert(sent);
    request
}

/// Ready means: the event log takes an append, as far as can be told without appending. Whoever asks
/// more often than [`READY_FOR`] gets the last answer again.
async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let mut known = shared.ready.lock().await;
    let is_ready = match *known {
        Some((at, is_ready)) if at.elapsed() < READY_FOR => is_ready,
        _ => {
            let checked = shared.writer.check().await;
            if let Err(error) = &checked {
                tracing::warn!(%error, "not ready");
            }
            *known = Some((Instant::now(), checked.is_ok()));
            checked.is_ok()
        }
    };
    if is_ready {
        return "the event log takes events\n".into_response();
    }
    let retry = refusal::LOG_RETRY.as_secs().to_string();
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::RETRY_AFTER, retry)],
        "the event log takes nothing now\n",
    )
        .into_response()
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        shared.metrics.prometheus(),
    )
        .into_response()
}
