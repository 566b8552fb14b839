//! What the engine's threads share, and the threads.

use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::mpsc;

use crate::embedded::EngineConfig;
use crate::embedded::analyst::limits::AnalystLimits;
use crate::embedded::confine::confine_or_warn;
use crate::embedded::failure::Failure;
use crate::embedded::ffi::{Api, Connection};
use crate::embedded::session::Sessions;

/// The engine's parser recurses; the default of 2 MiB is too close to its own stack check.
const STACK_BYTES: usize = 8 << 20;

/// Work for an engine thread.
pub(crate) type Job = Box<dyn FnOnce(&Core) + Send>;

/// The running engine, as its threads see it.
pub(crate) struct Core {
    api: &'static Api,
    arguments: Vec<CString>,
    pub(crate) sessions: Sessions<Connection>,
    /// ClickHouse's version, `26.7.2.1`.
    pub(crate) server_version: String,
    library_version: String,
    /// What the threads are confined to.
    data_dir: PathBuf,
    library: PathBuf,
    pub(crate) analyst: AnalystLimits,
}

impl Core {
    pub(crate) fn new(api: &'static Api, config: &EngineConfig, server_version: String) -> Self {
        Self {
            api,
            arguments: config.arguments(),
            data_dir: config.data_dir.clone(),
            library: config.library.clone(),
            analyst: config.analyst.clone(),
            sessions: Sessions::default(),
            server_version,
            library_version: api.version(),
        }
    }

    /// Opens a fresh session: 0.15 ms, so that every request can have its own and no setting, no
    /// temporary table and no half-read statement leaks from one to the next.
    pub(crate) fn open(&self) -> Result<Connection, Failure> {
        Connection::open(self.api, &self.arguments).ok_or_else(|| {
            Failure::new(210, "NETWORK_ERROR", "the embedded engine is shutting down")
        })
    }

    /// What stands behind the word "version" in error messages.
    pub(crate) fn version_text(&self) -> String {
        format!(
            "{} (embedded libchdb {}))",
            self.server_version, self.library_version
        )
        .trim_end_matches(')')
        .to_owned()
            + ")"
    }
}

/// The engine's threads: each runs one job at a time, on connections of its own.
pub(crate) struct Workers {
    /// Disconnected when the last thread has ended.
    ended: blocking::Receiver<()>,
}

impl Workers {
    /// Starts `count` threads that take jobs until the channel closes.
    pub(crate) fn start(
        core: &Arc<Core>,
        count: usize,
        jobs: mpsc::Receiver<Job>,
    ) -> std::io::Result<Self> {
        let jobs = Arc::new(Mutex::new(jobs));
        let (alive, ended) = blocking::channel();
        for index in 0..count.max(1) {
            let (core, jobs, alive) = (Arc::clone(core), Arc::clone(&jobs), alive.clone());
            thread::Builder::new()
                .name(format!("engine-{index}"))
                .stack_size(STACK_BYTES)
                .spawn(move || {
                    confine_or_warn(&core.data_dir, &core.library);
                    work(&core, &jobs);
                    drop(alive);
                })?;
        }
        Ok(Self { ended })
    }

    /// Waits until all threads have ended; false when they have not in time.
    pub(crate) fn wait(&self, longest: std::time::Duration) -> bool {
        matches!(
            self.ended.recv_timeout(longest),
            Err(blocking::RecvTimeoutError::Disconnected)
        )
    }
}

fn work(core: &Core, jobs: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        // The lock is held while waiting: one thread waits on the channel, the others on the lock.
        let job = jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv();
        let Some(job) = job else { return };
        if catch_unwind(AssertUnwindSafe(|| job(core))).is_err() {
            tracing::error!("a query ended in a panic: its client gets no answer");
        }
        crate::embedded::renew_exit_hook();
    }
}
