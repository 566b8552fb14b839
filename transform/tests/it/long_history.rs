//! The work for one device grows with its records, not with the square of its failures.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use patchlens_event::{Event, Level, Source};
use patchlens_transform::{Reference, diagnose, schema};

use crate::support::{KNOWLEDGE, collected_at, frame, inventory, record, rows};

/// Failed searches of a year: a device whose WSUS is away searches every hour.
const YEAR: i64 = 8_760;
const HOUR: i64 = 3_600;
/// A proxy that asks for a password: no network that was not there for a while.
const CODE: &str = "0x8024401b";

/// A device that searched with success, then failed every hour, then searched with success again. It is
/// asked for its inventory every hour too.
fn history(failures: i64) -> Vec<Event> {
    let agent = |second: i64, line: i64, message: &str| {
        let line = u64::try_from(line).unwrap();
        record(
            Source::WindowsUpdateLog,
            "Agent",
            Level::Unknown,
            second,
            line,
            message,
        )
    };
    let start = "* START * Finding updates CallerId = UpdateOrchestrator  Id = 7";
    let end = |code: &str| {
        format!("* END * Finding updates CallerId = UpdateOrchestrator, Id = 7, Exit code = {code}")
    };
    let good = |hour: i64| {
        let (second, line) = (hour * HOUR, hour * 10);
        [
            agent(second, line + 1, start),
            agent(second + 9, line + 9, &end("0x00000000")),
        ]
    };
    let mut events = Vec::from(good(0));
    for hour in 1..=failures {
        let (second, line) = (hour * HOUR, hour * 10);
        events.push(agent(second, line + 1, start));
        for at in 2..6 {
            let said = format!("WS error: call {hour} of {at} failed with hr = {CODE}");
            events.push(agent(second + at, line + at, &said));
        }
        events.push(agent(second + 9, line + 9, &end(CODE)));
        let free = (50_000 - hour).to_string();
        events.push(inventory(
            second,
            &[
                ("os_build", "10.0.19045.4651"),
                ("free_space_mb.C:", &free),
                ("hotfixes", "KB5039211,KB5040427"),
            ],
        ));
    }
    events.extend(good(failures + 1));
    let first: Timestamp = collected_at() - SignedDuration::from_hours(failures);
    for event in &mut events {
        let hour = i64::try_from(event.origin.line / 10).unwrap();
        event.collected_at = first + SignedDuration::from_hours(hour);
        if event.source == Source::Inventory {
            let hour = event
                .occurred_at
                .map_or(0, |at| (at.as_second() - 1_724_140_800) / HOUR);
            event.collected_at = first + SignedDuration::from_hours(hour);
        }
    }
    events
}

/// Seconds that this thread has computed: builds and other tests run beside.
fn cpu_seconds(since: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let on_cpu = stat
        .split(' ')
        .next()
        .and_then(|word| word.parse::<f64>().ok());
    on_cpu.map_or(since.elapsed().as_secs_f64(), |nanoseconds| {
        nanoseconds / 1e9
    })
}

fn seconds(failures: i64) -> f64 {
    let frame = frame(&history(failures));
    let started = Instant::now();
    let before = cpu_seconds(started);
    let diagnosed = diagnose(&frame, &Reference::default(), &KNOWLEDGE).unwrap();
    let took = cpu_seconds(started) - before;
    eprintln!("{failures} failed searches: {took:.2} s");
    let found = rows(&diagnosed.diagnoses);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0][schema::IS_OPEN], "0");
    // The first and the last failure, whatever lies between them.
    let at = |hour: i64| Timestamp::from_second(1_724_140_800 + hour * HOUR).unwrap();
    assert_eq!(found[0][schema::FIRST_SEEN_AT], at(1).to_string());
    assert_eq!(
        found[0][schema::LAST_SEEN_AT],
        (at(failures) + SignedDuration::from_secs(9)).to_string()
    );
    assert_eq!(
        i64::try_from(rows(&diagnosed.attempts).len()).unwrap(),
        failures
    );
    took
}

#[test]
fn four_times_the_failures_are_not_sixteen_times_the_work() {
    let (quarter, year) = (seconds(YEAR / 4), seconds(YEAR));
    assert!(
        year < 8.0 * quarter,
        "{year:.2} s for four times what took {quarter:.2} s"
    );
}
