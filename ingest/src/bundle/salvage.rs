//! Finds the parts of a zip whose directory is gone, by the local header before each part.
//!
//! A part whose size stands behind its data (a zip written as a stream) is inflated once to find
//! its end. The last part is usually cut; it is listed, and reading it ends with an error.

use std::io::{self, BufReader, Read, SeekFrom};

use flate2::bufread::DeflateDecoder;
use patchlens_event::RejectReason;

use super::archive::{Listed, Method, Part, ReadSeek, checked};
use super::limits::Limits;
use super::name::decode_name;

const LOCAL_HEADER_BYTES: usize = 30;
/// How much is inflated at once.
const PIECE_BYTES: usize = 64 * 1024;
const FLAG_ENCRYPTED: u16 = 1;
const FLAG_SIZES_BEHIND: u16 = 1 << 3;

struct Header {
    flags: u16,
    method: u16,
    crc: u32,
    compressed_bytes: u64,
    bytes: u64,
    raw_name: Vec<u8>,
    data_start: u64,
}

/// Lists what the local headers name, from the start of the file until they stop.
pub(crate) fn list(source: &mut dyn ReadSeek, limits: &Limits) -> Vec<Listed> {
    let mut listed = Vec::new();
    let Ok(end) = source.seek(SeekFrom::End(0)) else {
        return listed;
    };
    // Inflating to find where parts end is one work, however many parts there are.
    let mut left = limits.total_bytes_max;
    let mut at = 0;
    while let Ok(Some(header)) = local_header(source, at) {
        if listed.len() > limits.entries_max {
            break;
        }
        let method = match header.method {
            0 => Some(Method::Stored),
            8 => Some(Method::Deflated),
            9 => Some(Method::Deflate64),
            _ => None,
        };
        let sizes_known = header.flags & FLAG_SIZES_BEHIND == 0 || header.compressed_bytes > 0;
        let encrypted = header.flags & FLAG_ENCRYPTED != 0;
        let name = || decode_name(&header.raw_name);
        let (compressed_bytes, next) = match method {
            _ if sizes_known => (
                header.compressed_bytes,
                header.data_start.saturating_add(header.compressed_bytes),
            ),
            Some(Method::Deflated) if !encrypted => {
                let consumed = inflated_end(source, header.data_start, limits, &mut left)
                    .unwrap_or(end.saturating_sub(header.data_start));
                (
                    consumed,
                    after_descriptor(source, header.data_start + consumed),
                )
            }
            _ => {
                listed.push(Listed::Refused(
                    name(),
                    RejectReason::Truncated,
                    "where this entry ends cannot be told without the archive's directory"
                        .to_owned(),
                ));
                break;
            }
        };
        let declared = sizes_known.then_some((header.bytes, header.crc));
        match method {
            Some(method) if !encrypted => {
                listed.extend(checked(&header.raw_name, limits, |path| {
                    Listed::Part(
                        path,
                        Part {
                            header_start: at,
                            method,
                            compressed_bytes,
                            declared,
                        },
                    )
                }));
            }
            _ => listed.push(Listed::Refused(
                name(),
                RejectReason::Unreadable,
                "the entry is encrypted or packed by a method that is not read".to_owned(),
            )),
        }
        if next <= at || next >= end {
            break;
        }
        at = next;
    }
    listed
}

fn local_header(source: &mut dyn ReadSeek, at: u64) -> io::Result<Option<Header>> {
    let mut fixed = [0; LOCAL_HEADER_BYTES];
    source.seek(SeekFrom::Start(at))?;
    source.read_exact(&mut fixed)?;
    let [
        b'P',
        b'K',
        3,
        4,
        _,
        _,
        f0,
        f1,
        m0,
        m1,
        _,
        _,
        _,
        _,
        c0,
        c1,
        c2,
        c3,
        p0,
        p1,
        p2,
        p3,
        b0,
        b1,
        b2,
        b3,
        n0,
        n1,
        x0,
        x1,
    ] = fixed
    else {
        return Ok(None);
    };
    let mut raw_name = vec![0; usize::from(u16::from_le_bytes([n0, n1]))];
    source.read_exact(&mut raw_name)?;
    let names = raw_name.len() as u64 + u64::from(u16::from_le_bytes([x0, x1]));
    Ok(Some(Header {
        flags: u16::from_le_bytes([f0, f1]),
        method: u16::from_le_bytes([m0, m1]),
        crc: u32::from_le_bytes([c0, c1, c2, c3]),
        compressed_bytes: u64::from(u32::from_le_bytes([p0, p1, p2, p3])),
        bytes: u64::from(u32::from_le_bytes([b0, b1, b2, b3])),
        raw_name,
        data_start: at + LOCAL_HEADER_BYTES as u64 + names,
    }))
}

/// How many compressed bytes the part at `start` has; `None` when it does not end in the file, or not
/// within what a part may hold. Takes what it inflates from what is `left` for the whole archive.
fn inflated_end(
    source: &mut dyn ReadSeek,
    start: u64,
    limits: &Limits,
    left: &mut u64,
) -> Option<u64> {
    source.seek(SeekFrom::Start(start)).ok()?;
    let mut decoder = DeflateDecoder::new(BufReader::new(source));
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = decoder.read(&mut piece).ok()?;
        if count == 0 {
            return Some(decoder.total_in());
        }
        *left = left.checked_sub(count as u64)?;
        let (packed, bytes) = (decoder.total_in(), decoder.total_out());
        let is_bomb = bytes > limits.ratio_free_bytes && bytes / limits.ratio_max.max(1) > packed;
        if is_bomb || bytes > limits.entry_bytes_max {
            return None;
        }
    }
}

/// Steps over the optional record that follows a streamed part: signature, checksum, sizes.
fn after_descriptor(source: &mut dyn ReadSeek, at: u64) -> u64 {
    // With or without signature, with 32-bit or 64-bit sizes: the next header tells which.
    [16, 12, 24, 20]
        .into_iter()
        .map(|length| at + length)
        .find(|next| matches!(local_header(source, *next), Ok(Some(_))))
        .unwrap_or(at)
}
