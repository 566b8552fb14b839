//! Answers of the store, kept while nothing arrives, and for a short while after.
//!
//! Every figure of the pages is a function of the stored data, not of the clock, so that an answer holds until the
//! store's mark changes. After that it is *behind*: it may still be shown, with its age, while the new one is being
//! counted, so that no reader waits for a count over the whole fleet (see [`crate::keep`]). The mark covers the parts
//! of the node that is asked; on a cluster other nodes may get data that it does not show, which is why an answer of a
//! cluster is behind after [`CLUSTER_AGE_MAX`] in any case.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::turns::Turns;

/// The oldest answer of a cluster that is shown as current.
const CLUSTER_AGE_MAX: Duration = Duration::from_secs(5);
/// Larger answers are not kept.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// When all answers together are larger, those that were not used for longest go.
const TOTAL_BYTES_MAX: usize = 64 << 20;
/// Above this many the gates that nobody holds are dropped.
const GATES_MAX: usize = 512;

/// A report with its parameters: what is asked, and asked again when something arrived.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    /// What it is for, in the infinitive.
    pub(crate) doing: &'static str,
    /// The report.
    pub(crate) sql: &'static str,
    /// Names and values.
    pub(crate) parameters: Vec<(&'static str, String)>,
}

impl Question {
    pub(crate) fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.sql, &self.parameters).hash(&mut hasher);
        hasher.finish()
    }
}

/// What the cache knows about a question.
#[derive(Debug)]
pub(crate) enum Found {
    /// The answer holds.
    Current(Arc<[u8]>),
    /// The answer held until so long ago.
    Behind(Arc<[u8]>, Duration),
    /// Nobody asked yet, or too long ago.
    Nothing,
}

/// The answers, by question.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    kept: Mutex<Kept>,
    gates: Mutex<HashMap<u64, Weak<tokio::sync::Mutex<()>>>>,
    /// Held while the mark is being asked for, so that one question serves all who wait.
    pub(crate) asking_mark: tokio::sync::Mutex<()>,
    /// Who counts for whom.
    pub(crate) turns: Turns,
    is_cluster: bool,
}

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<u64, Answer>,
    bytes: usize,
    /// The store's newest mark, and when it was last known to be that.
    mark: Option<(Arc<str>, Instant)>,
}

#[derive(Debug)]
struct Answer {
    question: Question,
    bytes: Arc<[u8]>,
    asked_at: Instant,
    used_at: Instant,
    /// Until when it was known to hold; `None` while it does.
    held_until: Option<Instant>,
}

impl Cache {
    /// A cache over one server, or over a cluster of them.
    pub(crate) fn new(is_cluster: bool) -> Self {
        Self {
            is_cluster,
            ..Self::default()
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the store's mark; true when it changed. What was answered under another mark is behind from now on.
    pub(crate) fn note_mark(&self, mark: &str) -> bool {
        let now = Instant::now();
        let mut kept = self.kept();
        let before = kept.mark.replace((Arc::from(mark), now));
        let Some((before, held)) = before else {
            return true;
        };
        if *before == *mark {
            kept.mark = Some((before, now));
            return false;
        }
        #[expect(
            clippy::iter_over_hash_type,
            reason = "each answer by itself: the order does not matter"
        )]
        for answer in kept.answers.values_mut() {
            answer.held_until.get_or_insert(held);
        }
        true
    }

    /// The newest known mark and how long ago it was asked for.
    pub(crate) fn mark(&self) -> Option<(Arc<str>, Duration)> {
        let kept = self.kept();
        let (mark, at) = kept.mark.as_ref()?;
        Some((Arc::clone(mark), at.elapsed()))
    }

    /// What is known about a question, and notes that somebody wants to know.
    pub(crate) fn find(&self, question: &Question) -> Found {
        let mut kept = self.kept();
        let Some(answer) = kept.answers.get_mut(&question.key()) else {
            return Found::Nothing;
        };
        answer.used_at = Instant::now();
        let bytes = Arc::clone(&answer.bytes);
        match answer.held_until {
            Some(until) => Found::Behind(bytes, until.elapsed()),
            None if self.is_cluster && answer.asked_at.elapsed() > CLUSTER_AGE_MAX => {
                Found::Behind(bytes, answer.asked_at.elapsed())
            }
            None => Found::Current(bytes),
        }
    }

    /// Keeps an answer that was asked for when the store had `mark`.
    pub(crate) fn put(&self, question: &Question, mark: &Arc<str>, bytes: &Arc<[u8]>) {
        if bytes.len() > ANSWER_BYTES_MAX {
            return;
        }
        let now = Instant::now();
        let key = question.key();
        let mut kept = self.kept();
        let holds = kept.mark.as_ref().is_some_and(|(newest, _)| newest == mark);
        // Renewing is no use: what nobody looks at shall not be renewed for ever.
        let used_at = kept.answers.get(&key).map_or(now, |old| old.used_at);
        let answer = Answer {
            question: question.clone(),
            bytes: Arc::clone(bytes),
            asked_at: now,
            used_at,
            held_until: (!holds).then_some(now),
        };
        kept.bytes += bytes.len();
        if let Some(replaced) = kept.answers.insert(key, answer) {
            kept.bytes -= replaced.bytes.len();
        }
        while kept.bytes > TOTAL_BYTES_MAX {
            let oldest = kept
                .answers
                .iter()
                .filter(|(other, _)| **other != key)
                .min_by_key(|(_, answer)| answer.used_at)
                .map(|(key, _)| *key);
            let Some(dropped) = oldest.and_then(|key| kept.answers.remove(&key)) else {
                return;
            };
            kept.bytes -= dropped.bytes.len();
        }
    }

    /// The questions whose answers are behind and were used since they were asked, the last used first: an answer earns
    /// the next one, so that what somebody looked at once costs nothing any more. What nobody used within `used_within`
    /// is dropped.
    pub(crate) fn behind(&self, used_within: Duration) -> Vec<Question> {
        let mut kept = self.kept();
        let Kept { answers, bytes, .. } = &mut *kept;
        answers.retain(|_, answer| {
            let keep = answer.held_until.is_none() || answer.used_at.elapsed() < used_within;
            if !keep {
                *bytes -= answer.bytes.len();
            }
            keep
        });
        let mut behind: Vec<&Answer> = answers
            .values()
            .filter(|answer| answer.held_until.is_some() && answer.used_at > answer.asked_at)
            .collect();
        behind.sort_by_key(|answer| std::cmp::Reverse(answer.used_at));
        behind
            .into_iter()
            .map(|answer| answer.question.clone())
            .collect()
    }

    /// The gate of a question: who holds it asks the store, who waits at it finds the answer afterwards.
    pub(crate) fn gate(&self, question: &Question) -> Arc<tokio::sync::Mutex<()>> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if gates.len() > GATES_MAX {
            gates.retain(|_, gate| gate.strong_count() > 0);
        }
        let slot = gates.entry(question.key()).or_default();
        slot.upgrade().unwrap_or_else(|| {
            let gate = Arc::default();
            *slot = Arc::downgrade(&gate);
            gate
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(number: usize) -> Question {
        Question {
            doing: "test",
            sql: "SELECT 1",
            parameters: vec![("n", number.to_string())],
        }
    }

    fn put(cache: &Cache, number: usize, bytes: usize) {
        let mark = cache.mark().unwrap().0;
        cache.put(&question(number), &mark, &vec![0; bytes].into());
    }

    #[test]
    fn an_answer_holds_until_the_mark_changes_and_is_behind_then() {
        let cache = Cache::default();
        assert!(cache.note_mark("a") && !cache.note_mark("a"));
        put(&cache, 1, 3);
        assert!(matches!(cache.find(&question(1)), Found::Current(_)));
        assert!(matches!(cache.find(&question(2)), Found::Nothing));
        assert!(cache.note_mark("b"));
        assert!(matches!(cache.find(&question(1)), Found::Behind(..)));
        assert_eq!(cache.behind(Duration::from_secs(9)), [question(1)]);
        put(&cache, 1, 3);
        assert!(matches!(cache.find(&question(1)), Found::Current(_)));
        assert!(cache.behind(Duration::from_secs(9)).is_empty());
    }

    #[test]
    fn an_answer_must_be_used_to_be_renewed() {
        let cache = Cache::default();
        cache.note_mark("a");
        put(&cache, 1, 3);
        cache.note_mark("b");
        assert!(
            cache.behind(Duration::from_secs(9)).is_empty(),
            "asked once"
        );
        cache.find(&question(1));
        assert_eq!(cache.behind(Duration::from_secs(9)), [question(1)]);
        // Renewed, and overtaken: nobody looked at the new one.
        put(&cache, 1, 3);
        cache.note_mark("c");
        assert!(cache.behind(Duration::from_secs(9)).is_empty());
    }

    #[test]
    fn an_answer_that_was_overtaken_while_it_was_given_is_behind() {
        let cache = Cache::default();
        cache.note_mark("a");
        let mark = cache.mark().unwrap().0;
        cache.note_mark("b");
        cache.put(&question(1), &mark, &vec![0; 3].into());
        assert!(matches!(cache.find(&question(1)), Found::Behind(..)));
    }

    #[test]
    fn what_nobody_asks_for_is_not_renewed() {
        let cache = Cache::default();
        cache.note_mark("a");
        put(&cache, 1, 3);
        cache.note_mark("b");
        assert!(cache.behind(Duration::ZERO).is_empty());
        assert!(matches!(cache.find(&question(1)), Found::Nothing));
        assert_eq!(cache.kept().bytes, 0);
    }

    #[test]
    fn memory_is_bounded_and_the_last_used_stays() {
        let cache = Cache::default();
        cache.note_mark("a");
        put(&cache, 0, 10);
        for number in 1..100 {
            put(&cache, number, ANSWER_BYTES_MAX);
            assert!(matches!(cache.find(&question(0)), Found::Current(_)));
            assert!(cache.kept().bytes <= TOTAL_BYTES_MAX);
        }
        put(&cache, 700, ANSWER_BYTES_MAX + 1);
        assert!(matches!(cache.find(&question(700)), Found::Nothing));
    }

    #[test]
    fn one_gate_serves_all_who_ask_the_same() {
        let cache = Cache::default();
        let gate = cache.gate(&question(1));
        assert!(Arc::ptr_eq(&gate, &cache.gate(&question(1))));
        assert!(!Arc::ptr_eq(&gate, &cache.gate(&question(2))));
        let _held = gate.try_lock().unwrap();
        assert!(cache.gate(&question(1)).try_lock().is_err());
    }
}
