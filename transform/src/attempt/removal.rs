//! Servicing sessions that removed what they were given.
//!
//! CBS.log ends a removal in the words of an installation. Only the plan of the session says that the
//! package was installed before and is to be absent afterwards. A session that installs plans
//! removals too, of what it replaces: the plan of the session's own package counts.

use super::segment::Segment;
use super::signal::Signal;
use crate::row::Row;

/// Gives the sessions that removed their package the signals of a removal.
pub(super) fn judge(segments: &mut [Segment], rows: &[Row<'_>]) {
    for segment in segments {
        if segment.source == "cbs_log"
            && segment.succeeded()
            && !segment.is_removal()
            && removes_its_package(segment, rows)
        {
            turn(segment);
        }
    }
}

fn removes_its_package(segment: &Segment, rows: &[Row<'_>]) -> bool {
    let messages = || {
        segment
            .rows
            .iter()
            .filter_map(|index| rows.get(*index))
            .map(|row| row.message)
    };
    let own = segment
        .verdict
        .and_then(|verdict| rows.get(verdict.row))
        .and_then(|row| after(row.message, "Package: "))
        .unwrap_or_default();
    // DISM gives its sessions several packages and names none of them.
    let mut removes = false;
    for plan in messages().filter_map(Plan::read) {
        if own.is_empty() {
            if plan.installs() {
                return false;
            }
            removes |= plan.removes();
        } else if plan.package.eq_ignore_ascii_case(own) {
            removes |= plan.removes();
        }
    }
    removes
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

    fn removes(&self) -> bool {
        self.start.eq_ignore_ascii_case("installed") && self.target.eq_ignore_ascii_case("absent")
    }

    fn installs(&self) -> bool {
        !self.start.eq_ignore_ascii_case("installed")
            && self.target.eq_ignore_ascii_case("installed")
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
