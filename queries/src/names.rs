//! Names for people: what is at fault, in the width of a column, and what causes are called, in the words of the dashboards,
//! so that an alert, a report and the page that they lead to say the same.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Deserialize)]
struct Words {
    cause: BTreeMap<String, String>,
}

static EN: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| causes(include_str!("../../dashboards/i18n/en.toml")));
static ZH: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| causes(include_str!("../../dashboards/i18n/zh.toml")));

fn causes(file: &str) -> BTreeMap<String, String> {
    // A test reads both files; an id is better than no alert.
    toml::from_str::<Words>(file).map_or_else(|_| BTreeMap::new(), |words| words.cause)
}

/// A cause's English name; its id when it has none.
pub fn cause_en(id: &str) -> &str {
    EN.get(id).map_or(id, String::as_str)
}

/// A cause's Chinese name; its id when it has none.
pub fn cause_zh(id: &str) -> &str {
    ZH.get(id).map_or(id, String::as_str)
}

/// How many columns of a terminal a text takes: Chinese, Japanese and Korean characters take two.
pub fn width(text: &str) -> usize {
    let is_wide = |c: char| matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{20000}'..='\u{3fffd}');
    text.chars().map(|c| 1 + usize::from(is_wide(c))).sum()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_takes_two_columns() {
        assert_eq!(width("KB5041580"), 9);
        assert_eq!(width("失败中：é"), 9);
        assert_eq!(width(""), 0);
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
    }

    #[test]
    fn causes_have_names_in_both_languages_and_an_unknown_one_keeps_its_id() {
        assert_eq!(cause_zh("download-corrupt"), "下载内容损坏");
        assert_eq!(cause_en("download-corrupt"), "Download damaged");
        assert_eq!(cause_zh("of-tomorrow"), "of-tomorrow");
        assert!(EN.keys().eq(ZH.keys()), "{EN:?} {ZH:?}");
    }
}
