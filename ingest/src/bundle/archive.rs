//! A zip archive: what it lists, and the bytes of one part.
//!
//! The central directory is walked without an index of our own making in memory beyond the parts
//! that are kept. When it is missing (a copy that was cut short), [`super::salvage`] finds the parts
//! by their local headers.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use deflate64::Deflate64Decoder;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use patchlens_event::RejectReason;
use zip::CompressionMethod;
use zip::read::Config;
// Walks the directory without an index of all names; the crate keeps it outside its stability promise,
// so the version is pinned in Cargo.lock and a change shows at compile time.
use zip::unstable::read::ZipIterable;

use super::limits::Limits;
use super::name::{UnsafeName, decode_name, relative_path};
use super::salvage;

/// Random access to an archive's bytes.
pub(crate) trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// How the bytes of a part are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Stored,
    Deflated,
    /// What Windows Explorer takes for files over 2 GB.
    Deflate64,
    /// Stored without a local header before it.
    Plain,
}

/// One part of an archive, ready to be read.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) header_start: u64,
    pub(crate) method: Method,
    pub(crate) compressed_bytes: u64,
    /// Declared size and checksum; `None` where they stand behind the data of a cut archive.
    pub(crate) declared: Option<(u64, u32)>,
}

/// A part by name, or why it is not used.
pub(crate) enum Listed {
    Part(String, Part),
    Refused(String, RejectReason, String),
}

/// How much of a part is read at once for a decoder that brings no buffer of its own.
const DEFLATE64_BUFFER_BYTES: usize = 32 * 1024;
/// Length of a local header before its names.
const LOCAL_HEADER_BYTES: usize = 30;

/// Lists an archive, directories left out. Never fails: what cannot be listed is a refusal.
pub(crate) fn list(source: &mut dyn ReadSeek, limits: &Limits) -> Vec<Listed> {
    let mut listed = Vec::new();
    let problem = match ZipIterable::try_new(&mut *source, Config::default()) {
        Ok(mut archive) => match archive.files() {
            Ok(files) => {
                let mut problem = None;
                for entry in files {
                    if listed.len() > limits.entries_max {
                        break;
                    }
                    match entry {
                        Ok(entry) => listed.extend(entry_part(&entry, limits)),
                        Err(error) => problem = Some(error.to_string()),
                    }
                }
                problem
            }
            Err(error) => Some(error.to_string()),
        },
        Err(error) => Some(error.to_string()),
    };
    refuse_overlaps(&mut listed);
    if let Some(problem) = problem {
        if listed.is_empty() {
            listed = salvage::list(source, limits);
        }
        let found = listed.len();
        let detail = format!(
            "the archive's directory cannot be read ({problem}); {found} parts found by their own headers"
        );
        listed.push(Listed::Refused(
            String::new(),
            RejectReason::Truncated,
            detail,
        ));
    }
    listed
}

/// Refuses parts that lie on others: no packer writes them, and a small archive would stand for as
/// much as its directory has lines.
fn refuse_overlaps(listed: &mut [Listed]) {
    let mut places: Vec<(u64, u64, usize)> = listed
        .iter()
        .enumerate()
        .filter_map(|(index, listed)| match listed {
            Listed::Part(_, part) => Some((part.header_start, part.compressed_bytes, index)),
            Listed::Refused(..) => None,
        })
        .collect();
    places.sort_unstable();
    let mut end = 0;
    for (start, bytes, index) in places {
        if start >= end {
            end = start
                .saturating_add(LOCAL_HEADER_BYTES as u64)
                .saturating_add(bytes);
            continue;
        }
        if let Some(Listed::Part(path, _)) = listed.get(index) {
            let detail =
                "the entry lies on another one: the archive is damaged, or made to deceive";
            let path = path.clone();
            if let Some(place) = listed.get_mut(index) {
                *place = Listed::Refused(path, RejectReason::Malformed, detail.to_owned());
            }
        }
    }
}

/// Names a part by the checked form of its name.
pub(crate) fn checked(
    raw_name: &[u8],
    limits: &Limits,
    part: impl FnOnce(String) -> Listed,
) -> Option<Listed> {
    let name = decode_name(raw_name);
    let is_directory = name.ends_with(['/', '\\']);
    match relative_path(&name, limits.path_bytes_max) {
        Ok(_) | Err(UnsafeName::Empty) if is_directory => None,
        Ok(path) => Some(part(path)),
        Err(error) => {
            let reason = if error == UnsafeName::TooLong {
                RejectReason::LimitExceeded
            } else {
                RejectReason::UnsafePath
            };
            Some(Listed::Refused(
                name.chars().filter(|c| !c.is_control()).take(200).collect(),
                reason,
                error.to_string(),
            ))
        }
    }
}

fn entry_part(entry: &zip::read::ZipFileEntry<'_>, limits: &Limits) -> Option<Listed> {
    checked(entry.name_raw(), limits, |path| {
        if entry.is_symlink() {
            return Listed::Refused(path, RejectReason::UnsafePath, UnsafeName::Link.to_string());
        }
        if entry.encrypted() {
            return Listed::Refused(
                path,
                RejectReason::Unreadable,
                "the entry is encrypted; pack the bundle without a password".to_owned(),
            );
        }
        let method = match entry.compression() {
            CompressionMethod::Stored => Method::Stored,
            CompressionMethod::Deflated => Method::Deflated,
            CompressionMethod::Deflate64 => Method::Deflate64,
            other => {
                return Listed::Refused(
                    path,
                    RejectReason::Unreadable,
                    format!("compression method {other} is not read; pack the bundle with deflate"),
                );
            }
        };
        Listed::Part(
            path,
            Part {
                header_start: entry.header_start(),
                method,
                compressed_bytes: entry.compressed_size(),
                declared: Some((entry.size(), entry.crc32())),
            },
        )
    })
}

/// An archive's bytes, shared by the readers of its parts.
pub(crate) type Source = Mutex<Box<dyn ReadSeek>>;

/// Opens a part. Its reader fails with [`io::ErrorKind::UnexpectedEof`] where the archive is cut
/// and with [`io::ErrorKind::InvalidData`] where the checksum is wrong.
pub(crate) fn open<'a>(source: &'a Source, part: &Part) -> io::Result<Box<dyn Read + 'a>> {
    if part.method == Method::Plain {
        return Ok(Box::new(Span {
            source,
            position: part.header_start,
            remaining: part.compressed_bytes,
        }));
    }
    let mut header = [0; LOCAL_HEADER_BYTES];
    let mut at_header = Span {
        source,
        position: part.header_start,
        remaining: header.len() as u64,
    };
    at_header.read_exact(&mut header)?;
    let [
        b'P',
        b'K',
        3,
        4,
        ..,
        name_low,
        name_high,
        extra_low,
        extra_high,
    ] = header
    else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the archive's directory points to no local header",
        ));
    };
    let names = u64::from(u16::from_le_bytes([name_low, name_high]))
        + u64::from(u16::from_le_bytes([extra_low, extra_high]));
    let position = part
        .header_start
        .saturating_add(LOCAL_HEADER_BYTES as u64 + names);
    let data = Span {
        source,
        position,
        remaining: part.compressed_bytes,
    };
    Ok(match part.method {
        Method::Stored | Method::Plain => Box::new(Checked::new(data, part)),
        Method::Deflated => Box::new(Checked::new(DeflateDecoder::new(data), part)),
        Method::Deflate64 => {
            let data = BufReader::with_capacity(DEFLATE64_BUFFER_BYTES, data);
            Box::new(Checked::new(Deflate64Decoder::with_buffer(data), part))
        }
    })
}

/// A stretch of an archive. It remembers its own position, so that several may be open at once.
struct Span<'a> {
    source: &'a Source,
    position: u64,
    remaining: u64,
}

impl Read for Span<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer
            .len()
            .min(usize::try_from(self.remaining).unwrap_or(usize::MAX));
        // Whoever panicked while reading left a position, which is set anew.
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        source.seek(SeekFrom::Start(self.position))?;
        let count = source.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        self.position = self.position.saturating_add(count as u64);
        self.remaining -= count as u64;
        Ok(count)
    }
}

/// Compares size and checksum with what was declared when the data ends.
struct Checked<R> {
    inner: R,
    crc: Crc,
    bytes: u64,
    declared: Option<(u64, u32)>,
}

impl<R: Read> Checked<R> {
    fn new(inner: R, part: &Part) -> Self {
        Self {
            inner,
            crc: Crc::new(),
            bytes: 0,
            declared: part.declared,
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.crc.update(buffer.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        if let Some((bytes, crc)) = self.declared
            && count == 0
            && !buffer.is_empty()
        {
            if self.bytes < bytes {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the archive ends inside this entry",
                ));
            }
            if crc != self.crc.sum() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the entry's checksum is wrong",
                ));
            }
        }
        Ok(count)
    }
}
