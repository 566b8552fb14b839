//! Typed, borrowed access to the columns of an event frame.

use polars::prelude::*;

use crate::schema;

/// A column whose one chunk was looked up once: a chunked array looks for it at each access.
pub(crate) struct Values<'a, T: PolarsDataType>(&'a T::Array);

// By hand: derived ones would demand that `T` is `Copy` too.
impl<T: PolarsDataType> Clone for Values<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: PolarsDataType> Copy for Values<'_, T> {}

impl<'a, T: PolarsDataType> Values<'a, T> {
    fn of(column: &'a ChunkedArray<T>) -> PolarsResult<Self> {
        match column.downcast_get(0) {
            Some(chunk) if column.chunks().len() == 1 => Ok(Self(chunk)),
            _ => {
                polars_bail!(ComputeError: "column {} is not in one chunk", column.name())
            }
        }
    }

    /// The value of a row; `None` for a null and beyond the last row.
    pub(crate) fn get(self, row: usize) -> Option<<T::Array as StaticArray>::ValueT<'a>> {
        self.0.get(row)
    }
}

/// A column of texts.
#[derive(Clone, Copy)]
pub(crate) enum Texts<'a> {
    /// All rows have this one.
    Same(&'a str),
    Each(Values<'a, StringType>),
}

impl<'a> Texts<'a> {
    fn of(column: &'a Column) -> PolarsResult<Self> {
        let same = column
            .as_scalar_column()
            .map(|column| column.scalar().value());
        match same.and_then(AnyValue::get_str) {
            Some(text) => Ok(Self::Same(text)),
            None => Ok(Self::Each(Values::of(column.str()?)?)),
        }
    }
}

/// The columns of events that this crate reads.
pub(crate) struct EventColumns<'a> {
    pub(crate) device_id: Texts<'a>,
    pub(crate) event_id: Texts<'a>,
    pub(crate) source: Texts<'a>,
    pub(crate) kind: Texts<'a>,
    pub(crate) occurred_at: Values<'a, Int64Type>,
    pub(crate) occurred_at_local: Values<'a, Int64Type>,
    pub(crate) zone_source: Texts<'a>,
    pub(crate) collected_at: Values<'a, Int64Type>,
    pub(crate) source_file: Texts<'a>,
    pub(crate) line_number: Values<'a, UInt64Type>,
    pub(crate) byte_offset: Values<'a, UInt64Type>,
    pub(crate) record_id: Values<'a, UInt64Type>,
    pub(crate) level: Texts<'a>,
    pub(crate) component: Texts<'a>,
    pub(crate) windows_event_id: Values<'a, UInt32Type>,
    pub(crate) template: Texts<'a>,
    pub(crate) message: Texts<'a>,
    pub(crate) fields: Texts<'a>,
    pub(crate) device_name: Texts<'a>,
    code_values: UInt32Chunked,
    code_offsets: Vec<usize>,
    height: usize,
}

impl<'a> EventColumns<'a> {
    /// Borrows the columns of a frame of which each column is in one chunk.
    ///
    /// # Errors
    /// When a column is missing, is in several chunks or has another type than
    /// [`schema::update_event`] says.
    pub(crate) fn new(frame: &'a DataFrame) -> PolarsResult<Self> {
        let texts = |name: &str| Texts::of(frame.column(name)?);
        let times = |name: &str| Values::of(frame.column(name)?.datetime()?.physical());
        let counts = |name: &str| Values::of(frame.column(name)?.u64()?);
        let codes = frame.column(schema::CODES)?.list()?;
        let code_offsets = codes
            .offsets()?
            .iter()
            .map(|offset| usize::try_from(*offset).unwrap_or_default())
            .collect();
        Ok(Self {
            device_id: texts(schema::DEVICE_ID)?,
            event_id: texts(schema::EVENT_ID)?,
            source: texts(schema::SOURCE)?,
            kind: texts(schema::KIND)?,
            occurred_at: times(schema::OCCURRED_AT)?,
            occurred_at_local: times(schema::OCCURRED_AT_LOCAL)?,
            zone_source: texts(schema::ZONE_SOURCE)?,
            collected_at: times(schema::COLLECTED_AT)?,
            source_file: texts(schema::SOURCE_FILE)?,
            line_number: counts(schema::LINE_NUMBER)?,
            byte_offset: counts(schema::BYTE_OFFSET)?,
            record_id: counts(schema::RECORD_ID)?,
            level: texts(schema::LEVEL)?,
            component: texts(schema::COMPONENT)?,
            windows_event_id: Values::of(frame.column(schema::WINDOWS_EVENT_ID)?.u32()?)?,
            template: texts(schema::TEMPLATE)?,
            message: texts(schema::MESSAGE)?,
            fields: texts(schema::FIELDS)?,
            device_name: texts(schema::DEVICE_NAME)?,
            code_values: codes.get_inner().u32()?.rechunk().into_owned(),
            code_offsets,
            height: frame.height(),
        })
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.height
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
pub(crate) fn text(column: Texts<'_>, row: usize) -> &str {
    match column {
        Texts::Same(text) => text,
        Texts::Each(values) => values.get(row).unwrap_or_default(),
    }
}
