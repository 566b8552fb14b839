//! The thread that Polars runs on.
//!
//! `collect()` on a tokio worker can deadlock, and blocks the worker in any case. Work goes to one
//! dedicated thread through a channel that holds one piece; Polars spreads each piece over its own
//! pool.

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
    /// When the thread has ended, or `work` panicked.
    pub async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move || {
            // The flow may have been cancelled meanwhile; then nobody wants the result.
            drop(answer.send(work()));
        });
        let jobs = self.jobs.clone().ok_or(Error::EngineGone)?;
        // The channel holds one job and the flow awaits each, so this does not block.
        jobs.send(job).map_err(|_| Error::EngineGone)?;
        result.await.map_err(|_| Error::EngineGone)
    }
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
