//! The line of a failed attempt that stands out: the first inner error that the device does not log
//! at other times as well.
//!
//! It tells failures apart that no rule knows: two devices whose attempts end with the same code for
//! different reasons have different lines, and one failure on forty devices has one line with other
//! paths, numbers and ids in it.

use std::collections::HashSet;

use patchlens_event::Hresult;
use polars::prelude::PlRandomState;

use crate::attempt::Attempt;
use crate::row::Row;

/// Codes that healthy devices log in bulk.
const NOISE: [u32; 12] = [
    0x800f_0805,
    0x800f_080d,
    0x8007_0032,
    0x8024_000e,
    0x8024_0007,
    0x8024_8007,
    0x8024_8014,
    0x8024_7160,
    0x8007_007e,
    0xc142_011c,
    0x8007_007b,
    0x8007_00de,
];

/// The row that stands out, `None` when the attempt has only its verdict.
pub(super) fn of(attempt: &Attempt, usual: &Usual, rows: &[Row<'_>]) -> Option<usize> {
    let mut members = attempt.rows.clone();
    members.sort_unstable();
    let tells = |row: &Row<'_>| {
        let is_verdict = row.signal.is_some() && !row.is_weak || row.boundary.is_some();
        let is_noise = row.is_noise
            || row.error_code.is_some_and(|code| NOISE.contains(&code))
            || usual.contains(&row.wording);
        let is_error = row.is_error || row.error_code.is_some();
        is_error && !is_verdict && !is_noise && row.source != "event_log" && row.source != "procmon"
    };
    let of_attempt = || {
        members
            .iter()
            .copied()
            .filter(|index| rows.get(*index).is_some_and(tells))
    };
    let with_root = |index: &usize| {
        attempt.root_code().is_some()
            && rows
                .get(*index)
                .is_some_and(|row| row.error_code == attempt.root_code())
    };
    // The first error of the servicing stack itself goes before what follows from it.
    let logged_as_error = |index: &usize| rows.get(*index).is_some_and(|row| row.is_error);
    of_attempt()
        .find(logged_as_error)
        .or_else(|| of_attempt().find(with_root))
        .or_else(|| of_attempt().next())
}

/// Source and template, as [`Row::wording`] numbers them, of what the device also logs outside of
/// failed attempts: it logs it when it is well.
pub(super) type Usual = HashSet<u32, PlRandomState>;

/// Looks for what is usual on a device.
pub(super) fn usual(attempts: &[Attempt], rows: &[Row<'_>]) -> Usual {
    let mut in_failure = vec![false; rows.len()];
    let of_failures = attempts
        .iter()
        .filter(|other| other.failed() || other.was_cancelled())
        .flat_map(|other| &other.rows);
    for index in of_failures {
        if let Some(known) = in_failure.get_mut(*index) {
            *known = true;
        }
    }
    rows.iter()
        .zip(in_failure)
        .filter(|(_, in_failure)| !in_failure)
        .map(|(row, _)| row.wording)
        .collect()
}

/// What stays the same of a line from device to device: its template without the codes' symbols.
pub(super) fn template(row: &Row<'_>) -> String {
    let code = row
        .error_code
        .map_or_else(String::new, |code| Hresult(code).to_string());
    format!("{} {} {code}", row.source, row.template.trim())
}
