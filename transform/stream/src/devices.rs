//! The device step: attempts, diagnoses and evidence of the devices that a cut touched, recomputed
//! from all their events by the same code that `patchlens diagnose` runs on one bundle.
//!
//! Each recomputation has a generation. The rows of a device are written with it, and then whatever
//! the device has of an older generation than its newest is marked as deleted. A crash in between
//! leaves the cut unfinished, so the step runs again.
//!
//! A device that cannot be judged is a defect of ours, and stops nobody else: it is looked for by halves,
//! named in the log, and keeps what was known of it.

use std::collections::HashMap;
use std::sync::Arc;

use patchlens_queries::Store;
use patchlens_transform::{
    Diagnosed, Knowledge, Reference, TRANSFORM_VERSION, diagnose, from_ipc_stream, schema,
};
use polars::prelude::*;

use crate::engine::Engine;
use crate::load::insert_frame;
use crate::{Error, Result};

/// How many devices are recomputed at once, at most.
pub(crate) const DEVICES_PER_STEP: usize = 200;
/// How many records they may have together, unless one device alone has more: bounds the memory of the
/// step, which is some 2 KB for each.
const RECORDS_PER_STEP: u64 = 200_000;

/// The tables of the step with the column that tells a device's rows apart; written in this order,
/// so that who sees a diagnosis can see its attempt.
const DERIVED: [(&str, &[&str]); 3] = [
    ("update_attempt", &[schema::ATTEMPT_ID]),
    ("evidence", &[schema::DIAGNOSIS_ID, schema::SEQ]),
    ("diagnosis", &[schema::DIAGNOSIS_ID]),
];

/// Knowledge and reference data of one run: pinned, so that the cuts of a run are made alike.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// Codes, causes and rules.
    pub knowledge: Arc<Knowledge>,
    /// The operator's reference data.
    pub reference: Arc<Reference>,
    /// Names the state of the reference data: part of what a recorded cut says it was made by.
    pub reference_version: String,
}

impl Analysis {
    /// Names what devices are judged by: the same name, the same verdicts.
    pub fn made_by(&self) -> String {
        let rules = self.knowledge.version();
        format!("{TRANSFORM_VERSION}+{rules}+{}", self.reference_version)
    }

    fn judge(&self, events: &DataFrame) -> patchlens_transform::Result<Diagnosed> {
        diagnose(events, &self.reference, &self.knowledge)
    }
}

/// What a recomputation came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recomputed {
    /// Devices that were judged and written.
    pub judged: usize,
    /// Devices that cannot be judged: what was known of them stays.
    pub failed: Vec<String>,
}

/// Recomputes the devices and writes what came out. Devices of which the store holds no record keep
/// what was known of them: there is nothing to judge them by.
///
/// # Errors
/// When the store cannot be reached or fails; the same call made again mends what was half written.
pub async fn recompute(
    store: &Store,
    engine: &Engine,
    analysis: &Analysis,
    devices: &[String],
    generation: u64,
) -> Result<Recomputed> {
    let made_by = analysis.made_by();
    let analysis = analysis.clone();
    let judge = move |events: &DataFrame| analysis.judge(events);
    let step = Step {
        store,
        engine,
        judge: Arc::new(judge),
        made_by,
        generation,
    };
    step.recompute(devices).await
}

/// What all pieces of one recomputation share. `J` judges the events of some devices.
struct Step<'a, J> {
    store: &'a Store,
    engine: &'a Engine,
    judge: Arc<J>,
    made_by: String,
    generation: u64,
}

impl<J> Step<'_, J>
where
    J: Fn(&DataFrame) -> patchlens_transform::Result<Diagnosed> + Send + Sync + 'static,
{
    async fn recompute(&self, devices: &[String]) -> Result<Recomputed> {
        let mut recomputed = Recomputed::default();
        for some in devices.chunks(DEVICES_PER_STEP) {
            let records = self.store.device_records(some).await.map_err(Error::store(
                "counting the records of the devices that a cut touched",
            ))?;
            let mut pending = packed(some, &records, RECORDS_PER_STEP);
            while let Some(mut devices) = pending.pop() {
                let error = match self.judge_and_write(&devices).await {
                    Ok(()) => {
                        recomputed.judged = recomputed.judged.saturating_add(devices.len());
                        continue;
                    }
                    Err(error) if error.is_of_rows() => error,
                    Err(error) => return Err(error),
                };
                let error: &dyn std::error::Error = &error;
                if let [device] = devices.as_slice() {
                    tracing::error!(
                        error,
                        device,
                        "a device cannot be judged; what was known of it stays"
                    );
                    recomputed.failed.append(&mut devices);
                } else {
                    let count = devices.len();
                    tracing::warn!(
                        error,
                        devices = count,
                        "some devices cannot be judged together; looking for the one"
                    );
                    pending.push(devices.split_off(count / 2));
                    pending.push(devices);
                }
            }
        }
        Ok(recomputed)
    }

    async fn judge_and_write(&self, devices: &[String]) -> Result<()> {
        let events = self
            .store
            .device_events(devices)
            .await
            .map_err(Error::store(
                "reading the events of the devices that a cut touched",
            ))?;
        let judge = Arc::clone(&self.judge);
        let diagnosed = self
            .engine
            .run(move || judge(&from_ipc_stream(&events)?))
            .await??;
        self.write(diagnosed, devices).await
    }

    async fn write(&self, diagnosed: Diagnosed, devices: &[String]) -> Result<()> {
        let Diagnosed {
            devices: device_rows,
            attempts,
            diagnoses,
            evidence,
        } = diagnosed;
        let made_by = vec![self.made_by.as_str(); device_rows.height()];
        let device_rows = with_column(device_rows, Column::new("made_by".into(), made_by))?;
        for (table, frame) in [
            ("update_attempt", attempts),
            ("evidence", evidence),
            ("diagnosis", diagnoses),
            // The last one: who reads the newest generation of a device there finds all of its rows.
            ("device", device_rows),
        ] {
            let generation = vec![self.generation; frame.height()];
            let frame = with_column(frame, Column::new("generation".into(), generation))?;
            if frame.height() > 0 {
                insert_frame(self.store, self.engine, table, frame).await?;
            }
        }
        for (table, identity) in DERIVED {
            self.store
                .delete_older_generations(table, identity, devices, self.generation)
                .await
                .map_err(Error::store(format!(
                    "marking outdated rows of the table {table}"
                )))?;
        }
        Ok(())
    }
}

/// Packs devices so that none but a device alone has more than `records_max` records; the first pack
/// last. Devices without records are in none.
fn packed(
    devices: &[String],
    records: &HashMap<String, u64>,
    records_max: u64,
) -> Vec<Vec<String>> {
    let mut packs: Vec<Vec<String>> = Vec::new();
    let mut held = 0_u64;
    for (device, count) in devices
        .iter()
        .filter_map(|device| Some((device, *records.get(device)?)))
    {
        held = held.saturating_add(count);
        match packs.last_mut() {
            Some(pack) if held <= records_max => pack.push(device.clone()),
            _ => {
                held = count;
                packs.push(vec![device.clone()]);
            }
        }
    }
    packs.reverse();
    packs
}

fn with_column(mut frame: DataFrame, column: Column) -> Result<DataFrame> {
    frame
        .with_column(column)
        .map_err(Error::frame("what all derived rows of a step share"))?;
    Ok(frame)
}

#[cfg(test)]
mod tests;
