//! Every page in a real browser: both languages and themes, wide and narrow, axe-core, no console errors.
//!
//! Screenshots stay in `tests/output/browser` of the workspace.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod seed;

use std::path::Path;

use patchlens_dashboards::{DashboardConfig, Uploads, serve_on};
use patchlens_queries::testing;
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
            "/pipeline",
        ],
    )
    .await;
    server.abort();
}

/// Where playwright-core and axe-core are, when a browser is there too; otherwise a printed line and `None`.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests are told by the environment"
)]
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
