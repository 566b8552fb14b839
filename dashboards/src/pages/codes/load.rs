//! From the reports to the page's model.

use std::collections::HashSet;

use super::model::CodeRow;
use super::search::Search;
use crate::error::Result;
use crate::frame::Frame;
use crate::read::rows;
use crate::server::App;

/// Codes of the catalogue that a search shows.
const DESCRIBED_MAX: usize = 200;

/// The codes that the address asks for: those of the fleet, and behind them what else the catalogue has for a search.
pub(crate) async fn codes(app: &App, frame: &Frame) -> Result<Vec<CodeRow>> {
    let text = frame.filter("q");
    let search = Search::new(&text);
    let sql = include_str!("../../../../queries/reports/page_codes.sql");
    let mut codes: Vec<CodeRow> = rows(app, "list the error codes", sql, &[]).await?;
    let Some(search) = search else {
        let all = frame.value("all").is_some();
        codes.retain(|row| all || row.failed_devices > 0);
        return Ok(codes);
    };
    codes.retain(|row| search.finds(row));
    let sql = include_str!("../../../../queries/reports/page_code_catalogue.sql");
    let catalogue: Vec<CodeRow> = rows(app, "read the error-code catalogue", sql, &[]).await?;
    let logged: HashSet<u32> = codes.iter().map(|row| row.error_code).collect();
    let found = catalogue.into_iter().filter(|row| search.finds(row));
    let others = found.take(DESCRIBED_MAX);
    codes.extend(others.filter(|row| !logged.contains(&row.error_code)));
    Ok(codes)
}
