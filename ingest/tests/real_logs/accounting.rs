//! Lines, records and formats of every text log.

use patchlens_ingest::Format::{
    self, CbsLog, CmtraceLog, DismLog, ReportingEvents, SetupLog, WindowsUpdateLog,
    WindowsUpdateLogLegacy,
};

use crate::shared::{folder, parse, read};

/// Path, format, encoding, lines, records.
const LOGS: [(&str, Format, &str, u64, u64); 25] = [
    (
        "windows_update/etw-19041-2024-05.log",
        WindowsUpdateLog,
        "utf-8",
        10_725,
        10_725,
    ),
    (
        "windows_update/etw-bom-2024-03.log",
        WindowsUpdateLog,
        "utf-8-bom",
        10_175,
        10_175,
    ),
    (
        "windows_update/etw-dash-dates-2024-04.log",
        WindowsUpdateLog,
        "utf-8",
        18_773,
        18_773,
    ),
    (
        "windows_update/legacy-tab-2021.log",
        WindowsUpdateLogLegacy,
        "utf-8",
        12_665,
        12_665,
    ),
    ("cbs/loghub/Windows_2k.log", CbsLog, "utf-8", 2_000, 2_000),
    (
        "cbs/win10-19041-fod-download-fails.log",
        CbsLog,
        "utf-8-bom",
        12_484,
        12_345,
    ),
    (
        "cbs/win11-26100-2026.log",
        CbsLog,
        "utf-8-bom",
        13_003,
        12_993,
    ),
    (
        "cbs/win11-26100-first-boot.log",
        CbsLog,
        "utf-8-bom",
        20_857,
        20_745,
    ),
    (
        "cbs/corrupt-payload-file.log",
        CbsLog,
        "utf-8-bom",
        3_377,
        3_358,
    ),
    (
        "cbs/win10-19041-small.log",
        CbsLog,
        "utf-8-bom",
        1_105,
        1_073,
    ),
    ("cbs/win81-9600.log", CbsLog, "utf-8-bom", 1_668, 1_668),
    ("cbs/sfc-extract.txt", CbsLog, "utf-8", 516, 516),
    (
        "dism/russian-continuation.log",
        DismLog,
        "utf-8-bom",
        20_571,
        19_543,
    ),
    ("dism/growing-1.log", DismLog, "utf-8-bom", 6_553, 6_260),
    ("dism/growing-2.log", DismLog, "utf-8-bom", 7_693, 7_352),
    ("dism/win11-26100.log", DismLog, "utf-8-bom", 838, 790),
    ("dism/win11-22000-small.log", DismLog, "utf-8-bom", 70, 64),
    (
        "setup/upgrade-16299/setupact.log",
        SetupLog,
        "utf-8",
        4_191,
        3_807,
    ),
    ("setup/upgrade-16299/setuperr.log", SetupLog, "utf-8", 1, 1),
    (
        "setup/upgrade-2026/setupact.log",
        SetupLog,
        "utf-8",
        616,
        615,
    ),
    ("setup/upgrade-2026/setuperr.log", SetupLog, "utf-8", 97, 89),
    (
        "setup/access-denied-579-lines/setuperr.log",
        SetupLog,
        "utf-8-bom",
        580,
        580,
    ),
    (
        "setup/win81-panther/setupact.log",
        SetupLog,
        "utf-8-bom",
        457,
        444,
    ),
    (
        "reporting_events/ReportingEvents.log",
        ReportingEvents,
        "utf-16le-bom",
        1_710,
        1_710,
    ),
    ("cmtrace/smsts.log", CmtraceLog, "utf-8-bom", 901, 894),
];

#[test]
fn every_line_of_every_log_is_accounted_for() {
    let mut wrong = Vec::new();
    for (path, format, encoding, lines, records) in LOGS {
        let Some(bytes) = read(path) else { return };
        let (found, account, seen) =
            parse(path, &bytes).unwrap_or_else(|| panic!("{path} is not recognised"));
        let facts = (
            found,
            account.encoding.as_str(),
            account.lines,
            account.records,
            account.rejected,
        );
        if facts != (format, encoding, lines, records, 0) {
            wrong.push(format!("{path}: {facts:?}"));
        }
        assert_eq!(
            account.lines,
            account.records + account.continuations + account.rejected,
            "{path}"
        );
        assert_eq!(account.bytes, bytes.len() as u64, "{path}");
        assert_eq!(seen.messages.len() as u64, account.records, "{path}");
        assert_eq!(
            (seen.untimed, seen.out_of_order_lines),
            (0, 0),
            "{path}: times unread, lines out of order"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn logs_that_are_only_named_like_a_known_one_are_unrecognised() {
    for path in [
        "setup/not-panther-audmig/setupact.log",
        "setup/not-panther-big5/setupact.log",
        "cbs/loghub/LICENSE",
        "cbs/loghub/Windows_2k.log_structured.csv",
    ] {
        let Some(bytes) = read(path) else { return };
        assert!(parse(path, &bytes).is_none(), "{path}");
    }
}

#[test]
fn the_name_is_not_needed() {
    for (path, format, ..) in LOGS {
        let Some(bytes) = read(path) else { return };
        assert_eq!(
            parse("unnamed", &bytes).map(|(found, ..)| found),
            Some(format),
            "{path}"
        );
    }
}

#[test]
fn a_log_that_has_grown_gives_the_records_it_gave_before() {
    let (Some(before), Some(after)) = (read("dism/growing-1.log"), read("dism/growing-2.log"))
    else {
        return;
    };
    let (_, _, before) = parse("dism.log", &before).unwrap();
    let (_, _, after) = parse("dism.log", &after).unwrap();
    assert_eq!(before.messages[..], after.messages[..before.messages.len()]);
}

#[test]
fn components_are_read_from_their_column() {
    let Some(bytes) = read("setup/upgrade-16299/setupact.log") else {
        return;
    };
    let (_, _, seen) = parse("setupact.log", &bytes).unwrap();
    insta::assert_debug_snapshot!(seen.components);
    let Some(bytes) = read("windows_update/etw-bom-2024-03.log") else {
        return;
    };
    let (_, _, seen) = parse("WindowsUpdate.log", &bytes).unwrap();
    insta::assert_debug_snapshot!(seen.components);
}

#[test]
fn the_logs_of_known_cases_are_read_to_the_last_line() {
    let Some(cases) = folder("cases") else { return };
    let mut logs = 0;
    let mut folders = vec![cases];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "log") {
                let name = path.to_string_lossy();
                let (format, account, _) = parse(&name, &std::fs::read(&path).unwrap())
                    .unwrap_or_else(|| panic!("{name} is not recognised"));
                assert_eq!(
                    (account.rejected, account.records > 0),
                    (0, true),
                    "{name}: {format:?} {account:?}"
                );
                logs += 1;
            }
        }
    }
    assert!(logs >= 10, "only {logs} logs");
}
