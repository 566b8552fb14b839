//! One connection to the file, on a thread of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::{log_name, schema};
use crate::{Error, Result};

/// Name of the file inside the log's directory.
pub(crate) const FILE_NAME: &str = "log.sqlite3";

/// An open log file.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) connection: Connection,
    pub(crate) log: Arc<str>,
    path: PathBuf,
}

impl Database {
    /// Opens the log in `dir`; makes directory and file where they are missing.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let log = log_name(dir);
        let storage = |doing: &str, error: &dyn std::fmt::Display| Error::Storage {
            log: Arc::clone(&log),
            doing: doing.to_owned(),
            detail: error.to_string(),
        };
        make_directory(dir).map_err(|error| storage("make the directory", &error))?;
        let path = dir.join(FILE_NAME);
        let connection =
            Connection::open(&path).map_err(|error| storage("open the file", &error))?;
        let mut database = Self {
            connection,
            log,
            path,
        };
        schema::prepare(&mut database)?;
        Ok(database)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Turns an error of SQLite into one that says what was being done to which log.
    pub(crate) fn error(&self, doing: &str, error: &rusqlite::Error) -> Error {
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Unavailable {
                log: Arc::clone(&self.log),
                doing: doing.to_owned(),
                detail,
            },
            Some(ErrorCode::DiskFull) => Error::DiskFull {
                log: Arc::clone(&self.log),
            },
            Some(ErrorCode::NotADatabase) => Error::Foreign {
                path: self.path.clone(),
                detail,
            },
            Some(ErrorCode::DatabaseCorrupt) => Error::Corrupt {
                path: self.path.clone(),
                detail,
            },
            _ => Error::Storage {
                log: Arc::clone(&self.log),
                doing: doing.to_owned(),
                detail,
            },
        }
    }
}

/// Makes `dir`, for this user only, and makes sure that it outlives a power cut.
fn make_directory(dir: &Path) -> std::io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir)?;
    #[cfg(unix)]
    if let Some(parent) = dir.canonicalize()?.parent() {
        std::fs::File::open(parent)?.sync_all()?;
    }
    Ok(())
}

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// How many jobs wait for the thread. Each may hold the messages of a request; whoever asks for more
/// waits, and what nobody waits for any more is not queued.
const JOBS_WAITING: usize = 8;

/// A thread that owns `S` and runs what it is asked to, one thing after the other: SQLite blocks,
/// and must not do so on a thread of the async runtime.
#[derive(Debug)]
pub(crate) struct Worker<S> {
    jobs: mpsc::Sender<Job<S>>,
    thread: JoinHandle<()>,
    log: Arc<str>,
}

impl<S: 'static> Worker<S> {
    /// Starts the thread, which begins by making its state.
    pub(crate) async fn start(
        name: &str,
        log: Arc<str>,
        make: impl FnOnce() -> Result<S> + Send + 'static,
    ) -> Result<Self> {
        let (jobs, mut inbox) = mpsc::channel::<Job<S>>(JOBS_WAITING);
        let (outcome, opened) = oneshot::channel();
        let run = move || {
            let mut state = match make() {
                Ok(state) => state,
                Err(error) => return drop(outcome.send(Err(error))),
            };
            // The opener may have gone; the first recv then ends the thread.
            drop(outcome.send(Ok(())));
            while let Some(job) = inbox.blocking_recv() {
                job(&mut state);
            }
        };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(|error| Error::Storage {
                log: Arc::clone(&log),
                doing: "start a thread".to_owned(),
                detail: error.to_string(),
            })?;
        opened.await.map_err(|_| Error::Stopped {
            log: Arc::clone(&log),
        })??;
        Ok(Self { jobs, thread, log })
    }

    /// How errors name the log.
    pub(crate) fn log(&self) -> &Arc<str> {
        &self.log
    }

    /// Runs `job` on the thread and returns what it returns. It runs to its end even when the
    /// caller stops waiting.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let stopped = || Error::Stopped {
            log: Arc::clone(&self.log),
        };
        let (answer, answered) = oneshot::channel();
        let job: Job<S> = Box::new(move |state| drop(answer.send(job(state))));
        self.jobs.send(job).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    /// Ends the thread after what it was asked to do, and waits for that.
    pub(crate) async fn close(self) {
        let Self { jobs, thread, log } = self;
        drop(jobs);
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!(%log, "the thread of the event log ended in a panic");
        }
    }
}
