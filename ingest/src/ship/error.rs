//! Why messages could not be handed over.

use std::path::PathBuf;
use std::time::Duration;

/// Why messages could not be handed over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShipError {
    /// The event log says so.
    #[error(transparent)]
    Log(#[from] patchlens_log::Error),
    /// The destination cannot be reached now, or is too busy.
    #[error("{destination} is not available: {detail}")]
    Away {
        /// The URL.
        destination: String,
        /// What happened.
        detail: String,
        /// How long it asks to be left alone, where it says so.
        retry_after: Option<Duration>,
    },
    /// The destination answered, and the answer is no.
    #[error("{destination} refuses: {detail}")]
    Refused {
        /// The URL.
        destination: String,
        /// What it says, and what to do.
        detail: String,
    },
    /// The spool has reached its byte budget while the destination is away. Nothing of the append
    /// was taken.
    #[error(
        "the spool {dir} is full: {used_bytes} of {bytes_max} bytes wait for {destination}; nothing was dropped: \
         what could not be taken is still in the logs, collect again when the way is back, or raise `collect.spool_mib_max`",
        dir = .dir.display()
    )]
    SpoolFull {
        /// The spool's directory.
        dir: PathBuf,
        /// Bytes in use.
        used_bytes: u64,
        /// The budget.
        bytes_max: u64,
        /// What the events wait for.
        destination: String,
    },
}

impl ShipError {
    /// True when the same call may succeed later without anybody changing anything else.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_retryable(),
            Self::Away { .. } | Self::SpoolFull { .. } => true,
            Self::Refused { .. } => false,
        }
    }

    /// How long the destination asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Away { retry_after, .. } => *retry_after,
            Self::Log(_) | Self::Refused { .. } | Self::SpoolFull { .. } => None,
        }
    }
}
