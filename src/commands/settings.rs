//! `check-config` and `completions`.

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Arguments;
use crate::config::Config;
use crate::output::{Outcome, print_data};

/// Shows the settings in force, without secrets. Wrong ones were refused before this runs; rules
/// that are not well formed are refused here.
pub(crate) fn check(config: &Config) -> anyhow::Result<Outcome> {
    #[cfg(feature = "fleet")]
    crate::knowledge::load(config)?;
    print_data(
        toml::to_string_pretty(config)
            .context("writing the settings")?
            .as_bytes(),
    )?;
    Ok(Outcome::Done)
}

pub(crate) fn completions(shell: Shell) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "patchlens", &mut script);
    print_data(&script)?;
    Ok(Outcome::Done)
}
