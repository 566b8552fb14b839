//! Regular expressions that are compiled when they are first asked for.
//!
//! The rules hold some hundred expressions and a device's logs need a handful: to compile all takes
//! forty milliseconds, nine tenths of a start.

use std::sync::OnceLock;

use regex::Regex;

/// A regular expression.
#[derive(Debug)]
pub(crate) struct Expression {
    pattern: String,
    /// `None` for a text that is none: then nothing matches it.
    compiled: OnceLock<Option<Regex>>,
}

impl Expression {
    /// Compiles the expression now, to refuse a text that is none.
    pub(super) fn checked(pattern: String) -> std::result::Result<Self, regex::Error> {
        let compiled = Regex::new(&pattern)?;
        Ok(Self {
            pattern,
            compiled: OnceLock::from(Some(compiled)),
        })
    }

    /// An expression of the program's own files, which a test compiles.
    pub(super) fn trusted(pattern: String) -> Self {
        Self {
            pattern,
            compiled: OnceLock::new(),
        }
    }

    pub(crate) fn regex(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| Regex::new(&self.pattern).ok())
            .as_ref()
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.pattern
    }
}

#[cfg(test)]
mod tests {
    use super::Expression;
    use crate::knowledge::Knowledge;

    #[test]
    fn every_expression_that_the_program_carries_is_well_formed() {
        let knowledge = Knowledge::builtin().unwrap();
        let of_conditions = knowledge.conditions.iter().flat_map(|condition| {
            let values = condition.fields.iter().map(|(_, value)| value);
            values.chain(&condition.regex).chain(&condition.no_regex)
        });
        let rules = knowledge.causes.iter().flat_map(|cause| &cause.rules);
        let of_facts = rules
            .flat_map(|rule| &rule.facts)
            .flat_map(|fact| std::iter::once(&fact.name).chain(&fact.value));
        let all: Vec<&Expression> = of_conditions.chain(of_facts).collect();
        assert!(all.len() > 100, "{} expressions", all.len());
        for expression in all {
            assert!(expression.regex().is_some(), "{}", expression.as_str());
        }
    }

    #[test]
    fn a_text_that_is_none_is_refused_or_matches_nothing() {
        assert!(Expression::checked("(".to_owned()).is_err());
        assert!(!Expression::trusted("(".to_owned()).is_match("("));
    }
}
