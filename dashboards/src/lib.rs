//! The web application and its JSON API.
//!
//! Server-rendered pages over [`patchlens_queries::Store`], in English and Simplified Chinese, useful without
//! JavaScript. Nothing is loaded from outside the program, and nothing that was collected reaches a page unescaped.
//!
//! # Layout
//! - [`router`] and [`serve`]: the ways in; `server.rs` lists every route.
//! - `pages/<page>/`: `model.rs` (the rows, also the JSON API), `load.rs` (SQL to model), `mod.rs` (handler and view).
//! - `frame.rs`: what every page shares (language, theme, links); `i18n.rs` and `i18n/*.toml`: every visible string.
//! - `templates/`, `assets/`: HTML, CSS and the small scripts that add to the pages and are never needed.
//!
//! This crate writes nothing to the store and computes no figure that a view or a report of `queries` should give.

mod answer;
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
mod live;
mod pages;
mod read;
mod security;
mod server;

pub use config::DashboardConfig;
pub use error::{Error, Result, What};
pub use server::{Neighbours, router, serve, serve_beside, serve_on};
