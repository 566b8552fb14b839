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
        /// True when it refuses what was sent, so that something else, or less of it, may be taken;
        /// false when it would take nothing from this sender.
        is_for_content: bool,
    },
    /// What the destination refuses cannot be set aside, and so still stands before all else.
    #[error(
        "what is refused ({refusal}) cannot be set aside in {dir}: {source}; look at what is there, send or delete it, and run `patchlens collect --drain`",
        dir = .dir.display()
    )]
    SetAside {
        /// The directory of what was refused.
        dir: PathBuf,
        /// What the destination said.
        refusal: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The spool has reached its byte budget while the destination is away. Not all of the append
    /// was taken; nothing is claimed, and what is handed over again counts once.
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
            Self::Refused { .. } | Self::SetAside { .. } => false,
        }
    }

    /// True when the destination refuses what was sent, not who sends: the rest of it, or something
    /// else, may be taken.
    pub fn is_for_content(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                is_for_content: true,
                ..
            }
        )
    }

    /// How long the destination asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Away { retry_after, .. } => *retry_after,
            Self::Log(_)
            | Self::Refused { .. }
            | Self::SetAside { .. }
            | Self::SpoolFull { .. } => None,
        }
    }
}
