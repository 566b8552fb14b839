//! The tables that views count over, `device_digest` and `device_standing`: made from the facts for each device of
//! which something changed.
//!
//! They are no source: every row can be made again, and gives the same. Whoever writes facts of a device refreshes it
//! before the facts count as handed over ([`Store::refresh_devices`]); what was missed, because plans were written by
//! hand or the tables are new, is found by comparing generations ([`Store::refresh_outdated`]).

use serde::Deserialize;

use super::{Param, Store};
use crate::Result;
use crate::sql::Deployment;

/// The columns that the statements of `refresh/` fill; one more when they fill others or fill them otherwise, so that
/// all rows are made again.
const LAYOUT: u64 = 6;
/// Devices of one insert: bounds its memory, which grows with the records of its devices.
const DEVICES_PER_INSERT: usize = 500;

const REFRESH: [(&str, &str); 2] = [
    (
        "make the digests of devices",
        include_str!("../../refresh/device_digest.sql"),
    ),
    (
        "make the standings of devices",
        include_str!("../../refresh/device_standing.sql"),
    ),
];

#[derive(Deserialize)]
struct Outdated {
    device_id: String,
}

impl Store {
    /// Makes the rows of `device_digest` and `device_standing` of some devices again, from what the other tables hold.
    ///
    /// # Errors
    /// When the store refuses or does not answer; the same call made again is right.
    pub async fn refresh_devices(&self, device_ids: &[String]) -> Result<()> {
        for some in device_ids.chunks(DEVICES_PER_INSERT) {
            let params = [
                ("device_ids", Param::Texts(some.to_vec())),
                ("layout", Param::UInt(LAYOUT)),
            ];
            for (doing, sql) in REFRESH {
                let sql = self.deployment().render(sql);
                self.query_bytes(doing, &sql, &params, "Null").await?;
            }
        }
        Ok(())
    }

    /// Refreshes the devices whose rows were made from older facts or an older plan than the tables hold, and
    /// returns how many there were.
    ///
    /// # Errors
    /// When the store refuses or does not answer; the same call made again does the rest.
    pub async fn refresh_outdated(&self) -> Result<usize> {
        let sql = include_str!("../../refresh/outdated_devices.sql");
        let sql = self.deployment().render(sql);
        let outdated: Vec<Outdated> = self
            .query_json(
                "look for devices that changed",
                &sql,
                &[("layout", Param::UInt(LAYOUT))],
            )
            .await?;
        let devices: Vec<String> = outdated.into_iter().map(|row| row.device_id).collect();
        if !devices.is_empty() {
            tracing::debug!(devices = devices.len(), "refreshing devices that changed");
            self.refresh_devices(&devices).await?;
        }
        Ok(devices.len())
    }

    /// Marks the devices of the given rollouts whose place in the plan was not written at or after a time of the
    /// store's clock.
    pub(crate) async fn mark_unplanned_devices(
        &self,
        rollout_ids: impl IntoIterator<Item = &str>,
        written_at: &str,
    ) -> Result<()> {
        let sql = include_str!("../../refresh/unplanned_devices.sql");
        let sql = self.deployment().render(sql);
        let rollout_ids = rollout_ids.into_iter().map(str::to_owned).collect();
        let params = [
            ("rollout_ids", Param::Texts(rollout_ids)),
            ("written_at", Param::from(written_at)),
        ];
        let doing = "mark devices that are planned no more";
        self.query_bytes(doing, &sql, &params, "Null")
            .await
            .map(drop)
    }

    pub(super) fn deployment(&self) -> Deployment {
        Deployment {
            database: self.config.database.clone(),
            cluster: self.config.cluster.clone(),
        }
    }
}
