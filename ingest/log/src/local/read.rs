//! Reading messages and keeping the group's position.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::database::{Database, Worker};
use super::fetch::{Room, read_messages};
use super::position::{self, OwnedTopic};
use super::{PARTITION, log_name, retention, retry_until};
use crate::position::Step;
use crate::{Cut, Error, PartitionLag, Polled, ReaderOptions, Result};

/// The longest pause between two looks into an empty log. A look costs some microseconds.
const LOOK_PAUSE_MAX: Duration = Duration::from_millis(50);

/// How often a reader without anything to do says that its group is in use.
const TOUCH_PAUSE: Duration = Duration::from_hours(1);

/// Reads a local log.
#[derive(Debug)]
pub(crate) struct LocalReader {
    worker: Worker<State>,
    deadline: Duration,
    /// What the worker last said about in-doubt cuts.
    in_doubt: Vec<Cut>,
}

/// What the reader's thread owns.
#[derive(Debug)]
struct State {
    database: Database,
    options: ReaderOptions,
    topics: Vec<Arc<str>>,
    lock_path: PathBuf,
    ownership: Option<Ownership>,
    /// The topic that the next poll looks into first, so that a busy topic does not starve the others.
    turn: usize,
    told_standing_by: bool,
}

/// What a reader has while it holds its group's lock.
#[derive(Debug)]
struct Ownership {
    topics: Vec<OwnedTopic>,
    touched_at: Instant,
    /// Locked; the lock goes with the file.
    _lock: File,
}

impl LocalReader {
    pub(crate) async fn open(dir: &Path, options: ReaderOptions) -> Result<Self> {
        let deadline = options.deadline;
        let (path, log) = (dir.to_path_buf(), log_name(dir));
        let worker = Worker::start("log-reader", log, move || State::open(&path, options)).await?;
        Ok(Self {
            worker,
            deadline,
            in_doubt: Vec::new(),
        })
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        self.worker.log()
    }

    pub(crate) async fn poll(&mut self, bytes_max: usize, wait: Duration) -> Result<Polled> {
        let deadline = Instant::now() + wait;
        let mut pause = Duration::from_millis(2);
        loop {
            let (polled, in_doubt) =
                match self.worker.call(move |state| state.poll(bytes_max)).await {
                    // Another process holds the file; an idle look may wait for the next one.
                    Err(Error::Unavailable { .. }) if Instant::now() < deadline => {
                        (Polled::default(), None)
                    }
                    outcome => outcome?,
                };
            if let Some(in_doubt) = in_doubt {
                self.in_doubt = in_doubt;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if !polled.is_empty() || left.is_zero() {
                return Ok(polled);
            }
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 2).min(LOOK_PAUSE_MAX);
        }
    }

    pub(crate) fn in_doubt(&self, topic: &str, partition: i32) -> Option<Cut> {
        self.in_doubt
            .iter()
            .find(|cut| &*cut.topic == topic && cut.partition == partition)
            .cloned()
    }

    pub(crate) async fn step(&mut self, step: Step, cuts: &[Cut]) -> Result<()> {
        let cuts: Arc<[Cut]> = cuts.into();
        let deadline = Instant::now() + self.deadline;
        self.in_doubt = retry_until(deadline, || {
            let cuts = Arc::clone(&cuts);
            self.worker.call(move |state| state.step(step, &cuts))
        })
        .await?;
        Ok(())
    }

    pub(crate) async fn lag(&mut self) -> Result<Vec<PartitionLag>> {
        self.worker
            .call(|state| {
                let lag = position::lag(
                    &state.database.connection,
                    &state.options.group,
                    &state.topics,
                );
                lag.map_err(|error| state.database.error("measure the lag", &error))
            })
            .await
    }

    pub(crate) async fn close(self) {
        self.worker.close().await;
    }
}

impl State {
    fn open(dir: &Path, options: ReaderOptions) -> Result<Self> {
        let database = Database::open(dir)?;
        let topics = options
            .topics
            .iter()
            .map(|topic| topic.as_str().into())
            .collect();
        let lock_path = dir.join(format!("reader.{}.lock", options.group));
        Ok(Self {
            database,
            options,
            topics,
            lock_path,
            ownership: None,
            turn: 0,
            told_standing_by: false,
        })
    }

    /// Returns what is there now, and the in-doubt cuts when they have become known.
    fn poll(&mut self, bytes_max: usize) -> Result<(Polled, Option<Vec<Cut>>)> {
        let mut polled = Polled::default();
        let mut in_doubt = None;
        if self.ownership.is_none() {
            let Some(ownership) = self.take_over()? else {
                return Ok((polled, None));
            };
            in_doubt = Some(in_doubt_cuts(&ownership.topics));
            polled.gained = ownership
                .topics
                .iter()
                .map(|owned| topic_partition(&owned.topic))
                .collect();
            self.ownership = Some(ownership);
        }
        let turn = self.turn;
        let Some(ownership) = &mut self.ownership else {
            return Ok((polled, in_doubt));
        };
        if ownership.touched_at.elapsed() >= TOUCH_PAUSE {
            for owned in &ownership.topics {
                position::touch(
                    &self.database.connection,
                    &self.options.group,
                    owned.topic_id,
                )
                .map_err(|error| self.database.error("note its use", &error))?;
            }
            ownership.touched_at = Instant::now();
        }
        let count = ownership.topics.len();
        self.turn = turn.wrapping_add(1);
        let mut room = Room::new(bytes_max);
        for step in 0..count {
            let Some(owned) = ownership.topics.get_mut(turn.wrapping_add(step) % count) else {
                continue;
            };
            let read = read_messages(&self.database, owned, &mut room, &mut polled.messages);
            read.map_err(|error| self.database.error("read", &error))?;
        }
        Ok((polled, in_doubt))
    }

    /// Takes the group's lock if it is free.
    fn take_over(&mut self) -> Result<Option<Ownership>> {
        let storage = |error: std::io::Error| Error::Storage {
            log: Arc::clone(&self.database.log),
            doing: format!("lock {}", self.lock_path.display()),
            detail: error.to_string(),
        };
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.lock_path)
            .map_err(storage)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                if !self.told_standing_by {
                    self.told_standing_by = true;
                    tracing::info!(log = %self.database.log, group = %self.options.group, "another reader of the group is at work, standing by");
                }
                return Ok(None);
            }
            Err(TryLockError::Error(error)) => return Err(storage(error)),
        }
        let loaded = position::load(
            &mut self.database.connection,
            &self.options.group,
            &self.topics,
        );
        let topics = loaded.map_err(|error| self.database.error("load the position", &error))?;
        Ok(Some(Ownership {
            topics,
            touched_at: Instant::now(),
            _lock: lock,
        }))
    }

    /// Records or finishes the cuts. Returns the cuts that are in doubt afterwards.
    fn step(&mut self, step: Step, cuts: &[Cut]) -> Result<Vec<Cut>> {
        let group = &self.options.group;
        let Some(ownership) = &mut self.ownership else {
            return lost(group, cuts);
        };
        let mut rows = Vec::with_capacity(cuts.len());
        for cut in cuts {
            let Some(owned) = ownership
                .topics
                .iter()
                .find(|owned| owned.topic == cut.topic && cut.partition == PARTITION)
            else {
                return lost(group, std::slice::from_ref(cut));
            };
            owned.position.check(step, cut)?;
            rows.push((owned.topic_id, cut));
        }
        position::store(&mut self.database.connection, group, step, &rows)
            .map_err(|error| self.database.error(step.doing(), &error))?;
        for cut in cuts {
            for owned in ownership
                .topics
                .iter_mut()
                .filter(|owned| owned.topic == cut.topic)
            {
                owned.position.apply(step, cut);
                // A cut that was in doubt may be finished without having been read again.
                owned.cursor = owned.cursor.max(owned.position.next_offset);
            }
        }
        let in_doubt = in_doubt_cuts(&ownership.topics);
        if step == Step::Finish
            && let Err(error) =
                retention::apply(&mut self.database.connection, &self.options.retention)
        {
            // The cut is finished all the same, and the next one deletes what this one left.
            tracing::warn!(%error, log = %self.database.log, "could not delete finished messages");
        }
        Ok(in_doubt)
    }
}

fn in_doubt_cuts(topics: &[OwnedTopic]) -> Vec<Cut> {
    topics
        .iter()
        .filter_map(|owned| owned.position.in_doubt().cloned())
        .collect()
}

fn topic_partition(topic: &Arc<str>) -> crate::TopicPartition {
    crate::TopicPartition {
        topic: Arc::clone(topic),
        partition: PARTITION,
    }
}

fn lost<T>(group: &str, cuts: &[Cut]) -> Result<T>
where
    T: Default,
{
    match cuts.first() {
        Some(cut) => Err(Error::Lost {
            topic: Arc::clone(&cut.topic),
            partition: cut.partition,
            group: group.to_owned(),
        }),
        None => Ok(T::default()),
    }
}
