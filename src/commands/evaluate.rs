//! `evaluate`: how good diagnoses and clusters are, on a simulated rollout whose truth is known.
//!
//! The bundles go the way of real ones up to the store: collector, normalisation, diagnosis. Each
//! worker has one device in memory at a time.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use patchlens_event::{Event, Reject};
use patchlens_ingest::collect::{CollectOptions, EventSink, SinkError, read_path};
use patchlens_ingest::redact::{KnownNames, Redactor};
use patchlens_simulator::{DeviceTruth, Outcome as Fate, Truth};
use patchlens_transform::evaluation::{
    Confusion, Evaluation, Expected, JudgedDevice, Verdict, evaluate,
};
use patchlens_transform::report::{DiagnosisReport, Include, Language, device_reports};
use patchlens_transform::{
    Knowledge, Reference, RowOrigin, TRANSFORM_VERSION, diagnose, events_frame, normalise,
};
use serde::Serialize;

use crate::cli::{Evaluate, Mix, Reading};
use crate::commands::simulate;
use crate::config::Config;
use crate::output::{Format, Outcome, columns, print, print_json, say};
use crate::reading::collect_options;
use crate::reference::read_directory;

/// Wrong diagnoses that a table shows; JSON shows all.
const CONFUSIONS_SHOWN: usize = 40;

/// What was measured; its JSON Schema is docs/schema/evaluate.v1.json.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct EvaluationReport {
    /// Seed of the simulation.
    pub(crate) seed: u64,
    /// Planned devices.
    pub(crate) planned: usize,
    /// Planned devices that never uploaded: nothing to judge.
    pub(crate) silent: usize,
    /// What is found in the first upload of every device.
    pub(crate) first_upload: Evaluation,
    /// What is found in both uploads together, of the devices that uploaded again.
    pub(crate) both_uploads: Evaluation,
    /// Records in the bundles that were read.
    pub(crate) records: u64,
    /// From the first bundle to the last verdict, in seconds.
    pub(crate) seconds: f64,
}

// What is measured as stated is what reports state.
const _: () = assert!(
    patchlens_queries::case::STATED.to_bits() == patchlens_transform::evaluation::STATED.to_bits()
);

pub(crate) fn run(config: &Config, command: &Evaluate) -> anyhow::Result<Outcome> {
    let simulated = match &command.directory {
        Some(_) => None,
        None => Some(Scratch::make()?),
    };
    if let Some(scratch) = &simulated {
        let truth = simulate::write(&scratch.0, command.devices, command.seed, Mix::Wide)?;
        say(&format!("simulated {} devices", truth.devices.len()));
    }
    let directory = command
        .directory
        .as_deref()
        .or(simulated.as_ref().map(|scratch| scratch.0.as_path()))
        .context("finding the simulated rollout")?;
    let report = measure(config, directory)?;
    match command.format {
        Format::Json => print_json(&report)?,
        Format::Table => print(&as_text(&report))?,
        Format::Markdown => print(&format!("```\n{}```\n", as_text(&report)))?,
    }
    check(command, &report.first_upload)?;
    Ok(Outcome::Done)
}

/// A folder for one simulation, gone with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("patchlens-evaluate-{}", std::process::id()));
        std::fs::create_dir(&path)
            .with_context(|| format!("making {} for the simulation", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "could not delete the simulation");
        }
    }
}

/// Keeps the events of one device in memory.
#[derive(Default)]
struct Kept(Vec<(Event, RowOrigin)>);

impl EventSink for Kept {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        self.0.push((event, RowOrigin::default()));
        Ok(())
    }

    fn reject(&mut self, _: Reject) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Everything that judging one device takes.
struct Judge<'a> {
    directory: &'a Path,
    options: &'a CollectOptions,
    reference: &'a Reference,
    knowledge: &'a Knowledge,
    /// Takes out of the truth what the collector takes out of the bundles: addresses, user names.
    redactor: &'a Redactor,
}

#[derive(Default)]
struct Judged {
    first: Vec<JudgedDevice>,
    both: Vec<JudgedDevice>,
    records: u64,
}

fn measure(config: &Config, directory: &Path) -> anyhow::Result<EvaluationReport> {
    let truth = read_truth(directory)?;
    let reading = Reading {
        device: None,
        assume_utc_offset: None,
    };
    let mut options = collect_options(config, &reading, 1)?;
    options.counts_noise = false;
    let judge = Judge {
        directory,
        options: &options,
        reference: &read_directory(directory)?.0,
        knowledge: &crate::knowledge::load(config)?,
        redactor: &Redactor::new(options.redaction.clone(), KnownNames::default())
            .context("setting up redaction")?,
    };
    let started = Instant::now();
    let mut judged = judge.all(&truth.devices)?;
    let seconds = started.elapsed().as_secs_f64();
    judged.first.sort_by(|a, b| a.device_id.cmp(&b.device_id));
    judged.both.sort_by(|a, b| a.device_id.cmp(&b.device_id));
    ensure!(
        !judged.first.is_empty(),
        "no bundle of a device of truth.json in {}",
        directory.join("bundles").display()
    );
    Ok(EvaluationReport {
        seed: truth.seed,
        planned: truth.devices.len(),
        silent: truth.devices.len() - judged.first.len(),
        first_upload: evaluate(&judged.first),
        both_uploads: evaluate(&judged.both),
        records: judged.records,
        seconds,
    })
}

fn read_truth(directory: &Path) -> anyhow::Result<Truth> {
    let path = directory.join("truth.json");
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!(
            "reading {}; `patchlens simulate --mix wide --out DIR` writes one",
            path.display()
        )
    })?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

impl Judge<'_> {
    /// Judges all devices on all processors; the first error ends the work.
    fn all(&self, devices: &[DeviceTruth]) -> anyhow::Result<Judged> {
        let next = AtomicUsize::new(0);
        let judged = Mutex::new(Ok(Judged::default()));
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some(device) = devices.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let found = self.device(device);
                        let mut all = judged
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner);
                        match (&mut *all, found) {
                            (Ok(all), Ok(found)) => {
                                all.first.extend(found.first);
                                all.both.extend(found.both);
                                all.records += found.records;
                            }
                            (Ok(_), Err(error)) => {
                                *all = Err(error);
                                return;
                            }
                            (Err(_), _) => return,
                        }
                    }
                });
            }
        });
        judged
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn device(&self, truth: &DeviceTruth) -> anyhow::Result<Judged> {
        let file = format!("{}.zip", truth.device_name);
        let [first, later] =
            ["bundles", "bundles-later"].map(|wave| self.directory.join(wave).join(&file));
        let mut judged = Judged::default();
        if !first.exists() {
            return Ok(judged);
        }
        let mut kept = Kept::default();
        judged.records += self.read(&first, &mut kept)?;
        judged
            .first
            .push(self.judged(truth, truth.outcome, self.verdict(&kept)?));
        if let Some(outcome) = truth.outcome_later.filter(|_| later.exists()) {
            judged.records += self.read(&later, &mut kept)?;
            judged
                .both
                .push(self.judged(truth, outcome, self.verdict(&kept)?));
        }
        Ok(judged)
    }

    fn judged(&self, truth: &DeviceTruth, outcome: Fate, verdict: Option<Verdict>) -> JudgedDevice {
        let culprit = truth.culprit.as_deref();
        let expected = (outcome == Fate::Failed).then(|| Expected {
            cause: truth.cause.clone().unwrap_or_default(),
            culprit: culprit.map(|culprit| self.redactor.text(culprit).into_owned()),
            cluster: truth.cluster_id.clone().unwrap_or_default(),
            is_told: truth.told,
        });
        JudgedDevice {
            device_id: truth.device_id.clone(),
            kind: truth
                .scenario
                .map_or_else(String::new, |scenario| format!("{scenario:?}")),
            expected,
            verdict,
        }
    }

    fn read(&self, bundle: &Path, kept: &mut Kept) -> anyhow::Result<u64> {
        let account = read_path(bundle, self.options, kept)
            .with_context(|| format!("reading {}", bundle.display()))?;
        Ok(account.records())
    }

    /// The first open diagnosis.
    fn verdict(&self, kept: &Kept) -> anyhow::Result<Option<Verdict>> {
        let frame = events_frame(&kept.0, TRANSFORM_VERSION, self.options.collected_at)
            .context("laying out the events")?;
        let frame = normalise(frame, self.knowledge).context("normalising the events")?;
        let diagnosed = diagnose(&frame, self.reference, self.knowledge).context("diagnosing")?;
        let reports = device_reports(&diagnosed, Language::En, Include::Open)
            .context("reading the diagnoses")?;
        Ok(reports
            .into_iter()
            .find_map(|device| device.diagnoses.into_iter().next())
            .map(verdict))
    }
}

fn verdict(diagnosis: DiagnosisReport) -> Verdict {
    let evidence = diagnosis.evidence.first().map_or_else(String::new, |item| {
        let text = item.text.lines().next().unwrap_or_default();
        format!("{}:{}: {text}", item.file, item.line)
    });
    Verdict {
        cause: diagnosis.cause,
        confidence: diagnosis.confidence,
        culprit: diagnosis.culprit,
        cluster: diagnosis.cluster_key,
        evidence,
    }
}

/// Fails when a threshold of the command line is missed.
fn check(command: &Evaluate, found: &Evaluation) -> anyhow::Result<()> {
    let mut missed = Vec::new();
    let mut at_least = |name: &str, value: Option<f64>, least: Option<f64>| {
        if let (Some(value), Some(least)) = (value, least)
            && value < least
        {
            missed.push(format!("{name} is {value:.4}, below {least}"));
        }
    };
    at_least("cause accuracy", found.cause_accuracy, command.min_accuracy);
    at_least(
        "BCubed precision",
        found.bcubed.map(|b| b.precision),
        command.min_bcubed,
    );
    at_least(
        "BCubed recall",
        found.bcubed.map(|b| b.recall),
        command.min_bcubed,
    );
    if command
        .max_false_alarms
        .is_some_and(|most| found.false_alarms > most)
    {
        missed.push(format!(
            "{} healthy devices have a diagnosis",
            found.false_alarms
        ));
    }
    if missed.is_empty() {
        return Ok(());
    }
    bail!("{}", missed.join("; "))
}

fn share(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

fn as_text(report: &EvaluationReport) -> String {
    let mut text = format!(
        "seed {}: {} devices planned, {} silent; {} records in {:.1} s\n",
        report.seed, report.planned, report.silent, report.records, report.seconds
    );
    for (title, found) in [
        ("first upload", &report.first_upload),
        (
            "both uploads of devices that uploaded again",
            &report.both_uploads,
        ),
    ] {
        let _infallible = writeln!(text, "\n{title}: {} devices", found.devices);
        text.push_str(&measures(found));
    }
    text.push_str("\nby cause, first upload\n");
    let rows: Vec<Vec<String>> = report
        .first_upload
        .causes
        .iter()
        .map(|score| {
            vec![
                score.cause.clone(),
                score.expected.to_string(),
                score.diagnosed.to_string(),
                share(score.precision),
                share(score.recall),
            ]
        })
        .collect();
    text.push_str(&columns(
        &["cause", "failing", "diagnosed", "precision", "recall"],
        &rows,
    ));
    for found in [&report.first_upload, &report.both_uploads] {
        text.push_str(&confusions(&found.confusions, "wrong"));
        text.push_str(&confusions(
            &found.culprits_missed,
            "with the right cause and another culprit",
        ));
    }
    text
}

fn measures(found: &Evaluation) -> String {
    let bcubed = found.bcubed.map_or_else(
        || "-".to_owned(),
        |bcubed| format!("{:.4} / {:.4}", bcubed.precision, bcubed.recall),
    );
    format!(
        "  cause accuracy      {}  ({} of {} failing devices whose logs tell the cause)\n\
         \x20 culprit accuracy    {}  ({} of {})\n\
         \x20 BCubed P / R        {bcubed}  ({} clusters found, {} in truth)\n\
         \x20 false alarms        {} of {} healthy devices\n\
         \x20 unknown             {} ({}); without any diagnosis {}\n\
         \x20 cause not in logs   {} devices, {} of them with a wrong cause stated, {} with one offered as doubtful\n",
        share(found.cause_accuracy),
        found.cause_right,
        found.failing,
        share(found.culprit_accuracy),
        found.culprit_right,
        found.culprit_named,
        found.clusters_found,
        found.clusters_expected,
        found.false_alarms,
        found.healthy,
        found.unknown,
        share(found.unknown_share),
        found.missed,
        found.untold,
        found.untold_wrong,
        found.untold_doubtful,
    )
}

fn confusions(found: &[Confusion], what: &str) -> String {
    if found.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{} {what}\n", found.len());
    let rows: Vec<Vec<String>> = found
        .iter()
        .take(CONFUSIONS_SHOWN)
        .map(|c| {
            let evidence: String = c.evidence.chars().take(140).collect();
            vec![
                c.device_id.clone(),
                c.kind.clone(),
                c.expected.clone(),
                c.got.clone(),
                evidence,
            ]
        })
        .collect();
    text.push_str(&columns(
        &["device", "failure", "expected", "got", "evidence"],
        &rows,
    ));
    text
}
