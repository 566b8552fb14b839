//! Walks a directory: regular files in name order; links are refused, never followed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use patchlens_event::RejectReason;

use super::Refusal;
use super::limits::Limits;
use super::name::{UnsafeName, relative_path};
use crate::device::Speaker;

/// A regular file below the root.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Path below the root, with `/` between the parts.
    pub(crate) relative: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// Which of its records are meant; all where there is none.
    pub(crate) speaker: Option<Speaker>,
}

/// What a walk found, and what it would not touch.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub(crate) files: Vec<Found>,
    pub(crate) refusals: Vec<Refusal>,
}

/// Lists the regular files below `root`.
pub(crate) fn walk(root: &Path, limits: &Limits) -> Walk {
    let mut walk = Walk::default();
    let mut pending = vec![(root.to_owned(), String::new())];
    while let Some((directory, prefix)) = pending.pop() {
        let (names, is_cut) = match fs::read_dir(&directory) {
            Ok(entries) => first_of(entries.filter_map(Result::ok), limits.entries_max),
            Err(error) => {
                walk.refusals.push(Refusal {
                    path: prefix,
                    reason: RejectReason::Unreadable,
                    detail: format!("cannot list the directory: {error}"),
                });
                continue;
            }
        };
        let mut directories = Vec::new();
        for entry in names {
            if walk.files.len() + walk.refusals.len() >= limits.entries_max {
                walk.refusals.push(too_many(prefix, limits));
                return walk;
            }
            visit(&entry, &prefix, limits, &mut walk, &mut directories);
        }
        if is_cut {
            walk.refusals.push(too_many(prefix, limits));
        }
        pending.extend(directories.into_iter().rev());
    }
    walk
}

fn too_many(path: String, limits: &Limits) -> Refusal {
    let detail = format!(
        "more than {} files; raise `entries_max` if the directory is trusted",
        limits.entries_max
    );
    Refusal {
        path,
        reason: RejectReason::LimitExceeded,
        detail,
    }
}

/// The first so many entries by name, and whether there are more. No more than that are ever in memory.
fn first_of(
    entries: impl Iterator<Item = fs::DirEntry>,
    count: usize,
) -> (Vec<fs::DirEntry>, bool) {
    let mut first = BTreeMap::new();
    let mut is_cut = false;
    for entry in entries {
        first.insert(entry.file_name(), entry);
        if first.len() > count {
            first.pop_last();
            is_cut = true;
        }
    }
    (first.into_values().collect(), is_cut)
}

/// The name as text. Bytes that are none are told apart as `%FF`, so that no two names are one.
fn shown_name(name: &OsStr) -> String {
    let mut shown = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            write!(shown, "%{byte:02X}").ok();
        }
    }
    shown
}

fn visit(
    entry: &fs::DirEntry,
    prefix: &str,
    limits: &Limits,
    walk: &mut Walk,
    directories: &mut Vec<(PathBuf, String)>,
) {
    // A name with `\` in it is one part here, not two.
    let name = shown_name(&entry.file_name()).replace('\\', "_");
    let joined = if prefix.is_empty() {
        name
    } else {
        format!("{prefix}/{name}")
    };
    let mut refuse = |path: String, reason, detail: String| {
        walk.refusals.push(Refusal {
            path,
            reason,
            detail,
        });
    };
    let kind = match entry.file_type() {
        Ok(kind) => kind,
        Err(error) => return refuse(joined, RejectReason::Unreadable, error.to_string()),
    };
    if kind.is_symlink() {
        return refuse(
            joined,
            RejectReason::UnsafePath,
            UnsafeName::Link.to_string(),
        );
    }
    let relative = match relative_path(&joined, limits.path_bytes_max) {
        Ok(relative) => relative,
        Err(error) => {
            let reason = if error == UnsafeName::TooLong {
                RejectReason::LimitExceeded
            } else {
                RejectReason::UnsafePath
            };
            let shown = joined
                .chars()
                .filter(|c| !c.is_control())
                .take(200)
                .collect();
            return refuse(shown, reason, error.to_string());
        }
    };
    if kind.is_dir() {
        directories.push((entry.path(), relative));
    } else if kind.is_file() {
        match entry.metadata() {
            Ok(metadata) => walk.files.push(Found {
                relative,
                path: entry.path(),
                bytes: metadata.len(),
                speaker: None,
            }),
            Err(error) => refuse(relative, RejectReason::Unreadable, error.to_string()),
        }
    } else {
        refuse(
            relative,
            RejectReason::Unreadable,
            "not a regular file".to_owned(),
        );
    }
}
