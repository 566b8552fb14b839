//! `GET /` and `GET /rollouts/{id}`: how far, what blocks, whom it hits, what to do first.

mod cube;
pub(crate) mod load;
pub(crate) mod model;
mod verdict;

use std::borrow::Borrow;
use std::collections::BTreeSet;

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;

use self::model::{First, Funnel, Group, Rollout, RolloutName, Summary, Waiting};
use crate::answer;
use crate::chart::{self, Line, Segment};
use crate::error::Result;
use crate::frame::{Frame, Theme, address, encode};
use crate::i18n;
use crate::pages::filter::Filter;
use crate::pages::report;
use crate::paging;
use crate::server::App;

/// Sites of a cluster that are named in its row.
const SITES_NAMED: usize = 3;

/// `GET /`: the current rollout.
pub(crate) async fn newest(State(app): State<App>, frame: Frame) -> Response {
    answer::page(&frame, render(&app, &frame, "").await)
}

/// `GET /rollouts/{id}`.
pub(crate) async fn page(State(app): State<App>, frame: Frame, Path(id): Path<String>) -> Response {
    answer::page(&frame, render(&app, &frame, &id).await)
}

/// `GET /api/v1/rollouts`.
pub(crate) async fn list_json(State(app): State<App>, frame: Frame) -> Response {
    let listed = async {
        let names = load::names(&app).await?;
        let (headers, names) = paging::page(&frame, names, |name| name.rollout_id.clone())?;
        Ok((headers, Json(names)))
    };
    answer::json(listed.await)
}

/// `GET /api/v1/rollouts/{id}`.
pub(crate) async fn json(State(app): State<App>, frame: Frame, Path(id): Path<String>) -> Response {
    answer::json(load::rollout(&app, &frame, &id).await.map(Json))
}

/// `GET /rollouts/{id}/report.md`: the report for a ticket, in the reader's language.
pub(crate) async fn report_markdown(
    State(app): State<App>,
    frame: Frame,
    Path(id): Path<String>,
) -> Response {
    report::markdown(&frame, "rollout", &id, load::case(&app, &frame, &id).await)
}

/// `GET /rollouts/{id}/report.html`: the same as one file to print or to send.
pub(crate) async fn report_html(
    State(app): State<App>,
    frame: Frame,
    Path(id): Path<String>,
) -> Response {
    report::html(&frame, "rollout", &id, load::case(&app, &frame, &id).await)
}

async fn render(app: &App, frame: &Frame, id: &str) -> Result<String> {
    let rollout = load::rollout(app, frame, id).await?;
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
    plan: String,
    blocker: String,
    filters: Vec<Filter>,
    by_site: bool,
    fleet: Vec<Segment>,
    states: Vec<StateCount>,
    first: &'a [First],
    line: Line,
    funnel: &'a [Funnel],
    groups: [GroupTable<'a>; 2],
    silent: &'a [Waiting],
    restart: &'a [Waiting],
    others: &'a [RolloutName],
    active_alerts: u64,
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
            plan: verdict::plan(f, s),
            blocker: verdict::blocker(f, s, &rollout.first),
            filters: vec![
                Filter::new(f, "ring", f.t("common.ring"), &rollout.all_rings, None),
                Filter::new(f, "site", f.t("common.site"), &rollout.all_sites, None),
            ],
            by_site: f.value("by") == Some("site"),
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
            active_alerts: rollout.active_alerts,
        }
    }

    fn of_failed(&self, devices: impl Borrow<u64>) -> f64 {
        chart::percent(*devices.borrow(), self.s.failed.max(*devices.borrow()))
    }

    fn of_eligible(&self, devices: impl Borrow<u64>) -> f64 {
        chart::percent(*devices.borrow(), self.s.eligible)
    }

    /// The devices of this page, narrowed further.
    fn devices(&self, name: &str, value: &str) -> String {
        let kept = ["ring", "site"]
            .into_iter()
            .filter(|kept| *kept != name)
            .filter_map(|kept| Some((kept, self.f.value(kept)?)));
        let rollout = [("rollout", self.s.rollout_id.as_str())];
        address(
            "/devices",
            rollout.into_iter().chain(kept).chain([(name, value)]),
        )
    }

    /// The failing devices of a ring or site.
    fn failing(&self, name: &str, value: &str) -> String {
        format!("{}&state=failed", self.devices(name, value))
    }

    /// This page for one ring or site.
    fn narrowed(&self, name: &str, value: &str) -> String {
        let path = format!("/rollouts/{}", encode(&self.s.rollout_id));
        let kept = ["ring", "site", "by"]
            .into_iter()
            .filter(|kept| *kept != name)
            .filter_map(|kept| Some((kept, self.f.value(kept)?)));
        address(&path, kept.chain([(name, value)]))
    }

    /// The figures of this page for programs, which take no other parameter.
    fn source(&self) -> String {
        let narrowed = ["ring", "site"]
            .into_iter()
            .filter_map(|name| Some((name, self.f.value(name)?)));
        let path = format!("/api/v1/rollouts/{}", encode(&self.s.rollout_id));
        address(&path, narrowed)
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

/// The share of installed devices per day: all first, then each ring, or each of the largest sites.
fn progress_line(f: &Frame, rollout: &Rollout) -> Line {
    let by_site = f.value("by") == Some("site");
    let points = || {
        rollout
            .progress
            .iter()
            .filter(|point| {
                if by_site {
                    point.ring.is_empty()
                } else {
                    point.site.is_empty()
                }
            })
            .map(|point| (if by_site { &point.site } else { &point.ring }, point))
    };
    let days: BTreeSet<&String> = points().map(|(_, point)| &point.day).collect();
    let names: BTreeSet<&String> = points().map(|(name, _)| name).collect();
    let series: Vec<(String, Vec<Option<f64>>)> = names
        .into_iter()
        .map(|name| {
            let values = days
                .iter()
                .map(|day| {
                    let point = points().find(|(of, point)| *of == name && point.day == **day);
                    point.map(|(_, point)| chart::percent(point.installed, point.eligible))
                })
                .collect();
            let shown = if name.is_empty() {
                f.t("progress.all")
            } else {
                name
            };
            (shown.to_owned(), values)
        })
        .collect();
    let days: Vec<String> = days.into_iter().cloned().collect();
    chart::line(&days, &series, plan(&rollout.summary))
}

/// The plan's line: day 0 is the start, the second value the deadline.
#[expect(clippy::cast_precision_loss, reason = "day counts are small")]
fn plan(s: &Summary) -> Option<(f64, f64)> {
    let days = crate::format::days(s.started_at.as_deref(), s.deadline_at.as_deref(), 3_660);
    (days.len() > 1).then(|| (0.0, (days.len() - 1) as f64))
}
