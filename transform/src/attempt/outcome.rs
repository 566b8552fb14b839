//! What became of an attempt: outcome, phase, and the code beneath the code.

use std::collections::{BTreeSet, HashSet};

use patchlens_event::{EventId, Hresult};
use polars::prelude::PlRandomState;

use super::merge::Group;
use super::segment::{Segment, Verdict};
use super::signal::{Phase, Signal};
use crate::knowledge::{Knowledge, words};
use crate::normalise::setup_report;
use crate::row::Row;

words! {
    /// What became of an attempt.
    Outcome {
        /// No verdict yet.
        InProgress = "in_progress",
        /// The update is installed.
        Installed = "installed",
        /// The update is not installed.
        Failed = "failed",
        /// What was installed was taken back.
        RolledBack = "rolled_back",
        /// Somebody stopped it.
        Cancelled = "cancelled",
        /// Installed but for a restart.
        PendingRestart = "pending_restart",
        /// It was installed, and was removed.
        Uninstalled = "uninstalled",
    }
}

/// One device trying one update once.
#[expect(
    clippy::struct_field_names,
    reason = "`attempt_id` has its name in every table"
)]
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) attempt_id: String,
    pub(crate) kb: Option<u32>,
    /// Build and revision that the update leads to, where a package names them.
    pub(crate) build: Option<(u32, u32)>,
    pub(crate) title: String,
    /// The update's GUID, lower case; empty where no source states one.
    pub(crate) update_id: String,
    pub(crate) started_at: i64,
    pub(crate) ended_at: Option<i64>,
    pub(crate) outcome: Outcome,
    pub(crate) furthest_client_substate: &'static str,
    pub(crate) client_state: &'static str,
    pub(crate) client_substate: &'static str,
    pub(crate) error_code: Option<u32>,
    pub(crate) inner_code: Option<u32>,
    pub(crate) extend_code: Option<u32>,
    pub(crate) phase: Option<Phase>,
    pub(crate) sources: BTreeSet<String>,
    /// Rows of the attempt, each once, segment by segment.
    pub(crate) rows: Vec<usize>,
    /// The row with the attempt's verdict.
    pub(crate) verdict_row: Option<usize>,
    /// First and last time by its own clocks; null without times.
    pub(crate) window: Option<(i64, i64)>,
    pub(crate) is_zone_assumed: bool,
    pub(crate) is_scan: bool,
}

impl Attempt {
    pub(crate) fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed | Outcome::RolledBack)
    }

    pub(crate) fn was_cancelled(&self) -> bool {
        self.outcome == Outcome::Cancelled
    }

    pub(crate) fn succeeded(&self) -> bool {
        matches!(self.outcome, Outcome::Installed | Outcome::PendingRestart)
    }

    /// The code that the cluster is about: the inner one where there is one.
    pub(crate) fn root_code(&self) -> Option<u32> {
        self.inner_code.or(self.error_code)
    }

    /// The attempt's code and the one beneath.
    pub(crate) fn codes(&self) -> impl Iterator<Item = u32> {
        self.error_code.into_iter().chain(self.inner_code)
    }
}

/// Codes that say that somebody stopped the operation.
const CANCELLED: [u32; 3] = [0x8024_000b, 0x8007_04c7, 0xc180_0108];

pub(super) fn attempt(
    device_id: &str,
    group: Group,
    rows: &[Row<'_>],
    knowledge: &Knowledge,
) -> Attempt {
    let mut segments = group.segments;
    let kb = segments.iter().find_map(|segment| segment.kb);
    let build = segments.iter().find_map(|segment| segment.build);
    let window = segments
        .iter()
        .filter_map(|segment| segment.start.zip(segment.end))
        .reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)));
    let members = members_of(&mut segments);
    let verdict = final_verdict(&segments);
    let signals: Vec<Signal> = segments
        .iter()
        .flat_map(|segment| &segment.signals)
        .map(|(signal, _)| *signal)
        .collect();
    let outcome = outcome(verdict, &signals);
    let is_failure = matches!(
        outcome,
        Outcome::Failed | Outcome::RolledBack | Outcome::Cancelled
    );
    let error_code = verdict
        .filter(|_| is_failure)
        .and_then(|verdict| verdict.code);
    let fallback = members
        .first()
        .and_then(|index| rows.get(*index))
        .map_or(0, |row| row.collected_at);
    let started_at = window.map_or(fallback, |window| window.0);
    let furthest = signals
        .iter()
        .map(|signal| signal.client_substate())
        .max()
        .unwrap_or((0, ""));
    let last = verdict
        .map(|verdict| verdict.signal)
        .or(signals.last().copied())
        .map_or("", |signal| signal.client_substate().1);
    let sources: BTreeSet<String> = segments
        .iter()
        .map(|segment| segment.source.clone())
        .collect();
    let title = first_stated(&segments, |segment| &segment.title);
    let identity = kb.map_or_else(|| title.clone(), |kb| kb.to_string());
    Attempt {
        attempt_id: EventId::from_parts(&[
            b"attempt.v1",
            device_id.as_bytes(),
            identity.as_bytes(),
            &started_at.to_le_bytes(),
        ])
        .to_string(),
        kb,
        build,
        title,
        update_id: first_stated(&segments, |segment| &segment.update_id),
        started_at,
        ended_at: verdict
            .and_then(|verdict| rows.get(verdict.row))
            .and_then(|row| row.time),
        outcome,
        furthest_client_substate: match outcome {
            Outcome::RolledBack => "Rollback",
            Outcome::Uninstalled => "UpdateUninstalled",
            _ => furthest.1,
        },
        client_state: client_state(outcome, &signals),
        client_substate: match outcome {
            Outcome::Cancelled => "UserCancelled",
            Outcome::Uninstalled => "UpdateUninstalled",
            _ => last,
        },
        error_code,
        inner_code: error_code
            .and_then(|outer| inner_code(outer, &segments, &members, rows, knowledge)),
        extend_code: is_failure
            .then(|| logged_extend_code(&members, rows))
            .flatten(),
        phase: phase(&segments, verdict, rows),
        is_zone_assumed: segments.iter().any(|segment| segment.is_zone_assumed),
        is_scan: segments.iter().all(Segment::is_scan),
        sources,
        rows: members,
        verdict_row: verdict.map(|verdict| verdict.row),
        window,
    }
}

/// What the first segment says that says anything.
fn first_stated(segments: &[Segment], text: impl Fn(&Segment) -> &String) -> String {
    segments
        .iter()
        .map(text)
        .find(|text| !text.is_empty())
        .cloned()
        .unwrap_or_default()
}

/// Takes the rows of all segments in the order in which they come, each once.
fn members_of(segments: &mut [Segment]) -> Vec<usize> {
    if let [only] = segments {
        return std::mem::take(&mut only.rows);
    }
    let mut seen: HashSet<usize, PlRandomState> = HashSet::default();
    segments
        .iter()
        .flat_map(|segment| &segment.rows)
        .copied()
        .filter(|row| seen.insert(*row))
        .collect()
}

/// The first extend code that one of these rows names: in the event that setup reports, or in a log's text.
fn logged_extend_code(members: &[usize], rows: &[Row<'_>]) -> Option<u32> {
    members
        .iter()
        .filter_map(|index| rows.get(*index))
        .find_map(|row| {
            let report = (row.source == "event_log")
                .then(|| setup_report(row.message, row.fields))
                .flatten();
            report
                .and_then(|report| report.extend_code)
                .or_else(|| extend_code(row.message))
        })
}

/// The verdict that the device shows its user goes before the verdicts of its parts.
fn final_verdict(segments: &[Segment]) -> Option<Verdict> {
    let authority = |segment: &Segment| match segment.source.as_str() {
        "event_log" => 5,
        "windows_update_log" => 4,
        "reporting_events" => 3,
        "setup_log" => 2,
        _ => 1,
    };
    let failed = segments.iter().filter(|segment| segment.failed());
    let rollback = segments
        .iter()
        .filter_map(|segment| segment.verdict)
        .find(|verdict| verdict.signal == Signal::Rollback);
    let chosen = failed
        .filter(|segment| {
            segment
                .verdict
                .is_some_and(|verdict| verdict.code.is_some())
        })
        .max_by_key(|segment| {
            (
                !segment.verdict.is_some_and(|verdict| verdict.is_weak),
                authority(segment),
                segment.end,
            )
        });
    let failure = chosen.and_then(|segment| segment.verdict).or_else(|| {
        segments
            .iter()
            .filter(|segment| segment.failed())
            .find_map(|segment| segment.verdict)
    });
    match (rollback, failure) {
        (Some(rollback), Some(failure)) => Some(Verdict {
            signal: Signal::Rollback,
            code: failure.code.or(rollback.code),
            ..failure
        }),
        (None, Some(failure)) => Some(failure),
        (rollback, None) => {
            rollback.or_else(|| segments.iter().rev().find_map(|segment| segment.verdict))
        }
    }
}

fn outcome(verdict: Option<Verdict>, signals: &[Signal]) -> Outcome {
    let waits = signals
        .iter()
        .rposition(|signal| matches!(signal, Signal::RestartRequired | Signal::RestartInitiated));
    let installed = signals
        .iter()
        .rposition(|signal| *signal == Signal::InstallSucceeded);
    let is_removal = signals.iter().copied().any(Signal::is_removal);
    match verdict.map(|verdict| verdict.signal) {
        Some(Signal::Rollback) => Outcome::RolledBack,
        Some(signal) if signal.is_failure() => {
            let cancelled = verdict
                .and_then(|verdict| verdict.code)
                .is_some_and(|code| CANCELLED.contains(&code));
            if cancelled {
                Outcome::Cancelled
            } else {
                Outcome::Failed
            }
        }
        // The client and servicing log the end of a removal as that of an installation: what one of
        // them calls a removal is one.
        Some(Signal::InstallSucceeded | Signal::UninstallSucceeded) if is_removal => {
            Outcome::Uninstalled
        }
        Some(Signal::InstallSucceeded) if waits > installed => Outcome::PendingRestart,
        Some(Signal::InstallSucceeded) => Outcome::Installed,
        _ if waits.is_some() && !is_removal => Outcome::PendingRestart,
        _ => Outcome::InProgress,
    }
}

fn client_state(outcome: Outcome, signals: &[Signal]) -> &'static str {
    let uninstalls = signals.iter().copied().any(Signal::is_removal);
    match outcome {
        Outcome::Uninstalled => "Uninstalled",
        Outcome::Installed => "Installed",
        Outcome::Cancelled => "Canceled",
        Outcome::InProgress if signals.iter().all(|signal| signal.phase() == Phase::Scan) => {
            "Offering"
        }
        _ if uninstalls => "Uninstalling",
        Outcome::Failed if signals.iter().all(|signal| signal.phase() == Phase::Scan) => "Offering",
        _ => "Installing",
    }
}

fn phase(segments: &[Segment], verdict: Option<Verdict>, rows: &[Row<'_>]) -> Option<Phase> {
    let verdict = verdict?;
    let message = rows.get(verdict.row).map_or("", |row| row.message);
    if verdict.signal == Signal::Rollback || message.starts_with("Startup:") {
        return Some(
            if message.starts_with("Startup:") && verdict.signal != Signal::Rollback {
                Phase::Restart
            } else {
                Phase::Rollback
            },
        );
    }
    segments
        .iter()
        .find(|segment| {
            segment
                .verdict
                .is_some_and(|known| known.row == verdict.row)
        })
        .and_then(Segment::phase)
}

/// Finds the code beneath a wrapper: what servicing or setup itself reported, else the first
/// failing code of the attempt that is not a wrapper and stands before the fatal line.
fn inner_code(
    outer: u32,
    segments: &[Segment],
    members: &[usize],
    rows: &[Row<'_>],
    knowledge: &Knowledge,
) -> Option<u32> {
    let is_inner = |code: &u32| {
        *code != outer
            && !knowledge.codes.is_wrapper(Hresult(*code))
            && *code & 0xf000_0000 != 0xd000_0000
    };
    let beneath = segments
        .iter()
        .filter(|segment| matches!(segment.source.as_str(), "cbs_log" | "setup_log"))
        .filter_map(|segment| segment.verdict)
        .filter_map(|verdict| verdict.code)
        .find(is_inner)
        .or_else(|| {
            // `resultMapped=80070643, resultUnMapped=800F0828`: the second is beneath the first.
            members
                .iter()
                .filter_map(|index| rows.get(*index))
                .filter(|row| row.is_history())
                .find_map(|row| row.codes.iter().copied().skip(1).find(is_inner))
        });
    if !knowledge.codes.is_wrapper(Hresult(outer)) {
        return beneath;
    }
    // Healthy logs are full of failing codes: only what servicing itself calls a failure, what is
    // logged as an error, and what a rule knows, tells of this one.
    let first = |tells: &dyn Fn(&Row<'_>) -> bool| {
        members
            .iter()
            .filter_map(|index| rows.get(*index))
            .filter(|row| !row.is_noise && tells(row))
            .filter_map(|row| row.error_code)
            .find(is_inner)
    };
    beneath
        .or_else(|| first(&is_fatal))
        .or_else(|| first(&|row| row.is_error))
        .or_else(|| {
            first(&|row| {
                let mut hits = row.hits().iter();
                hits.any(|hit| knowledge.is_of_a_cause(*hit))
            })
        })
}

/// Lines that servicing marks as failures of the operation itself.
fn is_fatal(row: &Row<'_>) -> bool {
    row.message.contains("(F)")
        || row.message.contains("CBS called Error")
        || row.message.contains("Completed install of CBS update")
        || row.message.starts_with("Failed execution of queue item")
        || row.message.contains("Recording result")
}

/// Reads `0xC1900101-0x20017`, `0xC1900101 - 0x4000D` and `Extend = 0x2000C`.
fn extend_code(message: &str) -> Option<u32> {
    let lower = message.to_ascii_lowercase();
    let after_result = lower
        .find("0xc19")
        .or_else(|| lower.find("0x8007"))
        .and_then(|at| lower.get(at + 10..))
        .and_then(|rest| rest.trim_start().strip_prefix('-'))
        .map(str::trim_start);
    let after_word = ["extend code", "extended error", "extend ="]
        .iter()
        .find_map(|mark| lower.find(mark).and_then(|at| lower.get(at + mark.len()..)));
    [after_result, after_word]
        .into_iter()
        .flatten()
        .find_map(|rest| {
            let digits = rest
                .trim_start_matches([' ', ':', '=', '('])
                .strip_prefix("0x")?;
            let length = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
            let code = u32::from_str_radix(digits.get(..length)?, 16).ok()?;
            (0x1_0000..=0xF_FFFF).contains(&code).then_some(code)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extend_codes_are_read_in_their_usual_forms() {
        assert_eq!(
            extend_code("Setup failed: 0xC1900101-0x20017"),
            Some(0x2_0017)
        );
        assert_eq!(
            extend_code("0xC1900101 - 0x4000D The installation failed"),
            Some(0x4_000D)
        );
        assert_eq!(
            extend_code("Result = 0x80070005, Extend = 0x2000C"),
            Some(0x2_000C)
        );
        assert_eq!(extend_code("error 0x80070005 - 0x80070005"), None);
        assert_eq!(extend_code("0xC19"), None);
    }
}
