//! ClickHouse inside this process: libchdb, served over ClickHouse's own HTTP interface.
//!
//! ```text
//! client ── HTTP ──▶ http ── Job (bounded) ──▶ core: one of N engine threads ──▶ execute ──▶ ffi: libchdb
//!           body ──▶ body (8 pieces) ─────────────────▶ codec, sql ─▶ insert stream
//!           ◀── output (4 pieces, held until the status is certain) ◀── join ◀── result stream
//! ```
//!
//! The rest of the program knows only the URL ([`Engine::url`]). One process holds one engine on one
//! directory, and once shut down it stays down: the library allows no second start.

mod access;
mod analyst;
mod anchor;
mod blocks;
mod body;
mod codec;
mod config;
mod confine;
mod core;
mod counts;
mod execute;
mod failure;
mod ffi;
mod form;
mod http;
mod join;
mod lock;
mod output;
mod prepare;
mod request;
mod session;
mod sql;

pub(crate) use failure::exception_code;
pub(crate) use sql::count_statements;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

pub use access::{ANALYST, WRITER, WRITER_PASSWORD_FILE};
pub use analyst::limits::AnalystLimits;
pub use config::EngineConfig;
pub use lock::running_at;
pub(crate) use lock::sync_file_system;

use crate::store::{Login, Secret, StoreConfig};
use crate::{Error, Result};
use access::Access;
use anchor::Anchor;
use config::Password;
use core::{Core, Job, Workers};
use lock::DirectoryLock;

/// How long running queries are waited for when the engine stops.
const STOP_WAIT_MAX: Duration = Duration::from_secs(10);
/// Jobs that may wait per engine thread.
const JOBS_WAITING_PER_THREAD: usize = 4;

/// The engine of this process, for the hook that runs at exit; and where it lies, for ever.
static RUNNING: Mutex<Option<(PathBuf, Weak<Inner>)>> = Mutex::new(None);

/// The embedded ClickHouse, running. Dropping it stops it; [`Engine::shutdown`] says how that went.
#[derive(Debug)]
pub struct Engine {
    inner: Arc<Inner>,
    address: SocketAddr,
    was_unclean: bool,
    data_dir: PathBuf,
    is_confined: bool,
    writer_password: Secret,
    analyst_password: Option<Secret>,
}

/// What is taken apart once, by whoever comes first: shutdown, drop, or the end of the process.
#[derive(Debug)]
struct Inner(Mutex<Option<Running>>);

struct Running {
    core: Arc<Core>,
    anchor: Anchor,
    workers: Workers,
    stop_http: Option<oneshot::Sender<()>>,
    http_ended: blocking::Receiver<()>,
    lock: DirectoryLock,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("lock", &self.lock)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts the engine on its directory and serves it. Takes about 100 ms and blocks meanwhile.
    ///
    /// # Errors
    /// When the library cannot be loaded, the directory is in use or unusable, the address is taken,
    /// or this process had an engine before.
    pub fn start(config: EngineConfig) -> Result<Self> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((path, _)) = running.as_ref() {
            return Err(Error::EngineTaken { path: path.clone() });
        }
        if !config.http_addr.ip().is_loopback() && config.analyst_password.is_none() {
            return Err(Error::PasswordRequired {
                address: config.http_addr,
            });
        }
        let listener = listen(config.http_addr)?;
        let address = listener.local_addr().map_err(|source| Error::Listen {
            address: config.http_addr,
            source,
        })?;
        let mut lock = DirectoryLock::take(&config.data_dir)?;
        let was_unclean = lock.was_left_running();
        if was_unclean {
            // Whatever the last process wrote is to be on the disk before anything is merged away.
            lock::sync_file_system(&config.data_dir)?;
        }
        let writer_password = access::draw_writer_password(&config.data_dir)?;
        let (anchor, core) = Anchor::drop_at(&config, was_unclean)?;
        let is_confined = anchor.is_confined;
        let core = Arc::new(core);
        let (jobs_sender, jobs) = mpsc::channel(config.threads.max(1) * JOBS_WAITING_PER_THREAD);
        let cannot_spawn = |source| Error::DataDir {
            doing: "start the threads of the engine on",
            path: config.data_dir.clone(),
            source,
        };
        let workers = Workers::start(&core, config.threads, jobs).map_err(cannot_spawn)?;
        let (stop_http, http_ended) =
            serve(listener, &config, &core, jobs_sender, &writer_password).map_err(cannot_spawn)?;
        lock.announce(&url_of(address))?;
        let inner = Arc::new(Inner(Mutex::new(Some(Running {
            core,
            anchor,
            workers,
            stop_http: Some(stop_http),
            http_ended,
            lock,
        }))));
        *running = Some((config.data_dir.clone(), Arc::downgrade(&inner)));
        renew_exit_hook();
        tracing::info!(%address, data_dir = %config.data_dir.display(), was_unclean, "embedded engine started");
        Ok(Self {
            inner,
            address,
            was_unclean,
            data_dir: config.data_dir,
            is_confined,
            writer_password,
            analyst_password: config.analyst_password,
        })
    }

    /// Returns the URL of the HTTP interface for this machine, `http://127.0.0.1:8123`.
    pub fn url(&self) -> String {
        url_of(self.address)
    }

    /// The password of the user [`WRITER`]. It is drawn at each start and also lies in
    /// [`WRITER_PASSWORD_FILE`] of the data directory, readable by the owner only.
    pub fn writer_password(&self) -> &Secret {
        &self.writer_password
    }

    /// Returns where the tables and the writer's password lie.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// True when the kernel keeps the engine to its directory and off the network, whatever SQL it is given.
    pub fn is_confined(&self) -> bool {
        self.is_confined
    }

    /// Returns how to reach this engine as the writer, and as the analyst for ad-hoc SQL.
    pub fn store_config(&self) -> StoreConfig {
        StoreConfig {
            user: Some(WRITER.to_owned()),
            password: Some(self.writer_password.clone()),
            analyst: Some(Login {
                user: ANALYST.to_owned(),
                password: self.analyst_password.clone(),
            }),
            data_dir: Some(self.data_dir.clone()),
            ..StoreConfig::new(self.url())
        }
    }

    /// True when the process before this one ended without shutting the engine down: rows written
    /// since the last [`crate::Store::make_durable`] have to be looked for before they are relied on.
    pub fn was_unclean(&self) -> bool {
        self.was_unclean
    }

    /// Stops the HTTP interface, waits for running queries, closes all connections and ends the
    /// engine's threads. Without this the process would end with SIGSEGV.
    ///
    /// # Errors
    /// When queries were still running after ten seconds.
    pub async fn shutdown(self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        let stopped = tokio::task::spawn_blocking(move || inner.stop()).await;
        stopped.unwrap_or(Err(Error::EngineBusy {
            waited: STOP_WAIT_MAX,
        }))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(error) = self.inner.stop() {
            tracing::error!(%error, "embedded engine did not stop cleanly");
        }
    }
}

impl Inner {
    fn stop(&self) -> Result<()> {
        let Some(mut running) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(());
        };
        let deadline = Instant::now() + STOP_WAIT_MAX;
        if let Some(stop) = running.stop_http.take() {
            let _ended_already = stop.send(());
        }
        // Ends when the last response is through, or when its own deadline has passed.
        let _ended = running
            .http_ended
            .recv_timeout(STOP_WAIT_MAX + Duration::from_secs(2));
        let left = deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_secs(1));
        let busy = Error::EngineBusy {
            waited: STOP_WAIT_MAX,
        };
        if !running.workers.wait(left) {
            // A connection that is in use must not be closed under its thread.
            std::mem::forget(running);
            return Err(busy);
        }
        let Running {
            core, anchor, lock, ..
        } = running;
        core.sessions.clear();
        if !anchor.weigh(STOP_WAIT_MAX) {
            return Err(busy);
        }
        lock.release_cleanly();
        tracing::info!("embedded engine stopped");
        Ok(())
    }
}

/// Makes sure that the engine is stopped before its statics are destroyed when the process exits with
/// the engine up.
///
/// Hooks run newest first, and the library registers the destructor of a lazy static when it first
/// needs it: a hook is only in time when it was registered after that. So it is renewed after requests:
/// after each of the first thousands, in which the statics come up, then ever more rarely. A hook takes
/// 32 bytes.
pub(crate) fn renew_exit_hook() {
    const ALWAYS_UP_TO: u64 = 4096;
    static RENEWALS: AtomicU64 = AtomicU64::new(0);
    let count = RENEWALS.fetch_add(1, Ordering::Relaxed);
    if count < ALWAYS_UP_TO || count.is_power_of_two() {
        ffi::at_exit(stop_at_exit);
    }
}

/// Runs when the process exits while an engine is up, as in a test binary or after `exit`.
///
/// The exiting thread's own thread-locals are gone by now, and whatever is stopped here may want
/// them. Hence a fresh thread.
extern "C" fn stop_at_exit() {
    let inner = RUNNING
        .try_lock()
        .ok()
        .and_then(|running| running.as_ref().and_then(|(_, inner)| inner.upgrade()));
    let Some(inner) = inner else { return };
    let stopping = std::thread::Builder::new()
        .name("engine-stop".to_owned())
        .spawn(move || {
            if let Err(error) = inner.stop() {
                tracing::error!(%error, "embedded engine did not stop cleanly");
            }
        });
    if let Ok(stopping) = stopping {
        let _panicked = stopping.join();
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    let failed = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// An engine that listens on all addresses is reached by this machine's own.
fn url_of(address: SocketAddr) -> String {
    let mut address = address;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    format!("http://{address}")
}

/// Serves HTTP on a runtime of its own, so that neither can the program's work starve the store nor
/// does the end of a caller's runtime end it.
fn serve(
    listener: TcpListener,
    config: &EngineConfig,
    core: &Arc<Core>,
    jobs: mpsc::Sender<Job>,
    writer_password: &Secret,
) -> std::io::Result<(oneshot::Sender<()>, blocking::Receiver<()>)> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("engine-http")
        .enable_all()
        .build()?;
    let listener = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let interface = http::Interface {
        core: Arc::clone(core),
        jobs,
        access: Access {
            writer: Password::new(writer_password.expose()),
            analyst: config
                .analyst_password
                .as_ref()
                .map(|secret| Password::new(secret.expose())),
        },
        analysts: http::Analysts::new(config.analyst.statements),
        is_local: config.http_addr.ip().is_loopback(),
        requests: Arc::new(AtomicU64::new(0)),
        started: std::process::id().into(),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let (alive, ended) = blocking::channel::<()>();
    std::thread::Builder::new().name("engine-http".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let stopping = Arc::new(tokio::sync::Notify::new());
            let notify = Arc::clone(&stopping);
            let served = axum::serve(listener, http::router(interface)).with_graceful_shutdown(async move {
                let _dropped = stopped.await;
                notify.notify_one();
            });
            let too_long = async {
                stopping.notified().await;
                tokio::time::sleep(STOP_WAIT_MAX).await;
            };
            tokio::select! {
                outcome = served.into_future() => {
                    if let Err(error) = outcome {
                        tracing::error!(%error, "the HTTP interface of the embedded engine ended");
                    }
                }
                () = too_long => tracing::warn!("clients were still connected when the embedded engine stopped"),
            }
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
        drop(alive);
    })?;
    Ok((stop, ended))
}

/// Returns where libchdb lies: what `PATCHLENS_LIBCHDB` says (given as `configured`), else the place
/// in the cache under `home` where the set-up puts it.
pub fn default_library(configured: Option<&Path>, home: &Path) -> PathBuf {
    configured.map_or_else(
        || home.join(".cache/patchlens/libchdb/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"),
        Path::to_owned,
    )
}
