//! Events become a frame, and frames become Arrow IPC streams and back.

use std::borrow::Cow;
use std::io::Cursor;

use jiff::{Timestamp, civil::DateTime, tz::Offset};
use patchlens_event::Event;
use polars::prelude::*;

use crate::schema;
use crate::texts::{MostlySame, WordsBuilder, same};

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
#[expect(
    clippy::too_many_lines,
    reason = "one list of columns, filled in one pass"
)]
pub fn events_frame(
    events: &[(Event, RowOrigin)],
    transform_version: &str,
    ingested_at: Timestamp,
) -> PolarsResult<DataFrame> {
    let height = events.len();
    let text = |name: &str| StringChunkedBuilder::new(name.into(), height);
    let mostly_same = |name: &'static str| MostlySame::new(name, height);
    let number = |name: &str| PrimitiveChunkedBuilder::<UInt64Type>::new(name.into(), height);
    let time = |name: &str| PrimitiveChunkedBuilder::<Int64Type>::new(name.into(), height);
    let mut device_id = mostly_same(schema::DEVICE_ID);
    let mut event_id = text(schema::EVENT_ID);
    let mut source = WordsBuilder::default();
    let mut kind = WordsBuilder::default();
    let mut occurred_at = time(schema::OCCURRED_AT);
    let mut occurred_at_local = time(schema::OCCURRED_AT_LOCAL);
    let mut zone_source = WordsBuilder::default();
    let mut collected_at = Vec::with_capacity(height);
    let mut source_file = text(schema::SOURCE_FILE);
    let mut line_number = Vec::with_capacity(height);
    let mut byte_offset = Vec::with_capacity(height);
    let mut record_id = number(schema::RECORD_ID);
    let mut level = WordsBuilder::default();
    let mut component = text(schema::COMPONENT);
    let mut channel = mostly_same(schema::CHANNEL);
    let mut windows_event_id =
        PrimitiveChunkedBuilder::<UInt32Type>::new(schema::WINDOWS_EVENT_ID.into(), height);
    let mut codes = ListPrimitiveChunkedBuilder::<UInt32Type>::new(
        schema::CODES.into(),
        height,
        height,
        DataType::UInt32,
    );
    let mut template = text(schema::TEMPLATE);
    let mut message = text(schema::MESSAGE);
    let mut fields = text(schema::FIELDS);
    let mut device_name = mostly_same(schema::DEVICE_NAME);
    let mut topic = mostly_same(schema::TOPIC);
    let mut partition = Vec::with_capacity(height);
    let mut offset = Vec::with_capacity(height);
    let mut row = Vec::with_capacity(height);
    // All columns in one pass: the events are far larger than what the cache holds.
    for (event, origin) in events {
        device_id.push(event.device_id.as_str());
        event_id.append_value(event.event_id.as_str());
        source.push(event.source.as_str());
        kind.push(event.kind.as_str());
        occurred_at.append_option(event.occurred_at.map(Timestamp::as_microsecond));
        occurred_at_local.append_option(event.occurred_at_local.and_then(wall_clock));
        zone_source.push(event.zone_source.as_str());
        collected_at.push(event.collected_at.as_microsecond());
        source_file.append_value(&event.origin.file);
        line_number.push(event.origin.line);
        byte_offset.push(event.origin.byte_offset);
        record_id.append_option(event.origin.record_id);
        level.push(event.level.as_str());
        component.append_value(event.component.as_deref().unwrap_or_default());
        channel.push(event.channel.as_deref().unwrap_or_default());
        windows_event_id.append_option(event.windows_event_id);
        codes.append_values_iter(event.codes.iter().map(|code| code.0));
        template.append_value(&event.template);
        message.append_value(&event.message);
        fields.append_value(json_object(event));
        device_name.push(event.device_name.as_deref().unwrap_or_default());
        topic.push(&origin.topic);
        partition.push(origin.partition);
        offset.push(origin.offset);
        row.push(origin.row);
    }
    let utc = |times: Int64Chunked| as_times(times, Some(TimeZone::UTC));
    let same = |name: &str, value: &str| same(name, value, height);
    let ingested_at = ingested_at.as_microsecond();
    let columns = vec![
        device_id.finish(),
        event_id.finish().into_column(),
        source.finish(schema::SOURCE)?,
        kind.finish(schema::KIND)?,
        utc(occurred_at.finish()),
        as_times(occurred_at_local.finish(), None),
        zone_source.finish(schema::ZONE_SOURCE)?,
        utc(Int64Chunked::from_vec(
            schema::COLLECTED_AT.into(),
            collected_at,
        )),
        source_file.finish().into_column(),
        UInt64Chunked::from_vec(schema::LINE_NUMBER.into(), line_number).into_column(),
        UInt64Chunked::from_vec(schema::BYTE_OFFSET.into(), byte_offset).into_column(),
        record_id.finish().into_column(),
        level.finish(schema::LEVEL)?,
        component.finish().into_column(),
        channel.finish(),
        windows_event_id.finish().into_column(),
        Column::full_null(schema::ERROR_CODE.into(), height, &DataType::UInt32),
        codes.finish().into_column(),
        Column::full_null(schema::KB_ARTICLE.into(), height, &DataType::UInt32),
        same(schema::PACKAGE, ""),
        same(schema::SIGNAL, ""),
        template.finish().into_column(),
        message.finish().into_column(),
        fields.finish().into_column(),
        device_name.finish(),
        topic.finish(),
        Int32Chunked::from_vec(schema::PARTITION.into(), partition).into_column(),
        Int64Chunked::from_vec(schema::OFFSET.into(), offset).into_column(),
        UInt32Chunked::from_vec(schema::ROW.into(), row).into_column(),
        same(schema::TRANSFORM_VERSION, transform_version),
        utc(Int64Chunked::full(
            schema::INGESTED_AT.into(),
            ingested_at,
            height,
        )),
    ];
    DataFrame::new(height, columns)
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

/// Laid out as if it were UTC: the column has no zone, so the wall clock reads the same.
fn wall_clock(time: DateTime) -> Option<i64> {
    let at = Offset::UTC.to_timestamp(time).ok()?;
    Some(at.as_microsecond())
}

/// A time column out of microseconds since 1970.
pub(crate) fn microseconds(
    name: &str,
    values: impl Iterator<Item = Option<i64>>,
    zone: Option<TimeZone>,
) -> Column {
    let values: Vec<Option<i64>> = values.collect();
    as_times(Int64Chunked::from_slice_options(name.into(), &values), zone)
}

fn as_times(microseconds: Int64Chunked, zone: Option<TimeZone>) -> Column {
    microseconds
        .into_datetime(TimeUnit::Microseconds, zone)
        .into_column()
}

fn json_object(event: &Event) -> Cow<'static, str> {
    if event.fields.is_empty() {
        return Cow::Borrowed("{}");
    }
    // A map of strings to strings always has a JSON form.
    serde_json::to_string(&event.fields).map_or(Cow::Borrowed("{}"), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Knowledge, Reference, diagnose, normalise};

    #[test]
    fn a_frame_without_rows_goes_the_whole_way() {
        let knowledge = Knowledge::builtin().unwrap();
        let made = events_frame(&[], "1", Timestamp::UNIX_EPOCH).unwrap();
        let read = from_ipc_stream(&ipc_stream(&mut made.clone()).unwrap()).unwrap();
        let bare = DataFrame::empty_with_schema(&schema::update_event());
        for frame in [made, read, bare] {
            let frame = normalise(frame, &knowledge).unwrap();
            assert_eq!(*frame.schema().as_ref(), schema::update_event());
            let diagnosed = diagnose(&frame, &Reference::default(), &knowledge).unwrap();
            assert_eq!((frame.height(), diagnosed.devices.height()), (0, 0));
        }
    }
}
