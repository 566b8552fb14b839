//! What the flow counts; every service shows it under `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use patchlens_log::PartitionLag;
use tokio::sync::watch;

use patchlens_queries::metrics::{Outcomes, head};

/// Counters since the process started. All are monotonic but for the gauges named so.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Messages read from the log.
    pub messages: AtomicU64,
    /// Bytes of those messages.
    pub bytes: AtomicU64,
    /// Cuts finished.
    pub cuts: AtomicU64,
    /// Rows that the store did not hold and that were inserted.
    pub inserted_rows: AtomicU64,
    /// Rows that the store held already: collected or delivered again.
    pub present_rows: AtomicU64,
    /// Rows of cuts that were in doubt and were verified at the store.
    pub verified_rows: AtomicU64,
    /// Rows written to the table `reject`.
    pub reject_rows: AtomicU64,
    /// Devices recomputed.
    pub devices: AtomicU64,
    /// Devices that could not be judged: their older attempts and diagnoses stay.
    pub failed_devices: AtomicU64,
    /// Devices that were judged anew because other rules, another version or other reference data had judged them;
    /// they count as recomputed too.
    pub rejudged_devices: AtomicU64,
    /// Failures that were tried again.
    pub retries: AtomicU64,
    /// Time to store a cut and finish it.
    pub cut_duration: Outcomes,
    /// Gauge: messages in the log that are not finished.
    pub lag_messages: AtomicU64,
    /// Gauge: when the last cut was finished or the log found empty, in seconds since 1970.
    pub progress_at_seconds: AtomicU64,
    /// What the flow saw when it last looked how far it has come; for those who wait for something that they appended.
    pub looked: watch::Sender<Looked>,
}

/// How far the flow has come in the partitions that it reads.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// When the look began: what was durable then lies before the ends. `None` before the first.
    pub at: Option<Instant>,
    /// Each partition's position and end.
    pub partitions: Vec<PartitionLag>,
}

impl Metrics {
    pub(crate) fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// The counters in Prometheus' text form.
    pub fn prometheus(&self) -> String {
        let rows = [
            (
                "messages_total",
                "counter",
                "messages read from the event log",
                &self.messages,
            ),
            (
                "bytes_total",
                "counter",
                "bytes of messages read from the event log",
                &self.bytes,
            ),
            ("cuts_total", "counter", "cuts finished", &self.cuts),
            (
                "inserted_rows_total",
                "counter",
                "rows inserted into the store",
                &self.inserted_rows,
            ),
            (
                "present_rows_total",
                "counter",
                "rows that the store held already",
                &self.present_rows,
            ),
            (
                "verified_rows_total",
                "counter",
                "rows of cuts in doubt, verified at the store",
                &self.verified_rows,
            ),
            (
                "reject_rows_total",
                "counter",
                "rows written to the table reject",
                &self.reject_rows,
            ),
            (
                "devices_total",
                "counter",
                "devices recomputed",
                &self.devices,
            ),
            (
                "failed_devices_total",
                "counter",
                "devices that could not be judged; the log names them",
                &self.failed_devices,
            ),
            (
                "rejudged_devices_total",
                "counter",
                "devices judged anew for other rules, another version or other reference data",
                &self.rejudged_devices,
            ),
            (
                "retries_total",
                "counter",
                "failures that were tried again",
                &self.retries,
            ),
            (
                "lag_messages",
                "gauge",
                "messages in the event log that are not finished",
                &self.lag_messages,
            ),
            (
                "progress_timestamp_seconds",
                "gauge",
                "when the flow last made progress, in seconds since 1970",
                &self.progress_at_seconds,
            ),
        ];
        let mut text = String::new();
        for (name, kind, help, value) in rows {
            let value = value.load(Ordering::Relaxed);
            let name = format!("patchlens_stream_{name}");
            text.push_str(&format!(
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
            ));
        }
        let name = "patchlens_stream_cut_duration_seconds";
        head(
            &mut text,
            name,
            "histogram",
            "time to store a cut and finish it",
        );
        self.cut_duration.write(&mut text, name, "");
        text
    }
}
