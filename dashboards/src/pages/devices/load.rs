//! From the report to the page's model.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::model::{DeviceRow, STATES};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::pages::rollout;
use crate::read::rows;
use crate::server::App;

/// Which devices of the list, and in which order.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    /// A page by its number, from 1, and the rows of a page: failing devices first, then by site.
    Page(u32, usize),
    /// By id, at most `limit` behind a device; stable while devices report.
    After {
        /// Empty for the first.
        device_id: &'a str,
        limit: usize,
    },
}

#[derive(Deserialize)]
struct Row {
    #[serde(flatten)]
    device: DeviceRow,
    /// Devices of all pages.
    total: u64,
}

#[derive(Deserialize)]
struct Outside {
    devices: u64,
}

/// When a device of each rollout must have reported last not to be silent, by rollout. The same for an hour, and kept, so that
/// no list of devices has to read the whole fleet for it.
pub(crate) async fn clocks(app: &App) -> Result<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    struct Clock {
        rollout_id: String,
        silent_before: String,
    }
    let sql = include_str!("../../../../queries/reports/page_rollout_clock.sql");
    let clocks: Vec<Clock> = rows(app, "look who is silent", sql, &[]).await?;
    let named = clocks
        .into_iter()
        .map(|clock| (clock.rollout_id, clock.silent_before));
    Ok(named.collect())
}

/// The rollout whose devices are listed where the address names none: the current one, empty without any; and whether
/// devices report that it does not plan. Mostly none do, and the list need not look for them.
async fn current(app: &App) -> Result<(String, bool)> {
    let current = rollout::load::names(app).await?.into_iter().next();
    let rollout_id = current
        .map(|current| current.rollout_id)
        .unwrap_or_default();
    let sql = include_str!("../../../../queries/reports/page_devices_outside.sql");
    let parameters = [("rollout_id", rollout_id.as_str())];
    let outside: Vec<Outside> = rows(app, "count unplanned devices", sql, &parameters).await?;
    Ok((rollout_id, outside.iter().any(|row| row.devices > 0)))
}

/// One page of the devices that the address asks for, with one more row when there is a next page, and their number.
pub(crate) async fn devices(
    app: &App,
    frame: &Frame,
    part: Part<'_>,
) -> Result<(Vec<DeviceRow>, u64)> {
    let state = frame.filter("state");
    if !state.is_empty() && !STATES.contains(&state.as_str()) {
        let expected = "installed, pending_restart, in_progress, failed, not_started, stale, never_seen or excluded";
        return Err(Error::Parameter {
            name: "state",
            value: state,
            expected,
        });
    }
    let (by_id, after, skip, rows_max) = match part {
        Part::Page(page, rows) => ("0", "", (u64::from(page) - 1) * rows as u64, rows),
        Part::After { device_id, limit } => ("1", device_id, 0, limit),
    };
    let (rollout_id, outside) = match frame.value("rollout") {
        Some(rollout_id) => (rollout_id.to_owned(), false),
        None => current(app).await?,
    };
    let clocks = clocks(app).await?;
    let silent_before = clocks.get(&rollout_id).map_or("", String::as_str);
    let (site, ring) = (frame.filter("site"), frame.filter("ring"));
    let (cause, text) = (frame.filter("cause"), frame.filter("q"));
    let parameters = [
        ("rollout_id", rollout_id.as_str()),
        ("outside", if outside { "1" } else { "0" }),
        ("silent_before", silent_before),
        ("state", &state),
        ("site", &site),
        ("ring", &ring),
        ("cause", &cause),
        ("text", &text),
        ("by_id", by_id),
        ("after", after),
        ("skip", &skip.to_string()),
        ("max_rows", &(rows_max + 1).to_string()),
    ];
    let sql = include_str!("../../../../queries/reports/page_devices.sql");
    let found: Vec<Row> = rows(app, "list the devices", sql, &parameters).await?;
    let total = found.first().map_or(0, |row| row.total);
    Ok((found.into_iter().map(|row| row.device).collect(), total))
}
