//! `diagnose`: what failed on a device, why, with evidence, and what to do. Offline, no store.

use std::fmt::Write as _;
use std::num::NonZero;

use anyhow::{Context, bail};
use patchlens_event::{Event, Reject};
use patchlens_ingest::collect::{EventSink, SinkError, read_path};
use patchlens_transform::report::{
    DeviceReport, DiagnosisReport, EvidenceReport, Include, Language, device_reports,
};
use patchlens_transform::{
    Explanation, Reference, RowOrigin, SymbolConflict, TRANSFORM_VERSION, diagnose,
    diagnose_and_explain, events_frame, normalise, symbol_conflicts,
};
use serde::Serialize;

use crate::cli::{self, Diagnose};
use crate::config::Config;
use crate::output::{Format, Outcome, print, print_json};
use crate::reading::collect_options;
use crate::reference::read_directory;
use crate::services::now;

/// Reading gets no faster beyond.
const THREADS_MAX: usize = 8;

/// The whole answer; its JSON Schema is docs/schema/diagnose.v1.json.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct DiagnoseReport {
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
    let language = match command.lang {
        cli::Language::En => Language::En,
        cli::Language::Zh => Language::Zh,
    };
    let report = answer(config, command, language)?;
    match command.format {
        Format::Json => print_json(&report)?,
        Format::Table => print(&as_text(&report))?,
        Format::Markdown => print(&as_markdown(&report))?,
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
    // Nothing but noise is an answer too.
    for device in read {
        let device_id = device.device_id.as_str();
        if devices.iter().all(|known| known.device_id != device_id) {
            let device_name = device.device_name.unwrap_or_else(|| device_id.to_owned());
            devices.push(DeviceReport {
                device_id: device_id.to_owned(),
                device_name,
                os_build: String::new(),
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
        devices,
        input,
        explanations,
        symbol_conflicts,
    })
}

fn as_text(report: &DiagnoseReport) -> String {
    let mut text = String::new();
    for device in &report.devices {
        let build = if device.os_build.is_empty() {
            "build unknown"
        } else {
            &device.os_build
        };
        add(&mut text, &format!("{}  {build}", device.device_id));
        if device.diagnoses.is_empty() {
            add(&mut text, "  no failure found");
        }
        for (rank, diagnosis) in device.diagnoses.iter().enumerate() {
            add(
                &mut text,
                &format!(
                    "  {} {}",
                    if rank == 0 { "verdict:" } else { "or else:" },
                    headline(diagnosis)
                ),
            );
            add(&mut text, &format!("    {}", diagnosis.summary));
            for item in &diagnosis.evidence {
                add(
                    &mut text,
                    &format!("    evidence  {}: {}", place(item), first_line(&item.text)),
                );
            }
            for (step, action) in diagnosis.actions.iter().enumerate() {
                add(&mut text, &format!("    do {}  {action}", step + 1));
            }
            let why = report.explanations.iter().find(|explanation| {
                explanation.device_id == device.device_id
                    && explanation.cluster_key == diagnosis.cluster_key
            });
            if let Some(why) = why {
                add(&mut text, &explanation_text(why, "    "));
            }
        }
        for attempt in &device.attempts {
            let kb = attempt
                .kb_article
                .map_or_else(|| "update not named".to_owned(), |kb| format!("KB{kb}"));
            let code = attempt.error_code.as_deref().unwrap_or_default();
            let ended = attempt
                .ended_at
                .as_deref()
                .or(attempt.started_at.as_deref())
                .unwrap_or("undated");
            add(
                &mut text,
                &format!(
                    "  attempt   {ended}  {kb}  {}  {}  {code}",
                    attempt.outcome, attempt.furthest_client_substate
                ),
            );
        }
        text.push('\n');
    }
    for conflict in &report.symbol_conflicts {
        add(&mut text, &conflict_text(conflict));
    }
    let InputReport {
        files,
        records,
        rejected,
        unrecognised,
    } = &report.input;
    add(
        &mut text,
        &format!(
            "read {files} files, {records} records; {rejected} rejected; {} files not recognised",
            unrecognised.len()
        ),
    );
    text
}

/// `symbol 0x800f0823: the log prints X, the catalogue says Y; 12 records, first CBS.log:3`.
fn conflict_text(conflict: &SymbolConflict) -> String {
    let known = conflict.catalogue.as_ref().map_or_else(
        || "the catalogue has none".to_owned(),
        |symbol| format!("the catalogue says {symbol}"),
    );
    format!(
        "symbol {}: the log prints {}, {known}; {} records, first {}:{}",
        conflict.code, conflict.printed, conflict.records, conflict.file, conflict.line
    )
}

fn as_markdown(report: &DiagnoseReport) -> String {
    let mut text = String::new();
    for device in &report.devices {
        add(&mut text, &format!("## {}\n", escape(&device.device_id)));
        if device.diagnoses.is_empty() {
            add(&mut text, "No failure found.\n");
        }
        for diagnosis in &device.diagnoses {
            add(
                &mut text,
                &format!(
                    "### {}\n\n{}\n",
                    escape(&headline(diagnosis)),
                    escape(&diagnosis.summary)
                ),
            );
            for (step, action) in diagnosis.actions.iter().enumerate() {
                add(&mut text, &format!("{}. {}", step + 1, escape(action)));
            }
            text.push('\n');
            for item in &diagnosis.evidence {
                add(
                    &mut text,
                    &format!(
                        "- {}: `{}`",
                        escape(&place(item)),
                        first_line(&item.text).replace('`', "'")
                    ),
                );
            }
            text.push('\n');
        }
    }
    text
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

fn headline(diagnosis: &DiagnosisReport) -> String {
    let mut line = diagnosis.cause.clone();
    if let Some(culprit) = &diagnosis.culprit {
        let _infallible = write!(line, "  {culprit}");
    }
    if let Some(kb) = diagnosis.kb_article {
        let _infallible = write!(line, "  KB{kb}");
    }
    if let Some(code) = &diagnosis.error_code {
        let _infallible = write!(
            line,
            "  {code} {}",
            diagnosis.error_symbol.as_deref().unwrap_or_default()
        );
    }
    let _infallible = write!(line, "  confidence {:.2}", diagnosis.confidence);
    line
}

fn place(item: &EvidenceReport) -> String {
    match item.record_id {
        Some(record) => format!("{} record {record}", item.file),
        None => format!("{}:{} (byte {})", item.file, item.line, item.byte_offset),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Log text may hold anything: it must not become mark-up.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

fn add(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
