//! The two languages: negotiation, and every visible string by key.
//!
//! The strings live in `i18n/en.toml` and `i18n/zh.toml`, nowhere else; a test holds the two files to the same keys and
//! every key used by a template or a source file to be there. A placeholder is written `{name}`, and `{name:device|devices}` stands for the first form when the value
//! is 1, for the second otherwise.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::LazyLock;

use serde::Serialize;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Lang {
    /// Both languages, in the order of the switch.
    pub(crate) const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// The short code of URLs and cookies.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The BCP 47 tag for the `lang` attribute.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-Hans",
        }
    }

    /// The language's own name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Zh => "中文",
        }
    }

    /// Reads a code or a tag such as `zh-CN`; `None` for a language that the pages do not have.
    pub(crate) fn parse(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("zh") {
            Some(Self::Zh)
        } else if primary.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else {
            None
        }
    }

    /// Picks from an `Accept-Language` header: the known language with the highest weight, English without one.
    pub(crate) fn from_accept_language(header: &str) -> Self {
        let mut best: Option<(f32, Self)> = None;
        for item in header.split(',') {
            let mut parts = item.split(';');
            let Some(lang) = parts.next().and_then(Self::parse) else {
                continue;
            };
            let weight = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
            if weight > 0.0 && best.is_none_or(|(seen, _)| weight > seen) {
                best = Some((weight, lang));
            }
        }
        best.map_or(Self::En, |(_, lang)| lang)
    }
}

/// The flattened strings of one file: `rollout.title` → text.
pub(crate) type Catalogue = BTreeMap<String, String>;

static EN: LazyLock<Catalogue> = LazyLock::new(|| parse(include_str!("../i18n/en.toml")));
static ZH: LazyLock<Catalogue> = LazyLock::new(|| parse(include_str!("../i18n/zh.toml")));

/// The strings of one language.
pub(crate) fn catalogue(lang: Lang) -> &'static Catalogue {
    match lang {
        Lang::En => &EN,
        Lang::Zh => &ZH,
    }
}

/// Returns the text for a key, or the key itself, so that a gap shows instead of breaking a page.
pub(crate) fn text(lang: Lang, key: &str) -> &str {
    catalogue(lang).get(key).map_or(key, String::as_str)
}

/// Returns the text for `<family>.<id>`, or `id` as it is: for ids that data brings, such as causes.
pub(crate) fn label(lang: Lang, family: &str, id: &str) -> String {
    catalogue(lang)
        .get(&format!("{family}.{id}"))
        .cloned()
        .unwrap_or_else(|| id.to_owned())
}

/// Returns the text for a key with its placeholders filled. Values are never searched for placeholders themselves.
pub(crate) fn fill(lang: Lang, key: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut filled = String::new();
    let mut rest = text(lang, key);
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((inside, behind)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        let (name, forms) = inside.split_once(':').unwrap_or((inside, ""));
        let value = values
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.to_string());
        match (value, forms.split_once('|')) {
            (Some(value), None) => filled.push_str(&value),
            (Some(value), Some((one, other))) => {
                filled.push_str(if value == "1" { one } else { other });
            }
            (None, _) => filled.push_str(name),
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

// A file that does not parse gives an empty catalogue; the tests of this module are what refuses it.
fn parse(source: &str) -> Catalogue {
    let mut flat = Catalogue::new();
    if let Ok(table) = source.parse::<toml::Table>() {
        flatten("", &table, &mut flat);
    }
    flat
}

fn flatten(prefix: &str, table: &toml::Table, flat: &mut Catalogue) {
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            toml::Value::Table(inner) => flatten(&path, inner, flat),
            toml::Value::String(text) => {
                flat.insert(path, text.clone());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "i18n_tests.rs"]
mod tests;
