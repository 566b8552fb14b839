//! Servicing sessions that did not install what they were given, or were not asked to.
//!
//! CBS.log ends a removal, and the staging of a package, in the words of an installation, whether it
//! went well or not. Only the
//! plan of the session says from which state to which the package is taken. A session that installs
//! plans removals too, of what it replaces: the plan of the session's own package counts.

use super::segment::Segment;
use super::signal::Signal;
use crate::row::Row;

/// Gives the sessions that removed their package the signals of a removal, and takes the success from
/// those that only staged it or cleaned it up. A removal that failed leaves the update in place: it is
/// no failed installation, and no attempt at one.
pub(super) fn judge(segments: &mut [Segment], rows: &[Row<'_>]) {
    for segment in segments {
        if segment.source != "cbs_log" || segment.is_removal() {
            continue;
        }
        if segment.failed() {
            if matches!(end_of(segment, rows), End::Removed | End::CleanedUp) {
                segment.signals.clear();
                segment.verdict = None;
            }
            continue;
        }
        if !segment.succeeded() {
            continue;
        }
        match end_of(segment, rows) {
            End::Installed => {}
            End::Removed => turn(segment),
            End::Staged => {
                segment
                    .signals
                    .retain(|(signal, _)| *signal != Signal::InstallSucceeded);
                segment.verdict = None;
            }
            End::CleanedUp => {
                segment.signals.clear();
                segment.verdict = None;
            }
        }
    }
}

/// What a session that went well made of its package.
enum End {
    Installed,
    /// It was installed, and is no longer.
    Removed,
    /// It lies ready, or waits for another one.
    Staged,
    /// It was not installed any more, and was taken away.
    CleanedUp,
}

fn end_of(segment: &Segment, rows: &[Row<'_>]) -> End {
    let own = segment
        .verdict
        .and_then(|verdict| rows.get(verdict.row))
        .and_then(|row| after(row.message, "Package: "))
        .unwrap_or_default();
    // DISM gives its sessions several packages and names none of them.
    let plans: Vec<Plan<'_>> = segment
        .rows
        .iter()
        .filter_map(|index| Plan::read(rows.get(*index)?.message))
        .filter(|plan| own.is_empty() || plan.package.eq_ignore_ascii_case(own))
        .collect();
    let any = |says: fn(&Plan<'_>) -> bool| plans.iter().any(says);
    if any(|plan| plan.leads_to("installed") && !plan.starts("installed")) {
        End::Installed
    } else if any(|plan| plan.starts("installed") && plan.leads_to("absent")) {
        End::Removed
    } else if own.is_empty() || any(|plan| plan.leads_to("installed")) {
        End::Installed
    } else if any(|plan| plan.leads_to("absent") || plan.leads_to("superseded")) {
        End::CleanedUp
    } else if any(|plan| plan.leads_to("staged") || plan.leads_to("resolved")) {
        End::Staged
    } else {
        End::Installed
    }
}

/// From which state a session takes a package to which.
struct Plan<'a> {
    package: &'a str,
    start: &'a str,
    target: &'a str,
}

impl<'a> Plan<'a> {
    /// Reads `Plan: Package: …, current: …, start: Installed, …, targeted: Absent, …`; `None` for
    /// other lines and for the plan of a part of a package.
    fn read(message: &'a str) -> Option<Self> {
        let plan = message.strip_prefix("Plan: Package: ")?;
        if plan.contains(", Update: ") {
            return None;
        }
        Some(Self {
            package: plan.split(',').next()?.trim(),
            start: after(plan, "start: ")?,
            target: after(plan, "targeted: ").or_else(|| after(plan, "target: "))?,
        })
    }

    fn starts(&self, state: &str) -> bool {
        self.start.eq_ignore_ascii_case(state)
    }

    fn leads_to(&self, state: &str) -> bool {
        self.target.eq_ignore_ascii_case(state)
    }
}

/// What stands behind a mark, up to the next comma.
fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(mark)?;
    rest.split(',').next().map(str::trim)
}

fn turn(segment: &mut Segment) {
    let turned = |signal: Signal| match signal {
        Signal::InstallStarted => Signal::UninstallStarted,
        Signal::InstallSucceeded => Signal::UninstallSucceeded,
        other => other,
    };
    for (signal, _) in &mut segment.signals {
        *signal = turned(*signal);
    }
    if let Some(verdict) = &mut segment.verdict {
        verdict.signal = turned(verdict.signal);
    }
}
