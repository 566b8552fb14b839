//! Equal statements are judged once.
//!
//! Rows that agree in source, template, event id, component and codes are one statement. Needles
//! stand in the constant part of a message, so one representative row stands for all of them;
//! expressions over the variable part are evaluated on each row, and only where the needles hit.
//! A template covers the beginning of the first line: what has more lines, is longer, or is made of
//! named values (event log, inventory) is grouped by its whole message.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};

use polars::prelude::PlRandomState;

use super::error_code;
use crate::columns::{EventColumns, text};
use crate::knowledge::{Knowledge, RowKind, source_bit};
use crate::row;
use crate::texts::equal;

/// Rows grouped into statements.
#[derive(Debug)]
pub(crate) struct Distinct<'a> {
    /// For each row the index of its statement.
    statement_of: Vec<u32>,
    statements: Vec<Statement<'a>>,
}

/// One statement, judged. What it says here, all its rows say.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    pub(crate) source: &'a str,
    pub(crate) kind: row::RowKind,
    pub(crate) template: &'a str,
    /// The log itself calls it an error.
    pub(crate) is_error: bool,
    /// The failing code that it reports.
    pub(crate) error_code: Option<u32>,
    /// Conditions that its constant part meets, in ascending order. Counted records have no message of
    /// their own: what they meet, they meet by their template.
    pub(crate) hits: Vec<usize>,
    /// The same number for statements of the same source and template.
    pub(crate) wording: u32,
}

impl<'a> Distinct<'a> {
    /// Groups the rows and judges each statement.
    pub(crate) fn of(columns: &'a EventColumns<'a>, knowledge: &Knowledge) -> Self {
        let mut known: HashMap<Key<'a>, u32, PlRandomState> = HashMap::default();
        let mut wordings: HashMap<(&str, &str), u32, PlRandomState> = HashMap::default();
        let mut statement_of = Vec::with_capacity(columns.len());
        let mut statements = Vec::new();
        let mut found = Vec::new();
        for row in 0..columns.len() {
            let index = match known.entry(Key::of(columns, row)) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    let next = number(wordings.len());
                    let key = entry.key();
                    let wording = *wordings.entry((key.source, key.template)).or_insert(next);
                    statements.push(judge(columns, row, key, wording, knowledge, &mut found));
                    *entry.insert(number(statements.len() - 1))
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
    pub(crate) fn statement(&self, row: usize) -> Option<&Statement<'a>> {
        let index = usize::try_from(*self.statement_of.get(row)?).ok()?;
        self.statements.get(index)
    }
}

/// Frames hold far fewer rows than u32 can count.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// By what rows are grouped.
#[derive(Eq)]
struct Key<'a> {
    template: &'a str,
    /// The message, where the template does not tell all of its constant parts.
    whole: &'a str,
    event_id: Option<u32>,
    codes: &'a [u32],
    component: &'a str,
    source: &'a str,
    kind: &'a str,
    level: &'a str,
}

impl PartialEq for Key<'_> {
    /// What tells most apart is compared first.
    fn eq(&self, other: &Self) -> bool {
        equal(self.template, other.template)
            && equal(self.whole, other.whole)
            && self.event_id == other.event_id
            && self.codes.iter().eq(other.codes)
            && equal(self.component, other.component)
            && equal(self.source, other.source)
            && equal(self.kind, other.kind)
            && equal(self.level, other.level)
    }
}

impl Hash for Key<'_> {
    /// Source, kind and level are closed sets, and a template hardly ever comes with two of one: to
    /// compare them costs less than to hash them.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.template.as_bytes());
        if !self.whole.is_empty() {
            state.write(self.whole.as_bytes());
        }
        state.write(self.component.as_bytes());
        state.write_u32(self.event_id.unwrap_or_default());
        for code in self.codes {
            state.write_u32(*code);
        }
    }
}

/// Longest message of which the template is sure to tell all constant parts.
const TEMPLATE_COVERS: usize = 300;

impl<'a> Key<'a> {
    fn of(columns: &'a EventColumns<'a>, row: usize) -> Self {
        let message = text(columns.message, row);
        let source = text(columns.source, row);
        let is_whole = message.len() > TEMPLATE_COVERS
            || source == "event_log"
            || memchr::memchr(b'\n', message.as_bytes()).is_some();
        Self {
            template: text(columns.template, row),
            whole: if is_whole { message } else { "" },
            event_id: columns.windows_event_id.get(row),
            codes: columns.codes(row),
            component: text(columns.component, row),
            source,
            kind: text(columns.kind, row),
            level: text(columns.level, row),
        }
    }
}

fn judge<'a>(
    columns: &'a EventColumns<'a>,
    row: usize,
    key: &Key<'a>,
    wording: u32,
    knowledge: &Knowledge,
    found: &mut Vec<bool>,
) -> Statement<'a> {
    let kind = row::RowKind::of(key.kind, key.source);
    let message = match kind {
        row::RowKind::Count => key.template,
        _ => text(columns.message, row),
    };
    let error_code = error_code::reported(key.codes, message, &knowledge.codes);
    knowledge.find_needles(message, found);
    let asked = RowKind {
        source: source_bit(key.source).unwrap_or_default(),
        component: key.component,
        level: key.level,
        event_id: key.event_id,
        codes: key.codes,
        error_code,
    };
    let hits = knowledge
        .conditions
        .iter()
        .enumerate()
        .filter(|(_, condition)| condition.admits(&asked, found))
        .map(|(index, _)| index)
        .collect();
    Statement {
        source: key.source,
        kind,
        template: key.template,
        is_error: key.level == "error",
        error_code,
        hits,
        wording,
    }
}
