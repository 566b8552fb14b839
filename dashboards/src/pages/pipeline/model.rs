//! The rows behind the pipeline page and `GET /api/v1/pipeline`.

#![expect(
    clippy::struct_field_names,
    reason = "one name per thing: fields are called like the columns"
)]

use serde::{Deserialize, Serialize};

/// How far behind one partition of the event log is; grain: one per topic and partition.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Lag {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) last_offset: i64,
    pub(crate) events: u64,
    pub(crate) last_ingested_at: Option<String>,
    /// From a record's collection to its row in the store.
    pub(crate) median_lag_seconds: Option<f64>,
    pub(crate) p99_lag_seconds: Option<f64>,
}

/// What was refused; grain: one per reason and refusing stage.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rejects {
    pub(crate) reason: String,
    pub(crate) refused_by: String,
    pub(crate) rejects: u64,
    pub(crate) devices: u64,
    pub(crate) last_at: Option<String>,
    /// One of them, so that the reason can be understood.
    pub(crate) sample_device_id: String,
    pub(crate) sample_file: String,
    pub(crate) sample_line: u64,
    pub(crate) sample_detail: String,
}

/// What arrived; grain: one per source.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Arrived {
    pub(crate) source: String,
    pub(crate) devices: u64,
    pub(crate) events: u64,
    pub(crate) last_collected_at: Option<String>,
}

/// Everything on the page.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Pipeline {
    pub(crate) lag: Vec<Lag>,
    pub(crate) arrived: Vec<Arrived>,
    pub(crate) rejects: Vec<Rejects>,
    pub(crate) silent: Vec<crate::pages::rollout::model::Waiting>,
}
