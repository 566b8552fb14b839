//! The bundles that are under way, and what became of the last ones: what a client may ask about.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use patchlens_ingest::collect::PathAccount;

/// How many finished uploads are remembered.
const FINISHED_MAX: usize = 1_000;

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// Its bytes are arriving.
    Receiving,
    /// All bytes are here; its logs are being read and made durable.
    Reading,
    /// Everything it held is durable in the event log.
    Done,
    /// It was not taken; `detail` says why. Send it again.
    Failed,
}

/// One upload of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Upload {
    /// Its id: the client's own, or one that the gateway gave.
    pub upload_id: String,
    /// Where it stands.
    pub state: UploadState,
    /// Bytes that have arrived.
    pub received_bytes: u64,
    /// Bytes that the client announced; null when it did not.
    pub total_bytes: Option<u64>,
    /// The devices whose logs were found.
    pub devices: Vec<String>,
    /// Records read: `records = sent + counted`.
    pub records: u64,
    /// Records that became an event of their own.
    pub sent: u64,
    /// Records that were counted only.
    pub counted: u64,
    /// Lines and entries that were refused; they are kept as rejects.
    pub rejected: u64,
    /// Files that no parser recognises, at most 100 of them, each with its reason.
    pub unrecognised: Vec<String>,
    /// Entries that were refused as a whole, such as encrypted ones, at most 100 of them, each with
    /// its reason.
    #[serde(default)]
    pub refused: Vec<String>,
    /// Why it failed; null otherwise.
    pub detail: Option<String>,
}

impl Upload {
    pub(crate) fn new(upload_id: String, total_bytes: Option<u64>) -> Self {
        Self {
            upload_id,
            state: UploadState::Receiving,
            received_bytes: 0,
            total_bytes,
            devices: Vec::new(),
            records: 0,
            sent: 0,
            counted: 0,
            rejected: 0,
            unrecognised: Vec::new(),
            refused: Vec::new(),
            detail: None,
        }
    }

    pub(crate) fn account(&mut self, account: &PathAccount) {
        self.devices = account
            .devices
            .iter()
            .map(|device| device.device_id.to_string())
            .collect();
        self.records = account.records();
        self.sent = account.sent();
        self.counted = account.noise_counted();
        self.rejected = account.rejected();
        self.unrecognised = account
            .unrecognised()
            .take(crate::answer::PROBLEMS_MAX)
            .collect();
        self.refused = account
            .refused()
            .take(crate::answer::PROBLEMS_MAX)
            .collect();
    }
}

/// All uploads, each of one collector: others are not told about it.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<(String, String), Upload>,
    finished: VecDeque<(String, String)>,
}

impl Uploads {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an upload. False when one of that id is under way; a finished one is begun anew.
    pub(crate) fn begin(&self, collector: &str, upload: Upload) -> bool {
        let key = (collector.to_owned(), upload.upload_id.clone());
        let mut inner = self.inner();
        let under_way = inner.known.get(&key).is_some_and(|known| {
            matches!(known.state, UploadState::Receiving | UploadState::Reading)
        });
        if under_way {
            return false;
        }
        inner.finished.retain(|finished| *finished != key);
        inner.known.insert(key, upload);
        true
    }

    /// Changes what is known of an upload.
    pub(crate) fn update(
        &self,
        collector: &str,
        upload_id: &str,
        change: impl FnOnce(&mut Upload),
    ) {
        let key = (collector.to_owned(), upload_id.to_owned());
        let mut inner = self.inner();
        let Some(upload) = inner.known.get_mut(&key) else {
            return;
        };
        change(upload);
        if matches!(upload.state, UploadState::Done | UploadState::Failed) {
            inner.finished.push_back(key);
            while inner.finished.len() > FINISHED_MAX {
                if let Some(oldest) = inner.finished.pop_front() {
                    inner.known.remove(&oldest);
                }
            }
        }
    }

    /// What is known of an upload.
    pub(crate) fn get(&self, collector: &str, upload_id: &str) -> Option<Upload> {
        let key = (collector.to_owned(), upload_id.to_owned());
        self.inner().known.get(&key).cloned()
    }
}
