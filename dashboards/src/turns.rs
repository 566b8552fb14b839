//! Whose turn it is at the store: readers who wait go before answers that are renewed behind their backs.
//!
//! A page is made of several answers, and all of them are behind as soon as something arrived. Were they renewed all at
//! once, the one that a reader waits for would share the processors with the others.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{MutexGuard, Notify};

/// How long a renewal steps aside; readers who never stop coming shall not keep answers old for ever.
const ASIDE_MAX: Duration = Duration::from_millis(500);

/// Readers who wait, and the one renewal at a time.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    waiting: AtomicUsize,
    nobody_waits: Notify,
    renewing: tokio::sync::Mutex<()>,
    /// Keys of the questions that are to be renewed already.
    queued: Mutex<HashSet<u64>>,
}

/// A reader who waits for the store, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting<'a>(&'a Turns);

impl Turns {
    /// Notes that a reader waits.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        Waiting(self)
    }

    /// Takes the turn of renewing one answer: when no other is being renewed, and no reader waits or too long.
    pub(crate) async fn renew(&self) -> MutexGuard<'_, ()> {
        let turn = self.renewing.lock().await;
        let aside = async {
            loop {
                // Made before looking: who leaves between both is heard.
                let left = self.nobody_waits.notified();
                if self.waiting.load(Ordering::Acquire) == 0 {
                    return;
                }
                left.await;
            }
        };
        // Late is better than never.
        let _in_time = tokio::time::timeout(ASIDE_MAX, aside).await;
        turn
    }

    /// Notes that a question shall be renewed; false when that is noted already.
    pub(crate) fn enqueue(&self, key: u64) -> bool {
        let mut queued = self.queued.lock().unwrap_or_else(PoisonError::into_inner);
        queued.insert(key)
    }

    /// The question is being renewed, or need not be.
    pub(crate) fn dequeue(&self, key: u64) {
        let mut queued = self.queued.lock().unwrap_or_else(PoisonError::into_inner);
        queued.remove(&key);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.nobody_waits.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[tokio::test]
    async fn a_renewal_steps_aside_for_readers_and_for_another() {
        let turns = Turns::default();
        let reader = turns.wait();
        let another = turns.wait();
        let mut context = Context::from_waker(Waker::noop());
        let mut renewal = pin!(turns.renew());
        assert!(renewal.as_mut().poll(&mut context).is_pending());
        drop(reader);
        assert!(renewal.as_mut().poll(&mut context).is_pending());
        drop(another);
        let Poll::Ready(turn) = renewal.as_mut().poll(&mut context) else {
            panic!("nobody waits any more");
        };
        let mut next = pin!(turns.renew());
        assert!(
            next.as_mut().poll(&mut context).is_pending(),
            "one at a time"
        );
        drop(turn);
        assert!(next.as_mut().poll(&mut context).is_ready());
    }

    #[tokio::test]
    async fn readers_who_never_stop_coming_do_not_keep_answers_old_for_ever() {
        let turns = Turns::default();
        let _reader = turns.wait();
        let began = tokio::time::Instant::now();
        drop(turns.renew().await);
        assert!(began.elapsed() >= ASIDE_MAX);
    }

    #[test]
    fn a_question_is_queued_once() {
        let turns = Turns::default();
        assert!(turns.enqueue(1) && !turns.enqueue(1) && turns.enqueue(2));
        turns.dequeue(1);
        assert!(turns.enqueue(1));
    }
}
