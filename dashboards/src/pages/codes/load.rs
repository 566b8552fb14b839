//! From the report to the page's model.

use super::model::CodeRow;
use crate::error::Result;
use crate::frame::Frame;
use crate::read::rows;
use crate::server::App;

/// The codes that the address asks for.
pub(crate) async fn codes(app: &App, frame: &Frame) -> Result<Vec<CodeRow>> {
    let text = frame.filter("q");
    let all = if frame.value("all").is_some() || !text.is_empty() {
        "1"
    } else {
        "0"
    };
    let sql = include_str!("../../../../queries/reports/page_codes.sql");
    rows(
        app,
        "list the error codes",
        sql,
        &[("text", text.trim()), ("all", all)],
    )
    .await
}
