//! Segments: what one source tells of one operation, from its start to its verdict.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr2_iter, memchr3_iter};

use super::signal::{Phase, Signal};
use crate::knowledge::Boundary;
use crate::normalise::rollup_build;
use crate::row::Row;

/// A stretch of one stream: a scan, a download, an installation, a servicing session, a mount.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is what the log states by itself"
)]
pub(crate) struct Segment {
    pub(crate) source: String,
    /// Rows that belong to it, in stream order.
    pub(crate) rows: Vec<usize>,
    /// Signals, in stream order.
    pub(crate) signals: Vec<(Signal, usize)>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) kb: Option<u32>,
    /// Build and revision of a cumulative update.
    pub(crate) build: Option<(u32, u32)>,
    pub(crate) title: String,
    /// The update's GUID, lower case, without its revision; empty where the source states none.
    pub(crate) update_id: String,
    /// The deployment job or download call of the update client; empty elsewhere.
    pub(crate) job: String,
    pub(crate) start: Option<i64>,
    pub(crate) end: Option<i64>,
    pub(crate) is_zone_assumed: bool,
    /// Its times are those of the clock on the wall: in the hour that comes twice, or where only the
    /// zone's winter time is known, they may be an hour off.
    pub(crate) is_by_wall_clock: bool,
    /// The log says that the operation began: it was not cut out of the middle.
    pub(crate) has_start: bool,
    /// At least a session began.
    pub(crate) is_opened: bool,
    kb_weight: u8,
    /// How many rows there were when a title named the update.
    titled_at: Option<usize>,
}

/// How a segment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) signal: Signal,
    pub(crate) code: Option<u32>,
    pub(crate) row: usize,
    pub(crate) is_weak: bool,
    /// The client wrote it into the history of updates: what it also reports to its user.
    pub(crate) is_recorded: bool,
}

impl Segment {
    pub(crate) fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            rows: Vec::new(),
            signals: Vec::new(),
            verdict: None,
            kb: None,
            build: None,
            title: String::new(),
            update_id: String::new(),
            job: String::new(),
            start: None,
            end: None,
            is_zone_assumed: false,
            is_by_wall_clock: false,
            has_start: false,
            is_opened: false,
            kb_weight: 0,
            titled_at: None,
        }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, index: usize, row: &Row<'_>) {
        self.push_naming(index, row, &Naming::of(row));
    }

    /// Adds a row of which is known what it names: its time widens the segment, its signal may be the verdict, and it may name the update.
    pub(super) fn push_naming(&mut self, index: usize, row: &Row<'_>, naming: &Naming) {
        self.rows.push(index);
        if let Some(time) = row.time {
            self.start = Some(self.start.map_or(time, |start| start.min(time)));
            self.end = Some(self.end.map_or(time, |end| end.max(time)));
        }
        self.is_zone_assumed |= row.is_zone_assumed && row.time.is_some();
        self.is_by_wall_clock |= row.is_by_wall_clock && row.time.is_some();
        self.has_start |= row.signal.is_some_and(Signal::is_start);
        self.is_opened |= row.boundary == Some(Boundary::Start) || self.has_start;
        if let Some(signal) = row.signal {
            self.signals.push((signal, index));
            if signal.is_verdict() {
                self.judge(Verdict {
                    signal,
                    code: row.error_code,
                    row: index,
                    is_weak: row.is_weak,
                    is_recorded: row.is_history(),
                });
            }
        }
        self.name_update(row, naming);
        // An id that stands under another title is another update's.
        let is_under_title = row.boundary == Some(Boundary::None)
            && self.titled_at.is_some_and(|at| at + 1 == self.rows.len());
        if (row.signal.is_some() || is_under_title) && self.update_id.is_empty() {
            self.update_id = update_id(row).unwrap_or_default();
        }
        if self.job.is_empty() && (self.signals.len() == 1 && row.signal.is_some()) {
            row.job().unwrap_or_default().clone_into(&mut self.job);
        }
    }

    /// Adds rows of which none says anything of the operation itself.
    pub(super) fn extend(&mut self, told: &Told) {
        self.rows.extend_from_slice(&told.rows);
        if let Some((first, last)) = told.window {
            self.start = Some(self.start.map_or(first, |start| start.min(first)));
            self.end = Some(self.end.map_or(last, |end| end.max(last)));
        }
        self.is_zone_assumed |= told.is_zone_assumed;
    }

    /// The verdict of the whole overrules that of a part, a later one an earlier one; a rollback stands.
    fn judge(&mut self, verdict: Verdict) {
        let keeps = self.verdict.is_some_and(|known| {
            known.signal == Signal::Rollback && known.code.is_some()
                || known.is_recorded
                    && !verdict.is_recorded
                    && known.signal.is_failure() == verdict.signal.is_failure()
                || verdict.is_weak && !known.is_weak
                || verdict.is_weak && verdict.code.is_none()
        });
        if !keeps {
            let code = verdict.code.or_else(|| {
                self.verdict
                    .filter(|known| verdict.signal.is_failure() && known.signal.is_failure())
                    .and_then(|known| known.code)
            });
            // The failure that is told last is why it was rolled back.
            let stands = verdict.signal.is_failure()
                && self
                    .verdict
                    .is_some_and(|known| known.signal == Signal::Rollback);
            let signal = if stands {
                Signal::Rollback
            } else {
                verdict.signal
            };
            self.verdict = Some(Verdict {
                signal,
                code,
                ..verdict
            });
        }
    }

    /// Takes the update's name from rows that speak of the update itself. A package named in
    /// passing may be another one: a damaged package of an earlier update, for example.
    fn name_update(&mut self, row: &Row<'_>, naming: &Naming) {
        if naming.weight == 0 {
            return;
        }
        // The first title names the update: what stands under a second one belongs to another.
        let is_other_title = !self.title.is_empty()
            && row.signal.is_none()
            && naming
                .title
                .as_ref()
                .is_some_and(|title| *title != self.title);
        if is_other_title {
            return;
        }
        if let Some(kb) = row.kb.filter(|_| naming.weight > self.kb_weight) {
            self.kb = Some(kb);
            self.kb_weight = naming.weight;
        }
        self.build = self.build.or(naming.build);
        if self.title.is_empty()
            && let Some(title) = &naming.title
        {
            self.title.clone_from(title);
            self.titled_at = Some(self.rows.len());
        }
    }

    /// Names the update by the row that states its title.
    pub(super) fn rename(&mut self, row: &Row<'_>) {
        self.kb = row.kb;
        self.title = title_of(row).unwrap_or_default();
    }

    /// The phase of the verdict, or of the furthest signal.
    pub(crate) fn phase(&self) -> Option<Phase> {
        self.verdict
            .map(|verdict| verdict.signal)
            .or_else(|| self.signals.last().map(|(signal, _)| *signal))
            .map(Signal::phase)
    }

    pub(crate) fn is_scan(&self) -> bool {
        self.phase() == Some(Phase::Scan)
    }

    /// True when it tells of a removal.
    pub(crate) fn is_removal(&self) -> bool {
        self.signals.iter().any(|(signal, _)| signal.is_removal())
    }

    /// True when it tells of an installation, and of no removal.
    pub(crate) fn is_installation(&self) -> bool {
        !self.is_removal()
            && self
                .signals
                .iter()
                .any(|(signal, _)| signal.is_installation())
    }

    pub(crate) fn failed(&self) -> bool {
        self.verdict
            .is_some_and(|verdict| verdict.signal.is_failure())
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.verdict
            .is_some_and(|verdict| verdict.signal.is_success())
    }
}

/// Rows that say nothing but that they stand in an operation, kept until they are handed to all
/// operations that are open: a client that is asked by many has dozens open at once.
#[derive(Debug, Default)]
pub(super) struct Told {
    rows: Vec<usize>,
    window: Option<(i64, i64)>,
    is_zone_assumed: bool,
}

impl Told {
    /// True for a row that changes nothing in a segment but what is kept here.
    pub(super) fn suits(row: &Row<'_>, naming: &Naming) -> bool {
        row.signal.is_none() && row.boundary.is_none() && naming.weight == 0
    }

    pub(super) fn push(&mut self, index: usize, row: &Row<'_>) {
        self.rows.push(index);
        if let Some(time) = row.time {
            let (first, last) = self.window.unwrap_or((time, time));
            self.window = Some((first.min(time), last.max(time)));
            self.is_zone_assumed |= row.is_zone_assumed;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.window = None;
        self.is_zone_assumed = false;
    }
}

/// What a row says of the name of an update: read once, however many operations are open.
#[derive(Debug)]
pub(super) struct Naming {
    /// How much the row counts; 0 for one that does not speak of the update itself.
    weight: u8,
    title: Option<String>,
    build: Option<(u32, u32)>,
}

impl Naming {
    pub(super) fn of(row: &Row<'_>) -> Self {
        let may_name = || {
            row.kb.is_some()
                || memchr::memchr(b'~', row.message.as_bytes()).is_some()
                || finds(&TITLE, row.message)
        };
        let weight = match row.signal {
            Some(signal) if signal.is_start() || signal.is_verdict() && !row.is_weak => 3,
            // What servicing stumbles over may be a package of an earlier update.
            Some(_) if row.is_weak && row.source == "cbs_log" => 0,
            Some(_) => 2,
            None if may_name() && names_package(row.message) => 1,
            None => 0,
        };
        if weight == 0 {
            return Self {
                weight,
                title: None,
                build: None,
            };
        }
        Self {
            weight,
            title: title_of(row),
            build: crate::normalise::package_in(row.message).and_then(rollup_build),
        }
    }
}

fn title_of(row: &Row<'_>) -> Option<String> {
    if row.source == "event_log" {
        let fields = crate::knowledge::FieldValues::parse(row.fields);
        return fields
            .get("updateTitle")
            .or_else(|| fields.get("PackageIdentifier"))
            .map(str::to_owned);
    }
    // Most messages speak of no title: the whole is searched faster than its first line is found.
    if !finds(&TITLE, row.message) {
        return None;
    }
    let (_, title) = row.first_line().split_once("Title = ")?;
    Some(title.trim().to_owned())
}

static TITLE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("Title ="));

fn finds(finder: &Finder<'_>, text: &str) -> bool {
    finder.find(text.as_bytes()).is_some()
}

/// The update that a verdict or a start names by its GUID: `for update 166E27DA-….200`,
/// `idUpdate={166E27DA-…}`, or a named value.
pub(super) fn update_id(row: &Row<'_>) -> Option<String> {
    let stated = match row.source {
        "event_log" | "reporting_events" => {
            let fields = crate::knowledge::FieldValues::parse(row.fields);
            let stated = ["updateGuid", "update_id"]
                .iter()
                .find_map(|name| fields.get(name))?;
            stated.to_owned()
        }
        "windows_update_log" => {
            static MARKS: LazyLock<[Finder<'static>; 3]> =
                LazyLock::new(|| ["for update ", "idUpdate=", "UpdateId = "].map(Finder::new));
            let after = MARKS.iter().find_map(|mark| {
                let at = mark.find(row.message.as_bytes())?;
                row.message.get(at + mark.needle().len()..)
            });
            return guid(after?);
        }
        _ => return None,
    };
    guid(&stated)
}

/// The GUID that a text begins with, in lower case; none for one of zeros, which stands for no update.
fn guid(text: &str) -> Option<String> {
    const LENGTH: usize = 36;
    let guid = text.trim_start_matches('{').get(..LENGTH)?;
    let is_guid = guid.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    let is_zero = guid.bytes().all(|byte| matches!(byte, b'0' | b'-'));
    (is_guid && !is_zero).then(|| guid.to_ascii_lowercase())
}

/// The message says which package it speaks of, in whatever case.
fn names_package(message: &str) -> bool {
    const FILES: [&[u8]; 4] = [
        b"windows10.0-kb",
        b"windows11.0-kb",
        b"windows6.",
        b"windows8",
    ];
    const IDENTITY: &[u8] = b"package identity";
    const TITLE: &[u8] = b"title =";
    let bytes = message.as_bytes();
    // From the rarest byte of each mark the rest is looked at: nearly all messages hold none.
    let begins = |at: usize, mark: &[u8]| {
        let there = bytes.get(at..at + mark.len());
        there.is_some_and(|there| there.eq_ignore_ascii_case(mark))
    };
    let ends = |at: usize, mark: &[u8]| {
        let start = (at + 1).checked_sub(mark.len());
        start.is_some_and(|start| begins(start, mark))
    };
    memchr3_iter(b'w', b'W', b'=', bytes)
        .any(|at| ends(at, TITLE) || FILES.iter().any(|mark| begins(at, mark)))
        || memchr2_iter(b'y', b'Y', bytes).any(|at| ends(at, IDENTITY))
}

#[cfg(test)]
mod tests {
    use super::names_package;

    #[test]
    fn a_message_names_its_package_in_any_case() {
        for message in [
            "Read out cached package applicability for package: x. Package Identity Package_for_KB1",
            "PACKAGE IDENTITY",
            r"C:\Windows\SoftwareDistribution\Windows10.0-KB5041580-x64.cab",
            "windows11.0-kb5041585",
            "Windows6.1-KB976902-x64.msu",
            "WINDOWS8.1-KB2919355",
            "TITLE = 2024-08 Cumulative Update",
            "Title =",
        ] {
            assert!(names_package(message), "{message}");
        }
        for message in [
            "",
            "=",
            "itle =",
            "Title",
            "windows10.0",
            r"C:\Windows\servicing\Packages",
            "package identit",
            "identity",
        ] {
            assert!(!names_package(message), "{message}");
        }
    }
}
