//! Names of people and addresses, planted in every format and several languages, do not reach the
//! event log; what diagnosis needs does. The whole way is gone, and the log's files are searched.

use std::io::Write as _;
use std::path::Path;

use crate::support::{arg, bare, text};

/// What must not leave, each planted in several files.
const PLANTED: &[&str] = &[
    "zhang.wei",
    "jane.roe",
    "Мария.Петрова",
    "佐藤花子",
    "bank.example",
    "S-1-5-21-1004336348",
    "S-1-12-1-3004336348",
    "10.20.30.40",
    "192.168.77.5",
    "2001:db8:77",
    "Roe Family",
];

/// What must.
const KEPT: &[&str] = &[
    "0x80070005",
    "KB5041580",
    "Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.4780.1.7",
    "dot3gpui.dll",
    r"C:\\Windows\\WinSxS",
    "10.0.19045.4780",
    "TrustedInstaller",
];

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn put(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// One device's logs in every format.
fn plant(folder: &Path) {
    put(folder, "device.json", br#"{"device_name":"BR-0417","os_build":"10.0.19045.4780","domain":"CORP","owner":"zhang.wei","primary_user":"jane.roe@bank.example"}"#);
    put(folder, "CBS/CBS.log", "2024-08-20 10:02:41, Info                  CBS    Session: 31_1 initialized by client WindowsUpdateAgent (NT SERVICE\\TrustedInstaller) for CORP\\zhang.wei.\r\n\
        2024-08-20 10:02:42, Error                 CSI    0001 Cannot open C:\\Users\\zhang.wei.CORP\\AppData\\Local\\x.dll and C:\\Windows\\WinSxS\\dot3gpui.dll 0x80070005 [S-1-5-21-1004336348-1177238915-682003330-512]\r\n\
        2024-08-20 10:02:43, Info                  CBS    Package Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.4780.1.7 wanted by 佐藤花子 at C:\\Users\\佐藤花子\\Desktop\r\n\
        2024-08-20 10:02:44, Info                  CBS    nothing to see for zhang.wei at 10.20.30.40\r\n\
        2024-08-20 10:02:45, Info                  CBS    share \\\\files\\users\\jane.roe\\x.msu corrupt\r\nstray line of zhang.wei\r\n".as_bytes());
    put(
        folder,
        "DISM/dism.log",
        &utf16(
            "2024-08-20 10:03:41, Error                 DISM   DISM Package Manager: PID=1 TID=2 Нет доступа: C:\\Users\\Мария.Петрова\\Documents, jane.roe@bank.example, 0x80070005 - CDISMPackage\r\n",
        ),
    );
    put(folder, "Panther/setupact.log", "2024-08-20 10:04:41, Error                 MIG    Error 5 while gathering/applying object: File, C:\\Users\\jane.roe\\ntuser.dat for S-1-12-1-3004336348-1104336348-3004336348-1004336348 from 2001:db8:77::1[gle=0x00000005]\r\n".as_bytes());
    put(folder, "WindowsUpdate.log", "2024/08/20 10:05:41.1000000 1  2  Agent           *FAILED* [80070005] Install of update KB5041580 for user CORP\\jane.roe via proxy 192.168.77.5:8080\r\n".as_bytes());
    put(folder, "WUAHandler.log", br#"<![LOG[Failed to install update KB5041580 for jane.roe@bank.example, error 0x80070005]LOG]!><time="10:06:41.000-480" date="08-20-2024" component="WUAHandler" context="CORP\zhang.wei" type="3" thread="1" file="x.cpp:1">"#);
    put(folder, "events.ndjson", br#"{"@timestamp":"2024-08-20T02:07:41Z","winlog":{"channel":"System","provider_name":"Microsoft-Windows-WindowsUpdateClient","event_id":"20","computer_name":"BR-0417","record_id":7,"event_data":{"errorCode":"0x80070005","updateTitle":"2024-08 (KB5041580)","SubjectUserName":"jane.roe"},"user":{"name":"zhang.wei","domain":"CORP","identifier":"S-1-5-21-1004336348-1177238915-682003330-1001"}},"host":{"name":"BR-0417","ip":["10.20.30.40","2001:db8:77::9"]},"message":"Installation failed for jane.roe"}
{"@timestamp":"2024-08-20T02:08:41Z","winlog":{"channel":"System","provider_name":"User32","event_id":"1074","computer_name":"BR-0417","record_id":8,"event_data":{"param1":"explorer.exe","param7":"CORP\\zhang.wei"}},"message":"restart by CORP\\zhang.wei"}
"#);
    let setup_diag = "<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n<SetupDiag><ProfileName>UserProfileCreationFailureDuringFinalize</ProfileName><SystemInfo><MachineName>BR-0417</MachineName></SystemInfo><FailureData>Error: SetupDiag reports profile failure. User: CORP\\jane.roe, SID S-1-5-21-1004336348-1177238915-682003330-1001, C:\\Users\\jane.roe, Error: 0x80070005</FailureData></SetupDiag>";
    put(
        folder,
        "SetupDiagResults.xml",
        &[b"\xff\xfe".to_vec(), utf16(setup_diag)].concat(),
    );
    put(folder, "Logfile.CSV", "\"Time of Day\",\"Process Name\",\"PID\",\"Operation\",\"Path\",\"Result\",\"Detail\",\"User\"\r\n\"10:09:41.0000000 AM\",\"TiWorker.exe\",\"7\",\"CreateFile\",\"C:\\Users\\zhang.wei\\x\",\"ACCESS DENIED\",\"Desired Access: Read\",\"CORP\\zhang.wei\"\r\n".as_bytes());
    put(folder, "systeminfo.txt", "\r\nHost Name:                 BR-0417\r\nOS Name:                   Microsoft Windows 10 Pro\r\nOS Version:                10.0.19045 N/A Build 19045\r\nOS Manufacturer:           Microsoft Corporation\r\nOS Configuration:          Member Workstation\r\nOS Build Type:             Multiprocessor Free\r\nRegistered Owner:          Roe Family\r\nRegistered Organization:   N/A\r\nProduct ID:                00330\r\nOriginal Install Date:     1/1/2020, 1:00:00 AM\r\nSystem Boot Time:          8/20/2024, 9:00:00 AM\r\nSystem Manufacturer:       Dell Inc.\r\nSystem Model:              OptiPlex\r\nSystem Type:               x64-based PC\r\nTime Zone:                 (UTC+08:00) Beijing\r\nDomain:                    bank.local\r\nLogon Server:              \\\\DC1\r\nHotfix(s):                 1 Hotfix(s) Installed.\r\n                           [01]: KB5041580\r\nNetwork Card(s):           1 NIC(s) Installed.\r\n                           [01]: Intel\r\n                                 IP address(es)\r\n                                 [01]: 10.20.30.40\r\n                                 [02]: 2001:db8:77::a\r\n".as_bytes());
    put(folder, "hotfix.txt", b"Source        Description      HotFixID      InstalledBy          InstalledOn\r\n------        -----------      --------      -----------          -----------\r\nBR-0417       Security Update  KB5041580     CORP\\zhang.wei       8/20/2024\r\n");
    put(folder, "services.csv", b"\"Name\",\"StartMode\",\"State\",\"StartName\"\r\n\"wuauserv\",\"Disabled\",\"Stopped\",\"LocalSystem\"\r\n\"agent\",\"Auto\",\"Running\",\"CORP\\jane.roe\"\r\n");
    put(folder, "reg.txt", b"HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\r\n    RegisteredOwner    REG_SZ    Roe Family\r\n    CurrentBuild    REG_SZ    19045\r\n    PathName    REG_SZ    C:\\Users\\jane.roe\\x\r\n");
    put(
        folder,
        "certutil.txt",
        format!(
            "SHA256 hash of C:\\Users\\zhang.wei\\Downloads\\kb.msu:\r\n{}\r\nCertUtil: ok\r\n",
            "ab".repeat(32)
        )
        .as_bytes(),
    );
    put(
        folder,
        "osquery.json",
        br#"[{"csname":"BR-0417","hotfix_id":"KB5041580","installed_by":"CORP\\zhang.wei"}]"#,
    );
    put(folder, "zhang.wei/notes-of-jane.roe.bin", &[0; 64]);
    let mut archive =
        zip::ZipWriter::new(std::fs::File::create(folder.join("more.zip.part")).unwrap());
    archive
        .start_file(
            "C/Users/zhang.wei/AppData/CBS2.log",
            zip::write::SimpleFileOptions::default(),
        )
        .unwrap();
    archive.write_all(b"2024-08-20 10:02:41, Error                 CBS    by CORP\\zhang.wei from 10.20.30.40 0x80070005\r\n").unwrap();
    archive.finish().unwrap();
}

fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(bytes_below(&path));
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

fn holds(bytes: &[u8], needle: &str) -> bool {
    String::from_utf8_lossy(bytes)
        .to_lowercase()
        .contains(&needle.to_lowercase())
}

fn collect(bundle: &Path, config: &str) -> Vec<u8> {
    let work = tempfile::tempdir().unwrap();
    let settings = work.path().join("patchlens.toml");
    std::fs::write(&settings, config).unwrap();
    let log = work.path().join("log");
    let output = bare(&[
        "collect",
        arg(bundle),
        "--to",
        &format!("local:{}", log.display()),
        "--config",
        arg(&settings),
    ])
    .output()
    .unwrap();
    let stderr = text(&output.stderr);
    assert!(
        output.status.code().is_some_and(|code| code < 2),
        "{stderr}"
    );
    for planted in PLANTED {
        assert!(
            !config.is_empty()
                || !holds(&output.stdout, planted) && !holds(&output.stderr, planted),
            "{planted} is printed: {stderr}"
        );
    }
    bytes_below(&log)
}

#[test]
fn planted_names_do_not_reach_the_event_log() {
    let work = tempfile::tempdir().unwrap();
    let bundle = work.path().join("BR-0417");
    plant(&bundle);
    let log = collect(&bundle, "");
    for kept in KEPT {
        assert!(holds(&log, kept), "{kept} is not in the log");
    }
    let found: Vec<String> = PLANTED
        .iter()
        .filter(|planted| holds(&log, planted))
        .map(|planted| {
            let text = String::from_utf8_lossy(&log).to_lowercase();
            let at = text.find(&planted.to_lowercase()).unwrap();
            let from = text.floor_char_boundary(at.saturating_sub(300));
            let to = text.floor_char_boundary(at + 60);
            format!("{planted}: …{}", &text[from..to])
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

#[test]
fn a_class_that_is_switched_off_stays_and_the_salt_decides_equality() {
    let work = tempfile::tempdir().unwrap();
    let bundle = work.path().join("BR-0417");
    plant(&bundle);
    let log = collect(
        &bundle,
        "[collect.redact]\nip_addresses = false\nsids = false\n",
    );
    for shown in ["10.20.30.40", "192.168.77.5", "S-1-5-21-1004336348"] {
        assert!(holds(&log, shown), "{shown}");
    }
    assert!(!holds(&log, "zhang.wei"));
    let tokens = |config: &str| {
        let log = String::from_utf8_lossy(&collect(&bundle, config)).into_owned();
        let mut tokens: Vec<String> = log
            .match_indices("user:")
            .filter_map(|(at, _)| log.get(at..at + 13).map(str::to_owned))
            .filter(|token| token[5..].bytes().all(|byte| byte.is_ascii_hexdigit()))
            .collect();
        tokens.sort();
        tokens.dedup();
        assert!(tokens.len() > 1, "{tokens:?}");
        tokens
    };
    let salted = "[collect.redact]\nsalt = \"one\"\n";
    assert_eq!(tokens(salted), tokens(salted));
    assert_ne!(tokens(salted), tokens("[collect.redact]\nsalt = \"two\"\n"));
}
