//! The rows behind the codes page and `GET /api/v1/codes`.

use serde::{Deserialize, Serialize};

/// One error code of the fleet, or of the catalogue alone, which no device logged; grain: one per code.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CodeRow {
    pub(crate) error_code: u32,
    pub(crate) error_symbol: String,
    /// The family it belongs to; empty when it is not in the catalogue.
    pub(crate) family: String,
    /// 1 = it only says that something underneath failed.
    pub(crate) is_wrapper: u8,
    /// What it means; empty when nobody has written it down.
    pub(crate) meaning_en: String,
    pub(crate) meaning_zh: String,
    /// Where it is documented; empty when nowhere.
    pub(crate) documented_in: String,
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

    /// Its documentation, when that is an address that a link may lead to.
    pub(crate) fn documentation(&self) -> Option<&str> {
        let address = self.documented_in.as_str();
        address.starts_with("https://").then_some(address)
    }
}
