//! Every route, and the server around them.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get};
use patchlens_queries::Store;
use tokio::net::TcpListener;

use crate::cache::Cache;
use crate::config::DashboardConfig;
use crate::error::{Error, Result, What};
use crate::frame::Frame;
use crate::health::Metrics;
use crate::live::Live;
use crate::pages::{
    alerts, cluster, clusters, codes, device, devices, pipeline, rollout, sql, upload,
};
use crate::upload::{Desk, Uploads};
use crate::{answer, api, assets, health, keep, live, reading, security};

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
    /// Bundles that were handed in.
    pub(crate) desk: Arc<Desk>,
    /// Metrics of other services in this process.
    pub(crate) neighbours: Neighbours,
    /// Who may open the pages.
    pub(crate) readers: Readers,
}

/// Who may open the pages and the JSON API. Probes, metrics and assets, which hold nothing of the fleet, are open.
#[derive(Clone, Default)]
pub enum Readers {
    /// Whoever reaches the address.
    #[default]
    Everybody,
    /// Those whom this accepts.
    Admitted(Arc<Admission>),
}

/// Whether a request is let in, by its `Authorization` header (`Basic` or `Bearer`), if it has one.
pub type Admission = dyn Fn(Option<&str>) -> bool + Send + Sync;

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

/// What else runs in the process of the dashboards.
pub struct Beside {
    /// Where uploaded bundles go.
    pub uploads: Uploads,
    /// Whose metrics `/metrics` shows as well.
    pub neighbours: Neighbours,
    /// Who may open the pages.
    pub readers: Readers,
}

impl From<Uploads> for Beside {
    /// Nobody else's metrics, and pages for everybody.
    fn from(uploads: Uploads) -> Self {
        Self {
            uploads,
            neighbours: Neighbours::default(),
            readers: Readers::Everybody,
        }
    }
}

/// Builds the web application over a store. It asks the store only when a page is asked for.
pub fn router(store: Store, config: DashboardConfig, beside: impl Into<Beside>) -> Router {
    routes(App::new(store, config, beside.into()))
}

impl App {
    fn new(store: Store, config: DashboardConfig, beside: Beside) -> Self {
        let is_cluster = store.config().cluster.is_some();
        Self {
            // What no reader waits for any more must not keep the store from its work.
            store: store.within(config.store_timeout()),
            config: Arc::new(config),
            metrics: Arc::default(),
            cache: Arc::new(Cache::new(is_cluster)),
            live: Live::default(),
            desk: Arc::new(Desk::new(beside.uploads)),
            neighbours: beside.neighbours,
            readers: beside.readers,
        }
    }
}

fn routes(app: App) -> Router {
    let pages = Router::new()
        .route("/", get(rollout::newest))
        .route("/rollouts/{id}", get(rollout::page))
        .route("/rollouts/{id}/report.md", get(rollout::report_markdown))
        .route("/rollouts/{id}/report.html", get(rollout::report_html))
        .route("/clusters", get(clusters::page))
        .route("/clusters.csv", get(clusters::csv))
        .route("/clusters/{key}", get(cluster::page))
        .route("/clusters/{key}/devices.csv", get(cluster::csv))
        .route("/clusters/{key}/report.md", get(cluster::report_markdown))
        .route("/clusters/{key}/report.html", get(cluster::report_html))
        .route("/devices", get(devices::page))
        .route("/devices/{id}", get(device::page))
        .route("/devices/{id}/report.md", get(device::report_markdown))
        .route("/devices/{id}/report.html", get(device::report_html))
        .route("/codes", get(codes::page))
        .route("/alerts", get(alerts::page))
        .route("/alerts/{id}", get(alerts::alert))
        .route("/pipeline", get(pipeline::page))
        .route("/sql", get(sql::page))
        .route("/sql.csv", get(sql::csv))
        // Bundles have their own limit, while they are received.
        .route(
            "/upload",
            get(upload::page)
                .post(upload::post)
                .layer(DefaultBodyLimit::disable()),
        )
        .route("/upload/{id}", get(upload::upload));
    // Every method comes to the contract, which answers or refuses what is not GET or HEAD.
    let api = Router::new()
        .route("/api/v1/openapi.json", any(api::document))
        .route("/api/v1/rollouts", any(rollout::list_json))
        .route("/api/v1/rollouts/{id}", any(rollout::json))
        .route("/api/v1/clusters", any(clusters::json))
        .route("/api/v1/clusters/{key}", any(cluster::json))
        .route("/api/v1/devices", any(devices::json))
        .route("/api/v1/devices/{id}", any(device::json))
        .route("/api/v1/codes", any(codes::json))
        .route("/api/v1/alerts", any(alerts::json))
        .route("/api/v1/alerts/{id}", any(alerts::alert_json))
        .route("/api/v1/uploads/{id}", any(upload::json))
        .route("/api/v1/pipeline", any(pipeline::json))
        .route("/api/v1/live", any(live::stream))
        .route_layer(from_fn(api::contract));
    let service = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/assets/{version}/{name}", get(assets::serve));
    // The service routes hold nothing of the fleet: they answer whoever asks, by whatever name.
    pages
        .merge(api)
        .fallback(unknown)
        .layer(from_fn_with_state(app.clone(), security::reader))
        .layer(from_fn_with_state(app.clone(), security::known_host))
        .merge(service)
        .layer(from_fn(reading::of_request))
        .layer(from_fn_with_state(app.clone(), health::measure))
        .layer(from_fn(security::headers))
        .with_state(app)
}

/// Serves the web application on a socket that listens already, until `shutdown` completes, then finishes the requests
/// that are under way.
///
/// # Errors
/// When the listener fails.
pub async fn serve_on(
    listener: TcpListener,
    store: Store,
    config: DashboardConfig,
    beside: impl Into<Beside>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let bound = listener.local_addr().unwrap_or(config.addr);
    tracing::info!(address = %bound, "dashboards are listening");
    // Open event streams would hold the shutdown back for ever: the router's streams end with this signal.
    let app = App::new(store, config, beside.into());
    keep::first(&app).await;
    let keeping = tokio::spawn(keep::ready(app.clone(), app.live.subscribe(&app)));
    let (router, closing) = live::closing(routes(app));
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            shutdown.await;
            closing.close();
        })
        .await;
    keeping.abort();
    served.map_err(Error::Server)
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
