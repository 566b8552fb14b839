//! What can go wrong: knowledge that is not well formed, reference data that is not, or a frame
//! that has not the columns of its schema.

/// The result of this crate's functions that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the transform stage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the knowledge base is not well formed.
    #[error("{file}:{line}: {detail}")]
    Knowledge {
        /// The file, below `knowledge/`.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong and what is expected.
        detail: String,
    },
    /// A line of an operator's reference file is not well formed.
    #[error("reading reference data {file}, line {line}: {detail}")]
    Reference {
        /// The file as the caller named it.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong and what is expected.
        detail: String,
    },
    /// A frame cannot be computed with.
    #[error("computing with event frames")]
    Frame(#[from] polars::error::PolarsError),
}
