//! `diagnose`: what failed on devices, why, with evidence, and what to do. Offline, no store.

mod writing;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZero;
use std::path::Path;

use anyhow::{Context, bail};
use patchlens_event::{Event, Reject};
use patchlens_ingest::collect::{EventSink, SinkError, read_path};
use patchlens_queries::case;
use patchlens_transform::report::{DeviceReport, Include, Language, device_reports};
use patchlens_transform::{
    Explanation, Reference, RowOrigin, SymbolConflict, TRANSFORM_VERSION, diagnose,
    diagnose_and_explain, events_frame, normalise, symbol_conflicts,
};
use serde::Serialize;

use crate::cli::{self, Diagnose, ReportFormat};
use crate::config::Config;
use crate::output::{Outcome, print, print_json};
use crate::reading::collect_options;
use crate::reference::read_directory;
use crate::services::now;

/// Reading gets no faster beyond.
const THREADS_MAX: usize = 8;

/// The whole answer; its JSON Schema is docs/schema/diagnose.v1.json.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct DiagnoseReport {
    /// What fails, most devices first: several devices fail for one reason.
    pub(crate) clusters: Vec<ClusterReport>,
    /// One for each device found in the paths.
    pub(crate) devices: Vec<DeviceReport>,
    /// What was read.
    pub(crate) input: InputReport,
    /// Why each diagnosis is what it is; only with `--explain`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) explanations: Vec<Explanation>,
    /// Symbols that the logs print beside a code and the catalogue does not hold for it; only with
    /// `--explain`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) symbol_conflicts: Vec<SymbolConflict>,
}

/// Devices that fail for the same reason now.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct ClusterReport {
    /// The same for all of them.
    pub(crate) cluster_key: String,
    /// Stable id of the cause.
    pub(crate) cause: String,
    /// The named thing at fault; null when the evidence names none.
    pub(crate) culprit: Option<String>,
    /// Updates that fail.
    pub(crate) kb_articles: Vec<u32>,
    /// Codes that the devices report for it.
    pub(crate) error_codes: Vec<String>,
    /// Of the surest diagnosis, 0 to 1; below 0.5 the cause is possible, not proved.
    pub(crate) confidence: f64,
    /// Ids of the devices.
    pub(crate) devices: Vec<String>,
}

/// What was read of the paths.
#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
pub(crate) struct InputReport {
    /// Files that a parser recognised.
    pub(crate) files: u64,
    /// Records in them.
    pub(crate) records: u64,
    /// Lines, files and archives that could not be read.
    pub(crate) rejected: u64,
    /// Files that no parser recognises.
    pub(crate) unrecognised: Vec<String>,
    /// Devices of which nothing could be read: whether they fail is not known.
    pub(crate) unread_devices: Vec<String>,
}

/// Keeps the events of one run in memory.
#[derive(Default)]
struct Collected {
    events: Vec<(Event, RowOrigin)>,
}

impl EventSink for Collected {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        self.events.push((event, RowOrigin::default()));
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> Result<(), SinkError> {
        tracing::warn!(
            file = reject.origin.file,
            line = reject.origin.line,
            reason = reject.reason.as_str(),
            detail = reject.detail,
            "rejected input"
        );
        Ok(())
    }
}

pub(crate) fn run(config: &Config, command: &Diagnose) -> anyhow::Result<Outcome> {
    let (language, written_in) = match command.lang {
        cli::Language::En => (Language::En, case::Language::En),
        cli::Language::Zh => (Language::Zh, case::Language::Zh),
    };
    let report = answer(config, command, language)?;
    let document = || writing::document(&report, written_in);
    match command.format {
        ReportFormat::Json => print_json(&report)?,
        ReportFormat::Table => print(&case::plain(&document()))?,
        ReportFormat::Markdown => print(&case::markdown(&document()))?,
        ReportFormat::Html => print(&case::html(&document()))?,
    }
    Ok(Outcome::from_rejects(report.input.rejected))
}

fn answer(
    config: &Config,
    command: &Diagnose,
    language: Language,
) -> anyhow::Result<DiagnoseReport> {
    let reference = match &command.reference {
        Some(directory) => read_directory(directory)?.0,
        None => Reference::default(),
    };
    let mut options = collect_options(config, &command.reading, command.paths.len())?;
    options.counts_noise = false;
    // All events are kept anyway: none has to wait until an earlier file is read. Who collects reads
    // file by file, since each file that is open costs memory that a device needs for its work.
    options.ahead_bytes_max = 256 << 20;
    options.threads = std::thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(THREADS_MAX);
    let mut collected = Collected::default();
    let mut input = InputReport::default();
    let mut read = Vec::new();
    for path in &command.paths {
        // Each path is a collection of its own: line numbers say nothing across them.
        options.collected_at = now()();
        let account = read_path(path, &options, &mut collected)?;
        input.files += account.files();
        input.records += account.records();
        input.rejected += account.rejected();
        if command.reference.is_none() {
            let unrecognised = account
                .devices
                .iter()
                .flat_map(|device| &device.unrecognised);
            point_to_reference(path, unrecognised.map(|entry| entry.file.as_str()));
        }
        input.unrecognised.extend(account.unrecognised());
        for note in &account.notes {
            tracing::warn!(path = %path.display(), note, "devices told apart");
        }
        read.extend(account.devices);
    }
    if input.files == 0 {
        let unread = if input.unrecognised.is_empty() {
            String::new()
        } else {
            format!("; not recognised: {}", input.unrecognised.join(", "))
        };
        let paths: Vec<String> = command
            .paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        bail!(
            "no log that patchlens knows in {}{unread}",
            paths.join(", ")
        );
    }
    let knowledge = crate::knowledge::load(config)?;
    let frame = events_frame(&collected.events, TRANSFORM_VERSION, now()())
        .context("laying out the events")?;
    let frame = normalise(frame, &knowledge).context("normalising the events")?;
    let symbol_conflicts = if command.explain {
        symbol_conflicts(&frame, &knowledge).context("comparing symbols with the catalogue")?
    } else {
        Vec::new()
    };
    let (diagnosed, explanations) = if command.explain {
        diagnose_and_explain(&frame, &reference, &knowledge).context("diagnosing")?
    } else {
        let diagnosed = diagnose(&frame, &reference, &knowledge).context("diagnosing")?;
        (diagnosed, Vec::new())
    };
    let mut devices =
        device_reports(&diagnosed, language, Include::Open).context("writing the report")?;
    // Nothing but noise is an answer too; nothing at all is none.
    for device in read {
        let device_id = device.device_id.as_str();
        if device.files + device.duplicate_files == 0 {
            input.unread_devices.push(device_id.to_owned());
            continue;
        }
        if devices.iter().all(|known| known.device_id != device_id) {
            let device_name = device.device_name.unwrap_or_else(|| device_id.to_owned());
            devices.push(DeviceReport {
                device_id: device_id.to_owned(),
                device_name,
                os_build: String::new(),
                zone_assumed: Vec::new(),
                diagnoses: Vec::new(),
                attempts: Vec::new(),
            });
        }
    }
    let shown = |explanation: &Explanation| {
        devices.iter().any(|device| {
            device.device_id == explanation.device_id
                && device
                    .diagnoses
                    .iter()
                    .any(|diagnosis| diagnosis.cluster_key == explanation.cluster_key)
        })
    };
    let explanations = explanations.into_iter().filter(shown).collect();
    Ok(DiagnoseReport {
        clusters: clusters(&devices),
        devices,
        input,
        explanations,
        symbol_conflicts,
    })
}

/// Reference data beside the logs is not used unasked: whoever made the bundle could steer the verdict. But who put it
/// there should hear of the option.
fn point_to_reference<'a>(path: &Path, unrecognised: impl Iterator<Item = &'a str>) {
    let is_csv = |name: &&str| name.to_ascii_lowercase().ends_with(".csv");
    for name in unrecognised.filter(is_csv) {
        let file = path.join(name);
        let Ok(bytes) = std::fs::read(&file) else {
            continue;
        };
        if matches!(Reference::default().add_csv(name, &bytes), Ok(Some(_))) {
            tracing::warn!(
                file = %file.display(),
                "this is reference data and not used; --reference DIR, with the directory that it is in, uses it"
            );
        }
    }
}

/// Puts devices together that fail for the same reason. What a failure may be as well counts for nothing.
pub(crate) fn clusters(devices: &[DeviceReport]) -> Vec<ClusterReport> {
    let mut by_key: BTreeMap<&str, ClusterReport> = BTreeMap::new();
    for device in devices {
        let found = device.diagnoses.iter().filter(|d| d.open && !d.alternative);
        for diagnosis in found {
            let cluster = by_key
                .entry(&diagnosis.cluster_key)
                .or_insert_with(|| ClusterReport {
                    cluster_key: diagnosis.cluster_key.clone(),
                    cause: diagnosis.cause.clone(),
                    culprit: diagnosis.culprit.clone(),
                    kb_articles: Vec::new(),
                    error_codes: Vec::new(),
                    confidence: 0.0,
                    devices: Vec::new(),
                });
            cluster.kb_articles.extend(diagnosis.kb_article);
            cluster.error_codes.extend(diagnosis.error_code.clone());
            cluster.confidence = cluster.confidence.max(diagnosis.confidence);
            cluster.devices.push(device.device_id.clone());
        }
    }
    let mut clusters: Vec<ClusterReport> = by_key.into_values().collect();
    for cluster in &mut clusters {
        cluster.kb_articles.sort_unstable();
        cluster.kb_articles.dedup();
        cluster.error_codes.sort_unstable();
        cluster.error_codes.dedup();
        cluster.devices.dedup();
    }
    // What is proved before what is possible.
    clusters.sort_by_key(|cluster| {
        (
            cluster.confidence < case::STATED,
            std::cmp::Reverse(cluster.devices.len()),
        )
    });
    clusters
}

/// Why a diagnosis is what it is, in lines.
pub(crate) fn explanation_text(why: &Explanation, indent: &str) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        let _infallible = writeln!(text, "{indent}{label:<9} {value}");
    };
    line("key", &why.cluster_key);
    for part in &why.key {
        let made_of = if part.made_of.is_empty() || part.made_of == part.value {
            String::new()
        } else {
            format!("  (of {})", part.made_of)
        };
        line("", &format!("{}: {}{made_of}", part.name, part.value));
    }
    line(
        "rule",
        &why.rule.as_ref().map_or_else(
            || "none holds: said openly, not guessed".to_owned(),
            |rule| format!("{rule}  ({:.2})", why.confidence),
        ),
    );
    for condition in &why.conditions {
        line("", condition);
    }
    for other in &why.considered {
        let worth = other
            .confidence
            .map_or_else(|| "does not hold".to_owned(), |worth| format!("{worth:.2}"));
        line(
            "rejected",
            &format!("{}/{}  {worth}: {}", other.cause, other.rule, other.why_not),
        );
    }
    text.trim_end().to_owned()
}
