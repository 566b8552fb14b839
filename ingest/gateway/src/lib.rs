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
//! [`Client`] is the other side: what `collect --to http://…` ships through. Without the feature `server` it is all there is.

#[cfg(feature = "server")]
mod access;
mod answer;
#[cfg(feature = "server")]
mod bundles;
mod client;
#[cfg(feature = "server")]
mod config;
#[cfg(feature = "server")]
mod connections;
mod error;
#[cfg(feature = "server")]
mod events;
#[cfg(feature = "server")]
mod metrics;
#[cfg(feature = "server")]
mod patience;
#[cfg(feature = "server")]
mod pressure;
#[cfg(feature = "server")]
mod refusal;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod token;
#[cfg(feature = "server")]
mod uploads;
#[cfg(feature = "server")]
mod winlogbeat;

pub use answer::{EventsAnswer, Problem};
pub use client::{Client, ClientOptions};
#[cfg(feature = "server")]
pub use config::GatewayConfig;
#[cfg(feature = "server")]
pub use connections::{ConnectionLimits, serve_on};
pub use error::{Error, Result};
#[cfg(feature = "server")]
pub use server::Gateway;
#[cfg(feature = "server")]
pub use token::{Scope, TokenEntry, TokenFile, Tokens};
#[cfg(feature = "server")]
pub use uploads::{Upload, UploadState};
