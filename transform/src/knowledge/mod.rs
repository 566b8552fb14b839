//! What patchlens knows: codes, signals, causes and rules, compiled into the program.
//!
//! The data is in `knowledge/`: `codes.csv`, `signals.toml`, `noise.toml` and one file per cause in
//! `causes/`.
//! Adding a cause is adding a file there. A file with a mistake is refused with file and line.

mod codes;
mod compile;
mod condition;
mod expression;
mod extend_code;
mod file;
mod lookup;
mod rule;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use include_dir::{Dir, include_dir};
use patchlens_event::EventId;

use crate::{Error, Result};

pub use codes::{CodeCatalogue, CodeEntry};
pub(crate) use compile::source_bit;
pub(crate) use condition::{Condition, FieldValues, RowKind, Variables, capture};
pub use lookup::{CauseOfCode, CodeReading, ExtendReading};
pub(crate) use rule::{
    Boundary, Cause, Check, Codes, FactRule, Role, Rule, Scope, SignalRule, Standing, words,
};

static CAUSES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/knowledge/causes");
const SIGNALS: &str = include_str!("../../knowledge/signals.toml");
const NOISE: &str = include_str!("../../knowledge/noise.toml");
const CODES: &str = include_str!("../../knowledge/codes.csv");

/// Codes, signals and rules, ready to be evaluated.
#[derive(Debug)]
pub struct Knowledge {
    version: String,
    pub(crate) codes: CodeCatalogue,
    pub(crate) signals: Vec<SignalRule>,
    pub(crate) causes: Vec<Cause>,
    pub(crate) conditions: Vec<Condition>,
    /// The number of the first condition that tells noise: all behind it do.
    noise_from: usize,
    automaton: AhoCorasick,
    /// The texts that the automaton looks for, in lower case.
    pub(crate) needles: Vec<String>,
}

impl Knowledge {
    /// Compiles the knowledge that the program carries.
    ///
    /// # Errors
    /// When a knowledge file is not well formed; file and line are named.
    pub fn builtin() -> Result<Self> {
        Self::with_additions(&[])
    }

    /// Compiles the knowledge that the program carries together with an operator's own files, given
    /// by name and text: `signals.toml` (its entries are asked first), `noise.toml` (its entries are
    /// added), `codes.csv` (its rows replace those of the same code), and cause files, of which one with a known cause replaces it.
    ///
    /// # Errors
    /// When a knowledge file is not well formed; file and line are named.
    pub fn with_additions(additions: &[(String, String)]) -> Result<Self> {
        let mut files: Vec<(&str, String, &str)> = Vec::new();
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
            let stem = stem(file.path().to_str().unwrap_or_default());
            files.push((stem, name, text));
        }
        let mut signals = vec![("signals.toml", SIGNALS)];
        let mut noise = vec![("noise.toml", NOISE)];
        let mut codes = vec![("codes.csv", CODES)];
        for (name, text) in additions {
            match file_name(name) {
                "signals.toml" => signals.insert(0, (name, text)),
                "noise.toml" => noise.push((name, text)),
                "codes.csv" => codes.push((name, text)),
                _ => {
                    let own = stem(name);
                    files.retain(|(known, _, _)| *known != own);
                    files.push((own, name.clone(), text));
                }
            }
        }
        files.sort();
        let causes: Vec<(String, &str)> = files
            .into_iter()
            .map(|(_, name, text)| (name, text))
            .collect();
        Self::compile(&codes, &signals, &noise, &causes)
    }

    /// Compiles knowledge from texts: the catalogue of codes, the signals, and for each cause the
    /// file's name and text.
    ///
    /// # Errors
    /// When a text is not well formed; file and line are named.
    pub fn from_texts(codes: &str, signals: &str, causes: &[(String, &str)]) -> Result<Self> {
        Self::compile(
            &[("codes.csv", codes)],
            &[("signals.toml", signals)],
            &[],
            causes,
        )
    }

    fn compile(
        codes: &[(&str, &str)],
        signals: &[(&str, &str)],
        noise: &[(&str, &str)],
        causes: &[(String, &str)],
    ) -> Result<Self> {
        let version = version_of(
            codes
                .iter()
                .chain(signals)
                .chain(noise)
                .copied()
                .chain(causes.iter().map(|(file, text)| (file.as_str(), *text))),
        );
        let mut compiler = compile::Compiler::default();
        let mut signal_rules = Vec::new();
        for (file, text) in signals {
            let source = source_text(file, text);
            let parsed: file::SignalsFile = source.parse()?;
            for entry in &parsed.signal {
                signal_rules.push(compiler.signal(&source, entry)?);
            }
        }
        let causes = causes
            .iter()
            .map(|(file, text)| compiler.cause(&source_text(file, text)))
            .collect::<Result<_>>()?;
        let noise_from = compiler.conditions.len();
        for (file, text) in noise {
            let source = source_text(file, text);
            let parsed: file::NoiseFile = source.parse()?;
            for entry in &parsed.noise {
                compiler.noise(&source, entry)?;
            }
        }
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
        let mut catalogue = CodeCatalogue::default();
        for (file, text) in codes {
            if std::ptr::eq(*text, CODES) {
                catalogue.add(file, CODES.into(), true)?;
            } else {
                catalogue.add(file, (*text).to_owned().into(), false)?;
            }
        }
        Ok(Self {
            version,
            codes: catalogue,
            signals: signal_rules,
            causes,
            needles: compiler.needles,
            conditions: compiler.conditions,
            noise_from,
            automaton,
        })
    }

    /// Names the rules: a hash of all files, whatever folder they lie in.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The catalogue of error codes.
    pub fn codes(&self) -> &CodeCatalogue {
        &self.codes
    }

    /// The ids of all causes that have rules, in alphabetical order.
    pub fn cause_ids(&self) -> impl Iterator<Item = &str> {
        self.causes.iter().map(|cause| cause.id.as_str())
    }

    /// True for the number of a condition that is neither a signal nor noise.
    pub(crate) fn is_of_a_cause(&self, condition: usize) -> bool {
        (self.signals.len()..self.noise_from).contains(&condition)
    }

    /// True for the number of a condition that tells noise.
    pub(crate) fn is_noise(&self, condition: usize) -> bool {
        condition >= self.noise_from
    }

    /// Marks the needles that stand in a text; `found` is overwritten.
    pub(crate) fn find_needles(&self, text: &str, found: &mut Vec<bool>) {
        found.clear();
        found.resize(self.needles.len(), false);
        for hit in self.automaton.find_overlapping_iter(text) {
            if let Some(flag) = found.get_mut(hit.pattern().as_usize()) {
                *flag = true;
            }
        }
    }
}

fn version_of<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let parts: Vec<&[u8]> = files
        .flat_map(|(file, text)| [file_name(file).as_bytes(), text.as_bytes()])
        .collect();
    EventId::from_parts(&parts)
        .as_str()
        .chars()
        .take(12)
        .collect()
}

/// A file under compilation. What the program carries is held by tests and need not be checked at
/// every start.
fn source_text<'a>(file: &'a str, text: &'a str) -> compile::SourceText<'a> {
    let is_own = |own: &[u8]| std::ptr::eq(own, text.as_bytes());
    compile::SourceText {
        file,
        text,
        is_checked: is_own(SIGNALS.as_bytes())
            || is_own(NOISE.as_bytes())
            || CAUSES.files().any(|file| is_own(file.contents())),
    }
}

/// The last part of a path.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The last part of a path without `.toml`.
fn stem(path: &str) -> &str {
    let name = file_name(path);
    name.strip_suffix(".toml").unwrap_or(name)
}
