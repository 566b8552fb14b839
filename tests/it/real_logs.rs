//! Real logs from real devices: every line is accounted for, and healthy devices get no diagnosis.

use serde_json::Value;

use crate::support::{arg, bare, shared, text};

fn inspect(paths: &[&str]) -> Value {
    let mut arguments = vec!["inspect", "--format", "json"];
    arguments.extend(paths);
    let output = bare(&arguments).output().unwrap();
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{}",
        text(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `(file name, lines, records)` as counted by hand; see the README beside the logs.
const TEXT_LOGS: [(&str, u64, Option<u64>); 12] = [
    ("Windows_2k.log", 2_000, Some(2_000)),
    ("win10-19041-fod-download-fails.log", 12_484, Some(12_345)),
    ("win11-26100-2026.log", 13_003, Some(12_993)),
    ("win11-26100-first-boot.log", 20_857, Some(20_745)),
    ("corrupt-payload-file.log", 3_377, Some(3_358)),
    ("win10-19041-small.log", 1_105, Some(1_073)),
    ("win81-9600.log", 1_668, Some(1_668)),
    ("sfc-extract.txt", 516, None),
    ("etw-19041-2024-05.log", 10_725, None),
    ("etw-bom-2024-03.log", 10_175, None),
    ("etw-dash-dates-2024-04.log", 18_773, None),
    ("legacy-tab-2021.log", 12_665, None),
];

#[test]
fn every_line_of_twelve_real_logs_is_accounted_for() {
    let Some(real) = shared("realdata") else {
        return;
    };
    let report = inspect(&[arg(&real.join("windows_update")), arg(&real.join("cbs"))]);
    let files = report["files"].as_array().unwrap();
    for (name, lines, records) in TEXT_LOGS {
        let file = files
            .iter()
            .find(|f| f["path"].as_str().unwrap().ends_with(name))
            .unwrap_or_else(|| panic!("{name} is not in the report"));
        let n = |key: &str| file[key].as_u64().unwrap();
        assert_eq!(n("lines"), lines, "{name}");
        assert_eq!(
            n("records") + n("continuations") + n("rejected"),
            lines,
            "{name}"
        );
        assert_eq!(n("rejected"), 0, "{name}: {}", file["rejects"]);
        if let Some(records) = records {
            assert_eq!(n("records"), records, "{name}");
        }
    }
    let code = |name: &str, code: &str| {
        let file = files
            .iter()
            .find(|f| f["path"].as_str().unwrap().ends_with(name))
            .unwrap();
        file["codes"][code].as_u64().unwrap_or_default()
    };
    assert_eq!(code("Windows_2k.log", "0x800f080d"), 448);
    assert_eq!(code("Windows_2k.log", "0x800f0805"), 18);
    assert_eq!(code("win11-26100-2026.log", "0x800f0805"), 376);
    assert_eq!(code("etw-bom-2024-03.log", "0x80248007"), 239);
    assert_eq!(code("etw-dash-dates-2024-04.log", "0x80070032"), 288);
}

#[test]
fn healthy_devices_get_no_diagnosis() {
    for name in [
        "cbs/loghub/Windows_2k.log",
        "cbs/win11-26100-2026.log",
        "cbs/win11-26100-first-boot.log",
        "cbs/win81-9600.log",
        "dism/win11-26100.log",
        "dism/win11-22000-small.log",
    ] {
        let Some(log) = shared(&format!("realdata/{name}")) else {
            return;
        };
        let output = bare(&["diagnose", arg(&log), "--format", "json"])
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{name}: {}",
            text(&output.stderr)
        );
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let devices = report["devices"].as_array().unwrap();
        assert_eq!(devices.len(), 1, "{name}");
        assert_eq!(devices[0]["diagnoses"], Value::Array(vec![]), "{name}");
    }
}
