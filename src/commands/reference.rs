//! `reference`: operators' data that the store keeps: planned rollouts, prerequisites, hashes.

use anyhow::ensure;

use crate::cli::Reference;
use crate::config::Config;
use crate::output::{Outcome, print};
use crate::reference;
use crate::services::{OpenStore, runtime};

pub(crate) fn run(config: Config, command: &Reference) -> anyhow::Result<Outcome> {
    let (reference, files) = reference::read_directory(&command.directory)?;
    ensure!(
        !files.is_empty(),
        "no .csv file in {}",
        command.directory.display()
    );
    runtime()?.block_on(async {
        let open = OpenStore::join(&config).await?;
        let stored = reference::save(&open.store, &reference, &files).await;
        open.close().await?;
        stored?;
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        print(&format!(
            "loaded {}: {} rollouts with {} devices, {} prerequisites, {} published hashes",
            names.join(", "),
            reference.rollouts.len(),
            reference.rollout_devices.rows().len(),
            reference.prerequisites.len(),
            reference.published_hashes.len()
        ))?;
        Ok(Outcome::Done)
    })
}
