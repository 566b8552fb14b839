//! Files of several computers in one folder: each is given to the computer that it names, that its
//! own name or its folder's names, or that the files beside it in its folder name.
//!
//! Where nothing inside names a computer, the names of files and folders decide when the same log
//! stands there of several ([`super::label`]). What stays open among files of several computers is of
//! none: guessing would tell of one device what happened on another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::computers::{Computers, Speaker};
use super::divide::{Divided, Looked};
use super::label::{beginning, place_of, readings};

/// A file that holds records of more computers is not read once for each of them.
const SPEAKERS_MAX: usize = 1_000;
/// How many names a text for people holds.
const NAMED_MAX: usize = 8;

/// Gives each computer its files, or all to one where they are not of several.
pub(super) fn among_computers<T: Clone>(
    name: String,
    files: Vec<Looked<T>>,
    computers: &Arc<Computers>,
    divided: &mut Divided<T>,
) {
    let stated: BTreeSet<&str> = files
        .iter()
        .flat_map(|file| file.computers.iter().map(String::as_str))
        .collect();
    let labels = labels(&files);
    let by_name_too = match stated.len() {
        0 => labels.len() > 1,
        1 => labels.len() > 1 && states_its_label(&files, &labels, &stated),
        _ => true,
    };
    if !by_name_too {
        if stated.is_empty() {
            divided.notes.extend(ambiguous(&name, &files));
        }
        let label = if stated.is_empty() {
            common_label(&files)
        } else {
            None
        };
        let name = label.unwrap_or(name);
        return divided.shares.push((name, files));
    }
    let words = words(&files, &labels, &stated, computers);
    let all: Vec<String> = words
        .values()
        .cloned()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let told = stated.iter().map(|name| (*name).to_owned()).collect();
    let folders = folders(&files);
    let mut shares: BTreeMap<String, Vec<Looked<T>>> = BTreeMap::new();
    let mut rest = Vec::new();
    for file in files {
        if file.computers.len() > SPEAKERS_MAX {
            let why = format!(
                "it holds records of more than {SPEAKERS_MAX} computers: hand it in in parts"
            );
            divided.unassigned.push((file, why));
            continue;
        }
        if file.computers.len() > 1 {
            for (index, computer) in file.computers.iter().enumerate() {
                let speaker = Speaker::new(computer.clone(), index == 0, computers);
                let mut part = file.clone();
                part.speaker = Some(speaker);
                shares.entry(computer.clone()).or_default().push(part);
            }
            continue;
        }
        let found = file.computer().map(str::to_owned);
        let found = found.or_else(|| by_word(&file.below, &words));
        match found.or_else(|| by_folder(&file.below, &folders)) {
            Some(computer) => shares.entry(computer).or_default().push(file),
            None if file.is_recognised => divided.unassigned.push((file, open(&all))),
            None => rest.push(file),
        }
    }
    divided.notes.extend(by_name_alone(&shares, &told));
    if let Some(first) = shares.values_mut().next() {
        first.extend(rest);
    }
    divided.shares.extend(shares);
}

/// The labels before or behind which the same log stands as at others.
fn labels<T>(files: &[Looked<T>]) -> BTreeSet<String> {
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_recognised) {
        for reading in readings(&file.below) {
            kinds.entry(reading.kind).or_default().insert(reading.label);
        }
    }
    kinds
        .into_values()
        .filter(|labels| labels.len() > 1)
        .flatten()
        .collect()
}

/// Whether the one computer that is named is named by a file that bears one of the labels.
fn states_its_label<T>(
    files: &[Looked<T>],
    labels: &BTreeSet<String>,
    stated: &BTreeSet<&str>,
) -> bool {
    let is_labelled = |file: &Looked<T>| {
        let path = file.below.to_uppercase();
        let mut known = labels
            .iter()
            .map(String::as_str)
            .chain(stated.iter().copied());
        known.any(|label| place_of(label, &path).is_some())
    };
    let mut stating = files.iter().filter(|file| !file.computers.is_empty());
    stating.any(is_labelled)
}

/// The label that all recognised files bear.
fn common_label<T>(files: &[Looked<T>]) -> Option<String> {
    let recognised = files.iter().filter(|file| file.is_recognised);
    // One file may be called anything.
    if recognised.clone().count() < 2 {
        return None;
    }
    let sets = recognised.map(|file| {
        let labels = readings(&file.below).into_iter();
        labels.map(|reading| reading.label).collect::<BTreeSet<_>>()
    });
    let common = sets.reduce(|one, other| one.intersection(&other).cloned().collect())?;
    common.into_iter().max_by_key(String::len)
}

/// What may stand in a path for each computer.
///
/// A label may be another name of a computer, such as its asset number: it is the computer's that the
/// files which bear the label name, where that is one.
fn words<T>(
    files: &[Looked<T>],
    labels: &BTreeSet<String>,
    stated: &BTreeSet<&str>,
    computers: &Computers,
) -> BTreeMap<String, String> {
    let by_label = labels.iter().map(|label| {
        let borne_by = || bearer(label, files);
        let computer = computers.known(label).or_else(borne_by).unwrap_or(label);
        (label.clone(), computer.to_owned())
    });
    let named = computers.names().filter_map(|name| {
        let computer = computers.known(name)?;
        let is_here = stated.contains(computer);
        is_here.then(|| (name.to_owned(), computer.to_owned()))
    });
    by_label.chain(named).collect()
}

/// The one computer that the files named by a label name.
fn bearer<'a, T>(label: &str, files: &'a [Looked<T>]) -> Option<&'a str> {
    let mut computers = files.iter().filter_map(|file| {
        let computer = file.computer()?;
        place_of(label, &file.below.to_uppercase()).map(|_| computer)
    });
    let first = computers.next()?;
    computers.all(|other| other == first).then_some(first)
}

fn by_word(path: &str, words: &BTreeMap<String, String>) -> Option<String> {
    let path = path.to_uppercase();
    words
        .iter()
        .filter_map(|(word, computer)| Some((place_of(word, &path)?, computer)))
        .max_by_key(|(place, _)| *place)
        .map(|(_, computer)| computer.clone())
}

/// Each folder with the one computer that the files in it and below it name.
fn folders<T>(files: &[Looked<T>]) -> BTreeMap<String, Option<String>> {
    let mut folders: BTreeMap<String, Option<String>> = BTreeMap::new();
    for file in files {
        let Some(computer) = file.computer() else {
            continue;
        };
        for (at, _) in file.below.match_indices('/') {
            let folder = file.below.get(..at).unwrap_or_default();
            folders
                .entry(folder.to_owned())
                .and_modify(|known| {
                    if known.as_deref() != Some(computer) {
                        *known = None;
                    }
                })
                .or_insert_with(|| Some(computer.to_owned()));
        }
    }
    folders
}

fn by_folder(path: &str, folders: &BTreeMap<String, Option<String>>) -> Option<String> {
    path.rmatch_indices('/').find_map(|(at, _)| {
        let folder = path.get(..at)?;
        folders.get(folder)?.clone()
    })
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>();
    match names.len().saturating_sub(NAMED_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn open(computers: &[String]) -> String {
    format!(
        "files of several computers lie here ({}), and nothing says which of them this one is of: give each computer a folder of its own, or put its name before the file's (PC01_CBS.log); with --device NAME all are one device's",
        listed(computers)
    )
}

fn by_name_alone<T>(
    shares: &BTreeMap<String, Vec<Looked<T>>>,
    told: &BTreeSet<String>,
) -> Option<String> {
    let alone: Vec<String> = shares
        .keys()
        .filter(|name| !told.contains(*name))
        .cloned()
        .collect();
    (!alone.is_empty()).then(|| {
        format!(
            "told to be devices of their own by the names of files and folders alone: {}; with --device NAME all are one device's",
            listed(&alone)
        )
    })
}

/// Says where the same log lies there several times under names that may be devices'.
fn ambiguous<T>(name: &str, files: &[Looked<T>]) -> Option<String> {
    let mut beginnings: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_recognised) {
        if let Some((first, rest)) = beginning(&file.below) {
            beginnings.entry(rest).or_default().insert(first);
        }
    }
    let (rest, several) = beginnings
        .into_iter()
        .find(|(_, several)| several.len() > 1)?;
    let several: Vec<String> = several.into_iter().map(str::to_owned).collect();
    Some(format!(
        "{rest} is there several times ({}) and nothing names a computer: read as one device, {name}; if they are several devices', give each a folder named after its computer, with a number in the name or its systeminfo.txt beside the logs",
        listed(&several)
    ))
}
