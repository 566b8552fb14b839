//! Zones of single records, and of whole bundles.

use jiff::civil::date;
use patchlens_event::{Event, Reject};

use super::*;
use crate::collect::{CollectOptions, EventSink, SinkError, read_path};
use crate::testing::shared;

fn check(zones: &Zones, time: LoggedTime, format: Format, at: &str, source: ZoneSource) {
    let occurred = zones.occurred(time, format);
    assert_eq!(occurred.at, Some(at.parse().unwrap()));
    assert_eq!(occurred.zone_source, source);
}

#[test]
fn the_nearest_statement_of_the_zone_wins() {
    let noon = date(2024, 8, 20).at(12, 0, 0, 0);
    let device = Zones::new(&stated(480), TimeZone::UTC);
    let unknown = Zones::new(&ZoneFacts::default(), TimeZone::UTC);
    check(
        &device,
        LoggedTime::Local(noon),
        Format::CbsLog,
        "2024-08-20T04:00:00Z",
        ZoneSource::Device,
    );
    check(
        &unknown,
        LoggedTime::Local(noon),
        Format::CbsLog,
        "2024-08-20T12:00:00Z",
        ZoneSource::Assumed,
    );
    check(
        &device,
        LoggedTime::Offset(noon, 330),
        Format::WindowsUpdateLogLegacy,
        "2024-08-20T06:30:00Z",
        ZoneSource::Log,
    );
    check(
        &device,
        LoggedTime::Offset(noon, 180),
        Format::ReportingEvents,
        "2024-08-20T09:00:00Z",
        ZoneSource::Record,
    );
    check(
        &device,
        LoggedTime::Offset(noon, 99_999),
        Format::ReportingEvents,
        "2024-08-20T04:00:00Z",
        ZoneSource::Device,
    );
    let utc = LoggedTime::Utc("2024-08-20T01:00:00Z".parse().unwrap());
    check(
        &device,
        utc,
        Format::Evtx,
        "2024-08-20T01:00:00Z",
        ZoneSource::Record,
    );
}

fn stated(minutes: i32) -> ZoneFacts {
    ZoneFacts {
        standard_minutes: Some(minutes),
        ..ZoneFacts::default()
    }
}

#[track_caller]
fn check_local(facts: &ZoneFacts, local: &str, at: &str) {
    let zones = Zones::new(facts, TimeZone::UTC);
    let local = LoggedTime::Local(local.parse().unwrap());
    check(&zones, local, Format::CbsLog, at, ZoneSource::Device);
}

#[test]
fn summer_time_is_known_from_the_rule_or_from_what_was_seen_in_those_weeks() {
    let (summer, winter) = ("2024-08-20T12:00", "2024-12-20T12:00");
    let mut facts = stated(60);
    check_local(&facts, summer, "2024-08-20T11:00:00Z");
    facts.observe("2024-08-01T00:00:00Z".parse().unwrap(), 120);
    check_local(&facts, summer, "2024-08-20T10:00:00Z");
    check_local(&facts, winter, "2024-12-20T11:00:00Z");
    // The nearer of two observations holds.
    facts.observe("2024-10-27T12:00:00Z".parse().unwrap(), 60);
    facts.observe("2024-10-26T12:00:00Z".parse().unwrap(), 120);
    check_local(&facts, "2024-10-26T18:00", "2024-10-26T16:00:00Z");
    check_local(&facts, "2024-10-27T18:00", "2024-10-27T17:00:00Z");
    facts.rule = Some("<+0100>-01:00<+0200>-02:00,M3.5.0/02:00:00,M10.5.0/03:00:00".to_owned());
    check_local(&facts, summer, "2024-08-20T10:00:00Z");
    check_local(&facts, winter, "2024-12-20T11:00:00Z");
    check_local(&facts, "2024-10-27T01:00", "2024-10-26T23:00:00Z");
}

#[test]
fn without_a_statement_the_newest_observation_is_the_devices_zone() {
    let mut facts = ZoneFacts::default();
    facts.observe("2023-01-01T00:00:00Z".parse().unwrap(), 480);
    check_local(&facts, "2024-08-20T12:00", "2024-08-20T04:00:00Z");
    facts.observe("2023-01-01T01:00:00Z".parse().unwrap(), 99_999);
    assert_eq!(facts.observed.len(), 1);
}

/// Events of CBS.log, whatever else the bundle holds.
#[derive(Default)]
struct Servicing(Vec<Event>);

impl EventSink for Servicing {
    fn event(&mut self, event: Event) -> Result<(), SinkError> {
        if event.origin.file.ends_with("CBS.log") {
            self.0.push(event);
        }
        Ok(())
    }

    fn reject(&mut self, _: Reject) -> Result<(), SinkError> {
        Ok(())
    }
}

const CBS: &[u8] = b"2024-08-20 10:02:43, Error                 CBS    Failed to resolve package [HRESULT = 0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT]\r\n\
2024-12-20 10:02:43, Error                 CBS    Failed to resolve package [HRESULT = 0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT]\r\n";

/// The times in UTC that both lines get beside other files, and how they are known.
fn times_beside(files: &[(&str, &[u8])]) -> Vec<(String, ZoneSource)> {
    let root = tempfile::tempdir().unwrap();
    for (name, bytes) in files.iter().chain(&[("CBS.log", CBS)]) {
        std::fs::write(root.path().join(name), bytes).unwrap();
    }
    let mut events = Servicing::default();
    let options = CollectOptions::new("2025-01-01T00:00:00Z".parse().unwrap());
    read_path(root.path(), &options, &mut events).unwrap();
    let times = events.0.iter().filter(|event| event.occurred_at.is_some());
    times
        .map(|event| (event.occurred_at.unwrap().to_string(), event.zone_source))
        .collect()
}

fn both(summer: &str, winter: &str) -> Vec<(String, ZoneSource)> {
    [summer, winter]
        .map(|at| (at.to_owned(), ZoneSource::Device))
        .to_vec()
}

#[test]
fn what_stands_beside_a_local_log_tells_its_zone() {
    let systeminfo = "Host Name:                 BER-7\r\nOS Name:                   Microsoft Windows 10 Pro\r\nOS Version:                10.0.19045 N/A Build 19045\r\nSystem Type:               x64-based PC\r\nTime Zone:                 (UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna\r\n";
    // Alone it names the standard offset: an hour late in summer.
    assert_eq!(
        times_beside(&[("systeminfo.txt", systeminfo.as_bytes())]),
        both("2024-08-20T09:02:43Z", "2024-12-20T09:02:43Z")
    );
    let right = both("2024-08-20T08:02:43Z", "2024-12-20T09:02:43Z");
    let reporting = "{6E2B1B30-7D5E-4C5B-8B2A-6A2E0E3A1C11}\t2024-08-19 23:10:07:512+0200\t1\t147 [AGENT_DETECTION_FINISHED]\t101\t{00000000-0000-0000-0000-000000000000}\t0\t0\tUpdateOrchestrator\tSuccess\tSoftware Synchronization\tWindows Update Client successfully detected 3 updates.\r\n";
    let utf_16: Vec<u8> = reporting
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(
        times_beside(&[
            ("systeminfo.txt", systeminfo.as_bytes()),
            ("ReportingEvents.log", &utf_16)
        ]),
        right
    );
    let registry = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation\r\n    ActiveTimeBias    REG_DWORD    0xffffff88\r\n    Bias    REG_DWORD    0xffffffc4\r\n    DaylightBias    REG_DWORD    0xffffffc4\r\n    DaylightStart    REG_BINARY    00000300050002000000000000000000\r\n    StandardBias    REG_DWORD    0x0\r\n    StandardStart    REG_BINARY    00000A00050003000000000000000000\r\n";
    assert_eq!(
        times_beside(&[
            ("systeminfo.txt", systeminfo.as_bytes()),
            ("registry.txt", registry.as_bytes())
        ]),
        right
    );
}

#[test]
fn an_event_log_tells_the_zone_of_the_logs_beside_it() {
    let Some(path) = shared("realdata/evtx/omerbenamram/sample-with-zero-data-size-event.evtx")
    else {
        return;
    };
    let log = std::fs::read(path).unwrap();
    assert_eq!(
        times_beside(&[("System.evtx", &log)]),
        both("2024-08-20T09:02:43Z", "2024-12-20T09:02:43Z")
    );
}
