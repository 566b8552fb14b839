//! The parsers against logs of real devices, which are not part of this tree: every line is
//! accounted for, and the counts are those that were made by hand.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "helpers of tests fail by panicking"
)]

mod accounting;
mod codes;
mod shared;
mod templates;
