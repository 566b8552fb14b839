//! Alerts against the real engine, a real Alertmanager, and receivers that read what they are sent.
//!
//! Rules: a fresh database per test; no sleeps, but waiting for a condition with a deadline. What is not on this
//! machine is said and skipped, unless `PATCHLENS_REQUIRE_SERVICES=1`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that cannot go on shall fail; tests say when they skip, and read the clock"
)]

mod alertmanager;
mod pipeline;
mod restart;
mod rules;
mod support;
mod webhook;
