//! Downloads that the update client began again and again, and never finished.
//!
//! A call for a download that fails, or that is not heard of again, says little: healthy clients log
//! several a day and try again. For one update, over more than a day and without one that went well,
//! they are a failure, also where no event log says that the client gave up.

use std::collections::BTreeMap;

use super::segment::{Segment, Verdict};
use super::signal::{Phase, Signal};
use crate::row::{HOUR, Row};

/// From the first call to the last, at least: longer than a night without network.
const STALLED_AFTER: i64 = 20 * HOUR;
/// How often the client asked for the update in that time, at least.
const CALLS_MIN: usize = 2;

/// Gives the last call of each stalled download the verdict that it failed.
pub(super) fn judge(segments: &mut [Segment], rows: &[Row<'_>]) {
    let mut calls: BTreeMap<&str, Calls> = BTreeMap::new();
    for (index, segment) in segments.iter().enumerate() {
        if segment.update_id.is_empty() {
            continue;
        }
        let of_update = calls.entry(&segment.update_id).or_default();
        if segment.phase() != Some(Phase::Download) || segment.verdict.is_some() {
            // It was fetched, or its failure is told already.
            of_update.is_told = true;
        } else if segment.source == "windows_update_log" && asks_for_windows(segment, rows) {
            of_update.unfinished.push(index);
        }
    }
    let stalled: Vec<usize> = calls
        .into_values()
        .filter_map(|calls| calls.stalled(segments))
        .collect();
    for index in stalled {
        if let Some(segment) = segments.get_mut(index) {
            give_up(segment, rows);
        }
    }
}

/// What the client's log tells of the downloads of one update.
#[derive(Default)]
struct Calls {
    unfinished: Vec<usize>,
    is_told: bool,
}

impl Calls {
    /// The last call, when the download is stalled.
    fn stalled(self, segments: &[Segment]) -> Option<usize> {
        let begun = |index: &usize| segments.get(*index).and_then(|segment| segment.start);
        let last = self.unfinished.iter().copied().max_by_key(begun)?;
        let first = self.unfinished.iter().filter_map(begun).min()?;
        let lasted = begun(&last)? - first;
        let is_stalled =
            !self.is_told && self.unfinished.len() >= CALLS_MIN && lasted >= STALLED_AFTER;
        is_stalled.then_some(last)
    }
}

/// Definitions and apps of the Store come out anew before a stalled one matters.
fn asks_for_windows(segment: &Segment, rows: &[Row<'_>]) -> bool {
    const OTHERS: [&str; 4] = [
        "CallerId = Windows Defender",
        "CallerId = Update;",
        "CallerId = Acquisition;",
        "CallerId = Store",
    ];
    let start = segment
        .signals
        .first()
        .and_then(|(_, index)| rows.get(*index));
    start.is_some_and(|row| !OTHERS.iter().any(|other| row.message.contains(other)))
}

/// The call's last line with a code is the verdict; its start, when the log tells no end.
fn give_up(segment: &mut Segment, rows: &[Row<'_>]) {
    let told = segment.rows.iter().rev().find(|index| {
        rows.get(**index)
            .is_some_and(|row| row.error_code.is_some() && row.job() == Some(&segment.job))
    });
    let start = segment.signals.first().map(|(_, index)| index);
    if let Some(row) = told.or(start).copied() {
        segment.signals.push((Signal::DownloadFailed, row));
        segment.verdict = Some(Verdict {
            signal: Signal::DownloadFailed,
            code: rows.get(row).and_then(|row| row.error_code),
            row,
            is_weak: false,
            is_recorded: false,
        });
    }
}
