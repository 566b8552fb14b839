//! How long to leave a destination alone that did not take something.

use std::time::Duration;

/// Pauses between attempts: each twice as long as the one before, up to a longest; a destination that
/// says how long it wants to be left alone is believed, within the longest.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Begins with `first`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// The pause before the next attempt; `asked` is what the destination said.
    pub fn pause(&mut self, asked: Option<Duration>) -> Duration {
        let pause = asked.unwrap_or(self.next).min(self.longest);
        self.next = self.next.saturating_mul(2).min(self.longest);
        pause
    }

    /// An attempt was successful: the next failure is a first one.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// True until the first pause.
    pub fn is_fresh(&self) -> bool {
        self.next == self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_nobody_is_believed_beyond_it() {
        let second = Duration::from_secs;
        let mut backoff = Backoff::new(second(1), second(5));
        assert!(backoff.is_fresh());
        let pauses: Vec<u64> = (0..4).map(|_| backoff.pause(None).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 5]);
        assert_eq!(backoff.pause(Some(second(3))), second(3));
        assert_eq!(backoff.pause(Some(Duration::MAX)), second(5));
        assert!(!backoff.is_fresh());
        backoff.reset();
        assert_eq!(backoff.pause(None), second(1));
    }
}
