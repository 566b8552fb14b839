//! Reads the bundles that are handed in on the dashboards' page, the same way as `collect` reads them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use patchlens_dashboards::{Collected, Pending, Receipt, Uploader, Uploads};
use patchlens_event::{EVENTS_TOPIC, Event, REJECTS_TOPIC, Reject};
use patchlens_ingest::collect::{EventSink, PathAccount, SinkError, read_path};
use patchlens_ingest::ship::{Shipper, ship_all};
use patchlens_log::{LogUrl, PartitionLag, Reader, ReaderOptions, Writer};
use patchlens_stream::Metrics;

use crate::cli::Reading;
use crate::config::{Config, socket_address};
use crate::reading::collect_options;
use crate::services::{now, open_writer};

/// Reasons of refused input that a receipt holds.
const REASONS_MAX: usize = 20;
/// How often the event log is asked how far the analysis has come.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

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
        url: url.parse()?,
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
    url: LogUrl,
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
            let receipt = receipt(&account, reasons);
            let analysed = Box::pin(async move {
                if let Err(error) = this.wait_until_moved().await {
                    tracing::warn!(%error, "cannot tell how far the analysis has come");
                }
            });
            Ok(Collected { receipt, analysed })
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

    /// Returns when the transform stage has moved what is in the event log now.
    async fn wait_until_moved(&self) -> anyhow::Result<()> {
        if matches!(self.url, LogUrl::Local { .. }) {
            return self.wait_for_position().await;
        }
        // Of Kafka's partitions only their reader knows the position: it must have looked since, and seen nothing left.
        let since = u64::try_from(now()().as_second()).unwrap_or_default();
        let metrics = &self.metrics;
        while metrics.progress_at_seconds.load(Ordering::Relaxed) <= since
            || metrics.lag_messages.load(Ordering::Relaxed) > 0
        {
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        Ok(())
    }

    async fn wait_for_position(&self) -> anyhow::Result<()> {
        // It never polls, and so never takes the group's place from the transform stage.
        let options =
            ReaderOptions::new(&self.config.event_log.group, [EVENTS_TOPIC, REJECTS_TOPIC]);
        let mut reader = Reader::open(&self.url, options).await?;
        let ends: Vec<i64> = reader
            .lag()
            .await?
            .iter()
            .map(|lag| lag.end_offset)
            .collect();
        let is_behind = |lags: &[PartitionLag]| {
            lags.iter()
                .zip(&ends)
                .any(|(lag, end)| lag.next_offset < *end)
        };
        while is_behind(&reader.lag().await?) {
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        reader.close().await;
        Ok(())
    }
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
