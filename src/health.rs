//! `/healthz` (alive), `/readyz` (makes progress) and `/metrics` of services without pages.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use patchlens_stream::Metrics;
use tokio::sync::watch;

use crate::services::now;

/// A flow that neither finished a cut nor found the log empty for this long hangs.
const PROGRESS_SECONDS_MAX: u64 = 120;

/// Listens at `address` until told to stop.
pub(crate) async fn serve(
    address: SocketAddr,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("listening at {address} for health checks"))?;
    let routes = Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route(
            "/metrics",
            get(async |State(metrics): State<Arc<Metrics>>| metrics.prometheus()),
        )
        .with_state(metrics);
    tokio::spawn(async move {
        let stopped = async move {
            // An error means that the sender is gone: that is a stop as well.
            drop(stop.wait_for(|stop| *stop).await);
        };
        if let Err(error) = axum::serve(listener, routes)
            .with_graceful_shutdown(stopped)
            .await
        {
            tracing::error!(%error, "health checks ended");
        }
    });
    Ok(())
}

async fn ready(State(metrics): State<Arc<Metrics>>) -> (StatusCode, String) {
    let now = u64::try_from(now()().as_second()).unwrap_or_default();
    let progress = metrics.progress_at_seconds.load(Ordering::Relaxed);
    let age = now.saturating_sub(progress);
    if progress > 0 && age <= PROGRESS_SECONDS_MAX {
        (StatusCode::OK, format!("progress {age} s ago\n"))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "no progress\n".to_owned())
    }
}
