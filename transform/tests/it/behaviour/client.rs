//! What the update client's own log says of an update: by its GUID, in its job, in its history.

use patchlens_event::Event;
use patchlens_transform::schema;

use super::{agent, verdicts};
use crate::support::hex;

const MONTHLY: &str = "166E27DA-FBEB-4360-95AB-AF2C3152C21F";
const FRAMEWORK: &str = "6500AF43-533E-41F8-8413-F70648777D13";
const JOB: &str = "D53F0A9B-4438-47AC-B36A-582814606542";

/// The lines of one log, numbered and a second apart from `second` on.
fn lines(second: i64, first_line: u64, texts: &[String]) -> Vec<Event> {
    texts
        .iter()
        .zip(0_i32..)
        .map(|(text, at)| {
            let at = i64::from(at);
            agent(
                second + at,
                first_line + u64::try_from(at).unwrap(),
                text.as_str(),
            )
        })
        .collect()
}

fn begins(job: &str, updates: &[(&str, &str)]) -> Vec<String> {
    let head = format!(
        "Deployment job Id {job} : Beginning Installing of updates, CallerId = MoUpdateOrchestrator."
    );
    let named = updates.iter().flat_map(|(title, id)| {
        [
            format!("  Title = {title}"),
            format!("  UpdateId = {id}.200"),
        ]
    });
    std::iter::once(head).chain(named).collect()
}

fn ends(job: &str, id: &str, code: &str) -> String {
    let word = if code == "0x00000000" {
        "succeeded"
    } else {
        "failed"
    };
    format!("Deployment job Id {job} : Method {word} for update {id}.200, hrDeploy = {code}")
}

fn history(id: &str, mapped: &str, unmapped: &str) -> String {
    format!(
        "LogHistory called. idUpdate={{{id}}}.200, resultMapped={mapped}, resultUnMapped={unmapped}"
    )
}

#[test]
fn each_update_of_a_job_has_its_own_name_and_verdict() {
    let updates = [
        ("2024-08 Cumulative Update (KB5041580)", MONTHLY),
        ("Microsoft .NET Framework 4.8.1 (KB5011048)", FRAMEWORK),
    ];
    let mut said = begins(JOB, &updates);
    said.push(ends(JOB, FRAMEWORK, "0x00000000"));
    said.push(ends(JOB, MONTHLY, "0x800705aa"));
    let verdicts = verdicts(&lines(0, 1, &said));
    let outcomes: Vec<(String, String)> = verdicts
        .attempts()
        .iter()
        .map(|row| {
            (
                row[schema::KB_ARTICLE].clone(),
                row[schema::OUTCOME].clone(),
            )
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            ("5011048".to_owned(), "installed".to_owned()),
            ("5041580".to_owned(), "failed".to_owned())
        ],
        "{}",
        verdicts.account()
    );
}

#[test]
fn an_update_without_an_article_is_made_good_under_the_same_id() {
    let title = "Windows 11, version 23H2";
    let failing = |second, line, id, code| {
        let mut said = begins(JOB, &[(title, id)]);
        said.push(ends(JOB, id, code));
        lines(second, line, &said)
    };
    let mut events = failing(0, 1, MONTHLY, "0x8024200d");
    assert_eq!(verdicts(&events).open().len(), 1);
    events.extend(failing(90_000, 10, MONTHLY, "0x00000000"));
    assert!(
        verdicts(&events).open().is_empty(),
        "{}",
        verdicts(&events).account()
    );
}

#[test]
fn the_history_states_the_code_beneath_and_is_no_second_attempt() {
    let mut said = begins(JOB, &[("2024-08 Cumulative Update (KB5041580)", MONTHLY)]);
    said.push(history(MONTHLY, "80070643", "800F0823"));
    said.push(ends(JOB, MONTHLY, "0x8024200b"));
    let verdicts = verdicts(&lines(0, 1, &said));
    let open = verdicts.open();
    assert_eq!(verdicts.attempts().len(), 1, "{}", verdicts.account());
    assert_eq!(hex(&open[0], schema::ERROR_CODE), "0x80070643");
    assert_eq!(hex(&open[0], schema::INNER_CODE), "0x800f0823");
}

#[test]
fn what_the_client_records_after_a_restart_is_the_result_of_the_same_attempt() {
    let mut said = begins(JOB, &[("2024-08 Cumulative Update (KB5041580)", MONTHLY)]);
    said.push(ends(JOB, MONTHLY, "0x00000000"));
    said.push(history(MONTHLY, "80242014", "0"));
    let mut events = lines(0, 1, &said);
    let waiting = verdicts(&events);
    assert_eq!(waiting.attempts()[0][schema::OUTCOME], "pending_restart");
    events.extend(lines(7_200, 20, &[history(MONTHLY, "800F0922", "0")]));
    let after = verdicts(&events);
    assert_eq!(after.attempts().len(), 1, "{}", after.account());
    assert_eq!(after.attempts()[0][schema::OUTCOME], "failed");
}

#[test]
fn an_update_that_something_else_made_needless_has_not_failed() {
    let said = [history(FRAMEWORK, "80240017", "0")];
    assert!(verdicts(&lines(0, 1, &said)).diagnoses().is_empty());
}

#[test]
fn a_job_that_was_cut_short_takes_nothing_of_the_next() {
    let mut said = begins(
        "4791FA30-A972-40E0-A97F-F9E08195625C",
        &[("9WZDN-App", FRAMEWORK)],
    );
    said.extend(begins(
        JOB,
        &[("2024-08 Cumulative Update (KB5041580)", MONTHLY)],
    ));
    said.push(ends(JOB, MONTHLY, "0x800705aa"));
    let open = verdicts(&lines(0, 1, &said)).open();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0][schema::KB_ARTICLE], "5041580");
}
