//! A bundle: everything that was collected from one device, as a directory, a .zip, a .cab or one file.
//!
//! [`Bundle::from_files`] and [`Bundle::from_archive`] list the entries; [`Bundle::read`] streams
//! one of them with every limit of [`Limits`] enforced while the bytes flow. Nothing is ever
//! unpacked onto disk under a name of the archive's choosing: a nested archive, which needs random
//! access, goes through memory or one anonymous temporary file. How many devices a path holds is
//! decided in [`crate::device`].
//!
//! Refused, each with path and reason: names that are absolute, hold `..` or a drive letter, links,
//! encrypted entries, archives nested too deep, and whatever exceeds a limit.

mod archive;
mod cabinet;
#[cfg(test)]
mod deflate64_tests;
mod directory;
mod limits;
mod name;
mod open;
mod reader;
mod salvage;
mod tarball;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use patchlens_event::RejectReason;

use archive::{Listed, Part, ReadSeek};
use cabinet::is_cabinet;
pub(crate) use directory::{Found, Walk, walk};
pub use limits::{LimitExceeded, LimitOutOfRange, Limits};
pub(crate) use open::{Links, NOT_A_FILE, open_regular};
pub use reader::EntryReader;
pub(crate) use reader::read_full;
pub(crate) use tarball::holds_tar;

use crate::device::Speaker;

/// An entry that is not read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Path inside the bundle; empty for the bundle itself.
    pub path: String,
    /// Why, for counting.
    pub reason: RejectReason,
    /// Why, for a person.
    pub detail: String,
}

/// One file of a bundle.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Path inside the bundle, with `/` between the parts; a nested archive is one part.
    pub path: String,
    /// Size as declared; `None` where nothing declares it.
    pub declared_bytes: Option<u64>,
    /// Which of its records are meant; all where there is none.
    pub(crate) speaker: Option<Speaker>,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Part { archive: usize, part: Part },
}

/// What was collected from one device.
pub struct Bundle {
    /// Name of the folder, archive or file, without `.zip`.
    pub name: String,
    /// The entries, in path order within each archive.
    pub entries: Vec<Entry>,
    /// What is not read.
    pub refusals: Vec<Refusal>,
    /// What a person should know about how it was told from the bundles of other devices.
    pub notes: Vec<String>,
    /// Shared with the bundles of other devices that lie in the same archive, as is the total.
    archives: Arc<Vec<archive::Source>>,
    total_bytes: Arc<AtomicU64>,
    /// Memory that nested archives take; beyond `spool_memory_bytes` they go to disk.
    spooled_bytes: usize,
    /// Why a nested archive could not be kept while it was listed: no fault of the bundle's.
    failure: Option<io::Error>,
    limits: Limits,
}

/// This machine cannot keep what an archive holds, for want of room or of rights.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep what is in an archive in the directory for temporary files: {0}")]
pub(crate) struct SpoolFailure(io::Error);

impl SpoolFailure {
    pub(crate) fn into_io(error: io::Error) -> io::Error {
        io::Error::new(error.kind(), Self(error))
    }

    pub(crate) fn is_in(error: &io::Error) -> bool {
        error
            .get_ref()
            .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Self>)
    }
}

/// A spool whose errors say that they are not the archive's.
struct Spool<'a>(&'a mut tempfile::SpooledTempFile);

impl Write for Spool<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(SpoolFailure::into_io)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(SpoolFailure::into_io)
    }
}

/// The first bytes of a zip with at least one entry, and of an empty one.
pub(crate) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// How much of a file tells whether it is an archive.
const HEAD_BYTES: usize = 512;

/// What is unpacked from front to back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packed {
    Cabinet,
    /// A tar archive, or anything that gzip compressed.
    Tarball,
}

impl Packed {
    fn of(head: &[u8]) -> Option<Self> {
        if is_cabinet(head) {
            Some(Self::Cabinet)
        } else {
            (tarball::is_gzip(head) || tarball::is_tar(head)).then_some(Self::Tarball)
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Cabinet => "cabinet",
            Self::Tarball => "archive",
        }
    }
}

/// Whether a file that begins so is unpacked before it is read.
pub(crate) fn is_packed(head: &[u8]) -> bool {
    Packed::of(head).is_some()
}

impl Bundle {
    /// Makes a bundle of files on disk.
    pub(crate) fn from_files(
        name: String,
        files: Vec<Found>,
        refusals: Vec<Refusal>,
        limits: &Limits,
    ) -> Self {
        let entries = files
            .into_iter()
            .map(|found| Entry {
                path: found.relative,
                declared_bytes: Some(found.bytes),
                speaker: found.speaker,
                place: Place::File(found.path),
            })
            .collect();
        Self {
            name,
            entries,
            refusals,
            notes: Vec::new(),
            archives: Arc::default(),
            total_bytes: Arc::default(),
            spooled_bytes: 0,
            failure: None,
            limits: limits.clone(),
        }
    }

    /// A bundle without entries over the same archives: that of one of several devices in them.
    pub(crate) fn share_of(&self, name: String) -> Self {
        Self {
            name,
            entries: Vec::new(),
            refusals: Vec::new(),
            notes: Vec::new(),
            archives: Arc::clone(&self.archives),
            total_bytes: Arc::clone(&self.total_bytes),
            spooled_bytes: 0,
            failure: None,
            limits: self.limits.clone(),
        }
    }

    /// Lists what the cabinets and compressed files among the files on disk hold in place of them.
    pub(crate) fn open_cabinets(&mut self) {
        for entry in std::mem::take(&mut self.entries) {
            let packed = self.head(&entry).and_then(|head| Packed::of(&head));
            if let Some(packed) = packed {
                match Self::read_file(&entry) {
                    Ok(file) => self.add_packed(packed, Box::new(file), &entry.path, 0),
                    Err(error) => self.refuse(entry.path, read_failure(&error), error.to_string()),
                }
            } else {
                self.entries.push(entry);
            }
        }
    }

    fn read_file(entry: &Entry) -> io::Result<File> {
        match &entry.place {
            Place::File(path) => open_regular(path, Links::Followed),
            Place::Part { .. } => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn refuse(&mut self, path: String, reason: RejectReason, detail: String) {
        self.refusals.push(Refusal {
            path,
            reason,
            detail,
        });
    }

    /// The first bytes of an entry, which tell archives from logs.
    fn head(&self, entry: &Entry) -> Option<[u8; HEAD_BYTES]> {
        let mut head = [0; HEAD_BYTES];
        let mut reader = self.read(entry).ok()?;
        read_full(&mut reader, &mut head).ok()?;
        Some(head)
    }

    /// Makes a bundle of a .zip or .tar archive; archives inside it are listed in their place.
    ///
    /// # Errors
    /// When the file cannot be opened. A damaged archive is no error but a refusal.
    pub fn from_archive(path: &Path, limits: &Limits) -> io::Result<Self> {
        let mut file = open_regular(path, Links::Followed)?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = stem.strip_suffix(".tar").unwrap_or(&stem).to_owned();
        let mut bundle = Self::from_files(name, Vec::new(), Vec::new(), limits);
        let mut head = [0; HEAD_BYTES];
        read_full(&mut file, &mut head)?;
        file.seek(SeekFrom::Start(0))?;
        match Packed::of(&head) {
            Some(packed) => bundle.add_packed(packed, Box::new(file), "", 0),
            None => bundle.add_archive(Box::new(file), "", 0),
        }
        Ok(bundle)
    }

    fn add_archive(&mut self, mut source: Box<dyn ReadSeek>, prefix: &str, depth: u32) {
        let listed = archive::list(source.as_mut(), &self.limits);
        self.add_listed(listed, source, prefix, depth);
    }

    fn add_packed(&mut self, packed: Packed, source: Box<dyn ReadSeek>, prefix: &str, depth: u32) {
        let memory = self.memory_left();
        let (limits, total) = (&self.limits, &self.total_bytes);
        let unpacked = match packed {
            Packed::Cabinet => cabinet::unpack(source, limits, total, memory),
            Packed::Tarball => {
                let file = prefix.rsplit('/').next().unwrap_or_default();
                let bare = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
                let name = if bare.is_empty() { &self.name } else { bare };
                tarball::unpack(source, name, limits, total, memory)
            }
        };
        match unpacked {
            Ok((mut store, listed)) => {
                self.count_spooled(&mut store);
                self.add_listed(listed, Box::new(store), prefix, depth);
            }
            Err(error) if SpoolFailure::is_in(&error) => self.failure = Some(error),
            Err(error) => self.refuse(
                prefix.to_owned(),
                read_failure(&error),
                format!("the {} cannot be read: {error}", packed.as_str()),
            ),
        }
    }

    fn add_listed(
        &mut self,
        listed: Vec<Listed>,
        source: Box<dyn ReadSeek>,
        prefix: &str,
        depth: u32,
    ) {
        let archive = self.archives.len();
        // Nobody shares them yet: the bundle is still being listed.
        if let Some(archives) = Arc::get_mut(&mut self.archives) {
            archives.push(Mutex::new(source));
        }
        let under = |path: String| match (prefix, path.as_str()) {
            ("", _) => path,
            (_, "") => prefix.to_owned(),
            _ => format!("{prefix}/{path}"),
        };
        for item in listed {
            if self.entries.len() >= self.limits.entries_max {
                let detail = format!(
                    "more than {} entries; raise `entries_max` if the bundle is trusted",
                    self.limits.entries_max
                );
                return self.refuse(prefix.to_owned(), RejectReason::LimitExceeded, detail);
            }
            match item {
                Listed::Refused(path, reason, detail) => self.refuse(under(path), reason, detail),
                Listed::Part(path, part) => {
                    let declared_bytes = match part.method {
                        archive::Method::Plain => Some(part.compressed_bytes),
                        _ => part.declared.map(|(bytes, _)| bytes),
                    };
                    let entry = Entry {
                        path: under(path),
                        declared_bytes,
                        speaker: None,
                        place: Place::Part { archive, part },
                    };
                    self.add_part(entry, depth);
                }
            }
        }
    }

    /// Adds an entry of an archive, or what it holds when it is an archive itself. A cabinet or what
    /// gzip compressed, which only packs a log, may stand one level deeper than a zip.
    fn add_part(&mut self, entry: Entry, depth: u32) {
        let head = self.head(&entry).unwrap_or([0; HEAD_BYTES]);
        let packed = Packed::of(&head);
        if !is_zip(&head) && packed.is_none() {
            self.entries.push(entry);
            return;
        }
        let deeper = u32::from(packed.is_some());
        if depth >= self.limits.nesting_max.saturating_add(deeper) {
            let detail = format!(
                "archives are nested deeper than {}; raise `nesting_max` if the bundle is trusted",
                self.limits.nesting_max
            );
            return self.refuse(entry.path, RejectReason::LimitExceeded, detail);
        }
        match self.spool(&entry) {
            Ok((source, cut)) => {
                if let Some(detail) = cut {
                    self.refuse(entry.path.clone(), RejectReason::Truncated, detail);
                }
                match packed {
                    Some(packed) => self.add_packed(packed, source, &entry.path, depth + 1),
                    None => self.add_archive(source, &entry.path, depth + 1),
                }
            }
            Err(error) if SpoolFailure::is_in(&error) => self.failure = Some(error),
            Err(error) => self.refuse(entry.path, read_failure(&error), error.to_string()),
        }
    }

    /// Why not everything in the bundle could be listed, when this machine is to blame.
    pub(crate) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// How much more may be kept in memory: the limit is one for all archives, of which there may be
    /// thousands.
    fn memory_left(&self) -> usize {
        let memory = self.limits.spool_memory_bytes;
        memory.saturating_sub(self.spooled_bytes)
    }

    fn count_spooled(&mut self, spooled: &mut tempfile::SpooledTempFile) {
        if !spooled.is_rolled()
            && let Ok(bytes) = spooled.seek(SeekFrom::End(0))
        {
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            self.spooled_bytes = self.spooled_bytes.saturating_add(bytes);
        }
    }

    /// Copies an entry to where it can be read in any order. A nested archive that ends too early
    /// is kept as far as it goes, with the reason.
    fn spool(&mut self, entry: &Entry) -> io::Result<(Box<dyn ReadSeek>, Option<String>)> {
        let mut spooled = tempfile::SpooledTempFile::new(self.memory_left());
        let cut = match self
            .read(entry)
            .and_then(|mut reader| io::copy(&mut reader, &mut Spool(&mut spooled)))
        {
            Ok(_) => None,
            Err(error)
                if read_failure(&error) == RejectReason::Truncated
                    && !SpoolFailure::is_in(&error) =>
            {
                Some(error.to_string())
            }
            Err(error) => return Err(error),
        };
        self.count_spooled(&mut spooled);
        spooled.seek(SeekFrom::Start(0))?;
        Ok((Box::new(spooled), cut))
    }

    /// Opens an entry of this bundle.
    ///
    /// # Errors
    /// When the file is gone or the archive is damaged here; [`read_failure`] says which.
    pub fn read(&self, entry: &Entry) -> io::Result<EntryReader<'_>> {
        match &entry.place {
            Place::File(path) => Ok(EntryReader::new(
                Box::new(open_regular(path, Links::Followed)?),
                None,
                &self.limits,
                &self.total_bytes,
            )),
            Place::Part { archive, part } => {
                let source = self.archives.get(*archive).ok_or(io::ErrorKind::NotFound)?;
                let inner = archive::open(source, part)?;
                Ok(EntryReader::new(
                    inner,
                    Some(part.compressed_bytes),
                    &self.limits,
                    &self.total_bytes,
                ))
            }
        }
    }

    /// Does work whose reading does not count against the total: looking at an entry before it is
    /// read. Nothing else may be read meanwhile.
    pub(crate) fn uncounted<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.total_bytes.load(Ordering::Relaxed);
        let result = work();
        self.total_bytes.store(before, Ordering::Relaxed);
        result
    }

    /// Forgets how much was read so far, so that a second pass has the whole allowance again.
    pub(crate) fn restart_budget(&self) {
        self.total_bytes.store(0, Ordering::Relaxed);
    }
}

/// Tells why reading an entry ended early.
pub fn read_failure(error: &io::Error) -> RejectReason {
    let limit = error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<LimitExceeded>);
    match error.kind() {
        _ if limit => RejectReason::LimitExceeded,
        io::ErrorKind::UnexpectedEof => RejectReason::Truncated,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => RejectReason::Malformed,
        _ => RejectReason::Unreadable,
    }
}
