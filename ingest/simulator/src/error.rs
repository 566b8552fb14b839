//! What can go wrong while a simulation is written.

use std::path::PathBuf;

/// A simulation could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulateError {
    /// The plan asks for something that cannot be.
    #[error("the plan cannot be simulated: {0}")]
    Plan(String),
    /// A folder or file could not be written.
    #[error(
        "cannot write {path}: {source}; check that the folder exists, is writable and has space"
    )]
    Write {
        /// What was being written.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A zip file could not be written.
    #[error("cannot write the archive {path}: {source}")]
    Archive {
        /// Which archive.
        path: PathBuf,
        /// Why not.
        source: zip::result::ZipError,
    },
    /// The truth could not be written as JSON.
    #[error("cannot write the truth as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
