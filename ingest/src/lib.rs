//! Collectors: decode, parse, select and ship what a device's logs say.
//!
//! Parsers are pure: bytes go in, [`Record`]s and [`Issue`]s come out through a [`RecordSink`],
//! in reading order. Bad input is an issue, never an error and never a panic.

mod bits;
pub mod bundle;
pub mod codes;
pub mod collect;
mod detect;
mod device;
mod encoding;
mod error;
mod event_record;
mod event_text;
pub mod evtx;
pub mod follow;
mod foreign;
pub mod identity;
pub mod inspect;
pub mod inventory;
mod json;
pub mod json_events;
mod parser;
pub mod procmon;
mod record;
pub mod redact;
pub mod replay;
pub mod select;
pub mod setup_diag;
pub mod ship;
pub mod template;
#[cfg(test)]
mod testing;
mod text;
pub mod zone;

pub use detect::{Format, HEAD_BYTES, detect};
pub use error::{Error, Result};
pub use record::{Issue, LoggedTime, Record, RecordSink};
pub use text::{TextAccount, TextParser, parse};
