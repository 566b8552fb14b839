//! `/healthz` (alive), `/readyz` (makes progress) and `/metrics` of services without pages.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::sync::watch;

use crate::services::now;

/// What a service says of itself.
pub(crate) trait Vitals: Send + Sync + 'static {
    /// When it last made progress, in seconds since 1970; 0 before it did.
    fn progress_at_seconds(&self) -> u64;
    /// Without progress for longer than this, it hangs.
    fn progress_seconds_max(&self) -> u64;
    /// Its counters in Prometheus' text form.
    fn prometheus(&self) -> String;
}

impl Vitals for patchlens_stream::Metrics {
    fn progress_at_seconds(&self) -> u64 {
        self.progress_at_seconds.load(Ordering::Relaxed)
    }

    /// It either finishes a cut or finds the log empty.
    fn progress_seconds_max(&self) -> u64 {
        120
    }

    fn prometheus(&self) -> String {
        self.prometheus()
    }
}

/// The alert service, with the pause between its evaluations.
pub(crate) struct AlertVitals {
    pub(crate) metrics: Arc<patchlens_alert::Metrics>,
    pub(crate) interval_seconds: u64,
}

impl Vitals for AlertVitals {
    fn progress_at_seconds(&self) -> u64 {
        self.metrics.progress_at_seconds()
    }

    fn progress_seconds_max(&self) -> u64 {
        self.interval_seconds.saturating_mul(3).saturating_add(60)
    }

    fn prometheus(&self) -> String {
        self.metrics.prometheus()
    }
}

/// Listens at `address` until told to stop.
pub(crate) async fn serve(
    address: SocketAddr,
    vitals: Arc<dyn Vitals>,
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
            get(async |State(vitals): State<Arc<dyn Vitals>>| {
                (
                    [(
                        axum::http::header::CONTENT_TYPE,
                        "text/plain; version=0.0.4; charset=utf-8",
                    )],
                    vitals.prometheus(),
                )
            }),
        )
        .with_state(vitals);
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

async fn ready(State(vitals): State<Arc<dyn Vitals>>) -> (StatusCode, String) {
    let now = u64::try_from(now()().as_second()).unwrap_or_default();
    let progress = vitals.progress_at_seconds();
    let age = now.saturating_sub(progress);
    if progress > 0 && age <= vitals.progress_seconds_max() {
        (StatusCode::OK, format!("progress {age} s ago\n"))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "no progress\n".to_owned())
    }
}
