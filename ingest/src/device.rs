//! How many devices a path holds.
//!
//! - A file or a .cab is one device.
//! - A directory that holds .zip files, at any depth: each .zip is judged by itself. Its other files
//!   are read by the next rule.
//! - Directories and .zip files are one device, unless two folders in them, or two archives in a
//!   .zip, name different computers: then each that holds a log that is recognised is judged again
//!   by itself, and the files beside them are a device of their own if one of them is recognised.
//!
//! A computer is named by `systeminfo`, a facts file, event logs, event documents or the registry.
//! What is in no device's share because nothing of it is recognised goes to the first device, so
//! that it is still reported.

mod divide;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use patchlens_event::RejectReason;

use crate::bundle::{Bundle, Entry, Found, Limits, Refusal, is_zip, read_failure, read_full, walk};
use crate::identity::{Scan, scan};
use crate::{Error, Result};
use divide::{Looked, divide};

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

    /// Opens the share and looks at each of its files. An archive may turn out to hold several
    /// devices, unless it is said to be `one_device`.
    pub(crate) fn open(
        self,
        limits: &Limits,
        one_device: bool,
    ) -> Result<Vec<(Bundle, Vec<Scan>)>> {
        let is_archive = matches!(self, Self::Archive(_));
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
        if let Some(source) = bundle.take_failure() {
            return Err(Error::Spool { source });
        }
        let mut scans = Vec::with_capacity(bundle.entries.len());
        let mut entries = Vec::with_capacity(bundle.entries.len());
        for entry in std::mem::take(&mut bundle.entries) {
            match scan(&bundle, &entry, limits) {
                Ok(found) => scans.push(found),
                Err(error) => {
                    bundle.refusals.push(Refusal {
                        path: entry.path.clone(),
                        reason: read_failure(&error),
                        detail: format!("cannot be read: {error}"),
                    });
                    continue;
                }
            }
            entries.push(entry);
        }
        bundle.entries = entries;
        bundle.restart_budget();
        if bundle.entries.is_empty() && bundle.refusals.is_empty() {
            bundle.refusals.push(Refusal {
                path: String::new(),
                reason: RejectReason::UnknownFormat,
                detail: "there is no file in it".to_owned(),
            });
        }
        if is_archive && !one_device {
            return Ok(divide_archive(bundle, scans));
        }
        Ok(vec![(bundle, scans)])
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
    let metadata = fs::metadata(path).map_err(|error| {
        if path == Path::new("-") {
            return failed(std::io::Error::other(
                "stdin is not read, since archives are not read from front to back: write it to a file first",
            ));
        }
        failed(error)
    })?;
    if !metadata.is_dir() && !metadata.is_file() {
        // A pipe or a terminal would be waited for without end, and cannot be looked at twice.
        let kind = "it is a pipe or a device, not a file: write it to a file first";
        return Err(failed(std::io::Error::other(kind)));
    }
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
        divide_files(name, loose, limits)
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
    // A name alone lies in the current directory.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
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

fn divide_files(name: String, files: Vec<Found>, limits: &Limits) -> Vec<(String, Vec<Found>)> {
    let bundle = Bundle::from_files(name.clone(), files.clone(), Vec::new(), limits);
    let looked = files
        .into_iter()
        .zip(&bundle.entries)
        .map(|(file, entry)| {
            let scan = scan(&bundle, entry, limits).unwrap_or_default();
            Looked::new(file.relative.clone(), &scan, file)
        })
        .collect();
    // Files of a share are named by their path below its root.
    let into_found = |looked: Looked<Found>| Found {
        relative: looked.below,
        ..looked.item
    };
    divide(name, looked)
        .into_iter()
        .map(|(name, files)| (name, files.into_iter().map(into_found).collect()))
        .collect()
}

/// What lies in an archive: an entry with what the first look found, or what is not read.
enum Lies {
    Entry(Box<(Entry, Scan)>),
    Refused(Refusal),
}

/// Divides an archive that holds the folders or archives of several devices.
fn divide_archive(mut bundle: Bundle, scans: Vec<Scan>) -> Vec<(Bundle, Vec<Scan>)> {
    let entries = std::mem::take(&mut bundle.entries).into_iter();
    let refusals = std::mem::take(&mut bundle.refusals).into_iter();
    let looked = entries
        .zip(scans)
        .map(|lies| {
            let lies = Box::new(lies);
            let (entry, scan) = &*lies;
            let looked = Looked::new(entry.path.clone(), scan, ());
            looked.holding(Lies::Entry(lies))
        })
        .chain(refusals.map(|refusal| {
            let path = refusal.path.clone();
            Looked::new(path, &Scan::default(), Lies::Refused(refusal))
        }))
        .collect();
    let into_bundle = |(name, files): (String, Vec<Looked<Lies>>)| {
        let mut share = bundle.share_of(without_zip(&name).to_owned());
        let mut scans = Vec::new();
        for Looked { below, item, .. } in files {
            match item {
                Lies::Entry(lies) => {
                    let (mut entry, scan) = *lies;
                    entry.path = below;
                    share.entries.push(entry);
                    scans.push(scan);
                }
                Lies::Refused(refusal) => share.refusals.push(Refusal {
                    path: below,
                    ..refusal
                }),
            }
        }
        (share, scans)
    };
    divide(bundle.name.clone(), looked)
        .into_iter()
        .map(into_bundle)
        .collect()
}

/// A nested archive names its device as one on disk does.
fn without_zip(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if extension.eq_ignore_ascii_case("zip") => stem,
        _ => name,
    }
}
