//! Reads the bundles that are handed in on the dashboards' page, the same way as `collect` reads them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use patchlens_dashboards::{Collected, Pending, Receipt, Uploader, Uploads};
use patchlens_event::{EVENTS_TOPIC, Event, REJECTS_TOPIC, Reject};
use patchlens_ingest::collect::{EventSink, PathAccount, SinkError, read_path};
use patchlens_ingest::ship::{Shipper, ship_all};
use patchlens_log::{PartitionLag, Writer};
use patchlens_stream::{Looked, Metrics};
use tokio::sync::watch;

use crate::cli::Reading;
use crate::config::{Config, socket_address};
use crate::reading::collect_options;
use crate::services::open_writer;

/// Reasons of refused input that a receipt holds.
const REASONS_MAX: usize = 20;

/// Where the bundles of this process's pages go. The transform stage must run in this process too: `metrics` are its.
pub(crate) async fn uploads(config: &Config, metrics: Arc<Metrics>) -> anyhow::Result<Uploads> {
    let address = socket_address("dashboards.http", &config.dashboards.http)?;
    if !address.ip().is_loopback() && !config.dashboards.upload_from_elsewhere {
        return Ok(Uploads::NotFromElsewhere);
    }
    let url = config.event_log_url();
    let writer = Arc::new(open_writer(config, &url).await?);
    let uploader = LogUploader {
        config: Arc::new(config.clone()),
        writer,
        metrics,
    };
    let dir = config.data_dir.join("uploads");
    // What a process that was killed left there was never acknowledged.
    if dir.exists() {
        std::fs::remove_dir_all(&dir)
            .with_context(|| format!("emptying the folder of uploads {}", dir.display()))?;
    }
    Ok(Uploads::To {
        uploader: Arc::new(uploader),
        dir,
        bytes_max: config.dashboards.upload_mib_max << 20,
    })
}

#[derive(Clone)]
struct LogUploader {
    config: Arc<Config>,
    writer: Arc<Writer>,
    metrics: Arc<Metrics>,
}

impl Uploader for LogUploader {
    fn collect(&self, path: PathBuf) -> Pending<Result<Collected, String>> {
        let this = self.clone();
        Box::pin(async move {
            let (account, reasons) = this
                .ship(path)
                .await
                .map_err(|error| format!("{error:#}"))?;
            Ok(Collected {
                receipt: receipt(&account, reasons),
                analysed: Box::pin(moved(this.metrics.looked.subscribe(), Instant::now())),
            })
        })
    }
}

impl LogUploader {
    /// Reads the bundle; returns when everything in it is durable in the event log.
    async fn ship(&self, path: PathBuf) -> anyhow::Result<(PathAccount, Vec<String>)> {
        let reading = Reading {
            device: None,
            assume_utc_offset: None,
        };
        let options = collect_options(&self.config, &reading, 1)?;
        let (shipper, inbox) = Shipper::new(self.config.collect.message_kib_max);
        let mut sink = Noting {
            shipper,
            reasons: Vec::new(),
        };
        let read = tokio::task::spawn_blocking(move || {
            let account = read_path(&path, &options, &mut sink)?;
            sink.shipper.flush()?;
            Ok::<_, patchlens_ingest::Error>((account, sink.reasons))
        });
        let mut writer = Arc::clone(&self.writer);
        let written = ship_all(&mut writer, inbox).await;
        let read = read.await.context("the reading thread ended early")?;
        // The writer's error is the cause when both fail: the reader only found the door closed.
        written.context("writing to the event log")?;
        Ok(read?)
    }
}

/// Returns when the transform stage has moved what was in the event log at `shipped_at`; false when another process has
/// come to read a part of it, so that this one cannot tell.
async fn moved(mut looks: watch::Receiver<Looked>, shipped_at: Instant) -> bool {
    let begun_since = |look: &Looked| look.at.is_some_and(|at| at >= shipped_at);
    let Ok(first) = looks.wait_for(begun_since).await.map(|look| look.clone()) else {
        return false;
    };
    let ends = first
        .partitions
        .iter()
        .filter(|end| [EVENTS_TOPIC, REJECTS_TOPIC].contains(&&*end.topic));
    let ends: Vec<&PartitionLag> = ends.collect();
    let position = |look: &Looked, end: &PartitionLag| {
        let is_its =
            |now: &&PartitionLag| (&now.topic, now.partition) == (&end.topic, end.partition);
        look.partitions
            .iter()
            .find(is_its)
            .map(|now| now.next_offset)
    };
    let is_past = |look: &Looked| {
        ends.iter()
            .all(|end| position(look, end).is_none_or(|offset| offset >= end.end_offset))
    };
    looks
        .wait_for(|look| is_past(look))
        .await
        .is_ok_and(|look| ends.iter().all(|end| position(&look, end).is_some()))
}

fn receipt(account: &PathAccount, reasons: Vec<String>) -> Receipt {
    let devices = account
        .devices
        .iter()
        .filter(|device| device.sent + device.noise_counted > 0)
        .map(|device| device.device_id.to_string())
        .collect();
    Receipt {
        devices,
        files: account.files(),
        records: account.records(),
        rejected: account.rejected(),
        reasons,
        unrecognised: account.unrecognised().chain(account.refused()).collect(),
    }
}

/// Notes the first reasons of refused input on its way.
struct Noting {
    shipper: Shipper,
    reasons: Vec<String>,
}

impl EventSink for Noting {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        self.shipper.event(event)
    }

    fn reject(&mut self, reject: Reject) -> Result<(), SinkError> {
        if self.reasons.len() < REASONS_MAX {
            let reason = match reject.origin.file.as_str() {
                "" => reject.detail.clone(),
                file => format!("{file}: {}", reject.detail),
            };
            self.reasons.push(reason);
        }
        self.shipper.reject(reject)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn look(at: Instant, partitions: &[(&str, i32, i64, i64)]) -> Looked {
        Looked {
            at: Some(at),
            partitions: partitions
                .iter()
                .map(|(topic, partition, next_offset, end_offset)| PartitionLag {
                    topic: (*topic).into(),
                    partition: *partition,
                    next_offset: *next_offset,
                    end_offset: *end_offset,
                })
                .collect(),
        }
    }

    /// What it gives if it gives it now.
    fn now_or_never(waiting: &mut Pin<Box<impl Future<Output = bool>>>) -> Option<bool> {
        match waiting
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(found) => Some(found),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn an_upload_waits_for_its_own_end_however_much_arrives_behind_it() {
        let metrics = Metrics::default();
        let shipped_at = Instant::now();
        let before = shipped_at
            .checked_sub(std::time::Duration::from_secs(1))
            .unwrap();
        let mut waiting = Box::pin(moved(metrics.looked.subscribe(), shipped_at));
        // A look from before does not know its end.
        metrics
            .looked
            .send_replace(look(before, &[(EVENTS_TOPIC, 0, 5, 5)]));
        assert_eq!(now_or_never(&mut waiting), None);
        let steps = [
            [
                (EVENTS_TOPIC, 0, 5, 9),
                (REJECTS_TOPIC, 0, 1, 1),
                ("patchlens.winlogbeat.v1", 0, 0, 7),
            ],
            [
                (EVENTS_TOPIC, 0, 8, 20),
                (REJECTS_TOPIC, 0, 1, 4),
                ("patchlens.winlogbeat.v1", 0, 0, 9),
            ],
        ];
        for step in steps {
            metrics.looked.send_replace(look(Instant::now(), &step));
            assert_eq!(now_or_never(&mut waiting), None);
        }
        // Never without anything behind it, and past its end all the same.
        metrics.looked.send_replace(look(
            Instant::now(),
            &[(EVENTS_TOPIC, 0, 9, 40), (REJECTS_TOPIC, 0, 1, 8)],
        ));
        assert_eq!(now_or_never(&mut waiting), Some(true));
    }

    #[tokio::test]
    async fn what_another_process_analyses_is_not_called_done() {
        let metrics = Metrics::default();
        let mut waiting = Box::pin(moved(metrics.looked.subscribe(), Instant::now()));
        metrics.looked.send_replace(look(
            Instant::now(),
            &[(EVENTS_TOPIC, 0, 5, 9), (EVENTS_TOPIC, 1, 2, 3)],
        ));
        assert_eq!(now_or_never(&mut waiting), None);
        metrics
            .looked
            .send_replace(look(Instant::now(), &[(EVENTS_TOPIC, 0, 9, 9)]));
        assert_eq!(now_or_never(&mut waiting), Some(false));
    }
}
