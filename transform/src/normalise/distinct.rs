//! Equal statements are judged once.
//!
//! Rows that agree in source, template, event id, component and codes are one statement. Needles
//! stand in the constant part of a message, so one representative row stands for all of them;
//! expressions over the variable part are evaluated on each row, and only where the needles hit.
//! A template covers the beginning of the first line: what has more lines, is longer, or is made of
//! named values (event log, inventory) is grouped by its whole message.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ahash::RandomState;

use super::error_code;
use crate::columns::{EventColumns, text};
use crate::knowledge::{Knowledge, RowKind, source_bit};

/// Rows grouped into statements.
#[derive(Debug)]
pub(crate) struct Distinct {
    /// For each row the index of its statement.
    pub(crate) statement_of: Vec<u32>,
    pub(crate) statements: Vec<Statement>,
}

/// One statement, judged.
#[derive(Debug)]
pub(crate) struct Statement {
    /// The failing code that it reports.
    pub(crate) error_code: Option<u32>,
    /// Conditions that its constant part meets, in ascending order.
    pub(crate) hits: Vec<usize>,
    /// Counted records have no message of their own: what they meet, they meet by their template.
    pub(crate) is_record: bool,
}

impl Distinct {
    /// Groups the rows and judges each statement.
    pub(crate) fn of(columns: &EventColumns<'_>, knowledge: &Knowledge) -> Self {
        let mut known = HashMap::with_hasher(RandomState::new());
        let mut statement_of = Vec::with_capacity(columns.len());
        let mut statements = Vec::new();
        let mut found = Vec::new();
        for row in 0..columns.len() {
            let kind = text(columns.kind, row);
            let key = (
                text(columns.source, row),
                kind,
                constant_part(columns, row),
                columns.windows_event_id.get(row),
                text(columns.component, row),
                text(columns.level, row),
                columns.codes(row),
            );
            let index = match known.entry(key) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    statements.push(judge(columns, row, kind != "count", knowledge, &mut found));
                    // Frames hold far fewer rows than u32 can count.
                    *entry.insert(u32::try_from(statements.len() - 1).unwrap_or(u32::MAX))
                }
            };
            statement_of.push(index);
        }
        Self {
            statement_of,
            statements,
        }
    }

    /// The statement that a row makes.
    pub(crate) fn statement(&self, row: usize) -> Option<&Statement> {
        let index = usize::try_from(*self.statement_of.get(row)?).ok()?;
        self.statements.get(index)
    }
}

/// Longest message of which the template is sure to tell all constant parts.
const TEMPLATE_COVERS: usize = 300;

/// The text by which a row is grouped.
fn constant_part<'a>(columns: &EventColumns<'a>, row: usize) -> &'a str {
    let message = text(columns.message, row);
    let is_whole = message.len() > TEMPLATE_COVERS
        || text(columns.source, row) == "event_log"
        || memchr::memchr(b'\n', message.as_bytes()).is_some();
    if is_whole {
        message
    } else {
        text(columns.template, row)
    }
}

fn judge(
    columns: &EventColumns<'_>,
    row: usize,
    is_record: bool,
    knowledge: &Knowledge,
    found: &mut Vec<bool>,
) -> Statement {
    let message = text(
        if is_record {
            columns.message
        } else {
            columns.template
        },
        row,
    );
    let source = text(columns.source, row);
    let codes = columns.codes(row);
    let error_code = error_code::reported(codes, message, &knowledge.codes);
    knowledge.find_needles(message, found);
    let kind = RowKind {
        source: source_bit(source).unwrap_or_default(),
        component: text(columns.component, row),
        level: text(columns.level, row),
        event_id: columns.windows_event_id.get(row),
        codes,
        error_code,
    };
    let hits = knowledge
        .conditions
        .iter()
        .enumerate()
        .filter(|(_, condition)| condition.admits(&kind, found))
        .map(|(index, _)| index)
        .collect();
    Statement {
        error_code,
        hits,
        is_record,
    }
}
