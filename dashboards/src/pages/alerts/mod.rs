//! `GET /alerts` and `GET /alerts/{id}`: what was raised, why, what it is about, and who was told.

pub(crate) mod load;
pub(crate) mod model;

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;

use self::model::{Alert, Count};
use crate::answer;
use crate::error::Result;
use crate::format::number;
use crate::frame::{Frame, Theme};
use crate::i18n;
use crate::pages::ROWS_SHOWN;
use crate::pages::filter::{Choice, Filter};
use crate::paging;
use crate::server::App;

/// `GET /alerts`.
pub(crate) async fn page(State(app): State<App>, frame: Frame) -> Response {
    answer::page(&frame, render(&app, &frame).await)
}

/// `GET /api/v1/alerts`.
pub(crate) async fn json(State(app): State<App>, frame: Frame) -> Response {
    let listed = async {
        let alerts = load::alerts(&app, &frame).await?;
        let (headers, alerts) = paging::page(&frame, alerts, |alert| alert.alert_id.clone())?;
        Ok((headers, Json(alerts)))
    };
    answer::json(listed.await)
}

/// `GET /alerts/{id}`.
pub(crate) async fn alert(
    State(app): State<App>,
    frame: Frame,
    Path(id): Path<String>,
) -> Response {
    let rendered = async {
        let alert = load::alert(&app, &id).await?;
        Ok(One {
            f: &frame,
            a: &alert,
        }
        .render()?)
    };
    answer::page(&frame, rendered.await)
}

/// `GET /api/v1/alerts/{id}`.
pub(crate) async fn alert_json(State(app): State<App>, Path(id): Path<String>) -> Response {
    answer::json(load::alert(&app, &id).await.map(Json))
}

/// The number of alerts that are active, by a fleet's counts.
pub(crate) fn active(counts: &[Count]) -> u64 {
    counts
        .iter()
        .filter(|count| count.state == "Active")
        .map(|count| count.alerts)
        .sum()
}

async fn render(app: &App, frame: &Frame) -> Result<String> {
    let (alerts, counts) = tokio::try_join!(load::alerts(app, frame), load::counts(app))?;
    let active = active(&counts);
    let all: u64 = counts.iter().map(|count| count.alerts).sum();
    let headline = i18n::fill(
        frame.lang,
        match (active, all) {
            (0, 0) => "alerts.headline_never",
            (0, _) => "alerts.headline_none",
            _ => "alerts.headline",
        },
        &[("active", &number(active)), ("all", &number(all))],
    );
    let states = load::STATES.map(str::to_owned);
    let filters = vec![
        Filter::new(
            frame,
            "state",
            frame.t("common.state"),
            &states,
            Some("alert_state"),
        ),
        rules(frame, &counts),
    ];
    Ok(List {
        f: frame,
        headline,
        alerts: alerts.get(..ROWS_SHOWN).unwrap_or(&alerts),
        filters,
    }
    .render()?)
}

/// The filter by rule: the rules' ids, shown by their titles.
fn rules(frame: &Frame, counts: &[Count]) -> Filter {
    let mut options: Vec<Choice> = Vec::new();
    for count in counts {
        if options.last().is_none_or(|last| last.value != count.rule) {
            options.push(Choice {
                value: count.rule.clone(),
                label: crate::format::short(
                    title(frame, &count.title_en, &count.title_zh, &count.rule),
                    60,
                ),
                selected: frame.value("rule") == Some(&count.rule),
            });
        }
    }
    Filter {
        name: "rule",
        label: frame.t("alerts.rule").to_owned(),
        options,
    }
}

fn title<'a>(frame: &Frame, en: &'a str, zh: &'a str, rule: &'a str) -> &'a str {
    match frame.pick(en, zh) {
        "" => rule,
        title => title,
    }
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct List<'a> {
    f: &'a Frame,
    headline: String,
    alerts: &'a [Alert],
    filters: Vec<Filter>,
}

impl List<'_> {
    fn title<'row>(&self, row: &'row Alert) -> &'row str {
        title(self.f, &row.title_en, &row.title_zh, &row.rule)
    }
}

#[derive(Template)]
#[template(path = "alert.html")]
struct One<'a> {
    f: &'a Frame,
    a: &'a Alert,
}

impl One<'_> {
    fn title(&self) -> &str {
        title(self.f, &self.a.title_en, &self.a.title_zh, &self.a.rule)
    }

    /// Both numbers of the test, where the rule makes one.
    fn test(&self) -> Option<String> {
        let expected = self.a.expected?;
        Some(i18n::fill(
            self.f.lang,
            "alerts.test",
            &[
                ("devices", &number(self.a.devices)),
                ("expected", &format!("{expected:.1}")),
                (
                    "p",
                    &self
                        .a
                        .p_value
                        .map_or_else(|| crate::format::NONE.to_owned(), crate::format::chance),
                ),
            ],
        ))
    }
}
