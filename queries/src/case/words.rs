//! The words of the reports, in both languages.

use crate::names::source_name;

/// The language of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

impl Language {
    /// `en` or `zh`, as HTML names it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The one of two texts that is in this language.
    pub fn of<T>(self, en: T, zh: T) -> T {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }
}

/// What a reader of times has to know where the zone of some sources (their ids) was assumed; `None` when it was of none.
pub fn zone_note<'a>(
    sources: impl IntoIterator<Item = &'a str>,
    language: Language,
) -> Option<String> {
    let names: Vec<&str> = sources
        .into_iter()
        .map(|source| source_name(source, language))
        .collect();
    if names.is_empty() {
        return None;
    }
    let names = names.join(language.of(", ", "、"));
    Some(language.of(
        format!("Nothing tells the time zone of {names}: one was assumed, and these times may be hours off."),
        format!("无法得知 {names} 的时区：按假定时区换算，其时间可能相差数小时。"),
    ))
}
