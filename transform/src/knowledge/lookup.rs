//! What a code means that somebody typed: every reading of it, with the causes that know it.

use patchlens_event::Hresult;
use schemars::JsonSchema;
use serde::Serialize;

use super::extend_code::phase_and_operation;
use super::{CodeEntry, Knowledge};
use crate::diagnosis::text::{Language, render};
use crate::knowledge::Variables;

/// How many symbols that only contain the word are given.
const PARTIAL_MAX: usize = 25;

/// One way to read what was typed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CodeReading {
    /// How it was read: `HRESULT`, `Win32 error 5`, `NTSTATUS`, `setup code`, `symbol`, …
    pub read_as: String,
    /// The code, `0x80070005`.
    pub code: String,
    /// False when the catalogue does not hold the code.
    pub known: bool,
    /// Its symbol; null when not known.
    pub symbol: Option<String>,
    /// Other symbols of the same code.
    pub also: Vec<String>,
    /// The family, as `wu`, `cbs`, `win32`; null when not known.
    pub family: Option<String>,
    /// What it means; null when the catalogue holds no description.
    pub meaning: Option<String>,
    /// True when it only says that something beneath failed: look for the inner code.
    pub wrapper: bool,
    /// The phase that it usually comes from.
    pub phase: Option<String>,
    /// True for the severity bit of failure.
    pub failure: bool,
    /// The facility that the number carries, by name or number; null for setup codes and NTSTATUS.
    pub facility: Option<String>,
    /// Phase and operation of a setup extend code that was given with it.
    pub extend: Option<ExtendReading>,
    /// Causes whose rules ask for this code, the surest first.
    pub causes: Vec<CauseOfCode>,
    /// Where the code is documented.
    pub documented_in: Option<String>,
}

/// An extend code in words.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExtendReading {
    /// The code, `0x20017`.
    pub code: String,
    /// The phase in which setup stopped.
    pub phase: String,
    /// The operation at which it stopped, as Microsoft names it.
    pub operation: String,
}

/// A cause that may be behind a code.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CauseOfCode {
    /// The id of the cause.
    pub cause: String,
    /// The highest confidence of the cause's rules that ask for the code, 0 to 1. Rules may ask for
    /// more than the code.
    pub confidence: f64,
    /// True when the code alone is enough for that rule.
    pub code_is_enough: bool,
    /// The first thing to do.
    pub remedy: String,
}

impl Knowledge {
    /// Reads what a person typed as an error code, in all ways that make sense: a number in any
    /// spelling of logs, a result with its extend code, a symbol in any case, or a part of one.
    /// Empty when it is nothing of that.
    pub fn read_code(&self, typed: &str, chinese: bool) -> Vec<CodeReading> {
        let typed = typed.trim().trim_matches(['[', ']', '(', ')', '"', '\'']);
        if let Some((result, extend)) = with_extend(typed) {
            let mut reading = self.reading(result, name_of(result), chinese);
            reading.extend = extend_reading(extend);
            return vec![reading];
        }
        let numbers = numbers(typed);
        if !numbers.is_empty() {
            let known = |code: u32| self.codes.get(Hresult(code)).is_some();
            let mut readings: Vec<CodeReading> = Vec::new();
            for (index, (code, read_as)) in numbers.iter().enumerate() {
                // What is not the plain reading is only worth a line when it means something.
                if index == 0 || known(*code) {
                    readings.push(self.reading(*code, read_as.clone(), chinese));
                }
            }
            return readings;
        }
        let named = self.by_name(typed, chinese);
        if named.is_empty()
            && let Some((result, _)) = typed.split_once(['-', '_', ' '])
            && let Some(code) = hexadecimal(result).filter(|code| Hresult(*code).is_failure())
        {
            return vec![self.reading(code, name_of(code), chinese)];
        }
        named
    }

    fn by_name(&self, typed: &str, chinese: bool) -> Vec<CodeReading> {
        if let Some(code) = self.codes.by_symbol(typed) {
            return vec![self.reading(code.0, "symbol".to_owned(), chinese)];
        }
        let upper = typed.to_ascii_uppercase();
        if upper.len() < 3
            || !upper
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            return Vec::new();
        }
        let mut found: Vec<CodeEntry<'_>> = self
            .codes
            .iter()
            .filter(|entry| {
                entry.symbol.to_ascii_uppercase().contains(&upper)
                    || entry.also.to_ascii_uppercase().contains(&upper)
            })
            .collect();
        // What has a description is what people meet.
        found.sort_by_key(|entry| (entry.meaning_en.is_empty(), entry.symbol.len(), entry.code));
        found.dedup_by_key(|entry| entry.code);
        found
            .into_iter()
            .take(PARTIAL_MAX)
            .map(|entry| self.reading(entry.code.0, "part of a symbol".to_owned(), chinese))
            .collect()
    }

    fn reading(&self, code: u32, read_as: String, chinese: bool) -> CodeReading {
        // An NTSTATUS that travels as HRESULT has the bit 0x10000000 set.
        let plain = if code >> 28 == 0xD {
            code & !0x1000_0000
        } else {
            code
        };
        let entry = self
            .codes
            .get(Hresult(code))
            .or_else(|| self.codes.get(Hresult(plain)));
        let text = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
        let is_hresult = !matches!(code >> 28, 0xC | 0xD);
        CodeReading {
            read_as,
            code: Hresult(code).to_string(),
            known: entry.is_some(),
            symbol: entry.and_then(|entry| text(entry.symbol)),
            also: entry.map_or_else(Vec::new, |entry| {
                entry
                    .also
                    .split(' ')
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect()
            }),
            family: entry.and_then(|entry| text(entry.family)),
            meaning: entry.and_then(|entry| {
                text(if chinese {
                    entry.meaning_zh
                } else {
                    entry.meaning_en
                })
            }),
            wrapper: entry.is_some_and(|entry| entry.is_wrapper),
            phase: entry.and_then(|entry| text(entry.phase)),
            failure: Hresult(code).is_failure(),
            facility: is_hresult.then(|| facility(code)),
            extend: phase_and_operation(code).and_then(|_| extend_reading(code)),
            causes: self.causes_of_code(plain, chinese),
            documented_in: entry.and_then(|entry| text(entry.documented_in)),
        }
    }

    fn causes_of_code(&self, code: u32, chinese: bool) -> Vec<CauseOfCode> {
        let mut found: Vec<CauseOfCode> = Vec::new();
        for cause in &self.causes {
            let asking = cause
                .rules
                .iter()
                .filter(|rule| rule.codes.contains(code) || rule.codes_within.contains(code));
            let Some(rule) =
                asking.max_by(|one, other| one.confidence.total_cmp(&other.confidence))
            else {
                continue;
            };
            let (actions, language) = if chinese {
                (&cause.actions_zh, Language::Chinese)
            } else {
                (&cause.actions_en, Language::English)
            };
            let enough = cause
                .rules
                .iter()
                .any(|rule| rule.codes.contains(code) && rule.asks_for_codes_only());
            found.push(CauseOfCode {
                cause: cause.id.clone(),
                confidence: rule.confidence,
                code_is_enough: enough,
                remedy: actions
                    .first()
                    .map(|action| render(action, &placeholders(), language))
                    .unwrap_or_default(),
            });
        }
        found.sort_by(|one, other| {
            other
                .confidence
                .total_cmp(&one.confidence)
                .then_with(|| one.cause.cmp(&other.cause))
        });
        found
    }
}

/// What a remedy says where a diagnosis would name something.
fn placeholders() -> Variables {
    ["culprit", "file"]
        .map(|name| (name.to_owned(), format!("<{name}>")))
        .into()
}

/// Reads `0xC1900101-0x20017`, `0xC1900101 - 0x20017`, `C1900101_20017`.
fn with_extend(typed: &str) -> Option<(u32, u32)> {
    let (result, extend) = typed
        .split_once(['-', '_', ' '])
        .filter(|(result, _)| !result.is_empty())?;
    let result = hexadecimal(result.trim()).filter(|code| Hresult(*code).is_failure())?;
    let extend = extend.trim_start_matches([' ', '-', '_']).trim();
    let extend = hexadecimal(extend).filter(|extend| phase_and_operation(*extend).is_some())?;
    Some((result, extend))
}

fn extend_reading(extend: u32) -> Option<ExtendReading> {
    let (phase, operation) = phase_and_operation(extend)?;
    Some(ExtendReading {
        code: format!("0x{extend:x}"),
        phase: phase.to_owned(),
        operation: operation.to_owned(),
    })
}

/// The numbers that the text may stand for, the likeliest first.
fn numbers(typed: &str) -> Vec<(u32, String)> {
    let mut found: Vec<(u32, String)> = Vec::new();
    let mut add = |code: u32| {
        if found.iter().all(|(known, _)| *known != code) {
            found.push((code, name_of(code)));
        }
    };
    // A report wrote `x8024400A` without the 0, and still does.
    let repaired = typed
        .strip_prefix(['x', 'X'])
        .map_or_else(|| typed.to_owned(), |digits| format!("0x{digits}"));
    if let Ok(code) = Hresult::parse(&repaired) {
        add(code.0);
    }
    // Digits that are a decimal number may be meant as hexadecimal ones.
    let is_decimal = !typed.is_empty() && typed.bytes().all(|b| b.is_ascii_digit());
    if is_decimal && let Some(value) = hexadecimal(typed) {
        add(Hresult::from_win32(value).0);
        if value > 0xFFFF {
            add(value);
        }
    }
    found
}

fn hexadecimal(text: &str) -> Option<u32> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .or_else(|| text.strip_prefix(['x', 'X']))
        .unwrap_or(text);
    let is_number =
        (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_number
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

fn name_of(code: u32) -> String {
    if phase_and_operation(code).is_some() {
        return "setup extend code".to_owned();
    }
    match code >> 16 {
        0x8007 => format!("Win32 error {}", code & 0xFFFF),
        0xC190 => "setup code (not an NTSTATUS)".to_owned(),
        0xC800 => format!("database engine error -{}", code & 0xFFFF),
        0xC000..=0xCFFF => "NTSTATUS".to_owned(),
        0xD000..=0xDFFF => "NTSTATUS as HRESULT".to_owned(),
        _ => "HRESULT".to_owned(),
    }
}

/// Facilities that a reader of update logs meets.
fn facility(code: u32) -> String {
    let number = code >> 16 & 0x7FF;
    let name = match number {
        0 => "general",
        1 => "RPC",
        2 => "COM dispatch",
        3 => "COM storage",
        4 => "COM interface",
        7 => "Win32",
        9 => "security",
        11 => "certificates",
        15 => "setup API and servicing",
        25 => "HTTP",
        32 => "BITS",
        36 => "Windows Update",
        61 => "web services",
        208 => "Delivery Optimization",
        _ => return number.to_string(),
    };
    format!("{number} ({name})")
}
