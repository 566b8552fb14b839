//! Arguments about reference data that is loaded.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ReferenceAction {
    /// List the planned rollouts and the files that the store keeps
    List,
    /// Take away what was loaded by mistake
    #[command(subcommand)]
    Remove(Removal),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Removal {
    /// A planned rollout: its plan, the places of its devices in it, and its rows in the files that the store keeps.
    /// What the devices reported stays
    Rollout {
        /// Its id, as `patchlens reference list` shows it
        id: String,
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
    },
}
