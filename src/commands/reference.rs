//! `reference`: operators' data that the store keeps: planned rollouts, prerequisites, hashes.

use std::path::Path;

use anyhow::{Context, ensure};
use patchlens_queries::Store;
use patchlens_queries::reports::PlannedRollout;

use crate::cli::{Reference, ReferenceAction, Removal};
use crate::config::Config;
use crate::output::{Outcome, columns, print};
use crate::reference;
use crate::services::{OpenStore, runtime};

pub(crate) fn run(config: Config, command: &Reference) -> anyhow::Result<Outcome> {
    match (&command.action, &command.directory) {
        (Some(ReferenceAction::List), _) => with_store(OpenStore::open_to_read(&config), list),
        (Some(ReferenceAction::Remove(Removal::Rollout { id, dry_run })), _) => {
            with_store(OpenStore::open_to_read(&config), async |store| {
                remove(store, id, *dry_run).await
            })
        }
        (None, Some(directory)) => load(&config, directory),
        (None, None) => anyhow::bail!("name a directory of CSV files, list, or remove"),
    }
}

/// Prints what `work` says of the store, and closes it whatever came of it.
fn with_store(
    store: impl Future<Output = anyhow::Result<OpenStore>>,
    work: impl AsyncFnOnce(&Store) -> anyhow::Result<String>,
) -> anyhow::Result<Outcome> {
    runtime()?.block_on(async {
        let open = store.await?;
        let text = work(&open.store).await;
        open.close().await?;
        print(&text?)?;
        Ok(Outcome::Done)
    })
}

fn load(config: &Config, directory: &Path) -> anyhow::Result<Outcome> {
    // A file with a mistake is refused before anything is opened.
    let (reference, files) = reference::read_directory(directory)?;
    ensure!(!files.is_empty(), "no .csv file in {}", directory.display());
    with_store(OpenStore::join(config), async |store| {
        let planned = store.planned_rollouts().await?;
        let undefined: Vec<&str> = reference
            .undefined_rollouts()
            .into_iter()
            .filter(|id| planned.iter().all(|plan| plan.rollout_id != *id))
            .collect();
        ensure!(
            undefined.is_empty(),
            "devices are listed for {}, which no file and no earlier plan defines; nothing was loaded: add the rollout, or mend the id",
            undefined.join(", ")
        );
        reference::save(store, &reference, &files).await?;
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        Ok(format!(
            "loaded {}: {} rollouts with {} devices, {} prerequisites, {} published hashes",
            names.join(", "),
            reference.rollouts.len(),
            reference.rollout_devices.rows().len(),
            reference.prerequisites.len(),
            reference.published_hashes.len()
        ))
    })
}

async fn list(store: &Store) -> anyhow::Result<String> {
    let rollouts = store.planned_rollouts().await?;
    let files = store.reference_files().await?;
    if rollouts.is_empty() && files.is_empty() {
        return Ok("no reference data; `patchlens reference DIR` loads it".to_owned());
    }
    let row = |rollout: &PlannedRollout| {
        let day = |at: &Option<String>| {
            at.as_deref()
                .and_then(|at| at.get(..10))
                .unwrap_or("-")
                .to_owned()
        };
        vec![
            rollout.rollout_id.clone(),
            rollout.name.clone(),
            format!("KB{}", rollout.kb_article),
            day(&rollout.started_at),
            day(&rollout.deadline_at),
            rollout.planned.to_string(),
            rollout.excluded.to_string(),
            if rollout.is_current == 1 {
                "current"
            } else {
                ""
            }
            .to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = rollouts.iter().map(row).collect();
    let header = [
        "ROLLOUT", "NAME", "UPDATE", "STARTS", "DEADLINE", "DEVICES", "EXCLUDED", "",
    ];
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let planned = if rows.is_empty() {
        "no rollout is planned\n".to_owned()
    } else {
        columns(&header, &rows)
    };
    let kept = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    Ok(format!("{planned}\nfiles kept: {kept}"))
}

async fn remove(store: &Store, id: &str, is_dry_run: bool) -> anyhow::Result<String> {
    let missing = || {
        format!(
            "no rollout {id:?} in the store; `patchlens reference list` shows those that there are"
        )
    };
    if is_dry_run {
        let planned = store.planned_rollouts().await?;
        let found = planned.iter().find(|planned| planned.rollout_id == id);
        return Ok(said("would remove", found.with_context(missing)?));
    }
    let files = reference::forget_rollout(store, id).await?;
    let removed = store
        .remove_rollout(id)
        .await
        .context("removing the rollout; the same command again does the rest")?;
    let removed = match removed {
        Some(removed) => said("removed", &removed),
        None if files.is_empty() => anyhow::bail!(missing()),
        None => format!(
            "removed the rows of the rollout {id} in {}",
            files.join(", ")
        ),
    };
    Ok(format!(
        "{removed}\nServices that run know reference data from their start: restart them, or they go on naming updates by this plan."
    ))
}

fn said(verb: &str, rollout: &PlannedRollout) -> String {
    format!(
        "{verb} the rollout {} ({}, KB{}) with {} planned devices, {} of them excluded; what they reported stays",
        rollout.rollout_id, rollout.name, rollout.kb_article, rollout.planned, rollout.excluded
    )
}
