//! The rows behind the codes page and `GET /api/v1/codes`.

use serde::{Deserialize, Serialize};

/// One error code of the fleet; grain: one per code.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CodeRow {
    pub(crate) error_code: u32,
    pub(crate) error_symbol: String,
    /// Devices that logged it anywhere.
    pub(crate) devices: u64,
    /// Devices on which it is the code of a failed attempt.
    pub(crate) failed_devices: u64,
    pub(crate) events: u64,
    pub(crate) first_seen_at: Option<String>,
    pub(crate) last_seen_at: Option<String>,
    /// Devices per day, the last fourteen days of data.
    pub(crate) daily: Vec<u64>,
    /// The causes that open diagnoses give for it.
    pub(crate) causes: Vec<String>,
}

impl CodeRow {
    /// The code as `0x80073712`.
    pub(crate) fn hex(&self) -> String {
        crate::format::code(Some(self.error_code))
    }
}
