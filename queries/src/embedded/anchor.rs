//! The thread that the engine hangs on.
//!
//! It loads the library, opens the first connection and closes the last one. The library ties state
//! of the whole engine to thread-locals of the thread that starts it: started on the main thread, its
//! background threads would use them after `exit` had destroyed them, and fault.

use std::sync::mpsc as blocking;
use std::thread;
use std::time::Duration;

use crate::embedded::EngineConfig;
use crate::embedded::confine::confine_or_warn;
use crate::embedded::core::Core;
use crate::embedded::ffi::{Api, Connection, Parameters};
use crate::{Error, Result};

/// Keeps the engine up: closing the last connection shuts it down.
pub(crate) struct Anchor {
    /// Whether the kernel confines the engine's threads to the data directory.
    pub(crate) is_confined: bool,
    stop: blocking::Sender<()>,
    ended: blocking::Receiver<()>,
}

impl Anchor {
    /// Starts the engine on a thread of its own.
    pub(crate) fn drop_at(config: &EngineConfig, was_unclean: bool) -> Result<(Self, Core)> {
        let (stop, stopped) = blocking::channel();
        let (alive, ended) = blocking::channel();
        let (started, outcome) = blocking::channel();
        let thread_config = config.clone();
        let spawned = thread::Builder::new()
            .name("engine-anchor".to_owned())
            .spawn(move || {
                match start(&thread_config, was_unclean) {
                    Ok((api, connection, core, is_confined)) => {
                        let _nobody_waits = started.send(Ok((core, is_confined)));
                        let _dropped = stopped.recv();
                        drop(connection);
                        // With MergeTree tables the library answers "no" and leaves idle pool threads behind,
                        // which are harmless once the last connection is closed.
                        tracing::debug!(
                            all_threads_ended = api.shutdown(),
                            "embedded engine is down"
                        );
                    }
                    Err(error) => {
                        let _nobody_waits = started.send(Err(error));
                    }
                }
                drop(alive);
            });
        spawned.map_err(|source| Error::DataDir {
            doing: "start the threads of the engine on",
            path: config.data_dir.clone(),
            source,
        })?;
        let (core, is_confined) = outcome.recv().unwrap_or_else(|_| {
            Err(Error::EngineRefused {
                path: config.data_dir.clone(),
            })
        })?;
        let anchor = Self {
            is_confined,
            stop,
            ended,
        };
        Ok((anchor, core))
    }

    /// Closes the last connection; false when that took longer than `longest`.
    pub(crate) fn weigh(self, longest: Duration) -> bool {
        let _ended_already = self.stop.send(());
        matches!(
            self.ended.recv_timeout(longest),
            Err(blocking::RecvTimeoutError::Disconnected)
        )
    }
}

fn start(
    config: &EngineConfig,
    was_unclean: bool,
) -> Result<(&'static Api, Connection, Core, bool)> {
    // Before the library is loaded: the threads that it starts inherit it.
    let is_confined = confine_or_warn(&config.data_dir, &config.library);
    let api = Api::load(&config.library)?;
    let arguments = config.arguments();
    let mut connection = Connection::open(api, &arguments).ok_or_else(|| Error::EngineRefused {
        path: config.data_dir.clone(),
    })?;
    if was_unclean {
        report_detached_parts(&mut connection);
    }
    let version = server_version(&mut connection);
    Ok((
        api,
        connection,
        Core::new(api, config, version),
        is_confined,
    ))
}

fn server_version(connection: &mut Connection) -> String {
    let answer = connection.query(b"SELECT version()", "TSVRaw", &Parameters::default());
    answer
        .map(|answer| String::from_utf8_lossy(answer.bytes()).trim().to_owned())
        .unwrap_or_default()
}

/// After an unclean end the engine sets damaged parts aside without a word, and the rows in them
/// are simply gone: this is where that is said.
fn report_detached_parts(connection: &mut Connection) {
    const SQL: &[u8] = b"SELECT database || '.' || table, name, reason FROM system.detached_parts ORDER BY 1, 2 LIMIT 100";
    match connection.query(SQL, "TSV", &Parameters::default()) {
        Ok(answer) => {
            for line in String::from_utf8_lossy(answer.bytes()).lines() {
                let mut columns = line.split('\t');
                let (table, part, reason) = (
                    columns.next().unwrap_or_default(),
                    columns.next().unwrap_or_default(),
                    columns.next().unwrap_or_default(),
                );
                tracing::error!(
                    table,
                    part,
                    reason,
                    "a part was damaged and set aside: its rows are missing until they are delivered again"
                );
            }
        }
        Err(error) => tracing::warn!(%error, "cannot look for damaged parts"),
    }
}
