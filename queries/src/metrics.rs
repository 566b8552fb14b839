//! Metrics in Prometheus' text form: what every service that uses the store counts with.
//!
//! Names are `patchlens_<subsystem>_<noun>_<unit>[_total]`; label values come from bounded sets. The counters are
//! atomics: counting never waits.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets, in milliseconds: from a page's answer (its budget is 150 ms) to a cut that the store
/// takes slowly.
const BOUNDS_MS: [u64; 12] = [
    5, 10, 25, 50, 100, 150, 250, 500, 1_000, 2_500, 10_000, 30_000,
];

/// Writes the two head lines of a metric.
pub fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string cannot fail.
    let _written = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// Writes a metric of one line without labels.
pub fn single(text: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    head(text, name, kind, help);
    let _written = writeln!(text, "{name} {value}");
}

/// A distribution of durations.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS_MS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Histogram {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        for (bound, bucket) in BOUNDS_MS.iter().zip(&self.buckets) {
            if micros <= bound * 1000 {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes its lines; `labels` as they stand between the braces, such as `outcome="ok"`. The head is the
    /// caller's: one metric may have several sets of labels.
    pub fn write(&self, text: &mut String, name: &str, labels: &str) {
        let comma = if labels.is_empty() { "" } else { "," };
        // A count that grew while this was written must not be below its buckets.
        let buckets: Vec<u64> = self
            .buckets
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed))
            .collect();
        let micros = self.micros.load(Ordering::Relaxed);
        let count = self
            .count
            .load(Ordering::Relaxed)
            .max(buckets.iter().copied().max().unwrap_or_default());
        for (bound, count) in BOUNDS_MS.iter().zip(buckets) {
            let (seconds, millis) = (bound / 1000, bound % 1000);
            let bound = format!("{seconds}.{millis:03}");
            let bound = bound.trim_end_matches('0').trim_end_matches('.');
            let _written = writeln!(
                text,
                "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {count}"
            );
        }
        let _written = writeln!(text, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}");
        let braces = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{labels}}}")
        };
        let _written = writeln!(
            text,
            "{name}_sum{braces} {}.{:06}\n{name}_count{braces} {count}",
            micros / 1_000_000,
            micros % 1_000_000
        );
    }
}

/// Durations by how it ended.
#[derive(Debug, Default)]
pub struct Outcomes {
    ok: Histogram,
    error: Histogram,
}

impl Outcomes {
    /// Counts one.
    pub fn observe(&self, is_ok: bool, took: Duration) {
        if is_ok { &self.ok } else { &self.error }.observe(took);
    }

    /// Writes its lines, with `outcome` after `labels`.
    pub fn write(&self, text: &mut String, name: &str, labels: &str) {
        let comma = if labels.is_empty() { "" } else { "," };
        self.ok
            .write(text, name, &format!("{labels}{comma}outcome=\"ok\""));
        self.error
            .write(text, name, &format!("{labels}{comma}outcome=\"error\""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_outcomes_apart() {
        let outcomes = Outcomes::default();
        outcomes.observe(true, Duration::from_millis(7));
        outcomes.observe(true, Duration::from_mins(1));
        outcomes.observe(false, Duration::from_millis(1));
        let mut text = String::new();
        outcomes.write(&mut text, "x_seconds", "sink=\"a\"");
        for line in [
            "x_seconds_bucket{sink=\"a\",outcome=\"ok\",le=\"0.005\"} 0",
            "x_seconds_bucket{sink=\"a\",outcome=\"ok\",le=\"0.01\"} 1",
            "x_seconds_bucket{sink=\"a\",outcome=\"ok\",le=\"10\"} 1",
            "x_seconds_bucket{sink=\"a\",outcome=\"ok\",le=\"+Inf\"} 2",
            "x_seconds_sum{sink=\"a\",outcome=\"ok\"} 60.007000",
            "x_seconds_count{sink=\"a\",outcome=\"error\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
