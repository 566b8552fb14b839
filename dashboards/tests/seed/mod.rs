//! The data sets of the tests.

use patchlens_queries::{Result, Store};

/// A rollout of 110 devices in all states, with six causes.
pub(crate) const ROLLOUT: &str = include_str!("rollout.sql");

/// Markup in every text that a log or an operator can bring, and names of 10,000 characters.
#[allow(dead_code, reason = "not every test uses it")]
pub(crate) const HOSTILE: &str = include_str!("hostile.sql");

/// An active alert, with markup in what was logged, and a resolved one.
#[allow(dead_code, reason = "not every test uses it")]
pub(crate) const ALERTS: &str = include_str!("alerts.sql");

/// Runs the statements of a data set, which end with `;` at the end of a line.
pub(crate) async fn fill(store: &Store, statements: &str) -> Result<()> {
    for statement in statements
        .split(";\n")
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
    {
        store.execute("load the test data", statement).await?;
    }
    store.refresh_outdated().await.map(drop)
}
