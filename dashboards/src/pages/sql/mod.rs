//! `GET /sql?q=…`: one reading statement, run with the analysts' limits, as a table or CSV.

mod guard;
mod load;
pub(crate) mod model;

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

/// Statements to start from: views only, so that they stay right.
const EXAMPLES: [&str; 5] = [
    include_str!("examples/largest_clusters.sql"),
    include_str!("examples/failing_by_site.sql"),
    include_str!("examples/codes_this_week.sql"),
    include_str!("examples/silent_devices.sql"),
    include_str!("examples/evidence_of_a_cause.sql"),
];

/// `GET /sql`.
pub(crate) async fn page(State(app): State<App>, frame: Frame) -> Response {
    answer::page(&frame, render(&app, &frame).await)
}

/// `GET /sql.csv`.
pub(crate) async fn csv(State(app): State<App>, frame: Frame) -> Response {
    answer::csv(&frame, "result", load::csv(&app, &frame).await)
}

/// An example and its title, which is the comment in its first line.
struct Example {
    title: &'static str,
    address: String,
}

#[derive(Template)]
#[template(path = "sql.html")]
struct View<'a> {
    f: &'a Frame,
    sub: String,
    statement: String,
    examples: Vec<Example>,
    relations: Vec<Relation>,
    result: Option<Table>,
    refusal: Option<String>,
}

async fn render(app: &App, frame: &Frame) -> Result<String> {
    let statement = frame.filter("q");
    let (mut result, mut refusal) = (None, None);
    // A link on another site fills the editor; running it is left to the reader.
    if !statement.is_empty() && !frame.foreign {
        match load::table(app, &statement).await {
            Ok(table) => result = Some(table),
            Err(Error::Statement { message }) => refusal = Some(message),
            Err(other) => return Err(other),
        }
    }
    let relations = load::relations(app).await?;
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
        .map(|example| {
            let (title, _) = example.split_once('\n').unwrap_or((example, ""));
            let pairs = [("q", example.trim())];
            Example {
                title: title.trim_start_matches("-- "),
                address: crate::frame::address("/sql", pairs.into_iter()),
            }
        })
        .collect();
    Ok(View {
        f: frame,
        sub,
        statement,
        examples,
        relations,
        result,
        refusal,
    }
    .render()?)
}
