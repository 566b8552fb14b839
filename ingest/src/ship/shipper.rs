//! From events to messages: same device, many events, one message.

use patchlens_event::{EVENTS_TOPIC, Event, REJECTS_TOPIC, Reject, encode_batch};
use patchlens_log::Message;
use tokio::sync::mpsc;

use crate::collect::{EventSink, SinkError};

/// A message and its topic.
pub type Addressed = (&'static str, Message);

/// How many messages wait between reading and writing; with the message size this bounds memory.
const MESSAGES_WAITING: usize = 64;

/// Where finished messages go.
#[derive(Debug)]
enum Outlet {
    Queue(mpsc::Sender<Addressed>),
    Held(Vec<Addressed>),
}

/// Takes events on the reading thread and hands messages to the writing task.
#[derive(Debug)]
pub struct Shipper {
    outlet: Outlet,
    bytes_max: usize,
    device: String,
    events: Vec<u8>,
    rejects: Vec<u8>,
}

impl Shipper {
    /// A shipper, and the inbox that [`ship_all`](super::ship_all) empties.
    pub fn new(message_kib_max: usize) -> (Self, mpsc::Receiver<Addressed>) {
        let (outbox, inbox) = mpsc::channel(MESSAGES_WAITING);
        (Self::with(Outlet::Queue(outbox), message_kib_max), inbox)
    }

    /// A shipper that holds its messages until they are taken: for amounts that the caller bounds.
    pub fn holding(message_kib_max: usize) -> Self {
        Self::with(Outlet::Held(Vec::new()), message_kib_max)
    }

    fn with(outlet: Outlet, message_kib_max: usize) -> Self {
        Self {
            outlet,
            bytes_max: message_kib_max << 10,
            device: String::new(),
            events: Vec::new(),
            rejects: Vec::new(),
        }
    }

    /// Takes what a [`holding`](Self::holding) shipper has, in order.
    ///
    /// # Errors
    /// As for [`flush`](Self::flush).
    pub fn take(&mut self) -> Result<Vec<Addressed>, SinkError> {
        self.flush()?;
        Ok(match &mut self.outlet {
            Outlet::Held(messages) => std::mem::take(messages),
            Outlet::Queue(_) => Vec::new(),
        })
    }

    /// Sends what is still held.
    ///
    /// # Errors
    /// When nobody takes messages any more.
    pub fn flush(&mut self) -> Result<(), SinkError> {
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

    fn send(&mut self, topic: &'static str, payload: Vec<u8>) -> Result<(), SinkError> {
        if payload.is_empty() {
            return Ok(());
        }
        let message = Message {
            key: self.device.clone(),
            payload,
        };
        match &mut self.outlet {
            Outlet::Queue(outbox) => outbox
                .blocking_send((topic, message))
                .map_err(|_| SinkError::new("the destination takes no more")),
            Outlet::Held(messages) => {
                messages.push((topic, message));
                Ok(())
            }
        }
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
