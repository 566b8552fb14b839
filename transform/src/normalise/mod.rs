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
use crate::row::RowKind;
use crate::schema;
use crate::texts::WordsBuilder;

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
    let derived = {
        let columns = EventColumns::new(&frame)?;
        let distinct = Distinct::of(&columns, knowledge);
        let rows = columns.len();
        let numbers = |name: &str| PrimitiveChunkedBuilder::<UInt32Type>::new(name.into(), rows);
        let mut error_codes = numbers(schema::ERROR_CODE);
        let mut kb_articles = numbers(schema::KB_ARTICLE);
        let mut packages = StringChunkedBuilder::new(schema::PACKAGE.into(), rows);
        let mut signals = WordsBuilder::default();
        for row in 0..rows {
            let statement = distinct.statement(row);
            let Some(record) = statement.filter(|statement| statement.kind != RowKind::Count)
            else {
                error_codes.append_option(statement.and_then(|statement| statement.error_code));
                kb_articles.append_null();
                packages.append_value("");
                signals.push("");
                continue;
            };
            let message = text(columns.message, row);
            let code = code_of(&columns, row, record);
            let said = said_by(&columns, row, record, code, knowledge);
            error_codes.append_option(code);
            kb_articles.append_option(kb_article(message));
            packages.append_value(identity::package(message).unwrap_or_default());
            signals.push(said.signal.map_or("", Signal::as_str));
        }
        [
            error_codes.finish().into_column(),
            kb_articles.finish().into_column(),
            packages.finish().into_column(),
            signals.finish(schema::SIGNAL)?,
        ]
    };
    for column in derived {
        frame.with_column(column)?;
    }
    Ok(frame)
}

/// The failing code that a row reports.
pub(crate) fn code_of(
    columns: &EventColumns<'_>,
    row: usize,
    statement: &Statement<'_>,
) -> Option<u32> {
    if statement.error_code.is_some() {
        return statement.error_code;
    }
    let fields = match statement.source {
        "event_log" => text(columns.fields, row),
        // `Error: Download failed.`: the code stands in its own column. So does one that the client
        // met on the way to a success.
        "reporting_events" if statement.is_error => {
            return error_code::in_fields(text(columns.fields, row));
        }
        _ => return None,
    };
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

/// Finds the first signal rule that the row meets. `code` is the failing code that the row reports.
pub(crate) fn said_by(
    columns: &EventColumns<'_>,
    row: usize,
    statement: &Statement<'_>,
    code: Option<u32>,
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
        if condition.holds(text(columns.message, row), text(columns.fields, row)) {
            return said(rule, code);
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
