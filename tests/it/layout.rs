//! Rules of the repository, held by machine.

use std::collections::{BTreeMap, BTreeSet};
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
        (
            "patchlens-alert",
            vec!["patchlens-event", "patchlens-queries"],
        ),
        (
            "patchlens-dashboards",
            vec!["patchlens-event", "patchlens-queries"],
        ),
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

/// Name and version of each crate with the features that a selection of packages gives it.
fn features(selection: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--prefix=none"])
        .args(["--format={p}|{f}"])
        .args(selection)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut features: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        // Blank lines stand between the trees of a workspace.
        let Some((package, chosen)) = line.trim_end_matches(" (*)").split_once('|') else {
            continue;
        };
        let package: Vec<&str> = package.split(' ').take(2).collect();
        features
            .entry(package.join(" "))
            .or_default()
            .insert(chosen.to_owned());
    }
    features
}

/// Compiling Polars takes most of a first build: `make demo` and `make test` must want the same one.
#[test]
fn the_program_and_its_tests_share_one_polars() {
    let beneath_polars = features(&["-p", "polars", "-e", "normal,build"]);
    assert!(beneath_polars.len() > 50, "{beneath_polars:?}");
    let program = features(&["-p", "patchlens", "-e", "normal,build"]);
    let tests = features(&["--workspace", "-e", "normal,build,dev"]);
    for package in beneath_polars.keys() {
        // A crate that one of them does not use at all cannot differ.
        if let (Some(of_program), Some(of_tests)) = (program.get(package), tests.get(package)) {
            assert!(
                of_program.is_subset(of_tests),
                "{package} is built with {of_program:?} for the program and {of_tests:?} for the tests: name the wider features in transform/Cargo.toml"
            );
        }
    }
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
