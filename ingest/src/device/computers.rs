//! Which computers the files of a path are of, under one name for each.
//!
//! A computer may go by several names: with and without its domain, cut to what NetBIOS takes, the
//! one that setup made up, and the one from before it was renamed. What may be two computers is
//! never made one here: an image's name, which many devices bear in their oldest records, is none of
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::identity::{NETBIOS_CHARS, NameSource, Scan, is_provisional, short_name};

/// So long after it was renamed, a device may still write its old name.
const RENAMING: SignedDuration = SignedDuration::from_hours(24);

/// What a name in upper case is another name of; names of which that is open are `None`.
#[derive(Debug, Default)]
pub(super) struct Computers {
    of: BTreeMap<String, Option<String>>,
}

/// Takes the records of one of several computers in a file.
#[derive(Debug, Clone)]
pub(crate) struct Speaker {
    /// The computer, in upper case.
    pub(crate) computer: String,
    /// Records that name no computer that is known are taken too, and what is no record.
    pub(crate) takes_rest: bool,
    computers: Arc<Computers>,
}

impl Speaker {
    pub(super) fn new(computer: String, takes_rest: bool, computers: &Arc<Computers>) -> Self {
        Self {
            computer,
            takes_rest,
            computers: Arc::clone(computers),
        }
    }

    /// Whether a record of the computer of this name is taken.
    pub(crate) fn takes(&self, name: Option<&str>) -> bool {
        match name.and_then(|name| self.computers.known(name)) {
            Some(computer) => computer == self.computer,
            None => self.takes_rest,
        }
    }
}

/// The name by which claims and records are compared.
fn compared(name: &str) -> String {
    short_name(name).to_uppercase()
}

/// A name that only a file's best claim states; `None` where its records name their computers.
fn claimed(scan: &Scan) -> Option<String> {
    let claim = scan.claim.as_ref()?;
    let is_weak = claim.source >= NameSource::Hotfixes;
    (!is_weak && scan.named.computers.is_empty()).then(|| compared(&claim.name))
}

impl Computers {
    /// Compares all names that the files of a path state.
    pub(super) fn of<'a>(scans: &(impl Iterator<Item = &'a Scan> + Clone)) -> Self {
        let mut names: BTreeSet<String> = scans
            .clone()
            .flat_map(|scan| scan.named.computers.keys().cloned().chain(claimed(scan)))
            .collect();
        let mut of: BTreeMap<String, Option<String>> = BTreeMap::new();
        let is_real = |name: &String| !is_provisional(name);
        if names.iter().any(is_real) {
            for name in names.iter().filter(|name| is_provisional(name)) {
                of.insert(name.clone(), None);
            }
            names.retain(is_real);
        }
        for (old, new) in renamed(scans) {
            if names.contains(&old) {
                of.insert(old, new);
            }
        }
        for (cut, whole) in cut_names(&names) {
            of.insert(cut, whole);
        }
        for name in names {
            of.entry(name.clone()).or_insert(Some(name));
        }
        Self { of }
    }

    /// The computer of this name.
    pub(super) fn known(&self, name: &str) -> Option<&str> {
        let mut name = compared(name);
        // Renamed again and again, but not in circles.
        for _ in 0..self.of.len() {
            let (known, next) = self.of.get_key_value(&name)?;
            let next = next.as_ref()?;
            if next == known {
                return Some(known);
            }
            name.clone_from(next);
        }
        None
    }

    /// The computers that a file is of. More than one: it collects the records of several.
    pub(super) fn in_file(&self, scan: &Scan) -> BTreeSet<String> {
        let known = |name: &str| self.known(name).map(str::to_owned);
        let spoken = &scan.named.computers;
        let all: BTreeSet<String> = spoken.keys().filter_map(|name| known(name)).collect();
        if all.len() > 1 && scan.named.is_own && is_in_turn(scan) {
            // Its own log, of a device whose old name another device has now.
            let newest = in_turn(scan).pop();
            return newest
                .and_then(|(name, ..)| known(&name))
                .into_iter()
                .collect();
        }
        all.into_iter()
            .chain(claimed(scan).and_then(|name| known(&name)))
            .collect()
    }

    /// All names of computers that are known.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.of.keys().map(String::as_str)
    }
}

/// The computers that some files are of.
pub(crate) fn computers(scans: &[Scan]) -> BTreeSet<String> {
    let computers = Computers::of(&scans.iter());
    scans
        .iter()
        .flat_map(|scan| computers.in_file(scan))
        .collect()
}

/// The names in a log in the order in which they were borne, with the times of the first and the last
/// record, without those that setup made up.
fn in_turn(scan: &Scan) -> Vec<(String, Timestamp, Timestamp, (u64, u64))> {
    let mut names: Vec<_> = scan
        .named
        .computers
        .iter()
        .filter(|(name, _)| !is_provisional(name))
        .filter_map(|(name, span)| {
            let span = (*span)?;
            let numbers = (span.first_number, span.last_number);
            Some((name.clone(), span.first_at, span.last_at, numbers))
        })
        .collect();
    names.sort_by_key(|(.., numbers)| *numbers);
    names
}

/// True when no name comes again after another.
fn is_in_turn(scan: &Scan) -> bool {
    let names = in_turn(scan);
    let following = names.iter().zip(names.iter().skip(1));
    !names.is_empty()
        && following
            .into_iter()
            .all(|((.., one), (.., next))| one.1 < next.0)
}

/// Old names, each with the new one; without where it is another device's name as well.
fn renamed<'a>(
    scans: &(impl Iterator<Item = &'a Scan> + Clone),
) -> BTreeMap<String, Option<String>> {
    let mut turns: BTreeMap<String, (BTreeSet<String>, Timestamp)> = BTreeMap::new();
    for scan in scans
        .clone()
        .filter(|scan| scan.named.is_own && is_in_turn(scan))
    {
        let names = in_turn(scan);
        for ((old, ..), (new, at, ..)) in names.iter().zip(names.iter().skip(1)) {
            let turn = turns
                .entry(old.clone())
                .or_insert_with(|| (BTreeSet::new(), *at));
            turn.0.insert(new.clone());
            turn.1 = turn.1.max(*at);
        }
    }
    turns
        .into_iter()
        .filter_map(|(old, (new, at))| {
            let is_borne_still = scans.clone().any(|scan| {
                let until = in_turn(scan).pop().filter(|(name, ..)| *name == old);
                let is_later =
                    until.is_some_and(|(_, _, last_at, _)| last_at.duration_since(at) > RENAMING);
                is_later || claimed(scan).is_some_and(|name| name == old)
            });
            match (is_borne_still, new.len(), new.into_iter().next()) {
                // A device of today; where it is another's name of old is seen file by file.
                (true, ..) => None,
                (false, 1, Some(new)) => Some((old, Some(new))),
                (false, ..) => Some((old, None)),
            }
        })
        .collect()
}

/// Names as long as NetBIOS takes them, each with the one that it was cut from; without where it may
/// be several.
fn cut_names(names: &BTreeSet<String>) -> Vec<(String, Option<String>)> {
    names
        .iter()
        .filter(|name| name.chars().count() == NETBIOS_CHARS)
        .filter_map(|cut| {
            let mut longer = names
                .iter()
                .filter(|name| name.len() > cut.len() && name.starts_with(cut.as_str()));
            let whole = longer.next()?;
            let is_one = longer.next().is_none();
            Some((cut.clone(), is_one.then(|| whole.clone())))
        })
        .collect()
}
