//! Why a device fails, as every report tells it.

use super::document::{Block, Section};
use super::words::Language;
use crate::names::cause_name;

/// Below this confidence a cause is offered, not stated.
pub const STATED: f64 = 0.5;

/// How firmly a report tells a diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The device fails for it now.
    Stated,
    /// The logs allow it, and do not prove it.
    Possible,
    /// The same failure may have this cause too; more speaks for another.
    Alternative,
    /// The update was installed later.
    Repaired,
}

impl Standing {
    /// How a diagnosis stands.
    pub fn of(is_open: bool, is_alternative: bool, confidence: f64) -> Self {
        match (is_open, is_alternative) {
            (false, _) => Self::Repaired,
            (true, true) => Self::Alternative,
            (true, false) if confidence < STATED => Self::Possible,
            (true, false) => Self::Stated,
        }
    }

    /// The word for it.
    fn label(self, language: Language) -> &'static str {
        match self {
            Self::Stated => language.of("Problem", "问题"),
            Self::Possible => language.of("Possible, not proved", "可能（证据不足）"),
            Self::Alternative => language.of("Or else", "其他可能"),
            Self::Repaired => language.of("Repaired meanwhile", "已修复"),
        }
    }
}

/// One diagnosis of one device.
#[derive(Debug, Clone)]
pub struct Failure {
    /// How firmly it is told.
    pub standing: Standing,
    /// Stable id of the cause.
    pub cause: String,
    /// One sentence.
    pub summary: String,
    /// The update that fails; `None` when none is named.
    pub kb_article: Option<u32>,
    /// Code and symbol that the device reported; empty when there is none.
    pub code: String,
    /// The code beneath; empty when there is none.
    pub inner_code: String,
    /// The named thing at fault; empty when the evidence names none.
    pub culprit: String,
    /// 0 to 1.
    pub confidence: f64,
    /// The cluster it belongs to.
    pub cluster_key: String,
    /// Records as logged with their place: [`Block::Quote`].
    pub evidence: Vec<Block>,
    /// What to do, in order.
    pub steps: Vec<String>,
}

impl Failure {
    /// `Problem: Download damaged (download-corrupt)`.
    pub fn heading(&self, language: Language) -> String {
        format!(
            "{}{}{}",
            self.standing.label(language),
            language.of(": ", "："),
            cause_title(&self.cause, language)
        )
    }

    /// Lays it out under a heading of its own.
    pub fn section(self, language: Language) -> Section {
        let heading = self.heading(language);
        let mut blocks = vec![
            Block::text(self.summary),
            Block::facts([
                (language.of("Update", "更新"), article(self.kb_article)),
                (language.of("Code reported", "报告的错误代码"), self.code),
                (language.of("Code beneath", "内层代码"), self.inner_code),
                (language.of("At fault", "故障对象"), self.culprit),
                (
                    language.of("Confidence", "置信度"),
                    format!("{:.2}", self.confidence),
                ),
                (language.of("Cluster", "故障簇"), self.cluster_key),
            ]),
        ];
        blocks.extend(self.evidence);
        blocks.extend(what_to_do(self.steps, language));
        Section::new(&heading, blocks)
    }
}

/// What a cause is called, and that it is not proved where the logs say too little for it.
pub fn told_cause(cause: &str, confidence: f64, language: Language) -> String {
    let name = cause_name(cause, language);
    if cause == "unknown" || confidence >= STATED {
        name.to_owned()
    } else {
        language.of(format!("Perhaps: {name}"), format!("可能：{name}"))
    }
}

/// `Download damaged (download-corrupt)`: the name for people, the id for programs.
pub fn cause_title(cause: &str, language: Language) -> String {
    match cause_name(cause, language) {
        name if name == cause => name.to_owned(),
        name => language.of(format!("{name} ({cause})"), format!("{name}（{cause}）")),
    }
}

/// The steps under their words; nothing when there are none.
pub fn what_to_do(steps: Vec<String>, language: Language) -> Vec<Block> {
    if steps.is_empty() {
        return Vec::new();
    }
    vec![
        Block::text(language.of("What to do:", "处理办法：")),
        Block::Steps { steps },
    ]
}

/// `KB5041580`; empty when no update is named.
pub fn article(kb: Option<u32>) -> String {
    kb.map_or_else(String::new, |kb| format!("KB{kb}"))
}
