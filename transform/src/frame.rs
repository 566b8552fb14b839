//! Events become a frame, and frames become Arrow IPC streams and back.

use std::io::Cursor;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone as JiffZone};
use patchlens_event::Event;
use polars::prelude::*;

use crate::schema;

/// Where in the event log an event stood.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowOrigin {
    /// The topic, or the name of the local log.
    pub topic: String,
    /// The partition within the topic.
    pub partition: i32,
    /// The offset within the partition.
    pub offset: i64,
    /// The index of the event within its message.
    pub row: u32,
}

/// Lays events out as columns.
///
/// # Output
/// Grain: one row per event, in the order of `events`, with the schema [`schema::update_event`].
/// `error_code`, `kb_article`, `package` and `signal` are empty until [`crate::normalise`] fills them.
///
/// # Errors
/// When Polars refuses a column, which no list of events brings about.
pub fn events_frame(
    events: &[(Event, RowOrigin)],
    transform_version: &str,
    ingested_at: Timestamp,
) -> PolarsResult<DataFrame> {
    let height = events.len();
    let text = |name: &str, value: fn(&Event) -> &str| {
        Column::new(
            name.into(),
            events.iter().map(|(e, _)| value(e)).collect::<Vec<_>>(),
        )
    };
    let mut codes = ListPrimitiveChunkedBuilder::<UInt32Type>::new(
        schema::CODES.into(),
        height,
        height,
        DataType::UInt32,
    );
    let mut fields = Vec::with_capacity(height);
    for (event, _) in events {
        codes.append_iter(event.codes.iter().map(|code| Some(code.0)));
        fields.push(json_object(event));
    }
    let mut columns = vec![
        text(schema::DEVICE_ID, |e| e.device_id.as_str()),
        text(schema::EVENT_ID, |e| e.event_id.as_str()),
        text(schema::SOURCE, |e| e.source.as_str()),
        text(schema::KIND, |e| e.kind.as_str()),
        instants(
            schema::OCCURRED_AT,
            events.iter().map(|(e, _)| e.occurred_at),
        ),
        local_times(
            schema::OCCURRED_AT_LOCAL,
            events.iter().map(|(e, _)| e.occurred_at_local),
        ),
        text(schema::ZONE_SOURCE, |e| e.zone_source.as_str()),
        instants(
            schema::COLLECTED_AT,
            events.iter().map(|(e, _)| Some(e.collected_at)),
        ),
        text(schema::SOURCE_FILE, |e| e.origin.file.as_str()),
        Column::new(
            schema::LINE_NUMBER.into(),
            events
                .iter()
                .map(|(e, _)| e.origin.line)
                .collect::<Vec<_>>(),
        ),
        Column::new(
            schema::BYTE_OFFSET.into(),
            events
                .iter()
                .map(|(e, _)| e.origin.byte_offset)
                .collect::<Vec<_>>(),
        ),
        Column::new(
            schema::RECORD_ID.into(),
            events
                .iter()
                .map(|(e, _)| e.origin.record_id)
                .collect::<Vec<_>>(),
        ),
        text(schema::LEVEL, |e| e.level.as_str()),
        text(schema::COMPONENT, |e| {
            e.component.as_deref().unwrap_or_default()
        }),
        text(schema::CHANNEL, |e| {
            e.channel.as_deref().unwrap_or_default()
        }),
        Column::new(
            schema::WINDOWS_EVENT_ID.into(),
            events
                .iter()
                .map(|(e, _)| e.windows_event_id)
                .collect::<Vec<_>>(),
        ),
        Column::full_null(schema::ERROR_CODE.into(), height, &DataType::UInt32),
        codes.finish().into_column(),
        Column::full_null(schema::KB_ARTICLE.into(), height, &DataType::UInt32),
        Column::new(schema::PACKAGE.into(), vec![""; height]),
        Column::new(schema::SIGNAL.into(), vec![""; height]),
        text(schema::TEMPLATE, |e| e.template.as_str()),
        text(schema::MESSAGE, |e| e.message.as_str()),
        Column::new(schema::FIELDS.into(), fields),
        text(schema::DEVICE_NAME, |e| {
            e.device_name.as_deref().unwrap_or_default()
        }),
    ];
    columns.extend(origin_columns(events));
    columns.push(Column::new(
        schema::TRANSFORM_VERSION.into(),
        vec![transform_version; height],
    ));
    columns.push(instants(
        schema::INGESTED_AT,
        std::iter::repeat_n(Some(ingested_at), height),
    ));
    DataFrame::new(height, columns)
}

/// Where in the event log each event came from.
fn origin_columns(events: &[(Event, RowOrigin)]) -> [Column; 4] {
    let origins = || events.iter().map(|(_, origin)| origin);
    [
        Column::new(
            schema::TOPIC.into(),
            origins().map(|o| o.topic.as_str()).collect::<Vec<_>>(),
        ),
        Column::new(
            schema::PARTITION.into(),
            origins().map(|o| o.partition).collect::<Vec<_>>(),
        ),
        Column::new(
            schema::OFFSET.into(),
            origins().map(|o| o.offset).collect::<Vec<_>>(),
        ),
        Column::new(
            schema::ROW.into(),
            origins().map(|o| o.row).collect::<Vec<_>>(),
        ),
    ]
}

/// Writes a frame as an Arrow IPC stream.
///
/// # Errors
/// When a column has a type that Arrow streams cannot carry.
pub fn ipc_stream(frame: &mut DataFrame) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    // The oldest layout: every Arrow reader, the store's included, knows it; string views not every one.
    IpcStreamWriter::new(&mut bytes)
        .with_compat_level(CompatLevel::oldest())
        .finish(frame)?;
    Ok(bytes)
}

/// Reads an Arrow IPC stream.
///
/// # Errors
/// When the bytes are no Arrow IPC stream.
pub fn from_ipc_stream(bytes: &[u8]) -> PolarsResult<DataFrame> {
    IpcStreamReader::new(Cursor::new(bytes)).finish()
}

pub(crate) fn instants(name: &str, times: impl Iterator<Item = Option<Timestamp>>) -> Column {
    microseconds(
        name,
        times.map(|t| t.map(Timestamp::as_microsecond)),
        Some(TimeZone::UTC),
    )
}

fn local_times(name: &str, times: impl Iterator<Item = Option<DateTime>>) -> Column {
    // Laid out as if it were UTC: the column has no zone, so the wall clock reads the same.
    let as_utc = |time: DateTime| {
        time.to_zoned(JiffZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp().as_microsecond())
    };
    microseconds(name, times.map(|t| t.and_then(as_utc)), None)
}

/// A time column out of microseconds since 1970.
pub(crate) fn microseconds(
    name: &str,
    values: impl Iterator<Item = Option<i64>>,
    zone: Option<TimeZone>,
) -> Column {
    let values: Vec<Option<i64>> = values.collect();
    Int64Chunked::from_slice_options(name.into(), &values)
        .into_datetime(TimeUnit::Microseconds, zone)
        .into_column()
}

fn json_object(event: &Event) -> String {
    if event.fields.is_empty() {
        return "{}".to_owned();
    }
    // A map of strings to strings always has a JSON form.
    serde_json::to_string(&event.fields).unwrap_or_else(|_| "{}".to_owned())
}
