//! What views count over is made for each device: bit by bit it must come to the same as all at once, and what was
//! missed must be found.

use patchlens_queries::{Store, testing};

use crate::views;

/// Everything of both tables but when it was made, and when plans were written.
async fn made(store: &Store) -> String {
    let mut all = String::new();
    for sql in [
        "SELECT * EXCEPT (version, planned_at) FROM device_digest FINAL ORDER BY device_id",
        "SELECT * EXCEPT (version, planned_at) FROM device_standing FINAL ORDER BY rollout_id, device_id",
        "SELECT * FROM device_compliance ORDER BY rollout_id, device_id",
        "SELECT * FROM cluster_device ORDER BY cluster_key, device_id",
        "SELECT * FROM device_factor ORDER BY device_id, factor, value",
        "SELECT * FROM error_code_daily ORDER BY day, site, ring, error_code",
        "SELECT * FROM remedy_effect ORDER BY cause, cluster_key",
    ] {
        all += &store.query_text(sql, "TSV").await.unwrap();
        all.push('\n');
    }
    all
}

/// A device is repaired, one fails anew, one reports for the first time, and one logs a code.
const CHANGES: [(&str, &[&str]); 4] = [
    (
        "PC-03",
        &[
            "INSERT INTO update_attempt (device_id, attempt_id, kb_article, started_at, ended_at, outcome, furthest_client_substate, generation) VALUES ('PC-03', 'later', 5041580, '2024-08-20 10:00:00', '2024-08-20 11:00:00', 'installed', 'UpdateInstalled', 9)",
            "INSERT INTO diagnosis (device_id, diagnosis_id, generation, is_deleted) SELECT device_id, diagnosis_id, 9, 1 FROM diagnosis FINAL WHERE device_id = 'PC-03'",
            "INSERT INTO device (device_id, device_name, os_build, os_build_number, ubr, model, site, last_seen_at, facts, generation) VALUES ('PC-03', 'pc-03', '10.0.19045.4780', 19045, 4780, 'M1', 'South', '2024-08-20 12:00:00', '{}', 9)",
        ],
    ),
    (
        "PC-02",
        &[
            "INSERT INTO diagnosis (device_id, diagnosis_id, rank, attempt_id, kb_article, cause, culprit, confidence, cluster_key, first_seen_at, last_seen_at, is_open, generation) VALUES ('PC-02', 'new', 0, 'x', 5041580, 'new-cause', 'x.dll', 0.9, 'v1:new', '2024-08-20 10:00:00', '2024-08-20 11:00:00', 1, 9)",
            "INSERT INTO evidence (device_id, diagnosis_id, seq, source, source_file, line_number, text, role, generation) VALUES ('PC-02', 'new', 0, 'cbs_log', 'CBS.log', 7, 'it says x.dll', 'culprit', 9)",
            "INSERT INTO device (device_id, device_name, os_build, os_build_number, ubr, last_seen_at, facts, generation) VALUES ('PC-02', 'pc-02', '10.0.19045.4651', 19045, 4651, '2024-08-20 12:00:00', '{\"security_products\":\"GuardX\"}', 9)",
        ],
    ),
    (
        "PC-11",
        &[
            "INSERT INTO device (device_id, device_name, os_build, os_build_number, ubr, last_seen_at, facts, generation) VALUES ('PC-11', 'till-11', '10.0.17763.6054', 17763, 6054, '2024-08-20 12:00:00', '{}', 9)",
        ],
    ),
    (
        "PC-05",
        &[
            "INSERT INTO noise_profile (device_id, event_id, source, template, error_code, day, count) VALUES ('PC-05', 'n', 'cbs_log', 't', 2147942405, '2024-08-19', 12)",
        ],
    ),
];

#[tokio::test]
async fn bit_by_bit_comes_to_the_same_as_all_at_once() {
    let (Some(slow), Some(fast)) = (testing::fresh_store().await, testing::fresh_store().await)
    else {
        return;
    };
    views::load(&slow).await;
    views::load_facts(&fast).await;
    let before = made(&slow).await;
    for (device, statements) in CHANGES {
        for store in [&slow, &fast] {
            for statement in statements {
                store.execute("change a device", statement).await.unwrap();
            }
        }
        slow.refresh_devices(&[device.to_owned()]).await.unwrap();
    }
    fast.refresh_outdated().await.unwrap();
    let (bit_by_bit, at_once) = (made(&slow).await, made(&fast).await);
    assert_same(&bit_by_bit, &at_once);
    assert_ne!(before, at_once);
    // Made again it is the same again.
    slow.refresh_devices(&CHANGES.map(|(device, _)| device.to_owned()))
        .await
        .unwrap();
    assert_same(&made(&slow).await, &at_once);
}

#[track_caller]
fn assert_same(left: &str, right: &str) {
    for (left, right) in left.lines().zip(right.lines()) {
        assert_eq!(left, right);
    }
    assert_eq!(left.len(), right.len());
}

/// Apps of the Store are installed every day: they say nothing of an update of Windows that failed and names no article.
#[tokio::test]
async fn an_app_of_the_store_makes_no_failed_update_good() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let attempt = |device: &str, hour: u32, title: &str, outcome: &str, code: &str| {
        let at = format!("2024-08-20 {hour}:00:00");
        format!(
            "INSERT INTO update_attempt (device_id, attempt_id, title, started_at, ended_at, outcome, error_code, generation) VALUES ('{device}', '{hour}', '{title}', '{at}', '{at}', '{outcome}', {code}, 1)"
        )
    };
    let later = [
        ("APP", "9WZDNCRFJ3TJ-Example.App"),
        (
            "PACKAGE",
            "Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.4780.1.7",
        ),
        ("BUILD", ""),
    ];
    for (device, title) in later {
        let failed = attempt(device, 10, "", "failed", "0x800f0922");
        let installed = attempt(device, 11, title, "installed", "NULL");
        for statement in [failed, installed] {
            store.execute("try an update", &statement).await.unwrap();
        }
    }
    store.refresh_outdated().await.unwrap();
    let ends = "SELECT device_id, lapses[1].3 FROM update_try ORDER BY device_id";
    assert_eq!(
        store.query_text(ends, "TSV").await.unwrap(),
        "APP\t\\N\nBUILD\t2024-08-20 11:00:00.000000\nPACKAGE\t2024-08-20 11:00:00.000000\n"
    );
}

#[tokio::test]
async fn what_a_crash_or_a_plan_left_outdated_is_found() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    views::load(&store).await;
    assert_eq!(store.refresh_outdated().await.unwrap(), 0);
    let whole = made(&store).await;

    // Killed between the two tables: the newer device has its digest and not its standing.
    store
        .execute("lose the standings", "TRUNCATE TABLE device_standing")
        .await
        .unwrap();
    assert_eq!(store.refresh_outdated().await.unwrap(), 16);
    assert_eq!(made(&store).await, whole);

    // Killed before both.
    let newer = "INSERT INTO device SELECT * REPLACE (generation + 1 AS generation, 'Elsewhere' AS model) FROM device FINAL WHERE device_id = 'PC-07'";
    store.execute("report a device", newer).await.unwrap();
    assert_eq!(store.refresh_outdated().await.unwrap(), 1);
    let model = "SELECT value FROM device_factor WHERE device_id = 'PC-07' AND factor = 'model'";
    assert_eq!(store.query_text(model, "TSV").await.unwrap(), "Elsewhere\n");

    // A plan that was written in SQL.
    let plan = "INSERT INTO rollout_device (rollout_id, device_id, site, ring, excluded, exclusion_reason, updated_at) VALUES ('2024-08-b', 'PC-01', 'North', 'Pilot', 1, 'retired', now64(6) + 1)";
    store.execute("exclude a device", plan).await.unwrap();
    assert_eq!(store.refresh_outdated().await.unwrap(), 1);
    let state = "SELECT state, exclusion_reason FROM device_compliance WHERE device_id = 'PC-01'";
    assert_eq!(
        store.query_text(state, "TSV").await.unwrap(),
        "excluded\tretired\n"
    );
    assert_eq!(store.refresh_outdated().await.unwrap(), 0);
}

/// The clock of the store may be set back: a row that is made later still counts.
#[tokio::test]
async fn a_clock_that_was_set_back_hides_nothing() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    views::load(&store).await;
    for table in ["device_digest", "device_standing"] {
        let sql = format!(
            "INSERT INTO {table} SELECT * REPLACE (version + 1000000000000 AS version) FROM {table} FINAL"
        );
        store
            .execute("pretend that the clock was ahead", &sql)
            .await
            .unwrap();
    }
    let newer = "INSERT INTO device SELECT * REPLACE (generation + 1 AS generation, 4780 AS ubr) FROM device FINAL WHERE device_id = 'PC-07'";
    store.execute("report a device", newer).await.unwrap();
    assert_eq!(store.refresh_outdated().await.unwrap(), 1);
    let state = "SELECT compliance FROM device_compliance WHERE device_id = 'PC-07'";
    assert_eq!(store.query_text(state, "TSV").await.unwrap(), "Latest\n");
}
