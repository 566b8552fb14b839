//! What causes are called, in the words of the dashboards: an alert and the page it leads to say the same.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Deserialize)]
struct Words {
    cause: BTreeMap<String, String>,
}

static EN: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| causes(include_str!("../../../dashboards/i18n/en.toml")));
static ZH: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| causes(include_str!("../../../dashboards/i18n/zh.toml")));

fn causes(file: &str) -> BTreeMap<String, String> {
    // A test reads both files; an id is better than no alert.
    toml::from_str::<Words>(file).map_or_else(|_| BTreeMap::new(), |words| words.cause)
}

/// A cause's English name; its id when it has none.
pub(crate) fn cause_en(id: &str) -> &str {
    EN.get(id).map_or(id, String::as_str)
}

/// A cause's Chinese name; its id when it has none.
pub(crate) fn cause_zh(id: &str) -> &str {
    ZH.get(id).map_or(id, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_have_names_in_both_languages_and_an_unknown_one_keeps_its_id() {
        assert_eq!(cause_zh("download-corrupt"), "下载内容损坏");
        assert_eq!(cause_en("download-corrupt"), "Download damaged");
        assert_eq!(cause_zh("of-tomorrow"), "of-tomorrow");
        assert!(EN.keys().eq(ZH.keys()), "{EN:?} {ZH:?}");
    }
}
