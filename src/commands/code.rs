//! `code`: what an error code means, what may be behind it, and what to do first.

use std::fmt::Write as _;

use anyhow::bail;
use patchlens_queries::case::{self, cause_title};
use patchlens_queries::names::phase_name;
use patchlens_transform::CodeReading;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

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

/// Width of the labels, as a terminal shows them.
const LABEL_WIDTH: usize = 10;

fn as_text(report: &CodeReport, language: Language) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        let gap = LABEL_WIDTH.saturating_sub(label.width()).max(1);
        let _infallible = writeln!(text, "  {label}{:gap$}{value}", "");
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

/// The one of two texts that is in the language.
fn of<T>(language: Language, en: T, zh: T) -> T {
    match language {
        Language::En => en,
        Language::Zh => zh,
    }
}

fn one(reading: &CodeReading, language: Language, line: &mut impl FnMut(&str, &str)) {
    let names = of(language, case::Language::En, case::Language::Zh);
    line(
        of(language, "code", "代码"),
        &format!("{}  ({})", reading.code, reading.read_as),
    );
    let also = reading.also.join(", ");
    let also = match also.as_str() {
        "" => also,
        also => of(
            language,
            format!("  (also {also})"),
            format!("（亦作 {also}）"),
        ),
    };
    if let Some(symbol) = &reading.symbol {
        line(of(language, "symbol", "符号"), &format!("{symbol}{also}"));
    }
    line(of(language, "meaning", "含义"), meaning(reading, language));
    if let Some(extend) = &reading.extend {
        let (code, phase, operation) = (&extend.code, &extend.phase, &extend.operation);
        line(
            of(language, "extend", "扩展代码"),
            &of(
                language,
                format!("{code}: phase {phase}, operation {operation}"),
                format!("{code}：阶段 {phase}，操作 {operation}"),
            ),
        );
    }
    if reading.wrapper {
        line(
            of(language, "wrapper", "外层代码"),
            of(
                language,
                "yes: it only says that something beneath it failed; look for the inner code",
                "是：它只说明其下有步骤失败，请查看内层代码",
            ),
        );
    }
    if let Some(family) = &reading.family {
        line(of(language, "family", "类别"), family);
    }
    if let Some(phase) = &reading.phase {
        line(of(language, "phase", "阶段"), phase_name(phase, names));
    }
    if !reading.known {
        let severity = if reading.failure {
            of(language, "failure", "失败")
        } else {
            of(language, "success or information", "成功或信息")
        };
        let facility = reading.facility.as_deref();
        let facility = facility.unwrap_or(of(language, "none", "无"));
        line(
            of(language, "decoded", "解码"),
            &of(
                language,
                format!("severity {severity}, facility {facility}"),
                format!("严重性：{severity}，组件：{facility}"),
            ),
        );
    }
    for cause in reading.causes.iter().take(CAUSES_MAX) {
        let needs = if cause.code_is_enough {
            ""
        } else {
            of(
                language,
                ", needs more evidence than the code",
                "，仅凭代码不足以判定",
            )
        };
        let name = cause_title(&cause.cause, names);
        let most = of(language, "up to", "置信度最高");
        line(
            of(language, "cause", "原因"),
            &format!("{name}  [{most} {:.2}{needs}]", cause.confidence),
        );
        line(
            "",
            &format!("{}  {}", of(language, "first", "先做"), cause.remedy),
        );
    }
    if let Some(source) = &reading.documented_in {
        line(of(language, "source", "来源"), source);
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
                "- {} {}: {}, {}",
                of(language, "extend code", "扩展代码"),
                extend.code,
                extend.phase,
                extend.operation
            );
        }
        for cause in reading.causes.iter().take(CAUSES_MAX) {
            let _infallible = writeln!(
                text,
                "- **{}** ({} {:.2}): {}",
                cause_title(
                    &cause.cause,
                    of(language, case::Language::En, case::Language::Zh)
                ),
                of(language, "up to", "置信度最高"),
                cause.confidence,
                cause.remedy
            );
        }
    }
    text
}
