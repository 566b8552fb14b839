//! Whatever the events say, the stage answers, and its answers hold together.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use patchlens_event::{
    DeviceId, Event, EventId, Hresult, Kind, Level, Origin, SCHEMA_VERSION, Source, ZoneSource,
};
use patchlens_transform::{Reference, culprit_key, schema};
use proptest::prelude::*;

use crate::support::{collected_at, frame, judge, rows};

fn message() -> impl Strategy<Value = String> {
    let told = prop_oneof![
        Just("* START * Installing updates CallerId = X".to_owned()),
        Just("* END * Installing updates CallerId = X, Exit code = 0x80070005".to_owned()),
        Just("* END * Finding updates CallerId = X, Exit code = 0x80240439".to_owned()),
        Just("Exec: Processing started. Package: Package_for_KB5041580~31bf3856ad364e35~amd64~~19041.4780.1.7".to_owned()),
        Just("Exec: Processing complete. Package: P~31bf3856ad364e35~amd64~~1.2.3.4 [HRESULT = 0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT]".to_owned()),
        Just("Session: 1_2 finalized. Reboot required: yes [HRESULT = 0x00000000 - S_OK]".to_owned()),
        Just("Startup: Rolling back KTM, because drivers failed.".to_owned()),
        Just("Failed to open C:\\Windows\\é\\ü.dll [HRESULT = 0x80070005 - E_ACCESSDENIED]".to_owned()),
    ];
    prop_oneof![3 => told, 2 => "\\PC{0,60}", 1 => "(KB|kb|~|0x8007|HRESULT = 0x|\\[|\\{|é|\n){0,12}"]
}

prop_compose! {
    fn any_event()(
        source in proptest::sample::select(Source::ALL.to_vec()), message in message(), second in proptest::option::of(-100_000_i64..10_000_000_000),
        code in proptest::option::of(any::<u32>()), id in proptest::option::of(0_u32..50), line in 0_u64..50, device in 0_u8..3,
        component in proptest::sample::select(vec!["CBS", "Agent", "Microsoft-Windows-WindowsUpdateClient", "Microsoft-Windows-Servicing", "Ntfs", ""]),
        field in ("[a-z_.A-Z]{0,16}", "\\PC{0,16}"), assumed in any::<bool>(), level in proptest::sample::select(vec![Level::Info, Level::Error]),
    ) -> Event {
        Event {
            v: SCHEMA_VERSION,
            event_id: EventId::from_parts(&[message.as_bytes(), &line.to_le_bytes(), &[device]]),
            device_id: DeviceId::new(&format!("D{device}")).unwrap(),
            device_name: None,
            source,
            kind: if source == Source::Inventory { Kind::Inventory } else { Kind::Record },
            occurred_at: second.and_then(|second| Timestamp::from_second(second).ok()),
            occurred_at_local: None,
            zone_source: if assumed { ZoneSource::Assumed } else { ZoneSource::Record },
            collected_at: collected_at(),
            origin: Origin { file: "f".to_owned(), line, byte_offset: line, record_id: None },
            level,
            component: Some(component.to_owned()),
            channel: None,
            windows_event_id: id,
            codes: code.map(Hresult).into_iter().collect(),
            template: message.clone(),
            message,
            fields: BTreeMap::from([field]),
            count: 1,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_events_are_answered_and_the_answers_hold_together(events in proptest::collection::vec(any_event(), 0..40)) {
        let verdicts = judge(&events, &Reference::default());
        let attempts: BTreeSet<String> = verdicts.attempts().into_iter().map(|row| row[schema::ATTEMPT_ID].clone()).collect();
        let mut ids = BTreeSet::new();
        for diagnosis in verdicts.diagnoses() {
            prop_assert!(ids.insert((diagnosis[schema::DEVICE_ID].clone(), diagnosis[schema::DIAGNOSIS_ID].clone())), "diagnosis_id twice");
            prop_assert!(!verdicts.evidence_of(&diagnosis).is_empty(), "no evidence, no diagnosis");
            let attempt = &diagnosis[schema::ATTEMPT_ID];
            prop_assert!(attempt.is_empty() || attempts.contains(attempt));
            let confidence: f64 = diagnosis[schema::CONFIDENCE].parse().unwrap();
            prop_assert!((0.0..1.0).contains(&confidence));
        }
        let frame = frame(&events);
        prop_assert_eq!(frame.height(), events.len());
        prop_assert_eq!(rows(&verdicts.0.devices).len(), events.iter().map(|event| &event.device_id).collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn a_culprit_key_is_its_own_key(text in "\\PC{0,60}") {
        let key = culprit_key(&text);
        prop_assert_eq!(culprit_key(&key), key);
    }
}
