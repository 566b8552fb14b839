//! The field cases: each folder gives the answer that the engineer found.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{Row, Verdicts, collect, hex, judge, reference, shared};

/// Judges one endpoint and compares with the expectations that hold for it.
#[track_caller]
fn check(dir: &Path, endpoint: &str) -> Verdicts {
    let case: toml::Table = std::fs::read_to_string(dir.join("case.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let expected = case["expected"].as_table().unwrap();
    let own = expected.get(endpoint).and_then(toml::Value::as_table);
    let want = |key: &str| {
        own.and_then(|own| own.get(key))
            .or_else(|| expected.get(key))
    };
    let text = |key: &str| {
        want(key)
            .and_then(toml::Value::as_str)
            .map(str::to_lowercase)
    };
    let verdicts = judge(
        &collect(&dir.join(endpoint), Some(endpoint)),
        &reference(dir),
    );
    let account = verdicts.account();
    let open = verdicts.open();
    let first = open
        .first()
        .unwrap_or_else(|| panic!("{endpoint}: no diagnosis\n{account}"));
    assert_eq!(
        Some(first["cause"].clone()),
        text("cause"),
        "{endpoint}\n{account}"
    );
    assert_eq!(first["rank"], "0", "{account}");
    if let Some(culprit) = text("culprit") {
        assert!(
            first["culprit"].to_lowercase().contains(&culprit),
            "{endpoint}: culprit {culprit}\n{account}"
        );
    }
    if let Some(code) = text("error_code") {
        assert_eq!(hex(first, "error_code"), code, "{endpoint}\n{account}");
    }
    if let Some(symbol) = text("error_symbol") {
        assert_eq!(
            first["error_symbol"].to_lowercase(),
            symbol,
            "{endpoint}\n{account}"
        );
    }
    if let Some(kb) = want("kb_article").and_then(toml::Value::as_integer) {
        assert_eq!(first["kb_article"], kb.to_string(), "{endpoint}\n{account}");
    }
    if let Some(file) = text("evidence_file") {
        assert!(
            verdicts
                .evidence_of(first)
                .iter()
                .any(|row| row["source_file"].to_lowercase().ends_with(&file)),
            "{endpoint}: no evidence in {file}\n{account}"
        );
    }
    for mention in want("action_mentions")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str)
    {
        let actions = format!("{}\n{}", first["summary_en"], first["actions_en"]);
        assert!(
            actions.to_lowercase().contains(&mention.to_lowercase()),
            "{endpoint}: actions do not mention {mention}\n{actions}"
        );
    }
    for key in ["expected_hash", "found_hash", "product"] {
        if let Some(value) = text(key) {
            assert!(
                first["summary_en"].to_lowercase().contains(&value),
                "{endpoint}: summary lacks {value}\n{}",
                first["summary_en"]
            );
        }
    }
    if let Some(second) = text("second") {
        assert_eq!(
            open.get(1).map(|row| row["cause"].clone()),
            Some(second),
            "{endpoint}\n{account}"
        );
    }
    if let Some(attempts) = want("attempts").and_then(toml::Value::as_array) {
        let failed: Vec<String> = verdicts
            .attempts()
            .iter()
            .filter(|row| row["outcome"] == "failed")
            .map(|row| row["kb_article"].clone())
            .collect();
        assert_eq!(
            failed,
            attempts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "{account}"
        );
    }
    verdicts
}

fn clusters(verdicts: &[Verdicts]) -> BTreeSet<String> {
    let key = |row: &Row| row["cluster_key"].clone();
    verdicts
        .iter()
        .map(|verdicts| key(&verdicts.open()[0]))
        .collect()
}

#[test]
fn a_package_changed_while_it_was_copied() {
    let Some(dir) = shared("cases/01-package-hash-changed-in-copy") else {
        return;
    };
    check(&dir, "endpoint");
}

#[test]
fn one_damaged_manifest_stops_three_months() {
    let Some(dir) = shared("cases/02-one-damaged-manifest-stops-three-months") else {
        return;
    };
    check(&dir, "endpoint");
}

#[test]
fn three_complaints_are_one_culprit_and_one_cluster() {
    let Some(dir) = shared("cases/03-three-complaints-one-culprit") else {
        return;
    };
    let verdicts = ["endpoint-site-a", "endpoint-site-b", "endpoint-site-c"]
        .map(|endpoint| check(&dir, endpoint));
    assert_eq!(clusters(&verdicts).len(), 1, "{:?}", clusters(&verdicts));
}

#[test]
fn one_complaint_is_five_causes_and_five_clusters() {
    let Some(dir) = shared("cases/04-one-complaint-five-causes") else {
        return;
    };
    let verdicts = [
        "endpoint-fod",
        "endpoint-disk",
        "endpoint-ssu",
        "endpoint-service",
        "endpoint-policy",
    ]
    .map(|endpoint| check(&dir, endpoint));
    assert_eq!(clusters(&verdicts).len(), 5, "{:?}", clusters(&verdicts));
}

#[test]
fn a_servicing_stack_two_years_old() {
    let Some(dir) = shared("cases/05-servicing-stack-two-years-old") else {
        return;
    };
    check(&dir, "endpoint");
}
