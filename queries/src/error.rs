//! What can go wrong here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between patchlens and ClickHouse.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// libchdb could not be loaded.
    #[error("cannot load the embedded engine from {}: set PATCHLENS_LIBCHDB or run `make libchdb`", path.display())]
    EngineLibrary {
        /// Where it was looked for.
        path: PathBuf,
        /// What the loader said.
        #[source]
        source: libloading::Error,
    },
    /// Another process uses the directory.
    #[error("the data directory {} is in use by another patchlens process: stop it, or give this one another directory; commands that ask or load join it by themselves", path.display())]
    DataDirInUse {
        /// The directory.
        path: PathBuf,
    },
    /// The engine runs in this process already, on another directory, or was shut down.
    #[error("one process holds one embedded engine, and it is bound to {} already", path.display())]
    EngineTaken {
        /// The directory of the engine that runs, or ran.
        path: PathBuf,
    },
    /// The engine did not start; it said why on stderr.
    #[error("the embedded engine refused to start on {}: its own message stands above on stderr", path.display())]
    EngineRefused {
        /// The directory.
        path: PathBuf,
    },
    /// The engine could not be stopped in time.
    #[error(
        "the embedded engine still had queries running after {waited:?}: the process may end with a fault"
    )]
    EngineBusy {
        /// How long it was waited.
        waited: Duration,
    },
    /// A file or directory of the engine could not be used.
    #[error("cannot {doing} {}", path.display())]
    DataDir {
        /// What was tried, in the infinitive.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The HTTP interface could not listen.
    #[error(
        "cannot listen for ClickHouse clients on {address}: choose another address or stop what uses it"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Others could reach the engine, and nothing would stop them.
    #[error(
        "{address} can be reached from other machines: name a file with a password for analysts (embedded.analyst_password_file), or listen on 127.0.0.1"
    )]
    PasswordRequired {
        /// The address.
        address: SocketAddr,
    },
    /// The store answered with an exception.
    #[error("the store at {url} refused to {doing}: {message}")]
    Exception {
        /// The store's URL, without credentials.
        url: String,
        /// What was tried, in the infinitive.
        doing: String,
        /// ClickHouse's error number.
        code: u32,
        /// ClickHouse's own text.
        message: String,
    },
    /// The store refused rows: sending the same again cannot succeed.
    #[error("the store at {url} refused rows for {table}: {message}")]
    RowsRefused {
        /// The store's URL, without credentials.
        url: String,
        /// The table.
        table: String,
        /// ClickHouse's error number.
        code: u32,
        /// ClickHouse's own text.
        message: String,
    },
    /// No answer: whether a write took effect is not known.
    #[error(
        "no answer from the store at {url} while trying to {doing}: is it running and reachable?"
    )]
    Unreachable {
        /// The store's URL, without credentials.
        url: String,
        /// What was tried, in the infinitive.
        doing: String,
        /// What the connection said.
        #[source]
        source: Box<clickhouse::error::Error>,
    },
    /// The store did not become ready.
    #[error("the store at {url} was not ready after {waited:?}")]
    NotReady {
        /// The store's URL, without credentials.
        url: String,
        /// How long it was waited.
        waited: Duration,
        /// What the last try said.
        #[source]
        source: Box<Error>,
    },
    /// The answer could not be read.
    #[error("cannot read the answer of the store at {url} to {doing}: {detail}")]
    Answer {
        /// The store's URL, without credentials.
        url: String,
        /// What was tried, in the infinitive.
        doing: String,
        /// What does not fit.
        detail: String,
    },
    /// A migration file differs from the one that was applied.
    #[error(
        "migration {name} was changed after it was applied (hash {recorded} recorded, {found} found): restore the file and write a new migration instead"
    )]
    MigrationChanged {
        /// The file's name.
        name: String,
        /// The hash when it was applied.
        recorded: String,
        /// The hash now.
        found: String,
    },
    /// The database has a migration that this program does not know.
    #[error(
        "the database has migration {name}, which this program does not know: it was made by a newer patchlens"
    )]
    MigrationUnknown {
        /// The recorded name.
        name: String,
    },
    /// A migration file breaks a rule.
    #[error("migration {name}: {problem}")]
    MigrationInvalid {
        /// The file's name.
        name: String,
        /// Which rule.
        problem: String,
    },
    /// A name is not a plain identifier.
    #[error(
        "{name:?} is not a usable {what}: letters, digits and underscores, not starting with a digit"
    )]
    Identifier {
        /// What the name is for.
        what: &'static str,
        /// The name.
        name: String,
    },
}

impl Error {
    /// True when trying the same again later may succeed. After a write, look first at what arrived.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Exception { code, .. } => is_retryable_code(*code),
            Self::Unreachable { .. } | Self::NotReady { .. } | Self::DataDirInUse { .. } => true,
            Self::EngineLibrary { .. }
            | Self::EngineTaken { .. }
            | Self::EngineRefused { .. }
            | Self::EngineBusy { .. }
            | Self::DataDir { .. }
            | Self::Listen { .. }
            | Self::PasswordRequired { .. }
            | Self::RowsRefused { .. }
            | Self::Answer { .. }
            | Self::MigrationChanged { .. }
            | Self::MigrationUnknown { .. }
            | Self::MigrationInvalid { .. }
            | Self::Identifier { .. } => false,
        }
    }

    /// True when a failed write may have taken effect all the same: look at the destination before
    /// sending it again.
    pub fn may_have_been_stored(&self) -> bool {
        match self {
            // The store refused before it wrote: too many queries, too many parts, out of memory while
            // reading, read-only, too few replicas.
            Self::Exception { code, .. } => {
                is_retryable_code(*code) && !matches!(code, 202 | 241 | 242 | 252 | 285)
            }
            Self::Unreachable { .. } | Self::Answer { .. } => true,
            _ => false,
        }
    }

    /// True when the store refused the rows themselves: send them in smaller pieces to find which.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::RowsRefused { .. })
    }

    /// ClickHouse's error number, when the store gave one.
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Exception { code, .. } | Self::RowsRefused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// TIMEOUT_EXCEEDED, TOO_SLOW, TOO_MANY_SIMULTANEOUS_QUERIES, SOCKET_TIMEOUT, NETWORK_ERROR,
/// MEMORY_LIMIT_EXCEEDED, TABLE_IS_READ_ONLY, TOO_MANY_PARTS (back-pressure, not a failure),
/// ALL_CONNECTION_TRIES_FAILED, TOO_FEW_LIVE_REPLICAS, UNKNOWN_STATUS_OF_INSERT,
/// QUERY_WAS_CANCELLED, KEEPER_EXCEPTION.
pub(crate) fn is_retryable_code(code: u32) -> bool {
    matches!(
        code,
        159 | 160 | 202 | 209 | 210 | 241 | 242 | 252 | 279 | 285 | 319 | 394 | 999
    )
}

/// Numbers by which ClickHouse says that the data itself does not fit: parsing, conversion, nulls,
/// ranges, constraints, sizes.
pub(crate) fn is_data_code(code: u32) -> bool {
    matches!(
        code,
        6 | 16
            | 20
            | 25
            | 26
            | 27
            | 33
            | 38
            | 41
            | 53
            | 69
            | 70
            | 72
            | 117
            | 131
            | 321
            | 349
            | 367
            | 376
            | 469
            | 691
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_both_worth_a_retry_and_the_data_s_fault() {
        for code in 0..2000 {
            assert!(!(is_retryable_code(code) && is_data_code(code)), "{code}");
        }
    }
}
