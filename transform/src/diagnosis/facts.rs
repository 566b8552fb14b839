//! What the device is, from all its inventory readings.

use std::collections::{BTreeMap, BTreeSet};

use patchlens_event::inventory;

use crate::reference::servicing_branch;
use crate::row::{HOUR, Row, RowKind};

/// The newest value of each fact, and the row that stated it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Facts {
    values: BTreeMap<String, (String, usize)>,
    /// Facts that two readings of one collection state differently.
    contradicted: BTreeSet<String>,
}

/// Build and revision of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Build {
    pub(crate) number: u32,
    pub(crate) ubr: Option<u32>,
}

impl Build {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('.').map(|part| part.parse::<u32>().ok());
        let first = parts.next()??;
        if first > 5_000 {
            return Some(Self {
                number: first,
                ubr: parts.next().flatten(),
            });
        }
        let number = parts.nth(1)??;
        Some(Self {
            number,
            ubr: parts.next().flatten(),
        })
    }

    pub(crate) fn branch(self) -> u32 {
        servicing_branch(self.number)
    }
}

impl Facts {
    /// Merges the inventory rows of a device: what was collected last holds.
    pub(crate) fn of(rows: &[Row<'_>]) -> Self {
        Self::until(rows, i64::MAX)
    }

    /// Until when collected facts tell of what failed at a time: those last collected before it, else
    /// those of the first collection after it. What was collected later tells of the device after its
    /// repair.
    pub(crate) fn collected_until(rows: &[Row<'_>], time: i64) -> i64 {
        let collected = || {
            rows.iter()
                .filter(|row| row.kind == RowKind::Inventory)
                .map(|row| row.collected_at)
        };
        let before = collected().filter(|at| *at < time).max();
        let known = before.or_else(|| collected().min());
        known.map_or(i64::MAX, |at| at.saturating_add(HOUR))
    }

    /// The facts that were collected before a time; `None` when nothing was.
    pub(crate) fn before(rows: &[Row<'_>], time: i64) -> Option<Self> {
        let newest = rows
            .iter()
            .filter(|row| row.kind == RowKind::Inventory && row.collected_at < time)
            .map(|row| row.collected_at)
            .max()?;
        Some(Self::until(rows, newest))
    }

    /// The facts that were collected until a time.
    pub(crate) fn until(rows: &[Row<'_>], last: i64) -> Self {
        Self::default().with(rows, |collected_at| collected_at <= last)
    }

    /// The facts that were collected until `last`, where these were collected until `known`.
    pub(crate) fn continued(&self, rows: &[Row<'_>], known: i64, last: i64) -> Self {
        let is_new = |collected_at| collected_at > known && collected_at <= last;
        self.clone().with(rows, is_new)
    }

    fn with(mut self, rows: &[Row<'_>], is_asked_for: impl Fn(i64) -> bool) -> Self {
        let is_reading =
            |row: &Row<'_>| row.kind == RowKind::Inventory && is_asked_for(row.collected_at);
        let mut order: Vec<usize> = rows
            .iter()
            .enumerate()
            .filter(|(_, row)| is_reading(row))
            .map(|(index, _)| index)
            .collect();
        order.sort_by_key(|index| {
            rows.get(*index)
                .map(|row| (row.collected_at, row.time, row.file, row.line))
        });
        for (index, row) in order
            .iter()
            .filter_map(|index| Some((*index, rows.get(*index)?)))
        {
            let stated: BTreeMap<String, String> =
                serde_json::from_str(row.fields).unwrap_or_default();
            for (name, value) in stated {
                self.add(name, value, index, rows);
            }
        }
        self
    }

    /// When the newest reading was collected; `None` without one.
    pub(crate) fn collected_at(rows: &[Row<'_>]) -> Option<i64> {
        rows.iter()
            .filter(|row| row.kind == RowKind::Inventory)
            .map(|row| row.collected_at)
            .max()
    }

    fn add(&mut self, name: String, value: String, index: usize, rows: &[Row<'_>]) {
        if let Some((known, known_at)) = self.values.get(&name) {
            let collected_at = |index: usize| rows.get(index).map_or(0, |row| row.collected_at);
            let same_collection = collected_at(index) - collected_at(*known_at) <= HOUR;
            // `10.0.17763` and `10.0.17763.2090` agree; the longer one says more, whenever it was collected.
            if name == inventory::OS_BUILD && is_build_of(&value, known) {
                return;
            }
            if *known == value {
                if !same_collection {
                    // Stated anew: the other readings of this collection are compared with it.
                    self.values.insert(name, (value, index));
                }
                return;
            }
            if name == inventory::OS_BUILD && same_collection {
                if is_build_of(known, &value) {
                    self.values.insert(name, (value, index));
                } else {
                    self.contradicted.insert(name);
                }
                return;
            }
            if same_collection && is_single_valued(&name) {
                self.contradicted.insert(name.clone());
            }
        }
        self.values.insert(name, (value, index));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(value, _)| value.as_str())
    }

    /// The row that stated a fact.
    pub(crate) fn row(&self, name: &str) -> Option<usize> {
        self.values.get(name).map(|(_, row)| *row)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, usize)> {
        self.values
            .iter()
            .map(|(name, (value, row))| (name.as_str(), value.as_str(), *row))
    }

    pub(crate) fn is_contradicted(&self, name: &str) -> bool {
        self.contradicted.contains(name)
    }

    pub(crate) fn build(&self) -> Option<Build> {
        self.get(inventory::OS_BUILD).and_then(Build::parse)
    }

    /// True when the hotfix list names the update.
    pub(crate) fn has_hotfix(&self, kb: u32) -> bool {
        let name = format!("KB{kb}");
        self.get(inventory::HOTFIXES).is_some_and(|list| {
            list.split([',', ';', ' '])
                .any(|hotfix| hotfix.trim().eq_ignore_ascii_case(&name))
        })
    }

    /// The highest KB number in the hotfix list; `None` without a list.
    pub(crate) fn newest_hotfix(&self) -> Option<u32> {
        let list = self.get(inventory::HOTFIXES)?;
        let numbers = list.split([',', ';', ' ']).filter_map(|hotfix| {
            let hotfix = hotfix.trim();
            let digits = hotfix
                .strip_prefix("KB")
                .or_else(|| hotfix.strip_prefix("kb"));
            digits?.parse::<u32>().ok()
        });
        numbers.max()
    }

    /// All facts as a JSON object, together with what was derived from them.
    pub(crate) fn json(&self, derived: &BTreeMap<&'static str, String>) -> String {
        let mut plain: BTreeMap<&str, &str> =
            self.iter().map(|(name, value, _)| (name, value)).collect();
        plain.extend(derived.iter().map(|(name, value)| (*name, value.as_str())));
        serde_json::to_string(&plain).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// True when `build` states `exact` without its revision.
fn is_build_of(build: &str, exact: &str) -> bool {
    exact
        .strip_prefix(build)
        .is_some_and(|revision| revision.starts_with('.'))
}

/// Facts of which a device has one at a time.
fn is_single_valued(name: &str) -> bool {
    name.starts_with(inventory::SERVICE_START)
        || name.starts_with(inventory::FILE_SHA256)
        || name == inventory::ARCHITECTURE
}
