//! `GET /` and `GET /rollouts/{id}`: how far, what blocks, whom it hits, what to do first.

mod cube;
pub(crate) mod load;
pub(crate) mod model;
mod verdict;

use std::borrow::Borrow;

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;

use self::model::{First, Funnel, Group, Rollout, RolloutName, Summary, Waiting};
use crate::answer;
use crate::chart::{self, Line, Segment};
use crate::error::Result;
use crate::frame::{Frame, Theme};
use crate::i18n;
use crate::server::App;

/// Sites of a cluster that are named in its row.
const SITES_NAMED: usize = 3;

/// `GET /`: the newest rollout.
pub(crate) async fn newest(State(app): State<App>, frame: Frame) -> Response {
    answer::page(&frame, render(&app, &frame, "").await)
}

/// `GET /rollouts/{id}`.
pub(crate) async fn page(State(app): State<App>, frame: Frame, Path(id): Path<String>) -> Response {
    answer::page(&frame, render(&app, &frame, &id).await)
}

/// `GET /api/v1/rollouts`.
pub(crate) async fn list_json(State(app): State<App>) -> Response {
    answer::json(load::names(&app).await.map(Json))
}

/// `GET /api/v1/rollouts/{id}`.
pub(crate) async fn json(State(app): State<App>, Path(id): Path<String>) -> Response {
    answer::json(load::rollout(&app, &id).await.map(Json))
}

async fn render(app: &App, frame: &Frame, id: &str) -> Result<String> {
    let rollout = load::rollout(app, id).await?;
    Ok(View::new(frame, &rollout).render()?)
}

/// A state of the legend.
struct StateCount {
    state: &'static str,
    count: u64,
}

/// A ring or site with its bar.
struct GroupRow<'a> {
    row: &'a Group,
    bar: Vec<Segment>,
}

/// The table by ring or by site.
struct GroupTable<'a> {
    id: &'static str,
    title: &'a str,
    column: &'a str,
    rows: Vec<GroupRow<'a>>,
}

#[derive(Template)]
#[template(path = "rollout.html")]
struct View<'a> {
    f: &'a Frame,
    s: &'a Summary,
    verdict: String,
    blocker: String,
    fleet: Vec<Segment>,
    states: Vec<StateCount>,
    first: &'a [First],
    line: Line,
    funnel: &'a [Funnel],
    groups: [GroupTable<'a>; 2],
    silent: &'a [Waiting],
    restart: &'a [Waiting],
    others: &'a [RolloutName],
}

impl<'a> View<'a> {
    fn new(f: &'a Frame, rollout: &'a Rollout) -> Self {
        let s = &rollout.summary;
        let fleet = [
            ("installed", s.installed),
            ("pending_restart", s.pending_restart),
            ("in_progress", s.in_progress),
            ("failed", s.failed),
            ("not_started", s.not_started),
            ("stale", s.stale),
            ("never_seen", s.never_seen),
            ("excluded", s.excluded),
        ];
        Self {
            f,
            s,
            verdict: verdict::verdict(f, s),
            blocker: verdict::blocker(f, s, &rollout.first),
            fleet: chart::stack(&fleet),
            states: fleet
                .into_iter()
                .map(|(state, count)| StateCount { state, count })
                .collect(),
            first: &rollout.first,
            line: progress_line(f, rollout),
            funnel: &rollout.funnel,
            groups: [
                table(
                    "ring",
                    f.t("groups.by_ring"),
                    f.t("common.ring"),
                    &rollout.rings,
                ),
                table(
                    "site",
                    f.t("groups.by_site"),
                    f.t("common.site"),
                    &rollout.sites,
                ),
            ],
            silent: &rollout.silent,
            restart: &rollout.restart,
            others: &rollout.others,
        }
    }

    fn of_failed(&self, devices: impl Borrow<u64>) -> f64 {
        chart::percent(*devices.borrow(), self.s.failed.max(*devices.borrow()))
    }

    fn of_eligible(&self, devices: impl Borrow<u64>) -> f64 {
        chart::percent(*devices.borrow(), self.s.eligible)
    }

    /// The sites with the most devices by name, and how many more there are.
    fn sites(&self, row: &First) -> String {
        let named: Vec<String> = row
            .sites
            .iter()
            .take(SITES_NAMED)
            .map(|site| crate::format::short(site, 24))
            .collect();
        let named = named.join(", ");
        match row.sites.len().saturating_sub(SITES_NAMED) {
            0 => named,
            more => i18n::fill(
                self.f.lang,
                "first.more_sites",
                &[("first", &named), ("n", &more)],
            ),
        }
    }

    fn action<'row>(&self, row: &'row First) -> &'row str {
        self.f.pick(&row.action_en, &row.action_zh)
    }
}

fn table<'a>(
    id: &'static str,
    title: &'a str,
    column: &'a str,
    groups: &'a [Group],
) -> GroupTable<'a> {
    let rows = groups
        .iter()
        .map(|row| GroupRow { row, bar: bar(row) })
        .collect();
    GroupTable {
        id,
        title,
        column,
        rows,
    }
}

fn bar(group: &Group) -> Vec<Segment> {
    chart::stack(&[
        ("installed", group.installed),
        ("pending_restart", group.pending_restart),
        ("in_progress", group.in_progress),
        ("failed", group.failed),
        ("not_started", group.not_started),
        ("stale", group.stale),
        ("never_seen", group.never_seen),
    ])
}

/// The share of installed devices per day: all rings first, then each ring.
fn progress_line(f: &Frame, rollout: &Rollout) -> Line {
    let mut days: Vec<String> = rollout
        .progress
        .iter()
        .map(|point| point.day.clone())
        .collect();
    days.sort();
    days.dedup();
    let mut rings: Vec<&str> = rollout
        .progress
        .iter()
        .map(|point| point.ring.as_str())
        .collect();
    rings.sort_unstable();
    rings.dedup();
    let series: Vec<(String, Vec<Option<f64>>)> = rings
        .into_iter()
        .map(|ring| {
            let values = days
                .iter()
                .map(|day| {
                    let point = rollout
                        .progress
                        .iter()
                        .find(|point| point.ring == ring && point.day == *day);
                    point.map(|point| chart::percent(point.installed, point.eligible))
                })
                .collect();
            let name = if ring.is_empty() {
                f.t("progress.all")
            } else {
                ring
            };
            (name.to_owned(), values)
        })
        .collect();
    let plan = plan(&rollout.summary);
    chart::line(&days, &series, plan)
}

/// The plan's line: day 0 is the start, the second value the deadline.
#[expect(clippy::cast_precision_loss, reason = "day counts are small")]
fn plan(s: &Summary) -> Option<(f64, f64)> {
    let days = crate::format::days(s.started_at.as_deref(), s.deadline_at.as_deref(), 3_660);
    (days.len() > 1).then(|| (0.0, (days.len() - 1) as f64))
}
