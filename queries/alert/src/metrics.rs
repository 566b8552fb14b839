//! What the alert service counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use patchlens_queries::metrics::{Outcomes, head, single};

/// Counts of this process. Labels are bounded: the sinks of the settings, the rules of the files.
#[derive(Debug, Default)]
pub struct Metrics {
    evaluations: Outcomes,
    deliveries: Mutex<BTreeMap<String, Outcomes>>,
    rule_errors: Mutex<BTreeMap<String, u64>>,
    active: AtomicU64,
    /// When the last evaluation ended well, in seconds since 1970.
    progress_at_seconds: AtomicU64,
}

impl Metrics {
    pub(crate) fn evaluated(&self, is_ok: bool, took: Duration, active: usize, now_seconds: i64) {
        self.evaluations.observe(is_ok, took);
        self.active
            .store(u64::try_from(active).unwrap_or(u64::MAX), Ordering::Relaxed);
        if is_ok {
            self.progress_at_seconds.store(
                u64::try_from(now_seconds).unwrap_or_default(),
                Ordering::Relaxed,
            );
        }
    }

    pub(crate) fn delivered(&self, sink: &str, is_ok: bool, took: Duration) {
        if let Ok(mut deliveries) = self.deliveries.lock() {
            deliveries
                .entry(sink.to_owned())
                .or_default()
                .observe(is_ok, took);
        }
    }

    pub(crate) fn rule_failed(&self, rule: &str) {
        if let Ok(mut errors) = self.rule_errors.lock() {
            *errors.entry(rule.to_owned()).or_default() += 1;
        }
    }

    /// When the last evaluation ended well, in seconds since 1970; 0 when none did.
    pub fn progress_at_seconds(&self) -> u64 {
        self.progress_at_seconds.load(Ordering::Relaxed)
    }

    /// The counters in Prometheus' text form.
    pub fn prometheus(&self) -> String {
        let mut text = String::new();
        head(
            &mut text,
            "patchlens_alert_evaluation_duration_seconds",
            "histogram",
            "Time to evaluate all rules.",
        );
        self.evaluations
            .write(&mut text, "patchlens_alert_evaluation_duration_seconds", "");
        head(
            &mut text,
            "patchlens_alert_delivery_duration_seconds",
            "histogram",
            "Time to tell a sink.",
        );
        for (sink, outcomes) in self
            .deliveries
            .lock()
            .iter()
            .flat_map(|deliveries| deliveries.iter())
        {
            outcomes.write(
                &mut text,
                "patchlens_alert_delivery_duration_seconds",
                &format!("sink=\"{sink}\""),
            );
        }
        head(
            &mut text,
            "patchlens_alert_rule_errors_total",
            "counter",
            "Evaluations of a rule that failed.",
        );
        for (rule, errors) in self
            .rule_errors
            .lock()
            .iter()
            .flat_map(|errors| errors.iter())
        {
            // Writing to a string cannot fail.
            let _written = writeln!(
                text,
                "patchlens_alert_rule_errors_total{{rule=\"{rule}\"}} {errors}"
            );
        }
        single(
            &mut text,
            "patchlens_alert_active_alerts",
            "gauge",
            "Alerts that are active.",
            self.active.load(Ordering::Relaxed),
        );
        single(
            &mut text,
            "patchlens_alert_progress_timestamp_seconds",
            "gauge",
            "When the last evaluation ended well, in seconds since 1970.",
            self.progress_at_seconds(),
        );
        text
    }
}
