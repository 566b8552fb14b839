//! The rows behind the device list and `GET /api/v1/devices`.

use serde::{Deserialize, Serialize};

/// One device of the fleet or of a rollout; grain: one per device.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DeviceRow {
    pub(crate) device_id: String,
    pub(crate) device_name: String,
    pub(crate) site: String,
    pub(crate) ring: String,
    pub(crate) os_build: String,
    /// The state in the rollout (installed, failed, stale, …); empty without a rollout.
    pub(crate) state: String,
    /// The open verdict's cause; empty without one.
    pub(crate) cause: String,
    pub(crate) culprit: String,
    pub(crate) cluster_key: String,
    pub(crate) last_seen_at: Option<String>,
}

impl DeviceRow {
    /// The CSS class of the state; the set is closed, so that data never becomes a class.
    pub(crate) fn state_class(&self) -> &'static str {
        state_class(&self.state)
    }
}

/// The CSS class of a state in a rollout.
pub(crate) fn state_class(state: &str) -> &'static str {
    STATES
        .into_iter()
        .find(|known| *known == state)
        .unwrap_or("not_started")
}

/// The states of a device in a rollout.
pub(crate) const STATES: [&str; 8] = [
    "installed",
    "pending_restart",
    "in_progress",
    "failed",
    "not_started",
    "stale",
    "never_seen",
    "excluded",
];
