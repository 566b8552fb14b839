//! Dividing files among devices, by the computers that are named in them, in their folders and in
//! their own names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::assign;
use super::computers::{Computers, Speaker};
use crate::identity::Scan;

/// A file with what the first look found.
#[derive(Clone)]
pub(super) struct Looked<T> {
    /// Path below the folder that is being judged.
    pub(super) below: String,
    /// The computers that it names.
    pub(super) computers: BTreeSet<String>,
    /// Which of its records are meant, where it holds those of several.
    pub(super) speaker: Option<Speaker>,
    pub(super) is_recognised: bool,
    pub(super) item: T,
}

impl<T> Looked<T> {
    /// A file at `below`, as `scan` saw it.
    pub(super) fn new(below: String, scan: &Scan, computers: &Computers, item: T) -> Self {
        Self {
            below,
            computers: computers.in_file(scan),
            speaker: None,
            is_recognised: scan.format.is_some() || scan.is_packed,
            item,
        }
    }

    /// The computer that alone it names.
    pub(super) fn computer(&self) -> Option<&str> {
        let mut names = self.computers.iter();
        let only = names.next()?;
        names.next().is_none().then_some(only)
    }

    /// The same with another item.
    pub(super) fn holding<U>(self, item: U) -> Looked<U> {
        Looked {
            below: self.below,
            computers: self.computers,
            speaker: self.speaker,
            is_recognised: self.is_recognised,
            item,
        }
    }
}

/// How files were divided.
pub(super) struct Divided<T> {
    /// Each device's files, under the name of its folder; never none.
    pub(super) shares: Vec<(String, Vec<Looked<T>>)>,
    /// Files among those of several devices that are of nobody known, and why.
    pub(super) unassigned: Vec<(Looked<T>, String)>,
    /// What a person should know about how it was done.
    pub(super) notes: Vec<String>,
}

impl<T> Divided<T> {
    /// For whoever only looks: what is of nobody known is a share without a name, and why is a note.
    pub(super) fn show_unassigned(&mut self) {
        let (files, reasons): (Vec<_>, BTreeSet<String>) =
            std::mem::take(&mut self.unassigned).into_iter().unzip();
        let count = files.len();
        if count > 0 {
            self.shares.push((String::new(), files));
        }
        let told = reasons.into_iter().map(|why| {
            format!("{count} files are shown without a device, which `collect` and `diagnose` refuse: {why}")
        });
        self.notes.extend(told);
    }
}

/// Divides files among devices. What is in no device's share because nothing of it is recognised goes
/// to the first.
pub(super) fn divide<T: Clone>(
    name: String,
    looked: Vec<Looked<T>>,
    computers: &Arc<Computers>,
) -> Divided<T> {
    let mut folders = Vec::new();
    split(name, looked, &mut folders);
    let (mut known, unknown): (Vec<_>, Vec<_>) = folders
        .into_iter()
        .partition(|(_, files)| files.iter().any(|file| file.is_recognised));
    for (name, files) in unknown {
        match known.first_mut() {
            Some((_, first)) => first.extend(files),
            None => known.push((name, files)),
        }
    }
    let mut divided = Divided {
        shares: Vec::new(),
        unassigned: Vec::new(),
        notes: Vec::new(),
    };
    for (name, files) in known {
        assign::among_computers(name, files, computers, &mut divided);
    }
    divided
}

fn split<T>(name: String, files: Vec<Looked<T>>, shares: &mut Vec<(String, Vec<Looked<T>>)>) {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in &files {
        if let (Some((directory, _)), Some(name)) = (file.below.split_once('/'), file.computer()) {
            names.entry(directory).or_default().insert(name);
        }
    }
    let sets: Vec<&BTreeSet<&str>> = names.values().collect();
    let differ = sets.iter().enumerate().any(|(index, one)| {
        sets.iter()
            .skip(index + 1)
            .any(|other| one.is_disjoint(other))
    });
    if !differ {
        // Where one folder alone names several computers, it may be a folder around their folders.
        let around = match names.iter().next() {
            Some((folder, inside)) if names.len() == 1 && inside.len() > 1 => (*folder).to_owned(),
            _ => return shares.push((name, files)),
        };
        return split_inside(name, &around, files, shares);
    }
    let mut beside = Vec::new();
    let mut below: BTreeMap<String, Vec<Looked<T>>> = BTreeMap::new();
    for mut file in files {
        match file
            .below
            .split_once('/')
            .map(|(directory, rest)| (directory.to_owned(), rest.to_owned()))
        {
            Some((directory, rest)) => {
                file.below = rest;
                below.entry(directory).or_default().push(file);
            }
            None => beside.push(file),
        }
    }
    for (directory, files) in below {
        split(directory, files, shares);
    }
    if !beside.is_empty() {
        shares.push((name, beside));
    }
}

/// Judges one folder by itself; when it holds one device, everything is one.
fn split_inside<T>(
    name: String,
    folder: &str,
    files: Vec<Looked<T>>,
    shares: &mut Vec<(String, Vec<Looked<T>>)>,
) {
    let (mut inside, mut rest) = (Vec::new(), Vec::new());
    for mut file in files {
        let below = match file.below.split_once('/') {
            Some((first, below)) if first == folder => Some(below.to_owned()),
            _ => None,
        };
        match below {
            Some(below) => {
                file.below = below;
                inside.push(file);
            }
            None => rest.push(file),
        }
    }
    let mut inner = Vec::new();
    split(folder.to_owned(), inside, &mut inner);
    if inner.len() > 1 {
        shares.extend(inner);
    } else {
        for (_, files) in inner {
            rest.extend(files.into_iter().map(|mut file| {
                file.below = format!("{folder}/{}", file.below);
                file
            }));
        }
    }
    if !rest.is_empty() {
        shares.push((name, rest));
    }
}
