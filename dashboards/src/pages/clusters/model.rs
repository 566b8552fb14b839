//! The rows behind the clusters page and `GET /api/v1/clusters`.

#![expect(
    clippy::struct_field_names,
    reason = "one name per thing: fields are called like the columns"
)]

use serde::{Deserialize, Serialize};

/// Devices that fail for the same reason; grain: one per cluster_key.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cluster {
    pub(crate) cluster_key: String,
    pub(crate) cause: String,
    pub(crate) alert_subtype: String,
    pub(crate) culprit: String,
    pub(crate) error_code: Option<u32>,
    pub(crate) inner_code: Option<u32>,
    pub(crate) error_symbol: String,
    pub(crate) phase: String,
    pub(crate) kb_articles: Vec<u32>,
    /// Devices that have not installed the update since.
    pub(crate) open_devices: u64,
    /// Devices that ever were in it.
    pub(crate) devices: u64,
    pub(crate) confidence: f64,
    /// new, growing, steady, shrinking or closed.
    pub(crate) trend: String,
    /// Devices first seen in it, per day, the last fourteen days of data.
    pub(crate) daily: Vec<u64>,
    pub(crate) sites: Vec<String>,
    pub(crate) rings: Vec<String>,
    pub(crate) first_seen_at: Option<String>,
    pub(crate) last_seen_at: Option<String>,
    pub(crate) summary_en: String,
    pub(crate) summary_zh: String,
    pub(crate) actions_en: Vec<String>,
    pub(crate) actions_zh: Vec<String>,
    /// The device that summary and actions speak of, where those of the others differ in a path, a file or a build.
    #[serde(skip_serializing)]
    pub(crate) example_device_id: String,
    /// 1: the first step is among what differs.
    #[serde(skip_serializing)]
    pub(crate) first_step_differs: u8,
}

impl Cluster {
    /// The class of the trend's tag; the set is closed, so that data never becomes a class.
    pub(crate) fn trend_class(&self) -> &'static str {
        match self.trend.as_str() {
            "new" | "growing" => "bad",
            "shrinking" | "closed" => "good",
            _ => "muted",
        }
    }

    /// The sites in one line.
    pub(crate) fn site_list(&self) -> String {
        self.sites.join(", ")
    }
}

/// A cell of the heat map; grain: one per site and cause.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HeatCell {
    pub(crate) site: String,
    pub(crate) cause: String,
    pub(crate) devices: u64,
}

/// Everything on the page.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Clusters {
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) heat: Vec<HeatCell>,
}
