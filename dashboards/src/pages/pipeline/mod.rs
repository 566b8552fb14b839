//! `GET /pipeline`: whether the numbers of the other pages can be trusted: lag, what arrives, what is refused.

pub(crate) mod load;
pub(crate) mod model;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::Response;

use self::model::Pipeline;
use crate::answer;
use crate::error::Result;
use crate::format::{minute, number};
use crate::frame::{Frame, Theme};
use crate::i18n;
use crate::server::App;

/// `GET /pipeline`.
pub(crate) async fn page(State(app): State<App>, frame: Frame) -> Response {
    answer::page(&frame, render(&app, &frame).await)
}

/// `GET /api/v1/pipeline`.
pub(crate) async fn json(State(app): State<App>, frame: Frame) -> Response {
    answer::json(load::pipeline(&app, &frame).await.map(Json))
}

async fn render(app: &App, frame: &Frame) -> Result<String> {
    let pipeline = load::pipeline(app, frame).await?;
    let events: u64 = pipeline.arrived.iter().map(|source| source.events).sum();
    let rejects: u64 = pipeline.rejects.iter().map(|reason| reason.rejects).sum();
    let last = pipeline
        .lag
        .iter()
        .filter_map(|lag| lag.last_ingested_at.as_deref())
        .max();
    let headline = i18n::fill(
        frame.lang,
        if rejects == 0 {
            "pipeline.headline"
        } else {
            "pipeline.headline_rejects"
        },
        &[
            ("events", &number(events)),
            ("rejects", &number(rejects)),
            ("last", &minute(last)),
        ],
    );
    Ok(View {
        f: frame,
        headline,
        p: &pipeline,
    }
    .render()?)
}

#[derive(Template)]
#[template(path = "pipeline.html")]
struct View<'a> {
    f: &'a Frame,
    headline: String,
    p: &'a Pipeline,
}
