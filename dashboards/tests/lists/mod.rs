//! Lists of devices and clusters: filters, links, and whose states they show.

use axum::http::StatusCode;
use serde_json::Value;

use super::{get, json, over, page, seed, seeded};

#[tokio::test]
async fn filters_narrow_the_lists_and_stay_in_the_links() {
    let Some((app, _store)) = seeded().await else {
        return;
    };
    let failed = json(&app, "/api/v1/devices?rollout=2024-08-b&state=failed").await;
    assert_eq!(failed.as_array().unwrap().len(), 24);
    let of_site = json(&app, "/api/v1/devices?state=failed&site=Chengdu").await;
    assert!(
        !of_site.as_array().unwrap().is_empty()
            && of_site
                .as_array()
                .unwrap()
                .iter()
                .all(|row| row["site"] == "Chengdu")
    );
    let html = page(&app, "/clusters?site=Chengdu").await;
    assert!(
        html.contains("<option value=\"Chengdu\" selected>")
            && html.contains("/clusters.csv?site=Chengdu"),
        "{html}"
    );
    let open = json(&app, "/api/v1/clusters?site=Chengdu").await;
    let all = json(&app, "/api/v1/clusters?open=all").await;
    let devices = |value: &Value| {
        value["clusters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["open_devices"].as_u64().unwrap())
            .sum::<u64>()
    };
    assert!(devices(&open) < devices(&all));
    assert_eq!(devices(&all), 24);
    for wrong in ["0", "false", "x"] {
        let refused = get(&app, &format!("/api/v1/clusters?open={wrong}"), &[]).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    }
    let refused = get(&app, "/devices?state=x%22%3E", &[]).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(get(&app, "/devices?page=0", &[]).await.status == StatusCode::BAD_REQUEST);
}

/// A second plan hides nothing, and what no plan names is seen where it fails.
#[tokio::test]
async fn the_devices_page_says_whose_states_it_shows() {
    let Some((_, store)) = seeded().await else {
        return;
    };
    let more = "INSERT INTO rollout (rollout_id, name, kb_article, started_at, target_builds)
            SELECT 'next', 'Next month', 5043064, now64(6) + toIntervalDay(20), '{}';
        INSERT INTO rollout_device (rollout_id, device_id) VALUES ('next', 'lonely');
        INSERT INTO device (device_id, device_name, last_seen_at, generation) SELECT 'outside', 'outside', now64(6) - 60, 1;
        INSERT INTO diagnosis (device_id, diagnosis_id, rank, cause, confidence, cluster_key, first_seen_at, last_seen_at, is_open, generation)
            SELECT 'outside', 'd', 0, 'disk-space', 0.9, 'v1:out', now64(6) - 60, now64(6) - 60, 1, 1;
";
    seed::fill(&store, more).await.unwrap();
    let app = over(&store);
    let ids = async |address: &str| -> Vec<String> {
        let rows = json(&app, address).await;
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["device_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let failed = ids("/api/v1/devices?state=failed").await;
    assert_eq!(failed.len(), 25);
    assert!(failed.contains(&"outside".to_owned()));
    assert_eq!(ids("/api/v1/devices?rollout=next").await, ["lonely"]);
    let html = page(&app, "/devices").await;
    assert!(
        html.contains("current rollout: 2024-08 B release, branches (KB5041580)")
            && html.contains("<option value=\"next\">Next month (KB5043064)</option>"),
        "{html}"
    );
    let html = page(&app, "/devices?rollout=next").await;
    assert!(
        html.contains("of the rollout Next month (KB5043064)")
            && html.contains("<option value=\"next\" selected>"),
        "{html}"
    );
    assert!(
        page(&app, "/")
            .await
            .contains("2024-08 B release, branches")
    );
}
