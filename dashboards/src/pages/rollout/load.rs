//! From the reports to the page's model.

use super::cube::{self, Cell};
use super::model::{First, Rollout, RolloutName, Summary, Waiting};
use crate::error::{Error, Result, What};
use crate::read::rows;
use crate::server::App;

/// Days of the progress chart: older rollouts show their first half year.
const DAYS_MAX: usize = 180;

/// The rollouts, newest first.
pub(super) async fn names(app: &App) -> Result<Vec<RolloutName>> {
    let sql = include_str!("../../../../queries/reports/page_rollouts.sql");
    rows(app, "list the rollouts", sql, &[]).await
}

/// Silent devices and pending restarts of one rollout, of all for an empty id.
pub(crate) async fn waiting(app: &App, id: &str) -> Result<Vec<Waiting>> {
    let sql = include_str!("../../../../queries/reports/page_rollout_waiting.sql");
    rows(app, "list silent devices", sql, &[("rollout_id", id)]).await
}

/// One rollout with everything on its page; the newest for an empty id.
pub(crate) async fn rollout(app: &App, id: &str) -> Result<Rollout> {
    let mut others = names(app).await?;
    let rollout_id = match others.first() {
        None => return Err(Error::Empty),
        Some(newest) if id.is_empty() => newest.rollout_id.clone(),
        Some(_) => id.to_owned(),
    };
    let id = [("rollout_id", rollout_id.as_str())];
    let (plan, cells, clusters, waiting) = tokio::try_join!(
        rows::<Summary>(
            app,
            "read the rollout",
            include_str!("../../../../queries/reports/page_rollout_plan.sql"),
            &id
        ),
        rows::<Cell>(
            app,
            "count its devices",
            include_str!("../../../../queries/reports/page_rollout_cube.sql"),
            &id
        ),
        rows::<First>(
            app,
            "list the clusters",
            include_str!("../../../../queries/reports/page_cluster_actions.sql"),
            &[]
        ),
        waiting(app, &rollout_id),
    )?;
    let Some(plan) = plan.into_iter().next() else {
        return Err(Error::NotFound {
            what: What::Rollout,
            id: rollout_id,
        });
    };
    let summary = cube::summary(plan, &cells);
    let days = crate::format::days(
        summary.started_at.as_deref(),
        summary.as_of.as_deref(),
        DAYS_MAX,
    );
    others.retain(|other| other.rollout_id != rollout_id);
    let (restart, silent) = waiting
        .into_iter()
        .partition(|device: &Waiting| device.state == "pending_restart");
    Ok(Rollout {
        first: cube::first(&cells, &clusters),
        progress: cube::progress(&cells, &days),
        rings: cube::groups(&cells, |cell| &cell.ring),
        sites: cube::groups(&cells, |cell| &cell.site),
        funnel: cube::funnel(&cells),
        summary,
        silent,
        restart,
        others,
    })
}
