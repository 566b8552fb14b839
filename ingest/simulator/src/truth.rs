//! What is really the case, device by device: what a diagnosis is measured against.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Language, Scenario};

/// The truth about a simulated rollout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Truth {
    /// The seed that it came from.
    pub seed: u64,
    /// The id of the rollout in the reference data.
    pub rollout_id: String,
    /// The update that is rolled out.
    pub kb_article: u32,
    /// The revision (UBR) that it brings.
    pub target_ubr: u32,
    /// Every planned device, in the order of the fleet.
    pub devices: Vec<DeviceTruth>,
}

/// What becomes of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The update is installed.
    Installed,
    /// It failed and is not installed.
    Failed,
    /// It is being downloaded or installed.
    InProgress,
    /// It is staged and waits for a restart.
    PendingRestart,
    /// The device never uploaded anything.
    Silent,
    /// The device's only upload is older than the rollout.
    Stale,
    /// The device is left out of the rollout.
    Excluded,
}

/// The truth about one device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a row of a table: each is a question that the evaluation asks by itself"
)]
pub struct DeviceTruth {
    /// Id, equal to the name.
    pub device_id: String,
    /// Computer name.
    pub device_name: String,
    /// Site.
    pub site: String,
    /// Deployment ring.
    pub ring: String,
    /// Model.
    pub model: String,
    /// Manufacturer.
    pub manufacturer: String,
    /// Security products.
    pub security_products: Vec<String>,
    /// Full build with revision at the first upload.
    pub os_build: String,
    /// Display language.
    pub language: Language,
    /// Encoding of its console output.
    pub encoding: String,
    /// The scenario behind its failure.
    pub scenario: Option<Scenario>,
    /// Cause of its failure, past or present.
    pub cause: Option<String>,
    /// The thing at fault.
    pub culprit: Option<String>,
    /// The update that fails or installs, where the logs name it.
    pub kb_article: Option<u32>,
    /// The code that the device reports, `0x8007000d`.
    pub error_code: Option<String>,
    /// The code beneath it.
    pub inner_code: Option<String>,
    /// Equal for devices that fail for the same reason.
    pub cluster_id: Option<String>,
    /// The first upload holds the log that tells the cause; without it, `unknown` is the right answer.
    pub told: bool,
    /// What has become of it at its first upload.
    pub outcome: Outcome,
    /// What has become of it at its later upload, if it uploads again.
    pub outcome_later: Option<Outcome>,
    /// It never failed.
    pub healthy: bool,
    /// It failed first and installed the update before its first upload.
    pub remedied: bool,
    /// It is planned and never uploaded.
    pub silent: bool,
    /// When it uploaded first.
    pub collected_at: Option<Timestamp>,
    /// When it uploaded again.
    pub collected_again_at: Option<Timestamp>,
    /// The logs in its bundle.
    pub files: Vec<String>,
}

impl Truth {
    /// Devices with this outcome at their first upload.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.devices
            .iter()
            .filter(|device| device.outcome == outcome)
            .count()
    }
}
