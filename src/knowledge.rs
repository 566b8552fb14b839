//! The rules in force: those that the program carries, and those of the operator.

use anyhow::Context;
use patchlens_transform::Knowledge;

use crate::config::Config;

/// Reads `knowledge_dir`, when it is set, and compiles its files with the built-in ones.
///
/// # Errors
/// When the directory cannot be read, or a file in it is not well formed (file and line are named).
pub(crate) fn load(config: &Config) -> anyhow::Result<Knowledge> {
    let directory = &config.knowledge_dir;
    if directory.as_os_str().is_empty() {
        return Knowledge::builtin().context("reading the built-in knowledge");
    }
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("reading the knowledge directory {}", directory.display()))?;
    let mut paths: Vec<_> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .with_context(|| format!("reading the knowledge directory {}", directory.display()))?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let is_rules = path
            .extension()
            .is_some_and(|extension| extension == "toml");
        if is_rules || path.file_name().is_some_and(|name| name == "codes.csv") {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("reading the knowledge file {}", path.display()))?;
            files.push((path.display().to_string(), text));
        }
    }
    if files.is_empty() {
        tracing::warn!(directory = %directory.display(), "holds no *.toml and no codes.csv: nothing is added");
    }
    Knowledge::with_additions(&files)
        .with_context(|| format!("reading the knowledge directory {}", directory.display()))
}
