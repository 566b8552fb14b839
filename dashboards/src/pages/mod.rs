//! The pages, each with the rows it shows (`model.rs`), where they come from (`load.rs`) and how they look (`mod.rs`).

pub(crate) mod alerts;
pub(crate) mod cluster;
pub(crate) mod clusters;
pub(crate) mod codes;
pub(crate) mod device;
pub(crate) mod devices;
pub(crate) mod evidence;
pub(crate) mod filter;
pub(crate) mod pipeline;
pub(crate) mod report;
pub(crate) mod rollout;
pub(crate) mod sql;
pub(crate) mod upload;

/// Rows of a list that a page shows; the JSON API gives the others.
pub(crate) const ROWS_SHOWN: usize = 500;
