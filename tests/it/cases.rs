//! Cases from practice: `diagnose` names the cause, the culprit, the update and the line.

use std::path::Path;

use serde_json::Value;

use crate::support::{arg, bare, shared, text};

/// Runs `diagnose` on every endpoint of a case and checks the expectations of its `case.toml`.
fn check(case: &str) {
    let Some(folder) = shared(&format!("cases/{case}")) else {
        return;
    };
    let expected: toml::Table = std::fs::read_to_string(folder.join("case.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let expected = expected["expected"].as_table().unwrap();
    let mut endpoints: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    endpoints.sort();
    assert!(!endpoints.is_empty(), "{case} has no endpoint");
    for endpoint in &endpoints {
        let device = diagnose(&folder, endpoint);
        let name = endpoint.file_name().unwrap().to_str().unwrap();
        let own = expected.get(name).and_then(toml::Value::as_table);
        check_endpoint(&format!("{case}/{name}"), &device, |key| {
            own.and_then(|table| table.get(key))
                .or_else(|| expected.get(key))
        });
    }
}

fn diagnose(folder: &Path, endpoint: &Path) -> Value {
    let output = bare(&[
        "diagnose",
        arg(endpoint),
        "--reference",
        arg(folder),
        "--format",
        "json",
    ])
    .output()
    .unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}: {}",
        endpoint.display(),
        text(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema: Value =
        serde_json::from_str(include_str!("../../docs/schema/diagnose.v1.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let violations: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(
        violations.is_empty(),
        "{}: {violations:?}",
        endpoint.display()
    );
    let devices = report["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 1, "{}", endpoint.display());
    devices[0].clone()
}

fn check_endpoint<'a>(
    place: &str,
    device: &Value,
    expected: impl Fn(&str) -> Option<&'a toml::Value>,
) {
    let first = &device["diagnoses"][0];
    let shown = serde_json::to_string_pretty(&device["diagnoses"]).unwrap();
    let string = |key: &str| expected(key).and_then(toml::Value::as_str);
    let got = |key: &str| first[key].as_str().unwrap_or_default().to_lowercase();
    assert_eq!(
        Some(got("cause").as_str()),
        string("cause"),
        "{place}: {shown}"
    );
    for key in ["error_code", "error_symbol"] {
        if let Some(value) = string(key) {
            assert_eq!(got(key), value.to_lowercase(), "{place}: {key}\n{shown}");
        }
    }
    if let Some(culprit) = string("culprit") {
        assert!(
            got("culprit").contains(&culprit.to_lowercase()),
            "{place}: culprit\n{shown}"
        );
    }
    if let Some(kb) = expected("kb_article").and_then(toml::Value::as_integer) {
        assert_eq!(
            first["kb_article"].as_i64(),
            Some(kb),
            "{place}: kb_article\n{shown}"
        );
    }
    if let Some(file) = string("evidence_file") {
        let evidence = first["evidence"].as_array().unwrap();
        assert!(
            evidence
                .iter()
                .any(|item| item["file"].as_str().unwrap().ends_with(file)),
            "{place}: evidence\n{shown}"
        );
    }
    if let Some(second) = string("second") {
        assert_eq!(
            device["diagnoses"][1]["cause"].as_str(),
            Some(second),
            "{place}: {shown}"
        );
        assert!(
            device["diagnoses"][1]["confidence"].as_f64() < first["confidence"].as_f64(),
            "{place}: {shown}"
        );
    }
    let texts = |key: &str| {
        expected(key)
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
    };
    for mention in texts("action_mentions") {
        let mention = mention.as_str().unwrap().to_lowercase();
        assert!(
            first["actions"]
                .to_string()
                .to_lowercase()
                .replace("\\\\", "\\")
                .contains(&mention),
            "{place}: actions lack {mention:?}\n{shown}"
        );
    }
    let failed: Vec<i64> = device["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|a| a["outcome"] == "failed")
        .filter_map(|a| a["kb_article"].as_i64())
        .collect();
    for kb in texts("attempts") {
        assert!(
            failed.contains(&kb.as_integer().unwrap()),
            "{place}: no failed attempt of KB{kb}; failed: {failed:?}"
        );
    }
}

#[test]
fn a_package_changed_on_its_way_to_the_device() {
    check("01-package-hash-changed-in-copy");
}

#[test]
fn one_damaged_manifest_stops_three_months_of_updates() {
    check("02-one-damaged-manifest-stops-three-months");
}

#[test]
fn three_complaints_have_one_culprit() {
    check("03-three-complaints-one-culprit");
}

#[test]
fn one_complaint_has_five_causes() {
    check("04-one-complaint-five-causes");
}

#[test]
fn the_servicing_stack_is_two_years_old() {
    check("05-servicing-stack-two-years-old");
}

/// Collected together, the devices of a case fall into as many clusters as it has causes.
#[test]
fn the_culprit_is_the_cluster() {
    for (case, clusters, devices) in [
        ("03-three-complaints-one-culprit", 1, 3),
        ("04-one-complaint-five-causes", 5, 5),
    ] {
        let Some(folder) = shared(&format!("cases/{case}")) else {
            return;
        };
        let mut endpoints: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.is_dir())
            .collect();
        endpoints.sort();
        let mut arguments = vec!["diagnose", "--format", "json", "--reference", arg(&folder)];
        arguments.extend(endpoints.iter().map(|path| arg(path)));
        let output = bare(&arguments).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let verdicts: Vec<&str> = report["devices"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|device| device["diagnoses"][0]["cluster_key"].as_str())
            .collect();
        let distinct: std::collections::BTreeSet<_> = verdicts.iter().collect();
        assert_eq!(
            (distinct.len(), verdicts.len()),
            (clusters, devices),
            "{case}: {verdicts:?}"
        );
        // The command says itself what they have in common.
        let told = report["clusters"].as_array().unwrap();
        let members: usize = told
            .iter()
            .map(|cluster| cluster["devices"].as_array().unwrap().len())
            .sum();
        assert_eq!(
            (told.len(), members),
            (clusters, devices),
            "{case}: {told:?}"
        );
    }
}

#[test]
fn what_devices_fail_for_is_told_once_and_reference_data_in_a_bundle_is_named_but_not_used() {
    let Some(folder) = shared("cases/04-one-complaint-five-causes") else {
        return;
    };
    let said = |more: &[&str]| {
        let mut arguments = vec!["diagnose", arg(&folder)];
        arguments.extend(more);
        let output = bare(&arguments).output().unwrap();
        (text(&output.stdout), text(&output.stderr))
    };
    let (bare_answer, stderr) = said(&[]);
    assert!(
        bare_answer.contains("5 of 5 devices fail, for 5 reasons.")
            && bare_answer
                .contains("1 × Possible, not proved: Download damaged (download-corrupt)"),
        "{bare_answer}"
    );
    assert!(
        stderr.contains("this is reference data and not used; --reference DIR"),
        "{stderr}"
    );
    let (proved, stderr) = said(&["--reference", arg(&folder), "--format", "markdown"]);
    assert!(
        proved.contains("1 × Problem: Servicing stack update missing (servicing-stack-missing)")
            && !proved.contains("Possible, not proved"),
        "{proved}"
    );
    assert!(!stderr.contains("not used"), "{stderr}");
    let (chinese, _) = said(&["--lang", "zh", "--format", "html"]);
    assert!(
        chinese.contains("5 台设备中 5 台失败，原因 5 个。")
            && chinese.contains("1 × 问题：文件系统损坏（file-system-corrupt）")
            && chinese.contains("<html lang=\"zh"),
        "{chinese}"
    );
}

#[test]
fn a_device_of_which_nothing_can_be_read_is_not_called_healthy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("PC-1")).unwrap();
    std::fs::write(
        folder.path().join("PC-1/CBS.log"),
        "2024-08-20 10:00:00, Info                  CBS    Starting TrustedInstaller initialization.\r\n",
    )
    .unwrap();
    let mut archive =
        zip::ZipWriter::new(std::fs::File::create(folder.path().join("PC-3.zip")).unwrap());
    archive
        .start_file("notes.txt", zip::write::SimpleFileOptions::default())
        .unwrap();
    archive.finish().unwrap();
    let output = bare(&["diagnose", arg(folder.path())]).output().unwrap();
    let said = text(&output.stdout);
    assert!(
        said.contains("nothing could be read of") && said.contains("PC-3"),
        "{said}"
    );
    assert!(
        said.matches("No failure found").count() == 1 && !said.contains("2 devices"),
        "{said}"
    );
}
