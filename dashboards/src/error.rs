//! What can go wrong between a request and its page.

use axum::http::StatusCode;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can keep a page from its reader.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store did not give what the page needs.
    #[error("cannot {doing}")]
    Store {
        /// What was being read, in the infinitive.
        doing: &'static str,
        /// What the store said.
        #[source]
        source: patchlens_queries::Error,
    },
    /// The store took longer than a reader should wait.
    #[error("the store took longer than {timeout_ms} ms to {doing}")]
    Slow {
        /// What was being read, in the infinitive.
        doing: &'static str,
        /// The limit, `store_timeout_ms`.
        timeout_ms: u64,
    },
    /// Nothing has that id.
    #[error("no {what} with the id {id:?}")]
    NotFound {
        /// The kind of thing.
        what: What,
        /// The id that was asked for.
        id: String,
    },
    /// Readers need a token here, and none that holds was sent.
    #[error("no token of a reader, or one that does not hold")]
    NoToken,
    /// The store is there, and holds nothing yet.
    #[error("the store holds no rollout yet")]
    Empty,
    /// A parameter does not fit.
    #[error("the parameter {name} is {value:?}: {expected}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// What was sent.
        value: String,
        /// What is expected.
        expected: &'static str,
    },
    /// A parameter of the JSON API that its resource does not take so.
    #[error("the parameter {name:?} cannot be used: {expected}")]
    Query {
        /// The parameter's name, as sent.
        name: String,
        /// What is expected.
        expected: String,
    },
    /// A method that the JSON API does not know.
    #[error("the method {method} is not allowed: the API reads")]
    Method {
        /// The method, as sent.
        method: String,
    },
    /// The reader's own statement was refused.
    #[error("the statement was refused: {message}")]
    Statement {
        /// ClickHouse's error number; `None` when the statement did not get there.
        code: Option<u32>,
        /// What ClickHouse or the guard before it said.
        message: String,
    },
    /// A template could not be filled: a fault of this program.
    #[error("cannot fill the page's template")]
    Template(#[from] askama::Error),
    /// The server stopped with an error.
    #[error("the web server stopped")]
    Server(#[source] std::io::Error),
}

/// The kinds of things that pages are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A rollout.
    Rollout,
    /// A failure cluster.
    Cluster,
    /// A device.
    Device,
    /// A bundle that was handed in.
    Upload,
    /// An alert.
    Alert,
    /// An address that no page has.
    Page,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rollout => "rollout",
            Self::Cluster => "cluster",
            Self::Device => "device",
            Self::Upload => "upload",
            Self::Alert => "alert",
            Self::Page => "page",
        })
    }
}

impl Error {
    /// The stable code of the JSON API, and the family of the page's texts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store { source, .. } if is_unreachable(source) => "store_down",
            Self::Store { source, .. } if is_too_slow(source) => "store_slow",
            Self::Store { source, .. } if is_unmigrated(source) => "store_unmigrated",
            Self::Store { .. } => "store_refused",
            Self::Slow { .. } => "store_slow",
            Self::NotFound { .. } => "not_found",
            Self::NoToken => "no_token",
            Self::Empty => "empty",
            Self::Parameter { .. } | Self::Query { .. } => "bad_parameter",
            Self::Method { .. } => "method_not_allowed",
            Self::Statement { .. } => "statement_refused",
            Self::Template(_) | Self::Server(_) => "internal",
        }
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        match self.code() {
            "store_down" | "store_unmigrated" => StatusCode::SERVICE_UNAVAILABLE,
            "store_slow" => StatusCode::GATEWAY_TIMEOUT,
            "store_refused" => StatusCode::BAD_GATEWAY,
            "no_token" => StatusCode::UNAUTHORIZED,
            "not_found" => StatusCode::NOT_FOUND,
            // An empty store is a state of the fleet, not a failure of the request.
            "empty" => StatusCode::OK,
            "bad_parameter" | "statement_refused" => StatusCode::BAD_REQUEST,
            "method_not_allowed" => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The message with the chain of its causes, each once.
    pub fn chain(&self) -> String {
        patchlens_event::causes(self).join("\n  ")
    }
}

fn is_unreachable(error: &patchlens_queries::Error) -> bool {
    matches!(
        error,
        patchlens_queries::Error::Unreachable { .. } | patchlens_queries::Error::NotReady { .. }
    )
}

/// TIMEOUT_EXCEEDED, TOO_SLOW, TOO_MANY_SIMULTANEOUS_QUERIES, SOCKET_TIMEOUT, MEMORY_LIMIT_EXCEEDED.
fn is_too_slow(error: &patchlens_queries::Error) -> bool {
    matches!(error.code(), Some(159 | 160 | 202 | 209 | 241))
}

/// UNKNOWN_TABLE, UNKNOWN_DATABASE, UNKNOWN_IDENTIFIER: the database was never migrated, or by another version.
fn is_unmigrated(error: &patchlens_queries::Error) -> bool {
    matches!(error.code(), Some(60 | 81 | 47))
}
