//! From the reports to the page's model.

use patchlens_queries::case::Document;

use super::cube::{self, Cell};
use super::model::{First, Rollout, RolloutName, Summary, Waiting};
use crate::error::{Error, Result, What};
use crate::frame::Frame;
use crate::pages::report::language;
use crate::pages::{alerts, clusters};
use crate::read::{patiently, rows};
use crate::server::App;

/// Days of the progress chart: older rollouts show their first half year.
const DAYS_MAX: usize = 180;

/// The rollouts: the current one, then the others, newest first.
pub(crate) async fn names(app: &App) -> Result<Vec<RolloutName>> {
    let sql = include_str!("../../../../queries/reports/page_rollouts.sql");
    rows(app, "list the rollouts", sql, &[]).await
}

/// Silent devices and pending restarts of one rollout, of all for an empty id; of one ring or site where the address
/// says so.
pub(crate) async fn waiting(app: &App, frame: &Frame, id: &str) -> Result<Vec<Waiting>> {
    let sql = include_str!("../../../../queries/reports/page_rollout_waiting.sql");
    let (ring, site) = (frame.filter("ring"), frame.filter("site"));
    let parameters = [("rollout_id", id), ("ring", &ring), ("site", &site)];
    rows(app, "list silent devices", sql, &parameters).await
}

/// One rollout with everything on its page; the current one for an empty id. A ring or site in the address narrows all
/// figures to its devices.
pub(crate) async fn rollout(app: &App, frame: &Frame, id: &str) -> Result<Rollout> {
    let mut others = names(app).await?;
    let rollout_id = match others.first() {
        None => return Err(Error::Empty),
        Some(newest) if id.is_empty() => newest.rollout_id.clone(),
        Some(_) => id.to_owned(),
    };
    let id = [("rollout_id", rollout_id.as_str())];
    let (ring, site) = (frame.filter("ring"), frame.filter("site"));
    let (plan, cells, clusters, waiting, alerts) = tokio::try_join!(
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
        clusters::load::all(app),
        waiting(app, frame, &rollout_id),
        alerts::load::counts(app),
    )?;
    let Some(plan) = plan.into_iter().next() else {
        return Err(Error::NotFound {
            what: What::Rollout,
            id: rollout_id,
        });
    };
    let (all_rings, all_sites) = (
        cube::names(&cells, |cell| &cell.ring),
        cube::names(&cells, |cell| &cell.site),
    );
    let cells = cube::narrow(cells, &ring, &site);
    let summary = cube::summary(plan, &cells);
    let days = crate::format::days(
        summary.started_at.as_deref(),
        summary.as_of.as_deref(),
        DAYS_MAX,
    );
    let open = clusters.into_iter().filter(|row| row.open_devices > 0);
    let clusters: Vec<First> = open.map(First::from).collect();
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
        active_alerts: alerts::active(&alerts),
        all_rings,
        all_sites,
        others,
    })
}

/// The report of one rollout.
pub(super) async fn case(app: &App, frame: &Frame, id: &str) -> Result<Document> {
    let doing = "write the rollout's report";
    let case = patiently(
        app,
        doing,
        app.store.rollout_case(Some(id), language(frame)),
    );
    case.await?.ok_or_else(|| Error::NotFound {
        what: What::Rollout,
        id: id.to_owned(),
    })
}
