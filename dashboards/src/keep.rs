//! Keeps answers ready: asks the store for its mark, and renews what readers look at again when something arrived.
//!
//! One task asks for the mark, which is cheap; another renews answers one at a time and rests as long as it worked, so
//! that counting for the pages takes at most half of one thread of the store, however fast data arrives.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::frame::Frame;
use crate::pages::{cluster, clusters, codes, devices, pipeline, rollout};
use crate::server::App;
use crate::{read, reading};

/// Answers that nobody used for so long are dropped.
const USED_WITHIN: Duration = Duration::from_mins(15);
/// The shortest rest between two rounds.
const REST_MIN: Duration = Duration::from_millis(200);
/// How long the first readers wait for the front pages to be counted, before they are let in one by one.
const FIRST_MAX: Duration = Duration::from_secs(2);

/// Counts for the front pages before anybody is let in: on a large fleet half a second, in which ten readers who ask for
/// ten pages at once would each wait longer. A store that is down or slow holds nobody back for longer than that.
pub(crate) async fn first(app: &App) {
    let counted = tokio::time::timeout(FIRST_MAX, Box::pin(front_pages(app))).await;
    if counted.is_err() {
        tracing::debug!("the front pages are not ready yet");
    }
}

/// Renews answers until `marks` closes. The front pages are ready before the first reader comes.
pub(crate) async fn ready(app: App, mut marks: watch::Receiver<String>) {
    loop {
        let began = Instant::now();
        // What arrives while this round runs starts the next one.
        marks.borrow_and_update();
        Box::pin(reading::of_keeper(front_pages(&app))).await;
        for question in app.cache.behind(USED_WITHIN) {
            if let Err(error) = read::renew(&app, &question).await {
                tracing::debug!(error = error.chain(), "an answer could not be renewed");
            }
        }
        tokio::time::sleep(began.elapsed().max(REST_MIN)).await;
        if marks.changed().await.is_err() {
            return;
        }
    }
}

/// Asks what the pages of the navigation ask, and what the pages of all clusters rest on: at once, so that no thread of
/// the store waits for another, where renewals do not take turns. A failure is told to the reader who meets it.
async fn front_pages(app: &App) {
    let frame = Frame::default();
    let first_page = devices::load::Part::Page(1, devices::PAGE_ROWS);
    let (rollout, clusters, options, common, devices, codes, pipeline) = tokio::join!(
        rollout::load::rollout(app, &frame, ""),
        clusters::load::clusters(app, &frame),
        clusters::load::options(app),
        cluster::load::common(app),
        devices::load::devices(app, &frame, first_page),
        codes::load::codes(app, &frame),
        pipeline::load::pipeline(app, &frame),
    );
    let done = [
        rollout.map(drop),
        clusters.map(drop),
        options.map(drop),
        common,
        devices.map(drop),
        codes.map(drop),
        pipeline.map(drop),
    ];
    for error in done.into_iter().filter_map(Result::err) {
        tracing::debug!(error = error.chain(), "a front page could not be readied");
    }
}
