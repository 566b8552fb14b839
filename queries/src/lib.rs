//! Migrations, views, reports, the store client and the embedded engine. The only place that knows ClickHouse.
//!
//! # Layout
//! - [`store`]: the client, for any ClickHouse HTTP endpoint.
//! - [`migration`]: brings a database to the schema of `migrations/` and `views/`.
//! - [`case`]: reports on clusters, devices and rollouts, as Markdown, HTML or text.
//! - [`reports`]: what commands and pages print, typed.
//! - [`metrics`]: what services count with, for Prometheus.
//! - [`embedded`]: ClickHouse inside this process, behind its own HTTP interface.
//! - [`testing`]: one engine per test process, one fresh database per test.
//!
//! Invariants: everything but `embedded` speaks HTTP to a URL and cannot tell which ClickHouse
//! answers; SQL stands in `.sql` files or beside the function that sends it; values reach SQL only
//! as server-side parameters; nothing here reads the environment or the wall clock.

pub mod case;
pub mod embedded;
mod error;
pub mod metrics;
pub mod migration;
pub mod names;
pub mod reports;
mod sql;
pub mod store;
pub mod testing;

pub use error::{Error, Result};
pub use store::{Login, Param, RejectRow, Secret, Store, StoreConfig};
