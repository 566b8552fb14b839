//! Reports as people read them, and log text that tries to be more than text.

use super::cluster::{ClusterCase, DonorRow, EffectRow, EvidenceRow, FactorRow};
use super::rollout::{RolloutCase, WaitingRow};
use super::*;
use crate::reports::{ClusterDeviceRow, ClusterRow, RolloutSummary};

const HOSTILE: &str =
    "</pre><script>alert(1)</script> | ``` **bold** [x](javascript:alert(1)) \u{1b}[2J\n# heading";

fn case() -> ClusterCase {
    let device = |name: &str, is_open| ClusterDeviceRow {
        device_id: name.to_owned(),
        device_name: name.to_owned(),
        site: "Hangzhou".to_owned(),
        ring: "Broad".to_owned(),
        os_build: "10.0.19045.4651".to_owned(),
        error_code_hex: "0x8007000d".to_owned(),
        is_open,
        evidence_file: "CBS.log".to_owned(),
        evidence_line: 7,
        evidence_text: "text".to_owned(),
    };
    ClusterCase {
        cluster: ClusterRow {
            cluster_key: "v1:component-store-corrupt:dot3gpui.dll".to_owned(),
            cause: "component-store-corrupt".to_owned(),
            alert_subtype: "WindowsComponentCorruption".to_owned(),
            culprit: "dot3gpui.dll".to_owned(),
            devices: 2,
            open_devices: 1,
            status: "open".to_owned(),
            error_codes: vec!["0x8007000d".to_owned()],
            error_symbol: "ERROR_INVALID_DATA".to_owned(),
            inner_codes: Vec::new(),
            kb_articles: vec![5_041_580],
            sites: vec!["Hangzhou".to_owned()],
            rings: vec!["Broad".to_owned()],
            phase: "install".to_owned(),
            confidence_avg: 0.9,
            summary_en: "KB5041580 fails because the component store is damaged.".to_owned(),
            summary_zh: "KB5041580 安装失败，因为组件存储已损坏。".to_owned(),
            actions_en: vec![
                "Copy the file from a healthy device.".to_owned(),
                "Install KB5041580 again.".to_owned(),
            ],
            actions_zh: vec![
                "从正常设备复制该文件。".to_owned(),
                "再次安装 KB5041580。".to_owned(),
            ],
            example_device_id: "HZ-0001".to_owned(),
        },
        devices: vec![device("HZ-0001", 1), device("HZ-0002", 0)],
        evidence: vec![EvidenceRow {
            device_id: "HZ-0001".to_owned(),
            source_file: "CBS.log".to_owned(),
            line_number: 7,
            byte_offset: 812,
            record_id: None,
            text: HOSTILE.to_owned(),
        }],
        factors: vec![FactorRow {
            factor: "model".to_owned(),
            value: "HP ProDesk 400 G6 SFF".to_owned(),
            devices: 2,
            with_factor: 2,
            others: 95,
            others_with_factor: 15,
            p_value: Some(0.0292),
        }],
        effect: Some(EffectRow {
            installed_later: 1,
            failed_again: 1,
            failed_otherwise: 0,
            median_hours: Some(48.5),
        }),
        at_risk: 3,
        donors: vec![DonorRow {
            device_id: "HZ-0001".to_owned(),
            path: r"C:\Windows\System32\dot3gpui.dll".to_owned(),
            os_build: "10.0.19045.4651".to_owned(),
            donor_device_id: "HZ-0007".to_owned(),
        }],
    }
}

#[test]
fn a_cluster_reads_as_the_summary_of_a_closed_case() {
    insta::assert_snapshot!(
        "cluster_markdown_en",
        markdown(&case().document(Language::En))
    );
    insta::assert_snapshot!(
        "cluster_markdown_zh",
        markdown(&case().document(Language::Zh))
    );
    insta::assert_snapshot!("cluster_plain_en", plain(&case().document(Language::En)));
}

#[test]
fn log_text_is_no_mark_up() {
    let document = case().document(Language::En);
    let page = html(&document);
    assert!(!page.contains("<script"), "{page}");
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{page}"
    );
    assert_eq!(page.matches("</pre>").count(), 1);
    assert!(
        !page.contains('\u{1b}')
            && !markdown(&document).contains('\u{1b}')
            && !plain(&document).contains('\u{1b}')
    );
    let text = markdown(&document);
    // The fence is longer than the one in the record, so that the record cannot end it.
    assert!(text.contains("````text\n</pre>"), "{text}");
}

#[test]
fn text_outside_quotes_is_escaped_too() {
    let mut case = case();
    case.cluster.culprit = "<img src=x onerror=1> *a* | b\n# c".to_owned();
    case.devices[0].device_name = "- [x](y)".to_owned();
    let document = case.document(Language::En);
    let page = html(&document);
    assert!(!page.contains("<img"), "{page}");
    let text = markdown(&document);
    let title = text.lines().next().unwrap();
    assert!(
        title.contains(r"&lt;img src=x onerror=1&gt; \*a\* \| b \# c"),
        "{title}"
    );
    assert!(text.contains(r"| \- \[x\](y) |"), "{text}");
}

/// A rollout with an open and a closed cluster, after its deadline.
fn rollout() -> RolloutCase {
    let open = case().cluster;
    let closed = ClusterRow {
        cluster_key: "v1:over".to_owned(),
        open_devices: 0,
        ..open.clone()
    };
    RolloutCase {
        rollout: RolloutSummary {
            rollout_id: "2024-08-b".to_owned(),
            name: "August".to_owned(),
            kb_article: 5_041_580,
            started_at: Some("2024-08-15 00:00:00.000000".to_owned()),
            deadline_at: Some("2024-08-29 00:00:00.000000".to_owned()),
            as_of: Some("2024-08-30 09:00:00.000000".to_owned()),
            devices: 6,
            reporting: 4,
            stale: 1,
            never_seen: 1,
            excluded: 0,
            latest: 2,
            missing_one: 2,
            missing_multiple: 0,
            build_unknown: 0,
            failed: 1,
            in_progress: 0,
            pending_restart: 1,
            not_started: 0,
            late: 4,
        },
        clusters: vec![open, closed],
        waiting: vec![
            WaitingRow {
                device_name: "HZ-0009".to_owned(),
                site: "Hangzhou".to_owned(),
                ring: "Broad".to_owned(),
                state: "never_seen".to_owned(),
                since: None,
            },
            WaitingRow {
                device_name: "HZ-0008".to_owned(),
                site: "Hangzhou".to_owned(),
                ring: "Broad".to_owned(),
                state: "pending_restart".to_owned(),
                since: Some("2024-08-20 08:30:00.000000".to_owned()),
            },
        ],
    }
}

#[test]
fn a_rollout_says_when_what_blocks_it_and_who_says_nothing() {
    insta::assert_snapshot!(
        "rollout_markdown_en",
        markdown(&rollout().document(Language::En))
    );
    insta::assert_snapshot!("rollout_plain_zh", plain(&rollout().document(Language::Zh)));
}

#[test]
fn a_rollout_that_nothing_blocks_has_no_empty_tables() {
    let mut case = rollout();
    case.clusters.truncate(1);
    case.clusters[0].open_devices = 0;
    case.waiting.clear();
    case.rollout.late = 0;
    let text = markdown(&case.document(Language::En));
    assert!(
        text.contains("no device fails now") && text.contains("hold nobody back any more: 1"),
        "{text}"
    );
    for absent in ["| Failing", "Silent", "Late"] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
}
