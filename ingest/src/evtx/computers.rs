//! Which computers wrote an event log, and from when to when.

use std::collections::{BTreeMap, BTreeSet};

use evtx::EvtxChunkData;
use jiff::Timestamp;

use super::direct::Direct;
use super::walk::{Header, Walk};
use super::{CHUNK_BYTES, CHUNK_MAGIC};

/// Of so many chunks every record is asked, of those behind the first and the last only: a log that
/// collects the records of others names them in any order.
const WHOLE_CHUNKS: usize = 8;
/// No more computers or channels are told apart.
const NAMES_MAX: usize = 4_096;

/// From when to when records of one computer were written, as the file numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
    pub(crate) first_number: u64,
    pub(crate) last_number: u64,
}

impl Span {
    fn of(header: &Header) -> Self {
        Self {
            first_at: header.written_at,
            last_at: header.written_at,
            first_number: header.id,
            last_number: header.id,
        }
    }

    /// Makes it reach over another, too.
    pub(crate) fn add(&mut self, other: Self) {
        self.first_at = self.first_at.min(other.first_at);
        self.last_at = self.last_at.max(other.last_at);
        self.first_number = self.first_number.min(other.first_number);
        self.last_number = self.last_number.max(other.last_number);
    }
}

/// The computers that a stream of chunks names.
#[derive(Debug, Default)]
pub(crate) struct Computers {
    chunks: usize,
    channels: BTreeSet<String>,
    spans: BTreeMap<String, Span>,
}

impl Computers {
    /// Takes one block of [`CHUNK_BYTES`].
    pub(crate) fn take(&mut self, block: &[u8]) {
        if !block.starts_with(CHUNK_MAGIC) {
            return;
        }
        let mut block = block.to_vec();
        block.resize(CHUNK_BYTES, 0);
        let Ok(data) = EvtxChunkData::new(block, false) else {
            return;
        };
        let headers: Vec<_> = Walk::new(&data).map_while(|header| header).collect();
        let mut direct = Direct::new(&data.data);
        let asks_all = self.chunks < WHOLE_CHUNKS;
        self.chunks += 1;
        let last = headers.len().saturating_sub(1);
        for (index, header) in headers.iter().enumerate() {
            if !asks_all && index != 0 && index != last {
                continue;
            }
            let Some((event, _)) = direct.read(header.content.start, header.content.len()) else {
                continue;
            };
            if self.channels.len() < NAMES_MAX && !self.channels.contains(event.channel) {
                self.channels.insert(event.channel.to_owned());
            }
            if event.computer_name.is_empty() {
                continue;
            }
            if let Some(span) = self.spans.get_mut(event.computer_name) {
                span.add(Span::of(header));
            } else if self.spans.len() < NAMES_MAX {
                let span = Span::of(header);
                self.spans.insert(event.computer_name.to_owned(), span);
            }
        }
    }

    /// Each computer with its span, and whether the file is the log of one channel, as a computer
    /// keeps it, and not a collection.
    pub(crate) fn finish(self) -> (BTreeMap<String, Span>, bool) {
        let is_own = self.channels.len() <= 1;
        (self.spans, is_own)
    }
}
