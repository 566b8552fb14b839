//! Starts a real Apache Kafka broker for tests: KRaft, broker and controller in one process, on
//! ports of its own, with a data directory that is gone when the [`Broker`] is dropped.
//!
//! The jars come from Maven (`tests/kafka/README.md`). A broker is up in about two seconds, so
//! every test may have its own. It ends with the test: on drop, and, where `setpriv` exists, also
//! when the test process is killed.

mod files;
mod process;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use crate::process::Process;

/// What can go wrong with a test broker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to start.
    #[error("no Kafka jars in {path}: fetch them as tests/kafka/README.md says, or set PATCHLENS_KAFKA_LIBS", path = .0.display())]
    Jars(PathBuf),
    /// There is nothing to start it with.
    #[error("cannot run java (Java 17 or newer is needed): {0}")]
    Java(std::io::Error),
    /// A file of the broker could not be written, or a port could not be had.
    #[error("cannot prepare the test broker: {0}")]
    Prepare(#[from] std::io::Error),
    /// The process ended, or said nothing for too long; its last lines are attached.
    #[error("the test broker did not start:\n{0}")]
    Start(String),
}

impl Error {
    /// True when this machine lacks what a broker needs, as opposed to a broker that fails.
    pub fn is_missing_prerequisite(&self) -> bool {
        match self {
            Self::Jars(_) | Self::Java(_) => true,
            Self::Prepare(_) | Self::Start(_) => false,
        }
    }
}

/// How a broker is set up.
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    /// Partitions of a topic that is created by writing to it.
    pub partitions: u16,
    /// Further lines of `server.properties`; a later one wins over ours.
    pub settings: Vec<(String, String)>,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self {
            partitions: 1,
            settings: Vec::new(),
        }
    }
}

/// A running broker, or one that was stopped and can be started again on the same data.
#[derive(Debug)]
pub struct Broker {
    port: u16,
    directory: TempDir,
    process: Option<Process>,
}

impl Broker {
    /// Formats a data directory and starts a broker on it. Returns when it answers.
    ///
    /// # Errors
    /// When jars or Java are missing, or the broker does not come up.
    pub fn start(options: &BrokerOptions) -> Result<Self, Error> {
        let mut attempts_left = 3;
        loop {
            // A port that was free a moment ago may be taken by the time the broker binds it.
            match Self::start_once(options) {
                Err(Error::Start(output))
                    if attempts_left > 1 && output.contains("Address already in use") =>
                {
                    attempts_left -= 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// Like [`Broker::start`], but where jars or Java are missing prints `skipped: …` and returns
    /// `None`, unless `PATCHLENS_REQUIRE_SERVICES=1` is set.
    ///
    /// # Panics
    /// When the broker does not come up, or is required and missing: this is how a test fails.
    #[expect(
        clippy::print_stderr,
        clippy::panic,
        clippy::disallowed_methods,
        reason = "a test must say that it did not run, and fail when it had to"
    )]
    pub fn start_or_skip(options: &BrokerOptions) -> Option<Self> {
        let required = std::env::var("PATCHLENS_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        match Self::start(options) {
            Ok(broker) => Some(broker),
            Err(error) if error.is_missing_prerequisite() && !required => {
                eprintln!("skipped: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns the broker that all tests of this process share while at least one of them has it;
    /// topics and groups with names of their own keep them apart. Otherwise like
    /// [`Broker::start_or_skip`] with the defaults.
    ///
    /// # Panics
    /// As [`Broker::start_or_skip`].
    pub fn shared_or_skip() -> Option<Arc<Self>> {
        // Weak, because statics are not dropped at the end: the last test takes the broker with it.
        static SHARED: Mutex<Weak<Broker>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(broker) = shared.upgrade() {
            return Some(broker);
        }
        let broker = Arc::new(Self::start_or_skip(&BrokerOptions::default())?);
        *shared = Arc::downgrade(&broker);
        Some(broker)
    }

    fn start_once(options: &BrokerOptions) -> Result<Self, Error> {
        let libs = files::libs()?;
        let directory = tempfile::Builder::new()
            .prefix("patchlens-kafka-")
            .tempdir()?;
        let [port, controller_port] = free_ports()?;
        files::write_settings(directory.path(), port, controller_port, options)?;
        process::format(&libs, directory.path())?;
        let process = Process::start(&libs, directory.path(), port)?;
        Ok(Self {
            port,
            directory,
            process: Some(process),
        })
    }

    /// Host and port for `bootstrap.servers`.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills the broker as a power cut would. The data stays.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts a stopped broker again, on the same port and data.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop();
        self.process = Some(Process::start(
            &files::libs()?,
            self.directory.path(),
            self.port,
        )?);
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Before the directory goes: a live broker would write into it while it is deleted.
        self.stop();
    }
}

fn free_ports() -> Result<[u16; 2], Error> {
    let first = TcpListener::bind("127.0.0.1:0")?;
    let second = TcpListener::bind("127.0.0.1:0")?;
    Ok([first.local_addr()?.port(), second.local_addr()?.port()])
}
