//! What reports say, typed: the rows of `reports/*.sql` that commands and pages print.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Param, Result, Store};

/// How far a rollout is. `devices = reporting + stale + never_seen + excluded`, and
/// `reporting = latest + missing_one + missing_multiple + build_unknown`, of which the latest are
/// installed and the others `failed + in_progress + pending_restart + not_started`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutSummary {
    /// The rollout.
    pub rollout_id: String,
    /// Its name.
    pub name: String,
    /// The update.
    pub kb_article: u32,
    /// When it began, UTC; null when the plan does not say.
    pub started_at: Option<String>,
    /// When every device was to have it, UTC; null when the plan does not say.
    pub deadline_at: Option<String>,
    /// The newest report of any of its devices, UTC; null when none reported.
    pub as_of: Option<String>,
    /// Planned devices.
    pub devices: u64,
    /// Planned devices that report.
    pub reporting: u64,
    /// Planned devices whose newest record is old.
    pub stale: u64,
    /// Planned devices that never reported.
    pub never_seen: u64,
    /// Planned devices that are left out.
    pub excluded: u64,
    /// Reporting devices that have the update.
    pub latest: u64,
    /// Reporting devices that lack only this update.
    pub missing_one: u64,
    /// Reporting devices that lack more than this update.
    pub missing_multiple: u64,
    /// Reporting devices whose build no source states.
    pub build_unknown: u64,
    /// Reporting devices whose newest attempt failed, or that carry an open verdict.
    pub failed: u64,
    /// Reporting devices that are at it.
    pub in_progress: u64,
    /// Reporting devices that wait for a restart.
    pub pending_restart: u64,
    /// Reporting devices that did not try yet.
    pub not_started: u64,
    /// Planned devices, silent ones included, that lacked the update when the deadline had passed; 0 before it.
    pub late: u64,
}

impl RolloutSummary {
    /// Share of the reporting devices that have the update, in whole percent. 0 and 100 say none and all.
    pub fn percent_latest(&self) -> u64 {
        let nearest = (self.latest * 200 + self.reporting).checked_div(self.reporting * 2);
        match nearest.unwrap_or(0) {
            0 if self.latest > 0 => 1,
            100 if self.latest < self.reporting => 99,
            percent => percent,
        }
    }
}

/// A rollout as it is planned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PlannedRollout {
    /// The rollout.
    pub rollout_id: String,
    /// Its name; empty for what is left of one whose removal was interrupted.
    pub name: String,
    /// The update.
    pub kb_article: u32,
    /// When it begins, UTC; `None` when the plan does not say.
    pub started_at: Option<String>,
    /// When every device is to have the update, UTC; `None` when the plan does not say.
    pub deadline_at: Option<String>,
    /// Devices that the plan names.
    pub planned: u64,
    /// Those of them that are taken out on purpose.
    pub excluded: u64,
    /// 1: the rollout that pages and commands mean when none is named.
    pub is_current: u8,
}

/// Devices that fail for the same reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterRow {
    /// Identity of the cluster.
    pub cluster_key: String,
    /// Stable id of the cause.
    pub cause: String,
    /// The coarse cause in the words of Microsoft's reports.
    pub alert_subtype: String,
    /// The named thing at fault; empty when none is named.
    pub culprit: String,
    /// Devices, those repaired meanwhile included; where a rollout is asked for, its planned ones.
    pub devices: u64,
    /// Devices that still fail; where a rollout is asked for, its planned ones.
    pub open_devices: u64,
    /// `open` or `closed`.
    pub status: String,
    /// Codes as the devices reported them.
    pub error_codes: Vec<String>,
    /// Symbol of the most frequent code; empty when not known.
    pub error_symbol: String,
    /// Codes beneath wrappers.
    pub inner_codes: Vec<String>,
    /// Updates that fail.
    pub kb_articles: Vec<u32>,
    /// Sites of the devices.
    pub sites: Vec<String>,
    /// Rings of the devices.
    pub rings: Vec<String>,
    /// Where it fails.
    pub phase: String,
    /// Average over the devices, 0 to 1.
    pub confidence_avg: f64,
    /// One sentence in English.
    pub summary_en: String,
    /// One sentence in Chinese.
    pub summary_zh: String,
    /// What to do, in order, in English.
    pub actions_en: Vec<String>,
    /// What to do, in order, in Chinese.
    pub actions_zh: Vec<String>,
    /// The device that these texts speak of, where those of others differ in a path, a file or a build; else empty.
    #[serde(default)]
    pub example_device_id: String,
}

/// One device of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterDeviceRow {
    /// The device.
    pub device_id: String,
    /// Its name.
    pub device_name: String,
    /// Where it stands.
    pub site: String,
    /// Its ring.
    pub ring: String,
    /// Full build.
    pub os_build: String,
    /// The code that it reported; empty when none.
    pub error_code_hex: String,
    /// 0: the update was installed later.
    pub is_open: u8,
    /// File of the line that names the cause.
    pub evidence_file: String,
    /// The line.
    pub evidence_line: u64,
    /// What it says.
    pub evidence_text: String,
}

impl Store {
    /// How far a rollout is; `None` as id means the current rollout: the newest that has begun by the
    /// time of the data, else the next one.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn rollout_summary(
        &self,
        rollout_id: Option<&str>,
    ) -> Result<Option<RolloutSummary>> {
        let params = [("rollout_id", Param::from(rollout_id.unwrap_or_default()))];
        let rows = self
            .query_json(
                "summarise a rollout",
                include_str!("../reports/rollout_summary.sql"),
                &params,
            )
            .await?;
        Ok(rows.into_iter().next())
    }

    /// The clusters, the one that hits most devices first; a key asks for one.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn clusters(&self, cluster_key: Option<&str>) -> Result<Vec<ClusterRow>> {
        let params = [("cluster_key", Param::from(cluster_key.unwrap_or_default()))];
        self.query_json(
            "list the clusters",
            include_str!("../reports/clusters.sql"),
            &params,
        )
        .await
    }

    /// The devices of a cluster, those that still fail first.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn cluster_devices(&self, cluster_key: &str) -> Result<Vec<ClusterDeviceRow>> {
        let params = [("cluster_key", Param::from(cluster_key))];
        self.query_json(
            "list the devices of a cluster",
            include_str!("../reports/cluster_devices.sql"),
            &params,
        )
        .await
    }

    /// The planned rollouts, the current one first and then newest first.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn planned_rollouts(&self) -> Result<Vec<PlannedRollout>> {
        let sql = include_str!("../reports/planned_rollouts.sql");
        self.query_json("list the planned rollouts", sql, &[]).await
    }

    /// Puts the plans of rollouts into their tables, in the place of older plans of the same rollouts, and
    /// refreshes what views count over. Devices that the older plan of a rollout named and the new one does not are
    /// planned no more. Rollouts that are not given stay, and so do the devices of one that is given without any.
    ///
    /// # Input
    /// JSON objects with the columns of `rollout` and `rollout_device`.
    ///
    /// # Errors
    /// When the store refuses the rows or does not answer.
    pub async fn replace_rollouts(
        &self,
        rollouts: &[serde_json::Value],
        devices: &[serde_json::Value],
    ) -> Result<()> {
        let columns = [
            "rollout_id",
            "name",
            "kb_article",
            "release_at",
            "started_at",
            "deadline_at",
            "target_builds",
        ];
        let clock = "SELECT toString(now64(6, 'UTC'))";
        let written_at = self.query_text(clock, "TSVRaw").await?;
        self.insert_json_rows("rollout", &columns, rollouts).await?;
        let columns = [
            "rollout_id",
            "device_id",
            "device_name",
            "site",
            "ring",
            "excluded",
            "exclusion_reason",
        ];
        self.insert_json_rows("rollout_device", &columns, devices)
            .await?;
        let planned: BTreeSet<&str> = devices
            .iter()
            .filter_map(|device| device.get("rollout_id")?.as_str())
            .collect();
        self.mark_unplanned_devices(planned, written_at.trim())
            .await?;
        self.refresh_outdated().await.map(drop)
    }
}
