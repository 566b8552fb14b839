//! From rows to findings, without a store.

use serde_json::json;

use super::*;
use crate::rule;

fn spike() -> Rule {
    rule::load(None)
        .unwrap()
        .into_iter()
        .find(|rule| rule.name == "error-code-spike")
        .unwrap()
}

fn row(ring: &str, observed: u64) -> Map<String, Value> {
    let row = json!({
        "error_code": "0x80073712", "kb_article": "KB5041580", "update": "KB5041580", "ring": ring, "devices": observed, "sample_devices": ["PC-1\nPC-2"],
        "observed": observed, "trials": 60, "reference_observed": 1, "reference_trials": 254,
        "so_far": observed, "tried": 60, "day": 3, "earlier": 1, "earlier_tried": 254, "recent": 2, "recent_tried": 9, "recent_hours": 24,
        "baseline": null, "baseline_tried": 0, "baseline_days": 14,
    });
    row.as_object().unwrap().clone()
}

#[test]
fn only_what_chance_does_not_explain_is_found_and_it_says_why() {
    // The rate is (1 + 1) / (254 + 2), the chance of 14 of 60 is known to 17 digits (see tail), twice for two rows.
    let found = findings(&spike(), vec![row("Broad", 14), row("Pilot", 1)]).unwrap();
    assert_eq!(found.len(), 1);
    let only = &found[0];
    assert!((only.p_value.unwrap() / (2.0 * 3.909_880_562_973_467e-17) - 1.0).abs() < 1e-9);
    assert!((only.expected.unwrap() - 60.0 / 128.0).abs() < 1e-12);
    assert_eq!(only.labels["alertname"], "error-code-spike");
    assert_eq!(only.sample_devices, ["PC-1 PC-2"]);
    assert_eq!(
        only.summary.en,
        "0x80073712 on 14 of 60 devices in ring Broad with KB5041580; 0.469 expected"
    );
    assert_eq!(
        only.explanation.en,
        "So far 14 of 60 devices in ring Broad that tried KB5041580 failed with 0x80073712; 14 of them still lack the update. By day 3 after the release of earlier updates it was 1 of 254. Chance of 14 or more where 0.469 are expected (binomial, times the codes compared): 8e-17."
    );
    assert!(
        only.explanation.zh.contains("60 台设备迄今有 14 台"),
        "{}",
        only.explanation.zh
    );
    assert_eq!(only.link, "/codes?q=0x80073712");
}

#[test]
fn what_the_statement_compared_and_left_out_counts() {
    let chance = |compared: Option<u64>| {
        let mut row = row("Broad", 14);
        if let Some(compared) = compared {
            row.insert("compared".to_owned(), compared.into());
        }
        findings(&spike(), vec![row]).unwrap()[0].p_value.unwrap()
    };
    assert!((chance(Some(40)) / (40.0 * chance(None)) - 1.0).abs() < 1e-9);
    // Fewer than there are rows cannot have been compared.
    assert!((chance(Some(0)) / chance(None) - 1.0).abs() < 1e-9);
}

#[test]
fn a_label_that_is_empty_is_none_and_the_same_labels_are_one_alert() {
    let found = findings(&spike(), vec![row("", 14), row("", 20)]).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].devices, 20);
    assert!(!found[0].labels.contains_key("ring"));
    assert!(
        !found[0].summary.en.contains("in ring"),
        "{}",
        found[0].summary.en
    );
}

#[test]
fn long_labels_that_differ_at_their_ends_are_two_alerts_with_two_links() {
    let rule = rule::load(None)
        .unwrap()
        .into_iter()
        .find(|rule| rule.name == "new-cluster")
        .unwrap();
    let key = |end: &str| {
        format!(
            "v1:damaged-registry-key|hklm.components.{}.{end}",
            "a".repeat(700)
        )
    };
    let rows = ["one", "two"].map(|end| {
        let mut row: Map<String, Value> = std::iter::once(&rule.link)
            .chain([&rule.summary.en, &rule.summary.zh])
            .chain([&rule.explanation.en, &rule.explanation.zh])
            .flat_map(|sentence| text::gaps(sentence))
            .map(|gap| (gap.to_owned(), Value::from(1)))
            .collect();
        row.insert("cause".to_owned(), "damaged-registry-key".into());
        row.insert("cluster_key".to_owned(), key(end).into());
        row.insert("devices".to_owned(), 7.into());
        row
    });
    let found = findings(&rule, rows.into()).unwrap();
    let keys: Vec<&str> = found
        .iter()
        .map(|finding| finding.labels["cluster_key"].as_str())
        .collect();
    assert_eq!(keys, [key("one"), key("two")]);
    let ids: std::collections::BTreeSet<String> = found
        .iter()
        .map(|finding| crate::state::alert_id(&finding.labels))
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(found[0].link.contains(".one"), "{}", found[0].link);
}

#[test]
fn a_rule_that_finds_everything_tells_of_the_largest_first() {
    let rows = (0..5000)
        .map(|number| row(&format!("ring {number}"), 20 + number % 40))
        .collect();
    let found = findings(&spike(), rows).unwrap();
    assert_eq!(found.len(), 5000);
    assert_eq!(found[0].devices, 59);
}

#[test]
fn an_answer_that_lacks_a_column_is_named() {
    for (column, named) in [
        ("observed", "observed"),
        ("ring", "ring"),
        ("devices", "devices"),
        ("so_far", "so_far"),
    ] {
        let mut row = row("Broad", 14);
        row.remove(column);
        let error = findings(&spike(), vec![row]).unwrap_err().to_string();
        assert!(
            error.contains(named) && error.contains("queries/alerts/error-code-spike.toml"),
            "{error}"
        );
    }
}
