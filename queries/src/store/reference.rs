//! Reference data: the operator's CSV files, kept as they are, and the plans made from them; and what the device step
//! asks and marks.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::config::check_identifier;
use super::{Param, Store};
use crate::{Error, Result};

/// What [`Store::replace_error_codes`] writes.
const ERROR_CODE_COLUMNS: [&str; 9] = [
    "error_code",
    "error_symbol",
    "family",
    "is_wrapper",
    "phase",
    "meaning_en",
    "meaning_zh",
    "documented_in",
    "catalogue",
];

#[derive(Deserialize)]
struct Row {
    name: String,
    content: String,
}

#[derive(Deserialize)]
struct Generation {
    newest: u64,
}

/// A device with a number.
#[derive(Deserialize)]
struct Numbered {
    device_id: String,
    number: u64,
}

impl Store {
    /// Returns the files of reference data, name and content, by name.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn reference_files(&self) -> Result<Vec<(String, String)>> {
        let sql = "SELECT name, content FROM reference_file FINAL ORDER BY name";
        let rows: Vec<Row> = self.query_json("read the reference data", sql, &[]).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.name, row.content))
            .collect())
    }

    /// Puts `files` in the place of all files of reference data, in one insert.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn replace_reference_files(&self, files: &[(String, String)]) -> Result<()> {
        let before = self.reference_files().await?;
        let kept = files.iter().map(|(name, content)| serde_json::json!({"name": name, "content": content, "is_deleted": 0}));
        let dropped = before
            .iter()
            .filter(|(name, _)| files.iter().all(|(kept, _)| kept != name));
        let dropped = dropped
            .map(|(name, _)| serde_json::json!({"name": name, "content": "", "is_deleted": 1}));
        self.insert_json_rows(
            "reference_file",
            &["name", "content", "is_deleted"],
            &kept.chain(dropped).collect::<Vec<_>>(),
        )
        .await
    }

    /// Puts the rows of an error-code catalogue in the place of those of the catalogue before, unless they are of this
    /// one already. Returns whether anything was written.
    ///
    /// # Input
    /// `catalogue` names the content: the same rows, the same name. `rows` are JSON objects of the columns
    /// `error_code` to `documented_in` of `error_code_meaning`, each code once.
    ///
    /// # Errors
    /// When the store refuses or does not answer; the same call made again is right.
    pub async fn replace_error_codes(&self, catalogue: &str, rows: &[Value]) -> Result<bool> {
        #[derive(Deserialize)]
        struct Held {
            of_this: u64,
            of_others: u64,
        }
        let name = [("catalogue", Param::from(catalogue))];
        let sql = "SELECT countIf(catalogue = {catalogue:String}) AS of_this, countIf(catalogue != {catalogue:String}) AS of_others FROM error_code_meaning FINAL";
        let doing = "look which error-code catalogue is loaded";
        let held: Vec<Held> = self.query_json(doing, sql, &name).await?;
        if held
            .iter()
            .all(|held| held.of_this == rows.len() as u64 && held.of_others == 0)
        {
            return Ok(false);
        }
        let named: Vec<Value> = rows
            .iter()
            .cloned()
            .map(|mut row| {
                if let Some(row) = row.as_object_mut() {
                    row.insert("catalogue".to_owned(), Value::from(catalogue));
                }
                row
            })
            .collect();
        self.insert_json_rows("error_code_meaning", &ERROR_CODE_COLUMNS, &named)
            .await?;
        let sql = "INSERT INTO error_code_meaning (error_code, catalogue, is_deleted) SELECT error_code, {catalogue:String}, 1 FROM error_code_meaning FINAL WHERE catalogue != {catalogue:String}";
        self.query_bytes("drop error codes of an older catalogue", sql, &name, "Null")
            .await?;
        Ok(true)
    }

    /// Inserts a few rows, each a JSON object of `columns`: for plans, not for facts. An object in a
    /// text column is kept as its JSON text.
    ///
    /// # Errors
    /// When the store refuses the rows or does not answer.
    pub async fn insert_json_rows(
        &self,
        table: &str,
        columns: &[&str],
        rows: &[Value],
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut text = Vec::new();
        for row in rows {
            text.extend_from_slice(row.to_string().as_bytes());
            text.push(b'\n');
        }
        self.insert_formatted(table, columns, "JSONEachRow", text.into())
            .await
    }

    /// The highest generation that any derived row of some devices has; 0 when they have none.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn newest_generation(&self, device_ids: &[String]) -> Result<u64> {
        const SQL: &str = include_str!("../../reports/newest_generation.sql");
        let mut newest = 0;
        for chunk in device_ids.chunks(DEVICES_PER_QUERY) {
            let params = [("device_ids", Param::Texts(chunk.to_vec()))];
            let rows: Vec<Generation> = self
                .query_json("read the generation of devices", SQL, &params)
                .await?;
            newest = rows.iter().map(|row| row.newest).fold(newest, u64::max);
        }
        Ok(newest)
    }

    /// Marks rows of devices as deleted that their newest recomputation did not write again: that of `generation`, or one
    /// of another process, whose rows of the table `device` are newer. So whoever is late takes its own rows back.
    ///
    /// # Input
    /// `identity_columns` are the table's key without `device_id`; `generation` is that of the
    /// recomputation that was just written, the rows of `device` included.
    ///
    /// # Errors
    /// When the store refuses or does not answer; the same call made again is right.
    pub async fn delete_older_generations(
        &self,
        table: &str,
        identity_columns: &[&str],
        device_ids: &[String],
        generation: u64,
    ) -> Result<()> {
        check_identifier("table name", table)?;
        for column in identity_columns {
            check_identifier("column name", column)?;
        }
        let mut columns = vec!["device_id"];
        columns.extend_from_slice(identity_columns);
        let identity = format!("`{}`", columns.join("`, `"));
        let sql = format!(
            "INSERT INTO `{database}`.`{table}` ({identity}, generation, is_deleted)
            SELECT {identity}, newest, 1
            FROM
            (
                SELECT {identity}, generation FROM `{database}`.`{table}` FINAL WHERE device_id IN {{device_ids:Array(String)}}
            ) AS t
            INNER JOIN
            (
                SELECT i.device_id AS device_id, greatest(any(d.newest), {{generation:UInt64}}) AS newest
                FROM (SELECT arrayJoin({{device_ids:Array(String)}}) AS device_id) AS i
                LEFT JOIN
                (
                    SELECT device_id, max(generation) AS newest FROM `{database}`.`device`
                    WHERE device_id IN {{device_ids:Array(String)}} GROUP BY device_id
                ) AS d ON d.device_id = i.device_id
                GROUP BY device_id
            ) AS n ON n.device_id = t.device_id
            WHERE t.generation < n.newest",
            database = self.config.database
        );
        for chunk in device_ids.chunks(DEVICES_PER_QUERY) {
            let params = [
                ("generation", Param::UInt(generation)),
                ("device_ids", Param::Texts(chunk.to_vec())),
            ];
            self.query_bytes(
                &format!("mark outdated rows of {table}"),
                &sql,
                &params,
                "Null",
            )
            .await?;
        }
        Ok(())
    }

    /// Returns how many records the store holds of each device, doubles included; devices without any are not in it.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn device_records(&self, device_ids: &[String]) -> Result<HashMap<String, u64>> {
        const SQL: &str = "SELECT device_id, count() AS number FROM update_event WHERE device_id IN {device_ids:Array(String)} GROUP BY device_id";
        let mut records = HashMap::new();
        for chunk in device_ids.chunks(DEVICES_PER_QUERY) {
            let params = [("device_ids", Param::Texts(chunk.to_vec()))];
            let rows: Vec<Numbered> = self
                .query_json("count the records of devices", SQL, &params)
                .await?;
            records.extend(rows.into_iter().map(|row| (row.device_id, row.number)));
        }
        Ok(records)
    }

    /// Returns devices that were judged by something else than `made_by` names, or never, each with its place in the
    /// order that `seed` gives: at most `limit` of them behind the place `after`.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn misjudged_devices(
        &self,
        made_by: &str,
        seed: u64,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(String, u64)>> {
        const SQL: &str = include_str!("../../reports/misjudged_devices.sql");
        let params = [
            ("made_by", Param::from(made_by)),
            ("seed", Param::UInt(seed)),
            ("after", Param::UInt(after)),
            ("limit", Param::UInt(limit as u64)),
        ];
        let rows: Vec<Numbered> = self
            .query_json("look for devices that were judged otherwise", SQL, &params)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.device_id, row.number))
            .collect())
    }

    /// Returns the records of some devices as one Arrow stream: the columns of `update_event` in their
    /// order, each record once, text as plain text. Of a device with more than [`RECORDS_PER_DEVICE_MAX`] the older
    /// days are left out.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn device_events(&self, device_ids: &[String]) -> Result<Vec<u8>> {
        const SQL: &str = include_str!("../../reports/device_events.sql");
        if device_ids.len() > DEVICES_PER_QUERY {
            let detail = format!(
                "{} devices were asked for at once; {DEVICES_PER_QUERY} are the most",
                device_ids.len()
            );
            return Err(Error::Answer {
                url: self.config.url.clone(),
                doing: "read the records of devices".to_owned(),
                detail,
            });
        }
        let params = [
            ("device_ids", Param::Texts(device_ids.to_vec())),
            ("records_max", Param::UInt(RECORDS_PER_DEVICE_MAX)),
        ];
        Ok(self
            .query_bytes("read the records of devices", SQL, &params, "ArrowStream")
            .await?
            .into())
    }
}

/// A server refuses form fields above 128 KiB; a device id has 256 bytes at most, most have 15.
const DEVICES_PER_QUERY: usize = 400;

/// How many records of one device are analysed, the newest, in whole days: those of 400 days for a device that sends
/// 1,250 a day. Readings of its inventory are few, do not count, and are all read. Bounds what one device costs, however
/// old it gets and however much it logs.
pub const RECORDS_PER_DEVICE_MAX: u64 = 500_000;
