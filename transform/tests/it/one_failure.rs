//! One failure that several sources tell is one attempt, also where their clocks or what happens beside
//! it stand between them.

use patchlens_transform::schema;

use crate::excerpts::judged;

/// The clocks of the device go forward and back as in central Europe.
const ZONE: &str = r#"Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\TimeZoneInformation]
"Bias"=dword:ffffffc4
"StandardBias"=dword:00000000
"DaylightBias"=dword:ffffffc4
"StandardStart"=hex:00,00,0a,00,05,00,03,00,00,00,00,00,00,00,00,00
"DaylightStart"=hex:00,00,03,00,05,00,02,00,00,00,00,00,00,00,00,00
"#;
/// systeminfo states the offset of the winter.
const WINTER_ONLY: &str = "Host Name:                 PC-1\nOS Name:                   Microsoft Windows 10 Pro\nOS Version:                10.0.19045 N/A Build 19045\nSystem Type:               x64-based PC\nTime Zone:                 (UTC+01:00) Amsterdam, Berlin, Rome\n";
const TITLE: &str = "2024-08 Cumulative Update for Windows 10 Version 22H2 (KB5041580)";

/// A session of servicing that fails at this local time.
fn cbs(day: &str, hour: &str, package: &str) -> String {
    format!(
        "{day} {hour}:00:01, Info                  CBS    Session: 1_1 initialized by client WindowsUpdateAgent.\n\
         {day} {hour}:00:02, Info                  CBS    Exec: Processing started.  Client: WindowsUpdateAgent, Session(Initiated): 1_1, Package: {package}\n\
         {day} {hour}:05:00, Info                  CBS    Exec: Processing complete.  Session: 1_1, Package: {package} [HRESULT = 0x800f0831 - CBS_E_STORE_CORRUPTION]\n"
    )
}

/// Records of the update client: second of the hour, id, title, code.
fn client(hour: &str, records: &[(&str, u32, &str, &str)]) -> String {
    let one = |(number, (time, id, title, code)): (usize, &(&str, u32, &str, &str))| {
        format!(
            "{{\"@timestamp\":\"{hour}:{time}Z\",\"winlog\":{{\"channel\":\"System\",\"provider_name\":\"Microsoft-Windows-WindowsUpdateClient\",\"event_id\":{id},\"record_id\":{},\"computer_name\":\"PC-1\",\"event_data\":{{\"updateTitle\":\"{title}\",\"errorCode\":\"{code}\"}}}},\"message\":\"\"}}\n",
            100 + number
        )
    };
    records.iter().enumerate().map(one).collect()
}

/// Articles and outcomes of the attempts.
fn attempts(files: &[(&str, &str)]) -> Vec<String> {
    let verdicts = judged(files);
    let of =
        |row: &crate::support::Row| format!("{} {}", row[schema::KB_ARTICLE], row[schema::OUTCOME]);
    verdicts.attempts().iter().map(of).collect()
}

#[test]
fn the_hour_that_comes_twice_and_a_summer_of_winter_time_divide_no_failure() {
    let named =
        "Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.4780.1.5, Identifier: KB5041580";
    let failure = [
        ("00:10", 43, TITLE, "0x0"),
        ("06:00", 20, TITLE, "0x800f0831"),
    ];
    for package in [named, "Multiple"] {
        let autumn = cbs("2024-10-27", "02", package);
        let summer = cbs("2024-08-20", "10", package);
        let cases = [
            // The second time that it is two o'clock.
            ("tz.reg", ZONE, &autumn, "2024-10-27T01"),
            ("tz.reg", ZONE, &autumn, "2024-10-27T00"),
            ("tz.reg", ZONE, &summer, "2024-08-20T08"),
            ("systeminfo.txt", WINTER_ONLY, &summer, "2024-08-20T08"),
        ];
        for (file, zone, log, hour) in cases {
            let events = client(hour, &failure);
            let files = [
                (file, zone),
                ("CBS.log", log.as_str()),
                ("events.ndjson", events.as_str()),
            ];
            assert_eq!(
                attempts(&files),
                ["5041580 failed"],
                "{file} {hour} {package}"
            );
        }
    }
}

#[test]
fn a_failure_an_hour_later_with_sources_of_its_own_is_another_one() {
    let package =
        "Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.4780.1.5, Identifier: KB5041580";
    let log = [
        cbs("2024-08-20", "10", package),
        cbs("2024-08-20", "11", package),
    ]
    .concat();
    let failure = [
        ("00:10", 43, TITLE, "0x0"),
        ("06:00", 20, TITLE, "0x800f0831"),
    ];
    let events = [
        client("2024-08-20T08", &failure),
        client("2024-08-20T09", &failure),
    ]
    .concat();
    let files = [
        ("tz.reg", ZONE),
        ("CBS.log", log.as_str()),
        ("events.ndjson", events.as_str()),
    ];
    assert_eq!(attempts(&files), ["5041580 failed", "5041580 failed"]);
}

/// One call installs two updates: it ends, after the second went well, with the code of the first.
#[test]
fn the_end_of_a_call_is_no_attempt_of_its_own() {
    let line = |time: &str, text: &str| {
        format!("2024/08/20 {time}.1234567 1234  5678  Agent           {text}\n")
    };
    let id = |last: u32| format!("00000000-1111-4222-8333-44444444444{last}");
    let log = [
        line("09:59:58", "* START * Installing updates CallerId = UpdateOrchestrator  Id = 5"),
        line("10:00:00", &format!("Title = {TITLE}")),
        line("10:00:00", &format!("UpdateId = {}.1", id(1))),
        line("10:06:00", &format!("LogHistory called. idUpdate={{{}}}.1, resultMapped=800F0831, resultUnMapped=800F0831", id(1))),
        line("10:06:02", &format!("LogHistory called. idUpdate={{{}}}.1, resultMapped=0, resultUnMapped=0", id(2))),
        line("10:06:05", "* END * Installing updates CallerId = UpdateOrchestrator  Id = 5, Exit code = 0x800F0831"),
    ]
    .concat();
    let found = attempts(&[("WindowsUpdate.log", log.as_str())]);
    let failed = found.iter().filter(|attempt| attempt.ends_with("failed"));
    assert_eq!(failed.count(), 1, "{found:?}");
}
