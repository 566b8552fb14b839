//! Taking rows away: a planned rollout that was loaded by mistake, rejects that were read after all.

use serde::Deserialize;

use super::{Param, Store};
use crate::Result;
use crate::reports::PlannedRollout;
use crate::sql::Deployment;

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
        let doing = format!("remove a rollout from {table}");
        let params = [("rollout_id", Param::from(rollout_id))];
        self.delete_rows(&doing, table, "rollout_id = {rollout_id:String}", &params)
            .await
    }

    /// Deletes the rows of a table that meet a condition; they are gone when this returns.
    pub(super) async fn delete_rows(
        &self,
        doing: &str,
        table: &str,
        condition: &str,
        params: &[(&str, Param)],
    ) -> Result<()> {
        let sql = deletion(&self.deployment(), table, condition);
        self.query_bytes(doing, &sql, params, "Null")
            .await
            .map(drop)
    }
}

/// The statement that deletes rows, on one server or on a cluster, where a table over all nodes cannot.
fn deletion(deployment: &Deployment, table: &str, condition: &str) -> String {
    deployment.render_removal(&format!(
        "ALTER TABLE {{table:{table}}} {{on_cluster}} DELETE WHERE {condition} SETTINGS mutations_sync = 2"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_deleted_where_they_lie() {
        let statement = |cluster: Option<&str>| {
            let deployment = Deployment {
                database: "p".to_owned(),
                cluster: cluster.map(str::to_owned),
            };
            deletion(&deployment, "reject", super::super::reject::AMONG_IDS)
        };
        assert_eq!(
            statement(None),
            "ALTER TABLE `p`.`reject`  DELETE WHERE reject_id IN {ids:Array(String)} SETTINGS mutations_sync = 2"
        );
        assert_eq!(
            statement(Some("c")),
            "ALTER TABLE `p`.`reject_local` ON CLUSTER `c` DELETE WHERE reject_id IN {ids:Array(String)} SETTINGS mutations_sync = 2"
        );
    }
}
