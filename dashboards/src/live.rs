//! `GET /api/v1/live`: server-sent events that say "something arrived", so that open pages refresh themselves.
//!
//! One task asks the store for a cheap mark, however many pages are open: all the time in a server, else while at least
//! one stream is open.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use futures::stream;
use serde::Deserialize;
use tokio::sync::watch;

use crate::read;
use crate::server::App;

/// Between these a silent stream sends a comment, so that proxies keep it open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The mark of the newest data, shared by all open pages.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    mark: Arc<Mutex<Option<watch::Receiver<String>>>>,
}

/// Ends the open streams of a router.
pub(crate) struct Closing {
    close: watch::Sender<bool>,
}

/// Present in a request's extensions while its server runs.
#[derive(Debug, Clone)]
pub(crate) struct Open(watch::Receiver<bool>);

/// Makes the router's event streams end when the returned handle is closed.
pub(crate) fn closing(router: Router) -> (Router, Closing) {
    let (close, open) = watch::channel(false);
    (router.layer(axum::Extension(Open(open))), Closing { close })
}

impl Closing {
    /// Ends the streams.
    pub(crate) fn close(&self) {
        self.close.send_replace(true);
    }
}

impl Live {
    /// Whether the task runs.
    pub(crate) fn is_watching(&self) -> bool {
        let mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        mark.as_ref()
            .is_some_and(|running| running.has_changed().is_ok())
    }

    /// The receiver of the running task, or of one that is started now.
    pub(crate) fn subscribe(&self, app: &App) -> watch::Receiver<String> {
        let mut mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = mark
            .as_ref()
            .filter(|running| running.has_changed().is_ok())
        {
            return running.clone();
        }
        let (sender, receiver) = watch::channel(String::new());
        // The kept receiver is weak in effect: the task ends when it is the only one left.
        *mark = Some(receiver.clone());
        tokio::spawn(watch_store(app.clone(), sender));
        receiver
    }
}

/// Asks for the mark until nobody listens any more.
async fn watch_store(app: App, mark: watch::Sender<String>) {
    let mut pause = tokio::time::interval(app.config.live_interval());
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pause.tick().await;
        // One receiver is the one that `Live` keeps.
        if mark.receiver_count() <= 1 {
            return;
        }
        match read::mark(&app).await {
            Ok(newest) => {
                mark.send_if_modified(|known| {
                    let changed = *known != newest;
                    known.clone_from(&newest);
                    changed
                });
            }
            Err(error) => tracing::debug!(error = error.chain(), "cannot ask the store for news"),
        }
    }
}

/// One open page.
struct Watcher {
    marks: watch::Receiver<String>,
    open: Option<watch::Receiver<bool>>,
    /// The mark of what the page shows; empty while that is not known.
    known: String,
}

impl Watcher {
    /// Waits for news; `None` when the server closes or the task that asks the store ended.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let newest = self.marks.borrow_and_update().clone();
            if newest != self.known {
                let first = self.known.is_empty();
                self.known.clone_from(&newest);
                // Who does not say what it shows is believed to show the first mark.
                return Some(if first {
                    Event::default().comment("watching")
                } else {
                    Event::default().event("changed").id(&newest).data(newest)
                });
            }
            tokio::select! {
                changed = self.marks.changed() => changed.ok()?,
                () = closed(self.open.as_mut()) => return None,
            }
        }
    }
}

/// Completes when the server closes; never without a server around the router.
async fn closed(open: Option<&mut watch::Receiver<bool>>) {
    match open {
        // An error means that the server is gone, which is a close too.
        Some(open) => drop(open.wait_for(|closed| *closed).await),
        None => std::future::pending().await,
    }
}

/// What a page says about itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Since {
    /// The mark of what it shows: what arrived between its making and this stream is news, too.
    since: Option<String>,
}

/// What a browser that opens a broken stream anew has heard last.
const LAST_HEARD: &str = "last-event-id";

/// `GET /api/v1/live`.
pub(crate) async fn stream(
    State(app): State<App>,
    Query(Since { since }): Query<Since>,
    headers: HeaderMap,
    open: Option<axum::Extension<Open>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let marks = app.live.subscribe(&app);
    let open = open.map(|axum::Extension(Open(open))| open);
    let watcher = Watcher {
        marks,
        open,
        known: headers
            .get(LAST_HEARD)
            .and_then(|heard| heard.to_str().ok().map(str::to_owned))
            .or(since)
            .unwrap_or_default(),
    };
    let events = stream::unfold(watcher, async |mut watcher| {
        watcher.next().await.map(|event| (Ok(event), watcher))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}
