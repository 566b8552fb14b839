//! Attempts: one device trying one update once, told by several sources.
//!
//! Each source is cut into segments (an operation from its start to its verdict), and segments that
//! tell of the same attempt are merged. The verdict of the attempt, not the failing codes along the
//! way, says whether it failed.

mod event_log;
mod merge;
mod outcome;
mod removal;
mod segment;
mod signal;
mod stalled;
mod stream;

use std::collections::BTreeMap;

use crate::knowledge::Knowledge;
use crate::row::{Row, RowKind};

pub(crate) use outcome::{Attempt, Outcome};
pub(crate) use segment::Segment;
pub(crate) use signal::{Phase, Signal};

/// Derives the attempts of one device, in order of their start.
pub(crate) fn attempts(device_id: &str, rows: &[Row<'_>], knowledge: &Knowledge) -> Vec<Attempt> {
    let mut streams: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    let mut event_log = Vec::new();
    let mut start = 0;
    // The rows of a file stand together.
    for of_file in rows.chunk_by(|row, next| row.source == next.source && row.file == next.file) {
        let records = || {
            (start..)
                .zip(of_file)
                .filter(|(_, row)| row.kind == RowKind::Record)
                .map(|(index, _)| index)
        };
        match of_file.first().map(|row| (row.source, row.file)) {
            // No installation of an update is told there as a whole.
            None | Some(("procmon" | "hash_listing" | "osquery" | "setupapi_log", _)) => {}
            Some(("event_log", _)) => event_log.extend(records()),
            Some(file) => streams.entry(file).or_default().extend(records()),
        }
        start += of_file.len();
    }
    // A log that was collected twice may have lost its beginning in between: its lines are numbered
    // anew, and only within one collection do the numbers say which comes first.
    let place = |index: &usize| {
        rows.get(*index)
            .map(|row| (row.collected_at, row.line, row.byte_offset))
    };
    let mut segments = Vec::new();
    for ((source, _), order) in &mut streams {
        order.sort_by_key(place);
        segments.append(&mut stream::segments(rows, order, source));
    }
    event_log.sort_by_key(|index| {
        rows.get(*index)
            .map(|row| (row.time, row.record_id, row.line))
    });
    segments.append(&mut event_log::segments(rows, &event_log));
    stalled::judge(&mut segments, rows);
    removal::judge(&mut segments, rows);
    keep_what_counts(&mut segments);
    learn_builds(&mut segments);
    let mut attempts: Vec<Attempt> = merge::groups(segments)
        .into_iter()
        .map(|group| outcome::attempt(device_id, group, rows, knowledge))
        .collect();
    attempts.sort_by(|left, right| {
        (left.started_at, &left.attempt_id).cmp(&(right.started_at, &right.attempt_id))
    });
    attempts
}

/// Drops verdicts of parts whose whole is not there, unless there is no verdict of any whole: then
/// the material is an excerpt, and the part is all there is.
fn keep_what_counts(segments: &mut Vec<Segment>) {
    let any_whole = segments
        .iter()
        .any(|segment| segment.verdict.is_some_and(|verdict| !verdict.is_weak));
    segments.retain(|segment| {
        segment.is_opened || !any_whole || segment.verdict.is_none_or(|verdict| !verdict.is_weak)
    });
    // A session that began and holds only a part's failure was cut off by the next: no verdict.
    segments.retain(|segment| {
        segment.verdict.is_some()
            || segment
                .signals
                .iter()
                .any(|(signal, _)| signal.is_start() || signal.phase() == Phase::Restart)
    });
}

/// A build named with its KB in one segment names the KB of the others.
fn learn_builds(segments: &mut [Segment]) {
    let known: BTreeMap<(u32, u32), u32> = segments
        .iter()
        .filter_map(|segment| Some((segment.build?, segment.kb?)))
        .collect();
    for segment in segments.iter_mut().filter(|segment| segment.kb.is_none()) {
        segment.kb = segment.build.and_then(|build| known.get(&build).copied());
    }
}
