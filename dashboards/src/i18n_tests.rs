use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Every key that a template or a source file names: a quoted `family.key` whose family is one of the catalogue's.
fn used_keys() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    files(&root.join("templates"), &mut paths);
    files(&root.join("src"), &mut paths);
    let families: BTreeSet<&str> = catalogue(Lang::En)
        .keys()
        .filter_map(|key| key.split('.').next())
        .collect();
    let mut keys = BTreeSet::new();
    for path in paths.iter().filter(|path| !path.ends_with("i18n_tests.rs")) {
        for quoted in fs::read_to_string(path).unwrap().split('"') {
            let is_key = quoted.split_once('.').is_some_and(|(family, key)| {
                families.contains(family)
                    && key
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                    && !key.is_empty()
            });
            // `clusters.csv` and the like are addresses and files.
            if is_key
                && !["csv", "sql", "html", "js"].iter().any(|end| {
                    quoted.ends_with(&format!(".{end}"))
                        && !catalogue(Lang::En).contains_key(quoted)
                })
            {
                keys.insert(quoted.to_owned());
            }
        }
    }
    keys
}

#[test]
fn both_languages_have_the_same_keys_and_placeholders() {
    let (en, zh) = (catalogue(Lang::En), catalogue(Lang::Zh));
    assert!(
        en.len() > 100,
        "en.toml did not parse: {} strings",
        en.len()
    );
    assert_eq!(
        en.keys().collect::<Vec<_>>(),
        zh.keys().collect::<Vec<_>>(),
        "en.toml and zh.toml differ in keys"
    );
    for (key, english) in en {
        let placeholders = |text: &str| {
            text.split('{')
                .skip(1)
                .filter_map(|rest| {
                    rest.split_once('}')
                        .map(|(name, _)| name.split(':').next().unwrap().to_owned())
                })
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(
            placeholders(english),
            placeholders(&zh[key]),
            "placeholders of {key}"
        );
        assert!(!zh[key].trim().is_empty(), "{key} is empty in zh.toml");
    }
}

#[test]
fn every_key_in_use_has_a_text() {
    let used = used_keys();
    assert!(
        used.len() > 80,
        "found only {} keys: the search is broken",
        used.len()
    );
    let missing: Vec<_> = used
        .iter()
        .filter(|key| !catalogue(Lang::En).contains_key(*key))
        .collect();
    assert!(missing.is_empty(), "no text for {missing:?}");
}

#[test]
fn no_text_is_left_over() {
    let used = used_keys();
    // Families whose ids come from data.
    let families = [
        "alert_state.",
        "severity.",
        "unit.",
        "cause.",
        "fact.",
        "factor.",
        "outcome.",
        "phase.",
        "problem.",
        "reject_reason.",
        "role.",
        "signal.",
        "source.",
        "state.",
        "substate.",
        "trend.",
    ];
    let unused: Vec<_> = catalogue(Lang::En)
        .keys()
        .filter(|key| {
            !used.contains(*key) && !families.iter().any(|family| key.starts_with(family))
        })
        .collect();
    assert!(unused.is_empty(), "texts that nothing uses: {unused:?}");
}

#[test]
fn accept_language_is_read_by_weight() {
    for (header, expected) in [
        ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
        ("en-GB,zh;q=0.5", Lang::En),
        ("de,fr;q=0.8,zh-TW;q=0.3,en;q=0.2", Lang::Zh),
        ("zh;q=0,en;q=0.1", Lang::En),
        ("", Lang::En),
        (";;;,q=,zh;q=x", Lang::En),
    ] {
        assert_eq!(Lang::from_accept_language(header), expected, "{header}");
    }
}

#[test]
fn a_gap_shows_its_key_and_values_are_filled() {
    assert_eq!(text(Lang::En, "no.such.key"), "no.such.key");
    assert_eq!(label(Lang::Zh, "cause", "a-new-cause"), "a-new-cause");
    assert_eq!(
        fill(Lang::En, "devices.headline", &[("n", &110)]),
        "110 devices"
    );
    assert_eq!(fill(Lang::En, "devices.headline", &[("n", &1)]), "1 device");
    assert_eq!(
        fill(
            Lang::En,
            "verdict.culprit",
            &[("cause", &"{culprit}"), ("culprit", &"x")]
        ),
        "{culprit} (x)"
    );
}
