//! Rules of the repository, held by machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::root;

fn files(extension: &str) -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    let listing = String::from_utf8(output.stdout).unwrap();
    let files: Vec<PathBuf> = listing
        .lines()
        .filter(|line| line.ends_with(extension))
        .map(|line| root().join(line))
        .filter(|path| path.exists())
        .collect();
    assert!(
        !files.is_empty(),
        "no {extension} file found: is this a git checkout?"
    );
    files
}

#[test]
fn no_source_file_is_longer_than_500_lines() {
    let long: Vec<String> = files(".rs")
        .iter()
        .map(|path| (std::fs::read_to_string(path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > 500)
        .map(|(lines, path)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "split by responsibility: {long:#?}");
}

/// Which of our crates each may depend on, and which of the heavy ones.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    BTreeMap::from([
        ("patchlens-event", vec![]),
        ("patchlens-log", vec!["rdkafka", "rusqlite"]),
        ("patchlens-ingest", vec!["patchlens-event", "patchlens-log"]),
        (
            "patchlens-gateway",
            vec!["patchlens-event", "patchlens-ingest", "patchlens-log"],
        ),
        ("patchlens-simulator", vec![]),
        ("patchlens-transform", vec!["patchlens-event", "polars"]),
        (
            "patchlens-stream",
            vec![
                "patchlens-event",
                "patchlens-log",
                "patchlens-queries",
                "patchlens-transform",
                "polars",
            ],
        ),
        (
            "patchlens-queries",
            vec!["arrow", "clickhouse", "libloading"],
        ),
        ("patchlens-dashboards", vec!["patchlens-queries"]),
    ])
}

#[test]
fn dependencies_point_one_way() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let watched = [
        "rdkafka",
        "rusqlite",
        "polars",
        "arrow",
        "clickhouse",
        "libloading",
    ];
    let allowed = allowed();
    let mut seen = 0;
    for package in metadata["packages"].as_array().unwrap() {
        let Some(allowed) = allowed.get(package["name"].as_str().unwrap()) else {
            continue;
        };
        seen += 1;
        for dependency in package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|d| d["kind"].is_null())
        {
            let name = dependency["name"].as_str().unwrap();
            if name.starts_with("patchlens-") || watched.contains(&name) {
                assert!(
                    allowed.contains(&name),
                    "{} must not depend on {name}",
                    package["name"]
                );
            }
        }
    }
    assert_eq!(
        seen,
        allowed.len(),
        "a crate was renamed: bring this test up to date"
    );
}

#[test]
fn every_path_that_the_documents_name_exists() {
    let mut missing = Vec::new();
    for document in ["README.md", "ARCHITECTURE.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        for quoted in text.split('`').skip(1).step_by(2) {
            let looks_like_path = quoted.contains('/')
                && !quoted.contains(' ')
                && !quoted.contains("://")
                && !quoted.starts_with('/');
            let is_ours = [
                "src/",
                "ingest/",
                "transform/",
                "queries/",
                "dashboards/",
                "tests/",
                "compose/",
                "docs/",
            ]
            .iter()
            .any(|top| quoted.starts_with(top));
            if looks_like_path && is_ours && !Path::new(&root().join(quoted)).exists() {
                missing.push(format!("{document}: {quoted}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_readme_starts_with_the_two_commands() {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let block = text.split("```").nth(1).unwrap();
    let commands: Vec<&str> = block
        .lines()
        .skip(1)
        .filter_map(|line| line.split('#').next())
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(commands, ["make demo", "make test"]);
}
