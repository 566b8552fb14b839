//! The web application and its JSON API.
//!
//! Server-rendered pages over [`patchlens_queries::Store`], in English and Simplified Chinese, useful without
//! JavaScript. Nothing is loaded from outside the program, and nothing that was collected reaches a page unescaped.
//!
//! # Layout
//! - [`router`] and [`serve_on`]: the ways in; `server.rs` lists every route.
//! - `pages/<page>/`: `model.rs` (the rows, also the JSON API), `load.rs` (SQL to model), `mod.rs` (handler and view).
//! - `frame.rs`: what every page shares (language, theme, links); `i18n.rs` and `i18n/*.toml`: every visible string.
//! - `cache.rs`, `keep.rs`, `reading.rs`: how answers stay ready, so that no reader waits for a count over the fleet.
//! - `upload/`: bundles that readers hand in; an [`Uploader`] reads them.
//! - `templates/`, `assets/`: HTML, CSS and the small scripts that add to the pages and are never needed.
//!
//! This crate writes nothing to the store and computes no figure that a view or a report of `queries` should give.

mod answer;
mod api;
mod assets;
mod cache;
mod chart;
mod config;
mod csv;
mod error;
mod format;
mod frame;
mod health;
mod i18n;
mod keep;
mod live;
mod pages;
mod paging;
mod read;
mod reading;
mod security;
mod server;
mod turns;
mod upload;

pub use config::DashboardConfig;
pub use error::{Error, Result, What};
pub use server::{Admission, Beside, Neighbours, Readers, router, serve_on};
pub use upload::{Collected, Pending, Receipt, Uploader, Uploads};
