//! Noise changes nothing: fixtures within the log of a healthy device, and near misses.

use std::path::{Path, PathBuf};

use patchlens_transform::Reference;

use crate::support::{collect, judge, reference, shared};

/// A real log of a healthy device, and where in it something else is put.
const CARRIERS: [&str; 2] = ["cbs/win11-26100-2026.log", "cbs/win10-19041-small.log"];

fn folders(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

fn is_stamped(line: &str) -> bool {
    line.get(..20)
        .is_some_and(|start| start.as_bytes()[4] == b'-' && start.ends_with(','))
}

/// Puts the lines of `log` between two sessions in the middle of the carrier, on the carrier's day.
fn spliced(carrier: &str, log: &str) -> String {
    let lines: Vec<&str> = carrier.lines().collect();
    let middle = lines.len() / 2;
    let at = (middle..lines.len())
        .find(|index| is_stamped(lines[*index]) && lines[*index].contains("Session: "))
        .unwrap_or(lines.len() - 1);
    let day = lines[..=at]
        .iter()
        .rev()
        .find(|line| is_stamped(line))
        .map_or("2024-01-01", |line| line.split_at(10).0);
    let mut out: Vec<String> = lines[..at].iter().map(|line| (*line).to_owned()).collect();
    out.extend(log.lines().map(|line| {
        if is_stamped(line) {
            format!("{day}{}", line.split_at(10).1)
        } else {
            line.to_owned()
        }
    }));
    out.extend(lines[at..].iter().map(|line| (*line).to_owned()));
    out.join("\r\n") + "\r\n"
}

#[test]
fn a_failure_within_the_log_of_a_healthy_device_is_found() {
    let Some(root) = shared("realdata") else {
        return;
    };
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut wrong = Vec::new();
    let mut tried = 0;
    for dir in folders(&fixtures).iter().flat_map(|cause| folders(cause)) {
        let device = dir.join("device");
        // Other logs would have to be moved to the same day.
        let only_servicing = std::fs::read_dir(&device).unwrap().all(|entry| {
            let name = entry.unwrap().file_name();
            !matches!(
                name.to_str().unwrap().rsplit('.').next(),
                Some("ndjson" | "json" | "CSV")
            ) && name != "WindowsUpdate.log"
        });
        let Ok(log) = std::fs::read_to_string(device.join("CBS.log")) else {
            continue;
        };
        if !only_servicing {
            continue;
        }
        let expected: toml::Table = std::fs::read_to_string(dir.join("expected.toml"))
            .unwrap()
            .parse()
            .unwrap();
        for carrier in CARRIERS {
            let healthy = std::fs::read(root.join(carrier)).unwrap();
            let place = tempfile::tempdir().unwrap();
            for entry in std::fs::read_dir(&device).unwrap() {
                let path = entry.unwrap().path();
                std::fs::copy(&path, place.path().join(path.file_name().unwrap())).unwrap();
            }
            let whole = spliced(&String::from_utf8_lossy(&healthy), &log);
            std::fs::write(place.path().join("CBS.log"), whole).unwrap();
            let verdicts = judge(&collect(place.path(), Some("FX-0001")), &reference(&dir));
            let first = verdicts.open().first().cloned().unwrap_or_default();
            tried += 1;
            let cause = expected["cause"].as_str().unwrap();
            let culprit = expected.get("culprit").and_then(toml::Value::as_str);
            let is_right = first.get("cause").is_some_and(|found| found == cause)
                && culprit.is_none_or(|culprit| {
                    first["culprit"]
                        .to_lowercase()
                        .contains(&culprit.to_lowercase())
                });
            if !is_right {
                wrong.push(format!(
                    "{} in {carrier}\n{}",
                    dir.display(),
                    verdicts.account()
                ));
            }
        }
    }
    assert!(tried > 40, "only {tried} were tried");
    assert!(
        wrong.is_empty(),
        "{} of {tried}\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

#[test]
fn near_misses_get_no_diagnosis() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/near_misses");
    let mut wrong = Vec::new();
    for dir in folders(&root) {
        let verdicts = judge(
            &collect(&dir.join("device"), Some("FX-0001")),
            &Reference::default(),
        );
        if !verdicts.open().is_empty() {
            wrong.push(format!("{}\n{}", dir.display(), verdicts.account()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
