//! How much of an untrusted bundle is read before it is refused.

use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;

/// Limits on what a bundle may contain. Each is checked while reading, never by trusting a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most entries of one bundle, nested archives included. Default 20,000.
    pub entries_max: usize,
    /// Most bytes of one entry after inflating. Default 2 GiB.
    pub entry_bytes_max: u64,
    /// Most bytes of all entries of one bundle after inflating. Default 8 GiB.
    pub total_bytes_max: u64,
    /// How many times larger than its compressed form an entry may become. Default 200; a log
    /// compresses 10 to 60 times, deflate can reach 1,032 times.
    pub ratio_max: u64,
    /// The first bytes of an entry that `ratio_max` does not apply to, since a short log of equal
    /// lines compresses without bound. Default 10 MiB.
    pub ratio_free_bytes: u64,
    /// How deep archives may stand in archives. Default 1: a zip in a zip.
    pub nesting_max: u32,
    /// Longest path of an entry in bytes. Default 1,024.
    pub path_bytes_max: usize,
    /// Most bytes of a file that is read whole: inventories and hash lists. Default 32 MiB.
    pub whole_file_bytes_max: u64,
    /// Largest single JSON document of an event file. Default 1 MiB.
    pub document_bytes_max: usize,
    /// Nested archives are held in memory up to this size, all of a bundle together, and above it in
    /// temporary files that are gone when the program ends. Default 16 MiB.
    pub spool_memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries_max: 20_000,
            entry_bytes_max: 2048 * MIB,
            total_bytes_max: 8192 * MIB,
            ratio_max: 200,
            ratio_free_bytes: 10 * MIB,
            nesting_max: 1,
            path_bytes_max: 1024,
            whole_file_bytes_max: 32 * MIB,
            document_bytes_max: 1 << 20,
            spool_memory_bytes: 16 << 20,
        }
    }
}

/// A limit that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is {value}; it must lie between {least} and {most}")]
pub struct LimitOutOfRange {
    setting: &'static str,
    value: u64,
    least: u64,
    most: u64,
}

impl Limits {
    /// Checks that each limit lets something through and bounds something.
    ///
    /// # Errors
    /// When one does not; the error names it.
    pub fn check(&self) -> Result<(), LimitOutOfRange> {
        const TIB: u64 = MIB << 20;
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let ranges = [
            ("entries_max", count(self.entries_max), 1, 10_000_000),
            ("entry_bytes_max", self.entry_bytes_max, 1024, 16 * TIB),
            ("total_bytes_max", self.total_bytes_max, 1024, 16 * TIB),
            ("ratio_max", self.ratio_max, 1, 100_000),
            ("ratio_free_bytes", self.ratio_free_bytes, 0, TIB),
            ("nesting_max", u64::from(self.nesting_max), 0, 8),
            ("path_bytes_max", count(self.path_bytes_max), 16, 65_535),
            (
                "whole_file_bytes_max",
                self.whole_file_bytes_max,
                1024,
                1024 * MIB,
            ),
            (
                "document_bytes_max",
                count(self.document_bytes_max),
                1024,
                1024 * MIB,
            ),
            (
                "spool_memory_bytes",
                count(self.spool_memory_bytes),
                0,
                1024 * MIB,
            ),
        ];
        match ranges
            .into_iter()
            .find(|(_, value, least, most)| !(least..=most).contains(&value))
        {
            Some((setting, value, least, most)) => Err(LimitOutOfRange {
                setting,
                value,
                least,
                most,
            }),
            None => Ok(()),
        }
    }
}

/// A limit that was met while reading an entry; travels inside an [`std::io::Error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: limit {limit}, raise `{setting}` if the bundle is trusted")]
pub struct LimitExceeded {
    /// What was too much.
    pub what: &'static str,
    /// The limit that was met.
    pub limit: u64,
    /// The field of [`Limits`] that sets it.
    pub setting: &'static str,
}

impl LimitExceeded {
    /// Wraps the limit so that it passes through [`std::io::Read`].
    pub(crate) fn into_io(self) -> std::io::Error {
        std::io::Error::other(self)
    }
}
