//! The rows behind the rollout page and `GET /api/v1/rollouts/{id}`.

use serde::{Deserialize, Serialize};

use crate::pages::clusters::model::Cluster;

/// One rollout of the list; grain: one per rollout.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RolloutName {
    pub(crate) rollout_id: String,
    pub(crate) name: String,
    pub(crate) kb_article: u32,
}

/// How far a rollout is; grain: one per rollout.
///
/// `planned = excluded + eligible`, `eligible = reporting + stale + never_seen`,
/// `reporting = latest + missing_one + missing_multiple + build_unknown`, and
/// `reporting = installed + pending_restart + in_progress + failed + not_started`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Summary {
    pub(crate) rollout_id: String,
    pub(crate) name: String,
    pub(crate) kb_article: u32,
    pub(crate) release_at: Option<String>,
    pub(crate) started_at: Option<String>,
    pub(crate) deadline_at: Option<String>,
    /// When it started, in seconds since 1970.
    #[serde(skip_serializing)]
    pub(crate) started_s: Option<u32>,
    /// When the newest report of any device of the rollout was made.
    pub(crate) as_of: Option<String>,
    pub(crate) planned: u64,
    pub(crate) excluded: u64,
    pub(crate) eligible: u64,
    pub(crate) reporting: u64,
    pub(crate) stale: u64,
    pub(crate) never_seen: u64,
    pub(crate) latest: u64,
    pub(crate) missing_one: u64,
    pub(crate) missing_multiple: u64,
    pub(crate) build_unknown: u64,
    pub(crate) installed: u64,
    pub(crate) pending_restart: u64,
    pub(crate) in_progress: u64,
    pub(crate) failed: u64,
    pub(crate) not_started: u64,
    /// Half of the installed devices had it this long after the start.
    pub(crate) median_hours: Option<f64>,
    pub(crate) p90_hours: Option<f64>,
}

impl Summary {
    /// The update as `KB5041580`.
    pub(crate) fn kb(&self) -> String {
        crate::format::kb(Some(self.kb_article))
    }
}

/// How far one ring or site is; grain: one per ring or site.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) eligible: u64,
    pub(crate) installed: u64,
    pub(crate) pending_restart: u64,
    pub(crate) in_progress: u64,
    pub(crate) failed: u64,
    pub(crate) not_started: u64,
    pub(crate) stale: u64,
    pub(crate) never_seen: u64,
}

/// Installed devices by the end of one day; grain: day × ring, and day × site for the largest sites; one of the two is
/// '' always, and both are for all devices.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    pub(crate) day: String,
    pub(crate) ring: String,
    pub(crate) site: String,
    pub(crate) installed: u64,
    pub(crate) eligible: u64,
}

/// One step of the way to the installed update; grain: one per client_substate.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Funnel {
    pub(crate) client_substate: String,
    /// Devices whose furthest step is this one or a later one.
    pub(crate) reached: u64,
    /// Devices that failed here and have not installed since.
    pub(crate) failed_here: u64,
}

/// One cluster of the rollout, by the devices that its remedy would free; grain: one per cluster.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct First {
    pub(crate) cluster_key: String,
    pub(crate) cause: String,
    pub(crate) culprit: String,
    pub(crate) error_code: Option<u32>,
    pub(crate) error_symbol: String,
    pub(crate) devices: u64,
    pub(crate) sites: Vec<String>,
    #[serde(skip_serializing)]
    pub(crate) confidence: f64,
    pub(crate) action_en: String,
    pub(crate) action_zh: String,
    /// The device that the action speaks of, where it differs from device to device; else empty.
    #[serde(skip_serializing)]
    pub(crate) example_device_id: String,
}

impl From<Cluster> for First {
    /// The devices of the rollout are counted later.
    fn from(cluster: Cluster) -> Self {
        let first = |actions: Vec<String>| actions.into_iter().next().unwrap_or_default();
        Self {
            cluster_key: cluster.cluster_key,
            cause: cluster.cause,
            culprit: cluster.culprit,
            error_code: cluster.error_code,
            error_symbol: cluster.error_symbol,
            devices: 0,
            sites: Vec::new(),
            confidence: cluster.confidence,
            action_en: first(cluster.actions_en),
            action_zh: first(cluster.actions_zh),
            example_device_id: Some(cluster.example_device_id)
                .filter(|_| cluster.first_step_differs == 1)
                .unwrap_or_default(),
        }
    }
}

/// A device that says nothing or waits for its restart; grain: one per device and state.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Waiting {
    pub(crate) device_id: String,
    pub(crate) device_name: String,
    pub(crate) site: String,
    pub(crate) ring: String,
    /// stale, never_seen or pending_restart.
    pub(crate) state: String,
    /// The last report of a silent device, the end of the attempt that wants the restart.
    pub(crate) since: Option<String>,
}

/// Everything on the page.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Rollout {
    pub(crate) summary: Summary,
    pub(crate) first: Vec<First>,
    pub(crate) progress: Vec<Progress>,
    pub(crate) rings: Vec<Group>,
    pub(crate) sites: Vec<Group>,
    pub(crate) funnel: Vec<Funnel>,
    pub(crate) silent: Vec<Waiting>,
    pub(crate) restart: Vec<Waiting>,
    /// The other rollouts, newest first.
    pub(crate) others: Vec<RolloutName>,
    /// Alerts that are active, in the whole fleet.
    pub(crate) active_alerts: u64,
    /// What the page can be narrowed to.
    #[serde(skip)]
    pub(crate) all_rings: Vec<String>,
    #[serde(skip)]
    pub(crate) all_sites: Vec<String>,
}
