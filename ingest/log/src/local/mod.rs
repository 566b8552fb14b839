//! The local log: one SQLite file in a directory, with a write-ahead log that is on disk before an
//! append returns. Collector and transform may be different processes.
//!
//! One partition per topic: one machine has one reader, and more partitions would only split its
//! batches. A second reader of a group stands by, as a Kafka consumer without partitions does.

mod append;
mod database;
mod fetch;
mod position;
mod read;
mod retention;
mod schema;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use read::LocalReader;

use crate::{Error, Message, Result, WriterOptions};
use database::{Database, Worker};

/// The one partition of every topic.
pub(crate) const PARTITION: i32 = 0;

/// Appends to a local log.
#[derive(Debug)]
pub(crate) struct LocalWriter {
    worker: Worker<Database>,
    options: WriterOptions,
}

impl LocalWriter {
    pub(crate) async fn open(dir: &Path, options: WriterOptions) -> Result<Self> {
        let path = dir.to_path_buf();
        let worker =
            Worker::start("log-writer", log_name(dir), move || Database::open(&path)).await?;
        Ok(Self { worker, options })
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        self.worker.log()
    }

    pub(crate) async fn append(&self, topic: &str, messages: Vec<Message>) -> Result<()> {
        let deadline = Instant::now() + self.options.deadline;
        let topic: Arc<str> = topic.into();
        let messages = Arc::new(messages);
        let disk_bytes_max = self.options.disk_bytes_max;
        retry_until(deadline, || {
            let (topic, messages) = (Arc::clone(&topic), Arc::clone(&messages));
            self.worker
                .call(move |database| append::append(database, &topic, &messages, disk_bytes_max))
        })
        .await
    }

    /// Looks whether the next append would find room.
    pub(crate) async fn check(&self) -> Result<()> {
        let disk_bytes_max = self.options.disk_bytes_max;
        self.worker
            .call(move |database| append::check_room(database, disk_bytes_max))
            .await
    }

    pub(crate) async fn close(self) {
        self.worker.close().await;
    }
}

/// Makes the topics known, so that readers may wait for them.
pub(crate) async fn ensure_topics(dir: &Path, names: Vec<String>) -> Result<()> {
    let path = dir.to_path_buf();
    let worker = Worker::start("log-topics", log_name(dir), move || Database::open(&path)).await?;
    let outcome = worker
        .call(move |database| append::ensure_topics(database, &names))
        .await;
    worker.close().await;
    outcome
}

/// How errors and records name the log.
fn log_name(dir: &Path) -> Arc<str> {
    dir.display().to_string().into()
}

/// Repeats `attempt` with growing pauses while another process holds the file, until `deadline`.
async fn retry_until<T, F>(deadline: Instant, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut pause = Duration::from_millis(20);
    loop {
        match attempt().await {
            Err(Error::Unavailable { .. }) if Instant::now() + pause < deadline => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
            outcome => return outcome,
        }
    }
}
