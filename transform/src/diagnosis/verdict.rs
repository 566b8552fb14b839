//! Which attempts count as failed, and which were made good later.

use super::facts::Facts;
use crate::attempt::{Attempt, Phase};
use crate::reference::{Reference, servicing_branch};
use crate::row::HOUR;

/// Codes of a network that was not there: the client tries again by itself.
const CONNECTION_CODES: [u32; 14] = [
    0x8024_402c, 0x8024_402f, 0x8024_4022, 0x8024_401f, 0x8024_401c, 0x8024_0438, 0x8007_2ee2, 0x8007_2ee7, 0x8007_2efd, 0x8007_2efe, 0x8007_2f8f,
    0x8024_4010, 0x8024_402e, 0x8024_5003,
];
/// A device that could search before is cut off, not merely offline, after so long without success.
const CUT_OFF_AFTER: i64 = 24 * HOUR;

/// Names the update of attempts that do not: by the build of their package, by the one rollout that
/// targets the device.
pub(super) fn name_updates(device_id: &str, attempts: &mut [Attempt], facts: &Facts, reference: &Reference) {
    let build = facts.build().map(|build| build.number);
    for attempt in attempts.iter_mut().filter(|attempt| attempt.kb.is_none()) {
        let by_build = attempt.build.and_then(|(build, ubr)| reference.kb_of_build(build, ubr));
        let planned = || attempt.failed().then(|| reference.kb_planned_for(device_id, build)).flatten();
        attempt.kb = by_build.or_else(planned);
    }
}

/// Keeps the attempts that are worth a row: scans only when they failed and were not made good by a
/// later one, nameless operations only when they failed.
pub(super) fn keep_telling(attempts: Vec<Attempt>, scans_succeeded_at: &[i64]) -> Vec<Attempt> {
    let last_good_scan = scans_succeeded_at.iter().max().copied();
    let failed_since = || attempts.iter().filter(|attempt| attempt.is_scan && attempt.failed() && last_good_scan.is_none_or(|good| attempt.started_at > good)).map(|attempt| attempt.started_at);
    let cut_off_for = failed_since().max().zip(failed_since().min()).map_or(0, |(last, first)| last - first);
    let last_success = attempts.iter().filter(|attempt| !attempt.is_scan && attempt.succeeded()).map(|attempt| attempt.started_at).max();
    let keeps = |attempt: &Attempt| {
        if !attempt.is_scan {
            let is_named = attempt.kb.is_some() || attempt.build.is_some() || !attempt.title.is_empty();
            return is_named || attempt.failed();
        }
        let made_good = [last_good_scan, last_success].iter().flatten().any(|good| *good >= attempt.started_at);
        let is_passing = attempt.codes().any(|code| CONNECTION_CODES.contains(&code)) && last_good_scan.is_some() && cut_off_for < CUT_OFF_AFTER;
        attempt.failed() && !made_good && !is_passing
    };
    let keep: Vec<bool> = attempts.iter().map(keeps).collect();
    attempts.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(attempt, _)| attempt).collect()
}

/// True when the update of a failed attempt was installed later.
pub(super) fn is_made_good(attempt: &Attempt, attempts: &[Attempt], facts: &Facts) -> bool {
    let later = || attempts.iter().filter(|other| other.started_at >= attempt.started_at && other.attempt_id != attempt.attempt_id && other.succeeded());
    let same_update = |other: &Attempt| {
        other.kb.is_some() && other.kb == attempt.kb
            || !attempt.title.is_empty() && other.title == attempt.title
            || supersedes(other.build, attempt.build)
            || attempt.kb.is_none() && attempt.build.is_none() && attempt.title.is_empty() && other.phase == attempt.phase && attempt.phase == Some(Phase::Download)
    };
    // Cumulative updates: a device at or above the build has it, whatever the list of KBs says.
    let has_build = attempt.build.is_some_and(|(number, ubr)| facts.build().is_some_and(|build| build.branch() == servicing_branch(number) && build.ubr.is_some_and(|current| current >= ubr)));
    let is_listed = attempt.kb.is_some_and(|kb| facts.has_hotfix(kb));
    has_build || is_listed || later().any(same_update)
}

fn supersedes(later: Option<(u32, u32)>, earlier: Option<(u32, u32)>) -> bool {
    later.zip(earlier).is_some_and(|(later, earlier)| servicing_branch(later.0) == servicing_branch(earlier.0) && later.1 >= earlier.1)
}
