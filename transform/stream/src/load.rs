//! Inserting what is missing.
//!
//! Before an insert the store is asked which identities it holds. This one question makes a cut in
//! doubt, a message delivered twice and a bundle collected again come to the same. It is asked for
//! every cut and not only for one in doubt, because re-collection is an everyday event here.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use patchlens_event::{EventId, Origin, Reject, RejectReason};
use patchlens_queries::Store;
use patchlens_transform::{RowOrigin, ipc_stream, schema};
use polars::prelude::*;

use crate::engine::Engine;
use crate::tables::Table;
use crate::{Error, Result};

/// What became of the rows of one cut in one table.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Rows that were inserted.
    pub inserted: usize,
    /// Rows that the store held, or that the cut holds twice.
    pub present: usize,
    /// Rows that the store refuses, each alone.
    pub refused: Vec<(Reject, RowOrigin)>,
}

/// Inserts the rows of `frame` that the table does not hold.
///
/// # Input
/// `frame`: the table's columns, among them `device_id`, the table's identity and the origin columns.
///
/// # Errors
/// When the store cannot be reached or fails; then any part of the frame may have been inserted,
/// and the same call made again inserts the rest.
pub async fn insert_missing(
    store: &Store,
    engine: &Engine,
    table: Table,
    frame: DataFrame,
    now: Timestamp,
) -> Result<Loaded> {
    let rows = frame.height();
    if rows == 0 {
        return Ok(Loaded::default());
    }
    let (frame, devices, ids) = engine
        .run(move || identities(&frame, table))
        .await?
        .map_err(Error::frame("the identities of a cut"))?;
    let present = store
        .existing_ids(table.name, table.identity, &devices, &ids)
        .await
        .map_err(Error::store(format!(
            "asking the table {} which rows of a cut it holds",
            table.name
        )))?;
    let missing = engine
        .run(move || without(frame, table, &present))
        .await?
        .map_err(Error::frame("the missing rows of a cut"))?;
    let mut loaded = Loaded {
        present: rows.saturating_sub(missing.height()),
        ..Loaded::default()
    };
    insert(store, engine, table, missing, now, &mut loaded).await?;
    Ok(loaded)
}

/// Inserts a frame; a frame that the store refuses is halved until the refused rows stand alone.
async fn insert(
    store: &Store,
    engine: &Engine,
    table: Table,
    frame: DataFrame,
    now: Timestamp,
    loaded: &mut Loaded,
) -> Result<()> {
    let mut pending = vec![frame];
    while let Some(frame) = pending.pop() {
        let rows = frame.height();
        if rows == 0 {
            continue;
        }
        match insert_frame(store, engine, table.name, frame.clone()).await {
            Ok(()) => loaded.inserted = loaded.inserted.saturating_add(rows),
            Err(Error::Store { source, .. }) if source.is_refusal() && rows == 1 => {
                loaded
                    .refused
                    .push(refused(&frame, table, &source.to_string(), now));
            }
            Err(Error::Store { source, .. }) if source.is_refusal() => {
                let middle = rows / 2;
                tracing::warn!(table = table.name, rows, error = %source, "the store refuses rows; looking for them");
                let half = i64::try_from(middle).unwrap_or(i64::MAX);
                pending.push(frame.slice(half, rows.saturating_sub(middle)));
                pending.push(frame.slice(0, middle));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Inserts a frame as one Arrow stream, and so as one part.
///
/// # Errors
/// When the store cannot be reached, fails, or refuses the rows.
pub async fn insert_frame(
    store: &Store,
    engine: &Engine,
    table: &str,
    frame: DataFrame,
) -> Result<()> {
    let columns: Vec<String> = frame
        .get_column_names()
        .into_iter()
        .map(ToString::to_string)
        .collect();
    let stream = engine
        .run(move || {
            let mut frame = frame;
            // One record batch: the store turns each batch into a block, and blocks into parts.
            frame.rechunk_mut();
            ipc_stream(&mut frame)
        })
        .await?
        .map_err(Error::frame("the Arrow stream of an insert"))?;
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    store
        .insert_arrow_stream(table, &columns, stream)
        .await
        .map_err(Error::store(format!("inserting into the table {table}")))
}

type Identities = (DataFrame, Vec<String>, Vec<String>);

/// Drops what the frame itself holds twice, and lists its devices and identities.
fn identities(frame: &DataFrame, table: Table) -> PolarsResult<Identities> {
    let subset = vec![schema::DEVICE_ID.to_owned(), table.identity.to_owned()];
    let frame = frame.unique_stable(Some(&subset), UniqueKeepStrategy::First, None)?;
    let devices: BTreeSet<String> = texts(&frame, schema::DEVICE_ID)?.into_iter().collect();
    let ids = texts(&frame, table.identity)?;
    Ok((frame, devices.into_iter().collect(), ids))
}

fn texts(frame: &DataFrame, column: &str) -> PolarsResult<Vec<String>> {
    Ok(frame
        .column(column)?
        .str()?
        .iter()
        .map(|text| text.unwrap_or_default().to_owned())
        .collect())
}

fn without(frame: DataFrame, table: Table, present: &HashSet<String>) -> PolarsResult<DataFrame> {
    if present.is_empty() {
        return Ok(frame);
    }
    let missing: BooleanChunked = texts(&frame, table.identity)?
        .iter()
        .map(|id| !present.contains(id))
        .collect();
    frame.filter(&missing)
}

/// Keeps a row that the store refuses: all its columns as text, and the store's reason.
fn refused(frame: &DataFrame, table: Table, reason: &str, now: Timestamp) -> (Reject, RowOrigin) {
    let text = |name: &str| {
        frame
            .column(name)
            .and_then(|column| column.get(0))
            .map(|value| value.str_value().into_owned())
            .unwrap_or_default()
    };
    let row: Vec<String> = frame
        .get_column_names()
        .iter()
        .map(|name| format!("{name}={}", text(name)))
        .collect();
    let mut raw = row.join("\n");
    let mut end = raw.len().min(Reject::RAW_BYTES_MAX);
    while !raw.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    raw.truncate(end);
    let origin = RowOrigin {
        topic: text(schema::TOPIC),
        partition: text(schema::PARTITION).parse().unwrap_or_default(),
        offset: text(schema::OFFSET).parse().unwrap_or_default(),
        row: text(schema::ROW).parse().unwrap_or_default(),
    };
    let reject = Reject {
        reject_id: EventId::from_parts(&[
            b"refused.v1",
            table.name.as_bytes(),
            text(table.identity).as_bytes(),
        ]),
        device_id: patchlens_event::DeviceId::new(&text(schema::DEVICE_ID)),
        reason: RejectReason::RefusedByStore,
        detail: format!("the table {} refuses this row: {reason}", table.name),
        origin: Origin {
            file: text(schema::SOURCE_FILE),
            ..Origin::default()
        },
        raw,
        collected_at: now,
        refused_by: concat!("patchlens ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    (reject, origin)
}
