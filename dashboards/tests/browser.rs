//! Every page in a real browser: both languages and themes, wide and narrow, axe-core, no console errors.
//!
//! Screenshots stay in `tests/output/browser` of the workspace.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod seed;

use std::path::Path;

use patchlens_dashboards::{DashboardConfig, Uploads, serve_on};
use patchlens_queries::testing;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_sound_in_a_browser() {
    let script = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/browser/pages.mjs"
    ));
    let Some(modules) = node_modules() else {
        return;
    };
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    seed::fill(&store, seed::ROLLOUT).await.unwrap();
    seed::fill(&store, seed::ALERTS).await.unwrap();
    let output = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/output/browser");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(serve_on(
        listener,
        store.clone(),
        DashboardConfig::default(),
        Uploads::NoEventLog,
        std::future::pending(),
    ));
    let run = async |folder: &str, options: &[&str], paths: &[&str]| {
        let mut node = Command::new("node");
        node.arg(script)
            .args(options)
            .arg(&base)
            .arg(output.join(folder))
            .args(paths)
            .env("PATCHLENS_NODE_MODULES", &modules);
        let done = node.output().await.unwrap();
        assert!(
            done.status.success(),
            "{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
    };
    run("rollout", &[], &[]).await;
    seed::fill(&store, seed::HOSTILE).await.unwrap();
    run(
        "hostile",
        &["--once"],
        &[
            "/",
            "/clusters",
            "/devices",
            "/devices/EVIL%3Cb%3E",
            "/devices/LONG",
            "/clusters/v1-long",
            "/codes?all=1",
            "/alerts",
            "/pipeline",
            "/sql?q=SELECT+device_name%2C+site+FROM+device",
        ],
    )
    .await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_reports_shows_within_two_seconds_without_reload() {
    let Some(modules) = node_modules() else {
        return;
    };
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    seed::fill(&store, seed::ROLLOUT).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/devices?q=JUST", listener.local_addr().unwrap());
    let server = tokio::spawn(serve_on(
        listener,
        store.clone(),
        DashboardConfig::default(),
        Uploads::NoEventLog,
        std::future::pending(),
    ));
    let mut node = Command::new("node")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../tests/browser/live.mjs"
        ))
        .args([&url, "JUST-REPORTED"])
        .env("PATCHLENS_NODE_MODULES", &modules)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(node.stdout.take().unwrap()).lines();
    let opened = lines.next_line().await.unwrap().unwrap_or_default();
    assert!(opened.contains("open"), "{opened}");
    let reported = std::time::SystemTime::now();
    let insert = "INSERT INTO device (device_id, device_name, last_seen_at, generation) VALUES ('JUST-REPORTED', 'JUST-REPORTED', now64(6), 1)";
    store.execute("report one device", insert).await.unwrap();
    store.refresh_outdated().await.unwrap();
    let shown: serde_json::Value =
        serde_json::from_str(&lines.next_line().await.unwrap().unwrap_or_default()).unwrap();
    let reported = reported.duration_since(std::time::UNIX_EPOCH).unwrap();
    let took = shown["shown_at"].as_u64().unwrap() - u64::try_from(reported.as_millis()).unwrap();
    println!("a device that reports shows after {took} ms");
    assert!(shown["same_document"] == true, "{shown}");
    assert!(took < 2_000, "{took} ms");
    server.abort();
}

/// Where playwright-core and axe-core are, when a browser is there too; otherwise a printed line and `None`.
fn node_modules() -> Option<String> {
    let home = std::env::var("HOME").unwrap_or_default();
    let modules = std::env::var("PATCHLENS_NODE_MODULES")
        .unwrap_or_else(|_| format!("{home}/.cache/patchlens/browser/node_modules"));
    let is_there = Path::new(&modules).join("playwright-core").exists()
        && Path::new("/usr/bin/chromium").exists();
    let required = std::env::var("PATCHLENS_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
    assert!(
        is_there || !required,
        "chromium and {modules}/playwright-core are required"
    );
    if !is_there {
        println!("skipped: no chromium, or no playwright-core at {modules}");
    }
    is_there.then_some(modules)
}
