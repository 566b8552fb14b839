//! Takes events and bundles over HTTP and makes them durable before it says so.
//!
//! ```text
//! POST /ingest/v1/events ──────▶ lines ─▶ events and rejects ─┐
//! POST /ingest/v1/bundles ─────▶ spool file ─▶ ingest::collect ┼─▶ event log ─▶ 200
//! POST /ingest/v1/winlogbeat … ▶ documents ─▶ ingest::collect ┘
//! ```
//!
//! - An answer of success means that everything it speaks of is durable in the event log.
//! - What is malformed is a durable reject, and its neighbours are taken all the same.
//! - Identities are hashes of content: a request that is sent again changes nothing.
//! - Every request has a token, but for those of this machine as long as nobody was ever given one.
//! - Sizes, rates and memory have limits; above them the answer is 413, 429 or 503 with
//!   `Retry-After`, never a growing queue.
//!
//! [`Client`] is the other side: what `collect --to http://…` ships through.

mod access;
mod answer;
mod bundles;
mod client;
mod config;
mod connections;
mod error;
mod events;
mod metrics;
mod pressure;
mod server;
mod token;
mod uploads;
mod winlogbeat;

pub use answer::{EventsAnswer, Problem};
pub use client::{Client, ClientOptions};
pub use config::GatewayConfig;
pub use connections::{ConnectionLimits, serve_on};
pub use error::{Error, Result};
pub use server::Gateway;
pub use token::{Scope, TokenEntry, TokenFile, Tokens};
pub use uploads::{Upload, UploadState};
