//! Lets pass what has not been handed on yet; the rest only counts towards identity.

use super::position::Mark;
use crate::collect::FileEvents;
use crate::{Format, Issue, Record, RecordSink};

/// Stands before a file's events for one pass over (a part of) the file.
pub(super) struct Gate<'a, 'b> {
    pub(super) events: &'a mut FileEvents<'b>,
    pub(super) format: Format,
    /// What was handed on before this pass.
    pub(super) from: Option<Mark>,
    /// The furthest that was handed on, this pass included.
    pub(super) reached: &'a mut Option<Mark>,
    /// The furthest that was met, handed on or not.
    pub(super) met: Option<u64>,
    /// What stands here or behind may not be complete yet.
    pub(super) until: Option<u64>,
}

impl Gate<'_, '_> {
    fn at(&self, record_id: Option<u64>, byte_offset: u64) -> u64 {
        if self.format == Format::Evtx {
            record_id.unwrap_or_default()
        } else {
            byte_offset
        }
    }

    /// Decides on what stands at a place. `None` when it is left out altogether.
    fn is_new(&mut self, at: u64, extent: u64) -> Option<bool> {
        if self.until.is_some_and(|until| at >= until) {
            return None;
        }
        self.met = self.met.max(Some(at));
        let is_new = Mark::is_passed(self.from, at, extent);
        if Mark::is_passed(*self.reached, at, extent) {
            *self.reached = Some(Mark { at, extent });
        }
        Some(is_new)
    }
}

impl RecordSink for Gate<'_, '_> {
    fn record(&mut self, record: Record<'_>) {
        let at = self.at(record.record_id, record.byte_offset);
        if let Some(is_new) = self.is_new(at, record.continuations) {
            self.events.mute(!is_new);
            self.events.record(record);
        }
    }

    fn issue(&mut self, issue: Issue<'_>) {
        if self.format == Format::Evtx {
            // Damage has no number of its own, and the same identity each time.
            self.events.mute(self.from.is_some());
            return self.events.issue(issue);
        }
        if let Some(is_new) = self.is_new(issue.byte_offset, issue.lines) {
            self.events.mute(!is_new);
            self.events.issue(issue);
        }
    }
}

/// Finds where the last record or reject of a text begins.
#[derive(Default)]
pub(super) struct Last(pub(super) Option<u64>);

impl RecordSink for Last {
    fn record(&mut self, record: Record<'_>) {
        self.0 = self.0.max(Some(record.byte_offset));
    }

    fn issue(&mut self, issue: Issue<'_>) {
        self.0 = self.0.max(Some(issue.byte_offset));
    }
}
