//! What `diagnose` says about devices: the frames of an analysis as nested values with fixed names.
//!
//! The JSON Schema of the whole answer is `docs/schema/diagnose.v1.json`.

use std::collections::BTreeSet;

use patchlens_event::Hresult;
use polars::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnosis::ZONE_ASSUMED;
use crate::{Diagnosed, schema};

/// The language of summaries and actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

/// Which diagnoses a report holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Include {
    /// What is wrong now: nothing on a device that was repaired.
    Open,
    /// Also what was wrong once and is repaired.
    All,
}

/// One device: what failed on it, why, and what was tried.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DeviceReport {
    /// The device.
    pub device_id: String,
    /// Its name as it spells it.
    pub device_name: String,
    /// Full build with revision, as far as known; empty when no source tells.
    pub os_build: String,
    /// Sources whose times are local and whose zone nothing told, so that one was assumed: their times may be hours off.
    pub zone_assumed: Vec<String>,
    /// Why updates fail, the verdict first; empty for a healthy device.
    pub diagnoses: Vec<DiagnosisReport>,
    /// What was tried, in order of time.
    pub attempts: Vec<AttemptReport>,
}

/// One cause with its culprit.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DiagnosisReport {
    /// Stable id of the cause.
    pub cause: String,
    /// The coarse cause in the words of Microsoft's reports.
    pub alert_subtype: String,
    /// The update that fails; null when none is named.
    pub kb_article: Option<u32>,
    /// The code that the device reported for the attempt, `0x80073712`.
    pub error_code: Option<String>,
    /// Its symbol; null when not known.
    pub error_symbol: Option<String>,
    /// The code beneath it.
    pub inner_code: Option<String>,
    /// The named thing at fault; null when the evidence names none.
    pub culprit: Option<String>,
    /// 0 to 1.
    pub confidence: f64,
    /// Devices with the same key fail for the same reason.
    pub cluster_key: String,
    /// False when the update was installed later.
    pub open: bool,
    /// The same failure as a diagnosis above it, which more speaks for.
    pub alternative: bool,
    /// One sentence.
    pub summary: String,
    /// What to do, in order.
    pub actions: Vec<String>,
    /// The records that prove it.
    pub evidence: Vec<EvidenceReport>,
}

/// One record that proves a diagnosis.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EvidenceReport {
    /// The format it was read from.
    pub source: String,
    /// Path inside the bundle.
    pub file: String,
    /// Line, from 1; 0 where the format has no lines.
    pub line: u64,
    /// Offset of its first byte in the original file.
    pub byte_offset: u64,
    /// Record number of an event log.
    pub record_id: Option<u64>,
    /// When it happened, UTC.
    pub occurred_at: Option<String>,
    /// What it proves: `verdict`, `cause`, `culprit` or `context`.
    pub role: String,
    /// The record as logged.
    pub text: String,
}

/// One device trying one update once.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AttemptReport {
    /// The update; null when no record names it.
    pub kb_article: Option<u32>,
    /// First sign, UTC.
    pub started_at: Option<String>,
    /// Verdict, UTC; null while it runs.
    pub ended_at: Option<String>,
    /// `in_progress`, `installed`, `failed`, `rolled_back`, `cancelled`, `pending_restart` or `uninstalled`.
    pub outcome: String,
    /// How far it got.
    pub furthest_client_substate: String,
    /// The code that it ended with.
    pub error_code: Option<String>,
    /// The code beneath it.
    pub inner_code: Option<String>,
    /// Phase and operation of Windows Setup, `0x2000c`.
    pub extend_code: Option<String>,
}

/// Nests the frames of an analysis: grain one device, in the order of `diagnosed.devices`.
///
/// # Errors
/// When a frame has not the columns of its schema: a defect of ours.
pub fn device_reports(
    diagnosed: &Diagnosed,
    language: Language,
    include: Include,
) -> PolarsResult<Vec<DeviceReport>> {
    let devices = Rows::of(&diagnosed.devices);
    (0..devices.height)
        .map(|row| {
            let device_id = devices.text(schema::DEVICE_ID, row)?;
            Ok(DeviceReport {
                device_name: devices.text(schema::DEVICE_NAME, row)?,
                os_build: devices.text(schema::OS_BUILD, row)?,
                zone_assumed: zone_assumed(&devices.text(schema::FACTS, row)?),
                diagnoses: diagnoses(diagnosed, &device_id, language, include)?,
                attempts: attempts(diagnosed, &device_id)?,
                device_id,
            })
        })
        .collect()
}

/// What the facts of a device say of it, a JSON object.
fn zone_assumed(facts: &str) -> Vec<String> {
    let facts: serde_json::Value = serde_json::from_str(facts).unwrap_or_default();
    let sources = facts.get(ZONE_ASSUMED).and_then(serde_json::Value::as_str);
    sources
        .map(|sources| sources.split(", ").map(str::to_owned).collect())
        .unwrap_or_default()
}

fn diagnoses(
    diagnosed: &Diagnosed,
    device_id: &str,
    language: Language,
    include: Include,
) -> PolarsResult<Vec<DiagnosisReport>> {
    let own = of_device(&diagnosed.diagnoses, device_id)?
        .sort([schema::RANK], SortMultipleOptions::default())?;
    let own = match include {
        Include::All => own,
        Include::Open => own.filter(&own.column(schema::IS_OPEN)?.u8()?.equal(1))?,
    };
    let rows = Rows::of(&own);
    let (summary, actions) = match language {
        Language::En => (schema::SUMMARY_EN, schema::ACTIONS_EN),
        Language::Zh => (schema::SUMMARY_ZH, schema::ACTIONS_ZH),
    };
    let (mut attempts, mut failures) = (BTreeSet::new(), BTreeSet::new());
    (0..rows.height)
        .map(|row| {
            let id = rows.text(schema::DIAGNOSIS_ID, row)?;
            let failure = (
                rows.number(schema::KB_ARTICLE, row)?,
                rows.number(schema::ERROR_CODE, row)?,
            );
            let attempt = rows.text(schema::ATTEMPT_ID, row)?;
            let is_told = !failures.insert(failure);
            let is_tried = !attempt.is_empty() && !attempts.insert(attempt);
            Ok(DiagnosisReport {
                alternative: is_told || is_tried,
                cause: rows.text(schema::CAUSE, row)?,
                alert_subtype: rows.text(schema::ALERT_SUBTYPE, row)?,
                kb_article: rows.number(schema::KB_ARTICLE, row)?,
                error_code: rows.code(schema::ERROR_CODE, row)?,
                error_symbol: rows.text_or_null(schema::ERROR_SYMBOL, row)?,
                inner_code: rows.code(schema::INNER_CODE, row)?,
                culprit: rows.text_or_null(schema::CULPRIT, row)?,
                confidence: rows
                    .frame
                    .column(schema::CONFIDENCE)?
                    .f64()?
                    .get(row)
                    .map(|confidence| (confidence * 1000.0).round() / 1000.0)
                    .unwrap_or_default(),
                cluster_key: rows.text(schema::CLUSTER_KEY, row)?,
                open: rows
                    .frame
                    .column(schema::IS_OPEN)?
                    .u8()?
                    .get(row)
                    .unwrap_or(1)
                    == 1,
                summary: rows.text(summary, row)?,
                actions: rows.texts(actions, row)?,
                evidence: evidence(diagnosed, device_id, &id)?,
            })
        })
        .collect()
}

fn evidence(
    diagnosed: &Diagnosed,
    device_id: &str,
    diagnosis_id: &str,
) -> PolarsResult<Vec<EvidenceReport>> {
    let own = of_device(&diagnosed.evidence, device_id)?;
    let of_diagnosis = equal(&own, schema::DIAGNOSIS_ID, diagnosis_id)?;
    let own = own
        .filter(&of_diagnosis)?
        .sort([schema::SEQ], SortMultipleOptions::default())?;
    let rows = Rows::of(&own);
    (0..rows.height)
        .map(|row| {
            Ok(EvidenceReport {
                source: rows.text(schema::SOURCE, row)?,
                file: rows.text(schema::SOURCE_FILE, row)?,
                line: rows
                    .frame
                    .column(schema::LINE_NUMBER)?
                    .u64()?
                    .get(row)
                    .unwrap_or_default(),
                byte_offset: rows
                    .frame
                    .column(schema::BYTE_OFFSET)?
                    .u64()?
                    .get(row)
                    .unwrap_or_default(),
                record_id: rows.frame.column(schema::RECORD_ID)?.u64()?.get(row),
                occurred_at: rows.instant(schema::OCCURRED_AT, row)?,
                role: rows.text(schema::ROLE, row)?,
                text: rows.text(schema::TEXT, row)?,
            })
        })
        .collect()
}

fn attempts(diagnosed: &Diagnosed, device_id: &str) -> PolarsResult<Vec<AttemptReport>> {
    let own = of_device(&diagnosed.attempts, device_id)?
        .sort([schema::STARTED_AT], SortMultipleOptions::default())?;
    let rows = Rows::of(&own);
    (0..rows.height)
        .map(|row| {
            Ok(AttemptReport {
                kb_article: rows.number(schema::KB_ARTICLE, row)?,
                started_at: rows.instant(schema::STARTED_AT, row)?,
                ended_at: rows.instant(schema::ENDED_AT, row)?,
                outcome: rows.text(schema::OUTCOME, row)?,
                furthest_client_substate: rows.text(schema::FURTHEST_CLIENT_SUBSTATE, row)?,
                error_code: rows.code(schema::ERROR_CODE, row)?,
                inner_code: rows.code(schema::INNER_CODE, row)?,
                extend_code: rows
                    .number(schema::EXTEND_CODE, row)?
                    .map(|code| format!("0x{code:x}")),
            })
        })
        .collect()
}

fn of_device(frame: &DataFrame, device_id: &str) -> PolarsResult<DataFrame> {
    frame.filter(&equal(frame, schema::DEVICE_ID, device_id)?)
}

fn equal(frame: &DataFrame, column: &str, value: &str) -> PolarsResult<BooleanChunked> {
    Ok(frame.column(column)?.str()?.equal(value))
}

/// Typed access to the cells of a frame.
struct Rows<'a> {
    frame: &'a DataFrame,
    height: usize,
}

impl<'a> Rows<'a> {
    fn of(frame: &'a DataFrame) -> Self {
        Self {
            frame,
            height: frame.height(),
        }
    }

    fn text(&self, column: &str, row: usize) -> PolarsResult<String> {
        Ok(self
            .frame
            .column(column)?
            .str()?
            .get(row)
            .unwrap_or_default()
            .to_owned())
    }

    fn text_or_null(&self, column: &str, row: usize) -> PolarsResult<Option<String>> {
        let text = self.text(column, row)?;
        Ok((!text.is_empty()).then_some(text))
    }

    fn number(&self, column: &str, row: usize) -> PolarsResult<Option<u32>> {
        Ok(self.frame.column(column)?.u32()?.get(row))
    }

    fn code(&self, column: &str, row: usize) -> PolarsResult<Option<String>> {
        Ok(self
            .number(column, row)?
            .map(|code| Hresult(code).to_string()))
    }

    fn instant(&self, column: &str, row: usize) -> PolarsResult<Option<String>> {
        let microseconds = self.frame.column(column)?.datetime()?.physical().get(row);
        Ok(microseconds
            .and_then(|value| jiff::Timestamp::from_microsecond(value).ok())
            .map(|time| time.to_string()))
    }

    fn texts(&self, column: &str, row: usize) -> PolarsResult<Vec<String>> {
        let Some(list) = self.frame.column(column)?.list()?.get_as_series(row) else {
            return Ok(Vec::new());
        };
        Ok(list.str()?.iter().flatten().map(str::to_owned).collect())
    }
}
