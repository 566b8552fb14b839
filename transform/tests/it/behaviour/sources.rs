//! One failure that several sources, or several parts of one log, tell of.

use std::collections::BTreeMap;

use patchlens_event::{Event, Level, Source};
use patchlens_transform::schema;

use super::{PACKAGE, agent, cbs, failed, started, verdicts};
use crate::support::{hex, record};

const MONTHLY: &str = "ad410249-093d-4eb5-af88-8463b9063c02";
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A line of ReportingEvents.log. Only those of the installation name the update by its title.
fn reported(second: i64, line: u64, event: &str, code: &str, text: &str) -> Event {
    let level = if code.is_empty() {
        Level::Info
    } else {
        Level::Error
    };
    let mut row = record(Source::ReportingEvents, event, level, second, line, text);
    row.fields = BTreeMap::from(
        [
            ("event", event),
            ("update_id", MONTHLY),
            ("caller", "MoUpdateOrchestrator"),
            ("error_code", code),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    row
}

/// Download, start and failure as the client reports them, from `second` on.
fn reported_failure(second: i64, line: u64) -> [Event; 3] {
    let title = "2024-08 Cumulative Update (KB5041580)";
    [
        reported(
            second,
            line,
            "AGENT_DOWNLOAD_SUCCEEDED",
            "",
            "Download succeeded.",
        ),
        reported(
            second + 30,
            line + 1,
            "AGENT_INSTALLING_STARTED",
            "",
            &format!(
                "Installation Started: Windows has started installing the following update: {title}"
            ),
        ),
        reported(
            second + 120,
            line + 2,
            "AGENT_INSTALLING_FAILED",
            "800f0831",
            &format!(
                "Installation Failure: Windows failed to install the following update with error 0x800f0831: {title}."
            ),
        ),
    ]
}

#[test]
fn a_download_that_is_told_without_a_title_belongs_to_its_installation() {
    let mut events = Vec::new();
    for day in 0..3_i64 {
        events.extend(reported_failure(
            day * DAY,
            u64::try_from(day * 10).unwrap(),
        ));
        events.push(started(day * DAY + 31));
        events.push(failed(day * DAY + 121, "0x800f0831"));
    }
    let found = verdicts(&events);
    let attempts = found.attempts();
    assert_eq!(attempts.len(), 3, "one a day: {}", found.account());
    for attempt in attempts {
        assert_eq!(attempt[schema::OUTCOME], "failed");
        assert_eq!(attempt[schema::SOURCES], "event_log\nreporting_events");
    }
}

#[test]
fn a_download_that_is_told_with_the_title_is_where_the_attempt_begins() {
    let mut events = Vec::from(reported_failure(HOUR, 1));
    if let Some(download) = events.first_mut() {
        *download = reported(
            0,
            1,
            "AGENT_DOWNLOAD_SUCCEEDED",
            "",
            "Download succeeded: 2024-08 Cumulative Update (KB5041580)",
        );
    }
    let found = verdicts(&events);
    let attempts = found.attempts();
    assert_eq!(attempts.len(), 1, "{}", found.account());
    let took = [schema::STARTED_AT, schema::ENDED_AT].map(|column| attempts[0][column].clone());
    assert_ne!(took[0], took[1], "{}", found.account());
    assert_eq!(attempts[0][schema::OUTCOME], "failed");
}

#[test]
fn an_installation_that_is_tried_again_is_another_attempt_whatever_was_fetched_before() {
    let mut events = Vec::from(reported_failure(0, 1));
    // Tried again an hour later, from what was fetched before.
    let [_, start, end] = reported_failure(HOUR, 10);
    events.extend([start, end]);
    let found = verdicts(&events);
    let attempts = found.attempts();
    assert_eq!(attempts.len(), 2, "{}", found.account());
    for attempt in attempts {
        assert_eq!(attempt[schema::OUTCOME], "failed");
    }
}

#[test]
fn a_download_goes_with_its_installation_where_one_log_alone_tells_of_both() {
    let began = |events: &[Event]| {
        let found = verdicts(events);
        assert_eq!(found.attempts().len(), 1, "{}", found.account());
        found.attempts()[0][schema::STARTED_AT].clone()
    };
    let at_once = began(&reported_failure(0, 1));
    // Fetched in the evening, installed in the morning; a download without a title is worth no row of
    // its own, so that only the beginning of the attempt shows that it was joined.
    for text in [
        "Download succeeded.",
        "Download succeeded: 2024-08 Cumulative Update (KB5041580)",
    ] {
        let mut events = Vec::from(reported_failure(0, 1));
        if let Some(download) = events.first_mut() {
            *download = reported(-8 * HOUR, 1, "AGENT_DOWNLOAD_SUCCEEDED", "", text);
        }
        assert_ne!(began(&events), at_once, "{text}");
    }
}

#[test]
fn a_rollback_that_takes_minutes_is_part_of_the_attempt_before_the_restart() {
    let package = format!("Package: {PACKAGE}, Identifier: KB5041580");
    let events = [
        cbs(
            0,
            1,
            "Session: 1_1 initialized by client WindowsUpdateAgent, external staging directory: (null)",
        ),
        cbs(
            1,
            2,
            &format!("Exec: Processing started.  Client: UpdateAgentLCU, Session: 1_1, {package}"),
        ),
        cbs(
            300,
            3,
            &format!(
                "Exec: Processing complete.  Session: 1_1, {package} [HRESULT = 0x00000bc2 - ERROR_SUCCESS_REBOOT_REQUIRED]"
            ),
        ),
        cbs(
            300,
            4,
            "Session: 1_1 finalized. Reboot required: yes [HRESULT = 0x00000000 - S_OK]",
        ),
        cbs(
            6_000,
            5,
            "Startup: Processing advanced operation queue, startupPhase: 0",
        ),
        record(
            Source::CbsLog,
            "CBS",
            Level::Error,
            6_010,
            6,
            "Startup: Failed while processing non-critical driver operations queue. [HRESULT = 0x80070003 - ERROR_PATH_NOT_FOUND]",
        ),
        cbs(
            6_010,
            7,
            "Startup: Rolling back KTM, because drivers failed.",
        ),
        cbs(
            6_200,
            8,
            &format!(
                "Startup: Package: {PACKAGE}, completed startup processing, new state: Staged, original: Absent, targeted: Installed. hr = 0x80070003"
            ),
        ),
        cbs(
            6_400,
            9,
            &format!(
                "Exec: Processing complete.  Session: 1_2, {package} [HRESULT = 0x80070003 - ERROR_PATH_NOT_FOUND]"
            ),
        ),
    ];
    let found = verdicts(&events);
    let attempts = found.attempts();
    assert_eq!(attempts.len(), 1, "{}", found.account());
    assert_eq!(attempts[0][schema::OUTCOME], "rolled_back");
    assert_eq!(attempts[0][schema::KB_ARTICLE], "5041580");
    assert_eq!(hex(&attempts[0], schema::ERROR_CODE), "0x80070003");
}

const CALL: &str = "6843A39B-A3FF-4775-A0C5-D892F3BEBF13";

/// A call for the download of an update that ends after a minute with a code, or is not heard of again.
fn call(second: i64, line: u64, caller: &str, code: Option<&str>) -> Vec<Event> {
    // Each call has an id of its own.
    let id = format!("{:08x}{}", line, CALL.get(8..).unwrap());
    let mut lines = vec![
        agent(
            second,
            line,
            &format!(
                "* START * Begin Downloading Updates [CallerId = {caller}] [Call ID = {{{id}}}]"
            ),
        ),
        agent(
            second,
            line + 1,
            "  Title = 2024-08 Cumulative Update (KB5041580)",
        ),
        agent(second, line + 2, &format!("  UpdateId = {MONTHLY}.200")),
        agent(
            second,
            line + 3,
            &format!(
                "* END * Begin Downloading Updates [CallerId = {caller}] [Call ID = {{{id}}}] [hr = 0x00000000]"
            ),
        ),
    ];
    if let Some(code) = code {
        lines.push(agent(
            second + 60,
            line + 4,
            &format!("WU client calls back to download call {{{id}}} with code Call complete and error {code}"),
        ));
    }
    lines
}

#[test]
fn a_download_that_is_begun_day_after_day_and_never_ends_has_failed() {
    let caller = "MoUpdateOrchestrator";
    let failing = |day: i64| {
        call(
            day * DAY,
            u64::try_from(day * 10 + 1).unwrap(),
            caller,
            Some("0x80d02002"),
        )
    };
    let stalled = verdicts(&[failing(0), failing(1), failing(2)].concat());
    let open = stalled.open();
    assert_eq!(open.len(), 1, "{}", stalled.account());
    assert_eq!(open[0][schema::CAUSE], "download-network");
    assert_eq!(open[0][schema::PHASE], "download");
    assert_eq!(hex(&open[0], schema::ERROR_CODE), "0x80d02002");
    assert_eq!(stalled.attempts().len(), 1, "{}", stalled.account());

    // No end, no code: the failure is told, and no cause made up.
    let silent = |day: i64| {
        call(
            day * DAY,
            u64::try_from(day * 10 + 1).unwrap(),
            caller,
            None,
        )
    };
    let silent = verdicts(&[silent(0), silent(1), silent(2)].concat());
    let open = silent.open();
    assert_eq!(open.len(), 1, "{}", silent.account());
    assert_eq!(open[0][schema::CAUSE], "unknown");
}

#[test]
fn a_download_that_fails_for_an_evening_or_goes_well_in_the_end_is_no_failure() {
    let caller = "MoUpdateOrchestrator";
    let at = |second: i64, line: u64, code: &str| call(second, line, caller, Some(code));
    let evening = [
        at(0, 1, "0x80240438"),
        at(HOUR, 11, "0x80240438"),
        at(5 * HOUR, 21, "0x80240438"),
    ];
    assert!(verdicts(&evening.concat()).diagnoses().is_empty());
    let in_the_end = [
        at(0, 1, "0x80240438"),
        at(DAY, 11, "0x80240438"),
        at(2 * DAY, 21, "0"),
    ];
    assert!(verdicts(&in_the_end.concat()).open().is_empty());
    // The Store's own: an app comes out anew before it matters.
    let store = |day: i64| {
        call(
            day * DAY,
            u64::try_from(day * 10 + 1).unwrap(),
            "Update;ScanForUpdates",
            Some("0x80240438"),
        )
    };
    assert!(
        verdicts(&[store(0), store(1), store(2)].concat())
            .diagnoses()
            .is_empty()
    );
}
