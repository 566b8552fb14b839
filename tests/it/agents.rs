//! What runs on the devices themselves: the script's syntax, that a bundle of its layout is read to
//! the last file, and that what the forwarders of `ingest/agents` send is an event log record.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{arg, bare, installed, python, root, service, text};

fn agents() -> PathBuf {
    root().join("ingest/agents")
}

#[test]
fn the_script_parses_and_keeps_to_powershell_5() {
    let python = python();
    if !service("Python", &python) {
        return;
    }
    let output = Command::new(python)
        .arg(root().join("tests/clients/powershell_syntax_test.py"))
        .arg(agents().join("Collect-PatchState.ps1"))
        .output()
        .unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    let is_missing = said.contains("ModuleNotFoundError");
    if is_missing && std::env::var("PATCHLENS_REQUIRE_SERVICES").as_deref() != Ok("1") {
        println!("skipped: {said}");
        return;
    }
    assert!(output.status.success(), "{said}");
}

fn put(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Every file that the script writes by itself, in the form in which it writes it.
fn layout(folder: &Path) {
    let log = b"2024-08-20 10:02:41, Error                 CBS    x [HRESULT = 0x80070005]\r\n";
    put(folder, "CBS/CBS.log", log);
    put(
        folder,
        "CBS/CbsPersist_20240820020241.cab",
        &std::fs::read(root().join("ingest/fuzz/seeds/mszip.cab")).unwrap(),
    );
    put(
        folder,
        "DISM/dism.log",
        b"2024-08-20 10:02:41, Info                  DISM   DISM Package Manager: PID=1 x\r\n",
    );
    put(
        folder,
        "BT-Panther/setupact.log",
        b"2024-08-20 10:02:41, Info                  MOUPG  x\r\n",
    );
    put(
        folder,
        "SetupDiag/SetupDiagResults.xml",
        &std::fs::read(root().join("ingest/fuzz/seeds/setup_diag.xml")).unwrap(),
    );
    put(
        folder,
        "WindowsUpdate.log",
        b"2024/08/20 10:02:41.1000000 1  2  Agent           * START * Finding updates\r\n",
    );
    put(
        folder,
        "services.csv",
        b"\"Name\",\"StartMode\",\"State\"\r\n\"wuauserv\",\"Disabled\",\"Stopped\"",
    );
    put(folder, "hotfix.csv", b"\"HotFixID\",\"Description\",\"InstalledOn\"\r\n\"KB5041580\",\"Security Update\",\"2024-08-20\"");
    // Windows PowerShell's utf8 has a mark.
    put(folder, "registry.txt", b"\xef\xbb\xbf\r\nHKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation\r\n    ActiveTimeBias    REG_DWORD    0xfffffe20\r\n\r\n");
    put(
        folder,
        "device.json",
        br#"{
    "device_name":  "BR-0417",
    "collected_at":  "2024-08-20T03:00:00Z",
    "collector":  "Collect-PatchState.ps1",
    "os_build":  "10.0.19045.4780",
    "os_name":  "Microsoft Windows 10 Pro",
    "os_edition":  "Professional",
    "architecture":  "64-bit",
    "utc_offset_minutes":  480,
    "locale":  "zh-CN",
    "manufacturer":  "Dell Inc.",
    "model":  "OptiPlex",
    "domain":  "corp.example",
    "free_space_mb":  {
                          "C:":  41234,
                          "recovery partition":  83
                      },
    "security_products":  [
                              "Windows Defender"
                          ],
    "services":  {
                     "wuauserv":  4,
                     "BITS":  3
                 }
}"#,
    );
}

#[test]
fn a_bundle_of_the_scripts_layout_is_read_to_the_last_file() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("BR-0417");
    layout(&folder);
    let output = bare(&["inspect", arg(&folder), "--format", "json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len(), 10, "{report}");
    for file in files {
        assert!(file["format"].is_string(), "not recognised: {file}");
        assert_eq!(file["rejected"], 0, "{file}");
    }
    assert_eq!(output.status.code(), Some(0));
    let diagnosed = bare(&["diagnose", arg(&folder), "--format", "json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&diagnosed.stdout).unwrap();
    assert_eq!(
        report["devices"].as_array().map(Vec::len),
        Some(1),
        "{report}"
    );
    assert_eq!(report["devices"][0]["device_name"], "BR-0417");
    assert_eq!(report["devices"][0]["os_build"], "10.0.19045.4780");
}

/// Every file name that the layout above stands for is one that the script writes.
#[test]
fn the_layout_is_the_scripts() {
    let script = std::fs::read_to_string(agents().join("Collect-PatchState.ps1")).unwrap();
    for name in [
        "'CBS'",
        "'DISM'",
        "'BT-Panther'",
        "'SetupDiag'",
        "'WindowsUpdate.log'",
        "CbsPersist_*",
        "'services.csv'",
        "'hotfix.csv'",
        "'registry.txt'",
        "'device.json'",
        "'EventLogs",
    ] {
        assert!(script.contains(name), "{name}");
    }
    for name in [
        "device_name",
        "collected_at",
        "os_build",
        "utc_offset_minutes",
        "free_space_mb",
        "security_products",
        "services",
        "recovery partition",
    ] {
        assert!(script.contains(name), "{name}");
    }
}

#[test]
fn the_forwarders_configurations_lead_to_our_endpoint() {
    let read = |name: &str| std::fs::read_to_string(agents().join(name)).unwrap();
    let winlogbeat: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(&read("winlogbeat.yml")).unwrap();
    let channels: Vec<&str> = winlogbeat["winlogbeat.event_logs"]
        .as_sequence()
        .unwrap()
        .iter()
        .filter_map(|log| log["name"].as_str())
        .collect();
    assert_eq!(
        channels,
        [
            "System",
            "Setup",
            "Application",
            "Microsoft-Windows-WindowsUpdateClient/Operational"
        ]
    );
    let host = winlogbeat["output.elasticsearch"]["hosts"][0]
        .as_str()
        .unwrap();
    assert!(host.ends_with("/ingest/v1/winlogbeat"), "{host}");
    let vector: toml::Table = read("vector.toml").parse().unwrap();
    let uri = vector["sinks"]["patchlens"]["uri"].as_str().unwrap();
    assert!(uri.ends_with("/ingest/v1/winlogbeat"), "{uri}");
    let fluent: serde_yaml_ng::Value = serde_yaml_ng::from_str(&read("fluent-bit.yaml")).unwrap();
    let output = &fluent["pipeline"]["outputs"][0];
    assert_eq!(output["uri"].as_str(), Some("/ingest/v1/winlogbeat"));
    assert_eq!(output["json_date_key"].as_str(), Some("@timestamp"));
}

/// rsyslog says itself whether it would take its configuration.
#[test]
fn rsyslog_takes_its_configuration() {
    let file = agents().join("rsyslog.conf");
    let settings = std::fs::read_to_string(&file).unwrap();
    for needed in ["/ingest/v1/winlogbeat\"", "bulkmode=\"on\""] {
        assert!(settings.contains(needed), "{needed}");
    }
    if !installed("rsyslogd") {
        return;
    }
    let output = Command::new("rsyslogd")
        .args(["-N1", "-f", arg(&file)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn what_the_forwarders_send_is_read_as_event_log_records() {
    let work = tempfile::tempdir().unwrap();
    // As Winlogbeat, the remap of vector.toml, and Fluent Bit's winevtlog write them; the last
    // states as @timestamp when it read the record.
    for (name, document) in [
        (
            "winlogbeat",
            r#"{"@timestamp":"2024-08-20T02:07:41.000Z","message":"x","winlog":{"channel":"System","provider_name":"Microsoft-Windows-WindowsUpdateClient","event_id":"20","record_id":7,"computer_name":"BR-0417","event_data":{"errorCode":"0x80070005","updateTitle":"2024-08 (KB5041580)"}},"log":{"level":"error"}}"#,
        ),
        (
            "vector",
            r#"{"@timestamp":"2024-08-20T02:07:41.000000Z","message":"x","winlog":{"channel":"System","provider_name":"Microsoft-Windows-WindowsUpdateClient","event_id":20,"record_id":7,"computer_name":"BR-0417","event_data":{"errorCode":"0x80070005","updateTitle":"2024-08 (KB5041580)"},"user_data":null},"log":{"level":"Error"}}"#,
        ),
        (
            "fluent-bit",
            r#"{"@timestamp":"2024-08-20T09:00:00.000000Z","ProviderName":"Microsoft-Windows-WindowsUpdateClient","ProviderGuid":"{x}","Qualifiers":"","EventID":20,"Version":1,"Level":2,"Task":1,"Opcode":13,"Keywords":"0x8","TimeCreated":"2024-08-20 10:07:41 +0800","EventRecordID":7,"ActivityID":"","RelatedActivityID":"","ProcessID":1,"ThreadID":2,"Channel":"System","Computer":"BR-0417","UserID":"NT AUTHORITY\\SYSTEM","Message":"x","StringInserts":["0x80070005","2024-08 (KB5041580)"]}"#,
        ),
    ] {
        let path = work.path().join(format!("{name}.ndjson"));
        std::fs::write(&path, format!("{document}\n")).unwrap();
        let output = bare(&["inspect", arg(&path), "--format", "json"])
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let file = &report["files"][0];
        assert_eq!(file["format"], "events_json", "{name}: {report}");
        assert_eq!(file["first_at"], "2024-08-20T02:07:41Z", "{name}");
        assert_eq!(file["codes"]["0x80070005"], 1, "{name}: {report}");
    }
}
