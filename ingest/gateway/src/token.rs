//! Tokens: one for each collector, or reader of the dashboards, kept as hashes in a file.
//!
//! A token is 256 random bits, so a plain hash of it cannot be turned back, and no slow hash is
//! needed. The file is JSON, written in one piece; the gateway notices when it changes.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use patchlens_event::DeviceId;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What the holder of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// `POST /ingest/v1/events`
    Events,
    /// `POST /ingest/v1/bundles`
    Bundles,
    /// `POST /ingest/v1/winlogbeat`
    Winlogbeat,
    /// The dashboards and their JSON API
    Read,
}

impl Scope {
    /// Every scope of a collector.
    pub const COLLECTING: [Self; 3] = [Self::Events, Self::Bundles, Self::Winlogbeat];

    /// The name in the file, in arguments and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Bundles => "bundles",
            Self::Winlogbeat => "winlogbeat",
            Self::Read => "read",
        }
    }
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEntry {
    /// The collector, or the reader.
    pub name: String,
    /// BLAKE3 of the token, in hexadecimal.
    pub hash: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The devices that it may speak for: ids, or beginnings of ids with `*` behind them. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl TokenEntry {
    /// True when the collector may speak for the device.
    pub fn speaks_for(&self, device: &DeviceId) -> bool {
        self.devices.is_empty()
            || self.devices.iter().any(|allowed| {
                let id = device.as_str();
                match allowed.strip_suffix('*') {
                    Some(beginning) => id.starts_with(beginning),
                    None => id == allowed,
                }
            })
    }
}

/// The file of tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFile {
    /// The tokens, in the order in which they were made.
    pub tokens: Vec<TokenEntry>,
}

/// What a token begins with, so that one that leaks is recognised.
const PREFIX: &str = "plt_";
/// Longest name of a holder.
const NAME_BYTES_MAX: usize = 100;

impl TokenFile {
    /// Reads the file; one that does not exist holds no token.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn read(path: &Path) -> Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => {
                return Err(Error::TokenFile {
                    doing: "read",
                    path: path.to_owned(),
                    source,
                });
            }
        };
        serde_json::from_str(&text).map_err(|error| Error::TokenFileForm {
            path: path.to_owned(),
            detail: error.to_string(),
        })
    }

    /// Changes the file: no other change comes between reading and writing it.
    ///
    /// # Errors
    /// When it cannot be read or written, is damaged, or the change fails; the old file is still there then.
    pub fn update<T>(path: &Path, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        // The file itself is replaced, so that a lock on it would not be seen by who comes next.
        let lock = Self::lock(path).map_err(|source| Error::TokenFile {
            doing: "lock",
            path: path.to_owned(),
            source,
        })?;
        let mut file = Self::read(path)?;
        let changed = change(&mut file)?;
        file.write(path)?;
        drop(lock);
        Ok(changed)
    }

    /// Waits for the turn to change the file; it ends when the handle is dropped.
    fn lock(path: &Path) -> io::Result<fs::File> {
        fs::create_dir_all(directory_of(path))?;
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(name)?;
        lock.lock()?;
        Ok(lock)
    }

    /// Makes a token for a new holder and returns it: it is not kept, only its hash is.
    ///
    /// # Errors
    /// When the name is taken or cannot be used, or there is no randomness.
    pub fn add(
        &mut self,
        name: &str,
        scopes: impl IntoIterator<Item = Scope>,
        devices: &[String],
        now: Timestamp,
    ) -> Result<String> {
        let well_formed = (1..=NAME_BYTES_MAX).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
            // It also names a folder.
            && name.bytes().any(|b| b != b'.');
        if !well_formed {
            return Err(Error::TokenName(format!(
                "{name:?} cannot name the holder of a token: 1 to {NAME_BYTES_MAX} letters, digits, '.', '_' or '-', not dots alone"
            )));
        }
        if self.tokens.iter().any(|token| token.name == name) {
            return Err(Error::TokenName(format!(
                "{name} has a token already; `token revoke {name}` takes it away"
            )));
        }
        let devices = devices
            .iter()
            .map(|text| {
                let (id, star) = match text.strip_suffix('*') {
                    Some(beginning) => (beginning, "*"),
                    None => (text.as_str(), ""),
                };
                DeviceId::new(id)
                    .filter(|_| !id.contains('*'))
                    .map(|id| format!("{id}{star}"))
                    .ok_or_else(|| {
                        Error::TokenName(format!(
                            "{text:?} is neither a device id nor a beginning of ids such as BRANCH-*"
                        ))
                    })
            })
            .collect::<Result<_>>()?;
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| Error::Random(error.to_string()))?;
        let token = format!("{PREFIX}{}", hex::encode(random));
        self.tokens.push(TokenEntry {
            name: name.to_owned(),
            hash: blake3::hash(token.as_bytes()).to_hex().to_string(),
            scopes: scopes.into_iter().collect(),
            devices,
            created_at: now,
        });
        Ok(token)
    }

    /// Takes a token away. False when there is none.
    pub fn revoke(&mut self, name: &str) -> bool {
        let before = self.tokens.len();
        self.tokens.retain(|token| token.name != name);
        self.tokens.len() < before
    }

    /// Writes the file, for its owner's eyes only; it is replaced in one step.
    ///
    /// # Errors
    /// When that fails; the old file is still there then.
    pub fn write(&self, path: &Path) -> Result<()> {
        self.try_write(path).map_err(|source| Error::TokenFile {
            doing: "write",
            path: path.to_owned(),
            source,
        })
    }

    fn try_write(&self, path: &Path) -> io::Result<()> {
        let dir = directory_of(path);
        fs::create_dir_all(dir)?;
        // Made for its owner only.
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        // A token that was shown shall outlive a power cut.
        #[cfg(unix)]
        fs::File::open(dir)?.sync_all()?;
        Ok(())
    }

    /// Finds whom a token belongs to.
    pub fn find(&self, token: &str) -> Option<&TokenEntry> {
        let given = blake3::hash(token.as_bytes());
        self.tokens.iter().find(|entry| {
            // Compares in constant time.
            blake3::Hash::from_hex(&entry.hash).is_ok_and(|hash| hash == given)
        })
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The tokens in force: the file, read again when it has changed.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    state: std::sync::Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: TokenFile,
    /// True until there is a file: tokens that were taken away, or lost, open no door.
    is_open: bool,
    stamp: Option<(std::time::SystemTime, u64)>,
    looked_at: std::time::Instant,
}

/// How long a change of the file may go unnoticed.
const LOOK_PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

fn stamp(path: &Path) -> Option<(std::time::SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

impl Tokens {
    /// Reads the file; one that does not exist holds no token yet.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let stamp = stamp(path);
        Ok(Self {
            path: path.to_owned(),
            state: std::sync::Mutex::new(State {
                file: TokenFile::read(path)?,
                is_open: !path.try_exists().unwrap_or(true),
                stamp,
                looked_at: std::time::Instant::now(),
            }),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a request with this `Authorization` header comes from somebody who has that scope.
    pub fn admits(&self, authorization: &str, scope: Scope) -> bool {
        crate::access::token_in(authorization).is_some_and(|token| {
            self.with(|file| file.find(&token).is_some_and(|e| e.scopes.contains(&scope)))
        })
    }

    /// True as long as nobody was ever given a token: since this was opened there has been no file.
    pub fn is_open(&self) -> bool {
        self.state().is_open
    }

    /// Asks the tokens in force.
    pub fn with<T>(&self, ask: impl FnOnce(&TokenFile) -> T) -> T {
        ask(&self.state().file)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if state.looked_at.elapsed() >= LOOK_PAUSE {
            state.looked_at = std::time::Instant::now();
            let found = stamp(&self.path);
            state.is_open &= found.is_none();
            if found != state.stamp {
                match TokenFile::read(&self.path) {
                    Ok(file) => {
                        state.file = file;
                        state.stamp = found;
                    }
                    // Those that were in force stay so: a damaged file shall not open the door.
                    Err(error) => tracing::error!(%error, "could not read the tokens again"),
                }
            }
        }
        state
    }
}
