//! Failures that no rule knows: one failure on many devices is one cluster, two failures with the
//! same code are two.

use std::collections::BTreeSet;

use patchlens_event::{Event, Level, Source};
use patchlens_ingest::template;
use patchlens_transform::{Reference, diagnose, diagnose_and_explain};

use crate::support::{KNOWLEDGE, frame, judge, record, rows};

/// A servicing line with its template, as the collector sends it.
fn line(second: i64, number: u64, level: Level, message: &str) -> Event {
    let mut event = record(Source::CbsLog, "CBS", level, second, number, message);
    template::of(message, &mut event.template);
    event
}

/// A session that fails with 0x80070057 after an inner error.
fn session(inner: &str) -> Vec<Event> {
    let package = "Package: Package_for_RollupFix~31bf3856ad364e35~amd64~~22621.4169.1.11, Identifier: KB5043076";
    vec![
        line(
            0,
            1,
            Level::Info,
            "Session: 31091001_1002 initialized by client WindowsUpdateAgent, external staging directory: (null), external registry directory: (null)",
        ),
        line(
            1,
            2,
            Level::Info,
            &format!(
                "Exec: Processing started.  Client: WindowsUpdateAgent, Session(Initiated): 31091001_1002, {package}"
            ),
        ),
        line(4, 3, Level::Error, inner),
        line(
            9,
            4,
            Level::Info,
            &format!(
                "Exec: Processing complete.  Session: 31091001_1002, {package} [HRESULT = 0x80070057 - E_INVALIDARG]"
            ),
        ),
    ]
}

fn key(events: &[Event]) -> String {
    let verdicts = judge(events, &Reference::default());
    let open = verdicts.open();
    assert_eq!(open[0]["cause"], "unknown", "{}", verdicts.account());
    open[0]["cluster_key"].clone()
}

#[test]
fn one_unknown_failure_on_forty_devices_is_one_cluster() {
    let keys: BTreeSet<String> = (0..40)
        .map(|device| {
            key(&session(&format!(
                r"Failed to shape user{device} profile at C:\Profiles\{device}\x{device}.dat, attempt {}. [HRESULT = 0x80070057 - E_INVALIDARG]",
                device * 7
            )))
        })
        .collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
}

#[test]
fn two_unknown_failures_with_one_code_are_two_clusters() {
    let one = key(&session(
        "Failed to shape the profile list. [HRESULT = 0x80070057 - E_INVALIDARG]",
    ));
    let other = key(&session(
        "Failed to weigh the font cache. [HRESULT = 0x80070057 - E_INVALIDARG]",
    ));
    assert_ne!(one, other);
    assert!(one.starts_with("v1:unknown:0x80070057:install:"), "{one}");
}

#[test]
fn what_a_device_always_logs_does_not_stand_out() {
    let usual = "Failed to open the telemetry store. [HRESULT = 0x80070057 - E_INVALIDARG]";
    let failure = "Failed to shape the profile list. [HRESULT = 0x80070057 - E_INVALIDARG]";
    let mut events = vec![line(-900_000, 0, Level::Error, usual)];
    events.extend(session(failure));
    events.insert(3, line(3, 20, Level::Error, usual));
    assert_eq!(key(&events), key(&session(failure)));
}

#[test]
fn an_explanation_says_what_made_the_key_and_what_was_rejected() {
    let mut events = session(
        "Failed to load the COMPONENTS hive [HRESULT = 0x800705aa - ERROR_NO_SYSTEM_RESOURCES]",
    );
    for event in &mut events {
        event.message = event.message.replace(
            "0x80070057 - E_INVALIDARG",
            "0x800705aa - ERROR_NO_SYSTEM_RESOURCES",
        );
        event.codes = patchlens_ingest::codes::find(&event.message).collect();
    }
    let frame = frame(&events);
    let (diagnosed, explanations) =
        diagnose_and_explain(&frame, &Reference::default(), &KNOWLEDGE).unwrap();
    let plain = diagnose(&frame, &Reference::default(), &KNOWLEDGE).unwrap();
    assert_eq!(rows(&diagnosed.diagnoses), rows(&plain.diagnoses));
    let first = &explanations[0];
    assert_eq!(
        first.rule.as_deref(),
        Some("registry-limit/components-hive")
    );
    assert!(
        first
            .conditions
            .iter()
            .any(|condition| condition.contains("components hive")),
        "{first:?}"
    );
    let parts: Vec<&str> = first.key.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(parts, ["version", "cause", "code", "phase"]);
}
