//! How many events one CPU-second takes: `cargo bench -p patchlens-transform`.
//!
//! 100,000 rows as a fleet sends them: a few hundred statements that repeat with other numbers,
//! paths and packages, among them some failed attempts. Counted is the time that the one thread is on a
//! processor, so that other work on the machine changes little; no step starts threads of its own.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use patchlens_event::{
    DeviceId, Event, EventId, Hresult, Kind, Level, Origin, SCHEMA_VERSION, Source, ZoneSource,
};
use patchlens_transform::{
    Knowledge, Reference, RowOrigin, TRANSFORM_VERSION, diagnose, events_frame, normalise,
};

const ROWS: u32 = 100_000;
const DEVICES: u32 = 100;
const RUNS: u32 = 20;

fn event(number: u32) -> Event {
    // Each device fails about once in a thousand records.
    let fails = number % 1_000 < 9;
    let (source, component, template, message, codes) = match number % 9 {
        0 => (Source::CbsLog, "CBS", "Failed to internally open package. [HRESULT = <*> - CBS_E_INVALID_PACKAGE]".to_owned(), "Failed to internally open package. [HRESULT = 0x800f0805 - CBS_E_INVALID_PACKAGE]".to_owned(), vec![Hresult(0x800f_0805)]),
        1 => (Source::WindowsUpdateLog, "Agent", "*FAILED* [<*>] Method failed [<*>]".to_owned(), format!("*FAILED* [80248007] Method failed [CSusClientGlobal::Init:{number}]"), vec![Hresult(0x8024_8007)]),
        2 => (Source::WindowsUpdateLog, "Agent", "* START * Finding updates CallerId = UpdateOrchestrator Id = <*>".to_owned(), format!("* START * Finding updates CallerId = UpdateOrchestrator Id = {number}"), Vec::new()),
        3 => (Source::CbsLog, "CBS", "Exec: Processing complete. Session: <*>, Package: <*>, Identifier: <*> [HRESULT = <*> - S_OK]".to_owned(), format!("Exec: Processing complete. Session: {number}_1, Package: Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.{}.1.7, Identifier: KB50{} [HRESULT = 0x00000000 - S_OK]", number % 5000, 10_000 + number % 80_000), Vec::new()),
        4 => (Source::DismLog, "DISM", format!("DISM Provider Store: PID=<*> TID=<*> Provider {} loaded - CDISMProviderStore::Internal", number % 300), format!("DISM Provider Store: PID={number} TID=77 Provider {} loaded - CDISMProviderStore::Internal", number % 300), Vec::new()),
        5 => (Source::SetupLog, "MOUPG", "Action progress: [<*>]".to_owned(), format!("Action progress: [{}%]", number % 100), Vec::new()),
        6 => (Source::CbsLog, "CSI", "<*> Warning: Attempted to load package <*>".to_owned(), format!("{number:08x} Warning: Attempted to load package Package_{number}_for_KB5036892~31bf3856ad364e35~amd64~~19041.4291.1.5 from C:\\Windows\\servicing\\Packages"), Vec::new()),
        7 if fails => (Source::WindowsUpdateLog, "Handler", "*FAILED* [<*>] Install of update".to_owned(), "*FAILED* [80070005] Install of update".to_owned(), vec![Hresult(0x8007_0005)]),
        8 if fails => (Source::WindowsUpdateLog, "Agent", "* END * Installing updates CallerId = UpdateOrchestrator, Id = <*>, Exit code = <*>".to_owned(), format!("* END * Installing updates CallerId = UpdateOrchestrator, Id = {number}, Exit code = 0x80070005"), vec![Hresult(0x8007_0005)]),
        _ => (Source::WindowsUpdateLog, "IdleTimer", "WU operation (<*>, operation # <*>) stopped; does use network; is at background priority".to_owned(), format!("WU operation (CAgentProtocolTalker::SyncUpdates_WithRecover, operation # {number}) stopped; does use network; is at background priority"), Vec::new()),
    };
    Event {
        v: SCHEMA_VERSION,
        event_id: EventId::from_parts(&[&number.to_le_bytes()]),
        device_id: DeviceId::new(&format!("BENCH-{}", number / (ROWS / DEVICES))).unwrap(),
        device_name: None,
        source,
        kind: Kind::Record,
        occurred_at: Timestamp::from_second(1_724_140_800 + i64::from(number)).ok(),
        occurred_at_local: None,
        zone_source: ZoneSource::Device,
        collected_at: Timestamp::from_second(1_725_000_000).unwrap(),
        origin: Origin {
            file: source.as_str().to_owned(),
            line: u64::from(number),
            byte_offset: 0,
            record_id: None,
        },
        level: Level::Info,
        component: Some(component.to_owned()),
        channel: None,
        windows_event_id: None,
        codes,
        template,
        message,
        fields: BTreeMap::new(),
        count: 1,
    }
}

/// Seconds that this thread has been on a processor; where the system does not say, seconds that passed.
fn cpu_seconds(started: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let on_cpu = stat.split(' ').next().and_then(|word| word.parse().ok());
    on_cpu
        .map_or(started.elapsed(), Duration::from_nanos)
        .as_secs_f64()
}

/// Runs a step several times and prints rows per CPU-second in the mean, the first run left out. The
/// system counts in ticks of some milliseconds: single runs are shorter than what it tells apart.
fn measure<T>(name: &str, total: &mut f64, mut step: impl FnMut() -> T) -> T {
    let mut last = step();
    let started = Instant::now();
    let before = cpu_seconds(started);
    for _ in 0..RUNS {
        last = step();
    }
    let mean = (cpu_seconds(started) - before) / f64::from(RUNS);
    *total += mean;
    print(name, mean);
    last
}

fn print(name: &str, seconds: f64) {
    println!(
        "{name:<14} {:>10.0} rows/s   {:>7.1} ms per {ROWS} rows",
        f64::from(ROWS) / seconds,
        seconds * 1_000.0
    );
}

fn main() {
    let knowledge = Knowledge::builtin().unwrap();
    let events: Vec<(Event, RowOrigin)> = (0..ROWS)
        .map(|number| (event(number), RowOrigin::default()))
        .collect();
    let at = Timestamp::from_second(1_725_000_000).unwrap();
    let mut total = 0.0;
    let frame = measure("events_frame", &mut total, || {
        events_frame(&events, TRANSFORM_VERSION, at).unwrap()
    });
    let normalised = measure("normalise", &mut total, || {
        normalise(frame.clone(), &knowledge).unwrap()
    });
    let diagnosed = measure("diagnose", &mut total, || {
        diagnose(&normalised, &Reference::default(), &knowledge).unwrap()
    });
    print("all three", total);
    println!(
        "{} attempts, {} diagnoses of {DEVICES} devices",
        diagnosed.attempts.height(),
        diagnosed.diagnoses.height()
    );
}
