//! What the gateway counts, for `/metrics`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counters since the process started. Labels come from closed sets.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    bytes: Mutex<BTreeMap<&'static str, u64>>,
    events: Mutex<BTreeMap<&'static str, u64>>,
    rejected: Mutex<BTreeMap<&'static str, u64>>,
    refused: Mutex<BTreeMap<&'static str, u64>>,
    /// Gauge: bundles that are received or read.
    pub(crate) bundles_open: AtomicU64,
}

fn add<K: Ord>(counter: &Mutex<BTreeMap<K, u64>>, key: K, count: u64) {
    let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
    let sum = counter.entry(key).or_default();
    *sum = sum.saturating_add(count);
}

impl Metrics {
    pub(crate) fn request(&self, endpoint: &'static str, status: u16) {
        add(&self.requests, (endpoint, status), 1);
    }

    pub(crate) fn bytes(&self, endpoint: &'static str, count: u64) {
        add(&self.bytes, endpoint, count);
    }

    pub(crate) fn events(&self, endpoint: &'static str, count: u64) {
        add(&self.events, endpoint, count);
    }

    pub(crate) fn rejected(&self, reason: &'static str, count: u64) {
        add(&self.rejected, reason, count);
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        add(&self.refused, reason, 1);
    }

    /// The counters in Prometheus' text form.
    pub(crate) fn prometheus(&self) -> String {
        let mut text = String::new();
        let requests = self
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|((endpoint, status), count)| {
                (
                    format!("endpoint=\"{endpoint}\",status=\"{status}\""),
                    *count,
                )
            })
            .collect();
        family(
            &mut text,
            "requests_total",
            "counter",
            "requests answered",
            requests,
        );
        let labelled = |name: &str, counter: &Mutex<BTreeMap<&'static str, u64>>| {
            counter
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .map(|(value, count)| (format!("{name}=\"{value}\""), *count))
                .collect::<Vec<_>>()
        };
        for (name, help, rows) in [
            (
                "bytes_total",
                "bytes of request bodies, after inflating",
                labelled("endpoint", &self.bytes),
            ),
            (
                "events_total",
                "events made durable in the event log",
                labelled("endpoint", &self.events),
            ),
            (
                "rejected_total",
                "pieces of input kept as rejects",
                labelled("reason", &self.rejected),
            ),
            (
                "refused_total",
                "requests refused",
                labelled("reason", &self.refused),
            ),
        ] {
            family(&mut text, name, "counter", help, rows);
        }
        let open = self.bundles_open.load(Ordering::Relaxed);
        family(
            &mut text,
            "bundles_open",
            "gauge",
            "bundles that are being received or read",
            vec![(String::new(), open)],
        );
        text
    }
}

fn family(text: &mut String, name: &str, kind: &str, help: &str, rows: Vec<(String, u64)>) {
    let name = format!("patchlens_gateway_{name}");
    // Writing to a string cannot fail.
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
    for (labels, value) in rows {
        if labels.is_empty() {
            writeln!(text, "{name} {value}").ok();
        } else {
            writeln!(text, "{name}{{{labels}}} {value}").ok();
        }
    }
}
