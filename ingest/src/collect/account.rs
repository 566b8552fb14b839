//! What became of everything that was read.

use std::collections::BTreeSet;

use patchlens_event::DeviceId;
use serde::Serialize;

/// A file that is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unrecognised {
    /// Path inside the bundle.
    pub file: String,
    /// Why.
    pub detail: String,
}

impl Unrecognised {
    fn to_line(&self) -> String {
        match self.file.as_str() {
            "" => self.detail.clone(),
            file => format!("{file} ({})", self.detail),
        }
    }
}

/// One device's share of a path. `records = sent + noise_counted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceAccount {
    /// The device.
    pub device_id: DeviceId,
    /// Its name, where something names it.
    pub device_name: Option<String>,
    /// Files that were read.
    pub files: u64,
    /// Files that were left out because an equal one was read.
    pub duplicate_files: u64,
    /// Bytes read, after inflating.
    pub bytes: u64,
    /// Records found.
    pub records: u64,
    /// Records that became an event of their own.
    pub sent: u64,
    /// Records that were counted only.
    pub noise_counted: u64,
    /// Lines and entries that were refused.
    pub rejected: u64,
    /// Files that no parser recognises.
    pub unrecognised: Vec<Unrecognised>,
    /// The first entries that were refused as a whole, at most 100 of them; `rejected` counts all.
    pub refused: Vec<Unrecognised>,
}

/// How many refused entries an account names.
const REFUSED_MAX: usize = 100;

impl DeviceAccount {
    pub(super) fn new(device_id: DeviceId, device_name: Option<String>) -> Self {
        Self {
            device_id,
            device_name,
            files: 0,
            duplicate_files: 0,
            bytes: 0,
            records: 0,
            sent: 0,
            noise_counted: 0,
            rejected: 0,
            unrecognised: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Counts an entry that was refused as a whole.
    pub(super) fn refuse(&mut self, file: String, detail: String) {
        self.rejected += 1;
        if self.refused.len() < REFUSED_MAX {
            self.refused.push(Unrecognised { file, detail });
        }
    }
}

/// What became of a path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PathAccount {
    /// The devices found in it.
    pub devices: Vec<DeviceAccount>,
    /// Names of the computers that it says it is of, in upper case.
    #[serde(skip)]
    pub computers: BTreeSet<String>,
    /// What a person should know about how its devices were told apart.
    #[serde(skip)]
    pub notes: Vec<String>,
}

impl PathAccount {
    fn sum(&self, of: impl Fn(&DeviceAccount) -> u64) -> u64 {
        self.devices.iter().map(of).fold(0, u64::saturating_add)
    }

    /// Files that were read.
    pub fn files(&self) -> u64 {
        self.sum(|device| device.files)
    }

    /// Bytes read, after inflating.
    pub fn bytes(&self) -> u64 {
        self.sum(|device| device.bytes)
    }

    /// Records found.
    pub fn records(&self) -> u64 {
        self.sum(|device| device.records)
    }

    /// Records that became an event of their own.
    pub fn sent(&self) -> u64 {
        self.sum(|device| device.sent)
    }

    /// Records that were counted only.
    pub fn noise_counted(&self) -> u64 {
        self.sum(|device| device.noise_counted)
    }

    /// Lines and entries that were refused.
    pub fn rejected(&self) -> u64 {
        self.sum(|device| device.rejected)
    }

    /// Files that no parser recognises, each with its reason: `notes.txt (no parser recognises …)`.
    pub fn unrecognised(&self) -> impl Iterator<Item = String> {
        self.devices
            .iter()
            .flat_map(|device| &device.unrecognised)
            .map(Unrecognised::to_line)
    }

    /// The first entries that were refused as a whole, each with its reason.
    pub fn refused(&self) -> impl Iterator<Item = String> {
        self.devices
            .iter()
            .flat_map(|device| &device.refused)
            .map(Unrecognised::to_line)
    }

    /// True when every record is accounted for.
    pub fn balances(&self) -> bool {
        self.devices
            .iter()
            .all(|device| device.records == device.sent + device.noise_counted)
    }
}
