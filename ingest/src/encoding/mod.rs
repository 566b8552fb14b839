//! From the bytes of a text file to its lines: where they end, and what encoding each is in.
//!
//! Sans-IO: [`LineReader`] walks over whatever part of the file the caller has in memory, and
//! [`Decoder`] turns one line into text. Offsets always refer to the original file. A file may
//! change its encoding at the start of any line: tools append to logs that other tools began.

mod decode;
mod lines;
mod transcode;
mod unit;

use std::borrow::Cow;

use encoding_rs::{UTF_16BE, UTF_16LE};

pub(crate) use decode::Decoder;
pub(crate) use lines::{LINE_BYTES_MAX, Line, LineReader};
pub(crate) use transcode::Transcoder;
pub(crate) use unit::Unit;

/// What a piece of a file says. UTF-16 is decoded: with a zero behind each letter no name in it would be
/// found. Zeros between are left out for the same reason.
pub(crate) fn shown(piece: &[u8]) -> Cow<'_, str> {
    if memchr::memchr(0, piece).is_none() {
        return String::from_utf8_lossy(piece);
    }
    let segment = unit::first(piece);
    let body = piece.get(segment.mark_bytes..).unwrap_or_default();
    Cow::Owned(shown_in(segment.unit, body).replace('\0', ""))
}

/// The same where it is known what the piece is made of.
pub(crate) fn shown_in(unit: Unit, piece: &[u8]) -> Cow<'_, str> {
    match unit {
        Unit::Byte => String::from_utf8_lossy(piece),
        Unit::Utf16Le => UTF_16LE.decode_without_bom_handling(piece).0,
        Unit::Utf16Be => UTF_16BE.decode_without_bom_handling(piece).0,
    }
}

/// How much of a file is looked at before its first line is handed on.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
