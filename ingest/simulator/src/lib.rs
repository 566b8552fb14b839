//! Writes true-to-form log bundles of a simulated rollout, and the truth about every device.
//!
//! [`simulate`] turns a [`Plan`] into a folder:
//!
//! ```text
//! bundles/<DEVICE>.zip         what each reporting device uploaded first
//! bundles-later/<DEVICE>.zip   what some uploaded again days later: grown logs, remedies at work
//! truth.json                   per device: what is wrong with it, and what became of it
//! rollout.csv, rollout-devices.csv, prerequisites.csv, published-hashes.csv   reference data
//! ```
//!
//! # Layout
//! [`Plan`] → `fleet` (devices and who suffers from what) → `schedule` (what happens on a device, and
//! when) → one writer per log format (`cbs`, `windows_update`, `dism`, …) → `bundle` (zip).
//! What a failure says, in which log, lives in `scenario`, one file per group.
//!
//! Invariants: the crate reads no clock and no environment, and the same plan gives the same bytes.
//! It knows nothing of the rules that read its logs: it depends on no other crate of the workspace.

mod bundle;
mod cbs;
mod certutil;
mod clock;
mod device;
mod dism;
mod encoding;
mod error;
mod event_log;
mod fleet;
mod inventory;
mod locale;
mod names;
mod plan;
mod procmon;
mod random;
mod reference;
mod reporting_events;
mod scenario;
mod schedule;
mod setup;
mod setupapi;
mod simulate;
mod system_info;
mod text;
mod truth;
mod update;
mod upload;
mod windows_update;

pub use error::SimulateError;
pub use locale::Language;
pub use plan::{EarlierUpdate, Logs, Mix, Plan, Release, Site};
pub use scenario::Scenario;
pub use simulate::simulate;
pub use truth::{DeviceTruth, Outcome, Truth};
