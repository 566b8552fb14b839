//! Several files at a time, with what comes out of them in the order of the files.
//!
//! Each file has a bounded channel. The sink takes from the first file's until that file is done,
//! then from the second's; a file whose channel is full waits, and only a few files beyond the one
//! that is being taken are begun. So memory stays bounded, and nothing depends on which thread was
//! faster.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use patchlens_event::{Event, Reject};

use super::{CollectOptions, EventSink, SinkError};
use crate::Result;

/// How many bytes of events travel together, roughly.
const BATCH_BYTES: usize = 64 * 1024;
/// What an event takes besides its texts, roughly.
const EVENT_BYTES: usize = 512;
/// How many files beyond the one that is being taken may be begun, for each thread.
const BEGUN_PER_THREAD: usize = 4;

enum Item {
    Event(Event),
    Reject(Reject),
}

enum Message<O> {
    Items(Vec<Item>),
    Done(Result<O>),
}

/// Does `work` on 0, 1, …, `count - 1` and hands what it sends to `sink`, and what it returns to
/// `take`, in this order.
///
/// # Errors
/// The first in this order, of the work or of the sink; what is behind it is given up.
pub(super) fn in_order<O: Send>(
    count: usize,
    options: &CollectOptions,
    work: &(dyn Fn(usize, &mut dyn EventSink) -> Result<O> + Sync),
    take: &mut dyn FnMut(O),
    sink: &mut dyn EventSink,
) -> Result<()> {
    let threads = options.threads.min(count);
    if threads < 2 {
        for index in 0..count {
            take(work(index, sink)?);
        }
        return Ok(());
    }
    let batches_max = (options.ahead_bytes_max / BATCH_BYTES).max(1);
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..count)
        .map(|_| sync_channel(batches_max))
        .map(|(sender, receiver)| (Mutex::new(Some(sender)), receiver))
        .unzip();
    let progress = Progress {
        state: Mutex::new(State::default()),
        moved: Condvar::new(),
        count,
        begun_max: threads * BEGUN_PER_THREAD,
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(index) = progress.begin() {
                    let sender = senders.get(index).and_then(|sender| lock(sender).take());
                    if let Some(sender) = sender {
                        run(index, sender, work);
                    }
                }
            });
        }
        let taken = take_all(receivers, &progress, take, sink);
        progress.stop();
        taken
    })
}

fn run<O>(
    index: usize,
    sender: SyncSender<Message<O>>,
    work: &(dyn Fn(usize, &mut dyn EventSink) -> Result<O> + Sync),
) {
    let mut forward = Forward {
        sender,
        batch: Vec::new(),
        bytes: 0,
    };
    let outcome = work(index, &mut forward);
    // When nobody takes it any more, it is not needed.
    if forward.flush().is_ok() {
        forward.sender.send(Message::Done(outcome)).ok();
    }
}

fn take_all<O>(
    receivers: Vec<Receiver<Message<O>>>,
    progress: &Progress,
    take: &mut dyn FnMut(O),
    sink: &mut dyn EventSink,
) -> Result<()> {
    for receiver in receivers {
        loop {
            match receiver.recv() {
                Ok(Message::Items(items)) => {
                    for item in items {
                        match item {
                            Item::Event(event) => sink.event(event)?,
                            Item::Reject(reject) => sink.reject(reject)?,
                        }
                    }
                }
                Ok(Message::Done(outcome)) => break take(outcome?),
                // Its thread panicked: the scope passes that on.
                Err(_) => return Ok(()),
            }
        }
        progress.taken();
    }
    Ok(())
}

/// Collects what one file sends into batches.
struct Forward<O> {
    sender: SyncSender<Message<O>>,
    batch: Vec<Item>,
    bytes: usize,
}

impl<O> Forward<O> {
    fn push(&mut self, item: Item, bytes: usize) -> std::result::Result<(), SinkError> {
        self.batch.push(item);
        self.bytes += EVENT_BYTES + bytes;
        if self.bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> std::result::Result<(), SinkError> {
        self.bytes = 0;
        let items = std::mem::take(&mut self.batch);
        self.sender
            .send(Message::Items(items))
            .map_err(|_| SinkError::new("an earlier file could not be handed on"))
    }
}

impl<O> EventSink for Forward<O> {
    fn event(&mut self, event: Event) -> std::result::Result<(), SinkError> {
        let fields: usize = event
            .fields
            .iter()
            .map(|(name, value)| name.len() + value.len() + 64)
            .sum();
        let bytes = event.message.len() + event.template.len() + fields;
        self.push(Item::Event(event), bytes)
    }

    fn reject(&mut self, reject: Reject) -> std::result::Result<(), SinkError> {
        let bytes = reject.raw.len() + reject.detail.len();
        self.push(Item::Reject(reject), bytes)
    }
}

/// Which files are begun and taken.
struct Progress {
    state: Mutex<State>,
    moved: Condvar,
    count: usize,
    begun_max: usize,
}

#[derive(Default)]
struct State {
    begun: usize,
    taken: usize,
    is_stopped: bool,
}

impl Progress {
    /// The next file to read, once it is near enough; none when there is no more.
    fn begin(&self) -> Option<usize> {
        let is_far = |state: &mut State| {
            !state.is_stopped
                && state.begun < self.count
                && state.begun >= state.taken + self.begun_max
        };
        let mut state = self
            .moved
            .wait_while(lock(&self.state), is_far)
            .unwrap_or_else(PoisonError::into_inner);
        if state.is_stopped || state.begun >= self.count {
            return None;
        }
        state.begun += 1;
        Some(state.begun - 1)
    }

    fn taken(&self) {
        lock(&self.state).taken += 1;
        self.moved.notify_all();
    }

    fn stop(&self) {
        lock(&self.state).is_stopped = true;
        self.moved.notify_all();
    }
}

/// What these locks protect is right at every moment, whoever panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
