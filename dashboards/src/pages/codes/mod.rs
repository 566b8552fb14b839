//! `GET /codes`: this fleet's error codes, with what each stood for and how many devices reported it.

pub(crate) mod load;
pub(crate) mod model;
mod search;

use std::borrow::Borrow;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::Response;

use self::model::CodeRow;
use crate::answer;
use crate::error::Result;
use crate::format::number;
use crate::frame::{Frame, Theme};
use crate::pages::ROWS_SHOWN;
use crate::paging;
use crate::server::App;

/// `GET /codes`.
pub(crate) async fn page(State(app): State<App>, frame: Frame) -> Response {
    answer::page(&frame, render(&app, &frame).await)
}

/// `GET /api/v1/codes`.
pub(crate) async fn json(State(app): State<App>, frame: Frame) -> Response {
    let listed = async {
        let codes = load::codes(&app, &frame).await?;
        let (headers, codes) = paging::page(&frame, codes, |code| code.error_code)?;
        Ok((headers, Json(codes)))
    };
    answer::json(listed.await)
}

async fn render(app: &App, frame: &Frame) -> Result<String> {
    let codes = load::codes(app, frame).await?;
    let headline = frame.fill("codes.headline", number(codes.len() as u64));
    let most = codes.iter().map(|code| code.devices).max().unwrap_or(0);
    Ok(View {
        f: frame,
        headline,
        codes: codes.get(..ROWS_SHOWN).unwrap_or(&codes),
        most,
    }
    .render()?)
}

#[derive(Template)]
#[template(path = "codes.html")]
struct View<'a> {
    f: &'a Frame,
    headline: String,
    codes: &'a [CodeRow],
    most: u64,
}

impl View<'_> {
    fn of_most(&self, devices: impl Borrow<u64>) -> f64 {
        crate::chart::percent(*devices.borrow(), self.most)
    }

    fn daily_label(&self, row: &CodeRow) -> String {
        let counts: Vec<String> = row.daily.iter().map(u64::to_string).collect();
        self.f.fill("codes.daily_label", counts.join(", "))
    }
}
