//! Typed, borrowed access to the columns of an event frame.

use polars::prelude::*;

use crate::schema;

/// The columns of events that this crate reads, each in one chunk.
pub(crate) struct EventColumns<'a> {
    pub(crate) device_id: &'a StringChunked,
    pub(crate) event_id: &'a StringChunked,
    pub(crate) source: &'a StringChunked,
    pub(crate) kind: &'a StringChunked,
    pub(crate) occurred_at: &'a Int64Chunked,
    pub(crate) occurred_at_local: &'a Int64Chunked,
    pub(crate) zone_source: &'a StringChunked,
    pub(crate) collected_at: &'a Int64Chunked,
    pub(crate) source_file: &'a StringChunked,
    pub(crate) line_number: &'a UInt64Chunked,
    pub(crate) byte_offset: &'a UInt64Chunked,
    pub(crate) record_id: &'a UInt64Chunked,
    pub(crate) level: &'a StringChunked,
    pub(crate) component: &'a StringChunked,
    pub(crate) windows_event_id: &'a UInt32Chunked,
    pub(crate) template: &'a StringChunked,
    pub(crate) message: &'a StringChunked,
    pub(crate) fields: &'a StringChunked,
    pub(crate) device_name: &'a StringChunked,
    code_values: UInt32Chunked,
    code_offsets: Vec<usize>,
}

impl<'a> EventColumns<'a> {
    /// Borrows the columns of a frame.
    ///
    /// # Errors
    /// When a column is missing or has another type than [`schema::update_event`] says.
    pub(crate) fn new(frame: &'a DataFrame) -> PolarsResult<Self> {
        let codes = frame.column(schema::CODES)?.list()?;
        let code_offsets = codes
            .offsets()?
            .iter()
            .map(|offset| usize::try_from(*offset).unwrap_or_default())
            .collect();
        Ok(Self {
            device_id: frame.column(schema::DEVICE_ID)?.str()?,
            event_id: frame.column(schema::EVENT_ID)?.str()?,
            source: frame.column(schema::SOURCE)?.str()?,
            kind: frame.column(schema::KIND)?.str()?,
            occurred_at: frame.column(schema::OCCURRED_AT)?.datetime()?.physical(),
            occurred_at_local: frame
                .column(schema::OCCURRED_AT_LOCAL)?
                .datetime()?
                .physical(),
            zone_source: frame.column(schema::ZONE_SOURCE)?.str()?,
            collected_at: frame.column(schema::COLLECTED_AT)?.datetime()?.physical(),
            source_file: frame.column(schema::SOURCE_FILE)?.str()?,
            line_number: frame.column(schema::LINE_NUMBER)?.u64()?,
            byte_offset: frame.column(schema::BYTE_OFFSET)?.u64()?,
            record_id: frame.column(schema::RECORD_ID)?.u64()?,
            level: frame.column(schema::LEVEL)?.str()?,
            component: frame.column(schema::COMPONENT)?.str()?,
            windows_event_id: frame.column(schema::WINDOWS_EVENT_ID)?.u32()?,
            template: frame.column(schema::TEMPLATE)?.str()?,
            message: frame.column(schema::MESSAGE)?.str()?,
            fields: frame.column(schema::FIELDS)?.str()?,
            device_name: frame.column(schema::DEVICE_NAME)?.str()?,
            code_values: codes.get_inner().u32()?.rechunk().into_owned(),
            code_offsets,
        })
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.event_id.len()
    }

    /// The codes of a row.
    pub(crate) fn codes(&self, row: usize) -> &[u32] {
        let start = self.code_offsets.get(row).copied().unwrap_or_default();
        let end = self.code_offsets.get(row + 1).copied().unwrap_or(start);
        let values = self.code_values.cont_slice().unwrap_or_default();
        values.get(start..end).unwrap_or_default()
    }
}

/// The text of a row; a null reads as empty.
pub(crate) fn text(column: &StringChunked, row: usize) -> &str {
    column.get(row).unwrap_or_default()
}
