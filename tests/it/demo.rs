//! The main job: a simulated rollout goes in as log bundles and comes out as clusters.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Patchlens, bare, engine, installed, text, wait_for};

#[test]
fn the_demo_finds_what_the_simulation_hid() {
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new();
    let out = patchlens.expect(
        0,
        &[
            "demo",
            "--exit",
            "--devices",
            "110",
            "--seed",
            "7",
            "--format",
            "json",
        ],
    );
    let summary: Value = serde_json::from_str(&out).unwrap();

    let n = |key: &str| {
        summary["compliance"][key]
            .as_u64()
            .unwrap_or_else(|| panic!("no {key} in {summary}"))
    };
    assert_eq!(n("devices"), 110, "{summary}");
    assert_eq!(
        n("reporting") + n("stale") + n("never_seen") + n("excluded"),
        110,
        "the denominator is spelled out: {summary}"
    );
    assert!(n("never_seen") > 0 && n("latest") > 50, "{summary}");

    let truth: Value = serde_json::from_slice(
        &std::fs::read(patchlens.data_dir.path().join("demo/truth.json")).unwrap(),
    )
    .unwrap();
    let mut wrong = Vec::new();
    let diagnosed =
        patchlens.rows("SELECT device_id, cause FROM patchlens.diagnosis FINAL WHERE rank = 0");
    let mut failing = 0;
    for device in truth["devices"].as_array().unwrap() {
        let id = device["device_id"].as_str().unwrap();
        let got = diagnosed
            .iter()
            .find(|row| row["device_id"] == id)
            .map(|row| row["cause"].as_str().unwrap());
        let expected = device["cause"].as_str();
        failing += usize::from(expected.is_some());
        // A device that was repaired before its first upload shows the state after the repair: what it
        // lacked cannot be told from its logs.
        let cannot_be_told =
            device["remedied"] == true && device["scenario"] == "stack_missing_at_scan";
        if got != expected && !cannot_be_told && !device["silent"].as_bool().unwrap() {
            wrong.push(format!("{id}: expected {expected:?}, got {got:?}"));
        }
    }
    // The second wave's systeminfo states the build without its revision, and takes nothing from what is known.
    let builds = patchlens.numbers(
        "SELECT countIf(os_build != ''), countIf(os_build != '' AND ubr IS NULL) FROM patchlens.device FINAL",
    );
    assert!(builds[0] > 90 && builds[1] == 0, "{builds:?}");
    assert!(failing >= 15, "the simulation hides too little: {failing}");
    assert!(
        wrong.is_empty(),
        "{} of 110 devices are wrong: {wrong:#?}",
        wrong.len()
    );

    let clusters = summary["clusters"].as_array().unwrap();
    assert!(clusters.len() >= 4, "{summary}");
    assert!(
        clusters.iter().all(
            |cluster| cluster["devices"].as_u64().unwrap() >= 1 && cluster["cause"].is_string()
        ),
        "{summary}"
    );
}

#[test]
fn the_demo_serves_its_page_and_the_clickhouse_interface() {
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new();
    let mut child = patchlens
        .command(&["demo"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The summary names the addresses; it ends with the line that says how to stop.
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        said.push_str(&line);
        said.push('\n');
        if line.contains("Ctrl-C") {
            break;
        }
    }
    let address = |after: &str| {
        let rest = said
            .split(after)
            .nth(1)
            .unwrap_or_else(|| panic!("no {after:?} in {said}"));
        rest.chars()
            .take_while(|c| c.is_ascii_digit() || *c == '.' || *c == ':')
            .collect::<String>()
    };
    let page = get(&address("dashboards   http://"), "/");
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("<html"),
        "{page}"
    );
    let query = "/?query=SELECT+*+FROM+patchlens.failure_cluster+FORMAT+PrettyCompact";
    let answer = get(&address("ClickHouse   http://"), query);
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("cluster_key"),
        "{answer}"
    );
    if installed("prometheus-alertmanager") {
        let alertmanager = address("Alertmanager http://");
        let alerts = wait_for("alerts in Alertmanager", || {
            let answer = get(&alertmanager, "/api/v2/alerts");
            answer.contains("\"alertname\"").then_some(answer)
        });
        assert!(alerts.contains("compliance-behind-plan"), "{alerts}");
    }

    // Other commands find the running engine by the data directory; a second demo leaves it alone.
    let report = patchlens.expect(0, &["report", "rollout"]);
    assert!(report.contains("compliance"), "{report}");
    let key =
        patchlens.rows("SELECT cluster_key FROM failure_cluster ORDER BY devices DESC LIMIT 1");
    let explained = patchlens.expect(0, &["explain", key[0]["cluster_key"].as_str().unwrap()]);
    assert!(explained.contains("evidence"), "{explained}");
    patchlens.expect(0, &["alert", "--once"]);
    let plans = patchlens.data_dir.path().join("demo");
    patchlens.expect(0, &["reference", plans.to_str().unwrap()]);
    a_plan_is_listed_removed_and_loaded_again(&patchlens, plans.to_str().unwrap());
    let second = patchlens.run(&["demo"]);
    assert_eq!(second.status.code(), Some(2));
    assert!(
        text(&second.stderr).contains("another demo runs"),
        "{second:?}"
    );
    patchlens.expect(2, &["standalone"]);
    // By its URL too, for whoever has another directory with what an earlier engine left in it.
    let other = Patchlens::new();
    let store = other.data_dir.path().join("store");
    std::fs::create_dir(&store).unwrap();
    for left in ["writer.password", "patchlens.lock"] {
        std::fs::copy(
            patchlens.data_dir.path().join("store").join(left),
            store.join(left),
        )
        .unwrap();
    }
    std::fs::write(store.join("writer.password"), "of an engine that is gone").unwrap();
    let url = format!("http://{}", address("ClickHouse   http://"));
    let answer = other.expect(
        0,
        &["sql", "--store", &url, "SELECT 6 * 7", "--format", "TSV"],
    );
    assert_eq!(answer, "42\n");
    let page = get(&address("dashboards   http://"), "/clusters");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");

    terminate(&mut child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "a clean stop ends with 0: {}",
        text(&output.stderr)
    );
}

#[test]
fn a_question_makes_no_store_and_a_data_directory_may_be_named_relatively() {
    if !engine() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let here = |arguments: &[&str]| {
        let output = bare(arguments)
            .args(["--data-dir", "here"])
            .current_dir(folder.path())
            .env("PATCHLENS_STORE_HTTP", "127.0.0.1:0")
            .env_remove("RUST_LOG")
            .output()
            .unwrap();
        (text(&output.stdout), text(&output.stderr))
    };
    for question in [
        &["sql", "SELECT 1"][..],
        &["report", "rollout"],
        &["reference", "list"],
        &["reference", "remove", "rollout", "x"],
        &["explain", "x"],
        &["alert", "--once"],
        &["replay-rejects"],
    ] {
        let (_, said) = here(question);
        assert!(
            said.contains("no store in") && said.contains("here"),
            "{question:?}: {said}"
        );
        assert!(
            !folder.path().join("here").exists(),
            "{question:?} only asks"
        );
    }
    here(&["migrate"]);
    assert!(folder.path().join("here/store").is_dir());
    let answer = here(&["sql", "SELECT 1", "--format", "TSV"]);
    assert_eq!(
        answer,
        ("1\n".to_owned(), String::new()),
        "an answer, and nothing beside it"
    );
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn terminate(child: &mut std::process::Child) {
    let status = std::process::Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Through the engine of the running demo, as an operator does it beside services.
fn a_plan_is_listed_removed_and_loaded_again(patchlens: &Patchlens, plans: &str) {
    let devices = "SELECT count() AS n FROM device_compliance";
    let planned = patchlens.rows(devices)[0]["n"].clone();
    let id = patchlens.rows("SELECT rollout_id FROM rollout")[0]["rollout_id"].clone();
    let id = id.as_str().unwrap();
    let list = patchlens.expect(0, &["reference", "list"]);
    assert!(
        list.contains(id) && list.contains("current") && list.contains("rollout.csv"),
        "{list}"
    );
    let refused = patchlens.run(&["reference", "remove", "rollout", "no-such"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("reference list"),
        "{refused:?}"
    );
    let said = patchlens.expect(0, &["reference", "remove", "rollout", id, "--dry-run"]);
    assert!(said.starts_with("would remove"), "{said}");
    assert_eq!(patchlens.rows(devices)[0]["n"], planned);

    let said = patchlens.expect(0, &["reference", "remove", "rollout", id]);
    assert!(said.starts_with("removed the rollout"), "{said}");
    assert_eq!(patchlens.rows(devices)[0]["n"], 0);
    let list = patchlens.expect(0, &["reference", "list"]);
    assert!(!list.contains(id), "{list}");
    let kept = patchlens
        .rows("SELECT sum(countSubstrings(content, '2024-08-kb')) AS n FROM reference_file FINAL");
    assert_eq!(kept[0]["n"], 0, "{kept:?}");

    patchlens.expect(0, &["reference", plans]);
    assert_eq!(patchlens.rows(devices)[0]["n"], planned);
}
