//! The Grafana dashboards: every panel says what it shows, and its SQL runs on loaded data.

use serde_json::Value;

use crate::support::{Patchlens, engine, root};

fn boards() -> Vec<(String, Value)> {
    let folder = root().join("dashboards/grafana/dashboards");
    let mut boards: Vec<(String, Value)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_stem().unwrap().to_str().unwrap().to_owned(),
                serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap(),
            )
        })
        .collect();
    boards.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(boards.len() >= 3);
    boards
}

/// What is wrong with a dashboard; empty when nothing is.
fn faults(name: &str, board: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if board["uid"] != *name
        || !board["id"].is_null()
        || board["title"].as_str().unwrap_or_default().is_empty()
    {
        faults.push(format!(
            "{name}: uid must be the file name, id null, and a title set"
        ));
    }
    for panel in board["panels"].as_array().into_iter().flatten() {
        let place = format!("{name}, panel {}", panel["id"]);
        for key in ["title", "description"] {
            if panel[key].as_str().unwrap_or_default().is_empty() {
                faults.push(format!("{place}: no {key}"));
            }
        }
        if panel["fieldConfig"]["defaults"]["unit"]
            .as_str()
            .unwrap_or_default()
            .is_empty()
        {
            faults.push(format!("{place}: no unit"));
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            if target["datasource"]["uid"] != "${datasource}" {
                faults.push(format!("{place}: the data source is not the variable"));
            }
            let sql = target["rawSql"].as_str().unwrap_or_default().to_uppercase();
            if sql.is_empty() || sql.contains(" JOIN ") || sql.contains("SELECT *") {
                faults.push(format!(
                    "{place}: a panel selects columns of a view, and no more"
                ));
            }
        }
    }
    faults
}

#[test]
fn every_panel_is_described_and_reads_a_view() {
    for (name, board) in boards() {
        assert_eq!(faults(&name, &board), Vec::<String>::new());
    }
    let bad: Value = serde_json::json!({"uid": "x", "id": 1, "panels": [{"id": 1, "type": "stat", "targets": [{"rawSql": "SELECT * FROM a JOIN b"}]}]});
    assert_eq!(
        faults("y", &bad).len(),
        6,
        "the check catches what it is for"
    );
}

#[test]
fn every_panel_gets_rows_on_loaded_data() {
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new();
    patchlens.expect(
        0,
        &["demo", "--exit", "--devices", "110", "--format", "json"],
    );
    let rollout = patchlens.rows("SELECT rollout_id FROM patchlens.rollout FINAL")[0]["rollout_id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (name, board) in boards() {
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let sql = target["rawSql"]
                    .as_str()
                    .unwrap()
                    .replace("${rollout}", &rollout);
                let rows = patchlens.rows(&sql);
                // These two may be empty on a healthy pipeline or a rollout without untried devices.
                let may_be_empty = ["Rejects by reason", "Devices at risk"]
                    .contains(&panel["title"].as_str().unwrap());
                assert!(
                    may_be_empty || !rows.is_empty(),
                    "{name}: {} has no rows: {sql}",
                    panel["title"]
                );
            }
        }
    }
}
