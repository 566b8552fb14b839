//! From normalised events to attempts, diagnoses and evidence, device by device.

mod candidate;
mod checks;
mod derived;
mod explain;
mod facts;
mod frames;
mod judge;
mod standout;
pub(crate) mod text;
mod verdict;

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use polars::prelude::*;

use crate::Result;
use crate::attempt;
use crate::columns::{EventColumns, text as text_of};
use crate::knowledge::Knowledge;
use crate::normalise::Distinct;
use crate::reference::Reference;
use crate::row::Row;
use candidate::Material;
pub(crate) use derived::ZONE_ASSUMED;
pub use explain::{Considered, Explanation};
use frames::DeviceResult;

/// What the device step derives.
#[derive(Debug, Clone)]
pub struct Diagnosed {
    /// One row per device; schema [`crate::schema::device`].
    pub devices: DataFrame,
    /// One row per attempt; schema [`crate::schema::update_attempt`].
    pub attempts: DataFrame,
    /// One row per cause and culprit of a device; schema [`crate::schema::diagnosis`].
    pub diagnoses: DataFrame,
    /// One row per piece of evidence; schema [`crate::schema::evidence`].
    pub evidence: DataFrame,
}

/// Derives devices, attempts, diagnoses and evidence from the events of one or many devices.
///
/// # Input
/// Events with the schema [`crate::schema::update_event`], in any order; an event that comes twice
/// counts once. All events of a device must be there: what is derived replaces what was.
///
/// # Output
/// See [`Diagnosed`]; sorted by device, then by start, rank and sequence.
///
/// # Errors
/// When a column is missing or has another type.
pub fn diagnose(
    events: &DataFrame,
    reference: &Reference,
    knowledge: &Knowledge,
) -> Result<Diagnosed> {
    derive(events, reference, knowledge, &mut None)
}

/// As [`diagnose`], and says why each diagnosis is what it is.
///
/// # Errors
/// When a column is missing or has another type.
pub fn diagnose_and_explain(
    events: &DataFrame,
    reference: &Reference,
    knowledge: &Knowledge,
) -> Result<(Diagnosed, Vec<Explanation>)> {
    let mut explanations = Some(Vec::new());
    let diagnosed = derive(events, reference, knowledge, &mut explanations)?;
    Ok((diagnosed, explanations.unwrap_or_default()))
}

fn derive(
    events: &DataFrame,
    reference: &Reference,
    knowledge: &Knowledge,
    explanations: &mut Option<Vec<Explanation>>,
) -> Result<Diagnosed> {
    let mut frame = events.clone();
    frame.rechunk_mut();
    let columns = EventColumns::new(&frame)?;
    let distinct = Distinct::of(&columns, knowledge);
    let mut device = DeviceRows::default();
    let mut results: Vec<DeviceResult> = Vec::new();
    for (device_id, stretches) in stretches_of_devices(&columns) {
        device.read(stretches, &columns, &distinct, knowledge);
        results.push(device.derive(device_id, reference, knowledge, explanations));
    }
    Ok(frames::diagnosed(&results)?)
}

/// The rows of each device. They mostly stand together, so that a device has one stretch of rows.
fn stretches_of_devices<'a>(columns: &EventColumns<'a>) -> BTreeMap<&'a str, Vec<Range<usize>>> {
    let mut devices: BTreeMap<&str, Vec<Range<usize>>> = BTreeMap::new();
    let mut start = 0;
    while start < columns.len() {
        let device_id = text_of(columns.device_id, start);
        let end = (start + 1..columns.len())
            .find(|row| text_of(columns.device_id, *row) != device_id)
            .unwrap_or(columns.len());
        devices.entry(device_id).or_default().push(start..end);
        start = end;
    }
    devices
}

/// For how many rows memory is kept while a device is judged: as many as most devices have.
const ROWS_KEPT: usize = 4_096;

/// The rows of one device that matter. One serves for all devices, one after the other: thousands of
/// rows are large, and memory that is asked for anew has to be cleared anew.
#[derive(Default)]
struct DeviceRows<'a> {
    /// In order of file and place.
    rows: Vec<Row<'a>>,
    /// As they are read.
    unordered: Vec<Row<'a>>,
    seen: HashSet<&'a str, PlRandomState>,
    name: &'a str,
    last_seen_at: Option<i64>,
}

impl<'a> DeviceRows<'a> {
    /// Takes the rows of a device in the place of those of the one before. An event that comes twice
    /// counts once.
    fn read(
        &mut self,
        stretches: Vec<Range<usize>>,
        columns: &'a EventColumns<'a>,
        distinct: &'a Distinct<'a>,
        knowledge: &Knowledge,
    ) {
        self.seen.clear();
        self.name = "";
        self.last_seen_at = None;
        for row in stretches.into_iter().flatten() {
            if !self.seen.insert(text_of(columns.event_id, row)) {
                continue;
            }
            self.last_seen_at = self.last_seen_at.max(columns.collected_at.get(row));
            let name = text_of(columns.device_name, row);
            if !name.is_empty() {
                self.name = name;
            }
            self.unordered
                .extend(Row::read(columns, distinct, row, knowledge));
        }
        self.put_in_order();
    }

    /// Rows by file, collection and place: a log that lost its beginning between two collections
    /// numbers its lines anew. A file mostly was read in order of its lines.
    fn put_in_order(&mut self) {
        let mut files: BTreeMap<&str, Vec<&Row<'a>>> = BTreeMap::new();
        for row in &self.unordered {
            files.entry(row.file).or_default().push(row);
        }
        self.rows.clear();
        for rows in files.values_mut() {
            rows.sort_unstable_by_key(|row| {
                (
                    row.collected_at,
                    row.line,
                    row.byte_offset,
                    row.record_id,
                    row.event_id,
                )
            });
            self.rows.extend(rows.iter().copied());
        }
        self.unordered.clear();
        self.unordered.shrink_to(ROWS_KEPT);
    }

    fn derive(
        &self,
        device_id: &str,
        reference: &Reference,
        knowledge: &Knowledge,
        explanations: &mut Option<Vec<Explanation>>,
    ) -> DeviceResult {
        let attempts = attempt::attempts(device_id, &self.rows, knowledge);
        let mut material = Material::new(&self.rows, reference, knowledge);
        material.note_usual(&attempts);
        let judged = judge::judge(device_id, attempts, &material);
        if let Some(explanations) = explanations {
            explanations.extend(judged.diagnoses.iter().map(|diagnosis| {
                let attempt = diagnosis
                    .attempt
                    .and_then(|index| judged.attempts.get(index));
                let then = attempt.map(|attempt| material.at(attempt, &judged.attempts));
                explain::explain(
                    device_id,
                    diagnosis,
                    attempt,
                    then.as_ref().unwrap_or(&material),
                )
            }));
        }
        frames::device_result(device_id, self.name, self.last_seen_at, judged, &material)
    }
}
