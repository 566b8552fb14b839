//! The rows behind a cluster's page and `GET /api/v1/clusters/{key}`.

#![expect(
    clippy::struct_field_names,
    reason = "one name per thing: fields are called like the columns"
)]

use serde::{Deserialize, Serialize};

use crate::pages::clusters::model::Cluster;
use crate::pages::evidence::Evidence;

/// A device of the cluster; grain: one per device.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ClusterDevice {
    pub(crate) device_id: String,
    pub(crate) device_name: String,
    pub(crate) site: String,
    pub(crate) ring: String,
    pub(crate) os_build: String,
    pub(crate) error_code: Option<u32>,
    pub(crate) last_seen_at: Option<String>,
    pub(crate) is_open: u8,
}

/// What the cluster's devices have more often than the others; grain: one per factor and value.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Factor {
    pub(crate) factor: String,
    pub(crate) value: String,
    pub(crate) devices: u64,
    pub(crate) with_factor: u64,
    pub(crate) others: u64,
    pub(crate) others_with_factor: u64,
    pub(crate) lift: Option<f64>,
    /// The exact test's probability, corrected for the number of tests; null where the store computes none.
    pub(crate) p_value: Option<f64>,
    /// 1: whoever has it and did not try yet is at risk.
    #[serde(skip_serializing)]
    pub(crate) is_telling: u8,
}

impl Factor {
    /// The share of the cluster's devices that have it.
    pub(crate) fn here_percent(&self) -> f64 {
        crate::chart::percent(self.with_factor, self.devices)
    }

    /// The share of the other devices that have it.
    pub(crate) fn there_percent(&self) -> f64 {
        crate::chart::percent(self.others_with_factor, self.others)
    }

    /// `3.4×`; `∞` where no other device has it.
    pub(crate) fn lift_text(&self) -> String {
        match self.lift {
            Some(lift) if lift.is_finite() => format!("{lift:.1}×"),
            _ if self.with_factor > 0 && self.others_with_factor == 0 => "∞".to_owned(),
            _ => crate::format::NONE.to_owned(),
        }
    }

    /// `0.003`, or `<0.001`.
    pub(crate) fn p_text(&self) -> String {
        self.p_value
            .map_or_else(|| crate::format::NONE.to_owned(), crate::format::chance)
    }
}

/// What the remedy did so far; grain: one per cluster.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Effect {
    /// Devices that installed the update after the failure.
    pub(crate) installed_later: u64,
    /// Devices that tried again and failed again.
    pub(crate) failed_again: u64,
    pub(crate) median_hours: Option<f64>,
}

/// Everything on the page.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct ClusterDetail {
    pub(crate) cluster: Cluster,
    pub(crate) effect: Effect,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) factors: Vec<Factor>,
    pub(crate) devices: Vec<ClusterDevice>,
    /// Devices that did not try yet and carry the cluster's factors.
    pub(crate) at_risk: u64,
    /// The likeliest of them.
    pub(crate) at_risk_devices: Vec<AtRisk>,
}

/// A device that did not try yet and has what the cluster's devices have; grain: one per device.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AtRisk {
    pub(crate) device_id: String,
    pub(crate) device_name: String,
    pub(crate) site: String,
    pub(crate) ring: String,
    /// `factor=value`.
    pub(crate) factors: Vec<String>,
}
