//! `GET /devices`: the devices behind every number, filtered as its link says.

pub(crate) mod load;
pub(crate) mod model;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::Response;

use self::load::Part;
use self::model::{DeviceRow, STATES};
use crate::answer;
use crate::error::{Error, Result};
use crate::format::number;
use crate::frame::{Frame, Theme};
use crate::pages::clusters;
use crate::pages::filter::{Choice, Filter};
use crate::pages::rollout::{self, model::RolloutName};
use crate::paging;
use crate::server::App;

/// Rows per page.
pub(crate) const PAGE_ROWS: usize = 200;

/// `GET /devices`.
pub(crate) async fn page(State(app): State<App>, frame: Frame) -> Response {
    answer::page(&frame, render(&app, &frame).await)
}

/// `GET /api/v1/devices`.
pub(crate) async fn json(State(app): State<App>, frame: Frame) -> Response {
    let answered = async {
        let page = number_of_page(&frame)?;
        let limit = paging::limit(&frame)?;
        let cursor = frame.value("cursor");
        let by_page = cursor.is_none() && (limit.is_none() || frame.value("page").is_some());
        let limit = limit.unwrap_or(PAGE_ROWS);
        if by_page {
            let part = Part::Page(page, limit);
            let (mut rows, total) = load::devices(&app, &frame, part).await?;
            rows.truncate(limit);
            return Ok((paging::headers(&frame, total, None), Json(rows)));
        }
        let device_id = cursor.unwrap_or_default();
        let part = Part::After { device_id, limit };
        let (mut rows, total) = load::devices(&app, &frame, part).await?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| has_more);
        let headers = paging::headers(&frame, total, last.map(|row| row.device_id.as_str()));
        Ok((headers, Json(rows)))
    };
    answer::json(answered.await)
}

async fn render(app: &App, frame: &Frame) -> Result<String> {
    let page = number_of_page(frame)?;
    let (mut devices, total) = load::devices(app, frame, Part::Page(page, PAGE_ROWS)).await?;
    let has_more = devices.len() > PAGE_ROWS;
    devices.truncate(PAGE_ROWS);
    let options = clusters::load::options(app).await?;
    let values = |name: &str| {
        options
            .iter()
            .filter(|option| option.name == name)
            .map(|option| option.value.clone())
            .collect::<Vec<_>>()
    };
    let states = STATES.map(str::to_owned);
    let filters = vec![
        Filter::new(
            frame,
            "state",
            frame.t("common.state"),
            &states,
            Some("state"),
        ),
        Filter::new(frame, "site", frame.t("common.site"), &values("site"), None),
        Filter::new(frame, "ring", frame.t("common.ring"), &values("ring"), None),
    ];
    let rollouts = rollout::load::names(app).await?;
    let headline = frame.fill("devices.headline", number(total));
    Ok(View {
        f: frame,
        headline,
        states_of: states_of(frame, &rollouts),
        rollouts: choices(frame, &rollouts),
        devices: &devices,
        filters,
        page,
        has_more,
    }
    .render()?)
}

/// Says which rollout the states are of; nothing without any.
fn states_of(frame: &Frame, rollouts: &[RolloutName]) -> Option<String> {
    let asked = frame.value("rollout");
    let name = match asked {
        Some(id) => rollouts
            .iter()
            .find(|rollout| rollout.rollout_id == id)
            .map_or_else(|| id.to_owned(), named),
        None => named(rollouts.first()?),
    };
    let key = if asked.is_some() {
        "devices.of_rollout"
    } else {
        "devices.of_current"
    };
    Some(frame.fill(key, crate::format::short(&name, 80)))
}

/// The rollouts behind the current one, which the empty value stands for.
fn choices(frame: &Frame, rollouts: &[RolloutName]) -> Vec<Choice> {
    let asked = frame.value("rollout");
    rollouts
        .iter()
        .map(|rollout| Choice {
            value: rollout.rollout_id.clone(),
            label: crate::format::short(named(rollout), 60),
            selected: asked == Some(rollout.rollout_id.as_str()),
        })
        .collect()
}

fn named(rollout: &RolloutName) -> String {
    format!("{} (KB{})", rollout.name, rollout.kb_article)
}

/// The page number of the address, from 1.
fn number_of_page(frame: &Frame) -> Result<u32> {
    let Some(value) = frame.value("page") else {
        return Ok(1);
    };
    match value.parse::<u32>() {
        Ok(page) if (1..=100_000).contains(&page) => Ok(page),
        _ => Err(Error::Parameter {
            name: "page",
            value: value.to_owned(),
            expected: "a whole number from 1 to 100000",
        }),
    }
}

#[derive(Template)]
#[template(path = "devices.html")]
struct View<'a> {
    f: &'a Frame,
    headline: String,
    states_of: Option<String>,
    rollouts: Vec<Choice>,
    devices: &'a [DeviceRow],
    filters: Vec<Filter>,
    page: u32,
    has_more: bool,
}
