//! The failures that devices suffer from, and what each log says about them.
//!
//! One file per group of scenarios. A scenario decides what the device must look like (`shape`) and
//! what is logged when an attempt fails (`case`); columns, clocks and ids belong to the log writers.

mod access_block;
mod disk;
mod download;
mod installer;
mod package;
mod policy;
mod servicing_stack;
mod statement;
mod store;

use serde::Serialize;

pub(crate) use statement::{Case, Code, Fault, Occurrence, Severity, Stage, Statement};

use crate::{device::Device, plan::Release, random::Random};

/// A kind of failure. Several share a cause, several share an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scenario {
    /// A package of a feature on demand is damaged in the component store: 0x8007000d.
    FeaturePackageDamaged,
    /// The file system is damaged: 0x80071ab1 and Ntfs 55.
    FileSystemDamaged,
    /// The servicing stack is too old, and servicing says so: 0x800f0823.
    StackMissingAtInstall,
    /// The servicing stack is too old, and scans fail: 0x80240439 on an old revision.
    StackMissingAtScan,
    /// What is downloaded arrives damaged: 0x80240439 on a current revision.
    DownloadCorrupt,
    /// A security product has switched the update service off: 0x80070422.
    ServiceDisabled,
    /// The local policy file registry.pol is damaged: GroupPolicy 1096.
    PolicyFileDamaged,
    /// A product keeps setup from a driver file: 0x80070005 in setupact.log.
    AccessBlockInSetup,
    /// A product keeps image servicing from a driver file: 0x80070005 in dism.log.
    AccessBlockInDism,
    /// A product keeps the installer from a driver file: 0x8024200d and a Process Monitor trace.
    AccessBlockAtInstall,
    /// The manifest of one component has another hash than expected: 0x80073712.
    ManifestHashWrong,
    /// The system volume is full: 0x80070070.
    DiskFull,
    /// An advanced installer fails in the restart: 0x800f0922 around an inner code.
    InstallerFailed,
    /// The package was damaged while it was copied to the device: 0x8007000d.
    PackageHashChanged,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Self; 14] = [
        Self::FeaturePackageDamaged,
        Self::FileSystemDamaged,
        Self::StackMissingAtInstall,
        Self::StackMissingAtScan,
        Self::DownloadCorrupt,
        Self::ServiceDisabled,
        Self::PolicyFileDamaged,
        Self::AccessBlockInSetup,
        Self::AccessBlockInDism,
        Self::AccessBlockAtInstall,
        Self::ManifestHashWrong,
        Self::DiskFull,
        Self::InstallerFailed,
        Self::PackageHashChanged,
    ];

    /// The cause in the project's vocabulary.
    pub fn cause(self) -> &'static str {
        match self {
            Self::FeaturePackageDamaged => "component-store-corrupt",
            Self::FileSystemDamaged => "file-system-corrupt",
            Self::StackMissingAtInstall | Self::StackMissingAtScan => "servicing-stack-missing",
            Self::DownloadCorrupt => "download-corrupt",
            Self::ServiceDisabled => "update-service-disabled",
            Self::PolicyFileDamaged => "group-policy-file-corrupt",
            Self::AccessBlockInSetup | Self::AccessBlockInDism | Self::AccessBlockAtInstall => {
                "third-party-access-block"
            }
            Self::ManifestHashWrong => "component-hash-mismatch",
            Self::DiskFull => "disk-space",
            Self::InstallerFailed => "advanced-installer-failed",
            Self::PackageHashChanged => "package-hash-mismatch",
        }
    }

    /// How likely this device is to suffer from it, as a weight: failures follow model, site, build and
    /// product, so that an analysis can find what they have in common.
    pub(crate) fn affinity(self, device: &Device) -> u32 {
        let site_is = |index| if device.site_index == index { 120 } else { 1 };
        let model_is = |name| if device.model.name == name { 120 } else { 1 };
        let has = |product| {
            if device.security_products.contains(&product) {
                120
            } else {
                1
            }
        };
        match self {
            Self::FeaturePackageDamaged => model_is("HP ProDesk 400 G6 SFF"),
            Self::FileSystemDamaged => model_is("Veriton X2640G"),
            Self::StackMissingAtInstall | Self::StackMissingAtScan => site_is(3),
            Self::DownloadCorrupt => site_is(1),
            Self::ServiceDisabled => has(crate::device::DISABLING_PRODUCT),
            Self::PolicyFileDamaged => site_is(0),
            Self::AccessBlockInSetup | Self::AccessBlockInDism | Self::AccessBlockAtInstall => {
                has(crate::device::BLOCKING_PRODUCT)
            }
            Self::ManifestHashWrong => model_is("20S7S1VV00"),
            Self::DiskFull | Self::PackageHashChanged => model_is("ARK-1124C"),
            Self::InstallerFailed => site_is(4),
        }
    }

    /// Makes the device what it must be to suffer from it.
    pub(crate) fn shape(self, device: &mut Device, release: &Release, random: &mut Random) {
        match self {
            Self::StackMissingAtInstall | Self::StackMissingAtScan => {
                servicing_stack::shape(device, release, random)
            }
            Self::ServiceDisabled => policy::shape_disabled(device),
            Self::AccessBlockInSetup | Self::AccessBlockInDism | Self::AccessBlockAtInstall => {
                access_block::shape(device)
            }
            Self::DiskFull => disk::shape_full(device, random),
            Self::ManifestHashWrong => store::shape_manifest(device, release),
            _ => {}
        }
    }

    /// What its logs say when an attempt fails. The culprits of a simulation follow from its seed, so that
    /// devices of one scenario share them.
    pub(crate) fn case(self, device: &Device, release: &Release, seed: u64) -> Case {
        let shared = &mut Random::for_path(&[seed, 0x0c_ab, self as u64]);
        let own = &mut Random::for_path(&[seed, 0x0c_ac, u64::from(device.index)]);
        match self {
            Self::FeaturePackageDamaged => store::damaged_feature_package(device, shared),
            Self::FileSystemDamaged => disk::damaged_file_system(device, own),
            Self::StackMissingAtInstall => servicing_stack::missing_at_install(device, release),
            Self::StackMissingAtScan => servicing_stack::missing_at_scan(release),
            Self::DownloadCorrupt => download::corrupt(device, own),
            Self::ServiceDisabled => policy::service_disabled(device),
            Self::PolicyFileDamaged => policy::policy_file_damaged(device),
            Self::AccessBlockInSetup => access_block::in_setup(seed),
            Self::AccessBlockInDism => access_block::in_dism(device, seed),
            Self::AccessBlockAtInstall => access_block::at_install(seed, own),
            Self::ManifestHashWrong => store::wrong_manifest_hash(release, shared),
            Self::DiskFull => disk::full(device, own),
            Self::InstallerFailed => installer::failed(release, own),
            Self::PackageHashChanged => package::hash_changed(device, release, seed, own),
        }
    }
}
