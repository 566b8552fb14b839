//! The gateway over real HTTP into real event logs: a local one, and Kafka.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on shall fail"
)]

mod bundles;
mod events;
mod pressure;
mod support;
mod tokens;
mod winlogbeat;
