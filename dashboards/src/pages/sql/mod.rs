//! `GET /sql?q=…`: one reading statement, run with the analysts' limits, as a table or CSV.

mod guard;
mod kindly;
mod load;
pub(crate) mod model;
mod relations;

use std::time::Instant;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use self::model::{Relation, Table};
use crate::answer;
use crate::error::{Error, Result};
use crate::format::number;
use crate::frame::{Frame, Theme};
use crate::i18n;
use crate::server::App;

/// Rows on the page; the CSV has all.
const ROWS_SHOWN: usize = 500;

/// Statements to start from, each with the key of its title: views only, so that they stay right.
const EXAMPLES: [(&str, &str); 8] = [
    (
        "sql.example_clusters",
        include_str!("examples/largest_clusters.sql"),
    ),
    (
        "sql.example_late",
        include_str!("examples/late_devices.sql"),
    ),
    (
        "sql.example_sites",
        include_str!("examples/failing_by_site.sql"),
    ),
    ("sql.example_codes", include_str!("examples/codes.sql")),
    (
        "sql.example_evidence",
        include_str!("examples/evidence_of_a_cause.sql"),
    ),
    (
        "sql.example_remedy",
        include_str!("examples/remedy_effect.sql"),
    ),
    (
        "sql.example_time",
        include_str!("examples/time_to_patch.sql"),
    ),
    (
        "sql.example_silent",
        include_str!("examples/silent_devices.sql"),
    ),
];

/// `GET /sql`.
pub(crate) async fn page(State(app): State<App>, frame: Frame) -> Response {
    answer::page(&frame, render(&app, &frame).await)
}

/// `GET /sql.csv`.
pub(crate) async fn csv(State(app): State<App>, frame: Frame) -> Response {
    answer::csv(&frame, "result", load::csv(&app, &frame).await)
}

/// An example and its title.
struct Example<'a> {
    title: &'a str,
    address: String,
    is_shown: bool,
}

/// Why there is no answer.
struct Refusal<'a> {
    hint: &'a str,
    message: String,
}

#[derive(Template)]
#[template(path = "sql.html")]
struct View<'a> {
    f: &'a Frame,
    sub: String,
    statement: String,
    examples: Vec<Example<'a>>,
    views: Vec<Relation>,
    tables: Vec<Relation>,
    result: Option<Table>,
    /// Rows of the answer, and what it took.
    answered: String,
    /// Rows that only the CSV has.
    hidden_rows: usize,
    refusal: Option<Refusal<'a>>,
}

async fn render(app: &App, frame: &Frame) -> Result<String> {
    let statement = frame.filter("q");
    let (mut result, mut refusal) = (None, None);
    let began = Instant::now();
    // A link on another site fills the editor; running it is left to the reader.
    if !statement.trim().is_empty() && !frame.foreign {
        match load::table(app, &statement).await {
            Ok(table) => result = Some(table),
            Err(Error::Statement { code, message }) => {
                refusal = Some(Refusal {
                    hint: frame.t(kindly::hint(code)),
                    message: kindly::message(&message),
                });
            }
            Err(other) => return Err(other),
        }
    }
    let rows = result.as_ref().map_or(0, |table| table.rows.len());
    let answered = i18n::fill(
        frame.lang,
        "sql.answered",
        &[
            ("n", &number(rows as u64)),
            (
                "ms",
                &number(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)),
            ),
        ],
    );
    if let Some(table) = &mut result {
        table.rows.truncate(ROWS_SHOWN);
    }
    let (views, tables) = load::relations(app)
        .await?
        .into_iter()
        .map(|mut relation| {
            relations::translate(&mut relation, frame.lang);
            relation
        })
        .partition(|relation| relation.is_view != 0);
    let sub = i18n::fill(
        frame.lang,
        "sql.sub",
        &[
            ("n", &number(app.config.max_rows)),
            ("t", &(app.config.store_timeout_ms / 1000)),
        ],
    );
    let examples = EXAMPLES
        .iter()
        .map(|(title, example)| Example {
            title: frame.t(title),
            address: crate::frame::address("/sql", [("q", example.trim())].into_iter()),
            is_shown: statement.trim() == example.trim(),
        })
        .collect();
    Ok(View {
        f: frame,
        sub,
        statement,
        examples,
        views,
        tables,
        answered,
        hidden_rows: rows.saturating_sub(ROWS_SHOWN),
        result,
        refusal,
    }
    .render()?)
}
