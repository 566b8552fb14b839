//! The connections: how many there are, how long a client may take to say what it wants and to take
//! the answer, and how they end.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::Gateway;
use crate::patience::Patient;

/// How long nothing is accepted when the system has no room for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Limits on connections, whoever is at their other end.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections at once; those beyond wait for a place.
    pub connections_max: usize,
    /// How long the head of a request may take, and the silence before it; how long a client may not
    /// read what it is answered.
    pub head_wait: Duration,
    /// How long requests may go on that are under way when the gateway is told to stop.
    pub stop_wait: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            // Half the files that a process may usually have open stay free for uploads and the event log.
            connections_max: 512,
            // Not a round number: clients that send at regular times shall not meet the end of their
            // connection each time.
            head_wait: Duration::from_secs(19),
            stop_wait: Duration::from_secs(30),
        }
    }
}

/// Serves until `stopped`; requests that are under way then have `stop_wait` to end. What goes wrong with a connection
/// ends that one only.
pub async fn serve_on(
    listener: TcpListener,
    gateway: Gateway,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let routes = gateway.routes();
    let ConnectionLimits {
        connections_max,
        head_wait,
        stop_wait,
    } = gateway.connection_limits();
    let places = Arc::new(Semaphore::new(connections_max));
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let (stream, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stopped => break,
        };
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(head_wait);
        let service = TowerToHyperService::new(routes.clone());
        let connection =
            http.serve_connection(TokioIo::new(Patient::new(stream, head_wait)), service);
        let mut stopping = stopping.clone();
        connections.spawn(async move {
            let _place = place;
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                _ = stopping.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
        });
        // Those that have ended are let go of.
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    stop.send_replace(());
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(stop_wait, all).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "ending connections that did not end by themselves; nothing of them was acknowledged"
        );
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let Ok(place) = Arc::clone(places).acquire_owned().await else {
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are small and awaited.
                stream.set_nodelay(true).ok();
                return (stream, place);
            }
            Err(error) => {
                // A client that has gone already, or no room for one more open file.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
