//! The main loop, written forwards.

mod anew;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use patchlens_event::{Event, Source};
use patchlens_log::{Delivered, PartitionLag, Reader};
use patchlens_queries::Store;
use patchlens_transform::{RowOrigin, TRANSFORM_VERSION, events_frame, normalise};
use polars::prelude::DataFrame;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::decode::{Decoded, ReadDocuments, decode};
use crate::devices::{Analysis, Recomputed, recompute};
use crate::engine::Engine;
use crate::gather::{Gathered, Gatherer};
use crate::load::{Loaded, insert_missing};
use crate::tables::{self, NOISE_PROFILE, REJECT, Table, UPDATE_EVENT};
use crate::{Error, Looked, Metrics, Result};
use anew::Misjudged;

/// How the flow cuts and when it gives up.
#[derive(Debug, Clone)]
pub struct FlowOptions {
    /// A cut ends at this many bytes of messages. Bounds the memory of the flow: a cut in flight
    /// takes about ten times its bytes.
    pub cut_bytes_max: usize,
    /// A cut ends after this time.
    pub cut_wait: Duration,
    /// Stop when the log has nothing more; else wait for more until told to stop.
    pub until_idle: bool,
    /// Reads event log documents as forwarders write them.
    pub documents: Arc<dyn ReadDocuments>,
    /// Reads the clock; a parameter, so that tests decide what time it is.
    pub now: fn() -> Timestamp,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages moved.
    pub messages: u64,
    /// Rows inserted.
    pub inserted: u64,
    /// Rows that were there already.
    pub present: u64,
    /// Rows written to the table `reject`.
    pub rejected: u64,
    /// Devices recomputed; a device counts once for each cut that touched it, and once when it was judged
    /// anew for another reason.
    pub devices: u64,
}

/// How often devices are looked for that changed on another way than through this flow: plans written in SQL.
const LOOK_FOR_OUTDATED: Duration = Duration::from_mins(1);
/// How long devices are judged anew while the log has nothing, before it is looked at again.
const WHILE_IDLE: Duration = Duration::from_secs(5);

/// From the log into the store.
#[derive(Debug)]
pub struct Flow {
    reader: Reader,
    store: Store,
    analysis: Analysis,
    engine: Engine,
    gatherer: Gatherer,
    options: FlowOptions,
    metrics: Arc<Metrics>,
    generation: u64,
    looked_at: Instant,
    misjudged: Misjudged,
}

impl Flow {
    /// Puts the parts together; nothing is read yet.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn new(
        reader: Reader,
        store: Store,
        analysis: Analysis,
        options: FlowOptions,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let misjudged = Misjudged::new(outranking((options.now)(), 0));
        Ok(Self {
            reader,
            store,
            analysis,
            engine: Engine::start()?,
            gatherer: Gatherer::default(),
            options,
            metrics,
            generation: 0,
            looked_at: Instant::now(),
            misjudged,
        })
    }

    /// Moves cuts until told to stop, or until the log is empty when so asked. A cut under way is
    /// finished first.
    ///
    /// A failure of the store or of the log that may pass is tried again, with longer and longer
    /// waits; nothing is lost meanwhile, for the position in the log stays.
    ///
    /// # Errors
    /// Failures that trying again does not mend.
    pub async fn run(&mut self, mut stop: watch::Receiver<bool>) -> Result<Summary> {
        let mut summary = Summary::default();
        loop {
            if *stop.borrow() {
                return Ok(summary);
            }
            let made_by = self.analysis.made_by();
            let gathered = tokio::select! {
                gathered = self.gatherer.next(&mut self.reader, self.options.cut_bytes_max, self.options.cut_wait, &made_by) => gathered,
                _ = stop.changed() => continue,
            };
            let gathered = match gathered {
                Ok(Some(gathered)) => gathered,
                Ok(None) => {
                    self.note_progress().await;
                    let is_judged = self.judge_anew(WHILE_IDLE, &mut summary, &mut stop).await?;
                    if self.options.until_idle
                        && is_judged
                        && self.metrics.lag_messages.load(Ordering::Relaxed) == 0
                    {
                        return Ok(summary);
                    }
                    continue;
                }
                Err(error) if error.is_retryable() => {
                    self.wait_to_retry(
                        &error,
                        "the event log cannot be read; trying again",
                        Duration::from_secs(1),
                        &mut stop,
                    )
                    .await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut wait = Duration::from_millis(200);
            loop {
                let started = Instant::now();
                let moved = self.move_cut(&gathered, &mut summary).await;
                self.metrics
                    .cut_duration
                    .observe(moved.is_ok(), started.elapsed());
                match moved {
                    Ok(()) => break,
                    Err(error) if error.is_retryable() && !*stop.borrow() => {
                        self.wait_to_retry(
                            &error,
                            "a cut failed; trying it again",
                            wait,
                            &mut stop,
                        )
                        .await;
                        wait = (wait * 2).min(Duration::from_secs(15));
                    }
                    Err(error) if error.is_lost_partition() => {
                        // Another process owns it now, and will verify what this one inserted.
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "a partition went to another process; leaving its cut"
                        );
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
            self.note_progress().await;
            // A log that never ends shall not keep silent devices from new rules.
            if self.misjudged.looked_at.elapsed() >= LOOK_FOR_OUTDATED {
                self.judge_anew(Duration::ZERO, &mut summary, &mut stop)
                    .await?;
            }
        }
    }

    /// Leaves the consumer group in good order, so that its partitions are free at once.
    pub async fn close(self) {
        self.reader.close().await;
    }

    async fn wait_to_retry(
        &self,
        error: &Error,
        what: &'static str,
        wait: Duration,
        stop: &mut watch::Receiver<bool>,
    ) {
        Metrics::add(&self.metrics.retries, 1);
        tracing::warn!(error = error as &dyn std::error::Error, ?wait, "{what}");
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stop.changed() => {}
        }
    }

    /// One cut, from recorded to finished.
    async fn move_cut(&mut self, gathered: &Gathered, summary: &mut Summary) -> Result<()> {
        let Gathered {
            messages,
            cuts,
            in_doubt,
        } = gathered;
        let now = (self.options.now)();
        self.reader.record_cut(cuts).await?;

        let batch = Arc::clone(messages);
        let documents = Arc::clone(&self.options.documents);
        let Decoded {
            events,
            counts,
            mut rejects,
        } = self
            .engine
            .run(move || decode(&batch, documents.as_ref(), now))
            .await?;
        let noise = tables::noise_profile(&counts).map_err(Error::frame("noise counts"))?;
        // Whether a failed search passed is told by those that worked, which ReportingEvents.log's counts hold; other
        // counts change no verdict, but what is shown of their device.
        let telling = counts
            .iter()
            .filter(|(count, _)| count.source == Source::ReportingEvents);
        let devices: BTreeSet<String> = device_ids(&events).chain(device_ids(telling)).collect();
        let devices = Vec::from_iter(devices);
        let changed: BTreeSet<String> =
            device_ids(&counts).chain(devices.iter().cloned()).collect();
        let knowledge = Arc::clone(&self.analysis.knowledge);
        let frame = self
            .engine
            .run(move || normalise(events_frame(&events, TRANSFORM_VERSION, now)?, &knowledge))
            .await?
            .map_err(patchlens_transform::Error::from)?;

        let facts = self.load(UPDATE_EVENT, frame, now, &mut rejects).await?;
        let noise = self.load(NOISE_PROFILE, noise, now, &mut rejects).await?;
        let rejected = tables::reject(&rejects).map_err(Error::frame("rejects"))?;
        let rejected = insert_missing(&self.store, &self.engine, REJECT, rejected, now).await?;

        self.generation = self.next_generation(now, &devices).await?;
        let recomputed = self.recompute(&devices, self.generation).await?;
        self.refresh(Vec::from_iter(changed)).await?;
        self.store
            .make_durable()
            .await
            .map_err(Error::store("making a cut durable"))?;
        self.reader.finish(cuts).await?;

        self.account(
            messages,
            &[&facts, &noise],
            &rejected,
            &recomputed,
            *in_doubt,
            summary,
        );
        Ok(())
    }

    async fn recompute(&self, devices: &[String], generation: u64) -> Result<Recomputed> {
        let recomputed = recompute(
            &self.store,
            &self.engine,
            &self.analysis,
            devices,
            generation,
        );
        let recomputed = recomputed.await?;
        Metrics::add(&self.metrics.devices, recomputed.judged);
        Metrics::add(&self.metrics.failed_devices, recomputed.failed.len());
        Ok(recomputed)
    }

    async fn refresh(&self, devices: Vec<String>) -> Result<()> {
        let refreshed = self.store.refresh_devices(&devices).await;
        refreshed.map_err(Error::store("refreshing what views count over"))
    }

    async fn load(
        &self,
        table: Table,
        frame: DataFrame,
        now: Timestamp,
        rejects: &mut Vec<(patchlens_event::Reject, patchlens_transform::RowOrigin)>,
    ) -> Result<Loaded> {
        let mut loaded = insert_missing(&self.store, &self.engine, table, frame, now).await?;
        rejects.append(&mut loaded.refused);
        Ok(loaded)
    }

    /// Later recomputations outrank earlier ones, also those of another process whose clock was ahead.
    async fn next_generation(&self, now: Timestamp, devices: &[String]) -> Result<u64> {
        let stored = self.store.newest_generation(devices).await;
        let stored = stored.map_err(Error::store("reading how new the devices of a cut are"))?;
        Ok(outranking(now, self.generation.max(stored)))
    }

    fn account(
        &self,
        messages: &[Delivered],
        loaded: &[&Loaded],
        rejected: &Loaded,
        recomputed: &Recomputed,
        in_doubt: bool,
        summary: &mut Summary,
    ) {
        let inserted: usize = loaded.iter().map(|l| l.inserted).sum();
        let present: usize = loaded.iter().map(|l| l.present).sum();
        let metrics = &self.metrics;
        Metrics::add(&metrics.messages, messages.len());
        Metrics::add(
            &metrics.bytes,
            messages.iter().map(|m| m.payload.len()).sum(),
        );
        Metrics::add(&metrics.cuts, 1);
        Metrics::add(&metrics.inserted_rows, inserted);
        Metrics::add(&metrics.present_rows, present);
        Metrics::add(&metrics.reject_rows, rejected.inserted);
        if in_doubt {
            Metrics::add(&metrics.verified_rows, inserted.saturating_add(present));
            tracing::info!(present, inserted, "verified a cut in doubt");
        }
        summary.messages = summary.messages.saturating_add(messages.len() as u64);
        summary.inserted = summary.inserted.saturating_add(inserted as u64);
        summary.present = summary.present.saturating_add(present as u64);
        summary.rejected = summary.rejected.saturating_add(rejected.inserted as u64);
        summary.devices = summary.devices.saturating_add(recomputed.judged as u64);
        tracing::debug!(
            messages = messages.len(),
            inserted,
            present,
            rejected = rejected.inserted,
            devices = recomputed.judged,
            "moved a cut"
        );
    }

    /// Refreshes what changed on another way, once in a while. A failure waits for the next time.
    async fn refresh_outdated(&mut self) {
        if self.looked_at.elapsed() < LOOK_FOR_OUTDATED {
            return;
        }
        self.looked_at = Instant::now();
        match self.store.refresh_outdated().await {
            Ok(0) => {}
            Ok(devices) => tracing::info!(devices, "refreshed devices whose plan or facts changed"),
            Err(error) => tracing::warn!(%error, "devices that changed could not be looked for"),
        }
    }

    async fn note_progress(&mut self) {
        self.refresh_outdated().await;
        let looked_at = Instant::now();
        match self.reader.lag().await {
            // Before the group has given it partitions, a reader knows nothing of what is waiting.
            Ok(partitions) if partitions.is_empty() => {
                self.metrics.lag_messages.store(u64::MAX, Ordering::Relaxed);
            }
            Ok(partitions) => {
                let lag: u64 = partitions.iter().map(PartitionLag::messages).sum();
                self.metrics.lag_messages.store(lag, Ordering::Relaxed);
                let now = u64::try_from((self.options.now)().as_second()).unwrap_or_default();
                self.metrics
                    .progress_at_seconds
                    .store(now, Ordering::Relaxed);
                self.metrics.looked.send_replace(Looked {
                    at: Some(looked_at.into()),
                    partitions,
                });
            }
            // Not known is not zero: an idle run goes on until the log has answered.
            Err(error) => {
                self.metrics.lag_messages.store(u64::MAX, Ordering::Relaxed);
                tracing::warn!(%error, "the event log does not say how far behind the flow is");
            }
        }
    }
}

/// A generation above another one: the time in microseconds, where that is later.
fn outranking(now: Timestamp, generation: u64) -> u64 {
    u64::try_from(now.as_microsecond())
        .unwrap_or_default()
        .max(generation.saturating_add(1))
}

/// The devices of some events, doubles included.
fn device_ids<'a>(
    events: impl IntoIterator<Item = &'a (Event, RowOrigin)>,
) -> impl Iterator<Item = String> {
    let events = events.into_iter();
    events.map(|(event, _)| event.device_id.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_the_time_or_above_what_a_clock_ahead_has_left() {
        let now = Timestamp::from_microsecond(1_000).unwrap();
        assert_eq!(outranking(now, 0), 1_000);
        assert_eq!(outranking(now, 1_000), 1_001);
        assert_eq!(outranking(now, 5_000), 5_001);
        assert_eq!(outranking(now, u64::MAX), u64::MAX);
    }
}
