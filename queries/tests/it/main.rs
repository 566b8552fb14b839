//! The embedded engine's HTTP interface, the store client, the schema and the views, on a real engine.
//!
//! Rules: one engine for the whole binary, one database per test, no order between tests, no sleeps.
//! Without libchdb on the machine the tests say so and pass, unless `PATCHLENS_REQUIRE_SERVICES=1`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod analyst;
mod devices;
mod http;
mod node;
mod python;
mod refresh;
mod schema;
mod standing;
mod store;
mod views;
