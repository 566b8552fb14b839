//! `/healthz` (alive), `/readyz` (can answer), `/metrics` (Prometheus text).

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use patchlens_queries::metrics::{Outcomes, head};

use crate::read;
use crate::server::App;

/// Counts of this process. Labels are bounded: pages or API, and the class of the status.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: [[AtomicU64; 4]; 2],
    durations: Outcomes,
}

/// Counts a request.
pub(crate) async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let started = Instant::now();
    let response = next.run(request).await;
    app.metrics.count(api, response.status(), started.elapsed());
    response
}

/// `GET /healthz`.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: asks the store.
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    match read::ping(&app).await {
        Ok(()) => "ok\n".into_response(),
        Err(error) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{}\n", error.chain()),
        )
            .into_response(),
    }
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        app.metrics.text() + &app.neighbours.text(),
    )
        .into_response()
}

impl Metrics {
    fn count(&self, api: bool, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        if let Some(counter) = self
            .requests
            .get(usize::from(api))
            .and_then(|kind| kind.get(class))
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        // What the caller did wrong is no failure of ours.
        self.durations.observe(status.as_u16() < 500, took);
    }

    /// The Prometheus text form.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from(
            "# HELP patchlens_dashboards_requests_total Requests answered.\n# TYPE patchlens_dashboards_requests_total counter\n",
        );
        for (kind, counters) in ["page", "api"].iter().zip(&self.requests) {
            for (class, counter) in ["2xx", "3xx", "4xx", "5xx"].iter().zip(counters) {
                let count = counter.load(Ordering::Relaxed);
                // Writing to a string cannot fail.
                let _written = writeln!(
                    text,
                    "patchlens_dashboards_requests_total{{kind=\"{kind}\",status=\"{class}\"}} {count}"
                );
            }
        }
        let name = "patchlens_dashboards_request_duration_seconds";
        head(&mut text, name, "histogram", "Time to answer.");
        self.durations.write(&mut text, name, "");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_once_and_buckets_are_cumulative() {
        let metrics = Metrics::default();
        metrics.count(false, StatusCode::OK, Duration::from_millis(12));
        metrics.count(true, StatusCode::NOT_FOUND, Duration::from_millis(700));
        let text = metrics.text();
        for line in [
            "patchlens_dashboards_requests_total{kind=\"page\",status=\"2xx\"} 1",
            "patchlens_dashboards_requests_total{kind=\"api\",status=\"4xx\"} 1",
            "patchlens_dashboards_request_duration_seconds_bucket{outcome=\"ok\",le=\"0.01\"} 0",
            "patchlens_dashboards_request_duration_seconds_bucket{outcome=\"ok\",le=\"0.025\"} 1",
            "patchlens_dashboards_request_duration_seconds_bucket{outcome=\"ok\",le=\"+Inf\"} 2",
            "patchlens_dashboards_request_duration_seconds_sum{outcome=\"ok\"} 0.712000",
            "patchlens_dashboards_request_duration_seconds_count{outcome=\"error\"} 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
