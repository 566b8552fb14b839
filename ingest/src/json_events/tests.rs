//! Every dialect of event documents.

use proptest::prelude::*;

use super::*;
use crate::testing::{Collected, shared};

fn parse(bytes: &[u8], piece: usize) -> (TextAccount, Collected) {
    let mut collected = Collected::default();
    let mut parser = EventsParser::new(1 << 20);
    for chunk in bytes.chunks(piece.max(1)) {
        parser.feed(chunk, &mut collected);
    }
    (parser.finish(&mut collected), collected)
}

const WINLOGBEAT: &str = r#"{"@timestamp":"2024-08-20T01:58:03.114Z","winlog":{"channel":"System","provider_name":"Ntfs","event_id":55,"record_id":88120,"computer_name":"YR-0042","event_data":{"DriveName":"C:","CorruptionActionState":"0"}},"log":{"level":"error"},"message":"卷 C: 上发现文件系统结构损坏。"}"#;

#[test]
fn a_winlogbeat_document_is_a_record() {
    assert!(recognise(WINLOGBEAT.as_bytes()));
    let (account, collected) = parse(WINLOGBEAT.as_bytes(), 7);
    assert_eq!((account.lines, account.records), (1, 1));
    let record = &collected.records[0];
    assert_eq!(record.component.as_deref(), Some("Ntfs"));
    assert_eq!(record.channel.as_deref(), Some("System"));
    assert_eq!(
        (record.windows_event_id, record.record_id),
        (Some(55), Some(88_120))
    );
    assert_eq!(record.level, Level::Error);
    assert_eq!(
        record.message,
        "Ntfs:55 DriveName=C: CorruptionActionState=0\n卷 C: 上发现文件系统结构损坏。"
    );
    assert_eq!(record.field("computer_name"), Some("YR-0042"));
    assert_eq!(
        record.time,
        LoggedTime::Utc("2024-08-20T01:58:03.114Z".parse().unwrap())
    );
}

#[test]
fn other_dialects_say_the_same() {
    let flat = r#"{"SourceName":"Ntfs","Level":"2","Channel":"System","Hostname":"YR-0042","TimeCreated":"2024-08-20T01:58:03.114Z","EventID":55,"Task":"0","DriveName":"C:"}"#;
    let dumped = r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"Ntfs"}},"EventID":55,"Level":2,"TimeCreated":{"#attributes":{"SystemTime":"2024-08-20T01:58:03.114Z"}},"EventRecordID":7,"Channel":"System","Computer":"YR-0042"},"EventData":{"DriveName":"C:"}}}"##;
    let powershell = r#"[{"Id":55,"ProviderName":"Ntfs","LogName":"System","RecordId":7,"MachineName":"YR-0042","LevelDisplayName":"Error","TimeCreated":"/Date(1724119083114)/","Properties":[{"Value":"C:"}],"Message":"x"}]"#;
    for document in [flat, dumped, powershell] {
        assert!(recognise(document.as_bytes()), "{document}");
        let (_, collected) = parse(document.as_bytes(), document.len());
        let record = &collected.records[0];
        assert_eq!(record.component.as_deref(), Some("Ntfs"), "{document}");
        assert_eq!(record.windows_event_id, Some(55), "{document}");
        assert_eq!(record.level, Level::Error, "{document}");
        assert_eq!(
            record.time,
            LoggedTime::Utc("2024-08-20T01:58:03.114Z".parse().unwrap()),
            "{document}"
        );
        assert_eq!(record.field("computer_name"), Some("YR-0042"), "{document}");
        assert_eq!(record.fields[0].1, "C:", "{document}");
    }
}

#[test]
fn lines_are_accounted_for_and_a_broken_document_spares_the_next() {
    let text = format!(
        "{WINLOGBEAT}\n{{\"cut\": \"here\n{WINLOGBEAT}\nnot json\n{{\"no\":\"event\"}}\n{{\"index\":{{}}}}\n{WINLOGBEAT}\n"
    );
    let (account, collected) = parse(text.as_bytes(), 11);
    assert_eq!(
        (
            account.lines,
            account.records,
            account.rejected,
            account.continuations
        ),
        (7, 3, 3, 1)
    );
    assert_eq!(
        collected
            .records
            .iter()
            .map(|record| record.line)
            .collect::<Vec<_>>(),
        [1, 3, 7]
    );
    assert_eq!(
        collected
            .issues
            .iter()
            .map(|(line, ..)| *line)
            .collect::<Vec<_>>(),
        [2, 4, 5]
    );
    let offset = usize::try_from(collected.records[1].byte_offset).unwrap();
    assert!(text.get(offset..).unwrap().starts_with(WINLOGBEAT));
}

#[test]
fn an_array_over_many_lines_is_read() {
    let text = format!(
        "[\n{},\n{}\n]\n",
        WINLOGBEAT.replace(",\"winlog", ",\n  \"winlog"),
        WINLOGBEAT
    );
    let (account, collected) = parse(text.as_bytes(), 3);
    assert_eq!(
        (
            account.lines,
            account.records,
            account.rejected,
            account.continuations
        ),
        (5, 2, 0, 3)
    );
    assert_eq!(collected.records[0].continuations, 1);
}

#[test]
fn a_document_beyond_the_limit_is_rejected_and_not_kept() {
    let mut parser = EventsParser::new(1000);
    let mut collected = Collected::default();
    parser.feed(
        format!("{{\"a\":\"{}\"}}\n{}\n", "x".repeat(100_000), WINLOGBEAT).as_bytes(),
        &mut collected,
    );
    let account = parser.finish(&mut collected);
    assert_eq!((account.records, account.rejected), (1, 1));
}

#[test]
fn the_real_flat_documents_are_read() {
    let Some(path) = shared("realdata/json/otrf-system-app-setup.ndjson") else {
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    assert!(recognise(&bytes));
    let (account, collected) = parse(&bytes, 100);
    assert_eq!(account.lines, account.records);
    for id in [19, 43, 44] {
        let record = collected
            .records
            .iter()
            .find(|record| record.windows_event_id == Some(id))
            .unwrap();
        assert!(record.field("updateTitle").is_some(), "{:?}", record.fields);
        assert!(
            record
                .message
                .starts_with("Microsoft-Windows-WindowsUpdateClient:")
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_accounted_for(parts in proptest::collection::vec("(\\{|\\}|\\[|\\]|\"|\\\\|\n|,|:|a|[0-9]|\\{\"EventID\":1,\"Channel\":\"x\"\\}\n)", 0..60), piece in 1usize..9) {
        let text = parts.concat();
        let (account, collected) = parse(text.as_bytes(), piece);
        prop_assert_eq!(account.bytes, text.len() as u64);
        prop_assert_eq!(account.records, collected.records.len() as u64);
        let whole = parse(text.as_bytes(), text.len());
        prop_assert_eq!(&collected.records, &whole.1.records);
        prop_assert_eq!(&collected.issues, &whole.1.issues);
        prop_assert!(account.rejected <= account.lines, "{}", text);
        // A line that two documents share (one ends on it, or is broken off by it, and another begins) belongs
        // to both. Where there is none, every line belongs to exactly one.
        let is_shared = |line: &str| line.matches('{').count() > 1 || line.split_once('}').is_some_and(|(_, after)| after.contains('{'));
        if !text.lines().any(is_shared) && !text.contains(']') {
            prop_assert_eq!(account.lines, account.records + account.continuations + account.rejected, "{}", text);
        }
    }
}

/// Windows PowerShell 5.1 writes UTF-16 where `>` is asked for a file, and GBK is what a Chinese Windows makes of text.
#[test]
fn documents_are_read_in_every_encoding_and_found_where_they_stand() {
    let lines = format!(
        "{WINLOGBEAT}\r\n{}\r\n",
        WINLOGBEAT.replace("88120", "88121")
    );
    let array = format!(
        "[\r\n    {},\r\n    {}\r\n]\r\n",
        WINLOGBEAT,
        WINLOGBEAT.replace("88120", "88121")
    );
    let packed = format!("[{WINLOGBEAT},{}]", WINLOGBEAT.replace("88120", "88121"));
    let wide = |text: &str, mark: bool, order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter()
            .chain(text.encode_utf16())
            .flat_map(order)
            .collect()
    };
    for (text, brackets) in [(&lines, 0), (&array, 1), (&packed, 1)] {
        let gbk = encoding_rs::GBK.encode(text).0.into_owned();
        let encoded = [
            ("utf-16le-bom", wide(text, true, u16::to_le_bytes)),
            ("utf-16le", wide(text, false, u16::to_le_bytes)),
            ("utf-16be-bom", wide(text, true, u16::to_be_bytes)),
            ("GBK", gbk),
        ];
        let (plain, expected) = parse(text.as_bytes(), text.len());
        assert_eq!(
            (plain.records, plain.rejected, plain.encoding.as_str()),
            (2, 0, "utf-8")
        );
        for (name, bytes) in encoded {
            assert!(recognise(&bytes), "{name}");
            for piece in [1, 7, 1000, bytes.len()] {
                let (account, collected) = parse(&bytes, piece);
                assert_eq!(account.encoding, name);
                assert_eq!(account.bytes, bytes.len() as u64, "{name}");
                assert_eq!(
                    (account.lines, account.records, account.rejected),
                    (plain.lines, 2, 0),
                    "{name}"
                );
                for (record, expected) in collected.records.iter().zip(&expected.records) {
                    assert_eq!(record.message, expected.message, "{name}");
                    assert_eq!(record.line, expected.line, "{name}");
                    // In a packed array of a code page the second document has no line of its own.
                    if name != "GBK" || text != &packed {
                        let at = usize::try_from(record.byte_offset).unwrap();
                        let here: Vec<u8> = bytes[at..]
                            .iter()
                            .copied()
                            .filter(|b| *b != 0)
                            .take(6)
                            .collect();
                        assert_eq!(here, b"{\"@tim", "{name} {brackets}");
                    }
                }
            }
        }
    }
}
