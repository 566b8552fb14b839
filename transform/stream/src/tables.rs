//! Rows into frames: one function per table of the store that this stage fills.
//!
//! Column names and their order are those of `patchlens_transform::schema`, where it knows the
//! table; the tables `noise_profile` and `reject` are laid out here, for no analysis reads them.

use jiff::Timestamp;
use patchlens_event::{Event, Reject};
use patchlens_transform::{RowOrigin, schema};
use polars::prelude::*;

/// A table that this stage fills, and how its rows are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Name in the store.
    pub name: &'static str,
    /// The column that holds a row's own identity.
    pub identity: &'static str,
}

/// Facts: one row per record or inventory reading.
pub const UPDATE_EVENT: Table = Table {
    name: "update_event",
    identity: schema::EVENT_ID,
};
/// One row per device, template, code and day.
pub const NOISE_PROFILE: Table = Table {
    name: "noise_profile",
    identity: schema::EVENT_ID,
};
/// One row per refused piece of input.
pub const REJECT: Table = Table {
    name: "reject",
    identity: "reject_id",
};

/// Lays noise counts out as rows of `noise_profile`.
///
/// # Output
/// `device_id`, `event_id`, `source`, `template`, `error_code` (0: the template carries none),
/// `day` (date text of the device's clock, `1970-01-01`: undated), `count`, and the origin columns.
///
/// # Errors
/// When Polars refuses a column, which no list of counts brings about.
pub fn noise_profile(counts: &[(Event, RowOrigin)]) -> PolarsResult<DataFrame> {
    let day = |event: &Event| {
        let local = event.occurred_at_local.map(jiff::civil::DateTime::date);
        let utc = || {
            event
                .occurred_at
                .map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date())
        };
        local
            .or_else(utc)
            .map_or_else(|| "1970-01-01".to_owned(), |date| date.to_string())
    };
    let events = || counts.iter().map(|(event, _)| event);
    let mut frame = df!(
        schema::DEVICE_ID => events().map(|e| e.device_id.as_str()).collect::<Vec<_>>(),
        schema::EVENT_ID => events().map(|e| e.event_id.as_str()).collect::<Vec<_>>(),
        schema::SOURCE => events().map(|e| e.source.as_str()).collect::<Vec<_>>(),
        schema::TEMPLATE => events().map(|e| e.template.as_str()).collect::<Vec<_>>(),
        schema::ERROR_CODE => events().map(|e| e.codes.first().map_or(0, |code| code.0)).collect::<Vec<_>>(),
        "day" => events().map(day).collect::<Vec<_>>(),
        "count" => events().map(|e| e.count).collect::<Vec<_>>(),
    )?;
    add_origins(&mut frame, counts.iter().map(|(_, origin)| origin))?;
    Ok(frame)
}

/// Lays refused input out as rows of `reject`.
///
/// # Output
/// `reject_id`, `device_id` (empty: not known), `reason`, `detail`, `source_file`, `line_number`,
/// `byte_offset`, `raw`, `collected_at`, `refused_by`, and the origin columns.
///
/// # Errors
/// When Polars refuses a column, which no list of rejects brings about.
pub fn reject(rejects: &[(Reject, RowOrigin)]) -> PolarsResult<DataFrame> {
    let all = || rejects.iter().map(|(reject, _)| reject);
    let mut frame = df!(
        REJECT.identity => all().map(|r| r.reject_id.as_str()).collect::<Vec<_>>(),
        schema::DEVICE_ID => all().map(|r| r.device_id.as_ref().map_or("", |id| id.as_str())).collect::<Vec<_>>(),
        "reason" => all().map(|r| r.reason.as_str()).collect::<Vec<_>>(),
        "detail" => all().map(|r| r.detail.as_str()).collect::<Vec<_>>(),
        schema::SOURCE_FILE => all().map(|r| r.origin.file.as_str()).collect::<Vec<_>>(),
        schema::LINE_NUMBER => all().map(|r| r.origin.line).collect::<Vec<_>>(),
        schema::BYTE_OFFSET => all().map(|r| r.origin.byte_offset).collect::<Vec<_>>(),
        "raw" => all().map(|r| r.raw.as_str()).collect::<Vec<_>>(),
        "refused_by" => all().map(|r| r.refused_by.as_str()).collect::<Vec<_>>(),
    )?;
    frame.with_column(instants(
        schema::COLLECTED_AT,
        all().map(|r| r.collected_at),
    ))?;
    add_origins(&mut frame, rejects.iter().map(|(_, origin)| origin))?;
    Ok(frame)
}

fn add_origins<'a>(
    frame: &mut DataFrame,
    origins: impl Iterator<Item = &'a RowOrigin>,
) -> PolarsResult<()> {
    let origins: Vec<&RowOrigin> = origins.collect();
    frame.with_column(Column::new(
        schema::TOPIC.into(),
        origins.iter().map(|o| o.topic.as_str()).collect::<Vec<_>>(),
    ))?;
    frame.with_column(Column::new(
        schema::PARTITION.into(),
        origins.iter().map(|o| o.partition).collect::<Vec<_>>(),
    ))?;
    frame.with_column(Column::new(
        schema::OFFSET.into(),
        origins.iter().map(|o| o.offset).collect::<Vec<_>>(),
    ))?;
    frame.with_column(Column::new(
        schema::ROW.into(),
        origins.iter().map(|o| o.row).collect::<Vec<_>>(),
    ))?;
    Ok(())
}

fn instants(name: &str, times: impl Iterator<Item = Timestamp>) -> Column {
    let values: Vec<i64> = times.map(Timestamp::as_microsecond).collect();
    Int64Chunked::from_vec(name.into(), values)
        .into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
        .into_column()
}
