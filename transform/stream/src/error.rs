//! What can go wrong between the log and the store.

/// Failures of the flow. Bad input is never one of them: it becomes a row of the table `reject`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The event log failed.
    #[error("reading the event log")]
    Log(#[from] patchlens_log::Error),
    /// The store failed.
    #[error("{doing}")]
    Store {
        /// What was being done.
        doing: String,
        /// The store's own words.
        #[source]
        source: patchlens_queries::Error,
    },
    /// Polars failed: a defect of ours.
    #[error("computing {step}")]
    Frame {
        /// Which step.
        step: &'static str,
        /// What Polars says.
        #[source]
        source: polars::error::PolarsError,
    },
    /// The analysis failed: a defect of ours.
    #[error("deriving attempts and diagnoses")]
    Transform(#[from] patchlens_transform::Error),
    /// A piece of work on the thread that Polars runs on panicked: a defect of ours.
    #[error("the transform thread panicked: {said}")]
    Panicked {
        /// The panic's message.
        said: String,
    },
    /// The thread that Polars runs on has ended: a defect of ours.
    #[error("the transform thread has ended")]
    EngineGone,
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// True when trying the same cut again may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_retryable(),
            Self::Store { source, .. } => source.is_retryable(),
            Self::Frame { .. } | Self::Transform(_) | Self::Panicked { .. } | Self::EngineGone => {
                false
            }
        }
    }

    /// True when it came of what the rows say, so that other rows may do better.
    pub(crate) fn is_of_rows(&self) -> bool {
        match self {
            Self::Frame { .. } | Self::Transform(_) | Self::Panicked { .. } => true,
            Self::Store { source, .. } => source.is_refusal(),
            Self::Log(_) | Self::EngineGone => false,
        }
    }

    /// True when a partition of the cut now belongs to another process.
    pub fn is_lost_partition(&self) -> bool {
        match self {
            Self::Log(error) => matches!(error, patchlens_log::Error::Lost { .. }),
            Self::Store { .. }
            | Self::Frame { .. }
            | Self::Transform(_)
            | Self::Panicked { .. }
            | Self::EngineGone => false,
        }
    }

    /// Names what was being done with the store.
    pub(crate) fn store(doing: impl Into<String>) -> impl FnOnce(patchlens_queries::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Store { doing, source }
    }

    /// Names the step that Polars failed in.
    pub(crate) fn frame(step: &'static str) -> impl FnOnce(polars::error::PolarsError) -> Self {
        move |source| Self::Frame { step, source }
    }
}
