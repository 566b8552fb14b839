//! What patchlens knows: codes, signals, causes and rules, compiled into the program.
//!
//! The data is in `knowledge/`: `codes.csv`, `signals.toml` and one file per cause in `causes/`.
//! Adding a cause is adding a file there. A file with a mistake is refused with file and line.

mod codes;
mod compile;
mod condition;
mod file;
mod rule;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use include_dir::{Dir, include_dir};

use crate::{Error, Result};

pub use codes::{CodeCatalogue, CodeEntry};
pub(crate) use compile::source_bit;
pub(crate) use condition::{Condition, FieldValues, RowKind, Variables, capture};
pub(crate) use rule::{
    Boundary, Cause, Check, Codes, FactRule, Role, Rule, Scope, SignalRule, Standing, words,
};

static CAUSES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/knowledge/causes");
const SIGNALS: &str = include_str!("../../knowledge/signals.toml");
const CODES: &str = include_str!("../../knowledge/codes.csv");

/// Codes, signals and rules, ready to be evaluated.
#[derive(Debug)]
pub struct Knowledge {
    pub(crate) codes: CodeCatalogue,
    pub(crate) signals: Vec<SignalRule>,
    pub(crate) causes: Vec<Cause>,
    pub(crate) conditions: Vec<Condition>,
    automaton: AhoCorasick,
    needle_count: usize,
}

impl Knowledge {
    /// Compiles the knowledge that the program carries.
    ///
    /// # Errors
    /// When a knowledge file is not well formed; file and line are named.
    pub fn builtin() -> Result<Self> {
        let mut files: Vec<(String, &str)> = Vec::new();
        for file in CAUSES
            .files()
            .filter(|file| file.path().extension().is_some_and(|ext| ext == "toml"))
        {
            let name = format!("causes/{}", file.path().display());
            let text = file.contents_utf8().ok_or_else(|| Error::Knowledge {
                file: name.clone(),
                line: 1,
                detail: "not UTF-8".to_owned(),
            })?;
            files.push((name, text));
        }
        files.sort();
        Self::from_texts(CODES, SIGNALS, &files)
    }

    /// Compiles knowledge from texts: the catalogue of codes, the signals, and for each cause the
    /// file's name and text.
    ///
    /// # Errors
    /// When a text is not well formed; file and line are named.
    pub fn from_texts(codes: &str, signals: &str, causes: &[(String, &str)]) -> Result<Self> {
        let mut compiler = compile::Compiler::default();
        let source = compile::SourceText {
            file: "signals.toml",
            text: signals,
        };
        let parsed: file::SignalsFile = source.parse()?;
        let signals = parsed
            .signal
            .iter()
            .map(|entry| compiler.signal(&source, entry))
            .collect::<Result<_>>()?;
        let causes = causes
            .iter()
            .map(|(file, text)| compiler.cause(&compile::SourceText { file, text }))
            .collect::<Result<_>>()?;
        // Overlapping matches: a needle may lie within another.
        let automaton = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(&compiler.needles);
        let automaton = automaton.map_err(|e| Error::Knowledge {
            file: "all".to_owned(),
            line: 0,
            detail: e.to_string(),
        })?;
        Ok(Self {
            codes: CodeCatalogue::parse("codes.csv", codes)?,
            signals,
            causes,
            needle_count: compiler.needles.len(),
            conditions: compiler.conditions,
            automaton,
        })
    }

    /// The catalogue of error codes.
    pub fn codes(&self) -> &CodeCatalogue {
        &self.codes
    }

    /// The ids of all causes that have rules, in alphabetical order.
    pub fn cause_ids(&self) -> impl Iterator<Item = &str> {
        self.causes.iter().map(|cause| cause.id.as_str())
    }

    /// Marks the needles that stand in a text; `found` is overwritten.
    pub(crate) fn find_needles(&self, text: &str, found: &mut Vec<bool>) {
        found.clear();
        found.resize(self.needle_count, false);
        for hit in self.automaton.find_overlapping_iter(text) {
            if let Some(flag) = found.get_mut(hit.pattern().as_usize()) {
                *flag = true;
            }
        }
    }
}
