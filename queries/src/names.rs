//! Names for people: what causes are called, and what is at fault in the width of a column.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::case::Language;

/// The words of one language: by kind, then by id.
type Words = BTreeMap<String, BTreeMap<String, String>>;

static EN: LazyLock<Words> = LazyLock::new(|| words(include_str!("../../dashboards/i18n/en.toml")));
static ZH: LazyLock<Words> = LazyLock::new(|| words(include_str!("../../dashboards/i18n/zh.toml")));

fn words(file: &str) -> Words {
    // A test reads both files; an id is better than no report.
    toml::from_str(file).unwrap_or_default()
}

/// What something is called, in the words of the dashboards: a report, an alert and a page say the same. What has no name,
/// such as an operator's own cause, keeps its id.
fn name<'a>(kind: &str, id: &'a str, language: Language) -> &'a str {
    language
        .of(&*EN, &*ZH)
        .get(kind)
        .and_then(|names| names.get(id))
        .map_or(id, String::as_str)
}

/// What a cause is called.
pub fn cause_name(id: &str, language: Language) -> &str {
    name("cause", id, language)
}

/// How an attempt ended, for people.
pub fn outcome_name(id: &str, language: Language) -> &str {
    name("outcome", id, language)
}

/// How far an attempt got, for people.
pub fn substate_name(id: &str, language: Language) -> &str {
    name("substate", id, language)
}

/// Where a record comes from, for people.
pub fn source_name(id: &str, language: Language) -> &str {
    name("source", id, language)
}

/// Where an attempt failed, for people.
pub fn phase_name(id: &str, language: Language) -> &str {
    name("phase", id, language)
}

/// What is at fault, cut to about so many characters. Of a path the end stays, which names the file; of anything else
/// the beginning.
pub fn shortened(culprit: &str, most: usize) -> String {
    let chars = culprit.chars().count();
    if chars <= most {
        return culprit.to_owned();
    }
    if !culprit.contains('\\') {
        return culprit.chars().take(most).chain(['…']).collect();
    }
    let tail: String = culprit.chars().skip(chars - most).collect();
    // From the first whole name on, when there is one.
    let whole = tail.find('\\').and_then(|at| tail.get(at..));
    format!("…{}", whole.unwrap_or(&tail))
}

/// A text cut to about so many characters, with its beginning and its end: keys of one kind begin alike.
pub fn both_ends(text: &str, most: usize) -> String {
    let chars = text.chars().count();
    if chars <= most {
        return text.to_owned();
    }
    let (head, tail) = (most / 2, most - most / 2);
    let head = text.chars().take(head);
    head.chain(['…'])
        .chain(text.chars().skip(chars - tail))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_have_names_in_both_languages_and_an_unknown_one_keeps_its_id() {
        assert_eq!(cause_name("download-corrupt", Language::Zh), "下载内容损坏");
        assert_eq!(
            cause_name("download-corrupt", Language::En),
            "Download damaged"
        );
        assert_eq!(cause_name("of-tomorrow", Language::Zh), "of-tomorrow");
        for kind in ["cause", "outcome", "substate", "phase"] {
            assert!(EN[kind].keys().eq(ZH[kind].keys()), "{kind}");
        }
        assert_eq!(outcome_name("rolled_back", Language::Zh), "已回滚");
    }

    #[test]
    fn long_culprits_keep_what_tells_them_apart() {
        assert_eq!(shortened("KB5014032", 20), "KB5014032");
        assert_eq!(shortened("", 20), "");
        let path = "C:\\Windows\\SoftwareDistribution\\Download\\6dc260b6\\inst\\usbser.sys";
        assert_eq!(shortened(path, 20), "…\\inst\\usbser.sys");
        assert_eq!(shortened("C:\\aaaaaaaaaaaaaaaaaaaa", 8), "…aaaaaaaa");
        assert_eq!(shortened("Package~31bf3856ad364e35", 7), "Package…");
        assert_eq!(shortened("长长长长", 2), "长长…");
        assert_eq!(both_ends("hklm.components.x", 17), "hklm.components.x");
        assert_eq!(both_ends("hklm.components.x", 7), "hkl…ts.x");
    }
}
