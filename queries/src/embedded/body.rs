//! A request's body, received by the HTTP runtime and read by an engine thread.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Pieces that may wait between the socket and the engine.
const PIECES_WAITING_MAX: usize = 8;
/// A client that sends nothing for this long is given up.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// Starts receiving `body`; the reader is for a thread that may block.
pub(crate) fn receive(body: Body, bytes_max: u64) -> BodyReader {
    let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    let mut pieces = body.into_data_stream();
    tokio::spawn(async move {
        while let Some(piece) = pieces.next().await {
            // The reader is gone when the query failed: nobody wants the rest.
            if sender
                .send(Some(piece.map_err(io::Error::other)))
                .await
                .is_err()
            {
                return;
            }
        }
        // A channel that closes without this mark means that the runtime went away in mid-body.
        let _gone = sender.send(None).await;
    });
    BodyReader {
        receiver,
        runtime: Handle::current(),
        current: Bytes::new(),
        ended: false,
        bytes_left: bytes_max,
    }
}

/// Reads the body; an interrupted transfer is an error, never an early end.
pub(crate) struct BodyReader {
    receiver: mpsc::Receiver<Option<io::Result<Bytes>>>,
    runtime: Handle,
    current: Bytes,
    ended: bool,
    bytes_left: u64,
}

impl BodyReader {
    fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        let waited = self
            .runtime
            .block_on(async { tokio::time::timeout(SILENCE_MAX, self.receiver.recv()).await });
        match waited {
            Ok(Some(Some(piece))) => piece.map(Some),
            Ok(Some(None)) => Ok(None),
            Ok(None) => Err(io::ErrorKind::ConnectionAborted.into()),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the client sent nothing for 60 s",
            )),
        }
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.ended {
            match self.next_piece()? {
                Some(piece) => {
                    self.bytes_left =
                        self.bytes_left
                            .checked_sub(piece.len() as u64)
                            .ok_or_else(|| {
                                io::Error::new(
                                    io::ErrorKind::FileTooLarge,
                                    "the body is over its limit",
                                )
                            })?;
                    self.current = piece;
                }
                None => self.ended = true,
            }
        }
        let length = buffer.len().min(self.current.len());
        let piece = self.current.split_to(length);
        if let Some(target) = buffer.get_mut(..length) {
            target.copy_from_slice(&piece);
        }
        Ok(length)
    }
}
