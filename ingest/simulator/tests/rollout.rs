//! A whole simulated rollout, as its readers find it: folders, archives, reference data and truth.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Read as _,
    path::Path,
};

use patchlens_simulator::{DeviceTruth, Mix, Outcome, Plan, SimulateError, Truth, simulate};

fn run(plan: &Plan) -> (tempfile::TempDir, Truth) {
    let folder = tempfile::tempdir().unwrap();
    let truth = simulate(plan, folder.path()).unwrap();
    (folder, truth)
}

/// Every file below a folder, by its path.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files.extend(
                tree(&path)
                    .into_iter()
                    .map(|(below, bytes)| (format!("{name}/{below}"), bytes)),
            );
        } else {
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    files
}

/// The files of one bundle, by their last name.
fn bundle(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (
                entry.name().unwrap().rsplit('/').next().unwrap().to_owned(),
                bytes,
            )
        })
        .collect()
}

fn text(bytes: &[u8]) -> String {
    let (text, _, _) = encoding_rs::UTF_8.decode(bytes); // looks at a byte order mark first
    text.replace("\r\n", "\n")
}

fn uploaded(truth: &Truth) -> impl Iterator<Item = &DeviceTruth> {
    truth
        .devices
        .iter()
        .filter(|device| device.collected_at.is_some())
}

#[test]
fn the_same_plan_gives_the_same_bytes_and_another_seed_others() {
    let plan = Plan {
        devices: 24,
        ..Plan::default()
    };
    let (first, _) = run(&plan);
    let (again, _) = run(&plan);
    let (other, _) = run(&Plan { seed: 2, ..plan });
    assert!(
        tree(first.path()) == tree(again.path()),
        "the same plan gave other bytes"
    );
    assert!(
        tree(first.path()) != tree(other.path()),
        "another seed gave the same bytes"
    );
}

#[test]
fn the_default_rollout_has_the_fates_that_it_promises() {
    let (folder, truth) = run(&Plan::default());
    let counts: Vec<usize> = [
        Outcome::Installed,
        Outcome::Failed,
        Outcome::InProgress,
        Outcome::PendingRestart,
        Outcome::Silent,
        Outcome::Stale,
        Outcome::Excluded,
    ]
    .into_iter()
    .map(|outcome| truth.count(outcome))
    .collect();
    assert_eq!(counts, [70, 24, 2, 2, 5, 3, 4]);
    assert_eq!(
        truth
            .devices
            .iter()
            .filter(|device| device.remedied)
            .count(),
        5
    );
    assert_eq!(
        truth
            .devices
            .iter()
            .map(|device| &device.site)
            .collect::<BTreeSet<_>>()
            .len(),
        5
    );
    assert_eq!(
        truth
            .devices
            .iter()
            .map(|device| &device.ring)
            .collect::<BTreeSet<_>>()
            .len(),
        3
    );
    let failing: Vec<&DeviceTruth> = truth
        .devices
        .iter()
        .filter(|device| device.outcome == Outcome::Failed)
        .collect();
    assert_eq!(
        failing
            .iter()
            .filter_map(|device| device.cause.as_deref())
            .collect::<BTreeSet<_>>()
            .len(),
        11
    );
    // One code, several causes: the reason why codes are not enough.
    for code in ["0x80240439", "0x8007000d"] {
        let causes: BTreeSet<_> = failing
            .iter()
            .filter(|device| device.error_code.as_deref() == Some(code))
            .map(|device| &device.cause)
            .collect();
        assert!(causes.len() > 1, "{code}: {causes:?}");
    }
    let repaired = truth
        .devices
        .iter()
        .filter(|device| {
            device.outcome == Outcome::Failed && device.outcome_later == Some(Outcome::Installed)
        })
        .count();
    assert!(repaired >= 5, "{repaired}");
    for device in &truth.devices {
        assert_eq!(
            folder
                .path()
                .join(format!("bundles/{}.zip", device.device_name))
                .exists(),
            device.collected_at.is_some(),
            "{}",
            device.device_name
        );
        assert_eq!(
            folder
                .path()
                .join(format!("bundles-later/{}.zip", device.device_name))
                .exists(),
            device.collected_again_at.is_some(),
            "{}",
            device.device_name
        );
    }
}

#[test]
fn every_bundle_says_what_the_truth_says() {
    let (folder, truth) = run(&Plan::default());
    let mut seen = BTreeSet::new();
    for device in uploaded(&truth) {
        let name = device.device_name.as_str();
        let files = bundle(&folder.path().join(format!("bundles/{name}.zip")));
        assert_eq!(
            files.keys().map(String::as_str).collect::<BTreeSet<_>>(),
            device.files.iter().map(String::as_str).collect(),
            "{name}"
        );
        let facts: serde_json::Value = serde_json::from_slice(&files["device.json"]).unwrap();
        assert_eq!(
            (
                facts["device_name"].as_str(),
                facts["site"].as_str(),
                facts["ring"].as_str()
            ),
            (
                Some(name),
                Some(device.site.as_str()),
                Some(device.ring.as_str())
            )
        );
        let version: serde_json::Value = serde_json::from_slice(&files["os-version.json"]).unwrap();
        assert_eq!(
            version["os_build"].as_str(),
            Some(device.os_build.as_str()),
            "{name}"
        );
        assert!(
            seen.insert(files.into_values().collect::<Vec<_>>()),
            "{name} uploads what another device uploads"
        );
    }
}

#[test]
fn every_failure_leaves_its_code_and_its_culprit_in_the_bundle() {
    let (folder, truth) = run(&Plan {
        devices: 600,
        ..Plan::default()
    });
    let mut scenarios = BTreeSet::new();
    for device in uploaded(&truth).filter(|device| device.outcome == Outcome::Failed) {
        let all: String = bundle(
            &folder
                .path()
                .join(format!("bundles/{}.zip", device.device_name)),
        )
        .values()
        .map(|bytes| text(bytes).to_lowercase())
        .collect();
        let scenario = device.scenario.unwrap();
        if let Some(code) = &device.error_code {
            assert!(
                all.contains(code.trim_start_matches("0x")),
                "{} ({scenario:?}) lacks {code}",
                device.device_name
            );
        }
        // That a servicing stack is missing shows in the build; its article stands in the reference data.
        if let Some(culprit) = device
            .culprit
            .as_ref()
            .filter(|culprit| !culprit.starts_with("KB"))
        {
            assert!(
                all.contains(&culprit.to_lowercase()),
                "{} ({scenario:?}) lacks {culprit}",
                device.device_name
            );
        }
        scenarios.insert(scenario);
    }
    let planned = Plan::default().mix.failures;
    assert!(planned.len() >= 14);
    assert_eq!(
        scenarios,
        planned.into_iter().map(|(scenario, _)| scenario).collect()
    );
}

#[test]
fn a_log_that_grows_keeps_what_it_had() {
    let (folder, truth) = run(&Plan {
        devices: 300,
        ..Plan::default()
    });
    let (mut grown, mut trimmed) = (0, 0);
    for device in truth
        .devices
        .iter()
        .filter(|device| device.collected_again_at.is_some())
    {
        let before = bundle(
            &folder
                .path()
                .join(format!("bundles/{}.zip", device.device_name)),
        );
        let after = bundle(
            &folder
                .path()
                .join(format!("bundles-later/{}.zip", device.device_name)),
        );
        for log in ["WindowsUpdate.log", "CBS.log", "dism.log", "events.ndjson"] {
            let (Some(old), Some(new)) = (before.get(log), after.get(log)) else {
                continue;
            };
            if new.starts_with(old) {
                grown += 1;
            } else {
                let (old, new) = (text(old), text(new));
                let kept = new.lines().next().unwrap();
                assert!(
                    log == "CBS.log" && old.contains(kept),
                    "{} lost lines of {log}",
                    device.device_name
                );
                trimmed += 1;
            }
        }
    }
    assert!(
        grown > 100 && trimmed > 3,
        "{grown} grown, {trimmed} trimmed"
    );
}

#[test]
fn healthy_devices_log_failing_codes_but_no_failed_update() {
    let (folder, truth) = run(&Plan::default());
    let (mut noisy, mut checked) = (0, 0);
    for device in
        uploaded(&truth).filter(|device| device.healthy && device.outcome == Outcome::Installed)
    {
        let files = bundle(
            &folder
                .path()
                .join(format!("bundles/{}.zip", device.device_name)),
        );
        let said: String = files.values().map(|bytes| text(bytes)).collect();
        noisy += usize::from(
            ["0x800f0805", "[80070032]", "0xc142011c"]
                .iter()
                .any(|code| said.contains(code)),
        );
        assert!(
            !said.contains("Update failed, percent") && !said.contains("\"code\":\"20\""),
            "{}",
            device.device_name
        );
        checked += 1;
    }
    assert!(
        checked >= 60 && noisy == checked,
        "{noisy} of {checked} are noisy"
    );
}

#[test]
fn the_reference_data_is_csv_with_the_agreed_headers() {
    let (folder, truth) = run(&Plan {
        devices: 30,
        ..Plan::default()
    });
    let read = |name: &str| -> (Vec<String>, Vec<csv::StringRecord>) {
        let mut reader = csv::Reader::from_path(folder.path().join(name)).unwrap();
        (
            reader
                .headers()
                .unwrap()
                .iter()
                .map(str::to_owned)
                .collect(),
            reader.records().map(Result::unwrap).collect(),
        )
    };
    let (header, rows) = read("rollout.csv");
    assert_eq!(
        header.join(","),
        "rollout_id,name,kb_article,release_at,started_at,deadline_at,target_builds"
    );
    assert_eq!(
        (&rows[0][2], &rows[0][3], &rows[0][6]),
        ("5041580", "2024-08-13T17:00:00Z", "19045:4780;19044:4780")
    );
    let (header, rows) = read("rollout-devices.csv");
    assert_eq!(
        header.join(","),
        "rollout_id,device_id,device_name,site,ring,excluded,exclusion_reason"
    );
    assert_eq!(rows.len(), truth.devices.len());
    assert_eq!(
        read("prerequisites.csv").0.join(","),
        "kb_article,os_build_number,requires_kb,requires_min_ubr,kind"
    );
    let (header, rows) = read("published-hashes.csv");
    assert_eq!(header.join(","), "kb_article,file_name,sha256");
    assert!(rows.iter().all(|row| row[2].len() == 64));
}

#[test]
fn a_plan_that_cannot_be_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |plan: Plan| match simulate(&plan, folder.path()) {
        Err(SimulateError::Plan(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    };
    let mix = Mix {
        silent: 0.9,
        ..Mix::default()
    };
    assert!(
        refused(Plan {
            mix,
            ..Plan::default()
        })
        .contains("add up to more than 1")
    );
    let mix = Mix {
        stale: -0.1,
        ..Mix::default()
    };
    assert!(
        refused(Plan {
            mix,
            ..Plan::default()
        })
        .contains("between 0 and 1")
    );
    assert!(
        refused(Plan {
            sites: Vec::new(),
            ..Plan::default()
        })
        .contains("at least one site")
    );
    let mut plan = Plan::default();
    plan.sites[0].zone = "Mars/Olympus".to_owned();
    assert!(refused(plan).contains("Mars/Olympus"));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("taken");
    fs::write(&file, "").unwrap();
    let error = simulate(
        &Plan {
            devices: 1,
            ..Plan::default()
        },
        &file,
    )
    .unwrap_err();
    assert!(error.to_string().contains("taken"), "{error}");
}
