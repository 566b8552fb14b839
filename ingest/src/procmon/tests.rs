//! Exports in every notation.

use std::io::Read as _;

use proptest::prelude::*;

use super::*;
use crate::testing::{Collected, shared};

fn parse(bytes: &[u8], piece: usize) -> (TextAccount, Collected) {
    let mut collected = Collected::default();
    let mut parser = ProcmonParser::default();
    for chunk in bytes.chunks(piece.max(1)) {
        parser.feed(chunk, &mut collected);
    }
    let account = parser.finish(&mut collected);
    assert_eq!(
        account.lines,
        account.records + account.continuations + account.rejected,
        "{account:?}"
    );
    (account, collected)
}

const HEADER: &str =
    "\"Time of Day\",\"Process Name\",\"PID\",\"Operation\",\"Path\",\"Result\",\"Detail\"\r\n";

#[test]
fn quotes_and_line_ends_stay_inside_their_value() {
    let text = format!(
        "\u{feff}{HEADER}\"9:16:01.4574935 AM\",\"TiWorker.exe\",\"3032\",\"CreateFile\",\"C:\\a \"\"b\"\".dll\",\"ACCESS DENIED\",\"first\r\nsecond\"\r\n\"9:16:02.0000000 AM\",\"x.exe\",\"1\",\"CloseFile\",\"C:\\c\",\"SUCCESS\",\"\"\r\n"
    );
    assert!(recognise(text.as_bytes()));
    let (account, collected) = parse(text.as_bytes(), 5);
    assert_eq!(
        (
            account.encoding.as_str(),
            account.lines,
            account.records,
            account.continuations
        ),
        ("utf-8-bom", 4, 2, 2)
    );
    let denied = &collected.records[0];
    assert_eq!(denied.field("path"), Some("C:\\a \"b\".dll"));
    assert_eq!(denied.field("result"), Some("ACCESS DENIED"));
    assert_eq!(
        denied.message,
        "TiWorker.exe CreateFile C:\\a \"b\".dll ACCESS DENIED first\r\nsecond"
    );
    assert_eq!((denied.line, denied.continuations), (2, 1));
    assert_eq!(denied.time, LoggedTime::Unstated);
    let offset = usize::try_from(collected.records[1].byte_offset).unwrap();
    assert!(text.as_bytes()[offset..].starts_with(b"\"9:16:02"));
}

#[test]
fn a_wide_export_keeps_its_offsets() {
    let text = format!(
        "\u{feff}{HEADER}\"9:16:01\",\"张.exe\",\"1\",\"CreateFile\",\"C:\\a\",\"SUCCESS\",\"\"\r\n\"9:16:02\",\"x.exe\",\"1\",\"CloseFile\",\"C:\\c\",\"SUCCESS\",\"\"\r\n"
    );
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(recognise(&bytes));
    let (account, collected) = parse(&bytes, 9);
    assert_eq!(
        (account.encoding.as_str(), account.records),
        ("utf-16le", 2)
    );
    assert_eq!(collected.records[0].component.as_deref(), Some("张.exe"));
    let offset = usize::try_from(collected.records[1].byte_offset).unwrap();
    assert_eq!(&bytes[offset..offset + 4], b"\"\x009\0");
}

#[test]
fn dates_are_taken_when_they_can_be_told() {
    let day = |date: &str, time: &str| logged_time(time, date);
    let local = |text: &str| LoggedTime::Local(text.parse().unwrap());
    assert_eq!(
        day("7/31/2020 7:37:18 AM", "7:37:18.2093997 AM"),
        local("2020-07-31T07:37:18.2093997")
    );
    assert_eq!(
        day("31.07.2020 16:53:03", "16:53:03,6001516"),
        local("2020-07-31T16:53:03.6001516")
    );
    assert_eq!(
        day("2020/7/31 16:53:03", "16:53:03.1"),
        local("2020-07-31T16:53:03.1")
    );
    assert_eq!(day("5/6/2020 16:53:03", "16:53:03.1"), LoggedTime::Unstated);
    assert_eq!(day("", "16:53:03.1"), LoggedTime::Unstated);
    assert_eq!(clock("12:00:00 AM"), Time::new(0, 0, 0, 0).ok());
    assert_eq!(clock("53:03.6"), None);
}

#[test]
fn the_real_exports_are_read_whole() {
    let Some(path) = shared("realdata/procmon/decimal-comma.csv") else {
        return;
    };
    let bytes = std::fs::read(&path).unwrap();
    assert!(recognise(&bytes[..4096]));
    let (account, collected) = parse(&bytes, 65_536);
    assert_eq!(
        (account.lines, account.records, account.rejected),
        (9878, 9877, 0)
    );
    assert_eq!(
        collected.records[0].field("time_of_day"),
        Some("16:53:03,6001516")
    );
    let packed = std::fs::read(path.with_file_name("all-25-columns.csv.zlib")).unwrap();
    let mut wide = Vec::new();
    flate2::read::ZlibDecoder::new(&packed[..])
        .read_to_end(&mut wide)
        .unwrap();
    let (account, collected) = parse(&wide, 65_536);
    assert_eq!(account.rejected, 0);
    assert!(account.records > 1000);
    assert!(
        collected
            .records
            .iter()
            .all(|record| matches!(record.time, LoggedTime::Local(_)))
    );
}

#[test]
fn other_tables_are_not_procmon() {
    for text in [
        "",
        "a,b,c\n",
        "Process,Name\n",
        "HotFixID,Description\n",
        "Process Name Operation Result\n",
    ] {
        assert!(!recognise(text.as_bytes()), "{text}");
    }
}

#[test]
fn a_missing_quote_costs_one_row_of_bounded_length() {
    let mut text = format!("{HEADER}\"9:16:01\",\"x.exe\",\"1\",\"Cr");
    text.push_str(&"y".repeat(ROW_BYTES_MAX * 2));
    text.push('\n');
    text.push_str("\"9:16:02\",\"x.exe\",\"1\",\"CloseFile\",\"C:\\c\",\"SUCCESS\",\"\"\r\n");
    let (account, _) = parse(text.as_bytes(), 10_000);
    assert_eq!((account.records, account.rejected), (1, 1));
}

proptest! {
    #[test]
    fn any_bytes_are_accounted_for(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "(a|,|\"|\n|\r\n|;){0,60}", piece in 1usize..9) {
        for input in [bytes.clone(), [HEADER.as_bytes(), text.as_bytes()].concat(), [HEADER.as_bytes(), &bytes].concat()] {
            let (account, _) = parse(&input, piece);
            prop_assert_eq!(account.bytes, input.len() as u64);
        }
    }
}
