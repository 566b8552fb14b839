//! Reading: Arrow for machines, JSON rows for typed reports.

use arrow::array::RecordBatch;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Store;
use crate::{Error, Result};

/// A value for `{name:Type}` in a query. It never becomes part of the statement's text.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Param {
    /// Any text type, `Identifier`, dates and times.
    Text(String),
    /// Unsigned numbers.
    UInt(u64),
    /// Signed numbers.
    Int(i64),
    /// `Array(String)`.
    Texts(Vec<String>),
    /// `Array(UInt64)` and smaller.
    UInts(Vec<u64>),
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Param {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Param {
    fn from(number: u32) -> Self {
        Self::UInt(number.into())
    }
}

impl From<u64> for Param {
    fn from(number: u64) -> Self {
        Self::UInt(number)
    }
}

impl Store {
    /// Runs a query and returns its answer in `format`, whole.
    ///
    /// # Errors
    /// When the store refuses it or does not answer.
    pub async fn query_bytes(
        &self,
        doing: &str,
        sql: &str,
        params: &[(&str, Param)],
        format: &str,
    ) -> Result<Bytes> {
        let mut query = self
            .client
            .query_raw(sql)
            .with_setting("output_format_json_quote_64bit_integers", "0")
            // The connection compresses; a reader need not know LZ4 twice.
            .with_setting("output_format_arrow_compression_method", "none");
        for (name, value) in params {
            query = query.param(name, value);
        }
        let fetched = async {
            let mut cursor = query.fetch_bytes(format)?;
            cursor.collect().await
        };
        let answered = tokio::time::timeout(self.config.request_timeout, fetched).await;
        answered
            .unwrap_or(Err(clickhouse::error::Error::TimedOut))
            .map_err(|error| self.error(doing, error))
    }

    /// Runs a statement and returns its answer as text; the statement's own FORMAT wins over `format`.
    ///
    /// # Errors
    /// When the store refuses it, does not answer, or the answer is no text.
    pub async fn query_text(&self, sql: &str, format: &str) -> Result<String> {
        let bytes = self
            .query_bytes("run the statement", sql, &[], format)
            .await?;
        String::from_utf8(bytes.into())
            .map_err(|error| self.unreadable("run the statement", &error))
    }

    /// Runs a query and returns its rows as Arrow batches.
    ///
    /// # Errors
    /// When the store refuses it, does not answer, or its answer is no Arrow stream.
    pub async fn query_arrow(
        &self,
        doing: &str,
        sql: &str,
        params: &[(&str, Param)],
    ) -> Result<Vec<RecordBatch>> {
        let bytes = self.query_bytes(doing, sql, params, "ArrowStream").await?;
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        let reader = arrow::ipc::reader::StreamReader::try_new(bytes.as_ref(), None);
        reader
            .and_then(Iterator::collect)
            .map_err(|error| self.unreadable(doing, &error))
    }

    /// Runs a query and returns its rows as `T`.
    ///
    /// # Errors
    /// When the store refuses it, does not answer, or a row is no `T`.
    pub async fn query_json<T: DeserializeOwned>(
        &self,
        doing: &str,
        sql: &str,
        params: &[(&str, Param)],
    ) -> Result<Vec<T>> {
        let bytes = self.query_bytes(doing, sql, params, "JSONEachRow").await?;
        let rows = serde_json::Deserializer::from_slice(&bytes).into_iter();
        rows.collect::<Result<_, _>>()
            .map_err(|error| self.unreadable(doing, &error))
    }

    pub(super) fn unreadable(&self, doing: &str, error: &dyn std::fmt::Display) -> Error {
        Error::Answer {
            url: self.config.url.clone(),
            doing: doing.to_owned(),
            detail: error.to_string(),
        }
    }
}
