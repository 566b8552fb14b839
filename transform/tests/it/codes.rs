//! The catalogue of error codes, and what is said of a code that somebody typed.

use patchlens_event::{Hresult, Level, Source};
use patchlens_transform::{CodeReading, symbol_conflicts};

use crate::support::{KNOWLEDGE, collect, frame, record, shared};

fn read(typed: &str) -> Vec<CodeReading> {
    KNOWLEDGE.read_code(typed, false)
}

#[track_caller]
fn check(typed: &str, code: &str, symbol: &str) {
    let readings = read(typed);
    let first = readings
        .first()
        .unwrap_or_else(|| panic!("{typed} is not read"));
    assert_eq!(
        (first.code.as_str(), first.symbol.as_deref()),
        (code, Some(symbol)),
        "{typed}"
    );
}

#[test]
fn a_code_is_read_in_every_spelling() {
    check("0x80240439", "0x80240439", "WU_E_PT_INVALID_FORMAT");
    check("8024200d", "0x8024200d", "WU_E_UH_NEEDANOTHERDOWNLOAD");
    check("-2145116147", "0x8024200d", "WU_E_UH_NEEDANOTHERDOWNLOAD");
    check("2147942405", "0x80070005", "ERROR_ACCESS_DENIED");
    check("0X80070005", "0x80070005", "ERROR_ACCESS_DENIED");
    check("5", "0x80070005", "ERROR_ACCESS_DENIED");
    check("c0000022", "0xc0000022", "STATUS_ACCESS_DENIED");
    check("0xD0000022", "0xd0000022", "STATUS_ACCESS_DENIED");
    check(
        "wu_e_pt_invalid_format",
        "0x80240439",
        "WU_E_PT_INVALID_FORMAT",
    );
    check("E_ACCESSDENIED", "0x80070005", "ERROR_ACCESS_DENIED");
    check("STORE_CORRUPTION", "0x800f0831", "CBS_E_STORE_CORRUPTION");
    check(
        "[0x80073712]",
        "0x80073712",
        "ERROR_SXS_COMPONENT_STORE_CORRUPT",
    );
}

#[test]
fn a_setup_result_comes_with_its_extend_code() {
    for typed in [
        "0xC1900101-0x20017",
        "0xC1900101 - 0x20017",
        "c1900101_20017",
    ] {
        let reading = read(typed).remove(0);
        assert_eq!(
            reading.symbol.as_deref(),
            Some("MOSETUP_E_SETUP_PLATFORM"),
            "{typed}"
        );
        let extend = reading.extend.unwrap();
        assert!(extend.phase.starts_with("safe OS"), "{extend:?}");
        assert_eq!(extend.operation, "BOOT");
    }
    assert!(read("0xC1900101-0x99999")[0].extend.is_none());
}

#[test]
fn what_is_not_known_is_said_openly() {
    let unknown = read("0x80aa1234").remove(0);
    assert!(!unknown.known && unknown.failure && unknown.symbol.is_none());
    assert_eq!(unknown.facility.as_deref(), Some("170"));
    // Generated rows have a symbol and no invented meaning.
    let generated = read("STATUS_SXS_COMPONENT_STORE_CORRUPT").remove(0);
    assert!(generated.known && generated.meaning.is_none());
    assert!(
        read("banana split").is_empty() && read("").is_empty() && read("0x123456789").is_empty()
    );
}

#[test]
fn an_ambiguous_number_has_several_readings() {
    let readings = read("1392");
    let symbols: Vec<_> = readings
        .iter()
        .filter_map(|reading| reading.symbol.as_deref())
        .collect();
    assert_eq!(
        symbols,
        ["ERROR_FILE_CORRUPT", "ERROR_OBJECT_ALREADY_EXISTS"]
    );
}

/// What public documents contradict each other in, or have wrong.
#[test]
fn contradictions_of_the_sources_are_decided() {
    // Setup codes are no NTSTATUS, whatever the number looks like.
    check("0xC1900107", "0xc1900107", "MOSETUP_E_CLEANUP_PENDING");
    assert!(read("0xC1900107")[0].read_as.contains("not an NTSTATUS"));
    // Written without its 0.
    check("x8024400A", "0x8024400a", "WU_E_PT_SOAPCLIENT_PARSE");
    // Listed twice, and with the text of its neighbour.
    check("0x80243FFF", "0x80243fff", "WU_E_AUCLIENT_UNEXPECTED");
    let texts = ["0x8024F001", "0x8024F002", "0x8024F003"].map(|code| read(code).remove(0).meaning);
    assert!(texts[0] != texts[2] && texts[1] != texts[2], "{texts:?}");
    // A table that drops the severity takes an error for a success.
    assert_ne!(read("0x800F0802")[0].symbol, read("0x000F0802")[0].symbol);
    check("0x800F0802", "0x800f0802", "CBS_E_ALREADY_INITIALIZED");
    // The page on 0x800f0831 describes other codes.
    assert!(
        read("0x800f0831")[0]
            .meaning
            .as_deref()
            .unwrap()
            .contains("component store")
    );
    // The number that a tool calls a full partition has several causes, and the code is not enough.
    let installers = read("0x800f0922").remove(0);
    assert!(installers.wrapper);
    let causes: Vec<_> = installers
        .causes
        .iter()
        .map(|cause| cause.cause.as_str())
        .collect();
    assert!(
        causes.contains(&"advanced-installer-failed")
            && causes.contains(&"reserved-partition-space"),
        "{causes:?}"
    );
}

#[test]
fn the_catalogue_is_whole() {
    let codes = KNOWLEDGE.codes();
    let mut rows = 0;
    for entry in codes.iter() {
        rows += 1;
        let fields = [entry.symbol, entry.family, entry.documented_in];
        assert!(fields.iter().all(|field| !field.is_empty()), "{entry:?}");
        assert!(entry.documented_in.starts_with("https://"), "{entry:?}");
        assert_eq!(
            entry.meaning_en.is_empty(),
            entry.meaning_zh.is_empty(),
            "{entry:?}"
        );
    }
    assert!(rows > 9_000, "{rows}");
    let setup = codes
        .iter()
        .filter(|entry| entry.code.0 >> 16 == 0xC190 && entry.symbol.starts_with("MOSETUP"))
        .count();
    assert_eq!(setup, 71);
    // Codes that people met in the field and that no package carries.
    for code in [
        0x80d0_2002,
        0x8024_a10a,
        0x800f_0821,
        0x800f_0825,
        0x800f_0920,
        0x800f_081f,
        0x800f_0831,
        0x800f_0922,
        0x800f_0823,
        0x800f_0906,
        0x800f_0986,
        0xc190_020e,
        0xc190_0101,
        0xc190_0208_u32,
    ] {
        assert!(
            codes
                .get(Hresult(code))
                .is_some_and(|entry| !entry.meaning_en.is_empty()),
            "{code:x}"
        );
    }
}

#[test]
fn knowledge_is_ready_at_once() {
    let start = std::time::Instant::now();
    let knowledge = patchlens_transform::Knowledge::builtin().unwrap();
    let took = start.elapsed();
    let first = std::time::Instant::now();
    assert!(knowledge.codes().by_symbol("E_FAIL").is_some());
    eprintln!(
        "knowledge compiled in {took:?}, first symbol found in {:?}",
        first.elapsed()
    );
}

#[test]
fn a_symbol_that_a_log_prints_otherwise_than_the_catalogue_is_reported() {
    let line = |line, text| record(Source::CbsLog, "CBS", Level::Info, 60, line, text);
    let events = [
        line(
            1,
            "Failed to create package. [HRESULT = 0x800f0823 - CBS_E_NEW_SERVICING_STACK_REQUIRED]",
        ),
        line(2, "Failed to open. [HRESULT = 0x80070005 - E_ACCESSDENIED]"),
        line(
            3,
            "Failed to read. [HRESULT = 0x80070005 - ERROR_ACCESS_DENIED]",
        ),
        line(4, "finalized [HRESULT = 0x00000000 - S_OK]"),
        line(5, "search failed [HRESULT = 0x8024402c - Unknown Error]"),
        line(
            6,
            "Failed to stage. [HRESULT = 0x800f0823 - CBS_E_SOMETHING_NEWER]",
        ),
        line(
            7,
            "Failed again. [HRESULT = 0x800f0823 - CBS_E_SOMETHING_NEWER]",
        ),
        line(8, "Failed to do. [HRESULT = 0x800f7777 - CBS_E_NEVER_SEEN]"),
    ];
    let found = symbol_conflicts(&frame(&events), &KNOWLEDGE).unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|c| {
            let known = c.catalogue.as_deref();
            (
                c.code.as_str(),
                c.printed.as_str(),
                known,
                c.records,
                c.line,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "0x800f0823",
                "CBS_E_SOMETHING_NEWER",
                Some("CBS_E_NEW_SERVICING_STACK_REQUIRED"),
                2,
                6
            ),
            ("0x800f7777", "CBS_E_NEVER_SEEN", None, 1, 8),
        ]
    );
}

#[test]
fn real_servicing_logs_agree_with_the_catalogue() {
    let Some(root) = shared("realdata/cbs") else {
        return;
    };
    let found = symbol_conflicts(&frame(&collect(&root, Some("REAL"))), &KNOWLEDGE).unwrap();
    assert_eq!(found, []);
}
