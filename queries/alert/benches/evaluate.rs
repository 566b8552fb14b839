//! How long all rules take on 10 million records of 100,000 devices, on the embedded engine.
//!
//! `cargo bench -p patchlens-alert --bench evaluate`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement, for the eye"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use patchlens_alert::evaluate::{Moment, evaluate};
use patchlens_alert::rule;
use patchlens_alert::service::{Options, Service};
use patchlens_alert::sink::Pace;
use patchlens_queries::testing;

const FLEET: &str = include_str!("fleet.sql");

#[tokio::main]
async fn main() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let started = Instant::now();
    let text: String = FLEET
        .lines()
        .filter(|line| !line.starts_with("--"))
        .flat_map(|line| [line, "\n"])
        .collect();
    for statement in text.split(";\n").filter(|text| !text.trim().is_empty()) {
        let chunks = if statement.contains("{chunk}") { 10 } else { 1 };
        for chunk in 0..chunks {
            let statement = statement.replace("{chunk}", &chunk.to_string());
            store.execute("load the fleet", &statement).await.unwrap();
        }
    }
    store.refresh_outdated().await.unwrap();
    println!("loaded in {:.1} s", started.elapsed().as_secs_f64());

    let as_of: Timestamp = "2024-08-25T12:00:00Z".parse().unwrap();
    let moment = Moment {
        as_of: Some(as_of),
        now: as_of,
    };
    let rules = rule::load(None).unwrap();
    for rule in &rules {
        let (mut best, mut found) = (Duration::MAX, 0);
        for _ in 0..5 {
            let started = Instant::now();
            found = evaluate(&store, rule, moment).await.unwrap().len();
            best = best.min(started.elapsed());
        }
        println!(
            "{:<24} {:>6.0} ms   {found} alerts",
            rule.name,
            best.as_secs_f64() * 1000.0
        );
    }

    let options = Options {
        rules,
        interval: Duration::from_mins(1),
        pace: Pace::default(),
        clock: Timestamp::now,
    };
    let mut service = Service::new(store, options, Arc::default());
    let mut took = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        let evaluation = service.look_back(as_of).await.unwrap();
        assert!(evaluation.failures.is_empty(), "{:?}", evaluation.failures);
        took.push(started.elapsed());
    }
    took.sort();
    let at = |index: usize| took.get(index).copied().unwrap_or_default().as_secs_f64() * 1000.0;
    println!(
        "{:<24} {:>6.0} ms median, {:.0} ms p95 of 20",
        "all rules, two at a time",
        at(10),
        at(18)
    );
}
