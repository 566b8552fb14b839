//! The bytes of one entry, with every limit enforced while they flow.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use super::limits::{LimitExceeded, Limits};

/// Reads one entry of a bundle. A limit that is met ends it with an error that holds a
/// [`LimitExceeded`]; what was read before stays valid.
pub struct EntryReader<'a> {
    inner: Box<dyn Read + 'a>,
    limits: &'a Limits,
    /// Size of the compressed form; `None` when the entry is not compressed.
    compressed_bytes: Option<u64>,
    read_bytes: u64,
    total_bytes: &'a AtomicU64,
}

impl<'a> EntryReader<'a> {
    pub(crate) fn new(
        inner: Box<dyn Read + 'a>,
        compressed_bytes: Option<u64>,
        limits: &'a Limits,
        total_bytes: &'a AtomicU64,
    ) -> Self {
        Self {
            inner,
            limits,
            compressed_bytes,
            read_bytes: 0,
            total_bytes,
        }
    }

    fn check(&self) -> Result<(), LimitExceeded> {
        let limits = self.limits;
        let exceeded = |what, limit, setting| {
            Err(LimitExceeded {
                what,
                limit,
                setting,
            })
        };
        if self.read_bytes > limits.entry_bytes_max {
            return exceeded(
                "entry is larger than allowed",
                limits.entry_bytes_max,
                "entry_bytes_max",
            );
        }
        if self.total_bytes.load(Ordering::Relaxed) > limits.total_bytes_max {
            return exceeded(
                "bundle is larger than allowed",
                limits.total_bytes_max,
                "total_bytes_max",
            );
        }
        if let Some(compressed) = self.compressed_bytes
            && self.read_bytes > limits.ratio_free_bytes
            && self.read_bytes / limits.ratio_max.max(1) > compressed
        {
            return exceeded(
                "entry inflates more than allowed",
                limits.ratio_max,
                "ratio_max",
            );
        }
        Ok(())
    }
}

impl Read for EntryReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read_bytes = self.read_bytes.saturating_add(count as u64);
        self.total_bytes.fetch_add(count as u64, Ordering::Relaxed);
        self.check().map_err(LimitExceeded::into_io)?;
        Ok(count)
    }
}

/// Reads until the buffer is full or the input ends; returns how much there was.
pub(crate) fn read_full(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
