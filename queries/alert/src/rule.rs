//! Rules as files: one TOML file is one rule. The built-in ones are in `queries/alerts/`.
//!
//! A rule is a `SELECT` on the views, thresholds that the `SELECT` names as parameters, if wanted an exact test,
//! and sentences with gaps for the columns. docs/alerts.md describes every key. Everything that can be seen
//! without a store is checked here, and refused with file and line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::sql::{self, Gap};
use crate::text::{self, Bilingual};
use crate::{Error, Result};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../alerts");

/// How bad it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look today.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Severity {
    /// As files and labels spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name, the `alertname`.
    pub name: String,
    /// The file that it came from.
    pub file: String,
    /// How bad it is.
    pub severity: Severity,
    /// Evaluations in a row that must not find it before it is resolved.
    pub resolve_after: u32,
    /// Columns that make an alert what it is.
    pub labels: Vec<String>,
    /// What it is called.
    pub title: Bilingual,
    /// What is wrong, in one line.
    pub summary: Bilingual,
    /// Why it was raised.
    pub explanation: Bilingual,
    /// Path in the dashboards.
    pub link: String,
    /// The exact test, if there is one.
    pub test: Option<Test>,
    /// Values of the parameters of the statement.
    pub thresholds: BTreeMap<String, Threshold>,
    /// The statement.
    pub sql: String,
}

impl Rule {
    /// True when the rule looks at the data up to a moment; false when it looks at the clock on the wall only.
    pub fn is_about_data(&self) -> bool {
        sql::gaps(&self.sql).iter().any(|gap| gap.name == "as_of")
    }
}

/// A row becomes an alert when so many would be too unlikely by chance.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Which chance.
    pub kind: TestKind,
    /// The largest chance that still raises an alert, times what was compared: the column `compared`, else the rows.
    pub p_value_max: f64,
}

/// The distribution of what would be seen by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestKind {
    /// `observed` of `trials`, where `reference_observed` of `reference_trials` is usual.
    Binomial,
    /// `observed` where `expected` is usual.
    Poisson,
}

/// A number or word that the statement names.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Threshold {
    /// A whole number.
    Whole(i64),
    /// A number.
    Number(f64),
    /// A word.
    Word(String),
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Word(word) => word.fmt(f),
        }
    }
}

/// A file as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Spanned<String>,
    severity: Severity,
    #[serde(default = "resolve_after")]
    resolve_after: Spanned<u32>,
    labels: Spanned<Vec<Spanned<String>>>,
    title: Texts,
    summary: Texts,
    explanation: Texts,
    #[serde(default)]
    link: Option<Spanned<String>>,
    test: Option<Spanned<Test>>,
    #[serde(default)]
    thresholds: BTreeMap<Spanned<String>, Threshold>,
    sql: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    en: Spanned<String>,
    zh: Spanned<String>,
}

fn resolve_after() -> Spanned<u32> {
    Spanned::new(0..0, 3)
}

/// Reads one rule.
///
/// # Errors
/// [`Error::Rule`] with the line of what is wrong.
pub fn parse(file: &str, text: &str) -> Result<Rule> {
    let at = |offset: usize, problem: String| Error::Rule {
        file: file.to_owned(),
        line: line_of(text, offset),
        problem,
    };
    let read: File = toml::from_str(text).map_err(|error| {
        at(
            error.span().map_or(0, |span| span.start),
            error.message().to_owned(),
        )
    })?;
    check(&read).map_err(|(offset, problem)| at(offset, problem))?;
    Ok(Rule {
        name: read.rule.into_inner(),
        file: file.to_owned(),
        severity: read.severity,
        resolve_after: read.resolve_after.into_inner(),
        labels: read
            .labels
            .into_inner()
            .into_iter()
            .map(Spanned::into_inner)
            .collect(),
        title: read.title.into(),
        summary: read.summary.into(),
        explanation: read.explanation.into(),
        link: read.link.map(Spanned::into_inner).unwrap_or_default(),
        test: read.test.map(Spanned::into_inner),
        thresholds: read
            .thresholds
            .into_iter()
            .map(|(name, value)| (name.into_inner(), value))
            .collect(),
        sql: read
            .sql
            .into_inner()
            .trim()
            .trim_end_matches(';')
            .to_owned(),
    })
}

impl From<Texts> for Bilingual {
    fn from(texts: Texts) -> Self {
        Self {
            en: texts.en.into_inner(),
            zh: texts.zh.into_inner(),
        }
    }
}

/// What is wrong, and where: an offset in the file.
type Problem = (usize, String);

fn check(file: &File) -> std::result::Result<(), Problem> {
    let name = file.rule.get_ref();
    let words = name.split('-').all(|word| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    });
    if !words || name.len() > 60 {
        return Err((
            file.rule.span().start,
            format!(
                "rule is {name:?}; expected lower-case words joined by hyphens, such as error-code-spike"
            ),
        ));
    }
    if *file.resolve_after.get_ref() == 0 || *file.resolve_after.get_ref() > 10_000 {
        return Err((
            file.resolve_after.span().start,
            "resolve_after must lie between 1 and 10000".to_owned(),
        ));
    }
    for label in file.labels.get_ref() {
        let name = label.get_ref();
        let well_formed = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if !well_formed || matches!(name.as_str(), "alertname" | "severity") {
            return Err((
                label.span().start,
                format!(
                    "{name:?} cannot be a label; expected a column in lower case other than alertname and severity"
                ),
            ));
        }
    }
    if let Some(test) = &file.test {
        let chance = test.get_ref().p_value_max;
        if !(chance > 0.0 && chance < 1.0) {
            return Err((
                test.span().start,
                format!("p_value_max is {chance}; it must lie between 0 and 1"),
            ));
        }
    }
    let texts = [&file.title, &file.summary, &file.explanation];
    let texts = texts
        .into_iter()
        .flat_map(|texts| [&texts.en, &texts.zh])
        .chain(&file.link);
    for sentence in texts {
        if let Some(problem) = text::problem(sentence.get_ref()) {
            return Err((
                sentence.span().start,
                format!("{:?} {problem}", sentence.get_ref()),
            ));
        }
    }
    check_statement(file)
}

fn check_statement(file: &File) -> std::result::Result<(), Problem> {
    let statement = file.sql.get_ref();
    let start = file.sql.span().start;
    // A text in triple quotes begins behind them, and behind the line end that follows them.
    let at = |offset: usize| start + 4 + offset;
    sql::check(statement).map_err(|(offset, problem)| (at(offset), problem))?;
    let mut used = BTreeSet::new();
    for Gap { name, offset } in sql::gaps(statement) {
        let known = matches!(name, "as_of" | "now")
            || file.thresholds.keys().any(|key| key.get_ref() == name);
        if !known {
            return Err((
                at(offset),
                format!(
                    "the statement has the parameter {name:?}, which is neither as_of, now, nor in [thresholds]"
                ),
            ));
        }
        used.insert(name);
    }
    for key in file.thresholds.keys() {
        if !used.contains(key.get_ref().as_str()) {
            return Err((
                key.span().start,
                format!(
                    "the threshold {:?} is not used by the statement",
                    key.get_ref()
                ),
            ));
        }
    }
    if !used.contains("as_of") && !used.contains("now") {
        return Err((start, "the statement names neither {as_of:DateTime64(6, 'UTC')} nor {now:DateTime64(6, 'UTC')}: a back-test would say the same for every time".to_owned()));
    }
    Ok(())
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text
        .as_bytes()
        .get(..offset.min(text.len()))
        .unwrap_or_default();
    before.split(|byte| *byte == b'\n').count()
}

/// Returns the rules of this program, and those of an operator's directory; a rule there takes the place of a
/// built-in one with the same name.
///
/// # Errors
/// When a file cannot be read, is no rule, or two files of the directory name the same rule.
pub fn load(directory: Option<&Path>) -> Result<Vec<Rule>> {
    let mut rules = BTreeMap::new();
    for file in BUILT_IN.files() {
        let name = file.path().display().to_string();
        let Some(text) = file.contents_utf8().filter(|_| has_toml(file.path())) else {
            continue;
        };
        let rule = parse(&format!("queries/alerts/{name}"), text)?;
        rules.insert(rule.name.clone(), rule);
    }
    let Some(directory) = directory else {
        return Ok(rules.into_values().collect());
    };
    let read_error = |path: &Path, source| Error::Read {
        path: path.display().to_string(),
        source,
    };
    let entries = std::fs::read_dir(directory).map_err(|error| read_error(directory, error))?;
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| has_toml(path))
        .collect();
    paths.sort();
    let mut own: BTreeMap<String, String> = BTreeMap::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(|error| read_error(&path, error))?;
        let file = path.display().to_string();
        let rule = parse(&file, &text)?;
        if let Some(other) = own.insert(rule.name.clone(), file.clone()) {
            let problem = format!("the rule {:?} is in {other} as well", rule.name);
            return Err(Error::Rule {
                file,
                line: 1,
                problem,
            });
        }
        rules.insert(rule.name.clone(), rule);
    }
    Ok(rules.into_values().collect())
}

fn has_toml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "toml")
}

#[cfg(test)]
mod tests;
