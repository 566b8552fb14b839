//! What views and tables are, in the reader's language.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::model::Relation;
use crate::i18n::Lang;

static ZH: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    // A test reads the file; English is better than no page.
    toml::from_str(include_str!("../../../i18n/relations.zh.toml")).unwrap_or_default()
});

/// Puts the reader's language in the place of the store's own comment, where it has one.
pub(super) fn translate(relation: &mut Relation, lang: Lang) {
    if lang == Lang::Zh
        && let Some(comment) = ZH.get(&relation.name)
    {
        relation.comment.clone_from(comment);
    }
}

#[cfg(test)]
mod tests {
    use patchlens_queries::migration;

    use super::*;

    #[test]
    fn every_view_is_explained_in_chinese_and_nothing_else() {
        let mut views: Vec<String> = migration::views()
            .iter()
            .filter_map(|(name, _)| Some(name.split_once('_')?.1.replace(".sql", "")))
            .collect();
        views.sort();
        for view in &views {
            let text = ZH.get(view).unwrap_or_else(|| panic!("{view} has no text"));
            assert!(text.contains('。') || text.contains('：'), "{view}: {text}");
        }
        assert!(ZH.len() > views.len(), "the tables are missing");
    }

    #[test]
    fn what_a_row_is_ends_with_the_first_sentence_in_both_languages() {
        let mut relation = Relation {
            name: "silent_device".to_owned(),
            comment: "One row per device: so. More.".to_owned(),
            ..Relation::default()
        };
        translate(&mut relation, Lang::En);
        assert_eq!(relation.grain(), "One row per device");
        translate(&mut relation, Lang::Zh);
        assert_eq!(
            relation.grain(),
            "每个部署中从未上报或七天未上报的计划内设备一行"
        );
    }
}
