//! The spool: what cannot be handed over now is kept on disk, and handed over in order later.
//!
//! As long as the destination takes messages they go straight there. The first that it does not
//! take, and every one after it, is appended to a local event log; from then on that log is drained
//! from its front, and only when it is empty do messages go straight again. So their order stays.
//!
//! A drained range is recorded in the spool *after* the destination acknowledged it and before it is
//! finished: whoever finds a recorded range knows that it was acknowledged, and finishes it without
//! sending it again. Only a range that was acknowledged and not yet recorded when the process was
//! killed is sent twice; content identity makes that harmless.
//!
//! What the destination refuses for what it says is set aside, so that nothing behind it waits for
//! ever: the range is halved until it is one message, and that becomes a file in `refused/`.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use patchlens_event::{EVENTS_TOPIC, REJECTS_TOPIC};
use patchlens_log::{
    Cut, Delivered, Error as LogError, LogUrl, Message, Polled, Reader, ReaderOptions, Retention,
    Writer, WriterOptions,
};

use super::{APPEND_BYTES_MAX, Backoff, Destination, ShipError};

/// The spool's one consumer group.
const GROUP: &str = "spool";
/// The directory in the spool's for what the destination refuses.
const REFUSED: &str = "refused";
/// First and longest pause between two attempts at a destination that is away.
const BACKOFF: Backoff = Backoff::new(FIRST_PAUSE, Duration::from_secs(30));
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long one look into the spool waits for messages that another process has not yet let go.
const LOOK: Duration = Duration::from_millis(20);

/// Where the spool is and how much it holds.
#[derive(Debug, Clone)]
pub struct SpoolOptions {
    /// Its directory; made when something has to be kept. One for each destination.
    pub dir: PathBuf,
    /// Its budget in bytes: beyond it appends are refused, nothing is dropped.
    pub bytes_max: u64,
    /// How long an append to a full spool waits for room.
    pub wait: Duration,
}

/// What a spool holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpoolState {
    /// Nothing: everything has been handed over.
    Empty,
    /// So many messages wait.
    Waiting(u64),
}

/// A destination with a spool before it.
#[derive(Debug)]
pub struct Spooled<D> {
    pub(super) destination: D,
    options: SpoolOptions,
    pub(super) log: Option<SpoolLog>,
    /// True while messages wait, so that new ones must queue behind them.
    engaged: bool,
    retry_at: Option<Instant>,
    backoff: Backoff,
    last_failure: Option<String>,
    /// How many messages are handed over at once; fewer while something among them is refused.
    width: usize,
    set_aside: u64,
}

#[derive(Debug)]
pub(super) struct SpoolLog {
    writer: Writer,
    pub(super) reader: Reader,
    /// Read from the spool, not acknowledged yet; in order.
    pub(super) held: VecDeque<Delivered>,
}

impl<D: Destination> Spooled<D> {
    /// Puts a spool before a destination. What an earlier run left in it is handed over first.
    ///
    /// # Errors
    /// When there is a spool and it cannot be opened.
    pub async fn open(destination: D, options: SpoolOptions) -> Result<Self, ShipError> {
        let mut spooled = Self {
            destination,
            options,
            log: None,
            engaged: false,
            retry_at: None,
            backoff: BACKOFF,
            last_failure: None,
            width: usize::MAX,
            set_aside: 0,
        };
        if spooled.options.dir.is_dir() {
            spooled.open_log().await?;
            spooled.engaged = spooled.waiting().await? > 0;
        }
        Ok(spooled)
    }

    /// What waits in the spool.
    ///
    /// # Errors
    /// When the spool cannot be asked.
    pub async fn state(&mut self) -> Result<SpoolState, ShipError> {
        Ok(match self.waiting().await? {
            0 => SpoolState::Empty,
            messages => SpoolState::Waiting(messages),
        })
    }

    /// Why the destination took nothing when it was last tried; `None` when it did.
    pub fn last_failure(&self) -> Option<&str> {
        self.last_failure.as_deref()
    }

    /// How many messages this run has set aside because the destination refuses what they say.
    pub fn set_aside(&self) -> u64 {
        self.set_aside
    }

    /// Where they are: one file of lines for each message.
    pub fn refused_dir(&self) -> PathBuf {
        self.options.dir.join(REFUSED)
    }

    /// The spool's directory.
    pub fn dir(&self) -> &std::path::Path {
        &self.options.dir
    }

    /// Hands over what waits, until nothing does or the time is up.
    ///
    /// # Errors
    /// When the spool cannot be read, or the destination refuses for good.
    pub async fn drain(&mut self, wait: Duration) -> Result<SpoolState, ShipError> {
        let deadline = Instant::now() + wait;
        while self.engaged {
            if let Some(at) = self.retry_at {
                if at >= deadline {
                    break;
                }
                tokio::time::sleep_until(at.into()).await;
                self.retry_at = None;
            }
            let moved = self.drain_step().await?;
            if Instant::now() >= deadline {
                break;
            }
            if !moved && self.engaged && self.retry_at.is_none() {
                // Another process drains this spool.
                tokio::time::sleep(LOOK).await;
            }
        }
        self.state().await
    }

    /// Hands over what waits if the destination is due for an attempt; returns at once otherwise.
    ///
    /// # Errors
    /// As for [`drain`](Self::drain).
    pub async fn drain_some(&mut self) -> Result<(), ShipError> {
        while self.engaged && self.is_due() && self.drain_step().await? {}
        Ok(())
    }

    /// Closes the spool in good order; what waits stays on disk.
    pub async fn close(self) {
        if let Some(log) = self.log {
            log.reader.close().await;
            log.writer.close().await;
        }
    }

    fn is_due(&self) -> bool {
        self.retry_at.is_none_or(|at| at <= Instant::now())
    }

    async fn waiting(&mut self) -> Result<u64, ShipError> {
        let Some(log) = &mut self.log else {
            return Ok(0);
        };
        let lags = log.reader.lag().await?;
        Ok(lags.iter().map(patchlens_log::PartitionLag::messages).sum())
    }

    async fn open_log(&mut self) -> Result<&mut SpoolLog, ShipError> {
        if self.log.is_none() {
            let url = LogUrl::local(&self.options.dir);
            let writer = Writer::open(
                &url,
                WriterOptions {
                    disk_bytes_max: self.options.bytes_max,
                    ..WriterOptions::default()
                },
            )
            .await?;
            let options = ReaderOptions {
                // What was handed over is needed no more.
                retention: Retention {
                    age_max: Duration::ZERO,
                    bytes_max: 0,
                },
                ..ReaderOptions::new(GROUP, [EVENTS_TOPIC, REJECTS_TOPIC])
            };
            patchlens_log::ensure_topics(&url, &[(EVENTS_TOPIC, 1), (REJECTS_TOPIC, 1)]).await?;
            let reader = Reader::open(&url, options).await?;
            self.log = Some(SpoolLog {
                writer,
                reader,
                held: VecDeque::new(),
            });
        }
        self.log.as_mut().ok_or_else(|| {
            ShipError::Log(LogError::Stopped {
                log: self.options.dir.display().to_string().into(),
            })
        })
    }

    /// Appends to the spool; waits for room while it is full. What does not fit at once is appended
    /// in pieces.
    async fn keep(&mut self, topic: &str, messages: Vec<Message>) -> Result<(), ShipError> {
        let deadline = Instant::now() + self.options.wait;
        // The next piece is at the end.
        let mut pieces = vec![messages];
        while let Some(mut piece) = pieces.pop() {
            let log = self.open_log().await?;
            match log.writer.append(topic, piece.clone()).await {
                Ok(()) => self.engaged = true,
                Err(LogError::Full { .. }) if piece.len() > 1 => {
                    let later = piece.split_off(piece.len() / 2);
                    pieces.extend([later, piece]);
                }
                Err(LogError::Full {
                    used_bytes,
                    bytes_max,
                    ..
                }) => {
                    pieces.push(piece);
                    let left = deadline.saturating_duration_since(Instant::now());
                    let before = self.waiting().await?;
                    if before > 0 {
                        self.engaged = true;
                        self.drain(left.min(FIRST_PAUSE)).await?;
                    }
                    if self.waiting().await? < before {
                        continue;
                    }
                    if left.is_zero() || before == 0 {
                        return Err(ShipError::SpoolFull {
                            dir: self.options.dir.clone(),
                            used_bytes,
                            bytes_max,
                            destination: self.destination.name(),
                        });
                    }
                    if let Some(at) = self.retry_at {
                        tokio::time::sleep_until((Instant::now() + left).min(at).into()).await;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Hands the front of the spool over. False when there was nothing to hand over, or it failed.
    async fn drain_step(&mut self) -> Result<bool, ShipError> {
        let Some(log) = &mut self.log else {
            self.engaged = false;
            return Ok(false);
        };
        if log.held.is_empty() {
            let Polled {
                gained,
                mut messages,
                ..
            } = log.reader.poll(APPEND_BYTES_MAX, LOOK).await?;
            for partition in gained {
                // Recorded means acknowledged: see above.
                if let Some(cut) = log.reader.in_doubt(&partition.topic, partition.partition) {
                    log.reader.finish(std::slice::from_ref(&cut)).await?;
                    messages.retain(|message| {
                        message.topic != cut.topic || message.offset > cut.last_offset
                    });
                }
            }
            log.held.extend(messages);
        }
        let Some(cut) = front(&log.held, self.width) else {
            self.engaged = self.waiting().await? > 0;
            return Ok(false);
        };
        let batch: Vec<Message> = log
            .held
            .iter()
            .take_while(|message| cut.holds(message))
            .map(|message| Message {
                key: message.key.clone(),
                payload: message.payload.clone(),
            })
            .collect();
        let count = batch.len();
        let is_done = match self.destination.append(&cut.topic, batch.clone()).await {
            Ok(()) => {
                self.width = self.width.saturating_mul(2);
                true
            }
            Err(error) if error.is_retryable() => {
                self.failed(&error);
                return Ok(false);
            }
            Err(error) if error.is_for_content() && count > 1 => {
                tracing::debug!(%error, count, "looking for what is refused");
                self.width = count / 2;
                return Ok(true);
            }
            Err(error) if error.is_for_content() => {
                self.keep_refused(&cut.topic, &batch, &error).await?;
                false
            }
            Err(error) => return Err(error),
        };
        let Some(log) = &mut self.log else {
            return Ok(false);
        };
        log.reader.record_cut(std::slice::from_ref(&cut.0)).await?;
        log.reader.finish(std::slice::from_ref(&cut.0)).await?;
        while log.held.front().is_some_and(|message| cut.holds(message)) {
            log.held.pop_front();
        }
        if is_done {
            self.calm();
        }
        Ok(true)
    }

    /// Writes what is refused to files of lines, which `POST /ingest/v1/events` takes as they are.
    async fn keep_refused(
        &mut self,
        topic: &str,
        messages: &[Message],
        error: &ShipError,
    ) -> Result<(), ShipError> {
        let dir = self.refused_dir();
        for message in messages {
            let (target, topic) = (dir.clone(), topic.to_owned());
            let lines = message.payload.clone();
            let bytes_max = self.options.bytes_max;
            let written =
                tokio::task::spawn_blocking(move || set_aside(&target, &topic, &lines, bytes_max))
                    .await
                    .unwrap_or_else(|error| Err(io::Error::other(error)));
            let file = written.map_err(|source| ShipError::SetAside {
                dir: dir.clone(),
                refusal: error.to_string(),
                source,
            })?;
            tracing::error!(%error, file = %file.display(), device = message.key, "set aside what is refused");
            self.set_aside += 1;
        }
        Ok(())
    }

    fn calm(&mut self) {
        if self.last_failure.take().is_some() {
            tracing::info!(destination = self.destination.name(), "the way is back");
        }
        self.backoff.reset();
        self.retry_at = None;
    }

    fn failed(&mut self, error: &ShipError) {
        if self.last_failure.is_none() {
            tracing::warn!(%error, spool = %self.options.dir.display(), "events are kept in the spool until the way is back");
        }
        self.last_failure = Some(error.to_string());
        let pause = self.backoff.pause(error.retry_after());
        self.retry_at = Some(Instant::now() + pause);
    }
}

/// Writes the lines of one message to a file that is named after them; one that is there already is
/// the same.
fn set_aside(dir: &Path, topic: &str, lines: &[u8], bytes_max: u64) -> io::Result<PathBuf> {
    fs::create_dir_all(dir)?;
    let id = blake3::hash(lines).to_hex();
    let id = id.get(..16).unwrap_or_default();
    let path = dir.join(format!("{topic}-{id}.ndjson"));
    if path.exists() {
        return Ok(path);
    }
    let mut bytes = lines.len() as u64;
    for entry in fs::read_dir(dir)? {
        bytes = bytes.saturating_add(entry?.metadata()?.len());
    }
    if bytes > bytes_max {
        let detail = format!("it would hold more than the {bytes_max} bytes of the spool");
        return Err(io::Error::new(io::ErrorKind::StorageFull, detail));
    }
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(lines)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    #[cfg(unix)]
    fs::File::open(dir)?.sync_all()?;
    Ok(path)
}

/// A range of messages of one topic that is handed over at once.
pub(super) struct Range(pub(super) Cut);

impl std::ops::Deref for Range {
    type Target = Cut;

    fn deref(&self) -> &Cut {
        &self.0
    }
}

impl Range {
    fn holds(&self, message: &Delivered) -> bool {
        message.topic == self.topic
            && (self.first_offset..=self.last_offset).contains(&message.offset)
    }
}

/// The messages of the first topic, as far as they stand together, at most `width` of them.
pub(super) fn front(held: &VecDeque<Delivered>, width: usize) -> Option<Range> {
    let first = held.front()?;
    let last = held
        .iter()
        .take(width.max(1))
        .take_while(|message| message.topic == first.topic)
        .last()?;
    Some(Range(Cut {
        topic: first.topic.clone(),
        partition: first.partition,
        first_offset: first.offset,
        last_offset: last.offset,
        made_by: "spool".to_owned(),
    }))
}

impl<D: Destination> Destination for Spooled<D> {
    async fn append(&mut self, topic: &str, messages: Vec<Message>) -> Result<(), ShipError> {
        self.drain_some().await?;
        if self.engaged {
            return self.keep(topic, messages).await;
        }
        match self.destination.append(topic, messages.clone()).await {
            Ok(()) => {
                self.calm();
                Ok(())
            }
            Err(error) if error.is_retryable() => {
                self.failed(&error);
                self.keep(topic, messages).await
            }
            Err(error) if error.is_for_content() => {
                // Only some of it may be: it is looked for where nothing is lost meanwhile.
                self.keep(topic, messages).await?;
                self.drain_some().await
            }
            Err(error) => Err(error),
        }
    }

    fn name(&self) -> String {
        self.destination.name()
    }
}
