//! Real and field files, and the same inventory in other languages.

mod forms;
mod many;

use std::path::PathBuf;

use encoding_rs::{BIG5, Encoding, GBK, IBM866, SHIFT_JIS, UTF_8, WINDOWS_1252};
use patchlens_event::inventory as names;
use proptest::prelude::*;

use super::*;
use crate::testing::{Collected, Owned, shared};

/// Parses an inventory file and checks that its lines add up.
pub(super) fn records(bytes: &[u8], format: Format) -> Vec<Owned> {
    let mut collected = Collected::default();
    let account = parse(bytes, format, &mut collected);
    assert_eq!(
        account.lines,
        account.records + account.continuations + account.rejected,
        "{account:?}"
    );
    assert_eq!(account.records, collected.records.len() as u64);
    collected.records
}

fn files(below: &str, ending: &str) -> Vec<PathBuf> {
    let Some(folder) = shared(below) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// What a reader of English finds by the labels, to compare with what positions tell.
fn by_label(text: &str, label: &str) -> String {
    text.lines()
        .find_map(|line| line.strip_prefix(label))
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn english_text(bytes: &[u8]) -> String {
    match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding.decode(bytes).0.into_owned(),
        None => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[test]
fn every_real_systeminfo_gives_what_its_labels_say() {
    for path in files("realdata/inventory/wesng", "_systeminfo.txt") {
        let bytes = std::fs::read(&path).unwrap();
        let shown = path.display();
        assert_eq!(
            recognise(&bytes[..bytes.len().min(64 << 10)]),
            Some(Format::SystemInfo),
            "{shown}"
        );
        let records = records(&bytes, Format::SystemInfo);
        assert_eq!(records.len(), 1, "{shown}");
        let text = english_text(&bytes);
        let record = &records[0];
        assert_eq!(
            record.field(names::DEVICE_NAME),
            Some(by_label(&text, "Host Name:").as_str()),
            "{shown}"
        );
        assert_eq!(
            record.field(names::OS_NAME),
            Some(by_label(&text, "OS Name:").as_str()),
            "{shown}"
        );
        assert_eq!(
            record.field(names::OS_BUILD),
            by_label(&text, "OS Version:").split(' ').next(),
            "{shown}"
        );
        assert_eq!(
            record.field(names::MODEL),
            Some(by_label(&text, "System Model:").as_str()),
            "{shown}"
        );
        assert_eq!(
            record.field(names::MANUFACTURER),
            Some(by_label(&text, "System Manufacturer:").as_str()),
            "{shown}"
        );
        assert_eq!(
            record.field(names::DOMAIN),
            Some(by_label(&text, "Domain:").as_str()).filter(|domain| !domain.is_empty()),
            "{shown}"
        );
        let zone = by_label(&text, "Time Zone:");
        assert!(
            zone.is_empty() || record.field(names::UTC_OFFSET_MINUTES).is_some(),
            "{shown}: {zone}"
        );
        let expected: Vec<String> = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix('[')?.split_once("]: KB"))
            .map(|(_, rest)| {
                format!(
                    "KB{}",
                    rest.chars()
                        .take_while(char::is_ascii_digit)
                        .collect::<String>()
                )
            })
            .collect();
        let found: Vec<&str> = record
            .field(names::HOTFIXES)
            .unwrap_or_default()
            .split(',')
            .filter(|id| !id.is_empty())
            .collect();
        // One file ends in the middle of a number.
        let mut unique: Vec<&str> = Vec::new();
        expected.iter().filter(|id| id.len() >= 8).for_each(|id| {
            if !unique.contains(&id.as_str()) {
                unique.push(id);
            }
        });
        assert_eq!(found, unique, "{shown}");
    }
}

#[test]
fn every_real_hotfix_list_gives_its_updates_and_newest_date() {
    for path in files("realdata/inventory/wesng", "_qfe.txt") {
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(
            recognise(&bytes[..bytes.len().min(64 << 10)]),
            Some(Format::HotfixList),
            "{}",
            path.display()
        );
        let record = records(&bytes, Format::HotfixList).remove(0);
        let text = english_text(&bytes);
        let rows = text
            .lines()
            .skip(1)
            .filter(|line| line.contains("KB"))
            .count();
        let found = record.field(names::HOTFIXES).unwrap().split(',').count();
        assert!(
            found <= rows && found * 10 >= rows * 9,
            "{}: {found} of {rows}",
            path.display()
        );
        assert!(
            record
                .field(names::HOTFIX_NEWEST_ON)
                .is_some_and(|date| date.starts_with("201")),
            "{}: {:?}",
            path.display(),
            record.field(names::HOTFIX_NEWEST_ON)
        );
    }
}

/// One device's systeminfo as eight languages and code pages print it.
#[test]
fn the_language_and_code_page_do_not_matter() {
    let languages: [(&str, &str, &str, &str, &str, &'static Encoding); 8] = [
        (
            "主机名",
            "OS 版本",
            "暂缺",
            "修补程序",
            "安装了 2 个修补程序。",
            GBK,
        ),
        (
            "主機名稱",
            "作業系統版本",
            "不適用",
            "Hotfix",
            "已安裝 2 Hotfix。",
            BIG5,
        ),
        (
            "ホスト名",
            "OS バージョン",
            "N/A",
            "ホットフィックス",
            "2 ホットフィックスがインストールされています。",
            SHIFT_JIS,
        ),
        (
            "Имя узла",
            "Версия ОС",
            "Н/Д",
            "Исправление(я)",
            "Число установленных исправлений - 2.",
            IBM866,
        ),
        (
            "Hostname",
            "Betriebssystemversion",
            "Nicht zutreffend",
            "Hotfix(es)",
            "2 Hotfix(e) installiert.",
            WINDOWS_1252,
        ),
        (
            "Nom de l’hôte",
            "Version du système",
            "N/A version",
            "Correctif(s)",
            "2 Corrections installées.",
            WINDOWS_1252,
        ),
        (
            "Nombre de host",
            "Versión del sistema",
            "N/D Compilación",
            "Revisiones",
            "2 revisión(es) instaladas.",
            UTF_8,
        ),
        (
            "Nome host",
            "Versione SO",
            "N/D build",
            "Aggiornamenti rapidi",
            "2 aggiornamenti rapidi installati.",
            UTF_8,
        ),
    ];
    for (host, version, not_available, hotfix, installed, encoding) in languages {
        let text = format!(
            "\r\n{host}:           FH-2207\r\nOS:          Microsoft Windows 10 LTSC\r\n{version}:          10.0.17763 {not_available} Build 17763\r\n\
             X:     x64-based PC\r\nL: zh-cn;L\r\nZ: (UTC+08:00) Z\r\n{hotfix}:         {installed}\r\n                  [01]: KB4601558\r\n                  [02]: KB4589208\r\n"
        );
        let (bytes, _, _) = encoding.encode(&text);
        assert_eq!(recognise(&bytes), Some(Format::SystemInfo), "{host}");
        let record = records(&bytes, Format::SystemInfo).remove(0);
        let field = |name| record.field(name);
        assert_eq!(field(names::DEVICE_NAME), Some("FH-2207"), "{host}");
        assert_eq!(
            field(names::OS_NAME),
            Some("Microsoft Windows 10 LTSC"),
            "{host}"
        );
        assert_eq!(field(names::OS_BUILD), Some("10.0.17763"), "{host}");
        assert_eq!(field(names::ARCHITECTURE), Some("x64"), "{host}");
        assert_eq!(field(names::LOCALE), Some("zh-CN"), "{host}");
        assert_eq!(field(names::UTC_OFFSET_MINUTES), Some("480"), "{host}");
        assert_eq!(
            field(names::HOTFIXES),
            Some("KB4601558,KB4589208"),
            "{host}"
        );
        assert_eq!(field(names::MODEL), None, "{host}: an extract has no model");
        assert_eq!(record.line, 2, "{host}");
    }
}

#[track_caller]
fn check(text: &str, format: Format, expected: &[(&str, &str)]) {
    assert_eq!(recognise(text.as_bytes()), Some(format));
    let records = records(text.as_bytes(), format);
    let all: Vec<(&str, &str)> = records
        .iter()
        .flat_map(|record| &record.fields)
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    for pair in expected {
        assert!(all.contains(pair), "{pair:?} is not in {all:#?}");
    }
}

#[test]
fn hotfixes_come_in_several_forms() {
    let csv = "HotFixID,Description,InstalledOn\r\nKB4598230,Security Update,2021/1/19\r\nKB4601345,Security Update,2021/2/22\r\n";
    check(
        csv,
        Format::HotfixList,
        &[
            (names::HOTFIXES, "KB4598230,KB4601345"),
            (names::HOTFIX_NEWEST_ON, "2021-02-22"),
        ],
    );
    let node = "\r\nNode,CSName,Description,HotFixID,InstalledOn\r\nPC-1,PC-1,Update,KB4598230,1/19/2021\r\n";
    check(
        node,
        Format::HotfixList,
        &[(names::HOTFIXES, "KB4598230"), (names::DEVICE_NAME, "PC-1")],
    );
    let table = "\nSource        Description      HotFixID      InstalledBy          InstalledOn\n------        -----------      --------      -----------          -----------\nPC-1          Security Update  KB4598230     NT AUTHORITY\\SYSTEM  19.01.2021 00:00:00\n";
    check(
        table,
        Format::HotfixList,
        &[
            (names::HOTFIXES, "KB4598230"),
            (names::HOTFIX_NEWEST_ON, "2021-01-19"),
            (names::DEVICE_NAME, "PC-1"),
        ],
    );
    let list = "HotFixID=KB4598230\r\nInstalledOn=1/19/2021\r\n\r\nHotFixID=KB4601345\r\nInstalledOn=2/22/2021\r\n";
    check(
        list,
        Format::HotfixList,
        &[
            (names::HOTFIXES, "KB4598230,KB4601345"),
            (names::HOTFIX_NEWEST_ON, "2021-02-22"),
        ],
    );
    let packages = "包标识 : Package_for_KB4565349~31bf3856ad364e35~amd64~~10.0.1.1\n状态 : 已安装\n\n包标识 : Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.2090.1.7\n状态 : 已安装\n";
    check(
        packages,
        Format::HotfixList,
        &[
            (names::HOTFIXES, "KB4565349"),
            (names::OS_BUILD, "10.0.17763.2090"),
        ],
    );
}

#[test]
fn registry_values_say_what_they_mean() {
    let services = "\r\nHKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\wuauserv\r\n    Start    REG_DWORD    0x4\r\n\r\nHKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\BITS\r\n    Start    REG_DWORD    0x3\r\n";
    check(
        services,
        Format::RegQuery,
        &[
            ("service_start.wuauserv", "4"),
            ("service_start.BITS", "3"),
            (
                "registry.HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\wuauserv\\Start",
                "0x4",
            ),
        ],
    );
    let found = records(services.as_bytes(), Format::RegQuery);
    assert_eq!((found[0].line, found[1].line), (2, 5));
    let version = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\r\n    CurrentVersion    REG_SZ    6.3\r\n    CurrentBuild    REG_SZ    19045\r\n    UBR    REG_DWORD    0x12ac\r\n    EditionID    REG_SZ    Professional\r\n    ProductName    REG_SZ    Windows 10 Pro\r\n";
    check(
        version,
        Format::RegQuery,
        &[
            (names::OS_BUILD, "10.0.19045.4780"),
            (names::OS_EDITION, "Professional"),
            (names::OS_NAME, "Windows 10 Pro"),
        ],
    );
    let export = "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation]\r\n\"ActiveTimeBias\"=dword:fffffe20\r\n\r\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\wuauserv]\r\n\"Start\"=dword:00000004\r\n";
    check(
        export,
        Format::RegQuery,
        &[
            (names::UTC_OFFSET_MINUTES, "480"),
            ("service_start.wuauserv", "4"),
        ],
    );
}

#[test]
fn facts_services_disks_and_osquery_are_read() {
    check(
        "{\"os_build\":\"10.0.17763.2090\",\"edition\":\"EnterpriseS\"}",
        Format::OsVersion,
        &[
            (names::OS_BUILD, "10.0.17763.2090"),
            (names::OS_EDITION, "EnterpriseS"),
        ],
    );
    check(
        "{\n  \"computer_name\": \"PC-9\",\n  \"site\": \"Harbin\", \"ring\": \"pilot\",\n  \"utc_offset_minutes\": 480,\n  \"free_space_mb\": {\"C:\": 900},\n  \"security_products\": [\"A\", \"B\"], \"asset\": 7\n}\n",
        Format::OsVersion,
        &[
            (names::DEVICE_NAME, "PC-9"),
            (names::SITE, "Harbin"),
            (names::RING, "pilot"),
            (names::UTC_OFFSET_MINUTES, "480"),
            ("free_space_mb.C:", "900"),
            (names::SECURITY_PRODUCTS, "A;B"),
            ("asset", "7"),
        ],
    );
    check(
        "\"Name\",\"StartType\",\"Status\"\r\n\"wuauserv\",\"Disabled\",\"Stopped\"\r\n\"BITS\",\"Manual\",\"Running\"\r\n",
        Format::ServiceList,
        &[("service_start.wuauserv", "4"), ("service_start.BITS", "3")],
    );
    check(
        "[SC] QueryServiceConfig SUCCESS\r\n\r\nSERVICE_NAME: wuauserv\r\n        TYPE               : 20  WIN32_SHARE_PROCESS\r\n        START_TYPE         : 4   DISABLED\r\n",
        Format::ServiceList,
        &[("service_start.wuauserv", "4")],
    );
    check(
        "Caption  FreeSpace    Size\r\nC:       1073741824   128000000000\r\n",
        Format::DiskList,
        &[("free_space_mb.C:", "1024")],
    );
    check(
        "[{\"csname\":\"PC-3\",\"hotfix_id\":\"KB5012117\"},{\"csname\":\"PC-3\",\"hotfix_id\":\"KB5012599\"}]",
        Format::OsqueryRows,
        &[
            (names::HOTFIXES, "KB5012117,KB5012599"),
            (names::DEVICE_NAME, "PC-3"),
        ],
    );
    let history = "{\"name\":\"updates\",\"hostIdentifier\":\"PC-3\",\"columns\":{\"date\":\"1724112000\",\"hresult\":\"-2145124322\",\"operation\":\"Installation\",\"result_code\":\"Failed\",\"title\":\"2024-08 (KB5041580)\",\"update_id\":\"u\"}}\n";
    assert_eq!(recognise(history.as_bytes()), Some(Format::OsqueryRows));
    let found = records(history.as_bytes(), Format::OsqueryRows);
    assert!(
        found[0].message.contains("0x8024001e") && found[0].message.contains("KB5041580"),
        "{}",
        found[0].message
    );
    assert!(matches!(found[0].time, LoggedTime::Utc(_)));
}

#[test]
fn the_field_cases_inventories_are_read() {
    let Some(cases) = shared("cases") else { return };
    let read = |path: &str, format| {
        let bytes = std::fs::read(cases.join(path)).unwrap();
        assert_eq!(recognise(&bytes), Some(format), "{path}");
        records(&bytes, format)
    };
    let certutil = read(
        "01-package-hash-changed-in-copy/endpoint/certutil.txt",
        Format::HashListing,
    );
    assert_eq!(
        certutil[0].fields,
        [(
            "file_sha256.D:\\patch\\windows10.0-kb4565349-x64.msu".to_owned(),
            "0e9a4b7c55d1f3a2886b10c9fde7743120bb5a6c9e8d7f60514233241506f7e8".to_owned()
        )]
    );
    let info = read(
        "05-servicing-stack-two-years-old/endpoint/systeminfo.txt",
        Format::SystemInfo,
    );
    assert_eq!(info[0].field(names::DEVICE_NAME), Some("FH-2207"));
    assert_eq!(
        info[0].field(names::HOTFIXES),
        Some("KB4601558,KB4589208,KB5001634")
    );
    let services = read(
        "04-one-complaint-five-causes/endpoint-service/services.txt",
        Format::RegQuery,
    );
    assert_eq!(services.len(), 3);
    read(
        "02-one-damaged-manifest-stops-three-months/endpoint/hotfix.csv",
        Format::HotfixList,
    );
    read(
        "05-servicing-stack-two-years-old/endpoint/os-version.json",
        Format::OsVersion,
    );
}

#[test]
fn what_is_no_inventory_is_not_recognised() {
    for text in [
        "",
        "hello world\n",
        "kb_article,os_build_number,requires_kb\n5025229,17763,5005112\n",
        "{\"kb\":1}",
        "[section]\nkey=value\n",
        "title = \"x\"\n[expected]\ncause = \"y\"\n",
    ] {
        assert_eq!(recognise(text.as_bytes()), None, "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_accounted_for(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "(HKLM\\\\a\n|    b REG_SZ c\n|HotFixID,x\n|KB123456,y\n|a: 10.0.1 1\n|\\{|\\}|\"|[0-9a-f]{64}\n|C:\\\\x.msu:\n|\n){0,12}") {
        recognise(&bytes);
        for format in [Format::SystemInfo, Format::HotfixList, Format::RegQuery, Format::ServiceList, Format::DiskList, Format::HashListing, Format::OsVersion, Format::OsqueryRows] {
            for input in [&bytes[..], text.as_bytes()] {
                let mut collected = Collected::default();
                let account = parse(input, format, &mut collected);
                prop_assert_eq!(account.lines, account.records + account.continuations + account.rejected);
            }
        }
    }
}
