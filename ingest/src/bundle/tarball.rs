//! Tar archives and files that are compressed with gzip: .tar, .tar.gz, .tgz, `CBS.log.gz`.
//!
//! Both can only be read from front to back, so they are unpacked once into one anonymous temporary
//! file that has no name, with every limit enforced while the bytes flow; the files are then read
//! from there. Crate `tar` reads headers; long names are read here, since the crate would hold
//! however long a name an archive states in memory. Sparse files, links and devices are refused.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::atomic::AtomicU64;

use flate2::read::MultiGzDecoder;
use patchlens_event::RejectReason;
use tar::EntryType;
use tempfile::SpooledTempFile;

use super::archive::{Listed, Part, ReadSeek, checked};
use super::cabinet::copy;
use super::limits::Limits;
use super::name::UnsafeName;
use super::reader::{EntryReader, read_full};
use super::{SpoolFailure, read_failure};

/// Length of a header of a tar archive.
const BLOCK_BYTES: usize = 512;
/// Longest extended header that is read for a name.
const EXTENDED_BYTES_MAX: u64 = 64 << 10;

/// The first bytes of what is compressed with gzip.
pub(crate) fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(b"\x1f\x8b\x08")
}

/// The first block of a tar archive, as all that are written today begin.
pub(crate) fn is_tar(head: &[u8]) -> bool {
    let is_binary = head.iter().take(257).any(|byte| *byte == 0);
    head.get(257..262) == Some(b"ustar") && is_binary
}

/// Whether a file is, or holds behind gzip, a tar archive.
pub(crate) fn holds_tar(file: &mut dyn Read) -> io::Result<bool> {
    let mut head = [0; BLOCK_BYTES];
    let filled = read_full(file, &mut head)?;
    let head = head.get(..filled).unwrap_or_default();
    if !is_gzip(head) {
        return Ok(is_tar(head));
    }
    let mut first = [0; BLOCK_BYTES];
    read_full(&mut MultiGzDecoder::new(head.chain(file)), &mut first)?;
    Ok(is_tar(&first))
}

/// Unpacks an archive, or the one file that is compressed, which is named `file_name`; what is in it
/// are parts of the store that is returned, which is in memory up to `memory` bytes.
///
/// # Errors
/// When nothing of it can be read, or nothing can be stored.
pub(crate) fn unpack(
    mut source: Box<dyn ReadSeek>,
    file_name: &str,
    limits: &Limits,
    total_bytes: &AtomicU64,
    memory: usize,
) -> io::Result<(SpooledTempFile, Vec<Listed>)> {
    let packed_bytes = source.seek(SeekFrom::End(0))?;
    source.seek(SeekFrom::Start(0))?;
    let mut head = [0; BLOCK_BYTES];
    let filled = read_full(&mut source, &mut head)?;
    source.seek(SeekFrom::Start(0))?;
    // What lies between the files counts as well: it is inflated.
    let whole = Limits {
        entry_bytes_max: limits.total_bytes_max,
        ..limits.clone()
    };
    let inflated = AtomicU64::new(0);
    let is_packed = is_gzip(head.get(..filled).unwrap_or_default());
    let reader: Box<dyn Read> = if is_packed {
        Box::new(MultiGzDecoder::new(BufReader::new(source)))
    } else {
        Box::new(source)
    };
    let packed_bytes = is_packed.then_some(packed_bytes);
    let mut reader = EntryReader::new(reader, packed_bytes, &whole, &inflated);
    let mut first = vec![0; BLOCK_BYTES];
    let filled = read_full(&mut reader, &mut first)?;
    first.truncate(filled);
    let is_archive = is_tar(&first);
    let mut reader = first.chain(reader);
    let mut unpacked = Unpacked {
        store: SpooledTempFile::new(memory),
        stored: 0,
        listed: Vec::new(),
        limits,
        total_bytes,
    };
    if is_archive {
        unpacked.archive(&mut reader)?;
    } else {
        unpacked.file(file_name.to_owned(), &mut reader, None)?;
    }
    Ok((unpacked.store, unpacked.listed))
}

struct Unpacked<'a> {
    store: SpooledTempFile,
    stored: u64,
    listed: Vec<Listed>,
    limits: &'a Limits,
    total_bytes: &'a AtomicU64,
}

impl Unpacked<'_> {
    /// Reads the archive to its end or to where it is damaged.
    fn archive(&mut self, reader: &mut dyn Read) -> io::Result<()> {
        let mut archive = tar::Archive::new(reader);
        // Links and devices are not made, only told of.
        let entries = archive.entries()?.raw(true);
        let mut long_name: Option<Vec<u8>> = None;
        for entry in entries {
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(error) if SpoolFailure::is_in(&error) => return Err(error),
                Err(error) => {
                    self.stop(&error);
                    return Ok(());
                }
            };
            if self.listed.len() > self.limits.entries_max {
                return Ok(());
            }
            let kind = entry.header().entry_type();
            if matches!(
                kind,
                EntryType::GNULongName | EntryType::XHeader | EntryType::GNULongLink
            ) {
                let name = name_in(&mut entry, kind);
                if kind != EntryType::GNULongLink {
                    long_name = name.or(long_name);
                }
                continue;
            }
            if kind == EntryType::XGlobalHeader || kind.is_dir() {
                long_name = None;
                continue;
            }
            let raw_name = long_name
                .take()
                .unwrap_or_else(|| entry.path_bytes().into_owned());
            let size = entry.header().entry_size().unwrap_or(0);
            match checked(&raw_name, self.limits, |path| {
                if kind.is_file() || kind == EntryType::Continuous {
                    return Listed::Part(path, Part::stored(0, 0));
                }
                let (reason, detail) = if kind.is_symlink() || kind.is_hard_link() {
                    (RejectReason::UnsafePath, UnsafeName::Link.to_string())
                } else if kind.is_gnu_sparse() {
                    let detail = "a sparse file is not read: pack it without --sparse";
                    (RejectReason::Unreadable, detail.to_owned())
                } else {
                    (RejectReason::Unreadable, "not a regular file".to_owned())
                };
                Listed::Refused(path, reason, detail)
            }) {
                Some(Listed::Part(path, _)) => self.file(path, &mut entry, Some(size))?,
                other => self.listed.extend(other),
            }
        }
        Ok(())
    }

    /// Stores one file as far as it can be read; `size` is what is stated of it.
    fn file(&mut self, path: String, reader: &mut dyn Read, size: Option<u64>) -> io::Result<()> {
        let from = self.stored;
        let mut reader = EntryReader::new(Box::new(reader), None, self.limits, self.total_bytes);
        let outcome = copy(&mut reader, &mut self.store, &mut self.stored);
        let bytes = self.stored - from;
        let is_cut = size.is_some_and(|size| bytes < size);
        match outcome {
            Err(error) if SpoolFailure::is_in(&error) => return Err(error),
            Err(error) => self.listed.push(Listed::Refused(
                path.clone(),
                read_failure(&error),
                format!("reading stopped here: {error}"),
            )),
            Ok(()) if is_cut => self.listed.push(Listed::Refused(
                path.clone(),
                RejectReason::Truncated,
                "the archive ends inside this file".to_owned(),
            )),
            Ok(()) => {}
        }
        if bytes > 0 || size == Some(0) {
            self.listed
                .push(Listed::Part(path, Part::stored(from, bytes)));
        }
        Ok(())
    }

    fn stop(&mut self, error: &io::Error) {
        let reason = match read_failure(error) {
            RejectReason::LimitExceeded => RejectReason::LimitExceeded,
            _ => RejectReason::Truncated,
        };
        let found = self.listed.len();
        let detail =
            format!("the archive cannot be read any further ({error}); {found} files before");
        self.listed
            .push(Listed::Refused(String::new(), reason, detail));
    }
}

/// The name that a header for the next entry states.
fn name_in(entry: &mut dyn Read, kind: EntryType) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    entry.take(EXTENDED_BYTES_MAX).read_to_end(&mut text).ok()?;
    if kind == EntryType::GNULongName {
        text.truncate(
            text.iter()
                .position(|byte| *byte == 0)
                .unwrap_or(text.len()),
        );
        return Some(text);
    }
    // `27 path=a/b/CBS.log\n`
    tar::PaxExtensions::new(&text)
        .filter_map(Result::ok)
        .find(|extension| extension.key_bytes() == b"path")
        .map(|extension| extension.value_bytes().to_vec())
}
