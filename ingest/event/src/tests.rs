use std::collections::BTreeMap;
use std::path::Path;

use crate::*;

fn event() -> Event {
    Event {
        v: SCHEMA_VERSION,
        event_id: EventId::from_parts(&[b"a"]),
        device_id: DeviceId::new("yr-0042").unwrap(),
        device_name: Some("yr-0042".to_owned()),
        source: Source::CbsLog,
        kind: Kind::Record,
        occurred_at: Some("2024-08-20T02:02:44Z".parse().unwrap()),
        occurred_at_local: Some("2024-08-20T10:02:44".parse().unwrap()),
        zone_source: ZoneSource::Device,
        collected_at: "2024-08-21T00:00:00Z".parse().unwrap(),
        origin: Origin {
            file: "Logs/CBS/CBS.log".to_owned(),
            line: 3,
            byte_offset: 411,
            record_id: None,
        },
        level: Level::Info,
        component: Some("CBS".to_owned()),
        channel: None,
        windows_event_id: None,
        codes: vec![Hresult(0x8007_1ab1)],
        template: "Failed to begin CSI transaction. [HRESULT = <*> - ERROR_LOG_GROWTH_FAILED]"
            .to_owned(),
        message:
            "Failed to begin CSI transaction. [HRESULT = 0x80071ab1 - ERROR_LOG_GROWTH_FAILED]"
                .to_owned(),
        fields: BTreeMap::new(),
        count: 1,
    }
}

#[test]
fn an_event_reads_as_it_was_written() {
    let mut message = Vec::new();
    encode_batch(&event(), &mut message).unwrap();
    encode_batch(&event(), &mut message).unwrap();
    assert_eq!(
        decode_batch(&message),
        vec![BatchItem::Event(Box::new(event())); 2]
    );
    insta::assert_json_snapshot!("event", event());
}

#[test]
fn a_bad_line_does_not_disturb_its_neighbours() {
    let mut message = Vec::new();
    encode_batch(&event(), &mut message).unwrap();
    message.extend_from_slice(b"{\"v\":1,\"surprise\":true}\n\xff\xfe\n\n");
    let newer = serde_json::to_string(&Event { v: 2, ..event() }).unwrap();
    message.extend_from_slice(newer.as_bytes());
    message.push(b'\n');
    encode_batch(&event(), &mut message).unwrap();
    let items = decode_batch(&message);
    let good = items
        .iter()
        .filter(|item| matches!(item, BatchItem::Event(_)))
        .count();
    assert_eq!((items.len(), good), (5, 2));
    assert!(
        matches!(&items[3], BatchItem::Undecodable { detail, .. } if detail.contains("version 2"))
    );
}

/// The committed schemas are the contract that other programs read; `PATCHLENS_BLESS=1` rewrites them.
#[test]
fn the_committed_schemas_are_current_and_accept_what_we_write() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    for (name, schema, instance) in [
        (
            "event.v1.json",
            schemars::schema_for!(Event),
            serde_json::to_value(event()).unwrap(),
        ),
        (
            "reject.v1.json",
            schemars::schema_for!(Reject),
            serde_json::to_value(reject()).unwrap(),
        ),
    ] {
        let generated = serde_json::to_value(&schema).unwrap();
        let path = directory.join(name);
        if std::env::var_os("PATCHLENS_BLESS").is_some() {
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(
                &path,
                serde_json::to_string_pretty(&generated).unwrap() + "\n",
            )
            .unwrap();
        }
        let committed: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(
            committed, generated,
            "{name} is stale: run with PATCHLENS_BLESS=1 and review the difference"
        );
        let validator = jsonschema::validator_for(&committed).unwrap();
        assert!(
            validator.is_valid(&instance),
            "{name} refuses what this crate writes"
        );
        let mut broken = instance.clone();
        broken["surprise"] = true.into();
        assert!(
            !validator.is_valid(&broken),
            "{name} lets an unknown field pass"
        );
    }
}

fn reject() -> Reject {
    Reject {
        reject_id: EventId::from_parts(&[b"r"]),
        device_id: DeviceId::new("YR-0042"),
        reason: RejectReason::Truncated,
        detail: "the zip ends in the middle of Logs/CBS/CBS.log".to_owned(),
        origin: Origin {
            file: "YR-0042.zip".to_owned(),
            ..Origin::default()
        },
        raw: String::new(),
        collected_at: "2024-08-21T00:00:00Z".parse().unwrap(),
        refused_by: "patchlens 0.1.0".to_owned(),
    }
}

proptest::proptest! {
    #[test]
    fn arbitrary_messages_decode_without_panic(message: Vec<u8>) {
        let lines = message.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty()).count();
        proptest::prop_assert_eq!(decode_batch(&message).len(), lines);
    }

    #[test]
    fn codes_print_as_they_parse(value: u32) {
        let code = Hresult(value);
        let read = Hresult::parse(&code.to_string()).unwrap();
        proptest::prop_assert_eq!(read, if value <= 0xFFFF { Hresult::from_win32(value) } else { code });
    }
}
