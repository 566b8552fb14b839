//! Bundles that readers hand in on the upload page: how they are received, and where each of them stands.
//!
//! Reading a bundle is not this crate's business: whoever builds the application gives it an [`Uploader`], or the
//! reason why there is none. Everything is bounded: bytes of a bundle, bundles at once, uploads that are remembered.

mod name;
pub(crate) mod receive;

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::Semaphore;

/// Work that goes on by itself and gives a `T`.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Uploads that are remembered; the oldest is forgotten first.
const REMEMBERED_MAX: usize = 200;
/// Bundles that are received or read at once.
const AT_ONCE_MAX: usize = 4;

/// Reads bundles and makes what is in them durable.
pub trait Uploader: Send + Sync + 'static {
    /// Reads the bundle at `path`, a .zip or a single log under the name that the reader's browser gave it, and
    /// returns when its events are durable. The error is for the reader.
    fn collect(&self, path: PathBuf) -> Pending<Result<Collected, String>>;
}

/// A bundle whose events are durable.
pub struct Collected {
    /// What was in it.
    pub receipt: Receipt,
    /// Completes with true when the pages show what the analysis made of it, with false when that cannot be told.
    pub analysed: Pending<bool>,
}

/// What was in a bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The devices whose records were found.
    pub devices: Vec<String>,
    /// Files read.
    pub files: u64,
    /// Records found, sent or counted.
    pub records: u64,
    /// Lines and entries that were refused; they are kept as rejects.
    pub rejected: u64,
    /// The first reasons.
    pub reasons: Vec<String>,
    /// Files that no parser recognises, each with why.
    pub unrecognised: Vec<String>,
}

/// Where bundles go, or why they cannot go anywhere.
#[derive(Clone)]
pub enum Uploads {
    /// They are received into `dir` and handed to the uploader.
    To {
        /// Reads them.
        uploader: Arc<dyn Uploader>,
        /// Where a bundle lies until it is read; made when missing.
        dir: PathBuf,
        /// The largest bundle, in bytes.
        bytes_max: u64,
    },
    /// This server has no event log to write to.
    NoEventLog,
    /// Other machines can open these pages, and nobody said that they may upload.
    NotFromElsewhere,
}

impl std::fmt::Debug for Uploads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::To { dir, bytes_max, .. } => f
                .debug_struct("To")
                .field("dir", dir)
                .field("bytes_max", bytes_max)
                .finish_non_exhaustive(),
            Self::NoEventLog => f.write_str("NoEventLog"),
            Self::NotFromElsewhere => f.write_str("NotFromElsewhere"),
        }
    }
}

/// One upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Upload {
    pub(crate) id: String,
    /// The bundle's name.
    pub(crate) name: String,
    pub(crate) bytes: u64,
    #[serde(flatten)]
    pub(crate) state: State,
}

/// Where an upload stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum State {
    /// Its logs are being read.
    Reading,
    /// Everything is durable; the analysis is under way.
    Analysing { receipt: Receipt },
    /// The pages show it.
    Done { receipt: Receipt },
    /// Everything is durable, and nobody waits for the analysis any more; it goes on.
    Unfinished { receipt: Receipt },
    /// It was not taken.
    Failed { detail: String },
}

impl Upload {
    /// Whether it will not change any more.
    pub(crate) fn is_over(&self) -> bool {
        match self.state {
            State::Reading | State::Analysing { .. } => false,
            State::Done { .. } | State::Unfinished { .. } | State::Failed { .. } => true,
        }
    }

    /// What was in it, once that is known.
    pub(crate) fn receipt(&self) -> Option<&Receipt> {
        match &self.state {
            State::Analysing { receipt }
            | State::Done { receipt }
            | State::Unfinished { receipt } => Some(receipt),
            State::Reading | State::Failed { .. } => None,
        }
    }

    /// Where its reader lands: on the diagnosis, when it is about one device.
    pub(crate) fn landing(&self) -> Option<String> {
        let State::Done { receipt } = &self.state else {
            return None;
        };
        match receipt.devices.as_slice() {
            [device] => Some(format!(
                "/devices/{}?upload={}",
                crate::frame::encode(device),
                self.id
            )),
            _ => None,
        }
    }
}

/// The uploads of this process.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) uploads: Uploads,
    pub(crate) turns: Arc<Semaphore>,
    known: Mutex<VecDeque<Upload>>,
    /// Gives ids that cannot be guessed.
    random: RandomState,
}

impl Desk {
    pub(crate) fn new(uploads: Uploads) -> Self {
        Self {
            uploads,
            turns: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            known: Mutex::default(),
            random: RandomState::new(),
        }
    }

    /// The upload with that id.
    pub(crate) fn get(&self, id: &str) -> Option<Upload> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|upload| upload.id == id).cloned()
    }

    fn begin(&self, name: String, bytes: u64) -> Upload {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hasher = self.random.build_hasher();
        hasher.write_usize(known.len());
        if let Some(last) = known.back() {
            hasher.write(last.id.as_bytes());
        }
        let upload = Upload {
            id: format!("{:016x}", hasher.finish()),
            name,
            bytes,
            state: State::Reading,
        };
        if known.len() >= REMEMBERED_MAX {
            known.pop_front();
        }
        known.push_back(upload.clone());
        upload
    }

    fn update(&self, id: &str, state: State) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(upload) = known.iter_mut().find(|upload| upload.id == id) {
            upload.state = state;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_found_by_ids_that_differ_and_the_oldest_is_forgotten() {
        let desk = Desk::new(Uploads::NoEventLog);
        let first = desk.begin("a.zip".to_owned(), 1);
        desk.update(
            &first.id,
            State::Failed {
                detail: "x".to_owned(),
            },
        );
        assert!(desk.get(&first.id).unwrap().is_over());
        for _ in 0..REMEMBERED_MAX {
            let next = desk.begin("b.zip".to_owned(), 1);
            assert_ne!(next.id, first.id);
        }
        assert_eq!(desk.get(&first.id), None);
    }

    #[test]
    fn the_reader_lands_on_the_one_device() {
        let desk = Desk::new(Uploads::NoEventLog);
        let mut upload = desk.begin("a.zip".to_owned(), 1);
        assert_eq!(upload.landing(), None);
        let mut receipt = Receipt {
            devices: vec!["PC 1/x".to_owned()],
            ..Receipt::default()
        };
        upload.state = State::Done {
            receipt: receipt.clone(),
        };
        let landing = upload.landing().unwrap();
        assert!(
            landing.starts_with("/devices/PC%201%2Fx?upload="),
            "{landing}"
        );
        receipt.devices.push("PC-2".to_owned());
        upload.state = State::Done {
            receipt: receipt.clone(),
        };
        assert_eq!(upload.landing(), None, "two devices: the reader chooses");
        receipt.devices.truncate(1);
        upload.state = State::Unfinished { receipt };
        assert_eq!(upload.landing(), None, "its diagnosis may not be there yet");
    }
}
