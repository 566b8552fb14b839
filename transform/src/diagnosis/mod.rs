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

use ahash::RandomState;
use polars::prelude::*;

use crate::Result;
use crate::attempt;
use crate::columns::{EventColumns, text as text_of};
use crate::knowledge::Knowledge;
use crate::normalise::Distinct;
use crate::reference::Reference;
use crate::row::Row;
use candidate::Material;
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
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut devices: Vec<DeviceRows<'_>> = Vec::new();
    // Rows of one device mostly stand together.
    let mut last: Option<(&str, usize)> = None;
    for index in 0..columns.len() {
        let device_id = text_of(columns.device_id, index);
        let place = match last {
            Some((known, place)) if known == device_id => place,
            _ => *places.entry(device_id).or_insert_with(|| {
                devices.push(DeviceRows::default());
                devices.len() - 1
            }),
        };
        last = Some((device_id, place));
        let Some(device) = devices.get_mut(place) else {
            continue;
        };
        if !device.seen.insert(text_of(columns.event_id, index)) {
            continue;
        }
        device.last_seen_at = device.last_seen_at.max(columns.collected_at.get(index));
        let name = text_of(columns.device_name, index);
        if !name.is_empty() {
            device.name = name;
        }
        device
            .rows
            .extend(Row::read(&columns, &distinct, index, knowledge));
    }
    let results: Vec<DeviceResult> = places
        .into_iter()
        .filter_map(|(device_id, place)| {
            let device = std::mem::take(devices.get_mut(place)?);
            Some(device.derive(device_id, reference, knowledge, explanations))
        })
        .collect();
    Ok(frames::diagnosed(&results)?)
}

#[derive(Default)]
struct DeviceRows<'a> {
    rows: Vec<Row<'a>>,
    seen: HashSet<&'a str, RandomState>,
    name: &'a str,
    last_seen_at: Option<i64>,
}

impl DeviceRows<'_> {
    fn derive(
        mut self,
        device_id: &str,
        reference: &Reference,
        knowledge: &Knowledge,
        explanations: &mut Option<Vec<Explanation>>,
    ) -> DeviceResult {
        self.rows = in_order(self.rows);
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

/// Rows by file and place. A row is large: each is moved once.
fn in_order(rows: Vec<Row<'_>>) -> Vec<Row<'_>> {
    fn place<'r>(row: &Row<'r>) -> (&'r str, u64, u64, Option<u64>, &'r str) {
        (
            row.file,
            row.line,
            row.byte_offset,
            row.record_id,
            row.event_id,
        )
    }
    if rows.is_sorted_by_key(place) {
        return rows;
    }
    let mut order: Vec<_> = rows.iter().map(place).zip(0_usize..).collect();
    order.sort_unstable();
    let order: Vec<usize> = order.into_iter().map(|(_, index)| index).collect();
    let mut rows: Vec<Option<Row<'_>>> = rows.into_iter().map(Some).collect();
    order
        .into_iter()
        .filter_map(|index| rows.get_mut(index)?.take())
        .collect()
}
