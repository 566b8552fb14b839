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
use patchlens_ingest::redact::Redactor;
use patchlens_log::{Message, Writer};

use crate::access::Collector;
use crate::answer::{EventsAnswer, PROBLEMS_MAX, Problem, Refusal, log_refusal};
use crate::server::Shared;
use crate::token::Scope;

/// Longest line that is taken for an event.
const LINE_BYTES_MAX: usize = 1 << 20;

/// The program that refuses, as rejects name it.
const REFUSED_BY: &str = concat!("patchlens-gateway ", env!("CARGO_PKG_VERSION"));

pub(crate) async fn post(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Json<EventsAnswer>, Refusal> {
    let collector = shared.admit(request.headers(), Scope::Events)?;
    shared.pressure.request(collector.name())?;
    let (parts, body) = request.into_parts();
    let (bytes, _memory) = shared
        .pressure
        .read(collector.name(), &shared.config, &parts.headers, body)
        .await?;
    shared.metrics.bytes("events", bytes.len() as u64);
    let mut batch = Batch::new(&shared, &collector);
    let mut answer = EventsAnswer::default();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if !line.is_empty() {
            answer.lines += 1;
            batch.line(index as u64 + 1, line, &mut answer)?;
        }
    }
    batch.append(&shared.writer).await?;
    shared.metrics.events("events", answer.events);
    Ok(Json(answer))
}

/// The messages that one request becomes.
pub(crate) struct Batch<'a> {
    shared: &'a Shared,
    collector: &'a Collector,
    received_at: Timestamp,
    events: Packer,
    rejects: Packer,
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
        answer.rejected += 1;
        if answer.problems.len() < PROBLEMS_MAX {
            answer.problems.push(Problem {
                line: number,
                reason: reason.as_str().to_owned(),
                detail: detail.clone(),
            });
        }
        self.reject((number, 0), line, reason, detail)
    }

    fn check_device(&self, device: &DeviceId, number: u64) -> Result<(), Refusal> {
        if self.collector.speaks_for(device) {
            return Ok(());
        }
        Err(Refusal::Forbidden(format!(
            "line {number} is about {device}, which the token of {} may not speak for; nothing was taken",
            self.collector.name()
        )))
    }

    /// Keeps what could not be read.
    pub(crate) fn reject(
        &mut self,
        (line, byte_offset): (u64, u64),
        raw: &[u8],
        reason: RejectReason,
        detail: String,
    ) -> Result<(), Refusal> {
        self.shared.metrics.rejected(reason.as_str(), 1);
        let kept = raw.get(..raw.len().min(Reject::RAW_BYTES_MAX));
        let kept = String::from_utf8_lossy(kept.unwrap_or_default());
        let reject = Reject {
            reject_id: self.shared.redactor.id_of(&[
                b"reject.v2",
                b"gateway",
                reason.as_str().as_bytes(),
                raw,
            ]),
            device_id: None,
            reason,
            detail,
            origin: Origin {
                file: format!("gateway/{}", self.collector.name()),
                line,
                byte_offset,
                record_id: None,
            },
            raw: self.shared.redactor.text(&kept).into_owned(),
            collected_at: self.received_at,
            refused_by: REFUSED_BY.to_owned(),
        };
        let mut encoded = Vec::new();
        encode_batch(&reject, &mut encoded).map_err(|error| Refusal::Broken(error.to_string()))?;
        self.rejects.add("", encoded.trim_ascii_end());
        Ok(())
    }

    /// Takes an event that was made here.
    pub(crate) fn event(&mut self, event: &Event) -> Result<(), serde_json::Error> {
        let mut encoded = Vec::new();
        encode_batch(event, &mut encoded)?;
        self.events
            .add(event.device_id.as_str(), encoded.trim_ascii_end());
        Ok(())
    }

    /// Makes everything durable.
    pub(crate) async fn append(self, writer: &Writer) -> Result<(), Refusal> {
        for (topic, packer) in [(REJECTS_TOPIC, self.rejects), (EVENTS_TOPIC, self.events)] {
            let messages = packer.finish();
            if !messages.is_empty() {
                let appended = writer.append(topic, messages).await;
                appended.map_err(|error| log_refusal(&error))?;
            }
        }
        Ok(())
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
