//! The table `reject`, for those who try again what was refused.

use serde::Deserialize;

use super::{Param, Store};
use crate::Result;

/// Which rejects go.
pub(super) const AMONG_IDS: &str = "reject_id IN {ids:Array(String)}";

/// One refused piece of input, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RejectRow {
    /// Its content identity.
    pub reject_id: String,
    /// The device; empty when not known.
    pub device_id: String,
    /// Why, from a closed set.
    pub reason: String,
    /// Path inside the bundle.
    pub source_file: String,
    /// Line, from 1, in decimal; 0 where there is none.
    pub line_number: String,
    /// Offset in the original file, in decimal.
    pub byte_offset: String,
    /// What was refused, as text.
    pub raw: String,
}

impl Store {
    /// Returns the next rejects in the order of their ids, those with text only. Grain: one row per
    /// reject.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn rejects_after(&self, reject_id: &str, rows_max: u32) -> Result<Vec<RejectRow>> {
        let sql = "SELECT reject_id, device_id, toString(reason) AS reason, source_file, toString(line_number) AS line_number,
                toString(byte_offset) AS byte_offset, raw
            FROM reject FINAL
            WHERE reject_id > {after:String} AND raw != ''
            ORDER BY reject_id
            LIMIT {rows:UInt64}";
        let params = [
            ("after", Param::Text(reject_id.to_owned())),
            ("rows", Param::UInt(rows_max.into())),
        ];
        self.query_json("read rejects", sql, &params).await
    }

    /// Deletes rejects that were read after all.
    ///
    /// # Errors
    /// When the store refuses or does not answer; the same call made again is right.
    pub async fn delete_rejects(&self, reject_ids: Vec<String>) -> Result<()> {
        let params = [("ids", Param::Texts(reject_ids))];
        self.delete_rows(
            "delete rejects that were read",
            "reject",
            AMONG_IDS,
            &params,
        )
        .await
    }
}
