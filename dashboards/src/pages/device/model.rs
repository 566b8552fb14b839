//! The rows behind a device's page and `GET /api/v1/devices/{id}`.

#![expect(
    clippy::struct_field_names,
    reason = "one name per thing: fields are called like the columns"
)]

use serde::{Deserialize, Serialize};

use crate::pages::devices::model::state_class;
use crate::pages::evidence::Evidence;

/// The device itself; grain: one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Device {
    pub(crate) device_id: String,
    pub(crate) device_name: String,
    pub(crate) os_build: String,
    pub(crate) os_name: String,
    pub(crate) os_edition: String,
    pub(crate) architecture: String,
    pub(crate) model: String,
    pub(crate) manufacturer: String,
    pub(crate) site: String,
    pub(crate) ring: String,
    pub(crate) locale: String,
    pub(crate) last_seen_at: Option<String>,
    /// All inventory facts, a JSON object as text.
    pub(crate) facts: String,
}

/// One try of one update; grain: one per attempt.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Attempt {
    pub(crate) attempt_id: String,
    pub(crate) kb_article: Option<u32>,
    pub(crate) title: String,
    pub(crate) started_at: Option<String>,
    pub(crate) ended_at: Option<String>,
    pub(crate) outcome: String,
    pub(crate) furthest_client_substate: String,
    pub(crate) phase: String,
    pub(crate) error_code: Option<u32>,
    pub(crate) inner_code: Option<u32>,
    pub(crate) extend_code: Option<u32>,
    pub(crate) sources: Vec<String>,
    /// Seconds since 1970, for the time axis.
    pub(crate) started_s: Option<i64>,
    pub(crate) ended_s: Option<i64>,
}

impl Attempt {
    /// The CSS class of the outcome; the set is closed, so that data never becomes a class.
    pub(crate) fn outcome_class(&self) -> &'static str {
        match self.outcome.as_str() {
            "installed" => "installed",
            "failed" | "rolled_back" => "failed",
            "pending_restart" => "pending_restart",
            "in_progress" => "in_progress",
            _ => "not_started",
        }
    }
}

/// One cause that evidence supports; grain: one per diagnosis, the verdict first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Diagnosis {
    pub(crate) diagnosis_id: String,
    pub(crate) rank: u16,
    pub(crate) kb_article: Option<u32>,
    pub(crate) cause: String,
    pub(crate) alert_subtype: String,
    pub(crate) error_code: Option<u32>,
    pub(crate) error_symbol: String,
    pub(crate) inner_code: Option<u32>,
    pub(crate) culprit: String,
    pub(crate) confidence: f64,
    pub(crate) cluster_key: String,
    pub(crate) phase: String,
    pub(crate) summary_en: String,
    pub(crate) summary_zh: String,
    pub(crate) actions_en: Vec<String>,
    pub(crate) actions_zh: Vec<String>,
    pub(crate) is_open: u8,
    /// 1: a better supported diagnosis of the same failure stands above it.
    pub(crate) is_alternative: u8,
}

impl Diagnosis {
    /// Offered and not stated: the logs hold nothing nearer than what the code can mean.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.confidence < patchlens_queries::case::STATED
    }

    /// The confidence in percent.
    pub(crate) fn confidence_text(&self) -> String {
        crate::format::ratio(self.confidence)
    }
}

/// One record of the timeline; grain: one per event.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Event {
    pub(crate) occurred_at: Option<String>,
    pub(crate) source: String,
    pub(crate) component: String,
    pub(crate) signal: String,
    pub(crate) error_code: Option<u32>,
    pub(crate) message: String,
    pub(crate) source_file: String,
    pub(crate) line_number: u64,
}

impl Event {
    /// The CSS class of what it tells; the set is closed, so that data never becomes a class.
    pub(crate) fn class(&self) -> &'static str {
        match self.signal.as_str() {
            "scan_failed" | "download_failed" | "install_failed" | "rollback" => "failed",
            "scan_succeeded" | "download_succeeded" | "install_succeeded" => "installed",
            "restart_required" | "restart_initiated" => "pending_restart",
            "" => "not_started",
            _ => "in_progress",
        }
    }

    /// The component without the prefix that every provider of the event log has.
    pub(crate) fn provider(&self) -> &str {
        self.component
            .strip_prefix("Microsoft-Windows-")
            .unwrap_or(&self.component)
    }
}

/// Where the device stands in a rollout that plans it; grain: one per rollout, the newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Standing {
    pub(crate) rollout_id: String,
    pub(crate) rollout_name: String,
    pub(crate) kb_article: Option<u32>,
    pub(crate) device_name: String,
    pub(crate) site: String,
    pub(crate) ring: String,
    /// installed, failed, stale, never_seen, excluded, …
    pub(crate) state: String,
    /// Why it was taken out of the rollout; empty when it is in.
    pub(crate) exclusion_reason: String,
    pub(crate) deadline_at: Option<String>,
}

impl Standing {
    /// The CSS class of the state; the set is closed, so that data never becomes a class.
    pub(crate) fn state_class(&self) -> &'static str {
        state_class(&self.state)
    }
}

/// Everything on the page.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct DeviceDetail {
    /// Of a planned device that never reported: what the plan says, and no last report.
    pub(crate) device: Device,
    pub(crate) rollouts: Vec<Standing>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) diagnoses: Vec<Diagnosis>,
    pub(crate) evidence: Vec<Evidence>,
    /// Newest first.
    pub(crate) events: Vec<Event>,
}
