//! Which attempts count as failed, and which were made good later.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Facts;
use crate::attempt::{Attempt, Outcome, Phase, Signal};
use crate::knowledge::FieldValues;
use crate::reference::{Reference, servicing_branch};
use crate::row::{HOUR, Row};

/// Codes of a network that was not there: the client tries again by itself.
const CONNECTION_CODES: [u32; 11] = [
    0x8024_402c,
    0x8024_402f,
    0x8024_401c,
    0x8024_0438,
    0x8007_2ee2,
    0x8007_2ee7,
    0x8007_2efd,
    0x8007_2efe,
    0x8007_2f8f,
    0x8024_402e,
    0x8024_5003,
];
/// Answers of a server that was reached and could not serve: it may at the next search.
const BUSY_CODES: [u32; 3] = [0x8024_4022, 0x8024_401f, 0x8024_4010];
/// A device that could search before is cut off, not merely offline, after so long without success.
const CUT_OFF_AFTER: i64 = 24 * HOUR;

/// Clocks on the wall stand so far behind UTC at most.
const BEHIND_UTC_MAX: i64 = 12 * HOUR;

/// Names the update of attempts that do not: by the build of their package, by the rollout that had
/// begun to target the device.
pub(super) fn name_updates(
    device_id: &str,
    attempts: &mut [Attempt],
    facts: &Facts,
    reference: &Reference,
) {
    let build = facts.build().map(|build| build.number);
    for attempt in attempts.iter_mut().filter(|attempt| attempt.kb.is_none()) {
        let by_build = attempt
            .build
            .and_then(|(build, ubr)| reference.kb_of_build(build, ubr));
        let planned = || {
            // What has a title and no article in it is an app of the Store, or a driver.
            (attempt.failed() && attempt.title.is_empty())
                .then(|| {
                    let late = if attempt.is_zone_assumed {
                        BEHIND_UTC_MAX
                    } else {
                        0
                    };
                    let at = attempt.started_at.saturating_add(late);
                    reference.kb_planned_for(device_id, build, at)
                })
                .flatten()
        };
        attempt.kb = by_build.or_else(planned);
    }
}

/// A search that fails for so long was broken, also when it was repaired later.
const BROKEN_AFTER: i64 = 24 * HOUR;
/// How often it failed in that time, at least.
const BROKEN_SCANS_MIN: usize = 3;

/// Keeps the attempts that are worth a row: scans only when they failed and were not made good by a
/// later one, or failed for long; nameless operations only when they failed.
pub(super) fn keep_telling(
    attempts: Vec<Attempt>,
    scans: &GoodScans,
    rows: &[Row<'_>],
) -> Vec<Attempt> {
    let failed_scans = failed_scans(&attempts, rows);
    let failed_since = || {
        let since_good = |attempt: &&Attempt| {
            attempt.is_scan
                && attempt.failed()
                && scans
                    .of_the_system
                    .is_none_or(|good| attempt.started_at > good)
        };
        attempts
            .iter()
            .filter(since_good)
            .map(|attempt| attempt.started_at)
    };
    let cut_off_for = failed_since()
        .max()
        .zip(failed_since().min())
        .map_or(0, |(last, first)| last - first);
    let updated_at = attempts
        .iter()
        .filter(|attempt| !attempt.is_scan && attempt.succeeded() && is_system_update(attempt))
        .map(|attempt| attempt.started_at)
        .max();
    let keeps = |attempt: &Attempt| {
        if !attempt.is_scan {
            // An app of the Store that was only fetched is not worth a row.
            let is_app = !attempt.title.is_empty() && attempt.outcome != Outcome::InProgress;
            let is_named = attempt.kb.is_some() || attempt.build.is_some() || is_app;
            return is_named || attempt.failed();
        }
        let had_no_network = attempt.codes().any(|code| CONNECTION_CODES.contains(&code));
        let was_busy = attempt.codes().any(|code| BUSY_CODES.contains(&code));
        let good = if had_no_network && !is_store(&failed_caller(attempt, rows)) {
            scans.of_the_system
        } else {
            scans.by_caller_of(attempt, rows)
        };
        let made_good = [good, updated_at]
            .iter()
            .flatten()
            .any(|good| *good >= attempt.started_at);
        let is_passing = (had_no_network || was_busy)
            && scans.of_the_system.is_some()
            && cut_off_for < CUT_OFF_AFTER;
        attempt.failed()
            && !is_passing
            && (!made_good || !had_no_network && scans.was_broken(attempt, &failed_scans, rows))
    };
    let keep: Vec<bool> = attempts.iter().map(keeps).collect();
    attempts
        .into_iter()
        .zip(keep)
        .filter(|(_, keep)| *keep)
        .map(|(attempt, _)| attempt)
        .collect()
}

/// When failed searches began, in order, by who searched.
type FailedScans = BTreeMap<String, Vec<i64>>;

/// `attempts` in order of their start.
fn failed_scans(attempts: &[Attempt], rows: &[Row<'_>]) -> FailedScans {
    let mut by_caller = FailedScans::new();
    for attempt in attempts
        .iter()
        .filter(|attempt| attempt.is_scan && attempt.failed())
    {
        by_caller
            .entry(failed_caller(attempt, rows))
            .or_default()
            .push(attempt.started_at);
    }
    by_caller
}

/// When the device last searched with success.
pub(super) struct GoodScans {
    /// Whoever searched for Windows itself: the way to its server was there. The Store goes to
    /// another one, so that its search says nothing of a WSUS server.
    of_the_system: Option<i64>,
    /// By who searched.
    by_caller: BTreeMap<String, BTreeSet<i64>>,
}

impl GoodScans {
    pub(super) fn of(rows: &[Row<'_>]) -> Self {
        let mut by_caller: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for row in rows
            .iter()
            .filter(|row| row.signal == Some(Signal::ScanSucceeded))
        {
            if let Some(time) = row.time {
                by_caller.entry(caller(row)).or_default().insert(time);
            }
        }
        Self {
            of_the_system: by_caller
                .iter()
                .filter(|(caller, _)| !is_store(caller))
                .flat_map(|(_, times)| times)
                .max()
                .copied(),
            by_caller,
        }
    }

    /// True when the failed search is one of a row of failures, without success in between, that
    /// went on for [`BROKEN_AFTER`].
    fn was_broken(&self, attempt: &Attempt, failed: &FailedScans, rows: &[Row<'_>]) -> bool {
        let who = failed_caller(attempt, rows);
        let empty = BTreeSet::new();
        let good = self.by_caller.get(&who).unwrap_or(&empty);
        let after = good.range(..attempt.started_at).next_back();
        let before = good.range(attempt.started_at..).next();
        let times = failed.get(&who).map_or(&[][..], Vec::as_slice);
        let from = after.map_or(0, |after| times.partition_point(|time| time < after));
        let until = before.map_or(times.len(), |before| {
            times.partition_point(|time| time < before)
        });
        let in_a_row = times.get(from..until).unwrap_or_default();
        let lasted = in_a_row
            .last()
            .zip(in_a_row.first())
            .map_or(0, |(last, first)| last - first);
        in_a_row.len() >= BROKEN_SCANS_MIN && lasted >= BROKEN_AFTER
    }

    /// By the caller of a failed search; by anybody but the Store when no record says who searched.
    fn by_caller_of(&self, attempt: &Attempt, rows: &[Row<'_>]) -> Option<i64> {
        match failed_caller(attempt, rows).as_str() {
            "" => self.of_the_system,
            caller => self
                .by_caller
                .get(caller)
                .and_then(|times| times.last())
                .copied(),
        }
    }
}

/// Of the failed attempts that fail alike, how many are judged.
const ALIKE_JUDGED_MAX: usize = 200;

/// The failed attempts that are judged, in their order: of those that fail alike, the first and the newest. Those
/// in between say the same again, and a device whose server is away has thousands of them.
pub(super) fn worth_judging<'t>(
    attempts: &'t [Attempt],
    rows: &[Row<'_>],
) -> impl Iterator<Item = (usize, &'t Attempt)> {
    let fails = |attempt: &Attempt| attempt.failed() || attempt.was_cancelled();
    let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, attempt) in attempts.iter().enumerate().filter(|(_, a)| fails(a)) {
        let who = attempt.is_scan.then(|| failed_caller(attempt, rows));
        let update = (attempt.kb, attempt.build, attempt.title.as_str());
        let verdict = (attempt.error_code, attempt.inner_code, attempt.phase);
        let key = (update, verdict, attempt.was_cancelled(), who);
        alike.entry(key).or_default().push(index);
    }
    let mut judged: Vec<usize> = Vec::new();
    for mut group in alike.into_values() {
        let between = group.len().saturating_sub(ALIKE_JUDGED_MAX);
        if between > 0 {
            group.drain(1..=between);
        }
        judged.append(&mut group);
    }
    judged.sort_unstable();
    judged
        .into_iter()
        .filter_map(|index| Some((index, attempts.get(index)?)))
}

/// Who made the failed search; empty when no record says.
fn failed_caller(attempt: &Attempt, rows: &[Row<'_>]) -> String {
    let told = attempt
        .rows
        .iter()
        .filter_map(|index| rows.get(*index))
        .filter(|row| row.signal == Some(Signal::ScanFailed));
    told.map(caller)
        .find(|caller| !caller.is_empty())
        .unwrap_or_default()
}

/// True for the Store and its apps, as [`caller`] names them: `update;scanforupdates`.
fn is_store(caller: &str) -> bool {
    caller.starts_with("update;") || caller.starts_with("acquisition;") || caller.contains("store")
}

/// Who searched, in lower case; empty when the record does not say. The orchestrator goes by two names.
fn caller(row: &Row<'_>) -> String {
    let stated = if row.source == "reporting_events" {
        FieldValues::parse(row.fields)
            .get("caller")
            .unwrap_or_default()
            .to_lowercase()
    } else {
        let lower = row.message.to_lowercase();
        let after = ["callerid = ", "clientid = "]
            .iter()
            .find_map(|mark| lower.split_once(mark))
            .map_or("", |(_, after)| after);
        after
            .split([',', ']', '[', '('])
            .next()
            .and_then(|text| text.split(" id =").next())
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    if stated.ends_with("updateorchestrator") {
        "updateorchestrator".to_owned()
    } else {
        stated
    }
}

/// Articles under which definitions and tools come out again and again: they say nothing of Windows.
const NOT_THE_SYSTEM: [u32; 5] = [2_267_602, 2_461_484, 2_310_138, 4_052_623, 890_830];

/// True for an update of Windows itself, as opposed to definitions, tools and Store apps.
pub(super) fn is_system_update(attempt: &Attempt) -> bool {
    let is_app = attempt.kb.is_none() && attempt.build.is_none();
    !is_app && attempt.kb.is_none_or(|kb| !NOT_THE_SYSTEM.contains(&kb))
}

/// True when the update of a failed attempt was installed later, or a failed search succeeded later.
pub(super) fn is_made_good(
    attempt: &Attempt,
    attempts: &[Attempt],
    scans: &GoodScans,
    facts: &Facts,
    rows: &[Row<'_>],
) -> bool {
    if attempt.is_scan
        && scans
            .by_caller_of(attempt, rows)
            .is_some_and(|good| good >= attempt.started_at)
    {
        return true;
    }
    let later = || {
        attempts.iter().filter(|other| {
            other.started_at >= attempt.started_at
                && other.attempt_id != attempt.attempt_id
                && other.succeeded()
        })
    };
    let same_update = |other: &Attempt| {
        other.kb.is_some() && other.kb == attempt.kb
            || !attempt.update_id.is_empty() && other.update_id == attempt.update_id
            || !attempt.title.is_empty() && other.title == attempt.title
            || supersedes(other.build, attempt.build)
            || series(&attempt.title).is_some_and(|title| series(&other.title) == Some(title))
            || attempt.kb.is_none()
                && attempt.build.is_none()
                && attempt.title.is_empty()
                && other.phase == attempt.phase
                && attempt.phase == Some(Phase::Download)
    };
    // Cumulative updates: a device at or above the build has it, whatever the list of KBs says.
    let has_build = attempt.build.is_some_and(|(number, ubr)| {
        facts.build().is_some_and(|build| {
            build.branch() == servicing_branch(number)
                && build.ubr.is_some_and(|current| current >= ubr)
        })
    });
    // A device that runs a later release needs no update of the one before.
    let moved_on = attempt.build.is_some_and(|(number, _)| {
        facts
            .build()
            .is_some_and(|build| build.branch() > servicing_branch(number))
    });
    let is_listed = attempt.kb.is_some_and(|kb| facts.has_hotfix(kb));
    has_build || moved_on || is_listed || later().any(same_update)
}

/// The title of a monthly update without its month and article: `2024-08 Cumulative Update for
/// Windows 10 (KB5041580)` and that of September are one series, and the later holds the earlier.
fn series(title: &str) -> Option<String> {
    let is_month = |word: &str| {
        word.len() == 7
            && word.bytes().enumerate().all(|(at, b)| {
                if at == 4 {
                    b == b'-'
                } else {
                    b.is_ascii_digit()
                }
            })
    };
    let words = || title.split([' ', '\u{3000}']);
    let kept: Vec<&str> = words()
        .filter(|word| !is_month(word) && !word.contains("KB"))
        .collect();
    words().any(is_month).then(|| kept.join(" "))
}

fn supersedes(later: Option<(u32, u32)>, earlier: Option<(u32, u32)>) -> bool {
    later.zip(earlier).is_some_and(|(later, earlier)| {
        servicing_branch(later.0) == servicing_branch(earlier.0) && later.1 >= earlier.1
    })
}
