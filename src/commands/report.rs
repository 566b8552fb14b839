//! `report`: what the store knows of a rollout, a cluster or a device.

use anyhow::{Context, bail};
use patchlens_event::DeviceId;
use patchlens_queries::case::{self, Document, told_cause};
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
    let rollout = open.store.rollout_summary(id).await?.context(missing)?;
    let report = RolloutReport {
        clusters: open.store.clusters_of(&rollout).await?,
        rollout,
    };
    Ok(match command.format {
        ReportFormat::Json => serde_json::to_string_pretty(&report)?,
        _ => summary_text(&report.rollout, &report.clusters, language(command)),
    })
}

/// Widest culprit in the columns of a summary.
const CULPRIT_CHARS: usize = 48;

/// A rollout and the clusters that block it in columns; also what the demo ends with.
pub(crate) fn summary_text(
    r: &RolloutSummary,
    clusters: &[ClusterRow],
    language: case::Language,
) -> String {
    let is_zh = language == case::Language::Zh;
    let mut text = format!("{}  KB{}\n\n", r.name, r.kb_article);
    text.push_str(&figures(r, language).join("\n"));
    text.push_str("\n\n");
    let rows: Vec<Vec<String>> = clusters
        .iter()
        .filter(|c| c.open_devices > 0)
        .map(|c| {
            let cause = told_cause(&c.cause, c.confidence_avg, language);
            vec![
                c.open_devices.to_string(),
                c.devices.to_string(),
                cause,
                shortened(&c.culprit, CULPRIT_CHARS),
                c.error_codes.join(" "),
                c.sites.join(", "),
                c.cluster_key.clone(),
            ]
        })
        .collect();
    let header = if is_zh {
        [
            "失败中",
            "设备数",
            "原因",
            "故障对象",
            "错误代码",
            "站点",
            "故障簇",
        ]
    } else {
        [
            "failing",
            "devices",
            "cause",
            "culprit",
            "error codes",
            "sites",
            "cluster",
        ]
    };
    text.push_str(&columns(&header, &rows));
    let closed = clusters.len() - rows.len();
    if closed > 0 {
        text.push_str(&if is_zh {
            format!("\n另有 {closed} 个故障簇已不再阻碍任何设备\n")
        } else {
            format!("\n{closed} more clusters hold nobody back any more\n")
        });
    }
    text
}

/// Dates, compliance, denominator and state of a rollout, a line for each.
fn figures(r: &RolloutSummary, language: case::Language) -> [String; 4] {
    let day = |at: &Option<String>| {
        at.as_deref()
            .and_then(|at| at.get(..16))
            .unwrap_or("-")
            .to_owned()
    };
    let (started, deadline, newest) = (day(&r.started_at), day(&r.deadline_at), day(&r.as_of));
    let percent = r.percent_latest();
    let silent = r.stale + r.never_seen;
    if language == case::Language::Zh {
        [
            format!(
                "时间    开始 {started}，截止 {deadline}，最新上报 {newest}（UTC）；截止后仍未安装 {} 台",
                r.late
            ),
            format!(
                "合规    {} 台上报设备中 {} 台已安装该更新（{percent} %）；缺一个更新 {} 台，缺多个 {} 台，版本未知 {} 台",
                r.reporting, r.latest, r.missing_one, r.missing_multiple, r.build_unknown
            ),
            format!(
                "分母    计划 {} 台 = 上报 {} + 长期未上报 {} + 从未上报 {} + 排除 {}",
                r.devices, r.reporting, r.stale, r.never_seen, r.excluded
            ),
            format!(
                "现状    失败 {} 台，进行中 {} 台，等待重启 {} 台，未开始 {} 台，未上报 {silent} 台",
                r.failed, r.in_progress, r.pending_restart, r.not_started
            ),
        ]
    } else {
        [
            format!(
                "dates        started {started}, deadline {deadline}, newest report {newest} (UTC); {} late",
                r.late
            ),
            format!(
                "compliance   {} of {} reporting devices have the update ({percent} %); {} missing one, {} missing multiple, {} of unknown build",
                r.latest, r.reporting, r.missing_one, r.missing_multiple, r.build_unknown
            ),
            format!(
                "denominator  {} planned = {} reporting + {} stale + {} never seen + {} excluded",
                r.devices, r.reporting, r.stale, r.never_seen, r.excluded
            ),
            format!(
                "now          {} failed, {} in progress, {} pending restart, {} not started, {silent} silent",
                r.failed, r.in_progress, r.pending_restart, r.not_started
            ),
        ]
    }
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
    let id = DeviceId::new(id).with_context(|| format!("{id:?} is no name of a computer"))?;
    let answer = if command.format == ReportFormat::Json {
        device_json(knowledge, open, id.as_str(), command).await?
    } else {
        let case = open
            .store
            .device_case(id.as_str(), language(command))
            .await?;
        case.map(|case| written(&case, command.format))
            .transpose()?
    };
    match answer {
        Some(answer) => Ok(answer),
        None if open.store.is_planned(id.as_str()).await? => {
            bail!("the device {id} is planned and has never reported: nothing is known of it")
        }
        None => bail!("no device {id} in the store, and no rollout plans it"),
    }
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

/// The same report that `diagnose` gives, from what the store holds; `None` when it holds no record of the device.
async fn device_json(
    knowledge: Knowledge,
    open: &OpenStore,
    id: &str,
    command: &Report,
) -> anyhow::Result<Option<String>> {
    let events = open.store.device_events(&[id.to_owned()]).await?;
    let events = from_ipc_stream(&events).context("reading the device's records")?;
    if events.height() == 0 {
        return Ok(None);
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
    Ok(Some(serde_json::to_string_pretty(&report)?))
}
