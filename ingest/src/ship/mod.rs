//! From the collectors' events to messages, and the messages to where they go.
//!
//! ```text
//! events ─▶ Shipper: same device, many events, one message ─▶ bounded queue ─▶ Destination
//!                                                                               │ away
//!                                                                               ▼
//!                                                              Spooled: local log on disk, drained in order
//! ```
//!
//! A destination says that it has messages only when they are durable there. [`Spooled`] makes one
//! that may be away into one that is there as long as the disk has room.

mod backoff;
mod error;
mod shipper;
mod spool;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;

use patchlens_log::{Message, Writer};
use tokio::sync::mpsc;

pub use backoff::Backoff;
pub use error::ShipError;
pub use shipper::{Addressed, Shipper};
pub use spool::{SpoolOptions, SpoolState, Spooled};

/// How many bytes go into one append: one wait for the disk, the broker or the gateway.
const APPEND_BYTES_MAX: usize = 8 << 20;

/// Where messages go.
pub trait Destination: Send {
    /// Hands messages of one topic over, in order. When this returns they are durable there.
    ///
    /// # Errors
    /// When that is not known for all of them. Nothing is claimed then: hand all of them over again
    /// when [`ShipError::is_retryable`] says so; content identity removes what is there twice.
    fn append(
        &mut self,
        topic: &str,
        messages: Vec<Message>,
    ) -> impl Future<Output = Result<(), ShipError>> + Send;

    /// How people know it: a URL or a directory.
    fn name(&self) -> String;
}

impl Destination for Arc<Writer> {
    async fn append(&mut self, topic: &str, messages: Vec<Message>) -> Result<(), ShipError> {
        Ok(Writer::append(self, topic, messages).await?)
    }

    fn name(&self) -> String {
        self.log().to_string()
    }
}

/// Appends everything that comes out of the inbox; returns the number of messages when the shipper
/// is gone and all of them are durable.
///
/// # Errors
/// When the destination takes no more; then the shipper's next message fails too.
pub async fn ship_all(
    destination: &mut impl Destination,
    mut inbox: mpsc::Receiver<Addressed>,
) -> Result<u64, ShipError> {
    let mut written = 0_u64;
    let mut next = inbox.recv().await;
    while let Some((topic, first)) = next.take() {
        let mut bytes = first.payload.len();
        let mut messages = vec![first];
        while bytes < APPEND_BYTES_MAX {
            match inbox.try_recv() {
                Ok((same, message)) if same == topic => {
                    bytes = bytes.saturating_add(message.payload.len());
                    messages.push(message);
                }
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        written = written.saturating_add(messages.len() as u64);
        destination.append(topic, messages).await?;
        if next.is_none() {
            next = inbox.recv().await;
        }
    }
    Ok(written)
}
