//! From the bytes of a text file to its lines: where they end, and what encoding each is in.
//!
//! Sans-IO: [`LineReader`] walks over whatever part of the file the caller has in memory, and
//! [`Decoder`] turns one line into text. Offsets always refer to the original file. A file may
//! change its encoding at the start of any line: tools append to logs that other tools began.

mod decode;
mod lines;
mod transcode;
mod unit;

pub(crate) use decode::Decoder;
pub(crate) use lines::{LINE_BYTES_MAX, Line, LineReader};
pub(crate) use transcode::Transcoder;

/// How much of a file is looked at before its first line is handed on.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
