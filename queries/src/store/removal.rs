//! Taking a planned rollout away that was loaded by mistake.

use serde::Deserialize;

use super::{Param, Store};
use crate::Result;
use crate::reports::PlannedRollout;

/// The tables that hold rows of a rollout, in the order in which they go: the plan first, so that nothing is made from
/// it again.
const TABLES: [&str; 3] = ["rollout", "rollout_device", "device_standing"];

#[derive(Deserialize)]
struct Device {
    device_id: String,
}

impl Store {
    /// Removes a rollout: its plan, its devices' places in it, and what was made from both. What its devices reported
    /// stays. Returns what there was; `None` when there is no such rollout.
    ///
    /// # Errors
    /// When the store refuses or does not answer; the same call made again does the rest.
    pub async fn remove_rollout(&self, rollout_id: &str) -> Result<Option<PlannedRollout>> {
        let planned = self.planned_rollouts().await?;
        let Some(found) = planned
            .into_iter()
            .find(|planned| planned.rollout_id == rollout_id)
        else {
            return Ok(None);
        };
        let sql = self
            .deployment()
            .render(include_str!("../../refresh/planned_devices.sql"));
        let params = [("rollout_id", Param::from(rollout_id))];
        let devices: Vec<Device> = self
            .query_json("read the devices of a rollout", &sql, &params)
            .await?;
        let devices: Vec<String> = devices.into_iter().map(|row| row.device_id).collect();
        for table in TABLES {
            self.remove_rows(table, rollout_id).await?;
        }
        self.refresh_devices(&devices).await?;
        // A device that reported meanwhile may have been judged by the plan that was just about to go.
        self.remove_rows("device_standing", rollout_id).await?;
        Ok(Some(found))
    }

    async fn remove_rows(&self, table: &str, rollout_id: &str) -> Result<()> {
        let sql = self.deployment().render_removal(&format!(
            "ALTER TABLE {{table:{table}}} {{on_cluster}} DELETE WHERE rollout_id = {{rollout_id:String}} SETTINGS mutations_sync = 2"
        ));
        let params = [("rollout_id", Param::from(rollout_id))];
        let doing = format!("remove a rollout from {table}");
        self.query_bytes(&doing, &sql, &params, "Null")
            .await
            .map(drop)
    }
}
