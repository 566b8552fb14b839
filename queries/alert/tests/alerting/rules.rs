//! The built-in rules on a fleet whose answers are known, over time.

use jiff::{SignedDuration, Timestamp};
use patchlens_alert::evaluate::{Finding, Moment, data_time, evaluate};
use patchlens_alert::history::{Span, back_test};
use patchlens_alert::rule;
use patchlens_alert::state::State;
use patchlens_queries::{Store, testing};

const FLEET: &str = include_str!("fleet.sql");

pub(crate) async fn fleet() -> Option<Store> {
    fleet_and("").await
}

/// The fleet, and what else a test wants to be there.
async fn fleet_and(more: &str) -> Option<Store> {
    let store = testing::fresh_store().await?;
    let text = format!("{FLEET}\n{more}");
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with("--"))
        .flat_map(|line| [line, "\n"])
        .collect();
    for statement in text
        .split(";\n")
        .filter(|statement| !statement.trim().is_empty())
    {
        store.execute("load the fleet", statement).await.unwrap();
    }
    store.refresh_outdated().await.unwrap();
    Some(store)
}

pub(crate) async fn found(store: &Store, name: &str, at: &str) -> Vec<Finding> {
    let rules = rule::load(None).unwrap();
    let rule = rules.iter().find(|rule| rule.name == name).unwrap();
    let at: Timestamp = at.parse().unwrap();
    evaluate(
        store,
        rule,
        Moment {
            as_of: Some(at),
            now: at,
        },
    )
    .await
    .unwrap()
}

fn label<'a>(finding: &'a Finding, name: &str) -> &'a str {
    finding.labels.get(name).map_or("", String::as_str)
}

#[tokio::test]
async fn a_spike_is_what_earlier_rollouts_did_not_have_by_the_same_day() {
    let Some(store) = fleet().await else { return };
    // The third day after the release: 12 of 60 in August, 1 of 60 in July; the code that 6 had in both is usual.
    let spikes = found(&store, "error-code-spike", "2024-08-16T20:00:00Z").await;
    assert_eq!(spikes.len(), 1, "{spikes:#?}");
    let spike = &spikes[0];
    assert_eq!(
        (
            label(spike, "error_code"),
            label(spike, "ring"),
            label(spike, "kb_article")
        ),
        ("0x80073712", "Broad", "KB5041580")
    );
    assert_eq!((spike.devices, spike.sample_devices.len()), (12, 10));
    assert!(
        spike.explanation.en.contains("12 of 60 devices")
            && spike.explanation.en.contains("it was 1 of 60"),
        "{}",
        spike.explanation.en
    );
    assert!(spike.p_value.unwrap() < 0.001);
    // A day earlier there was nothing yet, and when the devices have the update it is over.
    assert!(
        found(&store, "error-code-spike", "2024-08-14T20:00:00Z")
            .await
            .is_empty()
    );
    assert!(
        found(&store, "error-code-spike", "2024-08-25T20:00:00Z")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn without_an_earlier_rollout_the_rings_own_days_are_the_measure() {
    let Some(store) = fleet().await else { return };
    store.execute("forget July", "INSERT INTO rollout (rollout_id, name, kb_article, updated_at) VALUES ('2024-07', '2024-07', 5040427, now64(6) + 1)").await.unwrap();
    let spikes = found(&store, "error-code-spike", "2024-08-16T20:00:00Z").await;
    assert_eq!(spikes.len(), 1, "{spikes:#?}");
    assert!(
        !spikes[0].explanation.en.contains("earlier updates")
            && spikes[0].explanation.en.contains("in the 14 days before"),
        "{}",
        spikes[0].explanation.en
    );
}

#[tokio::test]
async fn a_code_and_a_cluster_are_new_once() {
    let Some(store) = fleet().await else { return };
    let codes = found(&store, "new-error-code", "2024-08-17T20:00:00Z").await;
    let codes: Vec<(&str, u64)> = codes
        .iter()
        .map(|finding| (label(finding, "error_code"), finding.devices))
        .collect();
    // 0x80073712 was seen in July.
    assert_eq!(codes, [("0x800f0922", 4)]);
    assert!(
        found(&store, "new-error-code", "2024-08-25T20:00:00Z")
            .await
            .is_empty()
    );
    let clusters = found(&store, "new-cluster", "2024-08-17T20:00:00Z").await;
    let clusters: Vec<(&str, u64)> = clusters
        .iter()
        .map(|finding| (label(finding, "cluster_key"), finding.devices))
        .collect();
    assert_eq!(clusters, [("v1:advanced-installer-failed:firewall", 4)]);
    // Chinese readers get the cause's Chinese name.
    let cluster = &found(&store, "new-cluster", "2024-08-17T20:00:00Z").await[0];
    assert!(
        cluster.summary.zh.contains("新故障簇") && !cluster.summary.zh.contains("advanced-"),
        "{}",
        cluster.summary.zh
    );
}

#[tokio::test]
async fn a_cluster_that_grows_faster_than_before_is_found() {
    let Some(store) = fleet().await else { return };
    let grown = found(&store, "cluster-growth", "2024-08-16T20:00:00Z").await;
    assert_eq!(grown.len(), 1, "{grown:#?}");
    assert_eq!(
        label(&grown[0], "cluster_key"),
        "v1:component-store-corrupt:dot3gpui.dll"
    );
    assert!(
        grown[0].summary.en.starts_with("12 more devices in 24 h"),
        "{}",
        grown[0].summary.en
    );
    assert!(
        found(&store, "cluster-growth", "2024-08-19T20:00:00Z")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn behind_the_plan_rolled_back_and_silent() {
    let Some(store) = fleet().await else { return };
    // On day 7 of 14 half of 95 % of 80 devices should have it.
    let behind = found(&store, "compliance-behind-plan", "2024-08-21T00:00:00Z").await;
    assert_eq!(behind.len(), 1, "{behind:#?}");
    assert_eq!((label(&behind[0], "ring"), behind[0].devices), ("Pilot", 9));
    let waves = found(&store, "rollback-wave", "2024-08-17T20:00:00Z").await;
    assert_eq!(waves.len(), 1, "{waves:#?}");
    assert_eq!((label(&waves[0], "ring"), waves[0].devices), ("Broad", 4));
    assert!(
        found(&store, "rollback-wave", "2024-08-16T02:00:00Z")
            .await
            .is_empty()
    );
    let silent = found(&store, "devices-silent", "2024-08-26T00:00:00Z").await;
    assert_eq!(silent.len(), 1, "{silent:#?}");
    assert_eq!((label(&silent[0], "ring"), silent[0].devices), ("Pilot", 6));
    // Before, they still reported: their records tell, though the table of devices knows only the newest report.
    assert!(
        found(&store, "devices-silent", "2024-08-18T00:00:00Z")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn an_empty_store_raises_nothing() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let at: Timestamp = "2024-08-20T00:00:00Z".parse().unwrap();
    for rule in rule::load(None).unwrap() {
        let found = evaluate(
            &store,
            &rule,
            Moment {
                as_of: Some(at),
                now: at,
            },
        )
        .await
        .unwrap();
        assert_eq!(found, [], "{}", rule.name);
    }
}

#[tokio::test]
async fn a_back_test_tells_when_what_would_have_been_raised_and_when_it_would_have_ended() {
    let Some(store) = fleet().await else { return };
    let rules: Vec<_> = rule::load(None)
        .unwrap()
        .into_iter()
        .filter(|rule| rule.name == "error-code-spike")
        .collect();
    let span = Span {
        from: "2024-08-13T00:00:00Z".parse().unwrap(),
        to: "2024-08-26T00:00:00Z".parse().unwrap(),
        step: SignedDuration::from_hours(6),
    };
    let (changes, alerts) = back_test(&store, &rules, span, |_, _| {}).await.unwrap();
    let told: Vec<(&str, State)> = changes
        .iter()
        .map(|change| (change.at.as_str(), change.state))
        .collect();
    assert_eq!(
        told,
        [
            ("2024-08-16T12:00:00Z", State::Active),
            ("2024-08-23T00:00:00Z", State::Resolved)
        ]
    );
    assert!(alerts.values().all(|alert| alert.state == State::Resolved));
    // Nothing was kept.
    assert_eq!(
        store
            .query_text("SELECT count() FROM alert", "TSV")
            .await
            .unwrap(),
        "0\n"
    );
}

#[tokio::test]
async fn one_clock_that_is_years_behind_makes_no_history() {
    // On the second day of a fleet every code is new to it, and no news.
    let old = "INSERT INTO update_attempt (device_id, attempt_id, kb_article, started_at, ended_at, outcome, generation, is_deleted)
        SELECT 'PC-000', concat('old', toString(number)), 4000000 + number, '2017-01-01 08:00:00', '2017-01-01 09:00:00', 'installed', 1, 0 FROM numbers(9);\n";
    let Some(store) = fleet_and(old).await else {
        return;
    };
    let codes = found(&store, "new-error-code", "2024-07-12T07:00:00Z").await;
    assert!(codes.is_empty(), "{codes:#?}");
    // Later the fleet has a history of its own.
    assert_eq!(
        found(&store, "new-error-code", "2024-08-17T20:00:00Z")
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn an_installation_that_is_taken_back_afterwards_leaves_the_device_without() {
    let before = "INSERT INTO update_attempt (device_id, attempt_id, kb_article, started_at, ended_at, outcome, generation, is_deleted)
        SELECT concat('PC-', leftPad(toString(number), 3, '0')), 'before', 5041580, '2024-08-16 06:00:00', '2024-08-16 07:00:00', 'installed', 1, 0 FROM numbers(40, 4);\n";
    let Some(store) = fleet_and(before).await else {
        return;
    };
    let waves = found(&store, "rollback-wave", "2024-08-17T20:00:00Z").await;
    assert_eq!(waves.len(), 1, "{waves:#?}");
    assert_eq!(waves[0].devices, 4);
    // Installed after the rollback: over.
    let Some(store) = fleet_and(&before.replace("16 06", "17 06").replace("16 07", "17 07")).await
    else {
        return;
    };
    let waves = found(&store, "rollback-wave", "2024-08-17T20:00:00Z").await;
    assert!(waves.is_empty(), "{waves:#?}");
}

/// Inserts one attempt of each of some devices from `first` on.
fn attempts(
    (first, devices): (u32, u32),
    id: &str,
    kb: &str,
    at: &str,
    outcome: &str,
    code: &str,
) -> String {
    format!(
        "INSERT INTO update_attempt (device_id, attempt_id, kb_article, started_at, ended_at, outcome, error_code, generation, is_deleted)
        SELECT concat('PC-', leftPad(toString(number), 3, '0')), '{id}', {kb}, '{at}', '{at}', '{outcome}', {code}, 1, 0 FROM numbers({first}, {devices});\n"
    )
}

#[tokio::test]
async fn a_failure_that_names_no_update_ends_with_the_next_update_of_windows() {
    let more = [
        attempts(
            (44, 4),
            "scan",
            "NULL",
            "2024-08-16 10:00:00",
            "failed",
            "0x80070bc9",
        ),
        // Definitions come every day, and say nothing.
        attempts(
            (44, 4),
            "defs",
            "2267602",
            "2024-08-16 11:00:00",
            "installed",
            "NULL",
        ),
        attempts(
            (44, 4),
            "next",
            "5042349",
            "2024-08-18 09:00:00",
            "installed",
            "NULL",
        ),
    ];
    let Some(store) = fleet_and(&more.concat()).await else {
        return;
    };
    let at = async |at| {
        let found = found(&store, "new-error-code", at).await;
        let of_code = found
            .iter()
            .find(|finding| label(finding, "error_code") == "0x80070bc9");
        of_code.map(|finding| finding.devices)
    };
    assert_eq!(at("2024-08-17T20:00:00Z").await, Some(4));
    assert_eq!(at("2024-08-18T20:00:00Z").await, None);
}

#[tokio::test]
async fn an_installation_ends_the_failures_before_it_and_not_those_after_it() {
    // PC-048 to PC-059 have had the update since 16 August; they fail with a new code afterwards.
    let more = [
        attempts(
            (48, 12),
            "again",
            "5041580",
            "2024-08-17 09:00:00",
            "failed",
            "0x80070bca",
        ),
        attempts(
            (48, 12),
            "repair",
            "5041580",
            "2024-08-18 09:00:00",
            "installed",
            "NULL",
        ),
        attempts(
            (48, 12),
            "relapse",
            "5041580",
            "2024-08-19 09:00:00",
            "failed",
            "0x80070bca",
        ),
    ];
    let Some(store) = fleet_and(&more.concat()).await else {
        return;
    };
    for (time, open) in [
        ("2024-08-17T20:00:00Z", Some(12)),
        ("2024-08-18T20:00:00Z", None),
        ("2024-08-19T20:00:00Z", Some(12)),
    ] {
        for rule in ["new-error-code", "error-code-spike"] {
            let found = found(&store, rule, time).await;
            let of_code = found
                .iter()
                .find(|finding| label(finding, "error_code") == "0x80070bca");
            assert_eq!(
                of_code.map(|finding| finding.devices),
                open,
                "{rule} {time}"
            );
        }
    }
}

#[tokio::test]
async fn a_cluster_is_over_when_its_devices_were_repaired_whatever_they_install_later() {
    let more = [
        attempts((40, 4), "repair", "5041580", "2024-08-18 09:00:00", "installed", "NULL"),
        attempts((40, 4), "reinstall", "5041580", "2024-08-22 09:00:00", "installed", "NULL"),
        "INSERT INTO diagnosis SELECT * REPLACE (0 AS is_open, 2 AS generation) FROM diagnosis FINAL WHERE cluster_key = 'v1:advanced-installer-failed:firewall';\n".to_owned(),
    ];
    let Some(store) = fleet_and(&more.concat()).await else {
        return;
    };
    let at = async |at| found(&store, "new-cluster", at).await.len();
    assert_eq!(at("2024-08-17T20:00:00Z").await, 1);
    assert_eq!(at("2024-08-19T20:00:00Z").await, 0);
}

#[tokio::test]
async fn what_was_compared_counts_also_where_too_few_devices_are_concerned() {
    let Some(store) = fleet().await else { return };
    let alone = found(&store, "cluster-growth", "2024-08-16T20:00:00Z").await;
    // Nineteen more clusters that have been there since July, of one device each.
    let others = "INSERT INTO diagnosis (device_id, diagnosis_id, rank, attempt_id, kb_article, cause, cluster_key, first_seen_at, last_seen_at, is_open, generation, is_deleted)
        SELECT concat('PC-', leftPad(toString(number), 3, '0')), 'other', 0, 'j', 5040427, 'disk-full', concat('v1:disk-full:', toString(number)), '2024-07-11 09:00:00', '2024-07-11 09:00:00', 1, 1, 0 FROM numbers(50, 19);\n";
    let Some(store) = fleet_and(others).await else {
        return;
    };
    let among = found(&store, "cluster-growth", "2024-08-16T20:00:00Z").await;
    let chance = |found: &[Finding]| found[0].p_value.unwrap();
    assert_eq!((alone.len(), among.len()), (1, 1));
    assert!(
        (chance(&among) / (20.0 * chance(&alone)) - 1.0).abs() < 1e-6,
        "{among:#?}"
    );
}

#[tokio::test]
async fn a_plan_in_a_store_in_which_nothing_has_reported_is_behind_nothing() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    for statement in [
        "INSERT INTO rollout (rollout_id, name, kb_article, release_at, started_at, deadline_at, target_builds) VALUES ('2024-08', '2024-08', 5041580, '2024-08-13 17:00:00', '2024-08-14 00:00:00', '2024-08-28 00:00:00', '{}')",
        "INSERT INTO rollout_device (rollout_id, device_id, site, ring, excluded, exclusion_reason) SELECT '2024-08', concat('PC-', toString(number)), 'North', 'Broad', 0, '' FROM numbers(80)",
    ] {
        store.execute("load a plan", statement).await.unwrap();
    }
    store.refresh_outdated().await.unwrap();
    let now: Timestamp = "2024-08-27T00:00:00Z".parse().unwrap();
    assert_eq!(data_time(&store, now).await.unwrap(), None);
    let rules: Vec<_> = rule::load(None)
        .unwrap()
        .into_iter()
        .filter(|rule| rule.name == "compliance-behind-plan")
        .collect();
    let at = async |as_of| {
        evaluate(&store, &rules[0], Moment { as_of, now })
            .await
            .unwrap()
            .len()
    };
    // The rule itself would speak: there are a plan and a day.
    assert_eq!((at(None).await, at(Some(now)).await), (0, 1));
    let span = Span {
        from: "2024-08-20T00:00:00Z".parse().unwrap(),
        to: now,
        step: SignedDuration::from_hours(24),
    };
    let (changes, _) = back_test(&store, &rules, span, |_, _| {}).await.unwrap();
    assert_eq!(changes, []);
}
