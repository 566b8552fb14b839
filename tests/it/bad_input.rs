//! Bad input gets a clear message that names file and reason, the documented exit code, and never
//! a panic; what could be read is still used.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{arg, bare, text};

/// Runs the binary and returns (exit code, stdout, stderr); a panic fails the test.
#[track_caller]
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = bare(arguments).output().unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
    (
        output
            .status
            .code()
            .unwrap_or_else(|| panic!("{arguments:?} was killed: {stderr}")),
        stdout,
        stderr,
    )
}

fn log(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

const GOOD: &[u8] = b"2024-08-20 10:02:41, Info                  CBS    Starting TrustedInstaller initialization.\r\n2024-08-20 10:02:42, Info                  CBS    Ending TrustedInstaller initialization.\r\n";

#[test]
fn a_missing_path_is_named() {
    for command in ["inspect", "diagnose", "collect"] {
        let (code, _, stderr) = run(&[command, "/no/such/path"]);
        assert_eq!(code, 2, "{command}: {stderr}");
        assert!(stderr.contains("/no/such/path"), "{command}: {stderr}");
    }
}

#[test]
fn stdin_is_refused_with_what_to_do() {
    for command in ["inspect", "diagnose", "collect"] {
        let (code, _, stderr) = run(&[command, "-"]);
        assert_eq!(code, 2, "{command}: {stderr}");
        assert!(stderr.contains("write it to a file"), "{command}: {stderr}");
    }
}

#[test]
fn a_log_in_the_current_directory_is_read_and_an_archive_that_is_not_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path(), "YR-7/CBS.log", GOOD);
    log(
        folder.path(),
        "YR-7/logs.7z",
        b"7z\xbc\xaf\x27\x1c\0\x04\0\0\0\0",
    );
    let collect = |name: &str| {
        let output = bare(&[
            "collect",
            name,
            "--data-dir",
            arg(&folder.path().join("data")),
        ])
        .current_dir(folder.path().join("YR-7"))
        .output()
        .unwrap();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let (code, stdout, stderr) = collect("CBS.log");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.starts_with("2 records read"), "{stdout}");
    let (code, stdout, stderr) = collect("logs.7z");
    assert_eq!(code, Some(1), "{stdout} {stderr}");
    assert!(stdout.contains("1 files not recognised"), "{stdout}");
    assert!(stderr.contains("pack it as .zip"), "{stderr}");
}

#[test]
fn nobody_has_to_read_the_log_output() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = bare(&["simulate", "--devices", "3", "--out", arg(folder.path())])
        .env("RUST_LOG", "debug")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_would_steer_a_terminal_is_shown_and_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let evil = "\u{1b}[2J\u{202e}";
    log(
        folder.path(),
        "ev.ndjson",
        format!(
            r#"{{"@timestamp":"2024-08-20T10:00:40Z","winlog":{{"channel":"System","provider_name":"Microsoft-Windows-WindowsUpdateClient","event_id":"20","record_id":7,"computer_name":"PC-1","event_data":{{"errorCode":"0x80073712","updateTitle":{}}}}}}}"#,
            serde_json::to_string(&format!("2024-08 {evil} (KB5041580)")).unwrap()
        )
        .as_bytes(),
    );
    log(folder.path(), "\u{202e}gol.SBC", GOOD);
    for command in ["diagnose", "inspect"] {
        for format in ["table", "markdown"] {
            let (_, stdout, _) = run(&[command, arg(folder.path()), "--format", format]);
            assert!(
                !stdout.contains(['\u{1b}', '\u{202e}']) && !stdout.is_empty(),
                "{command}: {stdout:?}"
            );
        }
    }
    let (_, stdout, _) = run(&["diagnose", arg(folder.path())]);
    assert!(stdout.contains("\u{fffd}[2J"), "{stdout}");
}

#[test]
fn an_empty_file_is_no_log() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path(), "CBS.log", b"");
    let (code, stdout, stderr) = run(&["inspect", arg(folder.path()), "--format", "json"]);
    assert_eq!(code, 1, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["files"][0]["format"], Value::Null, "{report}");
}

#[test]
fn a_directory_without_logs_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = run(&["diagnose", arg(folder.path())]);
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains(arg(folder.path())) && stderr.contains("no "),
        "{stderr}"
    );
}

#[test]
fn a_binary_file_named_like_a_log_is_not_misread() {
    let folder = tempfile::tempdir().unwrap();
    let noise: Vec<u8> = (0..40_000u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    log(folder.path(), "CBS.log", &noise);
    log(folder.path(), "dism.log", GOOD);
    let (code, stdout, stderr) = run(&["inspect", arg(folder.path()), "--format", "json"]);
    assert_eq!(code, 1, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let file = |name: &str| {
        report["files"]
            .as_array()
            .unwrap()
            .iter()
            .find(|f| f["path"].as_str().unwrap().ends_with(name))
            .unwrap()
            .clone()
    };
    assert_eq!(file("CBS.log")["format"], Value::Null);
    assert_eq!(
        file("dism.log")["records"],
        2,
        "the file beside it is still read"
    );
}

#[test]
fn a_truncated_zip_gives_what_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("YR-0042.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&whole).unwrap());
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    for name in ["CBS.log", "dism.log"] {
        zip.start_file(name, options).unwrap();
        for _ in 0..2_000 {
            zip.write_all(GOOD).unwrap();
        }
    }
    zip.finish().unwrap();
    let bytes = std::fs::read(&whole).unwrap();
    let cut = folder.path().join("CUT-0042.zip");
    std::fs::write(&cut, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let (code, stdout, stderr) = run(&["inspect", arg(&cut), "--format", "json"]);
    assert_eq!(code, 1, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert!(report.to_string().contains("CUT-0042.zip"), "{report}");
    let records: u64 = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|f| f["records"].as_u64())
        .sum();
    assert!(records >= 2, "what stands before the cut is read: {report}");
}

#[test]
fn a_device_without_any_inventory_is_diagnosed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path(), "CBS.log", GOOD);
    let (code, stdout, stderr) = run(&["diagnose", arg(folder.path()), "--format", "json"]);
    assert_eq!(code, 0, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["devices"][0]["diagnoses"], Value::Array(vec![]));
}

#[test]
fn wrong_arguments_and_settings_are_explained() {
    assert_eq!(run(&["frobnicate"]).0, 2);
    assert_eq!(run(&["diagnose"]).0, 2);
    let (code, _, stderr) = run(&["check-config", "--config", "/no/such.toml"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("/no/such.toml"), "{stderr}");
    let (code, _, stderr) = run(&["collect", "/tmp", "--to", "carrier-pigeon://x"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("carrier-pigeon"), "{stderr}");
    let (code, _, stderr) = run(&["sql", "SELECT 1", "--store", "http://127.0.0.1:9"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("127.0.0.1:9"), "{stderr}");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..200 {
        log(
            folder.path(),
            &format!("{n}/CBS.log"),
            &[GOOD, n.to_string().as_bytes()].concat(),
        );
    }
    let mut child = bare(&["inspect", arg(folder.path()), "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        !text(&output.stderr).contains("panicked"),
        "{}",
        text(&output.stderr)
    );
}
