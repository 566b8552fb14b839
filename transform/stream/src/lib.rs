//! Moves events from the log through transform into the store. The delivery protocol lives here.
//!
//! One cut of the log at a time, forwards ([`Flow::run`]):
//!
//! ```text
//! poll ─▶ record the cut ─▶ decode + normalise ─▶ insert what is missing ─▶ device step ─▶ finish the cut
//! ```
//!
//! The destination is the truth. Before rows are inserted the store is asked which of their
//! identities it holds, so a cut that was half inserted when the process died, a message that is
//! delivered twice, and a bundle that is collected again all come to the same: only what is missing
//! is inserted. The position in the log moves last.
//!
//! Invariants: nothing here knows Kafka or SQLite (that is `patchlens-log`) or ClickHouse's
//! protocol (that is `patchlens-queries`); Polars runs on a thread of its own, never on a tokio
//! worker.
//!
//! # Layout
//! [`flow`] the main loop · `gather` messages into cuts · [`decode`] messages into rows · [`tables`] rows into frames ·
//! [`load`] inserting what is missing · [`devices`] attempts and diagnoses of the devices touched ·
//! [`engine`] the thread that Polars runs on · [`metrics`] what the flow counts.

pub mod decode;
pub mod devices;
pub mod engine;
mod error;
pub mod flow;
mod gather;
pub mod load;
pub mod metrics;
pub mod tables;

pub use error::{Error, Result};
pub use flow::{Flow, FlowOptions, Summary};
pub use metrics::{Looked, Metrics};
