//! How far files have been handed on, kept on disk.
//!
//! A position is small: how the file begins, and the last record that was handed on. Everything else
//! that a reader knows (encodings, how often equal records came before) follows from the bytes before
//! that record, and is found again by reading them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// How much of a file's beginning tells it from other files.
pub(super) const HEAD_BYTES: usize = 1024;
/// How much of an event log's beginning never changes.
const EVTX_BYTES: usize = 8;
/// How much must be the same for a file of another name to be the same file.
const TELLING_BYTES: usize = 64;
/// How much of what was handed on last is remembered, at most to the end of its first line.
const MARK_BYTES: usize = 256;
/// How many files that are no more are remembered, in case they come back under another name.
const GONE_MAX: usize = 1_000;

/// How a file begins. A file that grew still begins that way, whatever its name is now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// How many bytes.
    pub(super) bytes: usize,
    /// Their BLAKE3, in hexadecimal.
    pub(super) hash: String,
}

impl Head {
    pub(super) fn of(start: &[u8]) -> Self {
        let start = start.get(..HEAD_BYTES).unwrap_or(start);
        Self {
            bytes: start.len(),
            hash: blake3::hash(start).to_hex().to_string(),
        }
    }

    /// The head of a file that starts with `start`.
    pub(super) fn of_file(start: &[u8]) -> Self {
        if crate::evtx::is_evtx(start) {
            // Its header changes with each record.
            return Self::of(start.get(..EVTX_BYTES).unwrap_or(start));
        }
        Self::of(start)
    }

    /// True when a file that starts with `start` may be this file, grown.
    pub(super) fn is_start_of(&self, start: &[u8]) -> bool {
        start
            .get(..self.bytes)
            .is_some_and(|start| Self::of(start) == *self)
    }
}

/// The last record or reject that was handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    /// Its byte offset; in an event log its record number.
    pub(super) at: u64,
    /// Lines that continue it, or that the reject covers: it may have grown since.
    pub(super) extent: u64,
    /// In an event log when it was written, in microseconds since 1970: numbers begin anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) written_at: Option<i64>,
}

impl Mark {
    /// True when what stands here has not been handed on by one that stopped at `mark`.
    pub(super) fn is_behind(self, mark: Option<Self>) -> bool {
        mark.is_none_or(|mark| (self.at, self.extent) > (mark.at, mark.extent))
    }
}

/// Where one file stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    pub(super) head: Head,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<Mark>,
    /// What stands at the mark: a file that was cut short and has grown again begins as it did, and
    /// goes on otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at_mark: Option<Head>,
    /// For files that are read whole and say one thing: BLAKE3 of what was handed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) whole: Option<String>,
}

impl Position {
    /// Remembers what stands at the mark of a file whose marks are byte offsets.
    pub(super) fn look_at_mark(&mut self, file: &mut (impl Read + Seek)) {
        let Some(mark) = self.mark else { return };
        self.at_mark = read_at(file, mark.at, MARK_BYTES).ok().map(|bytes| {
            let line = memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |end| end + 1);
            Head::of(bytes.get(..line).unwrap_or_default())
        });
    }

    /// True when what was handed on last still stands where it stood, as far as that is known.
    pub(super) fn is_kept_by(&self, file: &mut (impl Read + Seek)) -> bool {
        let (Some(mark), Some(at_mark)) = (self.mark, &self.at_mark) else {
            return true;
        };
        read_at(file, mark.at, at_mark.bytes).is_ok_and(|bytes| Head::of(&bytes) == *at_mark)
    }
}

fn read_at(file: &mut (impl Read + Seek), at: u64, bytes: usize) -> io::Result<Vec<u8>> {
    let mut there = Vec::with_capacity(bytes);
    file.seek(SeekFrom::Start(at))?;
    file.take(bytes as u64).read_to_end(&mut there)?;
    Ok(there)
}

/// The positions of one followed path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Positions {
    /// The device that the first run decided on: what is found later never renames it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) device_id: Option<String>,
    /// By path inside the followed path.
    pub(super) files: BTreeMap<String, Position>,
    /// Files that are no more, the latest last.
    #[serde(default)]
    pub(super) gone: Vec<Position>,
}

impl Positions {
    /// Reads them; none where there is no file.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!(
                        "{error}; delete {} to read all from the beginning",
                        path.display()
                    ),
                )
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file in one step. On disk when this returns.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let dir = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        #[cfg(unix)]
        fs::File::open(dir)?.sync_all()?;
        Ok(())
    }

    /// The position of a file that begins like this: that of its path, or of any other that is the
    /// same file under an earlier name. None when the file does not go on as it did.
    pub(super) fn find(
        &self,
        relative: &str,
        start: &[u8],
        file: &mut (impl Read + Seek),
    ) -> Option<Position> {
        let mut fits =
            |position: &&Position| position.head.is_start_of(start) && position.is_kept_by(file);
        let tells = |position: &&Position| position.head.bytes >= TELLING_BYTES;
        let others = self.gone.iter().rev().chain(self.files.values());
        self.files
            .get(relative)
            .into_iter()
            .chain(others.filter(tells))
            .find(|position| fits(position))
            .cloned()
    }

    /// Remembers a file that is no more.
    pub(super) fn retire(&mut self, position: Position) {
        if position.mark.is_some() && !self.gone.contains(&position) {
            self.gone.push(position);
        }
        let surplus = self.gone.len().saturating_sub(GONE_MAX);
        self.gone.drain(..surplus);
    }
}
