//! End-to-end tests of the program as a user runs it: arguments in, exit code and output out.
//!
//! Rules: the real binary, the real engine, the real broker; a fresh directory for each test; no
//! sleeps, but waiting for a condition with a deadline. A test that needs what is not there prints
//! `skipped: …` and passes, unless `PATCHLENS_REQUIRE_SERVICES=1` or, for the shared real logs,
//! `PATCHLENS_REQUIRE_SHARED=1` makes the skip a failure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on shall fail"
)]
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests say when they skip, and read their own settings"
)]

mod agents;
mod alert;
mod bad_input;
mod cases;
mod compose;
mod demo;
mod forwarders;
mod grafana;
mod intake;
mod kafka;
mod kill;
mod knowledge;
mod layout;
mod readers;
mod real_logs;
mod recollect;
mod redaction;
mod server;
mod server_rights;
mod sql_questions;
mod support;
mod upload;
