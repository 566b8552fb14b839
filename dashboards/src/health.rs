//! `/healthz` (alive), `/readyz` (can answer), `/metrics` (Prometheus text).

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::read;
use crate::server::App;

/// Upper bounds of the duration histogram, in milliseconds. 150 ms is the budget of a page.
const BOUNDS_MS: [u64; 8] = [10, 25, 50, 100, 150, 500, 2_000, 10_000];

/// Counts of this process. Labels are bounded: pages or API, and the class of the status.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: [[AtomicU64; 4]; 2],
    buckets: [AtomicU64; BOUNDS_MS.len()],
    duration_us: AtomicU64,
}

/// Counts a request.
pub(crate) async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let started = Instant::now();
    let response = next.run(request).await;
    app.metrics
        .count(api, response.status(), started.elapsed().as_micros());
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
    fn count(&self, api: bool, status: StatusCode, micros: u128) {
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        if let Some(counter) = self
            .requests
            .get(usize::from(api))
            .and_then(|kind| kind.get(class))
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.duration_us.fetch_add(micros, Ordering::Relaxed);
        for (bound, bucket) in BOUNDS_MS.iter().zip(&self.buckets) {
            if micros <= bound * 1000 {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The Prometheus text form.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from(
            "# HELP patchlens_dashboards_requests_total Requests answered.\n# TYPE patchlens_dashboards_requests_total counter\n",
        );
        let mut total = 0;
        for (kind, counters) in ["page", "api"].iter().zip(&self.requests) {
            for (class, counter) in ["2xx", "3xx", "4xx", "5xx"].iter().zip(counters) {
                let count = counter.load(Ordering::Relaxed);
                total += count;
                // Writing to a string cannot fail.
                let _written = writeln!(
                    text,
                    "patchlens_dashboards_requests_total{{kind=\"{kind}\",status=\"{class}\"}} {count}"
                );
            }
        }
        text.push_str("# HELP patchlens_dashboards_request_duration_seconds Time to answer.\n# TYPE patchlens_dashboards_request_duration_seconds histogram\n");
        for (bound, bucket) in BOUNDS_MS.iter().zip(&self.buckets) {
            let (seconds, millis) = (bound / 1000, bound % 1000);
            let count = bucket.load(Ordering::Relaxed);
            let _written = writeln!(
                text,
                "patchlens_dashboards_request_duration_seconds_bucket{{le=\"{seconds}.{millis:03}\"}} {count}"
            );
        }
        let micros = self.duration_us.load(Ordering::Relaxed);
        let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
        let _written = write!(
            text,
            "patchlens_dashboards_request_duration_seconds_bucket{{le=\"+Inf\"}} {total}\n\
             patchlens_dashboards_request_duration_seconds_sum {seconds}.{rest:06}\n\
             patchlens_dashboards_request_duration_seconds_count {total}\n"
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_once_and_buckets_are_cumulative() {
        let metrics = Metrics::default();
        metrics.count(false, StatusCode::OK, 12_000);
        metrics.count(true, StatusCode::NOT_FOUND, 700_000);
        let text = metrics.text();
        for line in [
            "patchlens_dashboards_requests_total{kind=\"page\",status=\"2xx\"} 1",
            "patchlens_dashboards_requests_total{kind=\"api\",status=\"4xx\"} 1",
            "patchlens_dashboards_request_duration_seconds_bucket{le=\"0.010\"} 0",
            "patchlens_dashboards_request_duration_seconds_bucket{le=\"0.025\"} 1",
            "patchlens_dashboards_request_duration_seconds_bucket{le=\"2.000\"} 2",
            "patchlens_dashboards_request_duration_seconds_bucket{le=\"+Inf\"} 2",
            "patchlens_dashboards_request_duration_seconds_sum 0.712000",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
