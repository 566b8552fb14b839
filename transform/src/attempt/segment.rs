//! Segments: what one source tells of one operation, from its start to its verdict.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::signal::{Phase, Signal};
use crate::knowledge::Boundary;
use crate::normalise::rollup_build;
use crate::row::Row;

/// A stretch of one stream: a scan, a download, an installation, a servicing session, a mount.
#[derive(Debug, Clone)]
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
    pub(crate) start: Option<i64>,
    pub(crate) end: Option<i64>,
    pub(crate) is_zone_assumed: bool,
    /// The log says that the operation began: it was not cut out of the middle.
    pub(crate) has_start: bool,
    /// At least a session began.
    pub(crate) is_opened: bool,
    kb_weight: u8,
}

/// How a segment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) signal: Signal,
    pub(crate) code: Option<u32>,
    pub(crate) row: usize,
    pub(crate) is_weak: bool,
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
            start: None,
            end: None,
            is_zone_assumed: false,
            has_start: false,
            is_opened: false,
            kb_weight: 0,
        }
    }

    /// Adds a row: its time widens the segment, its signal may be the verdict, and it may name the update.
    pub(crate) fn push(&mut self, index: usize, row: &Row<'_>) {
        self.rows.push(index);
        if let Some(time) = row.time {
            self.start = Some(self.start.map_or(time, |start| start.min(time)));
            self.end = Some(self.end.map_or(time, |end| end.max(time)));
        }
        self.is_zone_assumed |= row.is_zone_assumed && row.time.is_some();
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
                });
            }
        }
        self.name_update(row);
    }

    /// The verdict of the whole overrules that of a part, a later one an earlier one; a rollback stands.
    fn judge(&mut self, verdict: Verdict) {
        let keeps = self.verdict.is_some_and(|known| {
            known.signal == Signal::Rollback && known.code.is_some()
                || verdict.is_weak && !known.is_weak
                || verdict.is_weak && verdict.code.is_none()
        });
        if !keeps {
            let code = verdict.code.or_else(|| {
                self.verdict
                    .filter(|known| verdict.signal.is_failure() && known.signal.is_failure())
                    .and_then(|known| known.code)
            });
            self.verdict = Some(Verdict { code, ..verdict });
        }
    }

    /// Takes the update's name from rows that speak of the update itself. A package named in
    /// passing may be another one: a damaged package of an earlier update, for example.
    fn name_update(&mut self, row: &Row<'_>) {
        let message = row.message;
        let weight = match row.signal {
            Some(signal) if signal.is_start() || signal.is_verdict() && !row.is_weak => 3,
            Some(_) => 2,
            None if names_package(message) => 1,
            None => 0,
        };
        if weight == 0 {
            return;
        }
        if let Some(kb) = row.kb.filter(|_| weight > self.kb_weight) {
            self.kb = Some(kb);
            self.kb_weight = weight;
        }
        if self.build.is_none() {
            self.build = crate::normalise::package_in(message).and_then(rollup_build);
        }
        if self.title.is_empty()
            && let Some(title) = title_of(row)
        {
            self.title = title;
        }
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

    pub(crate) fn failed(&self) -> bool {
        self.verdict
            .is_some_and(|verdict| verdict.signal.is_failure())
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.verdict
            .is_some_and(|verdict| verdict.signal.is_success())
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
    let (_, title) = row.first_line().split_once("Title = ")?;
    Some(title.trim().to_owned())
}

/// The message says which package it speaks of.
fn names_package(message: &str) -> bool {
    static MARKS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build([
                "package identity",
                "windows10.0-kb",
                "windows6.",
                "windows11.0-kb",
                "windows8",
                "Title =",
            ])
            .ok()
    });
    MARKS.as_ref().is_some_and(|marks| marks.is_match(message))
}
