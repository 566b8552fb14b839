//! Collectors: decode, parse, select and ship what a device's logs say.
//!
//! Parsers are pure: bytes go in, [`Record`]s and [`Issue`]s come out through a [`RecordSink`],
//! in reading order. Bad input is an issue, never an error and never a panic.

pub mod codes;
mod detect;
mod encoding;
mod error;
mod record;
pub mod template;
mod text;

pub use detect::{Format, HEAD_BYTES, detect};
pub use error::{Error, Result};
pub use record::{Issue, LoggedTime, Record, RecordSink};
pub use text::{TextAccount, TextParser, parse};
