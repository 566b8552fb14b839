//! From the device's wall clock to UTC.
//!
//! Local logs state no zone. It is taken, in this order, from the record or log itself, from the
//! bundle (`(UTC+08:00)` of systeminfo, the registry's bias, `utc_offset_minutes` of a facts file),
//! or else from the collector's options, and then the event says so ([`ZoneSource::Assumed`]).
//!
//! systeminfo names the zone's standard offset: in summer time the UTC time of a local log may be
//! one hour late. The local time stands beside it in every event.

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, civil::DateTime};
use patchlens_event::ZoneSource;

use crate::{Format, LoggedTime};

/// When a record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurred {
    /// UTC; `None` when the record states no time.
    pub at: Option<Timestamp>,
    /// By the clock on the device's wall; `None` for UTC sources.
    pub at_local: Option<DateTime>,
    /// How the way from local time to UTC is known.
    pub zone_source: ZoneSource,
}

/// The zones that apply to one device.
#[derive(Debug, Clone)]
pub struct Zones {
    device: Option<TimeZone>,
    assumed: TimeZone,
}

/// The zone of an offset in minutes, east positive; `None` when no place on earth has it.
fn fixed(minutes: i32) -> Option<TimeZone> {
    if minutes.abs() > 26 * 60 {
        return None;
    }
    Offset::from_seconds(minutes.checked_mul(60)?)
        .ok()
        .map(TimeZone::fixed)
}

impl Zones {
    /// Takes what the bundle states and what is assumed without it.
    pub fn new(device_offset_minutes: Option<i32>, assumed: TimeZone) -> Self {
        Self {
            device: device_offset_minutes.and_then(fixed),
            assumed,
        }
    }

    /// Finds the time of a record of a file of this format.
    pub fn occurred(&self, time: LoggedTime, format: Format) -> Occurred {
        match time {
            LoggedTime::Unstated => Occurred {
                at: None,
                at_local: None,
                zone_source: ZoneSource::Assumed,
            },
            LoggedTime::Utc(at) => Occurred {
                at: Some(at),
                at_local: None,
                zone_source: ZoneSource::Record,
            },
            LoggedTime::Offset(local, minutes) => {
                // The Windows 7 form states its offset once, in a header line.
                let zone_source = if format == Format::WindowsUpdateLogLegacy {
                    ZoneSource::Log
                } else {
                    ZoneSource::Record
                };
                match fixed(minutes) {
                    Some(zone) => Occurred {
                        at: utc(local, &zone),
                        at_local: Some(local),
                        zone_source,
                    },
                    None => self.local(local),
                }
            }
            LoggedTime::Local(local) => self.local(local),
        }
    }

    fn local(&self, local: DateTime) -> Occurred {
        let (zone, zone_source) = match &self.device {
            Some(zone) => (zone, ZoneSource::Device),
            None => (&self.assumed, ZoneSource::Assumed),
        };
        Occurred {
            at: utc(local, zone),
            at_local: Some(local),
            zone_source,
        }
    }
}

/// An hour that comes twice is taken as the first, one that never comes as the one after it.
fn utc(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(local).compatible().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn check(zones: &Zones, time: LoggedTime, format: Format, at: &str, source: ZoneSource) {
        let occurred = zones.occurred(time, format);
        assert_eq!(occurred.at, Some(at.parse().unwrap()));
        assert_eq!(occurred.zone_source, source);
    }

    #[test]
    fn the_nearest_statement_of_the_zone_wins() {
        let noon = date(2024, 8, 20).at(12, 0, 0, 0);
        let device = Zones::new(Some(480), TimeZone::UTC);
        let unknown = Zones::new(None, TimeZone::UTC);
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
}
