//! Named sessions: settings and temporary tables that outlive a request.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::embedded::failure::{
    Failure, SESSION_IS_LOCKED, SESSION_NOT_FOUND, TOO_MANY_SIMULTANEOUS_QUERIES,
};
use crate::embedded::request::SessionRequest;

/// More sessions than this are refused: each is a connection to the engine.
const SESSIONS_MAX: usize = 256;

struct Session<C> {
    /// `None` while a request uses it.
    connection: Option<C>,
    expires_at: Instant,
}

/// The sessions of one engine, each with a connection `C`.
pub(crate) struct Sessions<C>(Mutex<BTreeMap<String, Session<C>>>);

impl<C> Default for Sessions<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C> Sessions<C> {
    /// Runs with the session's connection, made by `open` when the session is new. The session goes on when `run`
    /// says so (true), and ends otherwise and when it panics: it is never left locked.
    pub(crate) fn with<T>(
        &self,
        request: &SessionRequest,
        open: impl FnOnce() -> Result<C, Failure>,
        run: impl FnOnce(&mut C) -> (T, bool),
    ) -> Result<T, Failure> {
        let mut connection = self.take(request, Instant::now(), open)?;
        let mut taken = Taken {
            sessions: self,
            request,
            kept: None,
        };
        let (ran, goes_on) = run(&mut connection);
        taken.kept = goes_on.then_some(connection);
        Ok(ran)
    }

    fn take(
        &self,
        request: &SessionRequest,
        now: Instant,
        open: impl FnOnce() -> Result<C, Failure>,
    ) -> Result<C, Failure> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.connection.is_none() || session.expires_at > now);
        if let Some(session) = sessions.get_mut(&request.id) {
            return session.connection.take().ok_or_else(|| {
                Failure::new(
                    SESSION_IS_LOCKED,
                    "SESSION_IS_LOCKED",
                    "another query of this session is running",
                )
            });
        }
        if request.must_exist {
            return Err(Failure::new(
                SESSION_NOT_FOUND,
                "SESSION_NOT_FOUND",
                "there is no such session, or it timed out",
            ));
        }
        if sessions.len() >= SESSIONS_MAX {
            return Err(Failure::new(
                TOO_MANY_SIMULTANEOUS_QUERIES,
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                "too many sessions are open",
            ));
        }
        let connection = open()?;
        sessions.insert(
            request.id.clone(),
            Session {
                connection: None,
                expires_at: now,
            },
        );
        Ok(connection)
    }

    /// Gives the connection back, or ends the session when there is none to give.
    fn give_back(&self, request: &SessionRequest, now: Instant, connection: Option<C>) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if connection.is_none() {
            sessions.remove(&request.id);
        } else if let Some(session) = sessions.get_mut(&request.id) {
            session.connection = connection;
            session.expires_at = now + Duration::from_secs(request.timeout_seconds);
        }
    }

    /// Ends all sessions.
    pub(crate) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// A session that a request uses; given back when this is dropped, as it is by a panic too.
struct Taken<'a, C> {
    sessions: &'a Sessions<C>,
    request: &'a SessionRequest,
    kept: Option<C>,
}

impl<C> Drop for Taken<'_, C> {
    fn drop(&mut self) {
        self.sessions
            .give_back(self.request, Instant::now(), self.kept.take());
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_panic_ends_its_session_and_locks_nothing() {
        let sessions = Sessions::<u32>::default();
        let request = SessionRequest {
            id: "s".to_owned(),
            timeout_seconds: 60,
            must_exist: false,
        };
        let count = |opened: u32| {
            sessions
                .with(
                    &request,
                    || Ok(opened),
                    |used| {
                        *used += 1;
                        (*used, true)
                    },
                )
                .unwrap()
        };
        assert_eq!(count(0), 1);
        assert_eq!(count(10), 2, "the session's connection is used again");
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            sessions.with(
                &request,
                || Ok(20),
                |_| -> ((), bool) { panic!("a defect") },
            )
        }));
        assert!(panicked.is_err());
        assert_eq!(count(30), 31, "a new connection");
        sessions
            .with(
                &request,
                || Ok(40),
                |_| {
                    let locked = sessions.with(&request, || Ok(50), |_| ((), true));
                    assert_eq!(locked.unwrap_err().code, SESSION_IS_LOCKED);
                    ((), true)
                },
            )
            .unwrap();
    }
}
