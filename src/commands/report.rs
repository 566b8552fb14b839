//! `report`: what the store knows of a rollout, a cluster or a device.

use std::fmt::Write as _;

use anyhow::{Context, bail};
use patchlens_queries::case::{self, Document};
use patchlens_queries::names::shortened;
use patchlens_queries::reports::{ClusterDeviceRow, ClusterRow, RolloutSummary};
use patchlens_transform::report::{self, device_reports};
use patchlens_transform::{Knowledge, diagnose, from_ipc_stream};
use serde::Serialize;

use crate::cli::{self, Report, ReportFormat, ReportSubject};
use crate::commands::diagnose::{DiagnoseReport, InputReport, clusters};
use crate::config::Config;
use crate::output::{Outcome, columns, print};
use crate::reference;
use crate::services::{OpenStore, runtime};

/// A rollout with what blocks it.
#[derive(Debug, Serialize)]
struct RolloutReport {
    rollout: RolloutSummary,
    clusters: Vec<ClusterRow>,
}

/// A cluster with its devices.
#[derive(Debug, Serialize)]
struct ClusterReport {
    cluster: ClusterRow,
    devices: Vec<ClusterDeviceRow>,
}

pub(crate) fn run(config: Config, command: &Report) -> anyhow::Result<Outcome> {
    // A rule with a mistake is refused before anything is opened.
    let knowledge = crate::knowledge::load(&config)?;
    runtime()?.block_on(async {
        let open = OpenStore::open_to_read(&config).await?;
        let text = write(knowledge, &open, command).await;
        open.close().await?;
        print(&text?)?;
        Ok(Outcome::Done)
    })
}

async fn write(knowledge: Knowledge, open: &OpenStore, command: &Report) -> anyhow::Result<String> {
    let id = command.id.as_deref();
    match command.subject {
        ReportSubject::Rollout => rollout(open, id, command).await,
        ReportSubject::Cluster => cluster(open, id.context("name a cluster: patchlens report cluster KEY; `patchlens report rollout` lists the keys")?, command).await,
        ReportSubject::Device => device(knowledge, open, id.context("name a device: patchlens report device ID")?, command).await,
    }
}

async fn rollout(open: &OpenStore, id: Option<&str>, command: &Report) -> anyhow::Result<String> {
    let missing = "no such rollout in the store; `patchlens reference DIR` loads plans";
    if matches!(command.format, ReportFormat::Markdown | ReportFormat::Html) {
        let case = open.store.rollout_case(id, language(command)).await?;
        return written(&case.context(missing)?, command.format);
    }
    let report = RolloutReport {
        rollout: open.store.rollout_summary(id).await?.context(missing)?,
        clusters: open.store.clusters(None).await?,
    };
    Ok(match command.format {
        ReportFormat::Json => serde_json::to_string_pretty(&report)?,
        _ => rollout_text(&report),
    })
}

/// The rollout in columns; also what the demo ends with.
fn rollout_text(report: &RolloutReport) -> String {
    summary_text(&report.rollout, &report.clusters)
}

/// Widest culprit in the columns of a summary.
const CULPRIT_CHARS: usize = 48;

/// A rollout and its clusters in columns.
pub(crate) fn summary_text(rollout: &RolloutSummary, clusters: &[ClusterRow]) -> String {
    let mut text = format!("{}  KB{}\n\n", rollout.name, rollout.kb_article);
    let r = rollout;
    let percent = r.percent_latest();
    let _infallible = writeln!(
        text,
        "compliance   {} of {} reporting devices have the update ({percent} %); {} missing one, {} missing multiple, {} of unknown build",
        r.latest, r.reporting, r.missing_one, r.missing_multiple, r.build_unknown
    );
    let _infallible = writeln!(
        text,
        "denominator  {} planned = {} reporting + {} stale + {} never seen + {} excluded",
        r.devices, r.reporting, r.stale, r.never_seen, r.excluded
    );
    let _infallible = writeln!(
        text,
        "now          {} failed, {} in progress, {} pending restart, {} not started\n",
        r.failed, r.in_progress, r.pending_restart, r.not_started
    );
    let rows: Vec<Vec<String>> = clusters
        .iter()
        .map(|c| {
            vec![
                c.open_devices.to_string(),
                c.devices.to_string(),
                c.cause.clone(),
                shortened(&c.culprit, CULPRIT_CHARS),
                c.error_codes.join(" "),
                c.sites.join(", "),
                c.cluster_key.clone(),
            ]
        })
        .collect();
    text.push_str(&columns(
        &[
            "failing",
            "devices",
            "cause",
            "culprit",
            "error codes",
            "sites",
            "cluster",
        ],
        &rows,
    ));
    text
}

async fn cluster(open: &OpenStore, key: &str, command: &Report) -> anyhow::Result<String> {
    let missing =
        || format!("no cluster {key:?} in the store; `patchlens report rollout` lists the keys");
    if command.format != ReportFormat::Json {
        let case = open.store.cluster_case(key, language(command)).await?;
        return written(&case.with_context(missing)?, command.format);
    }
    let cluster = open.store.clusters(Some(key)).await?.into_iter().next();
    let report = ClusterReport {
        cluster: cluster.with_context(missing)?,
        devices: open.store.cluster_devices(key).await?,
    };
    Ok(serde_json::to_string_pretty(&report)?)
}

async fn device(
    knowledge: Knowledge,
    open: &OpenStore,
    id: &str,
    command: &Report,
) -> anyhow::Result<String> {
    if command.format != ReportFormat::Json {
        let case = open.store.device_case(id, language(command)).await?;
        let case = case.with_context(|| {
            format!("no device {id:?} in the store; ids are computer names in upper case")
        })?;
        return written(&case, command.format);
    }
    device_json(knowledge, open, id, command).await
}

fn language(command: &Report) -> case::Language {
    match command.lang {
        cli::Language::En => case::Language::En,
        cli::Language::Zh => case::Language::Zh,
    }
}

fn written(document: &Document, format: ReportFormat) -> anyhow::Result<String> {
    Ok(match format {
        ReportFormat::Table => case::plain(document),
        ReportFormat::Markdown => case::markdown(document),
        ReportFormat::Html => case::html(document),
        ReportFormat::Json => serde_json::to_string_pretty(document)?,
    })
}

/// The same report that `diagnose` gives, from what the store holds.
async fn device_json(
    knowledge: Knowledge,
    open: &OpenStore,
    id: &str,
    command: &Report,
) -> anyhow::Result<String> {
    let events = open.store.device_events(&[id.to_owned()]).await?;
    let events = from_ipc_stream(&events).context("reading the device's records")?;
    if events.height() == 0 {
        bail!("no record of a device {id:?} in the store; ids are computer names in upper case");
    }
    let (reference, _) = reference::load(&open.store).await?;
    let records = events.height() as u64;
    let diagnosed = tokio::task::spawn_blocking(move || diagnose(&events, &reference, &knowledge))
        .await
        .context("the analysis ended early")??;
    let language = match command.lang {
        cli::Language::En => report::Language::En,
        cli::Language::Zh => report::Language::Zh,
    };
    let devices =
        device_reports(&diagnosed, language, report::Include::All).context("writing the report")?;
    let report = DiagnoseReport {
        clusters: clusters(&devices),
        devices,
        input: InputReport {
            records,
            ..InputReport::default()
        },
        explanations: Vec::new(),
        symbol_conflicts: Vec::new(),
    };
    Ok(serde_json::to_string_pretty(&report)?)
}
