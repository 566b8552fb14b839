//! The clock on the wall of a simulated device: an instant that moves on, and the device's time zone.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use crate::random::Random;

/// Where a writer stands in time.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    at: Timestamp,
    zone: TimeZone,
}

impl Clock {
    /// A clock in this zone, set to this instant.
    pub(crate) fn new(at: Timestamp, zone: &TimeZone) -> Self {
        Self {
            at,
            zone: zone.clone(),
        }
    }

    /// The instant.
    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    /// The instant as the device's own clock shows it, by which its logs are written.
    pub(crate) fn local(&self) -> DateTime {
        self.zone.to_datetime(self.at)
    }

    /// The instant in UTC.
    pub(crate) fn utc(&self) -> DateTime {
        TimeZone::UTC.to_datetime(self.at)
    }

    /// Lets time pass until at least this long after an instant.
    pub(crate) fn pass_until(&mut self, since: Timestamp, seconds: u32) {
        self.at = self
            .at
            .max(since + SignedDuration::from_secs(i64::from(seconds)));
    }

    /// Sets the clock to an instant.
    pub(crate) fn set(&mut self, at: Timestamp) {
        self.at = at;
    }

    /// Lets a random time pass, in milliseconds from `low` to `high`, with a fraction as real clocks have it.
    pub(crate) fn pass_ms(&mut self, random: &mut Random, low: u32, high: u32) {
        let millis = i64::from(random.between(low, high));
        let fraction = i64::from(random.between(0, 9_999));
        self.at += SignedDuration::from_nanos(millis * 1_000_000 + fraction * 100);
    }
}
