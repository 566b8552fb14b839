//! The log from outside: what holds for both kinds, and what each promises beyond that.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod contract;
mod kafka;
mod kafka_outage;
mod local;
mod local_kill;
mod local_model;
mod support;
