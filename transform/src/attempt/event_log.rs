//! Cuts event log records into segments: one per update that the records name.

use std::collections::BTreeMap;

use super::segment::Segment;
use super::signal::{Phase, Signal};
use super::stream::near;
use crate::knowledge::{Boundary, FieldValues};
use crate::row::{HOUR, MINUTE, Row};

/// The article under which definitions of Microsoft Defender come out.
const DEFINITIONS: u32 = 2_267_602;
/// The same verdict in a second channel is at most this much later.
const REPEATED_WITHIN: i64 = 10 * MINUTE;
/// A start and its verdict are at most this far apart: longer, and the verdict belongs to another attempt.
const ATTEMPT_MAX: i64 = 72 * HOUR;

/// Cuts all event log rows of a device, given in order of time.
pub(super) fn segments(rows: &[Row<'_>], order: &[usize]) -> Vec<Segment> {
    let mut open: BTreeMap<String, Segment> = BTreeMap::new();
    let mut done: BTreeMap<String, Vec<Segment>> = BTreeMap::new();
    // When servicing last set out to clean a package up, which no signal tells of.
    let mut cleaned_up: BTreeMap<String, i64> = BTreeMap::new();
    for (index, row) in order
        .iter()
        .filter_map(|index| Some((*index, rows.get(*index)?)))
    {
        let Some(signal) = row.signal else {
            if row.boundary == Some(Boundary::None) {
                let fields = FieldValues::parse(row.fields);
                if fields.get("PackageIdentifier").is_none() {
                    note_definitions(index, row, &mut open, &mut done);
                } else if fields.get("InitialPackageState").is_some()
                    && let Some(time) = row.time
                {
                    cleaned_up.insert(update_key(row, Signal::UninstallStarted), time);
                }
            }
            continue;
        };
        let key = update_key(row, signal);
        if signal.is_start() {
            cleaned_up.remove(&key);
        } else if signal == Signal::UninstallSucceeded && follows_clean_up(&cleaned_up, &key, row) {
            continue;
        }
        let turns_back = open.get(&key).is_some_and(|segment| {
            segment.is_installation() && signal.is_removal()
                || segment.is_removal() && signal.is_installation()
        });
        if turns_back && let Some(segment) = open.remove(&key) {
            done.entry(key.clone()).or_default().push(segment);
        }
        if signal.is_start() {
            let restarts = open.get(&key).is_some_and(|segment| {
                segment.signals.iter().any(|(known, _)| *known == signal)
                    && !near(segment.end, row.time, REPEATED_WITHIN)
                    || !near(segment.end, row.time, ATTEMPT_MAX)
            });
            if restarts && let Some(segment) = open.remove(&key) {
                done.entry(key.clone()).or_default().push(segment);
            }
        }
        if !open.contains_key(&key) {
            let last = done.get_mut(&key).and_then(|segments| segments.last_mut());
            if let Some(last) = last.filter(|last| continues(last, signal, row)) {
                last.push(index, row);
                continue;
            }
        }
        let segment = open
            .entry(key.clone())
            .or_insert_with(|| Segment::new("event_log"));
        segment.push(index, row);
        if signal.is_verdict()
            && let Some(segment) = open.remove(&key)
        {
            done.entry(key).or_default().push(segment);
        }
    }
    done.into_values()
        .flatten()
        .chain(open.into_values())
        .collect()
}

/// Servicing reports the end of a clean-up as that of a removal: only its beginning says that the
/// package was superseded before, or was never installed.
fn follows_clean_up(cleaned_up: &BTreeMap<String, i64>, key: &str, row: &Row<'_>) -> bool {
    cleaned_up
        .get(key)
        .zip(row.time)
        .is_some_and(|(begun, time)| time - begun <= ATTEMPT_MAX)
}

/// The antivirus says beside the update client, a moment before or after, why definitions failed.
fn note_definitions(
    index: usize,
    row: &Row<'_>,
    open: &mut BTreeMap<String, Segment>,
    done: &mut BTreeMap<String, Vec<Segment>>,
) {
    let key = format!("KB{DEFINITIONS}");
    let last = done.get_mut(&key).and_then(|segments| segments.last_mut());
    let failed = last.filter(|last| last.failed() && near(last.end, row.time, MINUTE));
    if let Some(segment) = open.get_mut(&key).or(failed) {
        segment.push(index, row);
    }
}

/// True when a record tells more of an attempt that already has its verdict.
fn continues(last: &Segment, signal: Signal, row: &Row<'_>) -> bool {
    let same_verdict = last
        .verdict
        .is_some_and(|verdict| verdict.signal.is_success() == signal.is_success());
    let same_way = last.is_removal() == signal.is_removal();
    match signal.phase() {
        Phase::Restart => last.succeeded() && near(last.end, row.time, HOUR),
        _ => {
            signal.is_verdict()
                && same_verdict
                && same_way
                && near(last.end, row.time, REPEATED_WITHIN)
        }
    }
}

fn update_key(row: &Row<'_>, signal: Signal) -> String {
    if signal.phase() == Phase::Scan {
        return "scan".to_owned();
    }
    if let Some(kb) = row.kb {
        return format!("KB{kb}");
    }
    let fields = FieldValues::parse(row.fields);
    ["updateTitle", "PackageIdentifier", "updateGuid"]
        .iter()
        .find_map(|name| fields.get(name))
        .unwrap_or_default()
        .to_owned()
}
