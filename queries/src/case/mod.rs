//! The case report: problem, scope, analysis with evidence, what to do, results so far. The text that
//! is otherwise written by hand when a case is closed.
//!
//! [`Store::cluster_case`], [`Store::device_case`] and [`Store::rollout_case`] read what the views give and
//! lay it out as a [`Document`]; [`markdown`] and [`html`] write it. Whatever comes from a log is text
//! there: it cannot become mark-up.

mod cluster;
mod device;
mod document;
mod failure;
mod html;
mod markdown;
mod plain;
mod rollout;
#[cfg(test)]
mod tests;
mod words;

pub use document::{Block, Document, Section};
pub use failure::{Failure, STATED, Standing, article, cause_title, told_cause, what_to_do};
pub use html::html;
pub use markdown::markdown;
pub use plain::plain;
pub use words::{Language, zone_note};
