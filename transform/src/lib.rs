//! Normalises, classifies, and derives attempts, diagnoses and clusters. Data frames in, data frames out.
//!
//! # Layout
//! [`events_frame`] lays events out as columns; [`normalise`] says of each record which code, update
//! and package it names and what it means for an attempt; [`diagnose`] derives from all events of a
//! device its attempts, and for each failed attempt the cause with culprit, evidence and remedy.
//! What is known of codes and causes is data, in `knowledge/`, compiled once by [`Knowledge`].
//!
//! # Invariants
//! No I/O, no async, no clock, no environment: the same frames give the same frames. A failing code
//! is no failure: without a failed attempt (or a standing condition) there is no diagnosis.

mod attempt;
mod cluster;
mod columns;
mod diagnosis;
mod error;
pub mod evaluation;
mod frame;
mod knowledge;
mod normalise;
mod reference;
pub mod report;
mod row;
pub mod schema;
mod symbols;
mod texts;

pub use cluster::{KeyPart, cluster_key};
pub use diagnosis::{Considered, Diagnosed, Explanation, diagnose, diagnose_and_explain};
pub use error::{Error, ReferenceProblem, Result};
pub use frame::{RowOrigin, events_frame, from_ipc_stream, ipc_stream};
pub use knowledge::{CauseOfCode, CodeCatalogue, CodeEntry, CodeReading, ExtendReading, Knowledge};
pub use normalise::{culprit_key, normalise};
pub use reference::{
    Prerequisite, PublishedHash, Reference, ReferenceKind, Rollout, RolloutDevice, RolloutDevices,
    TargetBuild, reference_text, servicing_branch, without_rollout,
};
pub use symbols::{SymbolConflict, symbol_conflicts};

/// Version of the rules and of what they derive: it changes when the same events give other results.
pub const TRANSFORM_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+k5");
