//! Lets pass what has not been handed on yet; the rest only counts towards identity.

use std::collections::BTreeSet;

use super::position::Mark;
use crate::collect::FileEvents;
use crate::{Format, Issue, LoggedTime, Record, RecordSink};

/// How many damaged places of an event log are told of.
const DAMAGE_MAX: usize = 10_000;

/// What is made of what a file's end makes of its last bytes: they may be half of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The end has not been reached, or cuts nothing.
    Open,
    /// The file grows: nothing is made of them yet.
    Growing,
    /// Nothing followed for a while: they are taken as they are. The mark stays before them, so that
    /// the whole passes when it is there.
    Quiet,
}

/// What a pass over a file came to.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// Something was muted.
    pub(super) has_muted: bool,
    /// What was handed on last before this pass was met again.
    pub(super) has_met_mark: bool,
    /// Something was held back, since it may be half of something.
    pub(super) has_held_back: bool,
    /// The furthest that was handed on, this pass included.
    pub(super) reached: Option<Mark>,
}

impl Passed {
    /// Nothing yet; `from` was handed on before.
    pub(super) fn new(from: Option<Mark>) -> Self {
        Self {
            reached: from,
            ..Self::default()
        }
    }
}

/// Stands before a file's events for one pass over (a part of) the file.
pub(super) struct Gate<'a, 'b> {
    pub(super) events: &'a mut FileEvents<'b>,
    pub(super) format: Format,
    /// What was handed on before this pass.
    pub(super) from: Option<Mark>,
    pub(super) passed: &'a mut Passed,
    /// What stands here or behind may not be complete yet.
    pub(super) until: Option<u64>,
    pub(super) end: End,
    /// Damaged places of an event log that were told of.
    pub(super) damage: Option<&'a mut BTreeSet<(u64, String)>>,
}

impl Gate<'_, '_> {
    /// Decides on what stands at a mark. `None` when it is left out altogether.
    fn is_new(&mut self, mark: Mark) -> Option<bool> {
        if self.end == End::Growing {
            self.passed.has_held_back = true;
            return None;
        }
        if self.until.is_some_and(|until| mark.at >= until) {
            return None;
        }
        let is_new = mark.is_behind(self.from);
        self.passed.has_muted |= !is_new;
        if let Some(from) = self.from {
            let is_same = from.written_at.is_none() || from.written_at == mark.written_at;
            self.passed.has_met_mark |= from.at == mark.at && is_same;
        }
        let is_whole = self.end == End::Open || self.format == Format::Evtx;
        if is_whole && mark.is_behind(self.passed.reached) {
            self.passed.reached = Some(mark);
        }
        Some(is_new)
    }
}

impl RecordSink for Gate<'_, '_> {
    fn record(&mut self, record: Record<'_>) {
        let mark = if self.format == Format::Evtx {
            let written_at = match record.time {
                LoggedTime::Utc(at) => Some(at.as_microsecond()),
                _ => None,
            };
            Mark {
                at: record.record_id.unwrap_or_default(),
                extent: 0,
                written_at,
            }
        } else {
            Mark {
                at: record.byte_offset,
                extent: record.continuations,
                written_at: None,
            }
        };
        if let Some(is_new) = self.is_new(mark) {
            self.events.mute(!is_new);
            self.events.record(record);
        }
    }

    fn issue(&mut self, issue: Issue<'_>) {
        if self.format == Format::Evtx {
            // Damage has no number of its own. What is being written may look damaged for a moment.
            if self.end != End::Quiet {
                self.passed.has_held_back = true;
                return;
            }
            let is_new = self.damage.as_mut().is_some_and(|damage| {
                damage.len() < DAMAGE_MAX
                    && damage.insert((issue.byte_offset, issue.detail.clone()))
            });
            self.events.mute(!is_new);
            return self.events.issue(issue);
        }
        let mark = Mark {
            at: issue.byte_offset,
            extent: issue.lines,
            written_at: None,
        };
        if let Some(is_new) = self.is_new(mark) {
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
