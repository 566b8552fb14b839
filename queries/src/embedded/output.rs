//! A response under way: held back until its status is certain, then streamed.

use std::io;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::embedded::codec::{Encoder, Encoding};
use crate::embedded::counts::Counts;
use crate::embedded::failure::Failure;

/// Pieces that may wait between the engine and the socket: what bounds the memory of a response.
pub(crate) const PIECES_WAITING_MAX: usize = 4;
/// Output up to this size is held back, so that a late error still gets an error status.
const HELD_BYTES_MAX: usize = 1 << 20;
/// The same when the client asks to wait for the end; what is larger is streamed all the same.
const HELD_BYTES_MAX_WAITING: usize = 64 << 20;
/// Smaller pieces are gathered before they are sent.
const PIECE_BYTES_MIN: usize = 64 << 10;
/// A client that takes nothing for this long is given up.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// Status and headers of a response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) format: String,
    pub(crate) encoding: Encoding,
    pub(crate) counts: Counts,
    pub(crate) exception_code: Option<u32>,
    /// Announces how an exception in mid-body would be marked.
    pub(crate) exception_tag: Option<String>,
}

/// The two channels to the HTTP runtime.
pub(crate) struct Reply {
    pub(crate) head: oneshot::Sender<Head>,
    pub(crate) pieces: mpsc::Sender<io::Result<Bytes>>,
    pub(crate) runtime: Handle,
}

/// Writes one response.
pub(crate) struct Output {
    head: Option<oneshot::Sender<Head>>,
    pieces: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    encoding: Encoding,
    encoder: Encoder,
    /// Encoded bytes that wait to be sent.
    waiting: Vec<u8>,
    held_bytes_max: usize,
    format: String,
    tag: String,
    version: String,
    pub(crate) counts: Counts,
}

impl Output {
    pub(crate) fn new(
        reply: Reply,
        encoding: Encoding,
        wait_end_of_query: bool,
        tag: String,
        version: String,
    ) -> io::Result<Self> {
        Ok(Self {
            head: Some(reply.head),
            pieces: reply.pieces,
            runtime: reply.runtime,
            encoding,
            encoder: encoding.encoder()?,
            waiting: Vec::new(),
            held_bytes_max: if wait_end_of_query {
                HELD_BYTES_MAX_WAITING
            } else {
                HELD_BYTES_MAX
            },
            format: "TabSeparated".to_owned(),
            tag,
            version,
            counts: Counts::default(),
        })
    }

    /// States the format of what will be written.
    pub(crate) fn set_format(&mut self, format: &str) {
        format.clone_into(&mut self.format);
    }

    /// Takes a piece of the result.
    pub(crate) fn write(&mut self, data: &[u8]) -> Result<(), Failure> {
        self.encoder.push(data).map_err(|error| unsent(&error))?;
        self.waiting.extend_from_slice(&self.encoder.take());
        if self.head.is_some() && self.waiting.len() < self.held_bytes_max {
            return Ok(());
        }
        self.send_head(StatusCode::OK, None);
        if self.waiting.len() >= PIECE_BYTES_MIN {
            self.send_waiting()
        } else {
            Ok(())
        }
    }

    /// Ends a result that is whole.
    pub(crate) fn finish(mut self) {
        self.send_head(StatusCode::OK, None);
        let ended = std::mem::replace(&mut self.encoder, Encoder::Identity(Vec::new())).finish();
        let sent = ended.map_err(|error| unsent(&error)).and_then(|rest| {
            self.waiting.extend_from_slice(&rest);
            self.send_waiting()
        });
        if let Err(failure) = sent {
            tracing::debug!(error = %failure, "client left before the end of its result");
        }
    }

    /// Ends with an exception: as the status when nothing was sent, else marked in the body, whose
    /// transfer is then broken off so that no client takes it for whole.
    pub(crate) fn fail(mut self, failure: &Failure) {
        let message = format!(
            "{} (version {})\n",
            without_version(&failure.message),
            self.version
        );
        let fresh = self.head.is_some();
        let body = if fresh {
            self.waiting.clear();
            message
        } else {
            format!(
                "\r\n__exception__\r\n{tag}\r\n{message}{length} {tag}\r\n__exception__\r\n",
                tag = self.tag,
                length = message.len()
            )
        };
        if fresh {
            match self.encoding.encoder() {
                Ok(encoder) => self.encoder = encoder,
                Err(error) => return tracing::error!(%error, "cannot encode an error response"),
            }
        }
        self.send_head(failure.status(), Some(failure.code));
        let mut encoder = std::mem::replace(&mut self.encoder, Encoder::Identity(Vec::new()));
        let ended = encoder
            .push(body.as_bytes())
            .and_then(|()| encoder.finish());
        if let Ok(rest) = ended {
            self.waiting.extend_from_slice(&rest);
            let _gone = self.send_waiting();
        }
        if !fresh {
            let _gone = self.send(Err(io::Error::other("the query failed in mid-result")));
        }
    }

    fn send_head(&mut self, status: StatusCode, exception_code: Option<u32>) {
        if let Some(head) = self.head.take() {
            let _gone = head.send(Head {
                status,
                format: self.format.clone(),
                encoding: self.encoding,
                counts: self.counts,
                exception_code,
                exception_tag: exception_code.is_none().then(|| self.tag.clone()),
            });
        }
    }

    fn send_waiting(&mut self) -> Result<(), Failure> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.waiting).into();
        self.send(Ok(piece))
    }

    fn send(&self, piece: io::Result<Bytes>) -> Result<(), Failure> {
        let sent = self
            .runtime
            .block_on(async { tokio::time::timeout(SILENCE_MAX, self.pieces.send(piece)).await });
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Failure::new(
                210,
                "NETWORK_ERROR",
                "the client closed the connection",
            )),
            Err(_) => Err(Failure::new(
                209,
                "SOCKET_TIMEOUT",
                "the client took nothing for 60 s",
            )),
        }
    }
}

fn unsent(error: &io::Error) -> Failure {
    Failure::new(
        49,
        "LOGICAL_ERROR",
        &format!("cannot compress the result: {error}"),
    )
}

/// The engine adds its version to some messages and not to others.
fn without_version(message: &str) -> &str {
    message
        .rfind(" (version ")
        .and_then(|index| message.get(..index))
        .unwrap_or(message)
}
