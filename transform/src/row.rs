//! The records of one device that matter: what the device step walks over.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::attempt::Signal;
use crate::columns::{EventColumns, text};
use crate::knowledge::{Boundary, Knowledge, Variables};
use crate::normalise::{self, Distinct};

/// Microseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// Microseconds in an hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;

/// What kind of statement a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowKind {
    /// One log record.
    Record,
    /// A reading of facts about the device.
    Inventory,
    /// Records of one day that were counted, not sent.
    Count,
}

impl RowKind {
    /// The kind of rows with these words in the columns `kind` and `source`.
    pub(crate) fn of(kind: &str, source: &str) -> Self {
        match (kind, source) {
            ("count", _) => Self::Count,
            ("inventory", _) | (_, "inventory" | "hash_listing") => Self::Inventory,
            _ => Self::Record,
        }
    }
}

/// One record, borrowed from the frame.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "columns of a frame: each is asked for by itself"
)]
pub(crate) struct Row<'a> {
    pub(crate) event_id: &'a str,
    pub(crate) source: &'a str,
    pub(crate) kind: RowKind,
    /// Microseconds since 1970; null when the source states no time.
    pub(crate) time: Option<i64>,
    /// UTC for the store; null when only a wall-clock time is known.
    pub(crate) occurred_at: Option<i64>,
    /// The way from wall clock to UTC was assumed.
    pub(crate) is_zone_assumed: bool,
    /// Logged by the clock on the wall, in the zone that the device states.
    pub(crate) is_by_wall_clock: bool,
    pub(crate) collected_at: i64,
    pub(crate) file: &'a str,
    pub(crate) line: u64,
    pub(crate) byte_offset: u64,
    pub(crate) record_id: Option<u64>,
    pub(crate) error_code: Option<u32>,
    pub(crate) codes: &'a [u32],
    pub(crate) kb: Option<u32>,
    pub(crate) message: &'a str,
    /// The message with its variable parts masked.
    pub(crate) template: &'a str,
    /// The same number for records of the same source and template, within one frame.
    pub(crate) wording: u32,
    pub(crate) fields: &'a str,
    pub(crate) signal: Option<Signal>,
    pub(crate) is_weak: bool,
    /// The log itself calls it an error.
    pub(crate) is_error: bool,
    pub(crate) boundary: Option<Boundary>,
    /// Logged when all is well, whatever code it carries.
    pub(crate) is_noise: bool,
    /// Conditions that the constant part of the record meets, in ascending order.
    hits: &'a [usize],
}

impl<'a> Row<'a> {
    /// Reads one row; `None` when it says nothing that the device step asks for.
    pub(crate) fn read(
        columns: &'a EventColumns<'a>,
        distinct: &'a Distinct<'a>,
        row: usize,
        knowledge: &Knowledge,
    ) -> Option<Self> {
        let statement = distinct.statement(row)?;
        let error_code = normalise::code_of(columns, row, statement);
        let said = normalise::said_by(columns, row, statement, error_code, knowledge);
        let message = text(columns.message, row);
        let kb = normalise::kb_article(message);
        // Of what was only counted, a search that worked says something: the network was there that day.
        let is_counted = statement.kind == RowKind::Count;
        let matters = statement.kind == RowKind::Inventory
            || !statement.hits.is_empty()
            || error_code.is_some()
            || kb.is_some();
        if !matters || is_counted && said.signal != Some(Signal::ScanSucceeded) {
            return None;
        }
        let occurred_at = columns.occurred_at.get(row);
        let fields = text(columns.fields, row);
        Some(Self {
            event_id: text(columns.event_id, row),
            source: statement.source,
            kind: statement.kind,
            // A count is of a whole day: at its end at the latest it was so.
            time: occurred_at
                .or_else(|| columns.occurred_at_local.get(row))
                .map(|time| if is_counted { time + 24 * HOUR } else { time }),
            occurred_at,
            is_zone_assumed: occurred_at.is_none() || text(columns.zone_source, row) == "assumed",
            is_by_wall_clock: text(columns.zone_source, row) == "device",
            collected_at: columns.collected_at.get(row).unwrap_or_default(),
            file: text(columns.source_file, row),
            line: columns.line_number.get(row).unwrap_or_default(),
            byte_offset: columns.byte_offset.get(row).unwrap_or_default(),
            record_id: columns.record_id.get(row),
            error_code,
            codes: columns.codes(row),
            kb,
            message,
            template: statement.template,
            wording: statement.wording,
            fields,
            signal: said.signal,
            is_weak: said.is_weak,
            is_error: statement.is_error,
            boundary: said.boundary,
            is_noise: statement
                .hits
                .iter()
                .rev()
                .take_while(|hit| knowledge.is_noise(**hit))
                .filter_map(|hit| knowledge.conditions.get(*hit))
                .any(|condition| condition.holds(message, fields)),
            hits: &statement.hits,
        })
    }

    /// Tests a condition on this record and returns what its expressions captured.
    pub(crate) fn meets(&self, condition: usize, knowledge: &Knowledge) -> Option<Variables> {
        self.hits.binary_search(&condition).ok()?;
        knowledge
            .conditions
            .get(condition)?
            .confirm(self.message, self.fields)
    }

    /// Conditions that the constant part of the record meets, in ascending order.
    pub(crate) fn hits(&self) -> &'a [usize] {
        self.hits
    }

    /// The GUID of the deployment job or download call that a line of WindowsUpdate.log names.
    pub(crate) fn job(&self) -> Option<&'a str> {
        static MARKS: LazyLock<[Finder<'static>; 3]> = LazyLock::new(|| {
            ["Deployment job Id ", "[Call ID = {", "download call {"].map(Finder::new)
        });
        if self.source != "windows_update_log" {
            return None;
        }
        let after = MARKS.iter().find_map(|mark| {
            let at = mark.find(self.message.as_bytes())?;
            self.message.get(at + mark.needle().len()..)
        })?;
        after.split([' ', ':', '}']).next()
    }

    /// True for a line by which the update client writes a result into its history.
    pub(crate) fn is_history(&self) -> bool {
        self.source == "windows_update_log" && self.message.contains("resultUnMapped=")
    }

    /// The first line of the message.
    pub(crate) fn first_line(&self) -> &'a str {
        self.message.lines().next().unwrap_or_default()
    }
}

/// The least distance of two times when their clocks may stand in different zones: whole half
/// hours, up to fourteen hours, do not count.
pub(crate) fn distance(left: i64, right: i64, zones_may_differ: bool) -> i64 {
    let plain = (left - right).abs();
    if !zones_may_differ || plain > 14 * HOUR + 15 * MINUTE {
        return plain;
    }
    let beyond = plain % (30 * MINUTE);
    beyond.min(30 * MINUTE - beyond).min(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_in_different_zones_agree_up_to_half_hours() {
        assert_eq!(distance(0, 8 * HOUR + 51 * SECOND, true), 51 * SECOND);
        assert_eq!(
            distance(0, 8 * HOUR + 51 * SECOND, false),
            8 * HOUR + 51 * SECOND
        );
        assert_eq!(distance(5 * HOUR + 29 * MINUTE, 0, true), MINUTE);
        assert_eq!(distance(20 * HOUR, 0, true), 20 * HOUR);
        assert_eq!(distance(3 * MINUTE, 0, true), 3 * MINUTE);
    }
}
