//! The records of a sound chunk, one behind the other, by their headers alone.

use std::ops::Range;

use evtx::EvtxChunkData;
use jiff::Timestamp;

use super::{CHUNK_HEADER_BYTES, RECORD_HEADER_BYTES, value};

/// What stands before a record's content.
const RECORD_MAGIC: &[u8] = b"**\0\0";
/// A record ends with a copy of its size.
const SIZE_BYTES: usize = 4;

/// One record of a chunk.
pub(super) struct Header {
    /// Offset in the chunk.
    pub(super) offset: usize,
    pub(super) id: u64,
    pub(super) written_at: Timestamp,
    /// Where in the chunk its content stands.
    pub(super) content: Range<usize>,
}

/// Gives the headers of a chunk's records, to the last that its own header names; none, as the last
/// item, where a header cannot be read.
pub(super) struct Walk<'a> {
    chunk: &'a [u8],
    at: usize,
    end: usize,
    last_id: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(data: &'a EvtxChunkData) -> Self {
        let end = usize::try_from(data.header.free_space_offset).unwrap_or(usize::MAX);
        Self {
            chunk: &data.data,
            at: CHUNK_HEADER_BYTES,
            end: end.min(data.data.len()),
            last_id: data.header.last_event_record_id,
        }
    }

    fn header(&self) -> Option<Header> {
        let record = self.chunk.get(self.at..)?;
        let rest = record.strip_prefix(RECORD_MAGIC)?;
        let (size, rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (ticks, _) = rest.split_first_chunk()?;
        let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
        let content_end = self.at.checked_add(size)?.checked_sub(SIZE_BYTES)?;
        let content = self.at + RECORD_HEADER_BYTES..content_end;
        let is_whole = content.start <= content.end && content.end <= self.chunk.len();
        is_whole.then_some(Header {
            offset: self.at,
            id: u64::from_le_bytes(*id),
            written_at: value::instant(u64::from_le_bytes(*ticks))?,
            content,
        })
    }
}

impl Iterator for Walk<'_> {
    type Item = Option<Header>;

    fn next(&mut self) -> Option<Option<Header>> {
        if self.at >= self.end {
            return None;
        }
        let header = self.header();
        self.at = match &header {
            Some(header) if header.id != self.last_id => header.content.end + SIZE_BYTES,
            _ => self.end,
        };
        Some(header)
    }
}
