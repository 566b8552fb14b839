//! What can go wrong, and whether trying again can help.

/// Why alerts could not be evaluated, kept or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A rule file breaks a rule of its own.
    #[error("{file}, line {line}: {problem}")]
    Rule {
        /// Path of the file, or its name when it is built in.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong, and what is expected.
        problem: String,
    },
    /// A directory or file of rules cannot be read.
    #[error("reading the rules in {path}")]
    Read {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store did not answer a rule, or refused it.
    #[error("evaluating the rule {rule} ({file})")]
    Evaluate {
        /// The rule.
        rule: String,
        /// Its file.
        file: String,
        /// Why.
        #[source]
        source: Box<patchlens_queries::Error>,
    },
    /// The answer to a rule lacks what the rule's file promises.
    #[error("the answer to the rule {rule} ({file}) {problem}")]
    Answer {
        /// The rule.
        rule: String,
        /// Its file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// The store did not answer, or refused, apart from rules.
    #[error(transparent)]
    Store(#[from] patchlens_queries::Error),
    /// The moments of a back-test make no sense.
    #[error("the span of the back-test: {problem}")]
    Span {
        /// What is wrong.
        problem: String,
    },
    /// The settings of a sink make no sense.
    #[error("the alert sink {sink}: {problem}")]
    Sink {
        /// Its name.
        sink: String,
        /// What is wrong, and what is expected.
        problem: String,
    },
}

impl Error {
    /// True when the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Rule { .. }
            | Self::Read { .. }
            | Self::Answer { .. }
            | Self::Span { .. }
            | Self::Sink { .. } => false,
            Self::Evaluate { source, .. } => source.is_retryable(),
            Self::Store(source) => source.is_retryable(),
        }
    }
}

/// Results of this crate.
pub type Result<T> = std::result::Result<T, Error>;
