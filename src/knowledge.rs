//! The rules in force: those that the program carries, and those of the operator.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Context;
use patchlens_queries::Store;
use patchlens_transform::Knowledge;
use serde_json::{Value, json};

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

/// Writes the error-code catalogue in force into the store, unless it holds it already: pages and analysts read it there.
///
/// # Errors
/// When the store refuses or does not answer.
pub(crate) async fn publish_codes(knowledge: &Knowledge, store: &Store) -> anyhow::Result<()> {
    // The operator's rows come after the program's own and take their place.
    let rows: BTreeMap<u32, Value> = knowledge
        .codes()
        .iter()
        .map(|entry| {
            let row = json!({
                "error_code": entry.code.0,
                "error_symbol": entry.symbol,
                "family": entry.family,
                "is_wrapper": u8::from(entry.is_wrapper),
                "phase": entry.phase,
                "meaning_en": entry.meaning_en,
                "meaning_zh": entry.meaning_zh,
                "documented_in": entry.documented_in,
            });
            (entry.code.0, row)
        })
        .collect();
    let rows: Vec<Value> = rows.into_values().collect();
    let mut hasher = DefaultHasher::new();
    for row in &rows {
        row.to_string().hash(&mut hasher);
    }
    let catalogue = format!("{:016x}", hasher.finish());
    let is_new = store
        .replace_error_codes(&catalogue, &rows)
        .await
        .context("writing the error-code catalogue into the store")?;
    if is_new {
        tracing::info!(codes = rows.len(), catalogue, "error-code catalogue loaded");
    }
    Ok(())
}
