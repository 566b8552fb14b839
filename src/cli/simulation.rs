//! Arguments of the commands that make a rollout whose truth is known, and measure against it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::output::Format;

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// Directory that `patchlens simulate` wrote [default: a rollout is simulated and deleted again]
    #[arg(value_name = "DIR", conflicts_with_all = ["devices", "seed"])]
    pub(crate) directory: Option<PathBuf>,
    /// Number of devices to simulate
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) devices: u32,
    /// Seed of the simulation; it also chooses the release
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// End with exit code 2 when fewer causes are right, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) min_accuracy: Option<f64>,
    /// End with exit code 2 when BCubed precision or recall is lower, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) min_bcubed: Option<f64>,
    /// End with exit code 2 when more healthy devices get a diagnosis
    #[arg(long, value_name = "DEVICES")]
    pub(crate) max_false_alarms: Option<usize>,
}

/// A share from 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| format!("{text:?} is no number from 0 to 1"))
}

/// Which failures a simulated rollout has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mix {
    /// As in a rollout that goes well enough: 14 kinds of failure, one culprit each
    Rollout,
    /// Every kind of failure with several culprits, and bundles of one log: what `evaluate` measures with
    Wide,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Which failures it has
    #[arg(long, value_enum, default_value_t = Mix::Rollout)]
    pub(crate) mix: Mix,
    /// Directory to write to; made if missing
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Number of devices in the rollout
    #[arg(long, default_value_t = 110, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) devices: u32,
    /// Seed of the simulation: the same seed makes the same rollout
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}
