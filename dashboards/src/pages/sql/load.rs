//! Running the reader's statement, and the list of what it can read.

use super::guard;
use super::model::{Relation, Table};
use crate::csv::record;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::read;
use crate::server::App;

/// Runs a statement within the limits.
pub(super) async fn table(app: &App, statement: &str) -> Result<Table> {
    let max_rows = app.config.max_rows;
    let statement = statement.trim().trim_end_matches(';').trim_end();
    let guarded = guard::guarded(statement, max_rows).map_err(|message| Error::Statement {
        code: None,
        message,
    })?;
    read::statement(app, &guarded, max_rows).await
}

/// The views first, then the tables, with their columns.
pub(super) async fn relations(app: &App) -> Result<Vec<Relation>> {
    let sql = include_str!("../../../../queries/reports/page_sql_relations.sql");
    read::rows(app, "list the views", sql, &[]).await
}

/// The answer to the address's statement as CSV; nothing for an address on another site.
pub(super) async fn csv(app: &App, frame: &Frame) -> Result<String> {
    let statement = frame.filter("q");
    let table = if frame.foreign {
        Table::default()
    } else {
        table(app, &statement).await?
    };
    let mut text = String::new();
    record(
        &mut text,
        table.columns.iter().map(|column| column.name.as_str()),
    );
    for row in &table.rows {
        record(&mut text, row.iter().map(String::as_str));
    }
    Ok(text)
}
