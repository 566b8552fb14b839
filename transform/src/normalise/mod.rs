//! Adds to raw events what they say: `error_code`, `kb_article`, `package` and `signal`.

mod distinct;
mod error_code;
mod identity;
mod path;
mod setup_report;

use memchr::memmem;
use polars::prelude::*;

use crate::attempt::Signal;
use crate::columns::{EventColumns, text};
use crate::knowledge::{Boundary, Knowledge, SignalRule};
use crate::schema;

pub(crate) use distinct::{Distinct, Statement};
pub(crate) use error_code::named as named_code;
pub(crate) use identity::{kb_article, package as package_in, rollup_build};
pub use path::culprit_key;
pub(crate) use path::file_name;
pub(crate) use setup_report::setup_report;

/// Fills `error_code`, `kb_article`, `package` and `signal`.
///
/// # Input
/// A frame with the schema [`schema::update_event`].
///
/// # Output
/// The same rows in the same order and the same columns; grain: one row per event.
///
/// # Errors
/// When a column is missing or has another type.
pub fn normalise(mut frame: DataFrame, knowledge: &Knowledge) -> PolarsResult<DataFrame> {
    frame.rechunk_mut();
    let (error_codes, kb_articles, packages, signals) = {
        let columns = EventColumns::new(&frame)?;
        let distinct = Distinct::of(&columns, knowledge);
        let mut error_codes = Vec::with_capacity(columns.len());
        let mut kb_articles = Vec::with_capacity(columns.len());
        let mut packages = StringChunkedBuilder::new(schema::PACKAGE.into(), columns.len());
        let mut signals = StringChunkedBuilder::new(schema::SIGNAL.into(), columns.len());
        for row in 0..columns.len() {
            let Some(statement) = distinct
                .statement(row)
                .filter(|statement| statement.is_record)
            else {
                error_codes.push(
                    distinct
                        .statement(row)
                        .and_then(|statement| statement.error_code),
                );
                kb_articles.push(None);
                packages.append_value("");
                signals.append_value("");
                continue;
            };
            let message = text(columns.message, row);
            error_codes.push(code_of(&columns, row, statement));
            kb_articles.push(kb_article(message));
            packages.append_value(identity::package(message).unwrap_or_default());
            let said = said_by(&columns, row, statement, knowledge);
            signals.append_value(said.signal.map_or("", Signal::as_str));
        }
        let kb_articles: UInt32Chunked = kb_articles.into_iter().collect();
        let error_codes: UInt32Chunked = error_codes.into_iter().collect();
        (
            error_codes.with_name(schema::ERROR_CODE.into()),
            kb_articles.with_name(schema::KB_ARTICLE.into()),
            packages.finish(),
            signals.finish(),
        )
    };
    for column in [
        error_codes.into_column(),
        kb_articles.into_column(),
        packages.into_column(),
        signals.into_column(),
    ] {
        frame.with_column(column)?;
    }
    Ok(frame)
}

/// The failing code that a row reports.
pub(crate) fn code_of(
    columns: &EventColumns<'_>,
    row: usize,
    statement: &Statement,
) -> Option<u32> {
    if statement.error_code.is_some() {
        return statement.error_code;
    }
    let fields = text(columns.fields, row);
    match text(columns.source, row) {
        "event_log" => {}
        // `Error: Download failed.`: the code stands in its own column. So does one that the client
        // met on the way to a success.
        "reporting_events" if text(columns.level, row) == "error" => {
            return error_code::in_fields(fields);
        }
        _ => return None,
    }
    if let Some(report) = setup_report(text(columns.message, row), fields) {
        return Some(report.code);
    }
    // A plain Win32 number in an event's named values is no code in running text.
    memmem::find(fields.as_bytes(), b"rror").and_then(|_| error_code::in_fields(fields))
}

/// What a row says about an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Said {
    pub(crate) signal: Option<Signal>,
    pub(crate) is_weak: bool,
    pub(crate) boundary: Option<Boundary>,
}

/// Finds the first signal rule that the row meets.
pub(crate) fn said_by(
    columns: &EventColumns<'_>,
    row: usize,
    statement: &Statement,
    knowledge: &Knowledge,
) -> Said {
    let signals = &knowledge.signals;
    // Signals are compiled first, so their conditions have the lowest numbers.
    let hits = statement
        .hits
        .iter()
        .take_while(|hit| **hit < signals.len());
    for (rule, condition) in
        hits.filter_map(|hit| Some((signals.get(*hit)?, knowledge.conditions.get(*hit)?)))
    {
        let holds = condition.is_constant()
            || condition
                .confirm(text(columns.message, row), text(columns.fields, row))
                .is_some();
        if holds {
            return said(rule, code_of(columns, row, statement));
        }
    }
    Said::default()
}

fn said(rule: &SignalRule, code: Option<u32>) -> Said {
    let signal = if code.is_some() {
        rule.failed
    } else {
        rule.succeeded
    };
    Said {
        signal,
        is_weak: rule.is_weak,
        boundary: rule.boundary,
    }
}
