//! Messages into rows: events, noise counts and rejects, each with where it came from.

use jiff::Timestamp;
use patchlens_event::{
    BatchItem, EVENTS_TOPIC, Event, EventId, Kind, Origin, Reject, RejectReason, decode_batch,
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
pub fn decode(messages: &[Delivered], now: Timestamp) -> Decoded {
    let mut decoded = Decoded::default();
    for message in messages {
        if &*message.topic == EVENTS_TOPIC {
            decode_events(message, now, &mut decoded);
        } else {
            decode_rejects(message, now, &mut decoded);
        }
    }
    decoded
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
                .push((undecodable(&raw, detail, &origin, now), origin)),
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
            .unwrap_or_else(|error| undecodable(line, error.to_string(), &origin, now));
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

fn undecodable(raw: &[u8], detail: String, origin: &RowOrigin, now: Timestamp) -> Reject {
    let place = format!(
        "{}/{}/{}/{}",
        origin.topic, origin.partition, origin.offset, origin.row
    );
    let kept = raw.get(..Reject::RAW_BYTES_MAX).unwrap_or(raw);
    Reject {
        reject_id: EventId::from_parts(&[b"undecodable.v1", place.as_bytes(), raw]),
        device_id: None,
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
            ],
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
                (RejectReason::UndecodableEvent, 7, 0)
            ]
        );
        assert_eq!(decoded.rejects[1].0.raw, "\u{fffd}");
        assert_ne!(
            decoded.rejects[0].0.reject_id,
            decoded.rejects[1].0.reject_id
        );
    }
}
