//! What can go wrong outside the input itself.

use std::path::PathBuf;

/// Everything that keeps a collector from its work. Bad input is not here: it becomes an
/// [`Issue`](crate::Issue), and the run goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be opened or read.
    #[error("cannot read {path}; check that it exists and may be read by this user", path = path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// What is in an archive cannot be kept on this machine while it is read. Nothing is wrong with the archive.
    #[error("{source}; make room there and read the bundle again")]
    Spool {
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The names that shall be taken out cannot be searched for.
    #[error("cannot prepare the redaction of the known names; give fewer or shorter ones")]
    Redaction {
        /// What the automaton says.
        source: Box<aho_corasick::BuildError>,
    },
    /// The sink of a run takes no more.
    #[error("cannot hand an event on")]
    Sink {
        /// What the sink says.
        source: crate::collect::SinkError,
    },
    /// The positions of a followed path cannot be read or written.
    #[error("cannot keep the positions of a followed path in {path}", path = path.display())]
    FollowState {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Nothing names the device.
    #[error("cannot name the device of {bundle:?}; give its name with --device")]
    Unnamed {
        /// Name of the bundle.
        bundle: String,
    },
}

/// What the fallible functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;
