//! What can go wrong: knowledge that is not well formed, reference data that is not, or a frame
//! that has not the columns of its schema.

/// The result of this crate's functions that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// One thing that is wrong in a reference file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceProblem {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong and what is expected.
    pub detail: String,
}

fn problem_lines(file: &str, problems: &[ReferenceProblem], omitted: usize) -> String {
    let mut lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("{file}:{}: {}", problem.line, problem.detail))
        .collect();
    if omitted > 0 {
        lines.push(format!("{file}: and {omitted} more"));
    }
    lines.join("\n")
}

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
    /// Lines of an operator's reference file are not well formed.
    #[error("{}", problem_lines(file, problems, *omitted))]
    Reference {
        /// The file as the caller named it.
        file: String,
        /// What is wrong, in the order of the lines.
        problems: Vec<ReferenceProblem>,
        /// Problems beyond those.
        omitted: usize,
    },
    /// A frame cannot be computed with.
    #[error("computing with event frames")]
    Frame(#[from] polars::error::PolarsError),
}
