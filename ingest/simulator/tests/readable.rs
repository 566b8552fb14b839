//! The collectors' own parsers read every file of every bundle, and refuse nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};

use patchlens_ingest::{bundle::Limits, inspect::inspect};
use patchlens_simulator::{Plan, simulate};

#[test]
fn every_file_is_recognised_and_no_line_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    simulate(
        &Plan {
            devices: 240,
            seed: 11,
            ..Plan::default()
        },
        folder.path(),
    )
    .unwrap();
    let paths = ["bundles", "bundles-later"].map(|name| folder.path().join(name));
    let report = inspect(&paths, &Limits::default()).unwrap();
    let mut formats: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in &report.files {
        let name = file.path.rsplit('/').next().unwrap();
        let format = file
            .format
            .as_deref()
            .unwrap_or_else(|| panic!("{} is not recognised: {:?}", file.path, file.rejects));
        assert_eq!(file.rejected, 0, "{}: {:?}", file.path, file.rejects);
        assert_eq!(
            file.lines,
            file.records + file.continuations,
            "{}",
            file.path
        );
        formats.entry(name).or_default().insert(format);
    }
    let expected: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("CBS.log", ["cbs_log"].as_slice()),
        ("Logfile.CSV", &["procmon_csv"]),
        ("ReportingEvents.log", &["reporting_events"]),
        (
            "WindowsUpdate.log",
            &["windows_update_log", "windows_update_log_legacy"],
        ),
        ("certutil.txt", &["hash_listing"]),
        ("device.json", &["os_version"]),
        ("dism.log", &["dism_log"]),
        ("events.ndjson", &["events_json"]),
        ("hotfix.csv", &["hotfix_list"]),
        ("os-version.json", &["os_version"]),
        ("qfe.txt", &["hotfix_list"]),
        ("services.txt", &["reg_query"]),
        ("setupact.log", &["setup_log"]),
        ("setupapi.dev.log", &["setupapi_log"]),
        ("systeminfo.txt", &["systeminfo"]),
    ]);
    let seen: BTreeMap<&str, Vec<&str>> = formats
        .into_iter()
        .map(|(name, formats)| (name, formats.into_iter().collect()))
        .collect();
    assert_eq!(
        seen,
        expected
            .into_iter()
            .map(|(name, formats)| (name, formats.to_vec()))
            .collect()
    );
}
