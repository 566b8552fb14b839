//! What robots and webhooks are sent.

use super::*;
use crate::Bilingual;
use crate::rule::Severity;

fn alert(summary: &str) -> Alert {
    Alert {
        alert_id: "a1".to_owned(),
        rule: "new-cluster".to_owned(),
        title: Bilingual {
            en: "New failure cluster".to_owned(),
            zh: "新故障簇".to_owned(),
        },
        severity: Severity::Warning,
        state: State::Active,
        labels: BTreeMap::from([("alertname".to_owned(), "new-cluster".to_owned())]),
        devices: 3,
        sample_devices: vec!["PC-1".to_owned(), "PC-2".to_owned()],
        expected: None,
        p_value: None,
        summary: Bilingual {
            en: summary.to_owned(),
            zh: summary.to_owned(),
        },
        explanation: Bilingual {
            en: "because".to_owned(),
            zh: "因为".to_owned(),
        },
        link: "/clusters/x".to_owned(),
        times_raised: 1,
        quiet_evaluations: 0,
        started_at: "2024-08-13T10:00:00Z".parse().unwrap(),
        found_at: "2024-08-13T10:00:00Z".parse().unwrap(),
        ended_at: None,
        updated_at: "2024-08-13T10:00:00Z".parse().unwrap(),
    }
}

fn said(template: &str, summaries: &[&str]) -> Value {
    let bodies: Vec<WebhookBody> = summaries
        .iter()
        .map(|summary| body(&alert(summary), Language::Zh, "https://p.example/"))
        .collect();
    Template::parse(template)
        .unwrap()
        .fill(&bodies, Language::Zh)
}

#[test]
fn robots_get_the_form_that_they_take() {
    let wecom = said("wecom", &["three devices"]);
    assert_eq!(wecom["msgtype"], "markdown");
    let text = wecom["markdown"]["content"].as_str().unwrap();
    for part in [
        "### 🟠 新故障簇",
        "three devices",
        "> 因为",
        "设备: PC-1, PC-2",
        "[详情](https://p.example/alerts/a1)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let dingtalk = said("dingtalk", &["one", "two"]);
    assert_eq!(dingtalk["markdown"]["title"], "patchlens：2 条告警");
    assert!(
        dingtalk["markdown"]["text"]
            .as_str()
            .unwrap()
            .contains("two")
    );
}

#[test]
fn logged_text_makes_no_links_mentions_colours_or_headings_and_stays_in_its_string() {
    let hostile = "\"}}\n# head <font color=\"red\">x</font> [click](http://evil.example) <@all> @all **b** `c` {markdown}";
    let message = said("wecom", &[hostile]);
    let text = message["markdown"]["content"].as_str().unwrap();
    assert_eq!(message.as_object().unwrap().len(), 2, "{message}");
    assert_eq!(text.matches('[').count(), 1, "only our own link: {text}");
    assert_eq!(text.matches('#').count(), 3, "only our own heading: {text}");
    for mark in ["<", "@", "*", "`"] {
        assert!(!text.contains(mark), "{mark}: {text}");
    }
}

#[test]
fn a_message_stays_within_what_robots_take_and_says_what_is_left_out() {
    let long = "界".repeat(3000);
    let message = said("wecom", &vec![long.as_str(); 20]);
    let text = message["markdown"]["content"].as_str().unwrap();
    assert!(text.len() <= 4096, "{}", text.len());
    assert!(text.contains("另有"), "{text}");
}

#[test]
fn a_template_of_ones_own_is_checked_before_it_is_used() {
    assert_eq!(
        said(
            r#"{"a": ["{severity}: {summary}", 1, null], "b": {"c": "{count} at {link}"}}"#,
            &["x"]
        ),
        serde_json::json!({"a": ["warning: x", 1, null], "b": {"c": "1 at https://p.example/alerts/a1"}})
    );
    for (template, named) in [
        ("{", "not JSON"),
        (r#"{"a": "{secret}"}"#, "secret"),
        (r#"{"a": "{summary"}"#, "}"),
    ] {
        let problem = Template::parse(template).unwrap_err();
        assert!(problem.contains(named), "{problem}");
    }
}
