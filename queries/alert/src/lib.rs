//! Alert rules over the store, their states, and the ways to tell somebody.
//!
//! # Layout
//! - [`rule`]: rules as files: a `SELECT` on the views, thresholds, sentences.
//! - [`tail`]: exact tails of chance.
//! - [`evaluate`]: what the rules find at a moment.
//! - [`state`]: from findings to alerts that begin and end.
//! - [`keep`]: alerts in the store.
//! - [`sink`]: Alertmanager, webhooks, chat robots.
//! - [`service`]: the loop over all of it; [`history`]: the same over the past.
//!
//! Invariants: nothing here reads the clock, the environment or a file but rules; "now" and "as of" are arguments,
//! so that a back-test is the same code as the service. No secret is part of an error or a log line.

pub mod error;
pub mod evaluate;
pub mod history;
pub mod keep;
mod metrics;
pub mod rule;
pub mod service;
pub mod sink;
mod sql;
pub mod state;
pub mod tail;
mod text;

pub use error::{Error, Result};
pub use metrics::Metrics;
pub use text::Bilingual;
