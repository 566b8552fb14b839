//! From the collectors' events to messages of the event log: same device, many events, one message.

use std::sync::Arc;

use anyhow::Context;
use patchlens_event::{EVENTS_TOPIC, Event, REJECTS_TOPIC, Reject, encode_batch};
use patchlens_ingest::collect::{EventSink, SinkError};
use patchlens_log::{Message, Writer};
use tokio::sync::mpsc;

/// How many messages wait between reading and writing; with the message size this bounds memory.
const MESSAGES_WAITING: usize = 64;
/// How many bytes go into one append: one wait for the disk or the broker.
const APPEND_BYTES_MAX: usize = 8 << 20;

/// Takes events on the reading thread and hands messages to the writing task.
pub(crate) struct Shipper {
    outbox: mpsc::Sender<(&'static str, Message)>,
    bytes_max: usize,
    device: String,
    events: Vec<u8>,
    rejects: Vec<u8>,
}

impl Shipper {
    /// A shipper, and the inbox that [`write_all`] empties.
    pub(crate) fn new(message_kib_max: usize) -> (Self, mpsc::Receiver<(&'static str, Message)>) {
        let (outbox, inbox) = mpsc::channel(MESSAGES_WAITING);
        (
            Self {
                outbox,
                bytes_max: message_kib_max << 10,
                device: String::new(),
                events: Vec::new(),
                rejects: Vec::new(),
            },
            inbox,
        )
    }

    /// Sends what is still held.
    pub(crate) fn flush(&mut self) -> Result<(), SinkError> {
        self.send_events()?;
        self.send_rejects()
    }

    fn send_events(&mut self) -> Result<(), SinkError> {
        let payload = std::mem::take(&mut self.events);
        self.send(EVENTS_TOPIC, payload)
    }

    fn send_rejects(&mut self) -> Result<(), SinkError> {
        let payload = std::mem::take(&mut self.rejects);
        self.send(REJECTS_TOPIC, payload)
    }

    fn send(&self, topic: &'static str, payload: Vec<u8>) -> Result<(), SinkError> {
        if payload.is_empty() {
            return Ok(());
        }
        let message = Message {
            key: self.device.clone(),
            payload,
        };
        self.outbox
            .blocking_send((topic, message))
            .map_err(|_| SinkError::new("the event log does not take any more"))
    }

    fn on_device(&mut self, device: &str) -> Result<(), SinkError> {
        if self.device != device {
            self.flush()?;
            device.clone_into(&mut self.device);
        }
        Ok(())
    }
}

impl EventSink for Shipper {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        self.on_device(event.device_id.as_str())?;
        let before = self.events.len();
        encode_batch(&event, &mut self.events)
            .map_err(|error| SinkError::new(error.to_string()))?;
        if self.events.len() > self.bytes_max {
            // The event that crosses the limit opens the next message.
            let rest = self.events.split_off(before);
            self.send_events()?;
            self.events = rest;
        }
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> Result<(), SinkError> {
        let device = reject.device_id.clone();
        self.on_device(device.as_ref().map_or("", |id| id.as_str()))?;
        let before = self.rejects.len();
        encode_batch(&reject, &mut self.rejects)
            .map_err(|error| SinkError::new(error.to_string()))?;
        if self.rejects.len() > self.bytes_max {
            let rest = self.rejects.split_off(before);
            self.send_rejects()?;
            self.rejects = rest;
        }
        Ok(())
    }
}

/// Appends everything that comes out of the inbox; returns when the shipper is gone and all is durable.
///
/// # Errors
/// When the event log takes no more; then the shipper's next message fails too.
pub(crate) async fn write_all(
    writer: &Arc<Writer>,
    mut inbox: mpsc::Receiver<(&'static str, Message)>,
) -> anyhow::Result<u64> {
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
        writer
            .append(topic, messages)
            .await
            .context("writing to the event log")?;
        if next.is_none() {
            next = inbox.recv().await;
        }
    }
    Ok(written)
}
