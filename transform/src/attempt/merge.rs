//! Segments of several sources that tell of one attempt become one attempt.

use std::collections::HashSet;

use super::segment::Segment;
use super::signal::Phase;
use crate::normalise::kb_article;
use crate::row::{HOUR, MINUTE, distance};

/// Two sources tell of one failure within this time.
const SAME_FAILURE: i64 = 10 * MINUTE;
/// From download to verdict.
const SAME_UPDATE: i64 = 72 * HOUR;
/// From "restart required" to the verdict after the restart.
const RESTART_WAIT: i64 = 14 * 24 * HOUR;

/// The segments of one attempt, in order of time.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) segments: Vec<Segment>,
    /// When the last segment ends; the end of time when one has no time.
    end: i64,
}

impl Group {
    fn of(segment: Segment) -> Self {
        Self {
            end: end_of(&segment),
            segments: vec![segment],
        }
    }

    fn push(&mut self, segment: Segment) {
        self.end = self.end.max(end_of(&segment));
        self.segments.push(segment);
    }

    /// Over so long before the segment that no rule brings them together: most pairs of a long
    /// history are told apart by this alone.
    fn is_past(&self, segment: &Segment) -> bool {
        segment
            .start
            .is_some_and(|start| start.saturating_sub(self.end) > RESTART_WAIT)
    }

    fn kb(&self) -> Option<u32> {
        self.segments.iter().find_map(|segment| segment.kb)
    }

    fn build(&self) -> Option<(u32, u32)> {
        self.segments.iter().find_map(|segment| segment.build)
    }

    fn update_id(&self) -> Option<&str> {
        self.segments
            .iter()
            .map(|segment| segment.update_id.as_str())
            .find(|id| !id.is_empty())
    }

    fn title(&self) -> Option<&str> {
        self.segments.iter().find_map(title_of)
    }

    fn has_verdict(&self) -> bool {
        self.segments
            .iter()
            .any(|segment| segment.verdict.is_some())
    }

    fn failed(&self) -> bool {
        self.segments.iter().any(Segment::failed)
    }

    fn waits_for_restart(&self) -> bool {
        use super::signal::Signal::{RestartInitiated, RestartRequired};
        let last = self
            .segments
            .iter()
            .flat_map(|segment| &segment.signals)
            .next_back();
        last.is_some_and(|(signal, _)| matches!(signal, RestartRequired | RestartInitiated))
    }
}

/// Groups segments by attempt.
pub(crate) fn groups(mut segments: Vec<Segment>) -> Vec<Group> {
    segments.sort_by_key(|segment| {
        (
            segment.start.unwrap_or(i64::MIN),
            segment.end,
            segment.kb,
            segment.rows.first().copied(),
        )
    });
    let mut groups: Vec<Group> = Vec::new();
    for segment in segments {
        // The newest attempt that fits; one that names the same update goes before one that names none.
        let fitting = |group: &&mut Group| !group.is_past(&segment) && belongs(group, &segment);
        let named = groups
            .iter_mut()
            .rev()
            .filter(|group| segment.kb.is_some() && group.kb() == segment.kb)
            .find(fitting);
        match named {
            Some(group) => group.push(segment),
            None => match groups.iter_mut().rev().find(fitting) {
                Some(group) => group.push(segment),
                None => groups.push(Group::of(segment)),
            },
        }
    }
    join_shifted(&mut groups);
    groups
}

/// Two halves of one failure that stand an hour apart: one told by the clock on the wall, the other in
/// UTC. The hour that comes twice in autumn is taken as the first of the two, and a device that states
/// the winter time of its zone alone is an hour late all summer.
fn join_shifted(groups: &mut Vec<Group>) {
    let mut at = 0;
    while let Some(group) = groups.get(at) {
        if !group.failed() || group.segments.iter().any(Segment::is_scan) {
            at += 1;
            continue;
        }
        let other = groups
            .iter()
            .enumerate()
            .position(|(place, known)| place != at && is_same_but_for_an_hour(known, group));
        match other {
            // Each of them has one other half: what fits two is another attempt's.
            Some(into)
                if groups
                    .iter()
                    .filter(|known| is_same_but_for_an_hour(known, group))
                    .count()
                    == 1 =>
            {
                let half = groups.remove(at);
                let into = if into > at { into - 1 } else { into };
                if let Some(known) = groups.get_mut(into) {
                    half.segments
                        .into_iter()
                        .for_each(|segment| known.push(segment));
                }
            }
            _ => at += 1,
        }
    }
}

/// `wall` is told by the clock on the wall alone, `known` in UTC alone; both failed with one code.
fn is_same_but_for_an_hour(known: &Group, wall: &Group) -> bool {
    let by_wall = |group: &Group| {
        group
            .segments
            .iter()
            .all(|segment| segment.is_by_wall_clock && !segment.is_zone_assumed)
    };
    let by_utc = |group: &Group| {
        group
            .segments
            .iter()
            .all(|segment| !segment.is_by_wall_clock && !segment.is_zone_assumed)
    };
    let code = |group: &Group| {
        let verdicts = group.segments.iter().filter_map(|segment| segment.verdict);
        verdicts.filter_map(|verdict| verdict.code).next_back()
    };
    let is_scan = |group: &Group| group.segments.iter().any(Segment::is_scan);
    if !by_wall(wall)
        || !by_utc(known)
        || !wall.failed()
        || !known.failed()
        || code(wall).is_none()
        || code(wall) != code(known)
        || is_scan(wall)
        || is_scan(known)
        || differ(known.kb(), wall.kb())
        || differ(known.build(), wall.build())
    {
        return false;
    }
    wall.segments.iter().any(|local| {
        known.segments.iter().any(|utc| {
            let (Some(start), Some(end), Some(utc_start), Some(utc_end)) =
                (local.start, local.end, utc.start, utc.end)
            else {
                return false;
            };
            [HOUR, -HOUR].iter().any(|shift| {
                let shifted = (start + shift, end + shift);
                between(shifted, (utc_start, utc_end), false) <= SAME_FAILURE
            })
        })
    })
}

fn end_of(segment: &Segment) -> i64 {
    segment.start.and(segment.end).unwrap_or(i64::MAX)
}

fn belongs(group: &Group, segment: &Segment) -> bool {
    if group
        .segments
        .iter()
        .any(|known| known.is_scan() != segment.is_scan())
    {
        return false;
    }
    let update_id = Some(segment.update_id.as_str()).filter(|id| !id.is_empty());
    let no_kb = group.kb().is_none() || segment.kb.is_none();
    if differ(group.kb(), segment.kb)
        || differ(group.build(), segment.build)
        || no_kb && differ(group.update_id(), update_id)
    {
        return false;
    }
    let same_update = group.kb().is_some() && group.kb() == segment.kb
        || update_id.is_some() && group.update_id() == update_id
        || group.build().is_some() && group.build() == segment.build;
    let gap = group
        .segments
        .iter()
        .map(|known| gap(known, segment))
        .min()
        .unwrap_or(i64::MAX);
    if goes_the_other_way(group, segment) && !(same_update && gap <= SAME_FAILURE)
        || no_kb && !same_update && differ(group.title(), title_of(segment))
    {
        return false;
    }
    let told_by_same_source = group
        .segments
        .iter()
        .any(|known| known.source == segment.source && known.verdict.is_some());
    // A source that already gave its verdict and starts anew tells of a retry; one that goes on
    // without a start tells of the same attempt after the restart.
    if told_by_same_source
        && (segment.has_start || segment.verdict.is_some())
        && !(same_update && group.waits_for_restart())
    {
        // The client records the result of a restart when it is back.
        let is_result_of_restart = segment.source == "windows_update_log"
            && !segment.has_start
            && update_id.is_some()
            && group
                .segments
                .iter()
                .all(|known| known.source != segment.source || !known.failed())
            && group.update_id() == update_id
            && gap <= RESTART_WAIT;
        let goes_on = !segment.has_start
            && segment.source == "cbs_log"
            && gap <= SAME_FAILURE
            && (same_update || segment.kb.is_none() && segment.build.is_none());
        return is_result_of_restart
            || goes_on
            || same_update && completes_download(group, segment) && gap <= SAME_UPDATE
            || group
                .segments
                .iter()
                .any(|known| repeats_verdict(known, segment));
    }
    if group.waits_for_restart() && same_update {
        return gap <= RESTART_WAIT;
    }
    match (group.has_verdict(), segment.verdict.is_some()) {
        // One failure, seen twice.
        (true, true) if group.failed() == segment.failed() => gap <= SAME_FAILURE,
        // A part went well, the whole did not: a download and its installation, staging and its restart.
        (true, true) => {
            !group.failed() && same_update && gap <= SAME_UPDATE
                || same_update && overlaps(group, segment)
        }
        (true, false) if group.failed() => gap <= 2 * MINUTE,
        _ if same_update => gap <= SAME_UPDATE,
        _ => gap <= SAME_FAILURE,
    }
}

/// The title by which the device shows the update. Servicing gives the identity of a package instead:
/// it says nothing against a title.
fn title_of(segment: &Segment) -> Option<&str> {
    Some(segment.title.as_str()).filter(|title| {
        let is_identity =
            title.contains('~') || kb_article(title).is_some() && !title.contains(' ');
        !title.is_empty() && !is_identity
    })
}

/// One tells of an installation, the other of a removal. The event log says which it is; the logs of
/// the client and of servicing may not, so that they tell of a removal in the words of an installation.
fn goes_the_other_way(group: &Group, segment: &Segment) -> bool {
    let other = |known: &Segment| {
        known.is_removal() && segment.is_installation()
            || known.is_installation() && segment.is_removal()
    };
    group.segments.iter().any(other)
}

/// The source told only of a download that went well: what it tells of the installation goes on with
/// it. A second installation is another attempt, whatever was fetched before the first.
fn completes_download(group: &Group, segment: &Segment) -> bool {
    let of_source = || {
        group
            .segments
            .iter()
            .filter(|known| known.source == segment.source && known.verdict.is_some())
    };
    segment.phase() != Some(Phase::Download)
        && of_source().all(|known| known.succeeded() && known.phase() == Some(Phase::Download))
}

/// Two files of one format (setupact.log and setuperr.log) repeat the same verdict; and the call of the
/// update client, which may have installed other updates since, ends with that of the one that failed.
fn repeats_verdict(known: &Segment, segment: &Segment) -> bool {
    let ends_the_call = || {
        known.source == "windows_update_log"
            && known.failed()
            && segment.failed()
            && !segment.has_start
            && segment.kb.is_none()
            && segment.build.is_none()
            && segment.update_id.is_empty()
            && segment.title.is_empty()
    };
    let same_code =
        known.verdict.map(|verdict| verdict.code) == segment.verdict.map(|verdict| verdict.code);
    known.source == segment.source
        && same_code
        && (known.source == "setup_log" || ends_the_call())
        && gap(known, segment) <= MINUTE
        && share_no_row(known, segment)
}

fn share_no_row(known: &Segment, segment: &Segment) -> bool {
    let rows: HashSet<usize> = known.rows.iter().copied().collect();
    segment.rows.iter().all(|row| !rows.contains(row))
}

fn differ<T: PartialEq>(left: Option<T>, right: Option<T>) -> bool {
    left.zip(right).is_some_and(|(left, right)| left != right)
}

fn overlaps(group: &Group, segment: &Segment) -> bool {
    group.segments.iter().any(|known| gap(known, segment) == 0)
}

/// Time between two segments; 0 when they overlap or one has no time.
fn gap(left: &Segment, right: &Segment) -> i64 {
    let (Some(left_start), Some(left_end), Some(right_start), Some(right_end)) =
        (left.start, left.end, right.start, right.end)
    else {
        return 0;
    };
    let zones_may_differ = left.is_zone_assumed != right.is_zone_assumed;
    between(
        (left_start, left_end),
        (right_start, right_end),
        zones_may_differ,
    )
}

/// Time between two stretches; 0 when they overlap.
fn between(
    (left_start, left_end): (i64, i64),
    (right_start, right_end): (i64, i64),
    zones_may_differ: bool,
) -> i64 {
    if left_start <= right_end && right_start <= left_end {
        return 0;
    }
    let ends = [
        (left_start, right_start),
        (left_end, right_end),
        (left_start, right_end),
        (left_end, right_start),
    ];
    ends.iter()
        .map(|(left, right)| distance(*left, *right, zones_may_differ))
        .min()
        .unwrap_or(i64::MAX)
}
