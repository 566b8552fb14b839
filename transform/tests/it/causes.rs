//! Every cause has fixtures: a small device's material, and the answer that it must get.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::{KNOWLEDGE, collect, hex, judge, reference};

/// The vocabulary of causes; a new cause is added here and gets a rule and a fixture.
const CAUSES: [&str; 37] = [
    "access-denied",
    "advanced-installer-failed",
    "app-package-failed",
    "component-hash-mismatch",
    "component-manifest-missing",
    "component-payload-missing",
    "component-store-corrupt",
    "disk-space",
    "download-corrupt",
    "download-credentials",
    "download-network",
    "driver-install-failed",
    "file-in-use",
    "file-system-corrupt",
    "group-policy-file-corrupt",
    "image-apply-failed",
    "interrupted-by-restart",
    "memory-exhausted",
    "migration-failed",
    "package-hash-mismatch",
    "package-not-applicable",
    "pending-servicing",
    "prerequisite-missing",
    "registry-limit",
    "reserved-partition-space",
    "servicing-stack-missing",
    "servicing-timeout",
    "setup-compat-block",
    "setup-driver-failed",
    "third-party-access-block",
    "unknown",
    "update-access-policy",
    "update-component-missing",
    "update-data-store-corrupt",
    "update-service-disabled",
    "user-cancelled",
    "wsus-server-error",
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// Judges a fixture; returns what is wrong.
fn check(dir: &Path) -> Option<String> {
    let expected: toml::Table = std::fs::read_to_string(dir.join("expected.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let verdicts = judge(
        &collect(&dir.join("device"), Some("FX-0001")),
        &reference(dir),
    );
    let open = verdicts.open();
    let Some(first) = open.first() else {
        return Some(format!(
            "{}: no diagnosis\n{}",
            dir.display(),
            verdicts.account()
        ));
    };
    let text = |key: &str| expected.get(key).and_then(toml::Value::as_str);
    let mut wrong = Vec::new();
    if Some(first["cause"].as_str()) != text("cause") {
        wrong.push("cause");
    }
    if text("culprit").is_some_and(|culprit| {
        !first["culprit"]
            .to_lowercase()
            .contains(&culprit.to_lowercase())
    }) {
        wrong.push("culprit");
    }
    for key in ["error_code", "inner_code"] {
        if text(key).is_some_and(|code| hex(first, key) != code) {
            wrong.push(key);
        }
    }
    if expected
        .get("kb_article")
        .is_some_and(|kb| kb.to_string() != first["kb_article"])
    {
        wrong.push("kb_article");
    }
    if verdicts.evidence_of(first).is_empty() {
        wrong.push("no evidence");
    }
    for column in [
        "summary_en",
        "summary_zh",
        "actions_en",
        "actions_zh",
        "alert_subtype",
    ] {
        if first[column].is_empty() || first[column].contains(['{', '}']) {
            wrong.push(column);
        }
    }
    (!wrong.is_empty()).then(|| {
        format!(
            "{}: wrong {wrong:?}\n{}\n{}",
            dir.display(),
            first["summary_en"],
            verdicts.account()
        )
    })
}

#[test]
fn every_fixture_gets_its_answer() {
    let wrong: Vec<String> = folders(&fixtures())
        .iter()
        .flat_map(|cause| folders(cause))
        .filter_map(|dir| check(&dir))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_cause_has_rules_and_a_fixture() {
    let known: BTreeSet<&str> = KNOWLEDGE.cause_ids().collect();
    assert_eq!(known, CAUSES.into_iter().collect());
    let with_fixture: BTreeSet<String> = folders(&fixtures())
        .iter()
        .map(|dir| dir.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        with_fixture,
        CAUSES.into_iter().map(str::to_owned).collect()
    );
}
