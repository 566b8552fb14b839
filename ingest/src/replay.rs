//! Tries a reject again with today's parsers.
//!
//! What a reject kept is one piece of one file, as text. When today's code reads all of it, its
//! records become events at the place where they stood, under the identity that they have as the
//! first of their kind in their file. None of it is counted as noise: counts are made from whole files.
//!
//! A reject may hold anything, so it speaks for no other device than the one that it is known to be from:
//! otherwise a collector whose token is bound to some devices could write about all of them.

use patchlens_event::{BatchItem, DeviceId, Event, Reject, RejectReason, decode_batch};

use crate::collect::{
    CollectOptions, Device, DocumentOutcome, DocumentReader, EventSink, FileEvents, FileState,
    SinkError,
};
use crate::identity::Identity;
use crate::parser::FileParser;
use crate::{Result, detect};

/// Why a reject stays one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stays {
    /// Only the beginning of it was kept.
    Cut,
    /// Bytes of it were no text and are lost.
    Damaged,
    /// It is refused for what it is, not for what it says: a limit, a name, a file that could not be read.
    NotContent,
    /// Nothing says which device it is from.
    NoDevice,
    /// It names another device than the one that it is from.
    OtherDevice,
    /// Its collector may not speak for the device.
    NotAllowed,
    /// Names were taken out of it, on which identity depends: its events would count again when the
    /// log is collected again.
    Redacted,
    /// Today's parsers do not read it either.
    Unreadable,
}

impl Stays {
    /// For a person.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cut => "longer than what was kept of it",
            Self::Damaged => "bytes that are no text",
            Self::NotContent => "refused for its size, name or access: collect it again",
            Self::NoDevice => "no device is known",
            Self::OtherDevice => "it names another device than the one it is from",
            Self::NotAllowed => "its collector may not speak for the device",
            Self::Redacted => "names were taken out of it: collect it again",
            Self::Unreadable => "still not readable",
        }
    }
}

/// Reads a reject again; gives its events, or why it stays a reject.
///
/// # Errors
/// When redaction cannot be prepared.
pub fn replay(
    reject: &Reject,
    options: &CollectOptions,
) -> Result<std::result::Result<Vec<Event>, Stays>> {
    let raw = reject.raw.as_str();
    match reject.reason {
        RejectReason::UnsafePath
        | RejectReason::Unreadable
        | RejectReason::LimitExceeded
        | RejectReason::Truncated
        | RejectReason::Unassigned
        | RejectReason::RefusedByStore => return Ok(Err(Stays::NotContent)),
        RejectReason::NotAllowed => return Ok(Err(Stays::NotAllowed)),
        RejectReason::UnknownFormat | RejectReason::Malformed | RejectReason::UndecodableEvent => {}
    }
    if raw.len() + 4 > Reject::RAW_BYTES_MAX {
        return Ok(Err(Stays::Cut));
    }
    if raw.contains('\u{FFFD}') {
        return Ok(Err(Stays::Damaged));
    }
    let Some(device_id) = &reject.device_id else {
        return Ok(Err(Stays::NoDevice));
    };
    if let Some(events) = contract(raw) {
        // Its identity was given before anything was taken out.
        let is_from = |event: &Event| event.device_id == *device_id;
        return Ok(if events.iter().all(is_from) {
            Ok(events)
        } else {
            Err(Stays::OtherDevice)
        });
    }
    if holds_token(raw) {
        return Ok(Err(Stays::Redacted));
    }
    let mut kept = Kept::default();
    let file = reject.origin.file.as_str();
    let place = (reject.origin.line, reject.origin.byte_offset);
    let is_from = |device: &DeviceId| device == device_id;
    match DocumentReader::new(options, file).read(place, raw.as_bytes(), &is_from, &mut kept)? {
        DocumentOutcome::Sent(_) => return Ok(Ok(kept.events)),
        DocumentOutcome::Refused(RejectReason::NotAllowed, _) => {
            return Ok(Err(Stays::OtherDevice));
        }
        DocumentOutcome::Refused(..) => {}
    }
    read_lines(reject, device_id, options)
}

/// True when something was taken out: a class of names and its hash, as redaction writes them.
fn holds_token(raw: &str) -> bool {
    const HASH_CHARS: usize = 8;
    ["user:", "sid:", "email:", "ip:"].iter().any(|class| {
        raw.match_indices(class).any(|(at, _)| {
            let hash = raw.get(at + class.len()..).unwrap_or_default();
            let hash = hash.bytes().take_while(u8::is_ascii_hexdigit).count();
            hash == HASH_CHARS
        })
    })
}

/// Lines of the contract that an older version did not know.
fn contract(raw: &str) -> Option<Vec<Event>> {
    let items = decode_batch(raw.as_bytes());
    let events: Option<Vec<Event>> = items
        .into_iter()
        .map(|item| match item {
            BatchItem::Event(event) => {
                let is_canonical =
                    DeviceId::new(event.device_id.as_str()).as_ref() == Some(&event.device_id);
                is_canonical.then_some(*event)
            }
            BatchItem::Undecodable { .. } => None,
        })
        .collect();
    events.filter(|events| !events.is_empty())
}

fn read_lines(
    reject: &Reject,
    device_id: &DeviceId,
    options: &CollectOptions,
) -> Result<std::result::Result<Vec<Event>, Stays>> {
    let raw = reject.raw.as_bytes();
    let file = reject.origin.file.as_str();
    let Some(format) = detect(raw, file) else {
        return Ok(Err(Stays::Unreadable));
    };
    let identity = Identity {
        device_id: device_id.clone(),
        device_name: None,
    };
    let device = Device::named(identity, options)?;
    let mut kept = Kept::default();
    let state = FileState::new(&device, format);
    let mut events = FileEvents::new(&device, file, state, &mut kept).sending_all();
    let mut parser = FileParser::new(format, &options.limits);
    parser.feed(raw, &mut events);
    parser.finish(&mut events);
    events.finish()?;
    if kept.rejects > 0 || kept.events.is_empty() {
        return Ok(Err(Stays::Unreadable));
    }
    for event in &mut kept.events {
        // Where it stood in its file, not in the piece.
        event.origin.line += reject.origin.line.saturating_sub(1);
        event.origin.byte_offset += reject.origin.byte_offset;
    }
    Ok(Ok(kept.events))
}

#[derive(Default)]
struct Kept {
    events: Vec<Event>,
    rejects: usize,
}

impl EventSink for Kept {
    fn event(&mut self, event: Event) -> std::result::Result<(), SinkError> {
        self.events.push(event);
        Ok(())
    }

    fn reject(&mut self, _: Reject) -> std::result::Result<(), SinkError> {
        self.rejects += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use patchlens_event::{EventId, Origin};

    use super::*;

    fn options() -> CollectOptions {
        CollectOptions::new("2024-09-01T00:00:00Z".parse().unwrap())
    }

    fn reject(reason: RejectReason, device: Option<&str>, raw: &str) -> Reject {
        Reject {
            reject_id: EventId::from_parts(&[raw.as_bytes()]),
            device_id: device.and_then(DeviceId::new),
            reason,
            detail: String::new(),
            origin: Origin {
                file: "Logs/CBS/CBS.log".to_owned(),
                line: 7,
                byte_offset: 700,
                record_id: None,
            },
            raw: raw.to_owned(),
            collected_at: options().collected_at,
            refused_by: "test".to_owned(),
        }
    }

    const LINE: &str = "2024-08-20 10:02:42, Error                 CBS    Failed to install [HRESULT = 0x800f0823 - CBS_E_NEW_SERVICING_STACK_REQUIRED]";

    #[test]
    fn what_reads_today_is_the_event_that_it_would_have_been() {
        let events = replay(
            &reject(RejectReason::Malformed, Some("YR-1"), LINE),
            &options(),
        )
        .unwrap()
        .unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("CBS.log"), format!("{LINE}\r\n")).unwrap();
        let mut kept = Kept::default();
        let with_device = CollectOptions {
            device: Some("YR-1".to_owned()),
            ..options()
        };
        crate::collect::read_path(dir.path(), &with_device, &mut kept).unwrap();
        assert_eq!(events[0].event_id, kept.events[0].event_id);
        assert_eq!(
            (events[0].origin.line, events[0].origin.byte_offset),
            (7, 700)
        );
        assert_eq!(events[0].origin.file, "Logs/CBS/CBS.log");
        let line = serde_json::to_string(&events[0]).unwrap();
        let again = replay(
            &reject(RejectReason::UndecodableEvent, Some("YR-1"), &line),
            &options(),
        );
        assert_eq!(again.unwrap().unwrap(), events);
    }

    #[test]
    fn a_reject_speaks_for_no_other_device_than_its_own() {
        let document = r#"{"winlog":{"channel":"System","computer_name":"victim.corp","event_id":"20","provider_name":"Microsoft-Windows-WindowsUpdateClient"},"@timestamp":"2024-08-20T02:02:43.000Z"}"#;
        let event = replay(
            &reject(RejectReason::Malformed, Some("VICTIM"), document),
            &options(),
        )
        .unwrap()
        .unwrap();
        assert_eq!(event[0].device_id.as_str(), "VICTIM");
        let line = serde_json::to_string(&event[0]).unwrap();
        for raw in [document, &line] {
            for (reason, device, expected) in [
                (RejectReason::Malformed, None, Stays::NoDevice),
                (
                    RejectReason::Malformed,
                    Some("BRANCH-1"),
                    Stays::OtherDevice,
                ),
                (RejectReason::NotAllowed, Some("VICTIM"), Stays::NotAllowed),
            ] {
                let stays = replay(&reject(reason, device, raw), &options()).unwrap();
                assert_eq!(stays.unwrap_err(), expected, "{reason:?} {device:?} {raw}");
            }
        }
    }

    #[test]
    fn what_names_were_taken_out_of_stays() {
        let stays = |raw: &str| {
            replay(
                &reject(RejectReason::Malformed, Some("YR-1"), raw),
                &options(),
            )
            .unwrap()
        };
        let redacted = LINE.replace("install", r"install C:\Users\user:3f2a91c0\x");
        assert_eq!(stays(&redacted).unwrap_err(), Stays::Redacted);
        let like_it = LINE.replace("install", "install user: 3f2a91c0, ip:3f2a91c0f, sid:");
        assert!(stays(&like_it).is_ok());
    }

    #[test]
    fn what_cannot_be_read_says_why_it_stays() {
        let stays = |reason, device, raw: &str| {
            replay(&reject(reason, device, raw), &options())
                .unwrap()
                .unwrap_err()
        };
        let malformed = RejectReason::Malformed;
        assert_eq!(stays(malformed, Some("YR-1"), "no log"), Stays::Unreadable);
        assert_eq!(stays(malformed, None, LINE), Stays::NoDevice);
        assert_eq!(
            stays(malformed, Some("YR-1"), &LINE.repeat(200)),
            Stays::Cut
        );
        assert_eq!(
            stays(malformed, Some("YR-1"), &format!("{LINE}\u{FFFD}")),
            Stays::Damaged
        );
        assert_eq!(
            stays(RejectReason::UnsafePath, Some("YR-1"), LINE),
            Stays::NotContent
        );
    }
}
