//! `simulate`: the log bundles of a simulated rollout, and the truth about it.

use std::path::Path;

use anyhow::{Context, ensure};
use patchlens_simulator::{Plan, Truth, simulate};

use crate::cli::{Mix, Simulate};
use crate::output::{Outcome, print};
use crate::services::now;

pub(crate) fn run(command: &Simulate) -> anyhow::Result<Outcome> {
    let holds_something =
        std::fs::read_dir(&command.out).is_ok_and(|mut entries| entries.next().is_some());
    ensure!(
        !holds_something,
        "{} is not empty: a truth beside the bundles of another rollout would be none; name a new directory",
        command.out.display()
    );
    let truth = write(&command.out, command.devices, command.seed, command.mix)?;
    print(&format!(
        "{} devices planned for KB{}; bundles, reference data and truth.json are in {}",
        truth.devices.len(),
        truth.kb_article,
        command.out.display()
    ))?;
    Ok(Outcome::Done)
}

/// Simulates a rollout whose later uploads came today, so that nobody is silent by mere age.
pub(crate) fn write(out: &Path, devices: u32, seed: u64, mix: Mix) -> anyhow::Result<Truth> {
    let today = now()().to_zoned(jiff::tz::TimeZone::UTC).date();
    let start = today
        .checked_sub(jiff::Span::new().days(18))
        .context("computing the start of the rollout")?;
    let plan = match mix {
        Mix::Rollout => Plan {
            devices,
            seed,
            start,
            ..Plan::default()
        },
        Mix::Wide => Plan {
            start,
            ..Plan::wide(devices, seed)
        },
    };
    simulate(&plan, out)
        .with_context(|| format!("writing the simulated rollout to {}", out.display()))
}
