//! The thread that Polars runs on.
//!
//! `collect()` on a tokio worker can deadlock, and blocks the worker in any case. Work goes to one
//! dedicated thread through a channel that holds one piece; Polars spreads each piece over its own
//! pool. A piece that panics fails alone: the thread goes on with the next.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::{Error, Result};

type Job = Box<dyn FnOnce() + Send>;

/// A handle to the thread; the thread ends when it is dropped.
#[derive(Debug)]
pub struct Engine {
    jobs: Option<mpsc::SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start() -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::sync_channel::<Job>(1);
        let thread = std::thread::Builder::new()
            .name("transform".to_owned())
            .spawn(move || {
                for job in inbox {
                    job();
                }
            })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Runs `work` on the thread and waits for its result.
    ///
    /// # Errors
    /// [`Error::Panicked`] when `work` panicked; [`Error::EngineGone`] when the thread has ended.
    pub async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move || {
            // The work owns what it changes, so that nothing half made outlives a panic.
            let done = catch_unwind(AssertUnwindSafe(work));
            // The flow may have been cancelled meanwhile; then nobody wants the result.
            drop(answer.send(done));
        });
        let jobs = self.jobs.clone().ok_or(Error::EngineGone)?;
        // The channel holds one job and the flow awaits each, so this does not block.
        jobs.send(job).map_err(|_| Error::EngineGone)?;
        let done = result.await.map_err(|_| Error::EngineGone)?;
        done.map_err(|panic| Error::Panicked {
            said: said_by(panic.as_ref()),
        })
    }
}

/// The message of a panic.
fn said_by(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the transform thread panicked");
        }
    }
}
