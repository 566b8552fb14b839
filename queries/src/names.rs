//! Names for people: what causes are called, and what is at fault in the width of a column.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::case::Language;

#[derive(Deserialize)]
struct Words {
    cause: BTreeMap<String, String>,
}

static EN: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| causes(include_str!("../../dashboards/i18n/en.toml")));
static ZH: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| causes(include_str!("../../dashboards/i18n/zh.toml")));

fn causes(file: &str) -> BTreeMap<String, String> {
    // A test reads both files; an id is better than no report.
    toml::from_str::<Words>(file).map_or_else(|_| BTreeMap::new(), |words| words.cause)
}

/// What a cause is called, in the words of the dashboards: a report, an alert and a page say the same. A cause without a
/// name, such as an operator's own, keeps its id.
pub fn cause_name(id: &str, language: Language) -> &str {
    language.of(&*EN, &*ZH).get(id).map_or(id, String::as_str)
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
        assert!(EN.keys().eq(ZH.keys()), "{EN:?} {ZH:?}");
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
