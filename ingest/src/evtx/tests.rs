//! Real event logs, whole and damaged.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::testing::{Collected, shared};

fn parse(bytes: &[u8], piece: usize) -> (TextAccount, Collected) {
    let mut collected = Collected::default();
    let mut parser = EvtxParser::default();
    for chunk in bytes.chunks(piece) {
        parser.feed(chunk, &mut collected);
    }
    (parser.finish(&mut collected), collected)
}

/// Update events as the expected counts name them: `provider|id`.
fn update_events(
    collected: &Collected,
    wanted: &serde_json::Map<String, serde_json::Value>,
) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for record in &collected.records {
        let key = format!(
            "{}|{}",
            record.component.as_deref().unwrap_or_default(),
            record.windows_event_id.unwrap_or_default()
        );
        if wanted.contains_key(&key) {
            *counts.entry(key).or_default() += 1;
        }
    }
    counts
}

/// Makes every checksum of records wrong, and nothing else.
fn with_wrong_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for chunk in bytes[FILE_HEADER_BYTES..].chunks_mut(CHUNK_BYTES) {
        if chunk.starts_with(CHUNK_MAGIC)
            && let Some(checksum) = chunk.get_mut(52)
        {
            *checksum ^= 1;
        }
    }
    bytes
}

#[test]
fn a_sound_chunk_says_the_same_without_the_crate() {
    let Some(root) = shared("realdata") else {
        return;
    };
    let expected: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&std::fs::read(root.join("evtx/expected-counts.json")).unwrap())
            .unwrap();
    for file in expected.keys() {
        let bytes = std::fs::read(root.join(file)).unwrap();
        let (account, straight) = parse(&bytes, 100_003);
        let (by_crate_account, by_crate) = parse(&with_wrong_checksums(&bytes), 100_003);
        assert_eq!(account, by_crate_account, "{file}");
        assert_eq!(straight.records, by_crate.records, "{file}");
        assert_eq!(straight.issues, by_crate.issues, "{file}");
    }
}

proptest! {
    #[test]
    fn headers_of_any_chunk_stay_inside_it(
        // Sizes of every kind: too small for a header, about as large as the chunk, and anything.
        records in proptest::collection::vec(
            (prop_oneof![any::<u32>(), 0_u32..40, 0_u32..20_000], 0_u32..200, any::<u64>(), any::<u64>()),
            0..40,
        ),
        free_space: u32,
    ) {
        let mut block = vec![0; CHUNK_HEADER_BYTES];
        block[..CHUNK_MAGIC.len()].copy_from_slice(CHUNK_MAGIC);
        block[48..52].copy_from_slice(&free_space.to_le_bytes());
        for (index, (any_size, size, id, ticks)) in records.into_iter().enumerate() {
            let is_wild = index % 8 == 3;
            block.extend(b"**\0\0");
            block.extend(if is_wild { any_size } else { size + 28 }.to_le_bytes());
            block.extend(id.to_le_bytes());
            block.extend((ticks >> 3).to_le_bytes());
            block.extend(vec![0; size as usize + 4]);
        }
        let length = block.len();
        let data = EvtxChunkData::new(block, false).unwrap();
        let mut end = CHUNK_HEADER_BYTES;
        for header in Walk::new(&data).flatten() {
            prop_assert!(header.offset >= end && header.content.start > header.offset);
            prop_assert!(header.content.end >= header.content.start && header.content.end <= length);
            end = header.content.end;
        }
    }
}

#[test]
fn every_real_log_has_the_counts_that_are_known() {
    let Some(root) = shared("realdata") else {
        return;
    };
    let expected: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&std::fs::read(root.join("evtx/expected-counts.json")).unwrap())
            .unwrap();
    assert!(expected.len() > 10);
    for (file, wanted) in &expected {
        let bytes = std::fs::read(root.join(file)).unwrap();
        assert!(is_evtx(&bytes), "{file}");
        let (account, mut collected) = parse(&bytes, 100_003);
        let all = collected.records.len();
        collected
            .records
            .retain(|record| record.field(RECOVERED).is_none());
        let recovered = match file.rsplit('/').next() {
            Some("sample-with-zero-data-size-event.evtx") => 114,
            Some("sample_with_a_bad_chunk_magic.evtx") => 31,
            // Cut after 200,000 bytes, inside its third chunk.
            Some("System2.evtx") => 90,
            _ => 0,
        };
        let cuts = u64::from(file.ends_with("System2.evtx"));
        assert_eq!(all - collected.records.len(), recovered, "{file}");
        assert_eq!(account.records, collected.records.len() as u64, "{file}");
        assert_eq!(
            account.records,
            wanted["records"].as_u64().unwrap(),
            "{file}: {:?}",
            collected.issues
        );
        assert_eq!(
            account.rejected,
            wanted["bad_records"].as_u64().unwrap() + cuts,
            "{file}: {:?}",
            collected.issues
        );
        let events = wanted["update_events"].as_object().unwrap();
        let found = update_events(&collected, events);
        let wanted_events: BTreeMap<String, u64> = events
            .iter()
            .map(|(key, count)| (key.clone(), count.as_u64().unwrap()))
            .collect();
        assert_eq!(found, wanted_events, "{file}");
        let mut times: Vec<Timestamp> = collected
            .records
            .iter()
            .map(|record| {
                if let LoggedTime::Utc(at) = record.time {
                    at
                } else {
                    panic!("{file}: no UTC time")
                }
            })
            .collect();
        times.sort_unstable();
        let micros = |text: &serde_json::Value| {
            text.as_str()
                .unwrap()
                .parse::<Timestamp>()
                .unwrap()
                .as_microsecond()
        };
        assert_eq!(
            times[0].as_microsecond(),
            micros(&wanted["first_at"]),
            "{file}"
        );
        assert_eq!(
            times[times.len() - 1].as_microsecond(),
            micros(&wanted["last_at"]),
            "{file}"
        );
        assert!(collected.records.iter().all(|record| record.record_id.is_some() && record.field("computer_name").is_some()), "{file}");
    }
}

/// Every record that is read from its values is what the crate's JSON says, and most records are.
#[test]
fn values_read_directly_are_those_of_the_json() {
    let Some(root) = shared("realdata") else {
        return;
    };
    let expected: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&std::fs::read(root.join("evtx/expected-counts.json")).unwrap())
            .unwrap();
    let (mut records, mut direct_records) = (0, 0);
    for file in expected.keys() {
        let bytes = std::fs::read(root.join(file)).unwrap();
        for block in bytes[FILE_HEADER_BYTES..].chunks_exact(CHUNK_BYTES) {
            let Ok(mut data) = EvtxChunkData::new(block.to_vec(), false) else {
                continue;
            };
            let mut chunk = data.parse(settings()).unwrap();
            let mut direct = Direct::new(chunk.data);
            for record in chunk.iter().filter_map(Result::ok) {
                records += 1;
                let offset = usize::try_from(record.binxml_offset).unwrap();
                let size = record.binxml_size as usize;
                let Some((event, time)) = direct.read(offset, size) else {
                    continue;
                };
                direct_records += 1;
                let json = record.into_json_bytes().unwrap();
                let value: Value = serde_json::from_slice(&json.data).unwrap();
                let (wanted, wanted_time) = from_event(value.get("Event").unwrap(), "");
                let place = format!("{file} {}", String::from_utf8_lossy(&json.data));
                assert_eq!(time, wanted_time, "{place}");
                let wanted = EventRecord {
                    record_id: None,
                    ..wanted
                };
                assert_eq!(format!("{event:?}"), format!("{wanted:?}"), "{place}");
            }
        }
    }
    println!("{direct_records} of {records} records read directly");
    assert!(
        direct_records * 100 >= records * 98,
        "{direct_records} of {records}"
    );
}

fn real(path: &str) -> Option<Vec<u8>> {
    shared(Path::new("realdata/evtx").join(path).to_str().unwrap())
        .map(|path| std::fs::read(path).unwrap())
}

#[test]
fn verdicts_of_the_update_client_and_of_servicing_are_named_values() {
    let Some(bytes) = real("fukusuket/System.evtx") else {
        return;
    };
    let (_, collected) = parse(&bytes, bytes.len());
    let failed = collected
        .records
        .iter()
        .find(|record| {
            record.component.as_deref() == Some("Microsoft-Windows-WindowsUpdateClient")
                && record.windows_event_id == Some(20)
        })
        .unwrap();
    assert!(
        failed
            .message
            .starts_with("Microsoft-Windows-WindowsUpdateClient:20 "),
        "{}",
        failed.message
    );
    assert!(
        failed.field("errorCode").is_some() && failed.field("updateTitle").is_some(),
        "{:?}",
        failed.fields
    );
    assert_eq!(failed.channel.as_deref(), Some("System"));
    let Some(bytes) = real("fukusuket/Setup.evtx") else {
        return;
    };
    let (_, collected) = parse(&bytes, bytes.len());
    let servicing = &collected.records[0];
    assert!(
        servicing
            .field("PackageIdentifier")
            .is_some_and(|id| id.starts_with("KB")),
        "{:?}",
        servicing.fields
    );
}

#[test]
fn the_offset_of_a_record_is_where_it_stands() {
    let Some(bytes) = real("fukusuket/Setup.evtx") else {
        return;
    };
    let (_, collected) = parse(&bytes, bytes.len());
    for record in &collected.records {
        let at = usize::try_from(record.byte_offset).unwrap();
        assert_eq!(&bytes[at..at + 4], b"\x2a\x2a\0\0");
        assert_eq!(
            u64::from_le_bytes(bytes[at + 8..at + 16].try_into().unwrap()),
            record.record_id.unwrap()
        );
    }
}

#[test]
fn a_log_that_is_cut_anywhere_keeps_what_is_whole() {
    let Some(bytes) = real("fukusuket/Application.evtx") else {
        return;
    };
    let whole = parse(&bytes, bytes.len()).1.records;
    for cut in [
        10, 4096, 4100, 5000, 30_000, 69_632, 69_633, 100_000, 200_001,
    ] {
        let (account, collected) = parse(&bytes[..cut], 7001);
        assert!(collected.records.len() <= whole.len());
        assert!(
            collected
                .records
                .iter()
                .zip(&whole)
                .all(|(cut, whole)| cut.record_id == whole.record_id),
            "cut at {cut}"
        );
        assert_eq!(account.bytes, cut as u64);
        let at_boundary =
            cut >= FILE_HEADER_BYTES && (cut - FILE_HEADER_BYTES).is_multiple_of(CHUNK_BYTES);
        assert_eq!(
            account.rejected > 0,
            !at_boundary,
            "cut at {cut}: {:?}",
            collected.issues
        );
    }
}

#[test]
fn the_newest_record_names_the_computer() {
    let Some(bytes) = real("omerbenamram/2-vss_7-System.evtx") else {
        return;
    };
    let mut newest = NewestChunk::default();
    bytes[FILE_HEADER_BYTES..]
        .chunks(CHUNK_BYTES)
        .for_each(|block| newest.take(block));
    let (at, name) = newest.computer_name().unwrap();
    assert_eq!(at.to_string().get(..10), Some("2018-08-08"));
    let (_, collected) = parse(&bytes, bytes.len());
    let last = collected
        .records
        .iter()
        .max_by_key(|record| record.record_id)
        .unwrap();
    assert_eq!(last.field("computer_name"), Some(name.as_str()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn changed_bytes_never_panic(changes in proptest::collection::vec((0usize..140_000, any::<u8>()), 1..60), piece in 1usize..90_000) {
        let Some(mut bytes) = real("fukusuket/System.evtx") else { return Ok(()) };
        bytes.truncate(140_000);
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let (account, collected) = parse(&bytes, piece);
        prop_assert!(account.records <= collected.records.len() as u64);
        prop_assert_eq!(account.rejected, collected.issues.len() as u64);
    }
}
