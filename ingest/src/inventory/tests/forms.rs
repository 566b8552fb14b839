//! The same inventory as each tool and form prints it.

use super::*;

#[test]
fn systeminfo_as_csv_says_the_same() {
    let csv = "\r\n\"Имя узла\",\"Название ОС\",\"Версия ОС\",\"Изготовитель ОС\",\"Тип\",\"Язык\",\"Пояс\",\"Домен\",\"Сервер\",\"Исправления\"\r\n\
        \"BR-0417\",\"Microsoft Windows 10 Pro\",\"10.0.19045 Н/Д построение 19045\",\"Microsoft Corporation\",\"x64-based PC\",\"ru;Russian\",\"(UTC+03:00) Москва, Санкт-Петербург\",\"corp.example\",\"\\\\DC1\",\"Число исправлений: 2,[01]: KB5041580,[02]: KB5041582\"\r\n";
    check(
        csv,
        Format::SystemInfo,
        &[
            (names::DEVICE_NAME, "BR-0417"),
            (names::OS_NAME, "Microsoft Windows 10 Pro"),
            (names::OS_BUILD, "10.0.19045"),
            (names::UTC_OFFSET_MINUTES, "180"),
            (names::DOMAIN, "corp.example"),
            (names::ARCHITECTURE, "x64"),
            (names::HOTFIXES, "KB5041580,KB5041582"),
        ],
    );
    assert_eq!(records(csv.as_bytes(), Format::SystemInfo)[0].line, 3);
}

#[test]
fn hotfixes_come_as_lists_json_and_package_tables() {
    let wanted = [(names::HOTFIXES, "KB5041580,KB5041582")];
    check(
        "\r\nSource              : BR-0417\r\nDescription         : Security Update\r\nHotFixID            : KB5041580\r\nInstalledOn         : 8/20/2024 12:00:00 AM\r\n\r\nDescription         : Update\r\nHotFixID            : KB5041582\r\n",
        Format::HotfixList,
        &wanted,
    );
    check(
        "[\r\n  {\r\n    \"CSName\": \"BR-0417\",\r\n    \"HotFixID\": \"KB5041580\",\r\n    \"InstalledOn\": { \"value\": \"/Date(1724112000000)/\", \"DateTime\": \"2024-08-20\" }\r\n  },\r\n  { \"HotFixID\": \"KB5041582\" }\r\n]\r\n",
        Format::HotfixList,
        &wanted,
    );
    check(
        "#TYPE System.Management.ManagementObject#root\\cimv2\\Win32_QuickFixEngineering\r\n\"PSComputerName\",\"InstalledOn\",\"HotFixID\"\r\n\"BR-0417\",\"8/20/2024 12:00:00 AM\",\"KB5041580\"\r\n\"BR-0417\",\"8/20/2024 12:00:00 AM\",\"KB5041582\"\r\n",
        Format::HotfixList,
        &wanted,
    );
    // wmic ends its lines with CR CR LF.
    check(
        "\r\r\n\r\r\nHotFixID=KB5041580\r\r\nInstalledOn=8/20/2024\r\r\n\r\r\n\r\r\nHotFixID=KB5041582\r\r\n\r\r\n",
        Format::HotfixList,
        &wanted,
    );
    let table = "\r\nDeployment Image Servicing and Management tool\r\nVersion: 10.0.19041.844\r\n\r\nImage Version: 10.0.19045.4780\r\n\r\n\
        Package Identity                                            | State      | Release Type    | Install Time\r\n\
        ----------------------------------------------------------- | ---------- | --------------- | ------------\r\n\
        Microsoft-Windows-FodMetadata-Package~31bf3856ad364e35~amd64~~10.0.19041.1 | Installed | Feature Pack | 12/7/2019\r\n\
        Package_for_KB5041580~31bf3856ad364e35~amd64~~19041.1.1.1   | Installed  | Security Update | 8/20/2024\r\n\
        Package_for_KB5000001~31bf3856ad364e35~amd64~~19041.1.1.1   | Superseded | Security Update | 8/20/2024\r\n";
    check(
        table,
        Format::HotfixList,
        &[
            (names::HOTFIXES, "KB5041580"),
            (names::OS_BUILD, "10.0.19045.4780"),
        ],
    );
    let german = "Tool zur Imageverwaltung\r\nVersion: 10.0.19041.844\r\n\r\nAbbildversion: 10.0.19045.4780\r\n\r\nPaketidentität : Package_for_KB5041580~31bf3856ad364e35~amd64~~19041.1.1.1\r\nStatus : Installiert\r\nVersionstyp : Security Update\r\n\r\nPaketidentität : Package_for_KB5000001~31bf3856ad364e35~amd64~~19041.1.1.1\r\nStatus : Abgelöst\r\n";
    check(
        german,
        Format::HotfixList,
        &[
            (names::HOTFIXES, "KB5041580"),
            (names::OS_BUILD, "10.0.19045.4780"),
        ],
    );
}

#[test]
fn services_come_as_lists_json_and_states() {
    let disabled = [
        ("service_start.wuauserv", "4"),
        ("service_state.wuauserv", "stopped"),
    ];
    check(
        "\r\nName        : wuauserv\r\nDisplayName : Windows Update\r\nStatus      : Stopped\r\nStartType   : Disabled\r\n\r\nName        : BITS\r\nStatus      : Running\r\nStartType   : Manual\r\n",
        Format::ServiceList,
        &disabled,
    );
    check(
        "[{\"Name\":\"wuauserv\",\"Status\":1,\"StartType\":4},{\"Name\":\"BITS\",\"Status\":4,\"StartType\":3}]",
        Format::ServiceList,
        &disabled,
    );
    check(
        "\r\nSERVICE_NAME: wuauserv\r\n        TYPE               : 20  WIN32_SHARE_PROCESS\r\n        STATE              : 1  STOPPED\r\n        WIN32_EXIT_CODE    : 1077  (0x435)\r\n",
        Format::ServiceList,
        &[("service_state.wuauserv", "stopped")],
    );
    check(
        "\r\nStatus   Name               DisplayName\r\n------   ----               -----------\r\nStopped  wuauserv           Windows Update\r\nRunning  BITS               Background Intelligent Transfer Ser...\r\n",
        Format::ServiceList,
        &[
            ("service_state.wuauserv", "stopped"),
            ("service_state.BITS", "running"),
        ],
    );
}

#[test]
fn osquery_results_come_in_three_forms() {
    let batch = "{\"diffResults\":{\"added\":[{\"csname\":\"PC-3\",\"hotfix_id\":\"KB5012117\"}],\"removed\":[{\"csname\":\"PC-3\",\"hotfix_id\":\"KB5000001\"}]},\"name\":\"pack_updates_patches\",\"hostIdentifier\":\"PC-3\"}\n";
    check(
        batch,
        Format::OsqueryRows,
        &[(names::HOTFIXES, "KB5012117")],
    );
    let event = "{\"name\":\"patches\",\"hostIdentifier\":\"PC-3\",\"action\":\"removed\",\"columns\":{\"hotfix_id\":\"KB5000001\"}}\n{\"name\":\"patches\",\"hostIdentifier\":\"PC-3\",\"action\":\"added\",\"columns\":{\"hotfix_id\":\"KB5012117\"}}\n";
    check(
        event,
        Format::OsqueryRows,
        &[(names::HOTFIXES, "KB5012117")],
    );
    let snapshot = "{\"snapshot\":[{\"build\":\"19045\",\"major\":\"10\",\"minor\":\"0\",\"name\":\"Microsoft Windows 10 Pro\",\"revision\":\"4780\"}],\"action\":\"snapshot\",\"name\":\"os_version\",\"hostIdentifier\":\"PC-3\"}\n";
    check(
        snapshot,
        Format::OsqueryRows,
        &[
            (names::OS_BUILD, "10.0.19045.4780"),
            (names::DEVICE_NAME, "PC-3"),
        ],
    );
}

#[test]
fn what_powershell_redirects_is_utf16_and_read_all_the_same() {
    let text = "HotFixID=KB5041580\r\nInstalledOn=8/20/2024\r\n";
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    for bytes in [&bytes[..], &bytes[2..]] {
        assert_eq!(recognise(bytes), Some(Format::HotfixList));
        let found = records(bytes, Format::HotfixList);
        assert_eq!(found[0].field(names::HOTFIXES), Some("KB5041580"));
    }
}

#[test]
fn the_rule_of_a_zone_is_read_from_the_registry() {
    let berlin = "<+0100>-01:00<+0200>-02:00,M3.5.0/02:00:00,M10.5.0/03:00:00";
    check(
        "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation\r\n    ActiveTimeBias    REG_DWORD    0xffffff88\r\n    Bias    REG_DWORD    0xffffffc4\r\n    DaylightBias    REG_DWORD    0xffffffc4\r\n    DaylightName    REG_SZ    @tzres.dll,-321\r\n    DaylightStart    REG_BINARY    00000300050002000000000000000000\r\n    StandardBias    REG_DWORD    0x0\r\n    StandardStart    REG_BINARY    00000A00050003000000000000000000\r\n",
        Format::RegQuery,
        &[
            (names::UTC_OFFSET_MINUTES, "120"),
            (names::TIME_ZONE_RULE, berlin),
        ],
    );
    check(
        "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation]\r\n\"Bias\"=dword:ffffffc4\r\n\"StandardBias\"=dword:00000000\r\n\"DaylightBias\"=dword:ffffffc4\r\n\"DaylightStart\"=hex:00,00,03,00,05,00,02,00,00,00,00,00,00,00,00,00\r\n\"StandardStart\"=hex:00,00,0a,00,05,00,03,00,00,00,00,00,00,00,00,00\r\n",
        Format::RegQuery,
        &[(names::TIME_ZONE_RULE, berlin)],
    );
}
