//! Named sessions: settings and temporary tables that outlive a request.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::embedded::failure::{
    Failure, SESSION_IS_LOCKED, SESSION_NOT_FOUND, TOO_MANY_SIMULTANEOUS_QUERIES,
};
use crate::embedded::ffi::Connection;
use crate::embedded::request::SessionRequest;

/// More sessions than this are refused: each is a connection to the engine.
const SESSIONS_MAX: usize = 256;

struct Session {
    /// `None` while a request uses it.
    connection: Option<Connection>,
    expires_at: Instant,
}

/// The sessions of one engine.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<BTreeMap<String, Session>>);

impl Sessions {
    /// Takes the session's connection, making one when the session is new.
    pub(crate) fn take(
        &self,
        request: &SessionRequest,
        now: Instant,
        open: impl FnOnce() -> Result<Connection, Failure>,
    ) -> Result<Connection, Failure> {
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
    pub(crate) fn give_back(
        &self,
        request: &SessionRequest,
        now: Instant,
        connection: Option<Connection>,
    ) {
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
