//! `POST /ingest/v1/events`: lines of the event contract, as collectors make them.
//!
//! A line is an event, or a reject that the collector met. What is neither becomes a reject of the
//! gateway, under an identity of its content.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use jiff::Timestamp;
use patchlens_event::{
    DeviceId, EVENTS_TOPIC, Event, Origin, REJECTS_TOPIC, Reject, RejectReason, SCHEMA_VERSION,
    encode_batch,
};
use patchlens_ingest::collect::named_device;
use patchlens_ingest::redact::Redactor;
use patchlens_log::Message;

use crate::access::Collector;
use crate::answer::EventsAnswer;
use crate::refusal::{Refusal, log_refusal};
use crate::server::Shared;
use crate::token::Scope;

/// Longest line that is taken for an event.
const LINE_BYTES_MAX: usize = 1 << 20;
/// How much of one request may be unusable: each becomes a reject, which is larger than the least line.
const REJECTS_MAX: u64 = 10_000;

/// The program that refuses, as rejects name it.
const REFUSED_BY: &str = concat!("patchlens-gateway ", env!("CARGO_PKG_VERSION"));

pub(crate) async fn post(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Json<EventsAnswer>, Refusal> {
    let collector = shared.admit(request.headers(), Scope::Events)?;
    shared.pressure.request(collector.name())?;
    let (parts, body) = request.into_parts();
    let (bytes, room) = shared
        .pressure
        .read(collector.name(), &shared.config, &parts, body)
        .await?;
    shared.metrics.bytes("events", bytes.len() as u64);
    let working = Arc::clone(&shared);
    let (taken, answer, _room) = off_the_runtime(move || {
        let mut batch = Batch::new(&working, &collector);
        let mut answer = EventsAnswer::default();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if !line.is_empty() {
                answer.lines += 1;
                batch.line(index as u64 + 1, line, &mut answer)?;
            }
        }
        // The room is kept until all is durable, whether somebody waits for that or not.
        Ok((batch.finish(), answer, room))
    })
    .await?;
    taken.append(&shared).await?;
    shared.metrics.events("events", answer.events);
    Ok(Json(answer))
}

/// Does work that takes long, where it keeps no other request waiting.
pub(crate) async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "reading a request ended in a panic");
        Refusal::Broken("reading the request failed; the gateway's own log says why".to_owned())
    })?
}

/// The messages that one request becomes, while it is read.
pub(crate) struct Batch<'a> {
    shared: &'a Shared,
    collector: &'a Collector,
    received_at: Timestamp,
    events: Packer,
    rejects: Packer,
    /// How much was refused, by reason.
    refused: BTreeMap<&'static str, u64>,
}

/// The messages that one request became.
pub(crate) struct Taken {
    messages: Vec<(&'static str, Vec<Message>)>,
    refused: BTreeMap<&'static str, u64>,
}

impl Taken {
    /// Makes everything durable.
    pub(crate) async fn append(self, shared: &Shared) -> Result<(), Refusal> {
        for (topic, messages) in self.messages {
            if !messages.is_empty() {
                let appended = shared.writer.append(topic, messages).await;
                appended.map_err(|error| log_refusal(&error))?;
            }
        }
        for (reason, count) in self.refused {
            shared.metrics.rejected(reason, count);
        }
        Ok(())
    }
}

impl<'a> Batch<'a> {
    pub(crate) fn new(shared: &'a Shared, collector: &'a Collector) -> Self {
        let bytes_max = shared.config.message_kib_max << 10;
        Self {
            shared,
            collector,
            received_at: (shared.config.now)(),
            events: Packer::new(bytes_max),
            rejects: Packer::new(bytes_max),
            refused: BTreeMap::new(),
        }
    }

    /// Takes one line. A collector that speaks for a device that is not his is refused as a whole.
    fn line(&mut self, number: u64, line: &[u8], answer: &mut EventsAnswer) -> Result<(), Refusal> {
        let (reason, detail) = match read_line(line) {
            Ok(Line::Event(device)) => {
                self.check_device(&device, number)?;
                self.events.add(device.as_str(), line);
                answer.events += 1;
                return Ok(());
            }
            Ok(Line::Reject(device)) => {
                if let Some(device) = &device {
                    self.check_device(device, number)?;
                }
                let key = device.as_ref().map_or("", DeviceId::as_str);
                self.rejects.add(key, line);
                answer.rejects += 1;
                return Ok(());
            }
            Err(problem) => problem,
        };
        let reason = self.reject((number, 0), line, reason, &detail)?;
        answer.problem(number, reason, detail);
        Ok(())
    }

    fn check_device(&self, device: &DeviceId, number: u64) -> Result<(), Refusal> {
        if self.collector.speaks_for(device) {
            return Ok(());
        }
        Err(Refusal::NotAllowed(format!(
            "line {number} is about {device}, which the token of {} may not speak for; nothing was taken",
            self.collector.name()
        )))
    }

    /// Keeps what could not be read, and says as what.
    ///
    /// # Errors
    /// When this is more than one request may hold of it: nothing is taken then.
    pub(crate) fn reject(
        &mut self,
        (line, byte_offset): (u64, u64),
        raw: &[u8],
        reason: RejectReason,
        detail: &str,
    ) -> Result<RejectReason, Refusal> {
        // What it says of its device is kept only of who may speak for it: reading it again later
        // shall not open a door that is closed now.
        let named = Some(raw).filter(|raw| raw.len() <= LINE_BYTES_MAX);
        let named = named.and_then(named_device);
        let is_allowed = named
            .as_ref()
            .is_none_or(|device| self.collector.speaks_for(device));
        let reason = if is_allowed {
            reason
        } else {
            RejectReason::NotAllowed
        };
        let device_id = named.filter(|_| is_allowed);
        *self.refused.entry(reason.as_str()).or_default() += 1;
        if self.refused.values().sum::<u64>() > REJECTS_MAX {
            return Err(Refusal::TooLarge(format!(
                "more than {REJECTS_MAX} lines cannot be used, and nothing was taken; is this the right endpoint for them? If so, send smaller batches"
            )));
        }
        let redactor = &self.shared.redactor;
        let text = String::from_utf8_lossy(raw);
        let text = redactor.text(&text);
        let reject = Reject {
            // Of what stands in the reject: a hash of more would tell who guesses what was taken out.
            reject_id: self.shared.redactor.id_of(&[
                b"reject.v2",
                b"gateway",
                reason.as_str().as_bytes(),
                text.as_bytes(),
            ]),
            device_id,
            reason,
            detail: redactor.text(detail).into_owned(),
            origin: Origin {
                file: format!("gateway/{}", self.collector.name()),
                line,
                byte_offset,
                record_id: None,
            },
            raw: text
                .get(..text.floor_char_boundary(Reject::RAW_BYTES_MAX))
                .unwrap_or_default()
                .to_owned(),
            collected_at: self.received_at,
            refused_by: REFUSED_BY.to_owned(),
        };
        let mut encoded = Vec::new();
        encode_batch(&reject, &mut encoded).map_err(|error| Refusal::Broken(error.to_string()))?;
        let key = reject.device_id.as_ref().map_or("", DeviceId::as_str);
        self.rejects.add(key, encoded.trim_ascii_end());
        Ok(reason)
    }

    /// Takes an event that was made here.
    pub(crate) fn event(&mut self, event: &Event) -> Result<(), serde_json::Error> {
        let mut encoded = Vec::new();
        encode_batch(event, &mut encoded)?;
        self.events
            .add(event.device_id.as_str(), encoded.trim_ascii_end());
        Ok(())
    }

    /// Ends the request.
    pub(crate) fn finish(self) -> Taken {
        Taken {
            messages: vec![
                (REJECTS_TOPIC, self.rejects.finish()),
                (EVENTS_TOPIC, self.events.finish()),
            ],
            refused: self.refused,
        }
    }
}

enum Line {
    Event(DeviceId),
    Reject(Option<DeviceId>),
}

fn read_line(line: &[u8]) -> Result<Line, (RejectReason, String)> {
    if line.len() > LINE_BYTES_MAX {
        let detail = format!("the line is longer than {LINE_BYTES_MAX} bytes");
        return Err((RejectReason::LimitExceeded, detail));
    }
    let undecodable = |detail: String| (RejectReason::UndecodableEvent, detail);
    let error = match serde_json::from_slice::<Event>(line) {
        Ok(event) if event.v != SCHEMA_VERSION => {
            return Err(undecodable(format!(
                "contract version {} where {SCHEMA_VERSION} is known; a newer collector needs a newer gateway",
                event.v
            )));
        }
        Ok(event) => {
            return canonical(event.device_id)
                .map(Line::Event)
                .map_err(undecodable);
        }
        Err(error) => error,
    };
    match serde_json::from_slice::<Reject>(line) {
        Ok(reject) => match reject.device_id {
            Some(device) => canonical(device)
                .map(|device| Line::Reject(Some(device)))
                .map_err(undecodable),
            None => Ok(Line::Reject(None)),
        },
        Err(_) => Err(undecodable(format!("not an event: {error}"))),
    }
}

/// Ids that are spelled otherwise than ours would split a device in two.
fn canonical(device: DeviceId) -> Result<DeviceId, String> {
    if DeviceId::new(device.as_str()).as_ref() == Some(&device) {
        Ok(device)
    } else {
        Err("a device_id is upper case, trimmed, not empty and up to 256 bytes long".to_owned())
    }
}

/// Puts lines of one device together into messages, in their order.
struct Packer {
    bytes_max: usize,
    open: BTreeMap<String, Vec<u8>>,
    full: Vec<Message>,
}

impl Packer {
    fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            open: BTreeMap::new(),
            full: Vec::new(),
        }
    }

    fn add(&mut self, key: &str, line: &[u8]) {
        if !self.open.contains_key(key) {
            self.open.insert(key.to_owned(), Vec::new());
        }
        let Some(payload) = self.open.get_mut(key) else {
            return;
        };
        if !payload.is_empty() && payload.len() + line.len() >= self.bytes_max {
            self.full.push(Message {
                key: key.to_owned(),
                payload: std::mem::take(payload),
            });
        }
        payload.extend_from_slice(line);
        payload.push(b'\n');
    }

    fn finish(mut self) -> Vec<Message> {
        let rest = self.open.into_iter();
        let rest = rest.filter(|(_, payload)| !payload.is_empty());
        self.full
            .extend(rest.map(|(key, payload)| Message { key, payload }));
        self.full
    }
}

/// What is the same for all rejects of a gateway.
pub(crate) fn redactor(config: &crate::GatewayConfig) -> Result<Redactor, patchlens_ingest::Error> {
    Redactor::new(
        config.collect.redaction.clone(),
        patchlens_ingest::redact::KnownNames::default(),
    )
}
