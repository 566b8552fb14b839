//! One compiled condition over a record: a cheap test on the distinct row, an exact one on the row.

use std::collections::BTreeMap;

use super::expression::Expression;
use super::rule::Codes;

/// What the distinct row says, as far as conditions ask for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowKind<'a> {
    pub(crate) source: u16,
    pub(crate) component: &'a str,
    pub(crate) level: &'a str,
    pub(crate) event_id: Option<u32>,
    pub(crate) codes: &'a [u32],
    pub(crate) error_code: Option<u32>,
}

/// Values that an expression captured, by group name.
pub(crate) type Variables = BTreeMap<String, String>;

/// A condition over one record.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    /// Bit set over [`patchlens_event::Source::ALL`]; 0 = any.
    pub(crate) sources: u16,
    pub(crate) components: Vec<String>,
    pub(crate) event_ids: Vec<u32>,
    pub(crate) levels: Vec<String>,
    pub(crate) codes: Codes,
    pub(crate) failing: bool,
    /// Indices into the automaton's patterns.
    pub(crate) needles: Vec<usize>,
    pub(crate) any_needle: Vec<usize>,
    pub(crate) no_needle: Vec<usize>,
    pub(crate) regex: Option<Expression>,
    pub(crate) no_regex: Option<Expression>,
    pub(crate) fields: Vec<(String, Expression)>,
}

impl Condition {
    /// Tests everything but the variable parts of the record. `found` has one flag per needle.
    pub(crate) fn admits(&self, row: &RowKind<'_>, found: &[bool]) -> bool {
        let has = |index: &usize| found.get(*index).copied().unwrap_or(false);
        (self.sources == 0 || self.sources & row.source != 0)
            && (self.event_ids.is_empty()
                || row.event_id.is_some_and(|id| self.event_ids.contains(&id)))
            && (!self.failing || row.error_code.is_some())
            && (self.codes.is_empty()
                || row
                    .error_code
                    .iter()
                    .chain(row.codes)
                    .any(|code| self.codes.contains(*code)))
            && (self.levels.is_empty() || self.levels.iter().any(|level| level == row.level))
            && (self.components.is_empty()
                || self
                    .components
                    .iter()
                    .any(|component| component.eq_ignore_ascii_case(row.component)))
            && self.needles.iter().all(has)
            && (self.any_needle.is_empty() || self.any_needle.iter().any(has))
            && !self.no_needle.iter().any(has)
    }

    /// What the condition asks for, in words; `needles` are those of the automaton.
    pub(crate) fn in_words(&self, needles: &[String]) -> String {
        let quoted = |indices: &[usize]| -> Vec<String> {
            let found = indices.iter().filter_map(|index| needles.get(*index));
            found.map(|needle| format!("\"{needle}\"")).collect()
        };
        let mut words = vec![super::compile::source_names(self.sources).join(" or ")];
        if !self.components.is_empty() {
            words.push(self.components.join(" or "));
        }
        if !self.event_ids.is_empty() {
            let ids: Vec<String> = self.event_ids.iter().map(u32::to_string).collect();
            words.push(format!("event {}", ids.join(" or ")));
        }
        if !self.needles.is_empty() {
            words.push(format!("with {}", quoted(&self.needles).join(" and ")));
        }
        if !self.any_needle.is_empty() {
            words.push(format!("with {}", quoted(&self.any_needle).join(" or ")));
        }
        if !self.codes.is_empty() {
            words.push(format!("with code {}", self.codes.in_words()));
        }
        if self.failing {
            words.push("with a failing code".to_owned());
        }
        if let Some(regex) = &self.regex {
            words.push(format!("matching {}", regex.as_str()));
        }
        for (name, regex) in &self.fields {
            words.push(format!("{name} matching {}", regex.as_str()));
        }
        words.retain(|word| !word.is_empty());
        words.join(", ")
    }

    /// True when it asks for certain words or a certain event, and not for any line with a code.
    pub(crate) fn is_specific(&self) -> bool {
        !self.needles.is_empty()
            || !self.any_needle.is_empty()
            || !self.event_ids.is_empty()
            || !self.fields.is_empty()
            || self.codes.is_empty()
    }

    /// As [`Self::confirm`], for those who do not ask what was captured.
    pub(crate) fn holds(&self, message: &str, fields: &str) -> bool {
        let is_met = |regex: &Expression| regex.is_match(message);
        if self.no_regex.as_ref().is_some_and(is_met)
            || self.regex.as_ref().is_some_and(|regex| !is_met(regex))
        {
            return false;
        }
        if self.fields.is_empty() {
            return true;
        }
        let stated = FieldValues::parse(fields);
        self.fields
            .iter()
            .all(|(name, regex)| stated.get(name).is_some_and(|value| regex.is_match(value)))
    }

    /// Tests the variable parts: the message against the expression, the named values against
    /// theirs. Returns what the named groups captured.
    pub(crate) fn confirm(&self, message: &str, fields: &str) -> Option<Variables> {
        let mut variables = Variables::new();
        if self
            .no_regex
            .as_ref()
            .is_some_and(|regex| regex.is_match(message))
        {
            return None;
        }
        if let Some(regex) = &self.regex {
            capture(regex, message, &mut variables)?;
        }
        if !self.fields.is_empty() {
            let fields = FieldValues::parse(fields);
            for (name, regex) in &self.fields {
                capture(regex, fields.get(name)?, &mut variables)?;
            }
        }
        Some(variables)
    }
}

/// Matches, and collects the named groups that took part.
pub(crate) fn capture(
    expression: &Expression,
    text: &str,
    variables: &mut Variables,
) -> Option<()> {
    let regex = expression.regex()?;
    let captures = regex.captures(text)?;
    for name in regex.capture_names().flatten() {
        if let Some(value) = captures.name(name) {
            // `culprit_a` and `culprit_b` are alternatives for one variable: groups cannot share a name.
            let name = name
                .strip_suffix("_a")
                .or_else(|| name.strip_suffix("_b"))
                .or_else(|| name.strip_suffix("_c"))
                .unwrap_or(name);
            // A sentence's full stop is no part of a name.
            variables.insert(
                name.to_owned(),
                value.as_str().trim().trim_end_matches('.').to_owned(),
            );
        }
    }
    Some(())
}

/// The named values of a record. Names are compared without case, spaces and underscores, because
/// `Process Name`, `process_name` and `ProcessName` are one name in three exports.
#[derive(Debug, Default)]
pub(crate) struct FieldValues(BTreeMap<String, String>);

impl FieldValues {
    pub(crate) fn parse(json: &str) -> Self {
        let values: BTreeMap<String, String> = serde_json::from_str(json).unwrap_or_default();
        Self(
            values
                .into_iter()
                .map(|(name, value)| (normal_name(&name), value))
                .collect(),
        )
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&normal_name(name)).map(String::as_str)
    }
}

fn normal_name(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, ' ' | '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}
