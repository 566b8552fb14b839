//! `collect --follow`: keeps handing on what is added to the logs of this device.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use patchlens_event::{Event, EventId, Kind, Reject};
use patchlens_ingest::collect::{CollectOptions, EventSink, SinkError};
use patchlens_ingest::follow::{FollowOptions, Follower, Watch};
use patchlens_ingest::ship::{Addressed, Backoff, Destination, Shipper};
use patchlens_log::Message;
use tokio::sync::watch;

use crate::config::Config;
use crate::output::say;
use crate::services::now;
use crate::shipping::Shipping;

/// First and longest pause while neither destination nor spool takes anything.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));

/// What was handed on.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Followed {
    records: u64,
    counts: u64,
    pub(crate) rejected: u64,
}

impl Followed {
    pub(crate) fn to_line(self, url: &str) -> String {
        let Self {
            records,
            counts,
            rejected,
        } = self;
        format!(
            "{records} records and {counts} counts of noise sent; {rejected} rejected (table reject); to {url}"
        )
    }
}

/// Follows the paths until told to stop. Positions move only behind what is durable.
pub(crate) async fn run(
    config: &Config,
    paths: &[PathBuf],
    options: CollectOptions,
    shipping: &mut Shipping,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<Followed> {
    let follow = &config.collect.follow;
    let options = FollowOptions {
        collect: options,
        fallback: computer_name(),
        settle: Duration::from_millis(follow.settle_ms),
        partial: Duration::from_secs(follow.partial_seconds),
        look: Duration::from_millis(follow.look_ms),
        counts: Duration::from_secs(follow.counts_seconds),
    };
    let destination = shipping.name();
    let mut followers = Vec::new();
    for path in paths {
        let state = state_path(config, path, &destination)?;
        followers.push(Follower::open(path, options.clone(), &state)?);
    }
    let changes = Watch::new(paths);
    let mut sink = Sink {
        shipper: Shipper::holding(config.collect.message_kib_max),
        followed: Followed::default(),
    };
    say("following; Ctrl-C stops");
    while !*stop.borrow() {
        let mut is_behind = false;
        let mut again_at = Instant::now() + options.look;
        for follower in &mut followers {
            // Reading blocks: the runtime is told, so that others go on.
            let polled =
                tokio::task::block_in_place(|| follower.poll(Instant::now(), now()(), &mut sink))?;
            if !hand_over(&mut sink, shipping, &mut stop).await? {
                return Ok(sink.followed);
            }
            tokio::task::block_in_place(|| follower.commit())?;
            is_behind |= polled.is_behind;
            again_at = polled.again_at.map_or(again_at, |at| at.min(again_at));
        }
        if let Shipping::Spooled(spooled) = shipping {
            // An outage is no reason to stop following.
            if let Err(error) = spooled.drain_some().await {
                tracing::error!(%error, "cannot hand over what waits in the spool");
            }
        }
        if !is_behind {
            tokio::select! {
                () = changes.changed() => {}
                () = tokio::time::sleep_until(again_at.into()) => {}
                _ = stop.changed() => {}
            }
        }
    }
    for follower in &mut followers {
        tokio::task::block_in_place(|| follower.counts(&mut sink))?;
    }
    hand_over(&mut sink, shipping, &mut stop).await?;
    Ok(sink.followed)
}

/// Hands over until everything is durable; false when told to stop before that.
async fn hand_over(
    sink: &mut Sink,
    shipping: &mut Shipping,
    stop: &mut watch::Receiver<bool>,
) -> anyhow::Result<bool> {
    let messages = sink.shipper.take()?;
    for (topic, messages) in by_topic(messages) {
        let mut backoff = BACKOFF;
        loop {
            let error = match shipping.append(topic, messages.clone()).await {
                Ok(()) => break,
                Err(error) if error.is_retryable() => error,
                Err(error) => return Err(error).context("handing events over"),
            };
            if backoff.is_fresh() {
                tracing::warn!(%error, "waiting; what is in the logs stays there meanwhile");
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.pause(error.retry_after())) => {}
                _ = stop.wait_for(|stop| *stop) => return Ok(false),
            }
        }
    }
    Ok(true)
}

/// Neighbours of one topic, in order.
fn by_topic(messages: Vec<Addressed>) -> Vec<(&'static str, Vec<Message>)> {
    let mut groups: Vec<(&'static str, Vec<Message>)> = Vec::new();
    for (topic, message) in messages {
        match groups.last_mut() {
            Some((same, group)) if *same == topic => group.push(message),
            _ => groups.push((topic, vec![message])),
        }
    }
    groups
}

/// Where the positions of a path are kept, for each destination apart.
fn state_path(config: &Config, path: &Path, destination: &str) -> anyhow::Result<PathBuf> {
    let whole = path
        .canonicalize()
        .with_context(|| format!("reading {}", path.display()))?;
    let whole = whole.to_string_lossy();
    let id = EventId::from_parts(&[b"follow", whole.as_bytes(), destination.as_bytes()]);
    let name: String = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    let id: String = id.as_str().chars().take(16).collect();
    Ok(config
        .data_dir
        .join("follow")
        .join(format!("{name}-{id}.json")))
}

/// The name of this computer: logs that are followed are its own.
#[expect(
    clippy::disallowed_methods,
    reason = "Windows tells its name in the environment"
)]
fn computer_name() -> Option<String> {
    std::env::var("COMPUTERNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
}

/// Holds what is to be handed over, and counts it.
struct Sink {
    shipper: Shipper,
    followed: Followed,
}

impl EventSink for Sink {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        match event.kind {
            Kind::Count => self.followed.counts += 1,
            Kind::Record | Kind::Inventory => self.followed.records += 1,
        }
        self.shipper.event(event)
    }

    fn reject(&mut self, reject: Reject) -> Result<(), SinkError> {
        self.followed.rejected += 1;
        self.shipper.reject(reject)
    }
}
