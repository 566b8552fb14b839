//! Answers of the store, kept while nothing arrives.
//!
//! Every figure of the pages is a function of the stored data, not of the clock, so that an answer holds until the
//! store's mark changes. The mark covers the parts of the node that is asked; on a cluster other nodes may get data
//! that it does not show, which is why an answer of a cluster is also dropped after [`CLUSTER_AGE_MAX`].

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The oldest answer of a cluster that is shown.
pub(crate) const CLUSTER_AGE_MAX: Duration = Duration::from_secs(5);
/// Larger answers are not kept.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// When all answers together are larger, all are dropped.
const TOTAL_BYTES_MAX: usize = 32 << 20;

/// The answers, by statement and parameters.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    answers: Mutex<Answers>,
    /// The newest known mark and when it was asked for.
    pub(crate) mark: tokio::sync::Mutex<Option<(Instant, String)>>,
}

#[derive(Debug, Default)]
struct Answers {
    by_key: HashMap<u64, Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    mark: String,
    at: Instant,
    answer: Arc<[u8]>,
}

/// The key of a statement with its parameters.
pub(crate) fn key(sql: &str, parameters: &[(&str, &str)]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (sql, parameters).hash(&mut hasher);
    hasher.finish()
}

impl Cache {
    /// The answer, when it was given at this mark and, with an `age_max`, not longer ago.
    pub(crate) fn get(&self, key: u64, mark: &str, age_max: Option<Duration>) -> Option<Arc<[u8]>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = answers.by_key.get(&key)?;
        let holds = kept.mark == mark && age_max.is_none_or(|most| kept.at.elapsed() < most);
        holds.then(|| Arc::clone(&kept.answer))
    }

    /// Keeps an answer.
    pub(crate) fn put(&self, key: u64, mark: String, answer: Arc<[u8]>) {
        if answer.len() > ANSWER_BYTES_MAX {
            return;
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.bytes + answer.len() > TOTAL_BYTES_MAX {
            *answers = Answers::default();
        }
        answers.bytes += answer.len();
        let kept = Kept {
            mark,
            at: Instant::now(),
            answer,
        };
        if let Some(replaced) = answers.by_key.insert(key, kept) {
            answers.bytes -= replaced.answer.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: usize) -> Arc<[u8]> {
        vec![0; bytes].into()
    }

    #[test]
    fn an_answer_holds_for_its_mark_only() {
        let cache = Cache::default();
        cache.put(1, "a".to_owned(), answer(3));
        assert!(cache.get(1, "a", None).is_some());
        assert!(cache.get(1, "b", None).is_none() && cache.get(2, "a", None).is_none());
        assert!(cache.get(1, "a", Some(Duration::ZERO)).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let cache = Cache::default();
        for key in 0..100 {
            cache.put(key, "a".to_owned(), answer(ANSWER_BYTES_MAX));
            assert!(cache.answers.lock().unwrap().bytes <= TOTAL_BYTES_MAX);
        }
        cache.put(7, "a".to_owned(), answer(ANSWER_BYTES_MAX + 1));
        assert!(cache.get(7, "a", None).is_none());
        for _ in 0..100 {
            cache.put(99, "a".to_owned(), answer(9));
        }
        assert!(cache.get(99, "a", None).is_some());
    }
}
