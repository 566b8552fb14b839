//! From the device's wall clock to UTC.
//!
//! Local logs state no zone. It is taken, in this order, from the record or log itself, from the
//! rule in the registry, from what other records of the bundle say about the same weeks (the offsets
//! of ReportingEvents.log, the bias that the event log writes every day), from the offset that
//! `systeminfo` or a facts file states, or else from the collector's options, and then the event says
//! so ([`ZoneSource::Assumed`]).
//!
//! systeminfo names the zone's standard offset: where nothing else is known, the UTC time of a local
//! log may be one hour late in summer. The local time stands beside it in every event.

mod rule;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, civil::DateTime};
use patchlens_event::ZoneSource;

pub(crate) use rule::posix as posix_rule;

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

/// What a bundle says about the zone of its device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZoneFacts {
    /// The rule for the whole year, as a POSIX TZ string.
    pub rule: Option<String>,
    /// The standard offset in minutes, east positive, as systeminfo states it.
    pub standard_minutes: Option<i32>,
    /// The offset in force when the bundle was collected.
    pub current_minutes: Option<i32>,
    /// Offsets in force at certain instants.
    pub observed: BTreeMap<Timestamp, i32>,
}

impl ZoneFacts {
    /// Observations that are kept: one for every day of some years.
    const OBSERVED_MAX: usize = 4_096;

    /// Notes the offset at an instant, once a day.
    pub(crate) fn observe(&mut self, at: Timestamp, minutes: i32) {
        let day = SignedDuration::from_hours(24);
        let is_known = at.checked_sub(day).is_ok_and(|from| {
            self.observed
                .range(from..=at)
                .next_back()
                .is_some_and(|(_, known)| *known == minutes)
        });
        if !is_known && self.observed.len() < Self::OBSERVED_MAX && fixed(minutes).is_some() {
            self.observed.insert(at, minutes);
        }
    }

    /// Adds what another file says; what is known already stays.
    pub(crate) fn add(&mut self, other: &Self) {
        self.rule = self.rule.take().or_else(|| other.rule.clone());
        self.standard_minutes = self.standard_minutes.or(other.standard_minutes);
        self.current_minutes = self.current_minutes.or(other.current_minutes);
        for (at, minutes) in &other.observed {
            self.observe(*at, *minutes);
        }
    }
}

/// The zones that apply to one device.
#[derive(Debug, Clone)]
pub struct Zones {
    device: Option<TimeZone>,
    observed: BTreeMap<Timestamp, i32>,
    assumed: TimeZone,
}

/// Summer and winter time last longer than this; what is observed nearer holds.
const OBSERVED_DAYS: i64 = 45;

/// The zone of an offset in minutes, east positive; `None` when no place on earth has it.
fn fixed(minutes: i32) -> Option<TimeZone> {
    if minutes.checked_abs()? > 26 * 60 {
        return None;
    }
    Offset::from_seconds(minutes.checked_mul(60)?)
        .ok()
        .map(TimeZone::fixed)
}

/// The instant of a wall-clock time with its offset.
pub(crate) fn offset_instant(local: DateTime, minutes: i32) -> Option<Timestamp> {
    utc(local, &fixed(minutes)?)
}

impl Zones {
    /// Takes what the bundle states and what is assumed without it.
    pub fn new(facts: &ZoneFacts, assumed: TimeZone) -> Self {
        let rule = facts.rule.as_deref();
        let rule = rule.and_then(|rule| TimeZone::posix(rule).ok());
        // The rule knows better than single observations.
        let observed = match rule {
            Some(_) => BTreeMap::new(),
            None => facts.observed.clone(),
        };
        let nearest_to_now = observed.last_key_value().map(|(_, minutes)| *minutes);
        let stated = facts
            .standard_minutes
            .or(facts.current_minutes)
            .or(nearest_to_now);
        Self {
            device: rule.or_else(|| stated.and_then(fixed)),
            observed,
            assumed,
        }
    }

    /// What was observed within some weeks of a local time.
    fn observed_near(&self, local: DateTime) -> Option<TimeZone> {
        // Within a day of the instant whatever the zone is, which is near enough to look it up.
        let about = utc(local, &TimeZone::UTC)?;
        let before = self.observed.range(..=about).next_back();
        let after = self.observed.range(about..).next();
        let (_, minutes) = before
            .into_iter()
            .chain(after)
            .map(|(at, minutes)| (at.duration_since(about).abs(), *minutes))
            .min()
            .filter(|(far, _)| *far <= SignedDuration::from_hours(24 * OBSERVED_DAYS))?;
        fixed(minutes)
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
        let near = self.observed_near(local);
        let (zone, zone_source) = match near.as_ref().or(self.device.as_ref()) {
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
