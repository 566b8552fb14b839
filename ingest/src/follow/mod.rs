//! Follows the logs of a device as they grow, are rotated, truncated and replaced.
//!
//! ```text
//! walk ─▶ files ─▶ Tail: read on ─▶ parser ─▶ Gate: new? ─▶ FileEvents ─▶ EventSink
//!                                               │ handed on before: counts towards identity only
//!   caller: everything durable ─▶ commit: positions on disk
//! ```
//!
//! The events are those of the same files collected whole, with the same identities: how often equal
//! records came before is part of an identity, so whatever is not remembered is read again from the
//! file's beginning and not handed on.
//!
//! A record is complete when the next one begins, or when nothing followed it for a while
//! ([`FollowOptions::settle`]): a continuation line that comes later than that makes the record, now
//! longer, another event. Counts of noise are cumulative for each file, and the largest one wins; those
//! of a file that was rotated away and deleted are forgotten when the follower ends.
//!
//! Archives are not followed: `collect` reads them. One path is one device.

mod gate;
mod pass;
mod position;
mod tail;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use patchlens_event::{EventId, Source};

use crate::bundle::{Bundle, Found, Links, NOT_A_FILE, Walk, walk};
use crate::collect::{CollectOptions, Device, EventSink, FileNoise, Noise};
use crate::device::computers;
use crate::identity::{Scan, scan};
use crate::redact::{KnownNames, Learned};
use crate::{Error, Result};
use position::{Head, Position, Positions};
use tail::{Look, Tail};
pub use watch::Watch;

/// How much is handed on in one poll, roughly: the caller holds it until it is durable.
const POLL_BYTES: u64 = 16 << 20;
/// How often directories are listed, at most.
const WALK_PAUSE: Duration = Duration::from_millis(100);
/// How many files are kept open while nothing is read from them.
const OPEN_MAX: usize = 64;
/// How many paths that are not read are remembered, so that each is told of once.
const TOLD_MAX: usize = 10_000;
/// How many computers are named where there should be one.
const COMPUTERS_TOLD_MAX: usize = 8;
/// How many rotated files' counts are remembered.
const RETIRED_MAX: usize = 32;

/// How a path is followed.
#[derive(Debug, Clone)]
pub struct FollowOptions {
    /// How its files are read.
    pub collect: CollectOptions,
    /// Names the device when nothing in its files does.
    pub fallback: Option<String>,
    /// How long nothing must follow a record for it to be complete.
    pub settle: Duration,
    /// How long nothing must follow a last line without a line end for it to be taken.
    pub partial: Duration,
    /// How often files are looked at when nothing tells of changes.
    pub look: Duration,
    /// How often counts of noise are handed on.
    pub counts: Duration,
}

/// What a poll came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Polled {
    /// More can be read at once.
    pub is_behind: bool,
    /// Poll again then, whatever happens.
    pub again_at: Option<Instant>,
}

/// Follows one path.
pub struct Follower {
    root: PathBuf,
    options: FollowOptions,
    state_path: PathBuf,
    positions: Positions,
    committed: Positions,
    device: Option<Device>,
    scans: BTreeMap<String, Scan>,
    tails: BTreeMap<String, Tail>,
    turn: Option<String>,
    walked_at: Option<Instant>,
    retired: VecDeque<(Source, String, FileNoise)>,
    counts_at: Option<Instant>,
    counts_sent: HashSet<EventId>,
    /// Names of users that any file told of.
    learned: BTreeSet<String>,
    /// Paths that are not read, each told of once.
    told: BTreeSet<String>,
    /// Its files are of several computers, which was told.
    is_mixed: bool,
    _lock: File,
}

impl Follower {
    /// Begins where the last run on this state ended.
    ///
    /// # Errors
    /// When the path cannot be read, or the state cannot be read or is in use.
    pub fn open(root: &Path, options: FollowOptions, state_path: &Path) -> Result<Self> {
        let failed = |path: &Path, source| Error::Read {
            path: path.to_owned(),
            source,
        };
        let metadata = fs::metadata(root).map_err(|source| failed(root, source))?;
        if !metadata.is_dir() && !metadata.is_file() {
            return Err(failed(root, std::io::Error::other(NOT_A_FILE)));
        }
        let lock = lock(state_path).map_err(|source| Error::FollowState {
            path: state_path.to_owned(),
            source,
        })?;
        let positions = Positions::read(state_path).map_err(|source| Error::FollowState {
            path: state_path.to_owned(),
            source,
        })?;
        Ok(Self {
            root: root.to_owned(),
            options,
            state_path: state_path.to_owned(),
            committed: positions.clone(),
            positions,
            device: None,
            scans: BTreeMap::new(),
            tails: BTreeMap::new(),
            turn: None,
            walked_at: None,
            retired: VecDeque::new(),
            counts_at: None,
            counts_sent: HashSet::new(),
            learned: BTreeSet::new(),
            told: BTreeSet::new(),
            is_mixed: false,
            _lock: lock,
        })
    }

    /// Looks at all files and hands on what is new; `now` and `at` are the present.
    ///
    /// # Errors
    /// When the sink takes no more, or the device cannot be named. Do not commit then.
    pub fn poll(
        &mut self,
        now: Instant,
        at: Timestamp,
        sink: &mut dyn EventSink,
    ) -> Result<Polled> {
        let mut polled = Polled::default();
        self.options.collect.collected_at = at;
        self.look(now, at, sink, &mut polled)?;
        // After the look: a file that was renamed is known by how far it was read under its old name.
        match self.walked_at.map(|walked| walked + WALK_PAUSE) {
            Some(walk_at) if now < walk_at => {
                polled.again_at = Some(polled.again_at.map_or(walk_at, |known| known.min(walk_at)));
            }
            _ => polled.is_behind |= self.walk(now, sink)?,
        }
        let counts_at = self.counts_at.map(|at| at + self.options.counts);
        if !polled.is_behind && counts_at.is_none_or(|at| now >= at) {
            if counts_at.is_some() {
                self.counts(sink)?;
            }
            self.counts_at = Some(now);
        }
        Ok(polled)
    }

    /// Looks at the files that are known.
    fn look(
        &mut self,
        now: Instant,
        at: Timestamp,
        sink: &mut dyn EventSink,
        polled: &mut Polled,
    ) -> Result<()> {
        let Some(device) = &mut self.device else {
            return Ok(());
        };
        device.collected_at = at;
        let mut bytes = 0;
        let mut gone = Vec::new();
        let mut open = self.tails.values().filter(|tail| tail.is_open()).count();
        // Round and round, so that a busy file does not starve the others.
        let names: Vec<String> = self.tails.keys().cloned().collect();
        let first = self
            .turn
            .take()
            .and_then(|turn| names.iter().position(|name| *name > turn))
            .unwrap_or(0);
        for name in names.iter().cycle().skip(first).take(names.len()) {
            let Some(tail) = self.tails.get_mut(name) else {
                continue;
            };
            let mut look = Look {
                device,
                options: &self.options,
                now,
                sink,
            };
            let was_open = tail.is_open();
            let looked = tail.look(&mut look)?;
            open += usize::from(tail.is_open());
            open -= usize::from(was_open);
            if open > OPEN_MAX && tail.is_open() {
                tail.close();
                open -= 1;
            }
            // Whoever one file tells of is known in all that follows.
            let names = tail.state.as_ref().map(|state| state.learned.names());
            let is_full = self.learned.len() >= KnownNames::USERS_MAX;
            if let Some(names) = names.filter(|names| !is_full && !names.is_subset(&self.learned)) {
                self.learned.extend(names.iter().cloned());
                device.redactor.know(&self.learned)?;
            }
            polled.is_behind |= looked.is_behind;
            if let Some(again) = looked.again_at {
                polled.again_at = Some(polled.again_at.map_or(again, |known| known.min(again)));
            }
            if looked.is_gone {
                gone.push(name.clone());
            }
            bytes += looked.bytes;
            if bytes >= POLL_BYTES {
                polled.is_behind = true;
                self.turn = Some(name.clone());
                break;
            }
        }
        for name in gone {
            self.retire(&name);
            // What stands in its place is found at once.
            self.walked_at = None;
            polled.is_behind = true;
        }
        Ok(())
    }

    /// Hands on how often noise was met so far.
    ///
    /// # Errors
    /// When the sink takes no more.
    pub fn counts(&mut self, sink: &mut dyn EventSink) -> Result<()> {
        let Some(device) = &self.device else {
            return Ok(());
        };
        let mut noise = Noise::default();
        for tail in self.tails.values() {
            if let (Some(format), Some(state)) = (tail.format, &tail.state) {
                noise.add_file(format.source(), &tail.relative, state.noise_with_ahead());
            }
        }
        for (source, file, counted) in &self.retired {
            noise.add_file(*source, file, counted.clone());
        }
        let mut sent = HashSet::new();
        for event in noise.into_events(device, &Learned::default()) {
            let id = event.event_id.clone();
            if !self.counts_sent.contains(&id) {
                sink.event(event)?;
            }
            sent.insert(id);
        }
        self.counts_sent = sent;
        Ok(())
    }

    /// Remembers on disk how far everything was handed on. Call it when all of that is durable.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn commit(&mut self) -> Result<()> {
        self.positions.files = self
            .tails
            .iter()
            .map(|(name, tail)| (name.clone(), tail.position.clone()))
            .collect();
        self.positions.device_id = self
            .device
            .as_ref()
            .map(|device| device.identity.device_id.to_string());
        if self.positions != self.committed {
            self.positions
                .write(&self.state_path)
                .map_err(|source| Error::FollowState {
                    path: self.state_path.clone(),
                    source,
                })?;
            self.committed = self.positions.clone();
        }
        Ok(())
    }

    fn retire(&mut self, name: &str) {
        let Some(tail) = self.tails.remove(name) else {
            return;
        };
        self.scans.remove(name);
        if let (Some(format), Some(state)) = (tail.format, tail.state)
            && format.is_text_log()
        {
            self.retired
                .push_back((format.source(), tail.relative, state.noise_with_ahead()));
            if self.retired.len() > RETIRED_MAX {
                self.retired.pop_front();
            }
        }
        self.positions.files.remove(name);
        self.positions.retire(tail.position);
    }

    /// Lists the files; begins to follow those that are new. True when there are any. What is not
    /// read is told of.
    fn walk(&mut self, now: Instant, sink: &mut dyn EventSink) -> Result<bool> {
        self.walked_at = Some(now);
        let is_dir = self.root.is_dir();
        let links = if is_dir {
            Links::Refused
        } else {
            Links::Followed
        };
        let found = if is_dir {
            walk(&self.root, &self.options.collect.limits)
        } else {
            let name = self.root.file_name().unwrap_or_default();
            let file = Found {
                relative: name.to_string_lossy().into_owned(),
                path: self.root.clone(),
                bytes: 0,
                speaker: None,
            };
            Walk {
                files: vec![file],
                refusals: Vec::new(),
            }
        };
        if let Some(device) = &self.device {
            for refusal in found.refusals {
                if self.told.len() < TOLD_MAX && self.told.insert(refusal.path.clone()) {
                    let (reason, detail) = (refusal.reason, refusal.detail);
                    sink.reject(device.reject(&refusal.path, (0, 0), reason, &detail, b""))?;
                }
            }
        }
        let mut has_new = false;
        for file in found.files {
            if self.tails.contains_key(&file.relative) {
                if self.device.is_none() {
                    // It said too little before.
                    self.scans
                        .insert(file.relative.clone(), self.first_look(file));
                    has_new = true;
                }
                continue;
            }
            // An empty file says nothing yet, not even which file it is.
            let (mut opened, start) = match tail::open(&file.path, links) {
                Ok((_, start)) if start.is_empty() => continue,
                Ok(opened) => opened,
                Err(error) => {
                    if self.told.len() < TOLD_MAX && self.told.insert(file.relative) {
                        let file = file.path.display();
                        tracing::warn!(%error, %file, "cannot be opened; it is tried again");
                    }
                    continue;
                }
            };
            let (relative, path) = (file.relative.clone(), file.path.clone());
            let known = self.positions.find(&relative, &start, &mut opened);
            let position = Position {
                head: Head::of_file(&start),
                ..known.unwrap_or_default()
            };
            self.scans.insert(relative.clone(), self.first_look(file));
            let tail = Tail::new(relative.clone(), path, links, position, now);
            self.tails.insert(relative, tail);
            has_new = true;
        }
        let is_recognised = self.scans.values().any(|scan| scan.format.is_some());
        if has_new && is_recognised {
            let mut options = self.options.collect.clone();
            options.device = options.device.or(self.positions.device_id.clone());
            let fallback = self.options.fallback.clone().unwrap_or_default();
            let scans: Vec<Scan> = self.scans.values().cloned().collect();
            let several = computers(&scans);
            if several.len() > 1 && !self.is_mixed {
                self.is_mixed = true;
                let device = options.device.as_deref().unwrap_or("one device");
                let names: Vec<String> = several.into_iter().take(COMPUTERS_TOLD_MAX).collect();
                tracing::warn!(path = %self.root.display(), %device, computers = %names.join(", "), "files of several computers are followed as those of one device: follow a folder for each");
            }
            let mut device = Device::found(&scans, &options, &fallback)?;
            device.redactor.know(&self.learned)?;
            self.positions.device_id = Some(device.identity.device_id.to_string());
            self.device = Some(device);
        }
        Ok(has_new && self.device.is_some())
    }
}

impl Follower {
    fn first_look(&self, file: Found) -> Scan {
        let limits = &self.options.collect.limits;
        let bundle = Bundle::from_files(String::new(), vec![file], Vec::new(), limits);
        let entry = bundle.entries.first();
        entry
            .and_then(|entry| scan(&bundle, entry, limits).ok())
            .unwrap_or_default()
    }
}

/// Two followers on one state would each believe that the other has handed on what it has not.
fn lock(state_path: &Path) -> std::io::Result<File> {
    if let Some(dir) = state_path.parent() {
        fs::create_dir_all(dir)?;
    }
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(state_path.with_extension("lock"))?;
    file.try_lock().map_err(|error| {
        let detail = format!("another process follows this path ({error})");
        std::io::Error::new(std::io::ErrorKind::WouldBlock, detail)
    })?;
    Ok(file)
}
