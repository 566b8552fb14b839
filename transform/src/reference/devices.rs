//! The device lists of planned rollouts.

use std::collections::{HashMap, HashSet};

use super::RolloutDevice;

/// Which devices belong to which rollout, in the order of the plans, and found by device: each device of a
/// fleet is looked up, and a plan may name all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RolloutDevices {
    rows: Vec<RolloutDevice>,
    /// Indexes of the rows of each device.
    by_device: HashMap<String, Vec<usize>>,
    /// Rollouts that name devices.
    rollouts: HashSet<String>,
}

impl RolloutDevices {
    /// Adds a row; false when the rollout has the device already, with other words, and these are not to be kept. The
    /// same row again says nothing new.
    pub(super) fn push(&mut self, row: RolloutDevice, is_kept: bool) -> bool {
        let known = self
            .of_device(&row.device_id)
            .find(|known| known.rollout_id == row.rollout_id);
        match known {
            Some(known) if *known == row => return true,
            Some(_) if !is_kept => return false,
            _ => {}
        }
        let rows = self.by_device.entry(row.device_id.clone()).or_default();
        rows.push(self.rows.len());
        if !self.rollouts.contains(&row.rollout_id) {
            self.rollouts.insert(row.rollout_id.clone());
        }
        self.rows.push(row);
        true
    }

    /// All rows.
    pub fn rows(&self) -> &[RolloutDevice] {
        &self.rows
    }

    /// The rows of one device, in the order of the plans.
    pub fn of_device(&self, device_id: &str) -> impl Iterator<Item = &RolloutDevice> {
        let indexes = self.by_device.get(device_id).map_or(&[][..], Vec::as_slice);
        indexes.iter().filter_map(|index| self.rows.get(*index))
    }

    /// The rollouts that name devices, in no order.
    pub(super) fn rollouts(&self) -> impl Iterator<Item = &str> {
        self.rollouts.iter().map(String::as_str)
    }

    /// Whether a rollout names its devices; one that does not is for every device whose build it fits.
    pub fn has_list(&self, rollout_id: &str) -> bool {
        self.rollouts.contains(rollout_id)
    }
}
