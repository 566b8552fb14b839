//! Tests of the transform stage through its public interface: real files go through the real
//! parsers into frames, and what is derived is compared with what a support engineer found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "tests"
)]

mod behaviour;
mod cases;
mod causes;
mod clusters;
mod codes;
mod excerpts;
mod field_trial;
mod healthy;
mod long_history;
mod noise;
mod one_failure;
mod properties;
mod refusals;
mod simulated;
mod support;
mod third_trial;
