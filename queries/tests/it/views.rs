//! Each view on a small fleet, against its golden result.
//!
//! `tests/fixtures/sql/<view>/query.sql` reads the view; `result.snap` beside it is what must come out.

use std::path::{Path, PathBuf};

use patchlens_queries::{Store, migration, testing};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sql");

pub(crate) async fn load(store: &Store) {
    load_facts(store).await;
    store.refresh_outdated().await.unwrap();
}

/// The fleet, and nothing made from it.
pub(crate) async fn load_facts(store: &Store) {
    // Data knows no comments: they stand behind the rows for the reader alone.
    let text = std::fs::read_to_string(Path::new(FIXTURES).join("fleet.sql")).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("--"))
        .map(|line| line.split(" -- ").next().unwrap())
        .collect();
    let text = lines.join("\n") + "\n";
    for statement in text
        .split(";\n")
        .filter(|statement| !statement.trim().is_empty())
    {
        store.execute("load the fleet", statement).await.unwrap();
    }
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(FIXTURES)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_view_has_a_golden_result() {
    let cases: Vec<String> = cases()
        .iter()
        .map(|case| case.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut views: Vec<String> = migration::views()
        .iter()
        .map(|(name, _)| {
            name.split_once('_')
                .unwrap()
                .1
                .trim_end_matches(".sql")
                .to_owned()
        })
        .collect();
    views.sort();
    assert_eq!(cases, views);
}

#[tokio::test]
async fn views_say_what_the_fleet_shows() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    load(&store).await;
    for case in cases() {
        let query = std::fs::read_to_string(case.join("query.sql")).unwrap();
        let result = store.query_text(&query, "TSVWithNames").await;
        let result = match result {
            Ok(result) => result,
            Err(error) => panic!("{}: {error}", case.display()),
        };
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&case);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("result", result));
    }
}

/// The sums that the comments promise hold for every row.
#[tokio::test]
async fn the_denominators_add_up() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    load(&store).await;
    let wrong = "SELECT rollout_id, ring, site FROM rollout_progress
        WHERE planned != excluded + eligible OR eligible != reporting + stale + never_seen
            OR reporting != installed + pending_restart + in_progress + failed + not_started
            OR reporting != latest + missing_one + missing_multiple + build_unknown";
    assert_eq!(store.query_text(wrong, "TSV").await.unwrap(), "");
    let summary = store.rollout_summary(None).await.unwrap().unwrap();
    assert_eq!(
        store.rollout_summary(Some("2024-08-b")).await.unwrap(),
        Some(summary.clone())
    );
    assert_eq!(
        store
            .rollout_summary(Some("no such rollout"))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        summary.devices,
        summary.reporting + summary.stale + summary.never_seen + summary.excluded
    );
    assert_eq!(
        summary.reporting,
        summary.latest + summary.missing_one + summary.missing_multiple + summary.build_unknown
    );
    assert_eq!(
        summary.reporting - summary.latest,
        summary.failed + summary.in_progress + summary.pending_restart + summary.not_started
    );
    assert_eq!(
        (summary.devices, summary.latest, summary.failed),
        (16, 3, 7)
    );
}

#[tokio::test]
async fn reports_read_what_the_views_give() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    load(&store).await;
    let clusters = store.clusters(None).await.unwrap();
    let shown: Vec<_> = clusters
        .iter()
        .map(|cluster| {
            (
                cluster.cluster_key.as_str(),
                cluster.open_devices,
                cluster.devices,
            )
        })
        .collect();
    assert_eq!(shown, [("v1:B", 4, 4), ("v1:A", 2, 3), ("v1:C", 1, 1)]);
    assert_eq!(clusters[0].error_codes, ["0x80070005", "0x8024200d"]);
    assert_eq!(store.clusters(Some("v1:C")).await.unwrap(), clusters[2..]);
    let devices = store.cluster_devices("v1:A").await.unwrap();
    assert_eq!(
        devices
            .iter()
            .map(|device| device.device_id.as_str())
            .collect::<Vec<_>>(),
        ["PC-03", "PC-04", "PC-02"]
    );
    assert!(
        store
            .cluster_devices("'; DROP TABLE device")
            .await
            .unwrap()
            .is_empty()
    );
}
