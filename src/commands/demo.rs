//! `demo`: the main job on this machine alone. A simulated rollout is written as log bundles, which
//! go the same way as real ones: parsers, event log, transform, store, views.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use patchlens_queries::case;
use patchlens_queries::reports::{ClusterRow, RolloutSummary};
use patchlens_stream::Metrics;
use serde::Serialize;
use tokio::sync::watch;

use crate::alerting::{self, ActiveAlert};
use crate::cli::{Demo, Mix, Reading};
use crate::commands::{collect, report, serve, simulate};
use crate::config::Config;
use crate::output::{Format, Outcome, announce, print, print_json, say};
use crate::reading::collect_options;
use crate::reference;
use crate::services::{OpenStore, open_flow, open_writer, runtime, stop_signal};

mod alertmanager;

use alertmanager::Alertmanager;

/// Marks a directory as one that a demo may empty.
const MARKER: &str = ".patchlens-demo";

/// What the demo found; its JSON Schema is docs/schema/demo.v1.json.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct DemoReport {
    /// How far the rollout is, with its denominator.
    pub(crate) compliance: RolloutSummary,
    /// Devices of the rollout that fail for the same reason, the largest first.
    pub(crate) clusters: Vec<ClusterRow>,
    /// Alerts that are active at the end of the data, the worst first.
    pub(crate) alerts: Vec<ActiveAlert>,
    /// From the first bundle to the last view, in seconds.
    pub(crate) seconds: f64,
}

pub(crate) fn run(mut config: Config, command: &Demo) -> anyhow::Result<Outcome> {
    config.data_dir = prepare(&config.data_dir)?;
    config.event_log.url = String::new();
    config.store.url = String::new();
    let config = config.with_addresses(&command.addresses)?;
    runtime()?.block_on(async {
        let stop = stop_signal();
        let open = OpenStore::open(&config).await?;
        let done = load_and_serve(&config, &open, command, stop).await;
        open.close().await?;
        done?;
        Ok(Outcome::Done)
    })
}

/// Empties the demo's own directory; refuses any other that is not empty.
fn prepare(data_dir: &Path) -> anyhow::Result<std::path::PathBuf> {
    let occupied = data_dir.is_dir()
        && std::fs::read_dir(data_dir)
            .with_context(|| format!("reading {}", data_dir.display()))?
            .next()
            .is_some();
    ensure!(
        !occupied || data_dir.join(MARKER).exists(),
        "{} holds data that no demo made; --data-dir names another directory",
        data_dir.display()
    );
    let running = patchlens_queries::embedded::running_at(&data_dir.join("store"));
    ensure!(
        running.is_none(),
        "another demo runs on {}: stop it, or --data-dir names another directory",
        data_dir.display()
    );
    if occupied {
        std::fs::remove_dir_all(data_dir)
            .with_context(|| format!("emptying {}", data_dir.display()))?;
    }
    std::fs::create_dir_all(data_dir).with_context(|| format!("making {}", data_dir.display()))?;
    std::fs::write(
        data_dir.join(MARKER),
        "patchlens demo may delete this directory\n",
    )
    .with_context(|| format!("writing to {}", data_dir.display()))?;
    // Absolute: the engine does not like to be told "here".
    data_dir
        .canonicalize()
        .with_context(|| format!("finding {}", data_dir.display()))
}

async fn load_and_serve(
    config: &Config,
    open: &OpenStore,
    command: &Demo,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let folder = config.data_dir.join("demo");
    let truth = simulate::write(&folder, command.devices, command.seed, Mix::Rollout)?;
    say(&format!(
        "wrote the log bundles of {} devices to {}",
        truth.devices.len(),
        folder.display()
    ));

    let (reference, files) = reference::read_directory(&folder)?;
    reference::save(&open.store, &reference, &files).await?;

    let started = Instant::now();
    let metrics = Arc::new(Metrics::default());
    for wave in ["bundles", "bundles-later"] {
        let bundles = folder.join(wave);
        if bundles.is_dir() {
            load(config, open, &bundles, Arc::clone(&metrics), &stop).await?;
        }
    }
    ensure!(
        !*stop.borrow(),
        "stopped before everything was loaded: there is nothing to show"
    );
    let seconds = started.elapsed().as_secs_f64();
    alerting::replay(config, &open.store)
        .await
        .context("looking for alerts in the rollout's past")?;
    let compliance = open
        .store
        .rollout_summary(Some(&truth.rollout_id))
        .await?
        .context("the demo's rollout is not in the store")?;
    let report = DemoReport {
        clusters: open.store.clusters_of(&compliance).await?,
        compliance,
        alerts: alerting::active(&open.store).await?,
        seconds,
    };
    match command.format {
        Format::Json => print_json(&report)?,
        Format::Table | Format::Markdown => print(&as_text(&report))?,
    }
    if command.exit || *stop.borrow() {
        return Ok(());
    }
    let mut config = config.clone();
    // Who has sinks of their own is told there.
    let alertmanager = match config.alert.sinks.as_slice() {
        [] => Alertmanager::start(&config.data_dir).await?,
        _ => None,
    };
    if let Some(alertmanager) = &alertmanager {
        let said = alertmanager.told_by(&mut config)?;
        announce(&said)?;
    }
    serve::all_services(&config, open, metrics, stop).await
}

async fn load(
    config: &Config,
    open: &OpenStore,
    bundles: &Path,
    metrics: Arc<Metrics>,
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut writer = Arc::new(open_writer(config, &config.event_log_url()).await?);
    let reading = Reading {
        device: None,
        assume_utc_offset: None,
    };
    let accounting = collect::ship(
        config,
        &mut writer,
        vec![bundles.to_path_buf()],
        collect_options(config, &reading, 1)?,
    )
    .await?;
    say(&accounting.to_line("the local event log"));
    if let Some(writer) = Arc::into_inner(writer) {
        writer.close().await;
    }
    let mut flow = open_flow(config, open.store.clone(), true, metrics).await?;
    let moved = flow.run(stop.clone()).await;
    flow.close().await;
    let summary = moved?;
    say(&format!(
        "{} rows into the store, {} devices analysed",
        summary.inserted, summary.devices
    ));
    Ok(())
}

fn as_text(report: &DemoReport) -> String {
    let DemoReport {
        compliance,
        clusters,
        alerts,
        seconds,
    } = report;
    let mut said = String::new();
    for alert in alerts {
        said.push_str(&format!("{:<8} {}\n", alert.severity, alert.summary_en));
    }
    format!(
        "{}\n{} alerts are active; `patchlens alert --help`\n{said}\n{} clusters; from log bundles to views in {seconds:.1} s\n",
        report::summary_text(compliance, clusters, case::Language::En),
        alerts.len(),
        clusters.len()
    )
}
