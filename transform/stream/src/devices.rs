//! The device step: attempts, diagnoses and evidence of the devices that a cut touched, recomputed
//! from all their events by the same code that `patchlens diagnose` runs on one bundle.
//!
//! Each recomputation has a generation. The rows of a device are written with it, and then whatever
//! the device has of an older generation is marked as deleted. A crash in between leaves the cut
//! unfinished, so the step runs again.

use std::sync::Arc;

use patchlens_queries::Store;
use patchlens_transform::{Diagnosed, Knowledge, Reference, diagnose, from_ipc_stream, schema};
use polars::prelude::*;

use crate::engine::Engine;
use crate::load::insert_frame;
use crate::{Error, Result};

/// How many devices are recomputed at once: bounds the memory of the step.
const DEVICES_PER_STEP: usize = 200;

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

/// Recomputes the devices and writes what came out.
///
/// # Errors
/// When the store cannot be reached or fails; the same call made again mends what was half written.
pub async fn recompute(
    store: &Store,
    engine: &Engine,
    analysis: &Analysis,
    devices: &[String],
    generation: u64,
) -> Result<()> {
    for some in devices.chunks(DEVICES_PER_STEP) {
        let events = store.device_events(some).await.map_err(Error::store(
            "reading the events of the devices that a cut touched",
        ))?;
        let analysis = analysis.clone();
        let diagnosed = engine
            .run(move || {
                let events = from_ipc_stream(&events)?;
                diagnose(&events, &analysis.reference, &analysis.knowledge)
            })
            .await??;
        write(store, engine, diagnosed, some, generation).await?;
    }
    Ok(())
}

async fn write(
    store: &Store,
    engine: &Engine,
    diagnosed: Diagnosed,
    devices: &[String],
    generation: u64,
) -> Result<()> {
    let Diagnosed {
        devices: device_rows,
        attempts,
        diagnoses,
        evidence,
    } = diagnosed;
    for (table, frame) in [
        ("update_attempt", attempts),
        ("evidence", evidence),
        ("diagnosis", diagnoses),
        ("device", device_rows),
    ] {
        let frame = with_generation(frame, generation)
            .map_err(Error::frame("the generation of derived rows"))?;
        if frame.height() > 0 {
            insert_frame(store, engine, table, frame).await?;
        }
    }
    for (table, identity) in DERIVED {
        store
            .delete_older_generations(table, identity, devices, generation)
            .await
            .map_err(Error::store(format!(
                "marking outdated rows of the table {table}"
            )))?;
    }
    Ok(())
}

fn with_generation(mut frame: DataFrame, generation: u64) -> PolarsResult<DataFrame> {
    let column = Column::new("generation".into(), vec![generation; frame.height()]);
    frame.with_column(column)?;
    Ok(frame)
}
