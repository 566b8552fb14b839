//! From the report to the page's model.

use serde::Deserialize;

use super::PAGE_ROWS;
use super::model::{DeviceRow, STATES};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::read::rows;
use crate::server::App;

#[derive(Deserialize)]
struct Row {
    #[serde(flatten)]
    device: DeviceRow,
    /// Devices of all pages.
    total: u64,
}

/// One page of the devices that the address asks for, with one more row when there is a next page, and their number.
pub(crate) async fn devices(app: &App, frame: &Frame, page: u32) -> Result<(Vec<DeviceRow>, u64)> {
    let state = frame.filter("state");
    if !state.is_empty() && !STATES.contains(&state.as_str()) {
        let expected = "installed, pending_restart, in_progress, failed, not_started, stale, never_seen or excluded";
        return Err(Error::Parameter {
            name: "state",
            value: state,
            expected,
        });
    }
    let skip = (u64::from(page) - 1) * PAGE_ROWS as u64;
    let (rollout, site, ring) = (
        frame.filter("rollout"),
        frame.filter("site"),
        frame.filter("ring"),
    );
    let (cause, text) = (frame.filter("cause"), frame.filter("q"));
    let parameters = [
        ("rollout_id", rollout.as_str()),
        ("state", &state),
        ("site", &site),
        ("ring", &ring),
        ("cause", &cause),
        ("text", &text),
        ("skip", &skip.to_string()),
        ("max_rows", &(PAGE_ROWS + 1).to_string()),
    ];
    let sql = include_str!("../../../../queries/reports/page_devices.sql");
    let found: Vec<Row> = rows(app, "list the devices", sql, &parameters).await?;
    let total = found.first().map_or(0, |row| row.total);
    Ok((found.into_iter().map(|row| row.device).collect(), total))
}
