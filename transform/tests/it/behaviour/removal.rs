//! What is removed, staged or cleaned up is not installed.

use patchlens_event::{Event, Source};
use patchlens_transform::schema;

use super::{SERVICING, TITLE, cbs, event, failed, installed, started, verdicts};
use crate::support::{Row, Verdicts, record};

const DAY: i64 = 86_400;
const ABSENT: (&str, &str) = ("5000", "Absent");
const INSTALLED: (&str, &str) = ("5112", "Installed");

/// A record of servicing as Setup.evtx holds it: states as numbers, and in words beside them.
fn servicing(id: u32, second: i64, from: Option<(&str, &str)>, to: (&str, &str)) -> Event {
    servicing_by("WindowsUpdateAgent", id, second, from, to)
}

fn servicing_by(
    client: &str,
    id: u32,
    second: i64,
    from: Option<(&str, &str)>,
    to: (&str, &str),
) -> Event {
    let mut fields = vec![("PackageIdentifier", "KB5041580")];
    if let Some((number, word)) = from {
        fields.push(("InitialPackageState", number));
        fields.push(("InitialPackageStateTextized", word));
    }
    fields.push(("IntendedPackageState", to.0));
    fields.push(("IntendedPackageStateTextized", to.1));
    if from.is_none() {
        fields.push(("ErrorCode", "0x0"));
    }
    fields.push(("Client", client));
    event(SERVICING, id, second, &fields)
}

fn outcomes(verdicts: &Verdicts) -> Vec<String> {
    let of = |row: &Row| row[schema::OUTCOME].clone();
    verdicts.attempts().iter().map(of).collect()
}

/// A failed installation two days before, and these records.
fn after_a_failure(events: Vec<Event>) -> Verdicts {
    let failure = [started(0), failed(600, "0x80073712")];
    verdicts(&failure.into_iter().chain(events).collect::<Vec<_>>())
}

#[test]
fn an_update_that_the_client_removes_is_uninstalled_and_makes_no_failure_good() {
    let removed = event(super::CLIENT, 23, 2 * DAY, &[("updateTitle", TITLE)]);
    let found = after_a_failure(vec![removed]);
    assert_eq!(
        outcomes(&found),
        ["failed", "uninstalled"],
        "{}",
        found.account()
    );
    assert_eq!(found.open().len(), 1, "{}", found.account());
    assert_eq!(found.attempts()[1][schema::CLIENT_STATE], "Uninstalled");
}

#[test]
fn the_state_that_a_package_is_taken_to_says_what_became_of_it() {
    let cases: [((&str, &str), &[&str]); 6] = [
        (ABSENT, &["failed", "uninstalled"]),
        (("5000", "なし"), &["failed", "uninstalled"]),
        (("Absent", ""), &["failed", "uninstalled"]),
        (("5064", "Staged"), &["failed"]),
        (("Superseded", ""), &["failed"]),
        (("", "Staged"), &["failed"]),
    ];
    for (state, expected) in cases {
        let found = after_a_failure(vec![
            servicing(1, 2 * DAY, Some(INSTALLED), state),
            servicing(2, 2 * DAY + 60, None, state),
        ]);
        assert_eq!(outcomes(&found), expected, "{state:?}\n{}", found.account());
        assert_eq!(found.open().len(), 1, "{state:?}");
    }
    for state in [
        INSTALLED,
        ("5112", ""),
        ("Installed", ""),
        ("5112", "已安装"),
    ] {
        let found = after_a_failure(vec![
            servicing(1, 2 * DAY, Some(ABSENT), state),
            servicing(2, 2 * DAY + 60, None, state),
        ]);
        assert_eq!(outcomes(&found), ["failed", "installed"], "{state:?}");
        assert!(found.open().is_empty(), "{state:?}");
    }
}

#[test]
fn a_removal_that_waits_for_its_restart_is_no_installation() {
    let found = after_a_failure(vec![
        servicing(1, 2 * DAY, Some(INSTALLED), ABSENT),
        servicing(4, 2 * DAY + 900, None, ABSENT),
    ]);
    assert_eq!(
        outcomes(&found),
        ["failed", "in_progress"],
        "{}",
        found.account()
    );
    assert_eq!(found.attempts()[1][schema::CLIENT_STATE], "Uninstalling");
    assert_eq!(found.open().len(), 1);
}

#[test]
fn an_update_installed_and_removed_right_after_is_two_attempts() {
    let removed = [
        servicing(1, 1_000, Some(INSTALLED), ABSENT),
        servicing(2, 1_060, None, ABSENT),
    ];
    let events: Vec<Event> = [started(0), installed(800)]
        .into_iter()
        .chain(removed)
        .collect();
    let found = verdicts(&events);
    assert_eq!(
        outcomes(&found),
        ["installed", "uninstalled"],
        "{}",
        found.account()
    );
}

#[test]
fn what_a_newer_update_replaced_is_cleaned_up_and_not_uninstalled() {
    let superseded = ("5080", "Superseded");
    for client in ["CbsTask", "DISM Package Manager Provider"] {
        let mut events = vec![started(0), installed(800)];
        events.push(servicing_by(client, 1, 30 * DAY, Some(superseded), ABSENT));
        events.push(servicing_by(client, 2, 30 * DAY + 60, None, ABSENT));
        let found = verdicts(&events);
        assert_eq!(
            outcomes(&found),
            ["installed"],
            "{client}: {}",
            found.account()
        );
    }
}

#[test]
fn the_standalone_installer_removes_an_update() {
    let wusa = |id, second| {
        let line = "wusa.exe /uninstall /kb:5041580 /quiet /norestart";
        event(
            "Microsoft-Windows-WUSA",
            id,
            second,
            &[("UpdateTitle", TITLE), ("CommandLine", line)],
        )
    };
    let found = after_a_failure(vec![wusa(7, 2 * DAY)]);
    assert_eq!(
        outcomes(&found),
        ["failed", "uninstalled"],
        "{}",
        found.account()
    );
    let found = after_a_failure(vec![wusa(9, 2 * DAY)]);
    assert_eq!(
        outcomes(&found),
        ["failed", "in_progress"],
        "{}",
        found.account()
    );
}

/// A session of servicing that takes a package from one state to another.
fn session(second: i64, line: u64, start: &str, target: &str) -> Vec<Event> {
    const PACKAGE: &str = "Package_for_KB5041580~31bf3856ad364e35~amd64~~10.0.1.5";
    let other = "Package_for_KB5039211~31bf3856ad364e35~amd64~~10.0.1.2";
    [
        format!("Exec: Processing started.  Client: WindowsUpdateAgent, Session: 1_{line}, Package: {PACKAGE}, Identifier: KB5041580"),
        format!("Plan: Package: {other}, current: Installed, pending: Default, start: Installed, applicable: Installed, targeted: Absent, limit: Absent"),
        format!("Plan: Package: {PACKAGE}, current: {start}, pending: Default, start: {start}, applicable: Installed, targeted: {target}, limit: {target}"),
        format!("Exec: Processing complete.  Session: 1_{line}, Package: {PACKAGE}, Identifier: KB5041580 [HRESULT = 0x00000000 - S_OK]"),
    ]
    .iter()
    .zip(0..)
    .map(|(message, at)| {
        let at: i64 = at;
        cbs(second + at, line + at.unsigned_abs(), message)
    })
    .collect()
}

#[test]
fn cbs_log_tells_by_its_plan_what_became_of_a_package() {
    let found = after_a_failure(session(2 * DAY, 10, "Absent", "Staged"));
    assert_eq!(
        outcomes(&found),
        ["failed", "in_progress"],
        "{}",
        found.account()
    );
    let found = after_a_failure(session(2 * DAY, 10, "Superseded", "Absent"));
    assert_eq!(outcomes(&found), ["failed"], "{}", found.account());
    let found = after_a_failure(session(2 * DAY, 10, "Installed", "Absent"));
    assert_eq!(
        outcomes(&found),
        ["failed", "uninstalled"],
        "{}",
        found.account()
    );
    let found = after_a_failure(session(2 * DAY, 10, "Absent", "Installed"));
    assert_eq!(
        outcomes(&found),
        ["failed", "installed"],
        "{}",
        found.account()
    );
}

#[test]
fn a_log_that_lost_its_beginning_between_two_collections_is_read_in_order() {
    // The first collection holds a session at line 500; the second begins after it, at line 1, and
    // holds one of another update.
    let mut events = session(0, 500, "Absent", "Installed");
    let title = "9N4D0MSMP0PT-Microsoft.VP9VideoExtensions";
    events.push(event(super::CLIENT, 43, 5 * DAY, &[("updateTitle", title)]));
    events.push(event(
        super::CLIENT,
        19,
        5 * DAY + 30,
        &[("updateTitle", title)],
    ));
    let open = record(
        Source::CbsLog,
        "CBS",
        patchlens_event::Level::Info,
        9 * DAY,
        499,
        "Exec: Processing started.  Client: WindowsUpdateAgent, Session: 2_1, Package: Package_for_KB5043064~31bf3856ad364e35~amd64~~10.0.1.5, Identifier: KB5043064",
    );
    let later = cbs(
        9 * DAY + 60,
        503,
        "Exec: Processing complete.  Session: 2_1, Package: Package_for_KB5043064~31bf3856ad364e35~amd64~~10.0.1.5, Identifier: KB5043064 [HRESULT = 0x00000000 - S_OK]",
    );
    let alone = verdicts(&[open.clone(), later.clone()]);
    for mut event in [open, later] {
        event.collected_at = event.occurred_at.unwrap() + jiff::SignedDuration::from_hours(24 * 30);
        events.push(event);
    }
    let found = verdicts(&events);
    let of_september: Vec<Row> = found
        .attempts()
        .into_iter()
        .filter(|row| row[schema::KB_ARTICLE] == "5043064")
        .collect();
    assert_eq!(of_september, alone.attempts(), "{}", found.account());
    assert_eq!(outcomes(&found).len(), 3, "{}", found.account());
}
