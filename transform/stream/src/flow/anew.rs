//! Devices that were judged by other rules, another version of the program or other reference data are judged anew,
//! some at a time, while the log has nothing: a device may never report again.
//!
//! What a device was judged by stands in its row, so that a restart goes on where the process before ended. The way goes
//! through the devices once: one that cannot be judged does not keep it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Flow, Summary};
use crate::devices::DEVICES_PER_STEP;
use crate::{Error, Metrics, Result};

/// How long after the end of the way it begins again: another process may have judged some devices by the rules of before
/// meanwhile, as while services are upgraded one by one.
const BEGIN_AGAIN: Duration = Duration::from_hours(1);

/// How far the way is gone.
#[derive(Debug)]
pub(super) struct Misjudged {
    /// Decides in which order devices come: another one for each process, so that those of one fleet share the work.
    seed: u64,
    /// The place of the device that came last; `None` at the end of the way.
    after: Option<u64>,
    /// When devices were last looked for.
    pub(super) looked_at: Instant,
    /// Devices judged on this way.
    judged: usize,
}

impl Misjudged {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            after: Some(0),
            looked_at: Instant::now(),
            judged: 0,
        }
    }
}

impl Flow {
    /// Judges some devices anew, and for `at_least` as long as there are more, and says whether none is left. A failure
    /// that may pass waits a second, and for the next call.
    pub(super) async fn judge_anew(
        &mut self,
        at_least: Duration,
        summary: &mut Summary,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<bool> {
        if self.misjudged.after.is_none() && self.misjudged.looked_at.elapsed() >= BEGIN_AGAIN {
            self.misjudged.after = Some(0);
            self.misjudged.judged = 0;
        }
        let until = Instant::now() + at_least;
        while let Some(after) = self.misjudged.after {
            let judged = self.judge_some_anew(after).await;
            self.misjudged.looked_at = Instant::now();
            match judged {
                Ok(judged) => summary.devices = summary.devices.saturating_add(judged as u64),
                Err(error) if error.is_retryable() => {
                    let what = "devices cannot be judged anew; trying again";
                    self.wait_to_retry(&error, what, Duration::from_secs(1), stop)
                        .await;
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
            if Instant::now() >= until || *stop.borrow() {
                break;
            }
        }
        Ok(self.misjudged.after.is_none())
    }

    async fn judge_some_anew(&mut self, after: u64) -> Result<usize> {
        let made_by = self.analysis.made_by();
        let way = &self.misjudged;
        let found = self
            .store
            .misjudged_devices(&made_by, way.seed, after, DEVICES_PER_STEP)
            .await
            .map_err(Error::store(
                "looking for devices that were judged by something else",
            ))?;
        let Some(place) = found.last().map(|(_, place)| *place) else {
            if way.judged > 0 {
                tracing::info!(devices = way.judged, made_by, "judged devices anew");
            }
            self.misjudged.after = None;
            return Ok(0);
        };
        if way.judged == 0 {
            tracing::info!(
                made_by,
                "judging devices anew: they were judged by other rules, another version or other reference data"
            );
        }
        let devices: Vec<String> = found.into_iter().map(|(device, _)| device).collect();
        let newest = self.store.newest_generation(&devices).await;
        let newest = newest.map_err(Error::store("reading how new some devices are"))?;
        // Right above what there is, and not by the clock: a cut of such a device, in another process, outranks it.
        let recomputed = self.recompute(&devices, newest.saturating_add(1)).await?;
        self.refresh(devices).await?;
        Metrics::add(&self.metrics.rejudged_devices, recomputed.judged);
        self.misjudged.after = Some(place);
        self.misjudged.judged = self.misjudged.judged.saturating_add(recomputed.judged);
        Ok(recomputed.judged)
    }
}
