//! How one request reads the store: whether an answer that is behind will do, and how far behind it got.
//!
//! A request with `Cache-Control: no-cache` waits for the newest answer; the script that refreshes open pages sends
//! it. Every other request may get an answer that newer data has overtaken a moment ago: the page says so, and the
//! header `Age` says by how many seconds.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{AGE, CACHE_CONTROL};
use axum::middleware::Next;
use axum::response::Response;

tokio::task_local! {
    static READING: Reading;
}

#[derive(Debug, Default)]
struct Reading {
    /// Whether only the newest answer will do.
    newest: bool,
    /// Whether nobody waits for it.
    keeps: bool,
    /// By how many milliseconds the oldest answer is behind, plus one; 0 when all are current.
    behind_ms: AtomicU64,
    /// The store's mark when the first answer was looked for.
    mark: OnceLock<String>,
}

/// Gives each request its reading.
pub(crate) async fn of_request(request: Request, next: Next) -> Response {
    let newest = request
        .headers()
        .get_all(CACHE_CONTROL)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.contains("no-cache")));
    let reading = Reading {
        newest,
        ..Reading::default()
    };
    READING
        .scope(reading, async {
            let mut response = next.run(request).await;
            if let Some(behind) = behind() {
                let age = HeaderValue::from(behind.as_secs().max(1));
                response.headers_mut().insert(AGE, age);
            }
            response
        })
        .await
}

/// Runs work that keeps answers ready: it shall see the newest ones, and nobody waits for it.
pub(crate) async fn of_keeper<T>(work: impl Future<Output = T>) -> T {
    let reading = Reading {
        newest: true,
        keeps: true,
        ..Reading::default()
    };
    READING.scope(reading, work).await
}

/// Whether only the newest answer will do.
pub(crate) fn wants_newest() -> bool {
    READING.try_with(|reading| reading.newest).unwrap_or(false)
}

/// Whether nobody waits for the answer.
pub(crate) fn keeps() -> bool {
    READING.try_with(|reading| reading.keeps).unwrap_or(false)
}

/// Notes that an answer that was used is behind.
pub(crate) fn note_behind(by: Duration) {
    let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX - 1);
    // Outside a request nobody is told.
    let _noted = READING.try_with(|reading| {
        reading
            .behind_ms
            .fetch_max(ms.saturating_add(1), Ordering::Relaxed)
    });
}

/// By how much the oldest answer that this request used is behind; `None` when all are current.
pub(crate) fn behind() -> Option<Duration> {
    let ms = READING
        .try_with(|reading| reading.behind_ms.load(Ordering::Relaxed))
        .unwrap_or(0);
    (ms > 0).then(|| Duration::from_millis(ms - 1))
}

/// [`behind`] in whole seconds for the page, at least one.
pub(crate) fn behind_seconds() -> Option<u64> {
    behind().map(|behind| behind.as_secs().max(1))
}

/// Notes the mark before an answer is looked for: every answer of this request is at least as new as the first one.
pub(crate) fn note_mark(mark: &str) {
    let _first = READING.try_with(|reading| reading.mark.set(mark.to_owned()));
}

/// The mark that what this request shows is not older than, as long as it says nothing of being behind; empty when it
/// asked the store nothing.
pub(crate) fn mark() -> String {
    READING
        .try_with(|reading| reading.mark.get().cloned())
        .ok()
        .flatten()
        .unwrap_or_default()
}
