//! How many devices a path holds.
//!
//! - A file, a .zip or a .cab is one device.
//! - A directory that holds .zip files, at any depth: each .zip is one device. Its other files are
//!   read by the next rule.
//! - Other directories are one device, unless two sub-directories name different computers: then
//!   each sub-directory with a log that is recognised is judged again by itself, and the files
//!   beside them are a device of their own if one of them is recognised.
//!
//! A computer is named by `systeminfo`, a facts file, event logs, event documents or the registry.
//! What is in no device's share because nothing of it is recognised goes to the first device, so
//! that it is still reported.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use patchlens_event::RejectReason;

use crate::bundle::{Bundle, Found, Limits, Refusal, is_zip, read_full, walk};
use crate::identity::{NameSource, Scan, scan, short_name};
use crate::{Error, Result};

/// One device's share of a path, not opened yet: many archives need not be open at once.
pub(crate) enum Share {
    Archive(PathBuf),
    Files {
        name: String,
        files: Vec<Found>,
        refusals: Vec<Refusal>,
    },
}

impl Share {
    /// What stands before the paths of its files in a report about `path`.
    pub(crate) fn root(&self, path: &Path) -> PathBuf {
        match self {
            Self::Archive(archive) => archive.clone(),
            Self::Files { .. } => path.to_owned(),
        }
    }

    /// Opens the share and looks at each of its files.
    pub(crate) fn open(self, limits: &Limits) -> Result<(Bundle, Vec<Scan>)> {
        let mut bundle = match self {
            Self::Archive(path) => Bundle::from_archive(&path, limits)
                .map_err(|source| Error::Read { path, source })?,
            Self::Files {
                name,
                files,
                refusals,
            } => Bundle::from_files(name, files, refusals, limits),
        };
        bundle.open_cabinets();
        let mut scans = Vec::with_capacity(bundle.entries.len());
        for entry in &bundle.entries {
            match scan(&bundle, entry, limits) {
                Ok(found) => scans.push(found),
                Err(error) => scans.push(Scan {
                    detail: format!("cannot be read: {error}"),
                    ..Scan::default()
                }),
            }
        }
        bundle.restart_budget();
        if bundle.entries.is_empty() && bundle.refusals.is_empty() {
            bundle.refusals.push(Refusal {
                path: String::new(),
                reason: RejectReason::UnknownFormat,
                detail: "there is no file in it".to_owned(),
            });
        }
        Ok((bundle, scans))
    }
}

/// Divides a path into devices.
///
/// # Errors
/// When the path itself cannot be read.
pub(crate) fn shares(path: &Path, limits: &Limits, one_device: bool) -> Result<Vec<Share>> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_dir() {
        if starts_a_zip(path).map_err(failed)? {
            return Ok(vec![Share::Archive(path.to_owned())]);
        }
        let relative = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let files = vec![Found {
            relative,
            path: path.to_owned(),
            bytes: metadata.len(),
        }];
        return Ok(vec![Share::Files {
            name: name_of_file(path),
            files,
            refusals: Vec::new(),
        }]);
    }
    fs::read_dir(path).map_err(failed)?;
    let found = walk(path, limits);
    let mut archives = Vec::new();
    let mut loose = Vec::new();
    for file in found.files {
        if file.bytes > 0 && starts_a_zip(&file.path).unwrap_or(false) {
            archives.push(Share::Archive(file.path));
        } else {
            loose.push(file);
        }
    }
    let name = folder_name(path);
    let mut shares = if one_device || loose.is_empty() {
        vec![(name, loose)]
    } else {
        divide(name, loose, limits)
    };
    shares.retain(|(_, files)| !files.is_empty());
    let mut shares: Vec<Share> = shares
        .into_iter()
        .map(|(name, files)| Share::Files {
            name,
            files,
            refusals: Vec::new(),
        })
        .collect();
    if shares.is_empty() && (archives.is_empty() || !found.refusals.is_empty()) {
        shares.push(Share::Files {
            name: folder_name(path),
            files: Vec::new(),
            refusals: Vec::new(),
        });
    }
    if let Some(Share::Files { refusals, .. }) = shares.first_mut() {
        refusals.extend(found.refusals);
    }
    shares.extend(archives);
    Ok(shares)
}

fn starts_a_zip(path: &Path) -> std::io::Result<bool> {
    let mut head = [0; 4];
    read_full(&mut File::open(path)?, &mut head)?;
    Ok(is_zip(&head))
}

/// What names the device of a single file when nothing else does: a cabinet is named after the device
/// as a zip is, but the ones that Windows packs itself, like any other log, lie in its folder.
fn name_of_file(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let is_cabinet = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("cab"));
    if is_cabinet && !stem.to_ascii_lowercase().starts_with("cbspersist") {
        return stem.into_owned();
    }
    folder_name(path.parent().unwrap_or(path))
}

/// The last part of a path, as the device's name when nothing else names it.
fn folder_name(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A file with what the first look found.
struct Looked {
    file: Found,
    /// Path below the directory that is being judged.
    below: String,
    name: Option<String>,
    is_recognised: bool,
}

fn divide(name: String, files: Vec<Found>, limits: &Limits) -> Vec<(String, Vec<Found>)> {
    let bundle = Bundle::from_files(name.clone(), files.clone(), Vec::new(), limits);
    let looked = files
        .into_iter()
        .zip(&bundle.entries)
        .map(|(file, entry)| {
            let scan = scan(&bundle, entry, limits).unwrap_or_default();
            let name = scan
                .claim
                .filter(|claim| claim.source < NameSource::Hotfixes)
                .map(|claim| short_name(&claim.name).to_uppercase());
            Looked {
                below: file.relative.clone(),
                file,
                name,
                is_recognised: scan.format.is_some() || scan.is_cabinet,
            }
        })
        .collect();
    let mut shares = Vec::new();
    split(name, looked, &mut shares);
    let mut shares: Vec<(String, Vec<Looked>)> = shares;
    // Shares in which nothing is recognised are no device.
    let (known, unknown): (Vec<_>, Vec<_>) = shares
        .drain(..)
        .partition(|(_, files)| files.iter().any(|file| file.is_recognised));
    let mut shares = known;
    for (name, files) in unknown {
        match shares.first_mut() {
            Some((_, first)) => first.extend(files),
            None => shares.push((name, files)),
        }
    }
    shares
        .into_iter()
        .map(|(name, files)| (name, files.into_iter().map(into_found).collect()))
        .collect()
}

/// Files of a share are named by their path below its root.
fn into_found(looked: Looked) -> Found {
    Found {
        relative: looked.below,
        ..looked.file
    }
}

fn split(name: String, files: Vec<Looked>, shares: &mut Vec<(String, Vec<Looked>)>) {
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
        return shares.push((name, files));
    }
    let mut beside = Vec::new();
    let mut below: BTreeMap<String, Vec<Looked>> = BTreeMap::new();
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
