//! What can go wrong with the gateway itself; what is wrong with a request is an answer.

use std::path::PathBuf;

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with the gateway itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file of tokens cannot be read or written.
    #[error("cannot {doing} the token file {path}", path = .path.display())]
    TokenFile {
        /// `read`, `write` or `lock`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// The file of tokens is not what this program writes.
    #[error("the token file {path} is damaged: {detail}", path = .path.display())]
    TokenFileForm {
        /// The file.
        path: PathBuf,
        /// Where and how.
        detail: String,
    },
    /// A collector of this name has a token already, or the name cannot be used.
    #[error("{0}")]
    TokenName(String),
    /// No randomness for a new token.
    #[error("the operating system gives no random numbers: {0}")]
    Random(String),
    /// Somebody could reach the gateway without a token.
    #[error(
        "the gateway would listen on {address}, which other machines reach, and {path} holds no token: \
         make one with `patchlens gateway token add NAME`, or listen on 127.0.0.1",
        path = .path.display()
    )]
    Open {
        /// The address.
        address: std::net::SocketAddr,
        /// The file of tokens.
        path: PathBuf,
    },
    /// The directory for uploads cannot be made or written.
    #[error("cannot prepare the upload directory {path}", path = .path.display())]
    Uploads {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// Redaction could not be prepared.
    #[error(transparent)]
    Ingest(#[from] patchlens_ingest::Error),
    /// The address of a gateway cannot be used.
    #[error("{url:?} is no gateway: {reason}")]
    Address {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// True when the same call may succeed later without anybody changing anything else.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::TokenFile { .. }
            | Self::TokenFileForm { .. }
            | Self::TokenName(_)
            | Self::Random(_)
            | Self::Open { .. }
            | Self::Uploads { .. }
            | Self::Ingest(_)
            | Self::Address { .. } => false,
        }
    }
}
