//! The collector compiles for Windows: nothing of Unix outside of `cfg(unix)`. `make windows` compiles and runs it,
//! which takes minutes; here the source text is searched, so that a slip shows in every run of the tests.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::{Path, PathBuf};

/// What only Unix has.
const UNIX_ONLY: [&str; 5] = [
    "std::os::unix",
    "std::os::fd",
    "rustix::",
    "libc::",
    "tokio::signal::unix",
];
/// How far above a use its `cfg` may stand.
const LINES_ABOVE: usize = 12;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            found.push(path);
        }
    }
}

fn uses_of_unix(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .iter()
        .enumerate()
        .filter(|(_, line)| {
            UNIX_ONLY.iter().any(|name| line.contains(name)) && !line.trim_start().starts_with("//")
        })
        .filter(|(at, _)| {
            let above = lines
                .get(at.saturating_sub(LINES_ABOVE)..=*at)
                .unwrap_or_default();
            !above
                .iter()
                .any(|line| line.contains("cfg(unix)") || line.contains("target_os = \"linux\""))
        })
        .map(|(at, _)| at + 1)
        .collect()
}

#[test]
fn nothing_of_unix_stands_outside_of_cfg_unix() {
    assert_eq!(
        uses_of_unix("use std::os::unix::fs::MetadataExt;\n"),
        [1],
        "it is found"
    );
    assert!(uses_of_unix("#[cfg(unix)]\nuse std::os::unix::fs::MetadataExt;\n").is_empty());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "event/src", "log/src"] {
        sources(&root.join(folder), &mut files);
    }
    assert!(files.len() > 60, "{}", files.len());
    let found: Vec<String> = files
        .iter()
        .flat_map(|path| {
            uses_of_unix(&std::fs::read_to_string(path).unwrap())
                .into_iter()
                .map(move |line| format!("{}:{line}", path.display()))
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}
