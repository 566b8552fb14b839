//! Cuts one log file into segments.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::segment::{Naming, Segment, Told, update_id};
use super::signal::{Phase, Signal};
use crate::knowledge::Boundary;
use crate::row::{HOUR, MINUTE, Row, SECOND};

/// How far a verdict without a start reaches back.
const REACH_BACK: i64 = 30 * MINUTE;
/// How long lines behind a verdict still belong to it.
const TAIL: i64 = 60 * SECOND;
/// What is rolled back is reported when that is done: on slow disks after more than an hour.
const ROLLBACK_TAIL: i64 = 2 * HOUR;
/// A session that began and then says nothing for so long was left behind: what follows is another one.
const ABANDONED: i64 = 6 * 60 * MINUTE;
/// An operation of the update client that has no end by then was cut short.
const OPEN_MAX: i64 = 24 * HOUR;
/// How many seconds before a start a line may name the update.
const NAMED_BEFORE: i64 = 10 * SECOND;

/// The segments of one file, found in reading order.
#[derive(Debug)]
pub(super) struct Stream<'a, 'r> {
    rows: &'r [Row<'a>],
    source: &'r str,
    open: Vec<Segment>,
    /// Rows that belong to all open segments and are not handed to them yet.
    told: Told,
    /// No open segment starts before this time.
    oldest: Option<i64>,
    done: Vec<Segment>,
    /// Rows since the last segment that belong to none.
    loose: Vec<usize>,
    /// The row that last stated the title of an update, and the titles by the GUID that follows them:
    /// one job installs several updates, and only the GUID says which of them a verdict is about.
    last_title: Option<usize>,
    titles: BTreeMap<String, usize>,
}

/// Cuts the rows of one file, given in reading order.
pub(super) fn segments(rows: &[Row<'_>], order: &[usize], source: &str) -> Vec<Segment> {
    let mut stream = Stream {
        rows,
        source,
        open: Vec::new(),
        told: Told::default(),
        oldest: None,
        done: Vec::new(),
        loose: Vec::new(),
        last_title: None,
        titles: BTreeMap::new(),
    };
    for index in order {
        if let Some(row) = rows.get(*index) {
            stream.take(*index, row);
        }
    }
    stream.finish()
}

impl Stream<'_, '_> {
    fn take(&mut self, index: usize, row: &Row<'_>) {
        // Scans, downloads and installations of the update client overlap; servicing, imaging and
        // setup do one thing at a time.
        if self.source == "windows_update_log" || self.source == "reporting_events" {
            self.take_overlapping(index, row);
        } else {
            self.take_sequential(index, row);
        }
    }

    fn take_sequential(&mut self, index: usize, row: &Row<'_>) {
        let ends = row.boundary == Some(Boundary::End);
        let begins =
            row.boundary == Some(Boundary::Start) || row.signal.is_some_and(Signal::is_start);
        if begins {
            let goes_on = self.open.last().is_some_and(|segment| {
                let abandoned = row
                    .time
                    .zip(segment.end)
                    .is_some_and(|(time, end)| time - end > ABANDONED);
                // A session that said nothing before another one begins has nothing to do with it.
                let is_other = row.boundary == Some(Boundary::Start);
                segment.verdict.is_none() && segment.signals.is_empty() && !abandoned && !is_other
            });
            if !goes_on {
                self.close_all();
                self.open_segment(row);
            }
            self.push_to_open(index, row);
            return;
        }
        if self.is_behind_the_verdict(row) {
            self.close_all();
        }
        if self.open.is_empty()
            && row.signal.is_some_and(Signal::is_verdict)
            && !self.belongs_to_last(row)
        {
            self.open_with_loose(row);
        }
        if !self.open.is_empty() {
            self.push_to_open(index, row);
        } else if (ends || row.signal.is_some_and(Signal::is_verdict)) && self.belongs_to_last(row)
        {
            if let Some(last) = self.done.last_mut() {
                last.push(index, row);
            }
        } else {
            self.loose.push(index);
        }
        if ends {
            self.close_all();
        }
    }

    /// A line long after the verdict belongs to what comes next; restart and rollback still do to what was.
    fn is_behind_the_verdict(&self, row: &Row<'_>) -> bool {
        let Some(segment) = self
            .open
            .last()
            .filter(|segment| segment.verdict.is_some_and(|verdict| !verdict.is_weak))
        else {
            return false;
        };
        let is_rolled_back = segment
            .verdict
            .is_some_and(|verdict| verdict.signal == Signal::Rollback);
        let tail = if is_rolled_back { ROLLBACK_TAIL } else { TAIL };
        let late = row
            .time
            .zip(segment.end)
            .is_some_and(|(time, end)| time - end > tail);
        late && !matches!(
            row.signal.map(Signal::phase),
            Some(Phase::Restart | Phase::Rollback)
        )
    }

    /// A second verdict right after a closed segment repeats the first.
    fn belongs_to_last(&self, row: &Row<'_>) -> bool {
        self.done.last().is_some_and(|last| {
            last.verdict.is_some()
                && row
                    .time
                    .zip(last.end)
                    .is_some_and(|(time, end)| (0..=TAIL).contains(&(time - end)))
        })
    }

    fn take_overlapping(&mut self, index: usize, row: &Row<'_>) {
        self.note_title(index, row);
        self.close_abandoned(row);
        let job = row.job();
        let of_job = job.and_then(|job| {
            self.open
                .iter()
                .rposition(|segment| segment.job.eq_ignore_ascii_case(job))
        });
        let Some(signal) = row.signal else {
            if let Some(at) = of_job {
                self.hand_out();
                if let Some(segment) = self.open.get_mut(at) {
                    segment.push(index, row);
                }
                if row.boundary == Some(Boundary::End) {
                    let segment = self.open.remove(at);
                    self.done.push(segment);
                }
            } else if self.open.is_empty() {
                self.loose.push(index);
            } else {
                self.tell_open(index, row);
            }
            return;
        };
        self.hand_out();
        let phase = signal.phase();
        // What names a job or an update is not told of another one.
        let id = update_id(row);
        let position = of_job.or_else(|| {
            self.open.iter().rposition(|segment| {
                segment.phase() == Some(phase)
                    && (segment.job.is_empty() || job.is_none() || signal.is_start())
                    && id
                        .as_ref()
                        .is_none_or(|id| segment.update_id.is_empty() || segment.update_id == *id)
            })
        });
        if signal.is_start() {
            // The agent starts what the API has started: one operation, told twice.
            let continues = position
                .and_then(|at| self.open.get(at))
                .is_some_and(|segment| {
                    let is_other_job = job.is_some_and(|job| {
                        !segment.job.is_empty() && !segment.job.eq_ignore_ascii_case(job)
                    });
                    segment.signals.len() == 1
                        && near(segment.end, row.time, 5 * SECOND)
                        && !is_other_job
                });
            if !continues {
                self.open_segment(row);
                if let Some(segment) = self.open.last_mut() {
                    segment.push(index, row);
                }
                return;
            }
        }
        match position {
            Some(at) => {
                if let Some(segment) = self.open.get_mut(at) {
                    segment.push(index, row);
                }
                if signal.is_verdict() && !row.is_weak {
                    let mut segment = self.open.remove(at);
                    self.name_by_id(&mut segment, row);
                    self.done.push(segment);
                }
            }
            None if signal.is_verdict() => self.verdict_without_start(index, row, phase),
            None => {
                // That a restart is needed belongs to the update that was put in place.
                let known = self
                    .done
                    .iter_mut()
                    .rev()
                    .find(|segment| id.as_ref() == Some(&segment.update_id));
                match known {
                    Some(segment) => segment.push(index, row),
                    None => self.loose.push(index),
                }
            }
        }
    }

    fn verdict_without_start(&mut self, index: usize, row: &Row<'_>, phase: Phase) {
        let id = update_id(row).unwrap_or_default();
        let repeats = self.done.last().is_some_and(|last| {
            last.phase() == Some(phase)
                && (id.is_empty() || last.update_id.is_empty() || last.update_id == id)
                && near(last.end, row.time, 5 * SECOND)
                && last.verdict.is_some_and(|verdict| {
                    verdict.code == row.error_code
                        || !id.is_empty()
                            && last.update_id == id
                            && verdict.signal.is_failure() == row.error_code.is_some()
                })
        });
        if repeats {
            if let Some(last) = self.done.last_mut() {
                last.push(index, row);
            }
            return;
        }
        self.open_with_loose(row);
        if let Some(mut segment) = self.open.pop() {
            segment.push(index, row);
            self.name_by_id(&mut segment, row);
            self.done.push(segment);
        }
    }

    /// What began a day ago and has no end was cut short: nothing that comes now belongs to it.
    fn close_abandoned(&mut self, row: &Row<'_>) {
        let Some(time) = row.time else {
            return;
        };
        // The row may widen a segment to its own time.
        let oldest = self.oldest.map_or(time, |oldest| oldest.min(time));
        self.oldest = Some(oldest);
        if time - oldest <= OPEN_MAX {
            return;
        }
        self.hand_out();
        let is_abandoned =
            |segment: &mut Segment| segment.start.is_some_and(|start| time - start > OPEN_MAX);
        self.done.extend(self.open.extract_if(.., is_abandoned));
        let starts = self.open.iter().filter_map(|segment| segment.start);
        self.oldest = starts.chain([time]).min();
    }

    fn note_title(&mut self, index: usize, row: &Row<'_>) {
        static TITLE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("Title = "));
        if row.source != "windows_update_log" {
            return;
        }
        if TITLE.find(row.message.as_bytes()).is_some() {
            self.last_title = Some(index);
        } else if let Some(title) = self.last_title
            && row.message.contains("UpdateId = ")
            && let Some(id) = update_id(row)
        {
            self.titles.insert(id, title);
            self.last_title = None;
        }
    }

    /// The title that stood over the GUID of the verdict goes before whatever else the lines named.
    fn name_by_id(&self, segment: &mut Segment, verdict: &Row<'_>) {
        let title = update_id(verdict)
            .and_then(|id| self.titles.get(&id))
            .and_then(|index| self.rows.get(*index));
        if let Some(title) = title {
            segment.rename(title);
        }
    }

    fn open_segment(&mut self, row: &Row<'_>) {
        let mut segment = Segment::new(self.source);
        let named_before = self.loose.iter().rev().find(|index| {
            self.rows.get(**index).is_some_and(|before| {
                before.kb.is_some() && near(before.time, row.time, NAMED_BEFORE)
            })
        });
        if let Some((index, before)) =
            named_before.and_then(|index| Some((*index, self.rows.get(index.to_owned())?)))
        {
            segment.push(index, before);
        }
        self.loose.clear();
        self.open_with(segment);
    }

    /// Opens a segment whose beginning the log does not hold, with the lines that lead up to it.
    fn open_with_loose(&mut self, row: &Row<'_>) {
        let mut segment = Segment::new(self.source);
        for index in std::mem::take(&mut self.loose) {
            let Some(before) = self.rows.get(index) else {
                continue;
            };
            if near(before.time, row.time, REACH_BACK) {
                segment.push(index, before);
            }
        }
        self.open_with(segment);
    }

    fn open_with(&mut self, segment: Segment) {
        // It may begin with rows that were read before the oldest time was last looked for.
        self.oldest = self.oldest.into_iter().chain(segment.start).min();
        self.open.push(segment);
    }

    /// Adds a row to all open segments, now or when they are next looked at.
    fn tell_open(&mut self, index: usize, row: &Row<'_>) {
        let naming = Naming::of(row);
        if Told::suits(row, &naming) {
            self.told.push(index, row);
            return;
        }
        self.hand_out();
        for segment in &mut self.open {
            segment.push_naming(index, row, &naming);
        }
    }

    /// Before an open segment is looked at, changed or closed, and before another one is opened, the
    /// open ones get what they were told.
    fn hand_out(&mut self) {
        if self.told.is_empty() {
            return;
        }
        for segment in &mut self.open {
            segment.extend(&self.told);
        }
        self.told.clear();
    }

    fn push_to_open(&mut self, index: usize, row: &Row<'_>) {
        let naming = Naming::of(row);
        for segment in &mut self.open {
            segment.push_naming(index, row, &naming);
        }
    }

    fn close_all(&mut self) {
        self.done.append(&mut self.open);
    }

    fn finish(mut self) -> Vec<Segment> {
        self.hand_out();
        self.close_all();
        self.done.retain(|segment| !segment.signals.is_empty());
        self.done
    }
}

/// True when two times are at most `limit` apart; a missing time is near everything.
pub(super) fn near(left: Option<i64>, right: Option<i64>, limit: i64) -> bool {
    left.zip(right)
        .is_none_or(|(left, right)| (left - right).abs() <= limit)
}
