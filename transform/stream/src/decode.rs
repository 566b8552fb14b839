//! Messages into rows: events, noise counts and rejects, each with where it came from.

use jiff::Timestamp;
use patchlens_event::{
    BatchItem, DOCUMENTS_TOPIC, DeviceId, EVENTS_TOPIC, Event, EventId, Kind, Origin, Reject,
    RejectReason, decode_batch,
};
use patchlens_log::Delivered;
use patchlens_transform::RowOrigin;

/// What one cut holds. Grain of each list: one row of one message.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Records and inventory readings.
    pub events: Vec<(Event, RowOrigin)>,
    /// Noise counts.
    pub counts: Vec<(Event, RowOrigin)>,
    /// What a collector rejected, and what could not be decoded here.
    pub rejects: Vec<(Reject, RowOrigin)>,
}

/// Reads the messages of a cut. Never fails: what is no event becomes a reject with its raw bytes.
pub fn decode(messages: &[Delivered], documents: &dyn ReadDocuments, now: Timestamp) -> Decoded {
    let mut decoded = Decoded::default();
    for message in messages {
        match &*message.topic {
            EVENTS_TOPIC => decode_events(message, now, &mut decoded),
            DOCUMENTS_TOPIC => decode_documents(message, documents, now, &mut decoded),
            _ => decode_rejects(message, now, &mut decoded),
        }
    }
    decoded
}

/// Reads event log documents as forwarders write them. The collectors know how; this crate does not.
pub trait ReadDocuments: Send + Sync + std::fmt::Debug {
    /// Reads one message of [`DOCUMENTS_TOPIC`]. The same message always gives the same rows.
    ///
    /// # Errors
    /// When nothing of it can be read: why, for a person.
    fn read(&self, payload: &[u8], now: Timestamp) -> Result<Vec<DocumentRow>, String>;
}

/// What one document became.
#[derive(Debug)]
pub enum DocumentRow {
    /// An event.
    Event(Box<Event>),
    /// None: why, and the beginning of what it was.
    Refused {
        /// Why, for counting.
        reason: RejectReason,
        /// Why, for a person.
        detail: String,
        /// What it was, without what is taken out of texts.
        raw: String,
    },
}

fn decode_documents(
    message: &Delivered,
    documents: &dyn ReadDocuments,
    now: Timestamp,
    decoded: &mut Decoded,
) {
    let rows = documents
        .read(&message.payload, now)
        .unwrap_or_else(|detail| {
            vec![DocumentRow::Refused {
                reason: RejectReason::Malformed,
                detail,
                raw: String::new(),
            }]
        });
    for (row, became) in rows.into_iter().enumerate() {
        let origin = origin(message, row);
        match became {
            DocumentRow::Event(event) => decoded.events.push((*event, origin)),
            DocumentRow::Refused {
                reason,
                detail,
                raw,
            } => {
                let mut reject = undecodable(raw.as_bytes(), detail, (message, &origin), now);
                reject.reason = reason;
                // The key is whatever the forwarder makes it.
                reject.device_id = None;
                decoded.rejects.push((reject, origin));
            }
        }
    }
}

fn decode_events(message: &Delivered, now: Timestamp, decoded: &mut Decoded) {
    for (row, item) in decode_batch(&message.payload).into_iter().enumerate() {
        let origin = origin(message, row);
        match item {
            BatchItem::Event(event) if event.kind == Kind::Count => {
                decoded.counts.push((*event, origin));
            }
            BatchItem::Event(event) => decoded.events.push((*event, origin)),
            BatchItem::Undecodable { raw, detail } => decoded
                .rejects
                .push((undecodable(&raw, detail, (message, &origin), now), origin)),
        }
    }
}

fn decode_rejects(message: &Delivered, now: Timestamp, decoded: &mut Decoded) {
    let lines = message
        .payload
        .split(|b| *b == b'\n')
        .filter(|line| !line.trim_ascii().is_empty());
    for (row, line) in lines.enumerate() {
        let origin = origin(message, row);
        let reject = serde_json::from_slice(line)
            .unwrap_or_else(|error| undecodable(line, error.to_string(), (message, &origin), now));
        decoded.rejects.push((reject, origin));
    }
}

fn origin(message: &Delivered, row: usize) -> RowOrigin {
    let row = u32::try_from(row).unwrap_or(u32::MAX);
    RowOrigin {
        topic: message.topic.to_string(),
        partition: message.partition,
        offset: message.offset,
        row,
    }
}

fn undecodable(
    raw: &[u8],
    detail: String,
    (message, origin): (&Delivered, &RowOrigin),
    now: Timestamp,
) -> Reject {
    let place = format!(
        "{}/{}/{}/{}",
        origin.topic, origin.partition, origin.offset, origin.row
    );
    let kept = raw.get(..Reject::RAW_BYTES_MAX).unwrap_or(raw);
    Reject {
        reject_id: EventId::from_parts(&[b"undecodable.v1", place.as_bytes(), raw]),
        // The key says whom the row may be about when it is read again: whoever wrote it may speak for that device.
        device_id: DeviceId::new(&message.key),
        reason: RejectReason::UndecodableEvent,
        detail,
        origin: Origin {
            file: place,
            ..Origin::default()
        },
        raw: String::from_utf8_lossy(kept).into_owned(),
        collected_at: now,
        refused_by: concat!("patchlens ", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line is a document; this crate reads none itself.
    #[derive(Debug)]
    struct Lines;

    impl ReadDocuments for Lines {
        fn read(&self, payload: &[u8], _: Timestamp) -> Result<Vec<DocumentRow>, String> {
            let text = std::str::from_utf8(payload).map_err(|error| error.to_string())?;
            let row = |line: &str| DocumentRow::Refused {
                reason: RejectReason::Malformed,
                detail: "no event".to_owned(),
                raw: line.to_owned(),
            };
            Ok(text.lines().map(row).collect())
        }
    }

    #[test]
    fn a_poison_row_is_isolated_and_keeps_its_place() {
        let message = |topic: &str, payload: &[u8]| Delivered {
            topic: topic.into(),
            partition: 3,
            offset: 7,
            key: "YR-1".to_owned(),
            payload: payload.to_vec(),
            appended_at: None,
        };
        let now: Timestamp = "2024-08-20T00:00:00Z".parse().unwrap();
        let decoded = decode(
            &[
                message(EVENTS_TOPIC, b"{}\n\n\xff\n"),
                message("patchlens.rejects.v1", b"banana\n"),
                message(DOCUMENTS_TOPIC, b"{}\n[]"),
                message(DOCUMENTS_TOPIC, b"\xff"),
            ],
            &Lines,
            now,
        );
        let rows: Vec<_> = decoded
            .rejects
            .iter()
            .map(|(reject, origin)| (reject.reason, origin.offset, origin.row))
            .collect();
        assert_eq!(
            rows,
            vec![
                (RejectReason::UndecodableEvent, 7, 0),
                (RejectReason::UndecodableEvent, 7, 1),
                (RejectReason::UndecodableEvent, 7, 0),
                (RejectReason::Malformed, 7, 0),
                (RejectReason::Malformed, 7, 1),
                (RejectReason::Malformed, 7, 0)
            ]
        );
        assert_eq!(decoded.rejects[1].0.raw, "\u{fffd}");
        // Who may write to the log may speak for the device that he wrote to it for.
        assert_eq!(decoded.rejects[0].0.device_id, DeviceId::new("YR-1"));
        assert_eq!(decoded.rejects[3].0.device_id, None);
        assert_ne!(
            decoded.rejects[0].0.reject_id,
            decoded.rejects[1].0.reject_id
        );
    }
}
