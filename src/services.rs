//! Wiring that every command may need: the event log to write to, the clock, the runtime, the signal to stop.

use std::time::Duration;

use anyhow::Context;
use patchlens_event::{EVENTS_TOPIC, REJECTS_TOPIC};
use patchlens_log::{LogUrl, Writer, WriterOptions, ensure_topics};
use tokio::sync::watch;

use crate::config::Config;
use crate::output::say;

#[cfg(feature = "fleet")]
mod ends;

#[cfg(feature = "fleet")]
pub(crate) use ends::{OpenStore, open_flow};

/// Opens the event log for writing; makes its topics when they are missing.
pub(crate) async fn open_writer(config: &Config, url: &str) -> anyhow::Result<Writer> {
    open_writer_within(config, url, config.append_deadline()).await
}

/// The same, with another time for which a write is tried again.
pub(crate) async fn open_writer_within(
    config: &Config,
    url: &str,
    deadline: Duration,
) -> anyhow::Result<Writer> {
    let url: LogUrl = url.parse()?;
    ensure(config, &url, [EVENTS_TOPIC, REJECTS_TOPIC]).await?;
    let options = WriterOptions {
        deadline,
        disk_bytes_max: config.event_log.local_mib_max << 20,
        ..WriterOptions::default()
    };
    Ok(Writer::open(&url, options).await?)
}

/// Makes the topics that are missing.
async fn ensure(
    config: &Config,
    url: &LogUrl,
    topics: impl IntoIterator<Item = &'static str>,
) -> anyhow::Result<()> {
    let partitions = config.event_log.partitions;
    let topics = topics.into_iter().map(|topic| (topic, partitions));
    ensure_topics(url, &topics.collect::<Vec<_>>())
        .await
        .context("making the topics of the event log")
}

/// The clock: the only place that hands it on.
#[expect(
    clippy::disallowed_methods,
    reason = "this package reads the clock and hands it on"
)]
pub(crate) fn now() -> fn() -> jiff::Timestamp {
    jiff::Timestamp::now
}

/// A runtime for the command, and a signal that turns true on Ctrl-C or SIGTERM.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
}

/// Turns true on Ctrl-C, and on SIGTERM where there is such a thing.
pub(crate) fn stop_signal() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        wait_for_signal().await;
        say("stopping");
        // The receiver may be gone already.
        stop.send_replace(true);
    });
    stopped
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "cannot listen for SIGTERM");
            drop(tokio::signal::ctrl_c().await);
        }
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    drop(tokio::signal::ctrl_c().await);
}
