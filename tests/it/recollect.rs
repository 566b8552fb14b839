//! What is collected again counts once.

use std::path::Path;

use serde_json::Value;

use crate::support::{Patchlens, arg, bare, engine, shared};

const COUNTS: &str = "SELECT (SELECT count() FROM patchlens.update_event), (SELECT count() FROM patchlens.update_event FINAL), \
     (SELECT sum(count) FROM patchlens.noise_profile FINAL), (SELECT count() FROM patchlens.diagnosis FINAL), \
     (SELECT count() FROM patchlens.update_attempt FINAL), (SELECT count() FROM patchlens.evidence FINAL)";

#[test]
fn one_bundle_collected_three_times_changes_no_number() {
    let Some(bundle) = shared("cases/02-one-damaged-manifest-stops-three-months/endpoint") else {
        return;
    };
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new();
    let mut seen = Vec::new();
    for _ in 0..3 {
        patchlens.expect(0, &["collect", arg(&bundle), "--device", "HZ-0001"]);
        patchlens.expect(0, &["transform", "--until-idle"]);
        seen.push(patchlens.numbers(COUNTS));
    }
    assert!(seen[0].iter().take(2).all(|n| *n > 0), "{seen:?}");
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

#[test]
fn a_log_that_grew_counts_each_record_once() {
    let (Some(first), Some(second)) = (
        shared("realdata/dism/growing-1.log"),
        shared("realdata/dism/growing-2.log"),
    ) else {
        return;
    };
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new();
    let total = "SELECT (SELECT count() FROM patchlens.update_event FINAL WHERE kind = 'record') + (SELECT sum(count) FROM patchlens.noise_profile FINAL)";
    let (before, after) = (records(&first), records(&second));
    assert!(after > before);
    for (log, expected) in [(&first, before), (&second, after), (&first, after)] {
        patchlens.expect(0, &["collect", arg(log), "--device", "YR-0001"]);
        patchlens.expect(0, &["transform", "--until-idle"]);
        assert_eq!(
            patchlens.numbers(total),
            [expected],
            "after {}",
            log.display()
        );
    }
}

/// How many records a log holds, as `inspect` counts them.
fn records(log: &Path) -> u64 {
    let output = bare(&["inspect", arg(log), "--format", "json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["files"][0]["records"].as_u64().unwrap()
}

#[test]
fn the_real_update_logs_load() {
    let (Some(updates), Some(servicing)) =
        (shared("realdata/windows_update"), shared("realdata/cbs"))
    else {
        return;
    };
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new();
    let mut devices = 0;
    for folder in [&updates, &servicing] {
        for entry in std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
        {
            let name = entry.file_stem().unwrap().to_str().unwrap().to_owned();
            patchlens.expect(0, &["collect", arg(&entry), "--device", &name]);
            devices += 1;
        }
    }
    patchlens.expect(0, &["transform", "--until-idle"]);
    let loaded = patchlens
        .numbers("SELECT uniqExact(device_id), count() > 1000 FROM patchlens.update_event FINAL");
    assert_eq!(loaded, [devices, 1]);
}
