//! Healthy devices log failing codes by the hundred and get no diagnosis.

use patchlens_transform::Reference;

use crate::support::{collect, judge, shared};

/// Real logs of devices on which no update failed.
const HEALTHY: [&str; 24] = [
    "cbs/loghub/Windows_2k.log",
    "cbs/win11-26100-2026.log",
    "cbs/win11-26100-first-boot.log",
    "cbs/win10-19041-small.log",
    "cbs/win81-9600.log",
    "cbs/sfc-extract.txt",
    "cbs/corrupt-payload-file.log",
    "windows_update/etw-bom-2024-03.log",
    "windows_update/etw-dash-dates-2024-04.log",
    "windows_update/legacy-tab-2021.log",
    "dism/russian-continuation.log",
    "dism/growing-1.log",
    "dism/growing-2.log",
    "dism/win11-26100.log",
    "dism/win11-22000-small.log",
    "setup/upgrade-16299",
    "setup/upgrade-2026",
    "setup/access-denied-579-lines",
    "setup/win81-panther",
    "reporting_events",
    "cmtrace",
    "procmon",
    "evtx/fukusuket",
    "inventory",
];

#[test]
fn healthy_devices_get_no_diagnosis() {
    let Some(root) = shared("realdata") else {
        return;
    };
    let mut wrong = Vec::new();
    for part in HEALTHY {
        let events = collect(&root.join(part), Some("HEALTHY"));
        assert!(!events.is_empty(), "{part} holds nothing");
        let verdicts = judge(&events, &Reference::default());
        if !verdicts.open().is_empty() {
            wrong.push(format!("{part}\n{}", verdicts.account()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Not labelled, but its log says it: `Install call complete (… failed = 1 …)` of KB5034441, whose
/// installer enlarges nothing and fails where the recovery partition is too small.
#[test]
fn an_update_that_failed_among_the_noise_is_found() {
    let Some(path) = shared("realdata/windows_update/etw-19041-2024-05.log") else {
        return;
    };
    let verdicts = judge(&collect(&path, Some("WINRE")), &Reference::default());
    let open = verdicts.open();
    assert_eq!(open.len(), 1, "{}", verdicts.account());
    assert_eq!(
        (open[0]["cause"].as_str(), open[0]["kb_article"].as_str()),
        ("reserved-partition-space", "5034441"),
        "{}",
        verdicts.account()
    );
}

#[test]
fn a_failed_feature_is_told_from_noise() {
    let Some(path) = shared("realdata/cbs/win10-19041-fod-download-fails.log") else {
        return;
    };
    let verdicts = judge(&collect(&path, Some("FOD")), &Reference::default());
    let open = verdicts.open();
    assert_eq!(
        open.first().map(|row| row["cause"].as_str()),
        Some("download-network"),
        "{}",
        verdicts.account()
    );
}
