//! Dividing files among devices, by the computers that are named in their folders.

use std::collections::{BTreeMap, BTreeSet};

use crate::identity::{NameSource, Scan, short_name};

/// A file with what the first look found.
pub(super) struct Looked<T> {
    /// Path below the folder that is being judged.
    pub(super) below: String,
    name: Option<String>,
    is_recognised: bool,
    pub(super) item: T,
}

impl<T> Looked<T> {
    /// A file at `below`, as `scan` saw it.
    pub(super) fn new(below: String, scan: &Scan, item: T) -> Self {
        let claim = scan.claim.as_ref();
        let claim = claim.filter(|claim| claim.source < NameSource::Hotfixes);
        Self {
            below,
            name: claim.map(|claim| short_name(&claim.name).to_uppercase()),
            is_recognised: scan.format.is_some() || scan.is_cabinet,
            item,
        }
    }

    /// The same with another item.
    pub(super) fn holding<U>(self, item: U) -> Looked<U> {
        Looked {
            below: self.below,
            name: self.name,
            is_recognised: self.is_recognised,
            item,
        }
    }
}

/// Gives each device's files, under the name of its folder; never none. What is in no device's share
/// because nothing of it is recognised goes to the first.
pub(super) fn divide<T>(name: String, looked: Vec<Looked<T>>) -> Vec<(String, Vec<Looked<T>>)> {
    let mut shares = Vec::new();
    split(name, looked, &mut shares);
    let (mut known, unknown): (Vec<_>, Vec<_>) = shares
        .into_iter()
        .partition(|(_, files)| files.iter().any(|file| file.is_recognised));
    for (name, files) in unknown {
        match known.first_mut() {
            Some((_, first)) => first.extend(files),
            None => known.push((name, files)),
        }
    }
    known
}

fn split<T>(name: String, files: Vec<Looked<T>>, shares: &mut Vec<(String, Vec<Looked<T>>)>) {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in &files {
        if let (Some((directory, _)), Some(name)) = (file.below.split_once('/'), &file.name) {
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
