//! `code`: what an error code means, what may be behind it, and what to do first.

use std::fmt::Write as _;

use anyhow::bail;
use patchlens_transform::CodeReading;
use serde::Serialize;

use crate::cli::{Code, Language};
use crate::config::Config;
use crate::output::{Format, Outcome, print, print_json};

/// How many causes are worth a line.
const CAUSES_MAX: usize = 6;

/// Every reading of what was asked; its JSON Schema is docs/schema/code.v1.json.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct CodeReport {
    /// What was asked for, as typed.
    pub(crate) asked: String,
    /// The readings, the likeliest first.
    pub(crate) readings: Vec<CodeReading>,
}

pub(crate) fn run(config: &Config, command: &Code) -> anyhow::Result<Outcome> {
    let knowledge = crate::knowledge::load(config)?;
    let readings = knowledge.read_code(&command.code, command.lang == Language::Zh);
    if readings.is_empty() {
        bail!(
            "{:?} is no error code and no symbol of the catalogue; codes look like 0x80070005, 80070005, -2147024891, \
             2147942405, 5, c0000022 or 0xC1900101-0x20017",
            command.code
        );
    }
    let report = CodeReport {
        asked: command.code.clone(),
        readings,
    };
    match command.format {
        Format::Json => print_json(&report)?,
        Format::Table => print(&as_text(&report, command.lang))?,
        Format::Markdown => print(&as_markdown(&report, command.lang))?,
    }
    Ok(Outcome::Done)
}

fn meaning(reading: &CodeReading, language: Language) -> &str {
    let nothing = match (language, reading.known) {
        (Language::En, true) => "no description in the catalogue",
        (Language::Zh, true) => "目录中没有说明",
        (Language::En, false) => "not in the catalogue",
        (Language::Zh, false) => "不在目录中",
    };
    reading.meaning.as_deref().unwrap_or(nothing)
}

fn as_text(report: &CodeReport, language: Language) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        let _infallible = writeln!(text, "  {label:<10}{value}");
    };
    if let [only] = report.readings.as_slice() {
        one(only, language, &mut line);
    } else if report
        .readings
        .iter()
        .all(|reading| reading.read_as == "part of a symbol")
    {
        for reading in &report.readings {
            line(
                &format!("{}  ", reading.code),
                &format!(
                    "{}  {}",
                    reading.symbol.as_deref().unwrap_or_default(),
                    meaning(reading, language)
                ),
            );
        }
    } else {
        for reading in &report.readings {
            one(reading, language, &mut line);
            line("", "");
        }
    }
    text.trim_end().to_owned()
}

fn one(reading: &CodeReading, language: Language, line: &mut impl FnMut(&str, &str)) {
    line("code", &format!("{}  ({})", reading.code, reading.read_as));
    let also = if reading.also.is_empty() {
        String::new()
    } else {
        format!("  (also {})", reading.also.join(", "))
    };
    if let Some(symbol) = &reading.symbol {
        line("symbol", &format!("{symbol}{also}"));
    }
    line("meaning", meaning(reading, language));
    if let Some(extend) = &reading.extend {
        line(
            "extend",
            &format!(
                "{}: phase {}, operation {}",
                extend.code, extend.phase, extend.operation
            ),
        );
    }
    if reading.wrapper {
        line(
            "wrapper",
            "yes: it only says that something beneath it failed; look for the inner code",
        );
    }
    if let Some(family) = &reading.family {
        line("family", family);
    }
    if let Some(phase) = &reading.phase {
        line("phase", phase);
    }
    if !reading.known {
        let severity = if reading.failure {
            "failure"
        } else {
            "success or information"
        };
        let facility = reading.facility.as_deref().unwrap_or("none");
        line(
            "decoded",
            &format!("severity {severity}, facility {facility}"),
        );
    }
    for cause in reading.causes.iter().take(CAUSES_MAX) {
        let needs = if cause.code_is_enough {
            ""
        } else {
            ", needs more evidence than the code"
        };
        line(
            "cause",
            &format!("{} (up to {:.2}{needs})", cause.cause, cause.confidence),
        );
        line("", &format!("do 1  {}", cause.remedy));
    }
    if let Some(source) = &reading.documented_in {
        line("source", source);
    }
}

fn as_markdown(report: &CodeReport, language: Language) -> String {
    let mut text = String::new();
    for reading in &report.readings {
        let _infallible = writeln!(
            text,
            "### {} {}\n\n{} ({})\n",
            reading.code,
            reading.symbol.as_deref().unwrap_or_default(),
            meaning(reading, language),
            reading.read_as
        );
        if let Some(extend) = &reading.extend {
            let _infallible = writeln!(
                text,
                "- extend code {}: {}, {}",
                extend.code, extend.phase, extend.operation
            );
        }
        for cause in reading.causes.iter().take(CAUSES_MAX) {
            let _infallible = writeln!(
                text,
                "- **{}** (up to {:.2}): {}",
                cause.cause, cause.confidence, cause.remedy
            );
        }
    }
    text
}
