//! Inserting Arrow streams, and when an insert may be repeated.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use bytes::Bytes;

use super::Store;
use super::config::check_identifier;
use crate::error::is_data_code;
use crate::{Error, Result};

/// Data is handed to the connection in pieces of this size: one compressed block each.
const PIECE_BYTES: usize = 1 << 20;
const PAUSE_FIRST: Duration = Duration::from_millis(500);

impl Store {
    /// Inserts an Arrow IPC stream into `table`, and returns when it is stored.
    ///
    /// One call is one part: all rows or none, as long as there are at most 1 M of them in less than
    /// 256 MB. Null in a column that takes none is refused, not replaced.
    ///
    /// # Input
    /// `columns` are the columns of the stream, in its order; columns of the table that are not named
    /// get their defaults.
    ///
    /// # Errors
    /// [`Error::RowsRefused`] when the rows themselves do not fit. When
    /// [`Error::may_have_been_stored`] is true, look at the destination before sending again.
    pub async fn insert_arrow_stream(
        &self,
        table: &str,
        columns: &[&str],
        stream: impl Into<Bytes>,
    ) -> Result<()> {
        self.insert_formatted(table, columns, "ArrowStream", stream.into())
            .await
    }

    pub(super) async fn insert_formatted(
        &self,
        table: &str,
        columns: &[&str],
        format: &str,
        data: Bytes,
    ) -> Result<()> {
        check_identifier("table name", table)?;
        for column in columns {
            check_identifier("column name", column)?;
        }
        let list = columns
            .iter()
            .map(|column| format!("`{column}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let sql = format!(
            "INSERT INTO `{}`.`{table}` ({list}) FORMAT {format}",
            self.config.database
        );
        let mut pause = PAUSE_FIRST;
        let mut attempt = 0;
        loop {
            let Err(error) = self.insert_once(&sql, table, data.clone()).await else {
                return Ok(());
            };
            attempt += 1;
            if !error.is_retryable()
                || error.may_have_been_stored()
                || attempt > self.config.retries_max
            {
                return Err(error);
            }
            tracing::warn!(%error, table, attempt, "store is busy: the insert will be sent again");
            tokio::time::sleep(jittered(pause)).await;
            pause *= 2;
        }
    }

    async fn insert_once(&self, sql: &str, table: &str, stream: Bytes) -> Result<()> {
        let mut insert = self
            .client
            .insert_formatted_with(sql)
            .with_setting("async_insert", "0")
            .with_setting("wait_end_of_query", "1")
            .with_setting("input_format_null_as_default", "0")
            // One insert is one block, and one block is one part.
            .with_setting("max_insert_block_size", "1048576")
            .with_timeouts(
                Some(self.config.request_timeout),
                Some(self.config.request_timeout),
            );
        let mut rest = stream;
        let mut sent = Ok(());
        while !rest.is_empty() && sent.is_ok() {
            let piece = rest.split_to(PIECE_BYTES.min(rest.len()));
            sent = insert.send(piece).await;
        }
        // The server's reason for breaking off comes with its answer.
        let ended = insert.end().await;
        ended.and(sent).map_err(
            |error| match self.error(&format!("insert into {table}"), error) {
                Error::Exception {
                    url, code, message, ..
                } if is_data_code(code) => Error::RowsRefused {
                    url,
                    table: table.to_owned(),
                    code,
                    message,
                },
                other => other,
            },
        )
    }
}

/// Spreads retries by ±20 %, so that many writers do not come back together.
fn jittered(pause: Duration) -> Duration {
    let per_mille = u32::try_from(RandomState::new().hash_one(()) % 401).unwrap_or(200);
    pause * (800 + per_mille) / 1000
}
