//! Knowledge files become rules: checked once, with the line of every mistake.

use std::collections::BTreeSet;
use std::ops::Range;

use patchlens_event::{Hresult, Source};
use serde::de::DeserializeOwned;
use toml::Spanned;

use super::condition::Condition;
use super::expression::Expression;
use super::file::{
    CauseFile, ConditionEntry, EvidenceEntry, FactEntry, NoiseEntry, RuleEntry, SignalEntry,
};
use super::rule::{
    Boundary, Cause, Check, Codes, EvidenceRule, FactRule, Role, Rule, Scope, SignalRule, Standing,
};
use crate::attempt::{Phase, Signal};
use crate::{Error, Result};

/// Stands in expressions for [`FILE`].
const FILE_MARK: &str = "{culprit_file}";
/// Captures as culprit the path of one file, in every spelling that Windows logs use: with a drive,
/// `\\?\`, `\??\`, `\SystemRoot\`, `\Device\HarddiskVolume3\`, `%SystemRoot%\`.
const FILE: &str = r#"(?i:(?P<culprit>(?:(?:\\\\[?.]\\|\\\?\?\\)?(?:[a-z]:|GLOBALROOT\\Device\\\w+)\\|\\(?:SystemRoot|Device\\\w+)\\|%[a-z]\w*%\\)(?:[^"<>|*?\r\n\[\]()]|\(x86\))+?\.[a-z][a-z0-9]{1,4})(?:[^a-z0-9_\\.-]|\.(?:[^a-z0-9]|$)|$))"#;

/// Collects the conditions and needles of all files, and knows where each file's lines are.
#[derive(Debug, Default)]
pub(super) struct Compiler {
    pub(super) conditions: Vec<Condition>,
    pub(super) needles: Vec<String>,
}

/// A file under compilation.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceText<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    /// Its expressions are known to be well formed.
    pub(super) is_checked: bool,
}

impl SourceText<'_> {
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        toml::from_str(self.text)
            .map_err(|e| self.refuse(e.span().unwrap_or_default(), e.message()))
    }

    fn refuse(&self, span: Range<usize>, detail: impl Into<String>) -> Error {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before).count().saturating_add(1);
        Error::Knowledge {
            file: self.file.to_owned(),
            line,
            detail: detail.into(),
        }
    }

    fn regex(&self, text: &Spanned<String>, anchored: bool) -> Result<Expression> {
        let pattern = if anchored {
            format!("(?i)^(?:{})$", text.as_ref())
        } else {
            text.as_ref().replace(FILE_MARK, FILE)
        };
        if self.is_checked {
            return Ok(Expression::trusted(pattern));
        }
        Expression::checked(pattern)
            .map_err(|e| self.refuse(text.span(), format!("not a regular expression: {e}")))
    }

    fn code(&self, text: &Spanned<String>) -> Result<u32> {
        Hresult::parse(text.as_ref())
            .map(|code| code.0)
            .map_err(|e| self.refuse(text.span(), e.to_string()))
    }

    /// Reads `0x80070005` and `0xc8000100-0xc80003ff`.
    fn codes(&self, texts: &[Spanned<String>]) -> Result<Codes> {
        let read = |text: &Spanned<String>| {
            let (first, last) = text.as_ref().split_once("-0x").map_or(
                (text.as_ref().clone(), text.as_ref().clone()),
                |(first, last)| (first.to_owned(), format!("0x{last}")),
            );
            let code = |part: &str| {
                Hresult::parse(part)
                    .map(|code| code.0)
                    .map_err(|e| self.refuse(text.span(), e.to_string()))
            };
            Ok(code(&first)?..=code(&last)?)
        };
        texts.iter().map(read).collect::<Result<_>>().map(Codes)
    }

    fn word<T>(
        &self,
        text: &Spanned<String>,
        what: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        parse(text.as_ref()).ok_or_else(|| {
            self.refuse(
                text.span(),
                format!("{:?} is not a known {what}", text.as_ref()),
            )
        })
    }

    fn share(&self, value: &Spanned<f64>) -> Result<f64> {
        let number = *value.as_ref();
        if number > 0.0 && number <= 1.0 {
            Ok(number)
        } else {
            Err(self.refuse(value.span(), "confidence must lie above 0 and not above 1"))
        }
    }
}

impl Compiler {
    fn needle(&mut self, text: &str) -> usize {
        let lower = text.to_ascii_lowercase();
        if let Some(index) = self.needles.iter().position(|known| *known == lower) {
            return index;
        }
        self.needles.push(lower);
        self.needles.len() - 1
    }

    fn condition(&mut self, source: &SourceText<'_>, entry: ConditionEntry<'_>) -> Result<usize> {
        let mut sources = 0;
        for name in entry.source {
            sources |= source.word(name, "source", source_bit)?;
        }
        let fields = entry
            .fields
            .iter()
            .map(|(name, value)| Ok((name.clone(), source.regex(value, false)?)))
            .collect::<Result<_>>()?;
        let condition = Condition {
            sources,
            components: entry.component.to_vec(),
            event_ids: entry.event_id.to_vec(),
            levels: entry.level.to_vec(),
            codes: source.codes(entry.with_code)?,
            failing: entry.failing,
            needles: entry.needles.iter().map(|text| self.needle(text)).collect(),
            any_needle: entry
                .any_needle
                .iter()
                .map(|text| self.needle(text))
                .collect(),
            no_needle: entry
                .no_needle
                .iter()
                .map(|text| self.needle(text))
                .collect(),
            regex: entry
                .regex
                .map(|text| source.regex(text, false))
                .transpose()?,
            no_regex: entry
                .no_regex
                .map(|text| source.regex(text, false))
                .transpose()?,
            fields,
        };
        self.conditions.push(condition);
        Ok(self.conditions.len() - 1)
    }

    pub(super) fn signal(
        &mut self,
        source: &SourceText<'_>,
        entry: &SignalEntry,
    ) -> Result<SignalRule> {
        let signal = |text: &Option<Spanned<String>>| {
            text.as_ref()
                .map(|text| source.word(text, "signal", Signal::parse))
                .transpose()
        };
        let always = signal(&entry.signal)?;
        let boundary = entry
            .boundary
            .as_ref()
            .map(|text| source.word(text, "boundary (start, end or none)", Boundary::parse))
            .transpose()?;
        // Signals are compiled before everything else: the number of the signal is that of its condition.
        self.condition(source, entry.condition())?;
        Ok(SignalRule {
            succeeded: signal(&entry.succeeded)?.or(always),
            failed: signal(&entry.failed)?.or(always),
            is_weak: entry.weak,
            boundary,
        })
    }

    /// Compiled last: every condition from the first of them on tells noise.
    pub(super) fn noise(&mut self, source: &SourceText<'_>, entry: &NoiseEntry) -> Result<()> {
        self.condition(source, entry.condition()).map(drop)
    }

    pub(super) fn cause(&mut self, source: &SourceText<'_>) -> Result<Cause> {
        let file: CauseFile = source.parse()?;
        let stem = super::stem(source.file);
        if file.cause.as_ref() != stem {
            return Err(source.refuse(
                file.cause.span(),
                format!("the cause must have the file's name, {stem}"),
            ));
        }
        if file.actions_en.len() != file.actions_zh.len() {
            let span = file
                .actions_zh
                .first()
                .map_or_else(|| file.cause.span(), Spanned::span);
            return Err(source.refuse(
                span,
                "actions_en and actions_zh must have the same number of steps",
            ));
        }
        let mut ids = BTreeSet::new();
        if let Some(again) = file
            .rule
            .iter()
            .find(|entry| !ids.insert(entry.id.as_ref()))
        {
            return Err(source.refuse(
                again.id.span(),
                format!("the rule id {:?} stands twice", again.id.as_ref()),
            ));
        }
        let rules = file
            .rule
            .iter()
            .map(|entry| self.rule(source, entry))
            .collect::<Result<_>>()?;
        let plain =
            |texts: Vec<Spanned<String>>| texts.into_iter().map(Spanned::into_inner).collect();
        Ok(Cause {
            id: file.cause.into_inner(),
            alert_subtype: file.alert_subtype,
            summary_en: file.summary_en.into_inner(),
            summary_zh: file.summary_zh.into_inner(),
            actions_en: plain(file.actions_en),
            actions_zh: plain(file.actions_zh),
            explains: plain(file.explains),
            rules,
        })
    }

    fn rule(&mut self, source: &SourceText<'_>, entry: &RuleEntry) -> Result<Rule> {
        let standing = entry
            .standing
            .as_ref()
            .map(|text| source.word(text, "standing (never, excerpt or always)", Standing::parse))
            .transpose()?;
        let check = entry
            .check
            .as_ref()
            .map(|text| source.word(text, "check", Check::parse))
            .transpose()?;
        let phases = entry
            .phases
            .iter()
            .map(|text| source.word(text, "phase", Phase::parse))
            .collect::<Result<_>>()?;
        let operations = entry.extend_operations.iter().map(|text| {
            source.word(text, "operation (two hexadecimal digits, or *)", |word| {
                if word == "*" {
                    Some(None)
                } else {
                    u32::from_str_radix(word, 16).ok().map(Some)
                }
            })
        });
        let rule = Rule {
            id: entry.id.as_ref().clone(),
            confidence: source.share(&entry.confidence)?,
            standing: standing.unwrap_or(Standing::Never),
            phases,
            codes: source.codes(&entry.codes)?,
            codes_within: source.codes(&entry.codes_within)?,
            inner_code: entry
                .inner_code
                .as_ref()
                .map(|text| source.code(text))
                .transpose()?,
            extend_operations: operations.collect::<Result<_>>()?,
            check,
            culprit: entry.culprit.clone(),
            evidence: entry
                .evidence
                .iter()
                .map(|evidence| self.evidence(source, evidence))
                .collect::<Result<_>>()?,
            facts: entry
                .fact
                .iter()
                .map(|fact| compile_fact(source, fact))
                .collect::<Result<_>>()?,
        };
        if !rule.asks_for_something() {
            return Err(source.refuse(
                entry.id.span(),
                "the rule asks for nothing: it would hold for every failed attempt",
            ));
        }
        Ok(rule)
    }

    fn evidence(&mut self, source: &SourceText<'_>, entry: &EvidenceEntry) -> Result<EvidenceRule> {
        let role = entry
            .role
            .as_ref()
            .map(|text| source.word(text, "role", Role::parse))
            .transpose()?;
        let scope = entry
            .scope
            .as_ref()
            .map(|text| source.word(text, "scope (attempt, near or device)", Scope::parse))
            .transpose()?;
        Ok(EvidenceRule {
            condition: self.condition(source, entry.condition())?,
            role: role.unwrap_or(Role::Cause),
            scope: scope.unwrap_or(Scope::Attempt),
            is_optional: entry.optional,
            is_absent: entry.absent,
            adds: entry.adds,
        })
    }
}

fn compile_fact(source: &SourceText<'_>, entry: &FactEntry) -> Result<FactRule> {
    Ok(FactRule {
        name: source.regex(&entry.name, true)?,
        value: entry
            .value
            .as_ref()
            .map(|text| source.regex(text, true))
            .transpose()?,
        below: entry.below,
        is_optional: entry.optional,
        adds: entry.adds,
    })
}

/// The names of the sources of a bit set; none for any.
pub(super) fn source_names(bits: u16) -> Vec<&'static str> {
    let all = Source::ALL.iter().enumerate();
    all.filter(|(index, _)| bits & (1 << index) != 0)
        .map(|(_, source)| source.as_str())
        .collect()
}

/// The bit of a source in [`Condition::sources`]; 0 for a name that is none.
pub(crate) fn source_bit(name: &str) -> Option<u16> {
    Source::ALL
        .iter()
        .position(|source| source.as_str() == name)
        .map(|index| 1 << index)
}
