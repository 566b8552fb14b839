//! Every route, and the server around them.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use patchlens_queries::Store;
use tokio::net::TcpListener;

use crate::cache::Cache;
use crate::config::DashboardConfig;
use crate::error::{Error, Result, What};
use crate::frame::Frame;
use crate::health::Metrics;
use crate::live::Live;
use crate::pages::{cluster, clusters, codes, device, devices, pipeline, rollout, sql};
use crate::{answer, assets, health, live, security};

/// What every handler gets.
#[derive(Clone)]
pub(crate) struct App {
    /// Where the data is.
    pub(crate) store: Store,
    /// The settings.
    pub(crate) config: Arc<DashboardConfig>,
    /// Counts of this process.
    pub(crate) metrics: Arc<Metrics>,
    /// Answers that still hold.
    pub(crate) cache: Arc<Cache>,
    /// Who waits for news.
    pub(crate) live: Live,
    /// Metrics of other services in this process.
    pub(crate) neighbours: Neighbours,
}

/// Metrics of the services that share the process, in Prometheus' text form: one address to scrape.
#[derive(Clone, Default)]
pub struct Neighbours(Option<Arc<dyn Fn() -> String + Send + Sync>>);

impl Neighbours {
    /// `text` is called for every scrape.
    pub fn new(text: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(text)))
    }

    pub(crate) fn text(&self) -> String {
        self.0.as_ref().map_or_else(String::new, |text| text())
    }
}

/// Builds the web application over a store. It asks the store only when a page is asked for.
pub fn router(store: Store, config: DashboardConfig) -> Router {
    router_beside(store, config, Neighbours::default())
}

fn router_beside(store: Store, config: DashboardConfig, neighbours: Neighbours) -> Router {
    let app = App {
        store,
        config: Arc::new(config),
        metrics: Arc::default(),
        cache: Arc::default(),
        live: Live::default(),
        neighbours,
    };
    let pages = Router::new()
        .route("/", get(rollout::newest))
        .route("/rollouts/{id}", get(rollout::page))
        .route("/clusters", get(clusters::page))
        .route("/clusters.csv", get(clusters::csv))
        .route("/clusters/{key}", get(cluster::page))
        .route("/clusters/{key}/devices.csv", get(cluster::csv))
        .route("/devices", get(devices::page))
        .route("/devices/{id}", get(device::page))
        .route("/codes", get(codes::page))
        .route("/pipeline", get(pipeline::page))
        .route("/sql", get(sql::page))
        .route("/sql.csv", get(sql::csv));
    let api = Router::new()
        .route("/api/v1/rollouts", get(rollout::list_json))
        .route("/api/v1/rollouts/{id}", get(rollout::json))
        .route("/api/v1/clusters", get(clusters::json))
        .route("/api/v1/clusters/{key}", get(cluster::json))
        .route("/api/v1/devices", get(devices::json))
        .route("/api/v1/devices/{id}", get(device::json))
        .route("/api/v1/codes", get(codes::json))
        .route("/api/v1/pipeline", get(pipeline::json))
        .route("/api/v1/live", get(live::stream));
    let service = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/assets/{version}/{name}", get(assets::serve));
    pages
        .merge(api)
        .merge(service)
        .fallback(unknown)
        .layer(from_fn_with_state(app.clone(), health::measure))
        .layer(from_fn_with_state(app.clone(), security::known_host))
        .layer(from_fn(security::headers))
        .with_state(app)
}

/// Serves the web application until `shutdown` completes, then finishes the requests that are under way.
///
/// # Errors
/// When the address cannot be listened on, or the listener fails.
pub async fn serve(
    store: Store,
    config: DashboardConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let address = config.addr;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| Error::Listen { address, source })?;
    serve_on(listener, store, config, shutdown).await
}

/// The same on a socket that listens already: who chose port 0 knows the port then.
///
/// # Errors
/// When the listener fails.
pub async fn serve_on(
    listener: TcpListener,
    store: Store,
    config: DashboardConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    serve_beside(listener, store, config, Neighbours::default(), shutdown).await
}

/// The same in a process with other services, whose metrics `/metrics` shows as well.
///
/// # Errors
/// When the listener fails.
pub async fn serve_beside(
    listener: TcpListener,
    store: Store,
    config: DashboardConfig,
    neighbours: Neighbours,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let bound = listener.local_addr().unwrap_or(config.addr);
    tracing::info!(address = %bound, "dashboards are listening");
    // Open event streams would hold the shutdown back for ever: the router's streams end with this signal.
    let (router, closing) = live::closing(router_beside(store, config, neighbours));
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            shutdown.await;
            closing.close();
        })
        .await
        .map_err(Error::Server)
}

async fn unknown(frame: Frame) -> Response {
    let id = frame.path.clone();
    if frame.path.starts_with("/api/") {
        return answer::json::<String>(Err(Error::NotFound {
            what: What::Page,
            id,
        }));
    }
    answer::page(
        &frame,
        Err(Error::NotFound {
            what: What::Page,
            id,
        }),
    )
}
