//! From the reports to the pages' models.

use super::model::{Alert, Count};
use crate::error::{Error, Result, What};
use crate::frame::Frame;
use crate::read::rows;
use crate::server::App;

/// The states of an alert, as the view names them.
pub(super) const STATES: [&str; 3] = ["Active", "Resolved", "Deleted"];

const ALERTS: &str = include_str!("../../../../queries/reports/page_alerts.sql");

/// The alerts that the address asks for.
pub(crate) async fn alerts(app: &App, frame: &Frame) -> Result<Vec<Alert>> {
    let (state, rule) = (frame.filter("state"), frame.filter("rule"));
    if !state.is_empty() && !STATES.contains(&state.as_str()) {
        return Err(Error::Parameter {
            name: "state",
            value: state,
            expected: "Active, Resolved or Deleted",
        });
    }
    let parameters = [("state", state.as_str()), ("rule", &rule), ("alert_id", "")];
    rows(app, "list the alerts", ALERTS, &parameters).await
}

/// How many alerts there are, by rule and state.
pub(crate) async fn counts(app: &App) -> Result<Vec<Count>> {
    let sql = include_str!("../../../../queries/reports/page_alert_counts.sql");
    rows(app, "count the alerts", sql, &[]).await
}

/// One alert.
pub(super) async fn alert(app: &App, id: &str) -> Result<Alert> {
    let parameters = [("state", ""), ("rule", ""), ("alert_id", id)];
    let found: Vec<Alert> = if id.is_empty() {
        Vec::new()
    } else {
        rows(app, "read the alert", ALERTS, &parameters).await?
    };
    found.into_iter().next().ok_or_else(|| Error::NotFound {
        what: What::Alert,
        id: id.to_owned(),
    })
}
