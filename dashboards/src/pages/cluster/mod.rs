//! `GET /clusters/{key}`: one cluster with its proof, its remedy and its devices.

pub(crate) mod load;
pub(crate) mod model;

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;

use self::model::{AtRisk, ClusterDetail, ClusterDevice, Factor};
use crate::answer;
use crate::error::Result;
use crate::format::{hours, kb, number};
use crate::frame::{Frame, Theme};
use crate::i18n;
use crate::pages::clusters::model::Cluster;
use crate::pages::evidence::Evidence;
use crate::pages::report;
use crate::server::App;

/// More rows than this are in the CSV only.
const DEVICES_SHOWN: usize = 100;

/// `GET /clusters/{key}`.
pub(crate) async fn page(
    State(app): State<App>,
    frame: Frame,
    Path(key): Path<String>,
) -> Response {
    answer::page(&frame, render(&app, &frame, &key).await)
}

/// `GET /api/v1/clusters/{key}`.
pub(crate) async fn json(State(app): State<App>, Path(key): Path<String>) -> Response {
    answer::json(load::detail(&app, &key).await.map(Json))
}

/// `GET /clusters/{key}/devices.csv`.
pub(crate) async fn csv(State(app): State<App>, frame: Frame, Path(key): Path<String>) -> Response {
    answer::csv(&frame, "cluster-devices", load::csv(&app, &key).await)
}

/// `GET /clusters/{key}/report.md`: the case report for a ticket, in the reader's language.
pub(crate) async fn report_markdown(
    State(app): State<App>,
    frame: Frame,
    Path(key): Path<String>,
) -> Response {
    report::markdown(
        &frame,
        "cluster",
        &key,
        load::case(&app, &frame, &key).await,
    )
}

/// `GET /clusters/{key}/report.html`: the same as one file to print or to send.
pub(crate) async fn report_html(
    State(app): State<App>,
    frame: Frame,
    Path(key): Path<String>,
) -> Response {
    report::html(
        &frame,
        "cluster",
        &key,
        load::case(&app, &frame, &key).await,
    )
}

async fn render(app: &App, frame: &Frame, key: &str) -> Result<String> {
    let detail = load::detail(app, key).await?;
    Ok(View::new(frame, &detail).render()?)
}

#[derive(Template)]
#[template(path = "cluster.html")]
struct View<'a> {
    f: &'a Frame,
    c: &'a Cluster,
    headline: String,
    kbs: String,
    confidence: String,
    effect_line: String,
    steps: &'a [String],
    lines: &'a [Evidence],
    factors: &'a [Factor],
    at_risk: u64,
    at_risk_devices: &'a [AtRisk],
    devices: &'a [ClusterDevice],
    more_devices: u64,
}

impl<'a> View<'a> {
    fn new(f: &'a Frame, detail: &'a ClusterDetail) -> Self {
        let c = &detail.cluster;
        let cause = f.cause(&c.cause, c.confidence);
        let culprit = crate::format::culprit(&c.culprit, 80);
        let key = match (c.open_devices, c.culprit.is_empty()) {
            (0, _) => "cluster.headline_closed",
            (_, true) => "cluster.headline",
            (_, false) => "cluster.headline_culprit",
        };
        let devices = if c.open_devices == 0 {
            c.devices
        } else {
            c.open_devices
        };
        let effect = &detail.effect;
        let effect_line = i18n::fill(
            f.lang,
            match effect.median_hours {
                _ if effect.installed_later + effect.failed_again == 0 => "cluster.no_effect",
                Some(_) => "cluster.effect_median",
                None => "cluster.effect",
            },
            &[
                ("installed", &number(effect.installed_later)),
                ("again", &number(effect.failed_again)),
                ("median", &f.span(hours(effect.median_hours))),
            ],
        );
        let shown = detail
            .devices
            .get(..DEVICES_SHOWN)
            .unwrap_or(&detail.devices);
        let kbs: Vec<String> = c
            .kb_articles
            .iter()
            .map(|article| kb(Some(*article)))
            .collect();
        Self {
            f,
            c,
            headline: i18n::fill(
                f.lang,
                key,
                &[
                    ("devices", &number(devices)),
                    ("cause", &cause),
                    ("culprit", &culprit),
                ],
            ),
            kbs: crate::format::name(&kbs.join(", ")).to_owned(),
            confidence: crate::format::ratio(c.confidence),
            effect_line,
            steps: f.pick_list(&c.actions_en, &c.actions_zh),
            lines: &detail.evidence,
            factors: &detail.factors,
            at_risk: detail.at_risk,
            at_risk_devices: &detail.at_risk_devices,
            devices: shown,
            more_devices: (detail.devices.len() - shown.len()) as u64,
        }
    }
}

impl View<'_> {
    fn more_at_risk(&self) -> u64 {
        self.at_risk - (self.at_risk_devices.len() as u64).min(self.at_risk)
    }

    /// `model=OptiPlex 7080` with the factor's name in the reader's language.
    fn shared(&self, device: &AtRisk) -> String {
        let shown: Vec<String> = device
            .factors
            .iter()
            .map(|pair| {
                let (factor, value) = pair.split_once('=').unwrap_or((pair, ""));
                format!(
                    "{} {}",
                    self.f.label("factor", factor),
                    crate::format::short(value, 40)
                )
            })
            .collect();
        shown.join(" · ")
    }
}
