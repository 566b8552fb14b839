//! How many devices a path holds.
//!
//! - A directory that holds .zip files, at any depth: each .zip is judged by itself. Its other files
//!   are read by the next rule.
//! - Directories and .zip files are one device, unless two folders in them, or two archives in a
//!   .zip, name different computers: then each that holds a log that is recognised is judged again
//!   by itself, and the files beside them are a device of their own if one of them is recognised.
//! - Within each of these, files that name different computers, or bear different computers' names,
//!   are told apart one by one ([`assign`]); a file that holds records of several is read for each.
//!
//! A computer is named by `systeminfo`, a facts file, event logs, event documents or the registry.
//! What is in no device's share because nothing of it is recognised goes to the first device, so
//! that it is still reported.

mod assign;
mod computers;
mod divide;
mod label;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use patchlens_event::RejectReason;

use crate::bundle::{
    Bundle, Entry, Found, Limits, Links, NOT_A_FILE, Refusal, holds_tar, is_zip, open_regular,
    read_failure, read_full, walk,
};
use crate::identity::{NameClaim, NameSource, Scan, scan};
use crate::{Error, Result};
use computers::Computers;
pub(crate) use computers::{Speaker, computers};
use divide::{Divided, Looked, divide};

/// How a path is divided, and how its files are named then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Division {
    /// All of it is one device.
    None,
    /// By devices; a file's path begins below its device's folder.
    Below,
    /// By devices; a file's path begins below the path that is divided.
    Whole,
}

/// One device's share of a path, not opened yet: many archives need not be open at once.
pub(crate) enum Share {
    Archive(PathBuf),
    Files {
        name: String,
        files: Vec<Found>,
        refusals: Vec<Refusal>,
        notes: Vec<String>,
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
    /// devices.
    pub(crate) fn open(
        self,
        limits: &Limits,
        division: Division,
    ) -> Result<Vec<(Bundle, Vec<Scan>)>> {
        let is_archive = matches!(self, Self::Archive(_));
        let mut bundle = match self {
            Self::Archive(path) => Bundle::from_archive(&path, limits)
                .map_err(|source| Error::Read { path, source })?,
            Self::Files {
                name,
                files,
                refusals,
                notes,
            } => {
                let mut bundle = Bundle::from_files(name, files, refusals, limits);
                bundle.notes = notes;
                bundle
            }
        };
        bundle.open_cabinets();
        if let Some(source) = bundle.take_failure() {
            return Err(Error::Spool { source });
        }
        let mut scans = Vec::with_capacity(bundle.entries.len());
        let mut entries = Vec::with_capacity(bundle.entries.len());
        for entry in std::mem::take(&mut bundle.entries) {
            match scan(&bundle, &entry, limits) {
                Ok(found) => scans.push(spoken(found, &entry)),
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
        let mut bundles = if is_archive && division != Division::None {
            divide_archive(bundle, scans, division)
        } else {
            vec![(bundle, scans)]
        };
        for (bundle, _) in &mut bundles {
            bundle.name = label::device_name(&bundle.name);
        }
        Ok(bundles)
    }
}

/// Of a file that holds records of several computers, what is found is of the one that is meant.
fn spoken(mut scan: Scan, entry: &Entry) -> Scan {
    if let Some(speaker) = &entry.speaker {
        scan.claim = Some(NameClaim {
            source: NameSource::EventLog,
            written_at: None,
            name: speaker.computer.clone(),
        });
        scan.named.computers.clear();
    }
    scan
}

/// Divides a path into devices.
///
/// # Errors
/// When the path itself cannot be read.
pub(crate) fn shares(path: &Path, limits: &Limits, division: Division) -> Result<Vec<Share>> {
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
        return Err(failed(std::io::Error::other(NOT_A_FILE)));
    }
    if !metadata.is_dir() {
        if is_archive(path).map_err(failed)? {
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
            speaker: None,
        }];
        return Ok(vec![Share::Files {
            name: name_of_file(path),
            files,
            refusals: Vec::new(),
            notes: Vec::new(),
        }]);
    }
    fs::read_dir(path).map_err(failed)?;
    let found = walk(path, limits);
    let mut archives = Vec::new();
    let mut loose = Vec::new();
    for file in found.files {
        if file.bytes > 0 && is_archive(&file.path).unwrap_or(false) {
            archives.push(Share::Archive(file.path));
        } else {
            loose.push(file);
        }
    }
    let name = folder_name(path);
    let mut divided = if division == Division::None || loose.is_empty() {
        DividedFiles {
            shares: vec![(name.clone(), loose)],
            unassigned: Vec::new(),
            notes: Vec::new(),
        }
    } else {
        divide_files(name.clone(), loose, limits, division)
    };
    divided.shares.retain(|(_, files)| !files.is_empty());
    let nothing_else = archives.is_empty() || !found.refusals.is_empty();
    if divided.shares.is_empty() && nothing_else {
        divided.shares.push((name, Vec::new()));
    }
    let mut refusals = found.refusals;
    refusals.extend(divided.unassigned);
    let mut notes = divided.notes;
    let mut shares: Vec<Share> = divided
        .shares
        .into_iter()
        .map(|(name, files)| Share::Files {
            name,
            files,
            // They are told of with the first.
            refusals: std::mem::take(&mut refusals),
            notes: std::mem::take(&mut notes),
        })
        .collect();
    shares.extend(archives);
    Ok(shares)
}

/// Whether a file holds the files of a device or of several: a .zip or a .tar, compressed or not.
fn is_archive(path: &Path) -> std::io::Result<bool> {
    let mut file = open_regular(path, Links::Followed)?;
    let mut head = [0; 4];
    read_full(&mut file, &mut head)?;
    if is_zip(&head) {
        return Ok(true);
    }
    file.seek(SeekFrom::Start(0))?;
    // What is damaged is said when it is read.
    Ok(holds_tar(&mut file).unwrap_or(false))
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

/// Files on disk, divided, and those that are of nobody known.
struct DividedFiles {
    shares: Vec<(String, Vec<Found>)>,
    unassigned: Vec<Refusal>,
    notes: Vec<String>,
}

fn divide_files(
    name: String,
    files: Vec<Found>,
    limits: &Limits,
    division: Division,
) -> DividedFiles {
    let bundle = Bundle::from_files(name.clone(), files.clone(), Vec::new(), limits);
    let looked_at = |entry: &Entry| scan(&bundle, entry, limits).unwrap_or_default();
    let scans: Vec<Scan> = bundle.entries.iter().map(looked_at).collect();
    let computers = Arc::new(Computers::of(&scans.iter()));
    let looked = files
        .into_iter()
        .zip(&scans)
        .map(|(file, scan)| Looked::new(file.relative.clone(), scan, &computers, file))
        .collect();
    // Files of a share are named by their path below its root.
    let into_found = |looked: Looked<Found>| Found {
        relative: match division {
            Division::Whole => looked.item.relative,
            _ => looked.below,
        },
        speaker: looked.speaker,
        ..looked.item
    };
    let mut divided = divide(name, looked, &computers);
    if division == Division::Whole {
        divided.show_unassigned();
    }
    DividedFiles {
        shares: divided
            .shares
            .into_iter()
            .map(|(name, files)| (name, files.into_iter().map(into_found).collect()))
            .collect(),
        unassigned: divided
            .unassigned
            .into_iter()
            .map(|(file, why)| unassigned(file.item.relative, why))
            .collect(),
        notes: divided.notes,
    }
}

fn unassigned(path: String, detail: String) -> Refusal {
    Refusal {
        path,
        reason: RejectReason::Unassigned,
        detail,
    }
}

/// What lies in an archive: an entry with what the first look found, or what is not read.
#[derive(Clone)]
enum Lies {
    Entry(Box<(Entry, Scan)>),
    Refused(Refusal),
}

/// Divides an archive that holds the folders or archives of several devices.
fn divide_archive(
    mut bundle: Bundle,
    scans: Vec<Scan>,
    division: Division,
) -> Vec<(Bundle, Vec<Scan>)> {
    let computers = Arc::new(Computers::of(&scans.iter()));
    let entries = std::mem::take(&mut bundle.entries).into_iter();
    let refusals = std::mem::take(&mut bundle.refusals).into_iter();
    let looked = entries
        .zip(scans)
        .map(|lies| {
            let lies = Box::new(lies);
            let (entry, scan) = &*lies;
            let looked = Looked::new(entry.path.clone(), scan, &computers, ());
            looked.holding(Lies::Entry(lies))
        })
        .chain(refusals.map(|refusal| {
            let path = refusal.path.clone();
            Looked::new(path, &Scan::default(), &computers, Lies::Refused(refusal))
        }))
        .collect();
    let into_bundle = |(name, files): (String, Vec<Looked<Lies>>)| {
        let mut share = bundle.share_of(without_zip(&name).to_owned());
        let mut scans = Vec::new();
        for looked in files {
            let below = looked.below;
            match looked.item {
                Lies::Entry(lies) => {
                    let (mut entry, scan) = *lies;
                    if division == Division::Below {
                        entry.path = below;
                    }
                    entry.speaker = looked.speaker;
                    scans.push(spoken(scan, &entry));
                    share.entries.push(entry);
                }
                Lies::Refused(mut refusal) => {
                    if division == Division::Below {
                        refusal.path = below;
                    }
                    share.refusals.push(refusal);
                }
            }
        }
        (share, scans)
    };
    let mut divided = divide(bundle.name.clone(), looked, &computers);
    if division == Division::Whole {
        divided.show_unassigned();
    }
    let Divided {
        shares,
        unassigned: open,
        notes,
    } = divided;
    let mut bundles: Vec<(Bundle, Vec<Scan>)> = shares.into_iter().map(into_bundle).collect();
    if let Some((first, _)) = bundles.first_mut() {
        first.notes.extend(notes);
        first
            .refusals
            .extend(open.into_iter().map(|(lies, why)| match lies.item {
                Lies::Entry(lies) => unassigned(lies.0.path, why),
                Lies::Refused(refusal) => refusal,
            }));
    }
    bundles
}

/// A nested archive names its device as one on disk does.
fn without_zip(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if ["zip", "tgz", "tar"]
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known)) =>
        {
            stem
        }
        Some((stem, "gz")) => stem.strip_suffix(".tar").unwrap_or(stem),
        _ => name,
    }
}
