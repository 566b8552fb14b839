//! Nothing planted reaches the event log: names of people are put into every format and several
//! languages, collected the way a collector does it, written to a local event log, and looked for in
//! every byte that was written. What a diagnosis needs must still be there.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::path::Path;
use std::time::Duration;

use patchlens_event::{EVENTS_TOPIC, Event, REJECTS_TOPIC, Reject, encode_batch};
use patchlens_ingest::collect::{CollectOptions, EventSink, SinkError, read_path};
use patchlens_ingest::redact::Redaction;
use patchlens_log::{LogUrl, Message, Reader, ReaderOptions, Writer, WriterOptions};

const SID: &str = "S-1-5-21-1004336348-1177238915-682003330-1107";
const USERS: [&str; 5] = ["j.doe", "王小明", "Müller", "ivan.petrov", "marie.dupont"];
const EMAILS: [&str; 3] = [
    "jane.roe@bank.example.com",
    "petrov@filial.example.ru",
    "svc-patch@corp.example.com",
];
const ADDRESSES: [&str; 4] = [
    "10.20.30.40",
    "192.168.77.5",
    "2001:db8:85a3::8a2e:370:7334",
    "fe80::1ff:fe23:4567:890a",
];
/// Accounts as `DOMAIN\user`; neither part may leave.
const ACCOUNTS: [(&str, &str); 2] = [("BRANCH-EAST", "kpatel"), ("ACME", "liu.yang")];

/// What stands in a planted sentence beside the names, and must survive it.
const KEPT: [&str; 6] = [
    "0x80073712",
    "KB5041580",
    "WpdMtp.dll",
    r"C:\\Windows\\WinSxS\\Temp\\InFlight",
    "10.0.17763.2090",
    "Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.2090.1.0",
];

/// Sentences with everything planted, in the languages that devices log in.
fn sentences() -> Vec<String> {
    let mut all = Vec::new();
    for (index, user) in USERS.iter().enumerate() {
        let email = EMAILS[index % EMAILS.len()];
        let address = ADDRESSES[index % ADDRESSES.len()];
        let (domain, account) = ACCOUNTS[index % ACCOUNTS.len()];
        let said = [
            "cannot open",
            "无法打开",
            "kann nicht geöffnet werden:",
            "не удалось открыть",
            "impossible d'ouvrir",
        ][index];
        all.push(format!(
            r"Failed 0x80073712 KB5041580 {said} C:\Users\{user}\AppData\Local\Temp\a.log by {domain}\{account} ({SID}), {email}, server {address}; C:\Windows\WinSxS\Temp\InFlight WpdMtp.dll 10.0.17763.2090 Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.2090.1.0"
        ));
    }
    all
}

fn lines(form: impl Fn(&str) -> String) -> Vec<u8> {
    let mut text = String::new();
    for sentence in sentences() {
        text.push_str(&form(&sentence));
        text.push_str("\r\n");
    }
    text.into_bytes()
}

fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// One file of each format, by name.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let gbk = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        encoding_rs::GB18030.encode(&text).0.into_owned()
    };
    let wide = |bytes: Vec<u8>| utf16(&String::from_utf8(bytes).unwrap());
    let cbs = |s: &str| format!("2024-08-20 10:02:41, Error                 CBS    {s}");
    let mut files = vec![
        ("CBS.log", lines(cbs)),
        ("wide/CBS.log", wide(lines(cbs))),
        ("gbk/CBS.log", gbk(lines(cbs))),
        ("dism.log", lines(|s| format!("2024-08-20 10:02:41, Error                 DISM   DISM Package Manager: PID=1 TID=2 {s}"))),
        ("setupact.log", lines(|s| format!("2024-08-20 10:02:41, Error                 MIG    {s}"))),
        ("WindowsUpdate.log", lines(|s| format!("2024/08/20 10:02:41.1234567 1044  2212  Agent           *FAILED* [80073712] {s}"))),
        ("legacy/WindowsUpdate.log", lines(|s| format!("2018-10-21\t10:02:41:123\t 1044\t8a4\tAgent\tWARNING: {s}"))),
        ("ReportingEvents.log", lines(|s| format!("{{0A2B5B5E-7F5D-4B5C-9C5A-1E2D3C4B5A69}}\t2024-08-20 10:02:41:123+0800\t1\t182\t101\t{{AAAAAAAA-7F5D-4B5C-9C5A-1E2D3C4B5A69}}\t1\t80073712\tUpdateOrchestrator\tFailure\tContent Install\tInstallation Failure: {s}"))),
        ("WUAHandler.log", lines(|s| format!("<![LOG[{s}]LOG]!><time=\"10:02:41.123+480\" date=\"08-20-2024\" component=\"WUAHandler\" context=\"\" type=\"3\" thread=\"636\" file=\"a.cpp:1\">"))),
        ("setupapi.dev.log", lines(|s| format!(">>>  [Setup Import Driver Package - {s}]\r\n>>>  Section start 2024/08/20 10:02:41.123\r\n      cmd: {s}\r\n!!!  flq: {s}\r\n<<<  Section end 2024/08/20 10:02:42.123\r\n<<<  [Exit status: FAILURE(0x80073712)]\r\n"))),
        ("events.json", lines(|s| format!("{{\"@timestamp\":\"2024-08-20T02:02:41Z\",\"winlog\":{{\"provider_name\":\"Microsoft-Windows-WindowsUpdateClient\",\"event_id\":20,\"channel\":\"System\",\"computer_name\":\"PC-1\",\"event_data\":{{\"errorCode\":\"0x80073712\",\"updateTitle\":{0},\"SubjectUserSid\":\"{SID}\"}}}},\"message\":{0}}}", json(s)))),
        ("flat.json", lines(|s| format!("{{\"TimeCreated\":\"2024-08-20T02:02:41Z\",\"ProviderName\":\"Application Error\",\"Id\":1000,\"LogName\":\"Application\",\"MachineName\":\"PC-1\",\"Message\":{}}}", json(s)))),
        ("hash.txt", format!("SHA256 hash of C:\\Users\\王小明\\Downloads\\kb1.msu:\r\n{}\r\nCertUtil: ok\r\n", "0e9a4b7c".repeat(8)).into_bytes()),
        ("services.reg", utf16(&format!("Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\wuauserv]\r\n\"Start\"=dword:00000004\r\n\"ObjectName\"=\"ACME\\\\liu.yang\"\r\n\"ImagePath\"=\"C:\\\\Users\\\\j.doe\\\\x.exe\"\r\n\"Sid\"=\"{SID}\"\r\n"))),
        ("systeminfo.txt", "\r\nHost Name:                 PC-1\r\nOS Name:                   Microsoft Windows 10 Enterprise LTSC\r\nOS Version:                10.0.17763 N/A Build 17763\r\nRegistered Owner:          j.doe\r\nNetwork Card(s):           [01]: 10.20.30.40\r\n                           [02]: fe80::1ff:fe23:4567:890a\r\nHotfix(s):                 [01]: KB5041580\r\n".as_bytes().to_vec()),
        ("hotfix.csv", "Node,HotFixID,InstalledBy,InstalledOn\r\nPC-1,KB5041580,ACME\\liu.yang,8/20/2024\r\n".as_bytes().to_vec()),
        ("patches.json", "{\"hotfix_id\":\"KB5041580\",\"csname\":\"PC-1\",\"installed_by\":\"BRANCH-EAST\\\\kpatel\"}\n".as_bytes().to_vec()),
        ("device.json", "{\"os_build\":\"10.0.17763.2090\",\"user_name\":\"marie.dupont\",\"owner\":\"jane.roe@bank.example.com\"}\n".as_bytes().to_vec()),
        ("trace.csv", "\u{feff}\"Time of Day\",\"Process Name\",\"PID\",\"Operation\",\"Path\",\"Result\",\"Detail\",\"User\"\r\n\"10:02:41.1234567\",\"TrustedInstaller.exe\",\"1\",\"CreateFile\",\"C:\\Users\\ivan.petrov\\WpdMtp.dll\",\"ACCESS DENIED\",\"Impersonating: ACME\\liu.yang\",\"BRANCH-EAST\\kpatel\"\r\n".as_bytes().to_vec()),
        // Lines that no record can be made of go to the rejects, and are looked at just the same.
        ("cut/CBS.log", [lines(str::to_owned), lines(cbs)].concat()),
        ("wide/cut/CBS.log", wide([lines(str::to_owned), lines(cbs)].concat())),
        ("gbk/cut/CBS.log", gbk([lines(str::to_owned), lines(cbs)].concat())),
        ("wide/broken.reg", utf16(&format!("[HKEY_LOCAL_MACHINE\\x]\r\n{}", sentences().join("\r\n")))),
    ];
    files.push(("Users/j.doe/CBS.log", lines(cbs)));
    files
}

#[derive(Default)]
struct Kept {
    events: Vec<u8>,
    rejects: Vec<u8>,
    sources: std::collections::BTreeSet<&'static str>,
}

impl EventSink for Kept {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        self.sources.insert(event.source.as_str());
        encode_batch(&event, &mut self.events).map_err(|error| SinkError::new(error.to_string()))
    }

    fn reject(&mut self, reject: Reject) -> Result<(), SinkError> {
        encode_batch(&reject, &mut self.rejects).map_err(|error| SinkError::new(error.to_string()))
    }
}

fn collect(path: &Path, redaction: Redaction) -> Kept {
    let mut options = CollectOptions::new("2024-09-01T00:00:00Z".parse().unwrap());
    options.device = Some("PC-1".to_owned());
    options.redaction = redaction;
    let mut kept = Kept::default();
    read_path(path, &options, &mut kept).unwrap();
    kept
}

/// Writes to a local event log and gives back every payload that was written.
async fn through_the_log(kept: Kept) -> String {
    let directory = tempfile::tempdir().unwrap();
    let url = LogUrl::local(directory.path());
    let writer = Writer::open(&url, WriterOptions::default()).await.unwrap();
    let message = |payload| Message {
        key: "PC-1".to_owned(),
        payload,
    };
    writer
        .append(EVENTS_TOPIC, vec![message(kept.events)])
        .await
        .unwrap();
    writer
        .append(REJECTS_TOPIC, vec![message(kept.rejects)])
        .await
        .unwrap();
    writer.close().await;
    let options = ReaderOptions::new("redaction", [EVENTS_TOPIC, REJECTS_TOPIC]);
    let mut reader = Reader::open(&url, options).await.unwrap();
    let mut payloads = String::new();
    let mut messages = 0;
    while messages < 2 {
        let polled = reader
            .poll(1 << 24, Duration::from_millis(200))
            .await
            .unwrap();
        for message in polled.messages {
            payloads.push_str(&String::from_utf8(message.payload).unwrap());
            messages += 1;
        }
    }
    reader.close().await;
    payloads
}

fn bundle() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, bytes) in files() {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    root
}

fn salted() -> Redaction {
    Redaction {
        salt: "fleet".to_owned(),
        ..Redaction::default()
    }
}

/// Where a planted text stands, with what is around it.
fn leaks(payloads: &str, planted: &str) -> Vec<String> {
    // With a zero behind each letter it is still a name.
    let lower = payloads.to_lowercase().replace("\\u0000", "");
    lower
        .match_indices(&planted.to_lowercase())
        .map(|(at, _)| {
            let from = lower.floor_char_boundary(at.saturating_sub(80));
            let to = lower.ceil_char_boundary((at + 80).min(lower.len()));
            lower.get(from..to).unwrap_or_default().to_owned()
        })
        .take(3)
        .collect()
}

#[tokio::test]
async fn no_planted_name_reaches_the_event_log() {
    let root = bundle();
    let kept = collect(root.path(), salted());
    for source in [
        "cbs_log",
        "dism_log",
        "setup_log",
        "windows_update_log",
        "reporting_events",
        "cmtrace_log",
        "setupapi_log",
        "event_log",
        "hash_listing",
        "inventory",
        "osquery",
        "procmon",
    ] {
        assert!(
            kept.sources.contains(source),
            "nothing of {source} was sent"
        );
    }
    let payloads = through_the_log(kept).await;
    let people = USERS.iter().chain(&EMAILS).chain(&ADDRESSES).copied();
    let accounts = ACCOUNTS.iter().map(|(_, user)| *user);
    let mut leaked = Vec::new();
    for planted in people.chain(accounts).chain(["S-1-5-21-1004336348"]) {
        leaked.extend(leaks(&payloads, planted));
    }
    assert!(leaked.is_empty(), "{leaked:#?}");
    for kept in KEPT {
        assert!(payloads.contains(kept), "{kept} is gone");
    }
}

/// What is left of a name in what a folder of these files yields.
#[track_caller]
fn nothing_left_of(name: &str, files: &[(&str, Vec<u8>)]) {
    let root = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let kept = collect(root.path(), salted());
    let payloads = String::from_utf8([kept.events, kept.rejects].concat()).unwrap();
    let left = leaks(&payloads, name);
    assert!(left.is_empty(), "{left:#?}");
    assert!(payloads.contains("session of"), "nothing was sent");
}

#[test]
fn whoever_owns_a_profile_is_taken_out_without_a_path_too() {
    let line = |text: &str| {
        format!("2024-08-20 10:02:41, Error                 CBS    Failed 0x80070005 {text}\r\n")
    };
    let bare = line("session of jroe ended");
    let path = line(r"open C:\Users\jroe\AppData\x: denied");
    let quiet_path = format!(
        "2024-08-20 10:02:41, Info                  CBS    Scratch is C:\\Users\\jroe\\AppData\r\n{}",
        line("filler").repeat(10)
    );
    // In UTF-16 as well, and named before its path.
    let mixed = [bare.as_str(), &path, &bare].concat();
    nothing_left_of("jroe", &[("CBS.log", mixed.clone().into_bytes())]);
    nothing_left_of("jroe", &[("CBS.log", utf16(&mixed))]);
    // Told by a line that is only counted, far behind the beginning.
    let far = line("filler of no account").repeat(60_000);
    let late = [far.as_str(), &quiet_path, &bare].concat();
    nothing_left_of("jroe", &[("CBS.log", late.clone().into_bytes())]);
    nothing_left_of("jroe", &[("CBS.log", utf16(&late))]);
    // Told by another file.
    let near = [line("filler of no account").repeat(1_000).as_str(), &path].concat();
    nothing_left_of(
        "jroe",
        &[
            ("a/CBS.log", bare.clone().into_bytes()),
            ("b/dism.log", utf16(&near.replace(" CBS ", " DISM "))),
        ],
    );
}

#[test]
fn accounts_of_a_domain_that_the_device_names_are_taken_out_in_any_case() {
    let info = "\r\nHost Name:                 PC-1\r\nOS Name:                   Microsoft Windows 10 Enterprise LTSC\r\nOS Version:                10.0.17763 N/A Build 17763\r\nDomain:                    corp.example\r\nLogon Server:              \\\\DC1\r\nHotfix(s):                 [01]: KB5041580\r\n";
    for account in [r"corp\jroe", r"Corp\jroe", "jroe@corp", "jroe@CORP"] {
        let line = format!(
            "2024-08-20 10:02:41, Error                 CBS    Failed 0x80070005 session of {account} ended\r\n"
        );
        nothing_left_of(
            "jroe",
            &[
                ("systeminfo.txt", info.as_bytes().to_vec()),
                ("CBS.log", line.into_bytes()),
            ],
        );
    }
}

#[test]
fn no_id_tells_which_name_was_taken_out() {
    let root = bundle();
    let ids = |salt: &str| {
        let redaction = Redaction {
            salt: salt.to_owned(),
            ..Redaction::default()
        };
        let kept = collect(root.path(), redaction);
        let all = String::from_utf8([kept.events, kept.rejects].concat()).unwrap();
        let expression = regex::Regex::new(r#""(event|reject)_id":"([0-9a-f]{32})""#).unwrap();
        // Counts are made of redacted text.
        let records = all
            .lines()
            .filter(|line| !line.contains(r#""kind":"count""#));
        records
            .flat_map(|line| expression.captures_iter(line))
            .map(|captures| captures[2].to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    let (one, again, other) = (ids("fleet"), ids("fleet"), ids("other"));
    assert!(one.len() > 50);
    assert_eq!(one, again, "collectors that share the salt agree");
    let same = one.intersection(&other).count();
    assert_eq!(same, 0, "of {}", one.len());
}

#[tokio::test]
async fn equal_names_stay_equal_and_other_salts_differ() {
    let root = bundle();
    let tokens = |payloads: &str| -> Vec<String> {
        let expression = regex::Regex::new(r"Users\\\\(user:[0-9a-f]{8})\\\\AppData").unwrap();
        let mut found: Vec<String> = expression
            .captures_iter(payloads)
            .map(|captures| captures[1].to_owned())
            .collect();
        found.sort();
        found.dedup();
        found
    };
    let first = tokens(&through_the_log(collect(root.path(), salted())).await);
    let again = tokens(&through_the_log(collect(root.path(), salted())).await);
    assert_eq!(first.len(), USERS.len(), "one token per user: {first:?}");
    assert_eq!(first, again);
    let other = Redaction {
        salt: "other".to_owned(),
        ..Redaction::default()
    };
    let other = tokens(&through_the_log(collect(root.path(), other)).await);
    assert!(first.iter().all(|token| !other.contains(token)));
}

#[tokio::test]
async fn each_class_has_a_switch_of_its_own() {
    let root = bundle();
    let off = [
        (
            Redaction {
                user_names: false,
                ..salted()
            },
            "王小明",
        ),
        (
            Redaction {
                sids: false,
                ..salted()
            },
            SID,
        ),
        (
            Redaction {
                email_addresses: false,
                ..salted()
            },
            EMAILS[0],
        ),
        (
            Redaction {
                ip_addresses: false,
                ..salted()
            },
            ADDRESSES[2],
        ),
    ];
    for (index, (redaction, _)) in off.iter().enumerate() {
        let payloads = through_the_log(collect(root.path(), redaction.clone())).await;
        for (other, (_, planted)) in off.iter().enumerate() {
            assert_eq!(
                !leaks(&payloads, planted).is_empty(),
                other == index,
                "switch {index}, {planted}: {:#?}",
                leaks(&payloads, planted)
            );
        }
    }
}
