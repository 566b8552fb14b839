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
    let names: Vec<&str> = boards.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "patchlens-clusters",
            "patchlens-codes",
            "patchlens-pipeline",
            "patchlens-rollout"
        ]
    );
    boards
}

/// A panel's SQL as Grafana sends it: variables and the data source's macros filled for the last year.
fn expanded(sql: &str, rollout: &str) -> String {
    let mut sql = sql.replace("${rollout}", rollout);
    for (macro_name, range) in [
        ("$__dateFilter(", "{} >= today() - 365 AND {} <= today()"),
        (
            "$__timeFilter(",
            "{} >= now() - toIntervalDay(365) AND {} <= now()",
        ),
    ] {
        while let Some((before, after)) = sql.split_once(macro_name) {
            let (column, rest) = after.split_once(')').expect("a macro is closed");
            sql = format!("{before}({}){rest}", range.replace("{}", column));
        }
    }
    assert!(
        !sql.contains('$'),
        "a macro or variable that the test does not know: {sql}"
    );
    sql
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
                let sql = expanded(target["rawSql"].as_str().unwrap(), &rollout);
                let rows = patchlens.rows(&sql);
                // Empty on a healthy pipeline, a rollout without untried devices, and before any alert.
                let may_be_empty = ["Rejects by reason", "Devices at risk", "Active alerts"]
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
