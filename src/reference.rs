//! Reference data on its way from CSV files into the store.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use patchlens_event::EventId;
use patchlens_queries::Store;
use patchlens_transform::{Reference, builds_serviced_as};
use serde_json::{Value, json};

/// A file of reference data: its name and its text.
pub(crate) type ReferenceFile = (String, String);

/// Reads the CSV files of a directory, each recognised by its header; others are left alone.
pub(crate) fn read_directory(directory: &Path) -> anyhow::Result<(Reference, Vec<ReferenceFile>)> {
    let mut reference = Reference::default();
    let mut files = Vec::new();
    let mut problems = Vec::new();
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("reading the reference directory {}", directory.display()))?;
    let mut paths: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    paths.sort();
    for path in paths.iter().filter(|path| {
        path.extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
    }) {
        let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        match reference.add_csv(&path.display().to_string(), &bytes) {
            Ok(Some(_)) => files.push((name, patchlens_transform::reference_text(&bytes))),
            Err(error) => problems.push(error.to_string()),
            Ok(None) => {
                tracing::warn!(path = %path.display(), "no known header: not taken as reference data");
            }
        }
    }
    // Every file is looked at before any is refused: who mends one line sees all others too.
    ensure!(
        problems.is_empty(),
        "{}\nnothing was loaded; mend these lines and load again",
        problems.join("\n")
    );
    Ok((reference, files))
}

/// The reference data that the store keeps, and a name for its state.
pub(crate) async fn load(store: &Store) -> anyhow::Result<(Reference, String)> {
    let files = store
        .reference_files()
        .await
        .context("reading the reference data from the store")?;
    let mut reference = Reference::default();
    let mut parts: Vec<&[u8]> = Vec::new();
    for (name, content) in &files {
        reference.add_kept_csv(name, content.as_bytes())?;
        parts.extend([name.as_bytes(), content.as_bytes()]);
    }
    let version = EventId::from_parts(&parts)
        .as_str()
        .chars()
        .take(12)
        .collect();
    Ok((reference, version))
}

/// Keeps the files in the store, and fills the tables of planned rollouts from them.
pub(crate) async fn save(
    store: &Store,
    reference: &Reference,
    files: &[ReferenceFile],
) -> anyhow::Result<()> {
    store
        .replace_reference_files(files)
        .await
        .context("keeping the reference files in the store")?;
    let (rollouts, devices) = (rollout_rows(reference), device_rows(reference));
    store
        .replace_rollouts(&rollouts, &devices)
        .await
        .context("filling the tables of planned rollouts")
}

/// Takes the rows of a rollout out of the files that the store keeps; returns the names of the files that had any.
pub(crate) async fn forget_rollout(store: &Store, rollout_id: &str) -> anyhow::Result<Vec<String>> {
    let doing = "taking the rollout out of the reference files";
    let files = store.reference_files().await.context(doing)?;
    let mut changed = Vec::new();
    let kept: Vec<ReferenceFile> = files
        .into_iter()
        .map(
            |(name, content)| match patchlens_transform::without_rollout(&content, rollout_id) {
                Some(rest) => {
                    changed.push(name.clone());
                    (name, rest)
                }
                None => (name, content),
            },
        )
        .collect();
    if !changed.is_empty() {
        store.replace_reference_files(&kept).await.context(doing)?;
    }
    Ok(changed)
}

fn rollout_rows(reference: &Reference) -> Vec<Value> {
    // The store looks a device's own build up: each build of a branch gets the branch's target, unless the plan has one
    // of its own for it.
    let builds = |kb_article| -> Value {
        let targets = reference
            .target_builds
            .iter()
            .filter(|target| target.kb_article == kb_article);
        let stated: BTreeMap<u32, u32> = targets
            .map(|target| (target.os_build_number, target.target_ubr))
            .collect();
        let mut all = stated.clone();
        for (build, ubr) in &stated {
            for same in builds_serviced_as(*build) {
                all.entry(same).or_insert(*ubr);
            }
        }
        all.into_iter()
            .map(|(build, ubr)| (build.to_string(), json!(ubr)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let row = |rollout: &patchlens_transform::Rollout| {
        json!({
            "rollout_id": rollout.rollout_id,
            "name": rollout.name,
            "kb_article": rollout.kb_article,
            "release_at": time(rollout.release_at),
            "started_at": time(rollout.started_at),
            "deadline_at": time(rollout.deadline_at),
            "target_builds": builds(rollout.kb_article).to_string(),
        })
    };
    reference.rollouts.iter().map(row).collect()
}

fn device_rows(reference: &Reference) -> Vec<Value> {
    let row = |device: &patchlens_transform::RolloutDevice| {
        json!({
            "rollout_id": device.rollout_id,
            "device_id": device.device_id,
            "device_name": device.device_name,
            "site": device.site,
            "ring": device.ring,
            "excluded": u8::from(device.is_excluded),
            "exclusion_reason": device.exclusion_reason,
        })
    };
    reference.rollout_devices.rows().iter().map(row).collect()
}

/// A time as ClickHouse reads it in JSON: UTC, without a zone letter.
fn time(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| {
        at.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string().into()
    })
}
