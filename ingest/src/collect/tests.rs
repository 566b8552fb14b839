//! Whole ways, from files to events.

mod parallel;
mod several;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use patchlens_event::{Kind, RejectReason, Source, ZoneSource};
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::testing::shared;

#[derive(Default)]
struct Kept {
    events: Vec<Event>,
    rejects: Vec<Reject>,
}

impl EventSink for Kept {
    fn event(&mut self, event: Event) -> std::result::Result<(), SinkError> {
        self.events.push(event);
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> std::result::Result<(), SinkError> {
        self.rejects.push(reject);
        Ok(())
    }
}

fn options() -> CollectOptions {
    CollectOptions::new("2024-09-01T00:00:00Z".parse().unwrap())
}

fn read_with(path: &Path, options: &CollectOptions) -> (Kept, PathAccount) {
    let mut kept = Kept::default();
    let account = read_path(path, options, &mut kept).unwrap();
    assert!(account.balances(), "{account:#?}");
    let records = kept
        .events
        .iter()
        .filter(|event| event.kind != Kind::Count)
        .count() as u64;
    assert_eq!(records, account.sent());
    (kept, account)
}

fn read(path: &Path) -> (Kept, PathAccount) {
    read_with(path, &options())
}

/// A directory of files.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    root
}

fn zip_file(path: &Path, files: &[(&str, &[u8])]) {
    let mut writer = ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, bytes) in files {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap();
}

const CBS: &str = "2024-08-20 10:02:41, Info                  CBS    Starting TrustedInstaller initialization.\r\n\
2024-08-20 10:02:42, Info                  CBS    Session: 31171520_2564643148 initialized by client WindowsUpdateAgent.\r\n\
2024-08-20 10:02:43, Error                 CBS    Failed to resolve package [HRESULT = 0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT]\r\n";

fn systeminfo(host: &str) -> String {
    format!(
        "\r\nHost Name:                 {host}\r\nOS Name:                   Microsoft Windows 10 Pro\r\nOS Version:                10.0.19045 N/A Build 19045\r\nTime Zone:                 (UTC+08:00) Beijing\r\n"
    )
}

fn ids(kept: &Kept) -> BTreeSet<String> {
    kept.events
        .iter()
        .map(|event| event.event_id.to_string())
        .collect()
}

#[test]
fn a_folder_is_one_device_named_by_what_is_inside() {
    let root = folder(&[
        ("logs/CBS.log", CBS.as_bytes()),
        ("systeminfo.txt", systeminfo("YR-0042").as_bytes()),
        ("notes.txt", b"call me back"),
    ]);
    let (kept, account) = read(root.path());
    assert_eq!(account.devices.len(), 1);
    let device = &account.devices[0];
    assert_eq!(device.device_id.as_str(), "YR-0042");
    assert_eq!(
        (
            device.files,
            device.records,
            device.sent,
            device.noise_counted,
            device.rejected
        ),
        (2, 4, 3, 1, 0)
    );
    assert_eq!(device.unrecognised[0].file, "notes.txt");
    assert_eq!(kept.rejects[0].reason, RejectReason::UnknownFormat);
    let error = kept
        .events
        .iter()
        .find(|event| !event.codes.is_empty())
        .unwrap();
    assert_eq!(error.codes[0].to_string(), "0x80073712");
    assert_eq!(error.origin.file, "logs/CBS.log");
    assert_eq!(error.origin.line, 3);
    assert_eq!(
        error.occurred_at.unwrap().to_string(),
        "2024-08-20T02:02:43Z"
    );
    assert_eq!(
        error.occurred_at_local.unwrap().to_string(),
        "2024-08-20T10:02:43"
    );
    assert_eq!(error.zone_source, ZoneSource::Device);
    let count = kept
        .events
        .iter()
        .find(|event| event.kind == Kind::Count)
        .unwrap();
    assert_eq!((count.count, count.source), (1, Source::CbsLog));
    assert!(
        kept.events
            .iter()
            .any(|event| event.kind == Kind::Inventory && event.fields["os_build"] == "10.0.19045")
    );
}

#[test]
fn without_a_stated_zone_the_assumption_is_said() {
    let root = folder(&[("CBS.log", CBS.as_bytes())]);
    let (kept, account) = read_with(
        root.path(),
        &CollectOptions {
            assumed_offset_minutes: 60,
            device: Some("pc-1".to_owned()),
            ..options()
        },
    );
    assert_eq!(account.devices[0].device_id.as_str(), "PC-1");
    assert!(
        kept.events
            .iter()
            .all(|event| event.zone_source == ZoneSource::Assumed
                && event.occurred_at_local.is_some())
    );
    assert!(
        kept.events
            .iter()
            .any(|event| event.occurred_at.unwrap().to_string() == "2024-08-20T09:02:43Z")
    );
}

#[test]
fn folder_and_zip_of_the_same_device_give_the_same_ids() {
    let info = systeminfo("YR-0042");
    let files: &[(&str, &[u8])] = &[
        ("CBS.log", CBS.as_bytes()),
        ("systeminfo.txt", info.as_bytes()),
    ];
    let root = folder(files);
    let archive = tempfile::tempdir().unwrap();
    let path = archive.path().join("bundle.zip");
    zip_file(&path, files);
    let (from_folder, _) = read(root.path());
    let (from_zip, _) = read(&path);
    let (again, _) = read(&path);
    assert_eq!(ids(&from_folder), ids(&from_zip));
    assert_eq!(from_zip.events, again.events);
}

#[test]
fn each_zip_and_each_differing_folder_is_a_device() {
    let root = folder(&[
        ("a/systeminfo.txt", systeminfo("PC-A").as_bytes()),
        ("a/CBS.log", CBS.as_bytes()),
        ("b/deep/systeminfo.txt", systeminfo("PC-B").as_bytes()),
        ("c/CBS.log", CBS.as_bytes()),
        ("readme.md", b"x"),
    ]);
    zip_file(
        &root.path().join("PC-Z.zip"),
        &[("CBS.log", CBS.as_bytes())],
    );
    let (_, account) = read(root.path());
    let mut devices: Vec<&str> = account
        .devices
        .iter()
        .map(|device| device.device_id.as_str())
        .collect();
    devices.sort_unstable();
    assert_eq!(devices, ["C", "PC-A", "PC-B", "PC-Z"]);
    assert_eq!(account.unrecognised().count(), 1);
    let one = folder(&[
        ("evtx/x.txt", systeminfo("PC-A").as_bytes()),
        ("logs/CBS.log", CBS.as_bytes()),
        ("more/y.txt", (systeminfo("PC-A") + "\r\n").as_bytes()),
    ]);
    assert_eq!(
        read(one.path()).1.devices.len(),
        1,
        "folders that do not differ are one device"
    );
}

#[test]
fn equal_files_are_read_once() {
    let root = folder(&[
        ("a/CBS.log", CBS.as_bytes()),
        ("b/CBS.log", CBS.as_bytes()),
        ("c/CBS.log", CBS.replace("31171520", "31171521").as_bytes()),
    ]);
    let (_, account) = read(root.path());
    assert_eq!(
        (
            account.files(),
            account.devices[0].duplicate_files,
            account.records()
        ),
        (2, 1, 6)
    );
}

#[test]
fn what_holds_no_log_is_said_and_named() {
    let binary: Vec<u8> = (0..5000u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2])
        .collect();
    let root = folder(&[("CBS.log", &binary), ("empty.log", b"")]);
    let (kept, account) = read(root.path());
    assert_eq!((account.files(), account.records()), (0, 0));
    let reasons: BTreeMap<&str, &str> = account.devices[0]
        .unrecognised
        .iter()
        .map(|file| (file.file.as_str(), file.detail.as_str()))
        .collect();
    assert!(reasons["CBS.log"].contains("binary"), "{reasons:?}");
    assert!(reasons["empty.log"].contains("empty"), "{reasons:?}");
    assert!(
        kept.rejects.iter().all(|reject| reject.raw.is_empty()),
        "unknown files are named, not copied"
    );
    let nothing = tempfile::tempdir().unwrap();
    assert_eq!(read(nothing.path()).1.rejected(), 1);
    assert!(
        read_path(
            &nothing.path().join("missing"),
            &options(),
            &mut Kept::default()
        )
        .is_err()
    );
}

#[test]
fn a_bomb_in_a_bundle_is_a_reject_and_its_neighbours_are_read() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("PC-1.zip");
    let line = "2024-08-20 10:02:41, Info                  CBS    Session: 1_1 initialized\r\n";
    zip_file(
        &path,
        &[
            ("bomb.log", line.repeat(400_000).as_bytes()),
            ("CBS.log", CBS.as_bytes()),
            ("../evil.log", CBS.as_bytes()),
        ],
    );
    let limits = Limits {
        ratio_max: 50,
        ..Limits::default()
    };
    let (kept, account) = read_with(
        &path,
        &CollectOptions {
            limits,
            ..options()
        },
    );
    assert_eq!(account.devices[0].device_id.as_str(), "PC-1");
    let reasons: BTreeSet<&str> = kept
        .rejects
        .iter()
        .map(|reject| reject.reason.as_str())
        .collect();
    assert_eq!(reasons, BTreeSet::from(["limit_exceeded", "unsafe_path"]));
    assert!(
        kept.events
            .iter()
            .any(|event| event.origin.file == "CBS.log")
    );
}

#[test]
fn planted_names_do_not_leave() {
    let log = "2024-08-20 10:02:41, Error                 CBS    Cannot open C:\\Users\\zhang.wei\\AppData\\x.dll 0x80070005 for S-1-5-21-1-2-3-1001 zhang.wei@bank.example from 10.20.30.40\r\n\
               2024-08-20 10:02:42, Info                  CBS    noise for zhang.wei and PC-1\\zhang.wei here\r\nthis is zhang.wei\r\n";
    let root = folder(&[
        ("C/Users/zhang.wei/CBS.log", log.as_bytes()),
        (
            "device.json",
            b"{\"device_name\":\"PC-1\",\"owner\":\"zhang.wei\"}",
        ),
        ("zhang.wei.bin", b"\0\0\0"),
    ]);
    let (kept, _) = read_with(
        root.path(),
        &CollectOptions {
            redaction: Redaction {
                salt: "s".to_owned(),
                ..Redaction::default()
            },
            ..options()
        },
    );
    let mut text = serde_json::to_string(&kept.events).unwrap();
    text.push_str(&serde_json::to_string(&kept.rejects).unwrap());
    for planted in ["zhang.wei", "S-1-5-21-1", "bank.example", "10.20.30.40"] {
        assert!(!text.contains(planted), "{planted} in {text}");
    }
    assert!(text.contains("0x80070005") && text.contains("x.dll"));
}

/// Records sent once, plus the larger count of each (template, code, day).
fn records_in(kepts: &[&Kept]) -> u64 {
    let sent: BTreeSet<&str> = kepts
        .iter()
        .flat_map(|kept| &kept.events)
        .filter(|event| event.kind != Kind::Count)
        .map(|event| event.event_id.as_str())
        .collect();
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for event in kepts
        .iter()
        .flat_map(|kept| &kept.events)
        .filter(|event| event.kind == Kind::Count)
    {
        let key = format!(
            "{} {} {:?} {:?}",
            event.source.as_str(),
            event.template,
            event.codes,
            event.occurred_at_local
        );
        let count = counts.entry(key).or_default();
        *count = (*count).max(event.count);
    }
    sent.len() as u64 + counts.values().map(|count| u64::from(*count)).sum::<u64>()
}

#[test]
fn a_log_that_grew_counts_once() {
    let Some(folder_path) = shared("realdata/dism") else {
        return;
    };
    let first = std::fs::read(folder_path.join("growing-1.log")).unwrap();
    let second = std::fs::read(folder_path.join("growing-2.log")).unwrap();
    let device = CollectOptions {
        device: Some("PC-1".to_owned()),
        ..options()
    };
    let (one, one_account) = read_with(folder(&[("dism.log", &first)]).path(), &device);
    let (two, two_account) = read_with(folder(&[("dism.log", &second)]).path(), &device);
    assert_eq!(records_in(&[&two]), two_account.records());
    assert_eq!(records_in(&[&one, &two]), two_account.records());
    assert_eq!(records_in(&[&one, &two, &one]), two_account.records());
    assert!(one_account.records() < two_account.records());
    // Both in one bundle: copies of each other, not parts of one log.
    let (both, _) = read_with(
        folder(&[("old/dism.log", &first), ("new/dism.log", &second)]).path(),
        &device,
    );
    assert_eq!(records_in(&[&both]), two_account.records());
    // Trimmed at the front.
    let at = second.len() / 2;
    let start = at + second[at..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let (trimmed, _) = read_with(folder(&[("dism.log", &second[start..])]).path(), &device);
    assert_eq!(records_in(&[&two, &trimmed]), two_account.records());
}

#[test]
fn every_field_case_is_read_and_balances() {
    let Some(cases) = shared("cases") else { return };
    for case in std::fs::read_dir(cases)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
    {
        for endpoint in std::fs::read_dir(&case)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
        {
            let (kept, account) = read(&endpoint);
            assert_eq!(account.devices.len(), 1, "{}", endpoint.display());
            assert_eq!(
                account.unrecognised().collect::<Vec<_>>(),
                Vec::<String>::new(),
                "{}",
                endpoint.display()
            );
            assert_eq!(
                account.rejected(),
                0,
                "{}: {:?}",
                endpoint.display(),
                kept.rejects
            );
            assert!(account.sent() > 0, "{}", endpoint.display());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_collected_prefix_or_suffix_adds_no_record(seconds in proptest::collection::vec((0u8..3, 0u8..4), 1..40), cut in 0usize..40) {
        let mut second = 0;
        let lines: Vec<String> = seconds
            .iter()
            .map(|(step, text)| {
                second += u32::from(*step);
                format!("2024-08-20 10:{:02}:{:02}, Info                  CBS    {} message {}\n", second / 60, second % 60, if text % 2 == 0 { "Session:" } else { "quiet" }, text)
            })
            .collect();
        let cut = cut.min(lines.len() - 1);
        let device = CollectOptions { device: Some("PC-1".to_owned()), ..options() };
        let part = |lines: &[String]| read_with(folder(&[("CBS.log", lines.concat().as_bytes())]).path(), &device).0;
        let (whole, head, tail) = (part(&lines), part(&lines[..=cut]), part(&lines[cut..]));
        prop_assert_eq!(records_in(&[&whole, &head, &tail]), lines.len() as u64);
    }
}

#[test]
fn a_healthy_log_is_mostly_counted() {
    let Some(root) = shared("realdata") else {
        return;
    };
    for (file, one_in) in [
        ("cbs/win11-26100-first-boot.log", 100),
        ("windows_update/legacy-tab-2021.log", 20),
        ("procmon/decimal-comma.csv", 1000),
    ] {
        let (kept, account) = read_with(
            &root.join(file),
            &CollectOptions {
                device: Some("PC-1".to_owned()),
                ..options()
            },
        );
        assert!(
            account.sent() * one_in < account.records(),
            "{file}: {} of {}",
            account.sent(),
            account.records()
        );
        let counted: u64 = kept
            .events
            .iter()
            .filter(|event| event.kind == Kind::Count)
            .map(|event| u64::from(event.count))
            .sum();
        assert_eq!(counted, account.noise_counted(), "{file}");
    }
}

#[test]
fn event_log_records_have_a_template_of_provider_and_id() {
    let document = r#"{"@timestamp":"2024-08-20T01:58:03.114Z","winlog":{"channel":"System","provider_name":"Microsoft-Windows-WindowsUpdateClient","event_id":20,"record_id":7,"computer_name":"YR-0042.corp.example","event_data":{"errorCode":"-2145124322","updateTitle":"x"}}}"#;
    let root = folder(&[("events.ndjson", document.as_bytes())]);
    let (kept, account) = read(root.path());
    assert_eq!(account.devices[0].device_id.as_str(), "YR-0042");
    let event = &kept.events[0];
    assert_eq!(event.template, "Microsoft-Windows-WindowsUpdateClient:20");
    assert_eq!(event.codes[0].to_string(), "0x8024001e");
    assert_eq!(
        (event.windows_event_id, event.origin.record_id),
        (Some(20), Some(7))
    );
    assert_eq!(event.zone_source, ZoneSource::Record);
}
