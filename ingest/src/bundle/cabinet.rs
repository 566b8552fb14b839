//! Cabinets (.cab): Windows packs old CBS logs into `CbsPersist_<time>.cab`.
//!
//! Crate `cab` decodes (MSZIP, LZX, stored), one data block at a time. It only reads a file from
//! the start of its folder on, so a cabinet is unpacked once, front to back, into one anonymous
//! temporary file that has no name, with every limit enforced while the bytes flow; its files are
//! then read from there. The directory is walked here first: the crate trusts offsets that a hostile
//! cabinet may set at will.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU64;

use cab::Cabinet;
use patchlens_event::RejectReason;
use tempfile::SpooledTempFile;

use super::archive::{Listed, Method, Part, ReadSeek, checked};
use super::limits::Limits;
use super::reader::EntryReader;
use super::{SpoolFailure, read_failure};

/// Bytes of a data block's header.
const BLOCK_HEADER_BYTES: u64 = 8;
/// How much is unpacked at once.
const PIECE_BYTES: usize = 64 * 1024;

/// The first bytes of a cabinet.
pub(crate) fn is_cabinet(head: &[u8]) -> bool {
    head.starts_with(b"MSCF")
}

/// A file as the cabinet's directory states it.
struct Stated {
    raw_name: Vec<u8>,
    /// Where it starts among the unpacked bytes of its folder.
    start: u64,
    bytes: u64,
    folder: usize,
}

/// The directory of a cabinet.
struct Directory {
    /// Unpacked bytes of each folder whose blocks are there.
    folder_bytes: Vec<u64>,
    files: Vec<Stated>,
}

/// Unpacks a cabinet; its files are parts of the store that is returned, which is in memory up to
/// `memory` bytes.
///
/// # Errors
/// When its directory cannot be read, or nothing can be stored.
pub(crate) fn unpack(
    mut source: Box<dyn ReadSeek>,
    limits: &Limits,
    total_bytes: &AtomicU64,
    memory: usize,
) -> io::Result<(SpooledTempFile, Vec<Listed>)> {
    let packed_bytes = source.seek(SeekFrom::End(0))?;
    let directory = directory(source.as_mut(), packed_bytes, limits)?;
    source.seek(SeekFrom::Start(0))?;
    let mut cabinet = guarded(|| Cabinet::new(source))?;
    // Folder by folder, as the crate lists them: the name by which it finds each file.
    let mut names: Vec<Vec<String>> = cabinet
        .folder_entries()
        .map(|folder| {
            let mut names: Vec<String> = folder
                .file_entries()
                .map(|file| file.name().to_owned())
                .collect();
            names.reverse();
            names
        })
        .collect();
    let mut store = SpooledTempFile::new(memory);
    let mut listed = Vec::new();
    let mut stored = 0;
    // A file is reached by unpacking its folder from the start: many files far behind are work
    // without end.
    let mut work = 0_u64;
    for stated in &directory.files {
        let Some(name) = names.get_mut(stated.folder).and_then(Vec::pop) else {
            break;
        };
        if listed.len() > limits.entries_max {
            break;
        }
        let there = directory
            .folder_bytes
            .get(stated.folder)
            .copied()
            .unwrap_or(0);
        let Some(Listed::Part(path, _)) = checked(&stated.raw_name, limits, |path| {
            Listed::Part(path, Part::stored(0, 0))
        }) else {
            listed.extend(checked(&stated.raw_name, limits, |path| {
                Listed::Refused(path, RejectReason::UnsafePath, "not a file".to_owned())
            }));
            continue;
        };
        work = work
            .saturating_add(stated.start)
            .saturating_add(stated.bytes);
        let is_too_much = work > limits.total_bytes_max;
        if stated.start > there || is_too_much {
            let (reason, detail) = if is_too_much {
                (
                    RejectReason::LimitExceeded,
                    format!(
                        "the cabinet holds more than {} bytes; raise `total_bytes_max` if it is trusted",
                        limits.total_bytes_max
                    ),
                )
            } else {
                (
                    RejectReason::Truncated,
                    "the cabinet ends before this file".to_owned(),
                )
            };
            listed.push(Listed::Refused(path, reason, detail));
            continue;
        }
        let from = stored;
        let outcome = guarded(|| cabinet.read_file(&name)).and_then(|reader| {
            let mut reader = EntryReader::new(
                Box::new(Guarded {
                    inner: reader,
                    missing: stated.bytes,
                }),
                Some(packed_bytes),
                limits,
                total_bytes,
            );
            copy(&mut reader, &mut store, &mut stored)
        });
        if let Err(error) = outcome {
            if SpoolFailure::is_in(&error) {
                return Err(error);
            }
            listed.push(Listed::Refused(
                path.clone(),
                read_failure(&error),
                format!("reading stopped here: {error}"),
            ));
        }
        if stored > from || stated.bytes == 0 {
            listed.push(Listed::Part(path, Part::stored(from, stored - from)));
        }
    }
    Ok((store, listed))
}

/// Copies what can be read, and counts it even when the reader fails.
pub(super) fn copy(
    reader: &mut dyn Read,
    store: &mut SpooledTempFile,
    stored: &mut u64,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = reader.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        store
            .write_all(piece.get(..count).unwrap_or_default())
            .map_err(SpoolFailure::into_io)?;
        *stored += count as u64;
    }
}

impl Part {
    /// Bytes that stand as they are.
    pub(super) fn stored(start: u64, bytes: u64) -> Self {
        Self {
            header_start: start,
            method: Method::Plain,
            compressed_bytes: bytes,
            declared: None,
        }
    }
}

/// Walks the directory and the headers of all blocks.
fn directory(
    source: &mut dyn ReadSeek,
    packed_bytes: u64,
    limits: &Limits,
) -> io::Result<Directory> {
    const HAS_PREVIOUS: u16 = 1;
    const HAS_NEXT: u16 = 2;
    const HAS_RESERVE: u16 = 4;
    source.seek(SeekFrom::Start(16))?;
    let files_at = u64::from(u32_of(source)?);
    source.seek(SeekFrom::Start(26))?;
    let (folders, files, flags) = (u16_of(source)?, u16_of(source)?, u16_of(source)?);
    if flags & (HAS_PREVIOUS | HAS_NEXT) != 0 {
        return Err(malformed(
            "the cabinet is one of a set; give the log itself",
        ));
    }
    source.seek(SeekFrom::Start(36))?;
    let (mut folder_reserve, mut block_reserve) = (0, 0);
    if flags & HAS_RESERVE != 0 {
        let header_reserve = u16_of(source)?;
        let reserves = u16_of(source)?.to_le_bytes();
        (folder_reserve, block_reserve) = (i64::from(reserves[0]), u64::from(reserves[1]));
        source.seek(SeekFrom::Current(i64::from(header_reserve)))?;
    }
    let mut starts = Vec::new();
    for _ in 0..folders {
        starts.push((u64::from(u32_of(source)?), u16_of(source)?));
        source.seek(SeekFrom::Current(2 + folder_reserve))?;
    }
    let blocks: u64 = starts.iter().map(|(_, blocks)| u64::from(*blocks)).sum();
    if blocks > packed_bytes / BLOCK_HEADER_BYTES {
        return Err(malformed("the cabinet states more data than it can hold"));
    }
    let mut folder_bytes = Vec::new();
    for (start, blocks) in starts {
        folder_bytes.push(unpacked_bytes(source, start, blocks, block_reserve));
    }
    source.seek(SeekFrom::Start(files_at))?;
    let mut found = Vec::new();
    for _ in 0..files {
        let (bytes, start, folder) = (u32_of(source)?, u32_of(source)?, u16_of(source)?);
        source.seek(SeekFrom::Current(6))?;
        found.push(Stated {
            raw_name: name_of(source, limits.path_bytes_max)?,
            start: u64::from(start),
            bytes: u64::from(bytes),
            folder: usize::from(folder),
        });
    }
    Ok(Directory {
        folder_bytes,
        files: found,
    })
}

/// Unpacked bytes of a folder, as far as its blocks are there.
fn unpacked_bytes(source: &mut dyn ReadSeek, start: u64, blocks: u16, reserve: u64) -> u64 {
    let mut total = 0;
    let mut at = start;
    for _ in 0..blocks {
        let sizes = source
            .seek(SeekFrom::Start(at + 4))
            .and_then(|_| Ok((u16_of(source)?, u16_of(source)?)));
        let Ok((packed, unpacked)) = sizes else {
            break;
        };
        total += u64::from(unpacked);
        at += BLOCK_HEADER_BYTES + reserve + u64::from(packed);
    }
    total
}

fn u16_of(source: &mut dyn ReadSeek) -> io::Result<u16> {
    let mut bytes = [0; 2];
    source.read_exact(&mut bytes)?;
    Ok(u16::from_le_bytes(bytes))
}

fn u32_of(source: &mut dyn ReadSeek) -> io::Result<u32> {
    let mut bytes = [0; 4];
    source.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

/// A name up to its NUL.
fn name_of(source: &mut dyn ReadSeek, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut name = Vec::new();
    let mut byte = [0];
    loop {
        source.read_exact(&mut byte)?;
        match byte {
            [0] => return Ok(name),
            [other] if name.len() <= bytes_max => name.push(other),
            _ => return Err(malformed("a name of the cabinet has no end")),
        }
    }
}

fn malformed(detail: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, detail)
}

/// Turns a panic of the decoder into an error.
fn guarded<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(malformed("the cabinet is damaged here")))
}

/// A reader that fails where its decoder does, or where it stops too early.
struct Guarded<R> {
    inner: R,
    missing: u64,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let inner = &mut self.inner;
        let count = guarded(|| inner.read(buffer))?;
        self.missing = self.missing.saturating_sub(count as u64);
        if count == 0 && !buffer.is_empty() && self.missing > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the cabinet ends inside this file",
            ));
        }
        Ok(count)
    }
}
