//! One behaviour each, on a handful of records made by hand.

mod client;
mod facts;
mod removal;
mod sources;

use patchlens_event::{Event, Level, Source};
use patchlens_transform::{
    Reference, RowOrigin, TRANSFORM_VERSION, diagnose, events_frame, from_ipc_stream, ipc_stream,
    schema,
};

use crate::support::{
    KNOWLEDGE, Verdicts, collected_at, event, frame, hex, inventory, judge, record, rows,
};

const CLIENT: &str = "Microsoft-Windows-WindowsUpdateClient";
const SERVICING: &str = "Microsoft-Windows-Servicing";
const TITLE: &str =
    "2024-08 Cumulative Update for Windows 10 Version 22H2 for x64-based Systems (KB5041580)";

fn verdicts(events: &[Event]) -> Verdicts {
    judge(events, &Reference::default())
}

fn started(second: i64) -> Event {
    event(CLIENT, 43, second, &[("updateTitle", TITLE)])
}

fn failed(second: i64, code: &str) -> Event {
    event(
        CLIENT,
        20,
        second,
        &[("errorCode", code), ("updateTitle", TITLE)],
    )
}

fn installed(second: i64) -> Event {
    event(CLIENT, 19, second, &[("updateTitle", TITLE)])
}

fn cbs(second: i64, line: u64, message: &str) -> Event {
    record(Source::CbsLog, "CBS", Level::Info, second, line, message)
}

fn agent(second: i64, line: u64, message: &str) -> Event {
    record(
        Source::WindowsUpdateLog,
        "Agent",
        Level::Unknown,
        second,
        line,
        message,
    )
}

const PACKAGE: &str = "Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.4780.1.7";

/// A servicing session that fails with a code.
fn session(second: i64, line: u64, code: &str) -> Vec<Event> {
    vec![
        cbs(
            second,
            line,
            &format!(
                "Exec: Processing started.  Client: WindowsUpdateAgent, Session(Initiated): 1_{line}, Package: {PACKAGE}, Identifier: KB5041580"
            ),
        ),
        cbs(
            second + 60,
            line + 1,
            &format!(
                "Exec: Processing complete.  Session: 1_{line}, Package: {PACKAGE}, Identifier: KB5041580 [HRESULT = {code}]"
            ),
        ),
    ]
}

#[test]
fn a_failing_code_without_a_failed_attempt_is_noise() {
    let noise = [
        cbs(
            1,
            1,
            "Failed to internally open package. [HRESULT = 0x800f0805 - CBS_E_INVALID_PACKAGE]",
        ),
        agent(
            2,
            1,
            "*FAILED* [80248007] Method failed [CSusClientGlobal::Init:1]",
        ),
        record(
            Source::DismLog,
            "DISM",
            Level::Error,
            3,
            1,
            "[0xc142011c] WIMGetMountedImageHandle:(2897)",
        ),
        record(
            Source::CbsLog,
            "CBS",
            Level::Info,
            4,
            2,
            "Mark store corruption flag because of package: A~31bf3856ad364e35~amd64~~1.0.0.0. [HRESULT = 0x800f0831 - CBS_E_STORE_CORRUPTION]",
        ),
        started(10),
        installed(20),
    ];
    let verdicts = verdicts(&noise);
    assert!(verdicts.diagnoses().is_empty(), "{}", verdicts.account());
}

#[test]
fn one_failure_seen_in_four_sources_is_one_attempt() {
    let mut events = vec![
        started(0),
        agent(
            1,
            1,
            "* START * Installing updates CallerId = UpdateOrchestrator  Id = 3",
        ),
        failed(95, "0x80073712"),
        event(
            SERVICING,
            3,
            96,
            &[
                ("PackageIdentifier", "KB5041580"),
                ("ErrorCode", "0x80073712"),
            ],
        ),
        agent(
            94,
            2,
            "* END * Installing updates CallerId = UpdateOrchestrator, Id = 3, Exit code = 0x80073712",
        ),
    ];
    events.extend(session(
        10,
        1,
        "0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT",
    ));
    let verdicts = verdicts(&events);
    let attempts = verdicts.attempts();
    assert_eq!(attempts.len(), 1, "{}", verdicts.account());
    assert_eq!(attempts[0][schema::OUTCOME], "failed");
    assert_eq!(attempts[0][schema::KB_ARTICLE], "5041580");
    assert_eq!(
        attempts[0][schema::SOURCES],
        "cbs_log\nevent_log\nwindows_update_log"
    );
    assert_eq!(
        attempts[0][schema::FURTHEST_CLIENT_SUBSTATE],
        "InstallStart"
    );
}

#[test]
fn the_same_update_tried_again_is_another_attempt() {
    let verdicts = verdicts(&[
        started(0),
        failed(600, "0x80070020"),
        started(1_800),
        failed(2_400, "0x80070020"),
    ]);
    assert_eq!(verdicts.attempts().len(), 2, "{}", verdicts.account());
    assert_eq!(
        verdicts.open().len(),
        1,
        "one reason is one diagnosis: {}",
        verdicts.account()
    );
}

#[test]
fn what_was_installed_later_is_closed() {
    let verdicts = verdicts(&[
        started(0),
        failed(600, "0x80070020"),
        started(90_000),
        installed(90_600),
    ]);
    assert_eq!(verdicts.diagnoses().len(), 1);
    assert!(verdicts.open().is_empty(), "{}", verdicts.account());
}

#[test]
fn a_later_month_of_the_same_series_closes_the_earlier() {
    let later =
        "2024-09 Cumulative Update for Windows 10 Version 22H2 for x64-based Systems (KB5043064)";
    let other = "2024-09 Cumulative Update for .NET Framework 4.8 (KB5042352)";
    let with = |title| {
        verdicts(&[
            started(0),
            failed(600, "0x80070020"),
            event(CLIENT, 19, 3_000_000, &[("updateTitle", title)]),
        ])
        .open()
        .len()
    };
    assert_eq!(with(later), 0);
    assert_eq!(with(other), 1);
}

#[test]
fn a_device_at_the_build_of_the_update_has_it() {
    let mut events = session(0, 1, "0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT");
    events.push(inventory(0, &[("os_build", "10.0.19045.4780")]));
    assert!(verdicts(&events).open().is_empty());
    events.pop();
    events.push(inventory(0, &[("os_build", "10.0.19045.4651")]));
    assert_eq!(verdicts(&events).open().len(), 1);
}

#[test]
fn a_wrapper_gives_way_to_the_code_beneath() {
    let mut events = vec![started(0), failed(70, "0x80242fff")];
    events.push(cbs(
        1,
        1,
        "Failed to internally open package. [HRESULT = 0x800f0805 - CBS_E_INVALID_PACKAGE]",
    ));
    events.extend(session(2, 2, "0x80070020 - ERROR_SHARING_VIOLATION"));
    let verdicts = verdicts(&events);
    let attempt = &verdicts.attempts()[0];
    assert_eq!(
        (
            hex(attempt, schema::ERROR_CODE),
            hex(attempt, schema::INNER_CODE)
        ),
        ("0x80242fff".to_owned(), "0x80070020".to_owned()),
        "{}",
        verdicts.account()
    );
    assert_eq!(verdicts.open()[0][schema::CAUSE], "file-in-use");
}

#[test]
fn a_rollback_after_the_restart_is_a_failure() {
    let events = [
        cbs(
            0,
            1,
            &format!(
                "Exec: Processing started.  Client: WindowsUpdateAgent, Session(Initiated): 1_1, Package: {PACKAGE}, Identifier: KB5041580"
            ),
        ),
        cbs(
            60,
            2,
            &format!(
                "Exec: Processing complete.  Session: 1_1, Package: {PACKAGE}, Identifier: KB5041580 [HRESULT = 0x00000000 - S_OK]"
            ),
        ),
        cbs(
            61,
            3,
            "Session: 1_1 finalized. Reboot required: yes [HRESULT = 0x00000000 - S_OK]",
        ),
        cbs(
            400,
            4,
            "Startup: Failed to process advanced operation queue, startupPhase: 0.  A rollback transaction will be created. [HRESULT = 0x800f0922 - CBS_E_INSTALLERS_FAILED]",
        ),
    ];
    let verdicts = verdicts(&events);
    let attempts = verdicts.attempts();
    assert_eq!(
        attempts.last().map(|row| row[schema::OUTCOME].as_str()),
        Some("rolled_back"),
        "{}",
        verdicts.account()
    );
    assert_eq!(
        attempts.last().map(|row| row[schema::PHASE].as_str()),
        Some("rollback")
    );
}

#[test]
fn an_update_that_waits_for_its_restart_is_pending() {
    let verdicts = verdicts(&[
        started(0),
        installed(60),
        event(CLIENT, 22, 61, &[("updatelist", TITLE)]),
    ]);
    assert_eq!(
        verdicts.attempts()[0][schema::OUTCOME],
        "pending_restart",
        "{}",
        verdicts.account()
    );
    assert!(verdicts.diagnoses().is_empty());
}

/// What servicing finishes while Windows starts waits for no restart any more.
#[test]
fn an_update_that_was_finished_at_the_start_is_installed() {
    let session = [
        cbs(
            0,
            1,
            &format!(
                "Exec: Processing started.  Client: WindowsUpdateAgent, Session(Initiated): 1_1, Package: {PACKAGE}, Identifier: KB5041580"
            ),
        ),
        cbs(
            60,
            2,
            &format!(
                "Exec: Processing complete.  Session: 1_1, Package: {PACKAGE}, Identifier: KB5041580 [HRESULT = 0x00000000 - S_OK]"
            ),
        ),
        cbs(
            61,
            3,
            "Session: 1_1 finalized. Reboot required: yes [HRESULT = 0x00000000 - S_OK]",
        ),
    ];
    let outcomes = |last: Option<&str>| {
        let started = last.map(|text| cbs(400, 4, text));
        let verdicts = verdicts(&session.iter().cloned().chain(started).collect::<Vec<_>>());
        let outcomes = verdicts.attempts().into_iter();
        outcomes
            .map(|row| row[schema::OUTCOME].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(outcomes(None), ["pending_restart"]);
    let finished = format!(
        "Startup: Package: {PACKAGE} completed startup processing, new state: Installed, original: Staged, targeted: Installed. hr = 0x0"
    );
    assert_eq!(outcomes(Some(&finished)), ["installed"]);
    let staged = format!(
        "Startup: Package: {PACKAGE} completed startup processing, new state: Staged, original: Absent, targeted: Staged. hr = 0x0"
    );
    assert_eq!(outcomes(Some(&staged)), ["pending_restart"]);
}

#[test]
fn a_search_that_fails_once_without_a_network_is_passing() {
    let scan = |second, line, code: &str| {
        [
            agent(
                second,
                line,
                "* START * Finding updates CallerId = UpdateOrchestrator  Id = 1",
            ),
            agent(
                second + 1,
                line + 1,
                &format!(
                    "* END * Finding updates CallerId = UpdateOrchestrator, Id = 1, Exit code = {code}"
                ),
            ),
        ]
    };
    let sound = scan(0, 1, "0x00000000");
    let mut events = [sound.to_vec(), scan(3_600, 3, "0x8024402c").to_vec()].concat();
    assert!(verdicts(&events).diagnoses().is_empty());
    events.extend(scan(200_000, 5, "0x8024402c"));
    assert_eq!(
        verdicts(&events).open()[0][schema::CAUSE],
        "download-network",
        "cut off for two days"
    );
    events.extend(scan(300_000, 7, "0x00000000"));
    assert!(verdicts(&events).diagnoses().is_empty(), "made good");
}

#[test]
fn the_search_of_the_store_does_not_make_that_of_windows_good() {
    let events = [
        agent(
            0,
            1,
            "* END * Finding updates CallerId = UpdateOrchestrator, Id = 1, Exit code = 0x80248004",
        ),
        agent(
            60,
            2,
            "* END * Finding updates CallerId = Update;ScanForUpdates, Id = 2, Exit code = 0x00000000",
        ),
    ];
    assert_eq!(
        verdicts(&events).open()[0][schema::CAUSE],
        "update-data-store-corrupt"
    );
}
