//! The failures that devices suffer from, and what each log says about them.
//!
//! One file per group of scenarios. A scenario decides what the device must look like (`shape`) and
//! what is logged when an attempt fails (`case`); columns, clocks and ids belong to the log writers.

mod access_block;
mod client;
mod disk;
mod download;
mod feature_update;
mod installer;
mod network;
mod package;
mod policy;
mod servicing;
mod servicing_stack;
mod statement;
mod store;

use serde::{Deserialize, Serialize};

pub(crate) use statement::{
    Case, Code, DriverSection, Fault, Occurrence, Severity, Stage, Statement,
};

use crate::{device::Device, plan::Release, random::Random};

/// A kind of failure. Several share a cause, several share an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// The manifest of a package is not in the store: 0x800f0831, 0x80073701.
    ManifestMissing,
    /// A file of a component is not in the store: 0x800f081f, 0x80070002, 0x800f0984.
    PayloadMissing,
    /// A file or key is closed to the system: 0x80070005 without a product.
    AccessDenied,
    /// A program holds a file: 0x80070020.
    FileInUse,
    /// The system partition has no room for boot files: 0x800f0922 around 0x80070070.
    SystemPartitionFull,
    /// The recovery partition is too small: 0x80070643.
    RecoveryPartitionFull,
    /// Another update must be there first: 0x800f0828.
    PrerequisiteMissing,
    /// The update server cannot be reached: 0x8024402c, 0x80072ee2 and others.
    NetworkUnreachable,
    /// The download makes no progress: 0x80d02002 and others.
    DownloadStalls,
    /// Proxy or server ask for credentials: 0x80244017, 0x80244018, 0x8024401b.
    CredentialsRefused,
    /// The update server answers with an error: 0x80244022 and others.
    ServerError,
    /// A policy takes Windows Update away: 0x8024002e.
    AccessByPolicy,
    /// The client's database is damaged: 0xc80003fa and others.
    DataStoreDamaged,
    /// A class or service of the client is not registered: 0x80040154, 0x80070424.
    ClientPartMissing,
    /// An unfinished transaction stands in the way: 0x80070bc9.
    PendingServicing,
    /// Somebody restarts the device: 0x8007045b.
    Interrupted,
    /// Servicing takes too long: 0x800705b4, 0x800f0920.
    TimedOut,
    /// A driver of the update cannot be installed: 0x80070003.
    DriverFailed,
    /// The components hive does not load: 0x800705aa.
    HiveLimit,
    /// The package is not for this image: 0x800f081e.
    NotApplicable,
    /// The client finds the update not applicable: 0x80240017.
    NotForThisDevice,
    /// Setup cannot apply a file of its image: 0x80070570 and others with 0x2000C.
    ImageDamaged,
    /// Setup cannot migrate a file or plug-in: 0x8007042b.
    MigrationFailed,
    /// Setup refuses over a program, driver or device: 0xc1900208.
    CompatibilityBlock,
    /// A driver hangs in setup: 0xc1900101 with 0x30018.
    SetupDriverFailed,
    /// Somebody cancels the download: 0x8024000b.
    Cancelled,
    /// A Store app fails, not the system: 0x80073d02, 0x80073cf9.
    StoreAppFailed,
    /// What no published table explains.
    Unexplained,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Self; 42] = [
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
        Self::ManifestMissing,
        Self::PayloadMissing,
        Self::AccessDenied,
        Self::FileInUse,
        Self::SystemPartitionFull,
        Self::RecoveryPartitionFull,
        Self::PrerequisiteMissing,
        Self::NetworkUnreachable,
        Self::DownloadStalls,
        Self::CredentialsRefused,
        Self::ServerError,
        Self::AccessByPolicy,
        Self::DataStoreDamaged,
        Self::ClientPartMissing,
        Self::PendingServicing,
        Self::Interrupted,
        Self::TimedOut,
        Self::DriverFailed,
        Self::HiveLimit,
        Self::NotApplicable,
        Self::NotForThisDevice,
        Self::ImageDamaged,
        Self::MigrationFailed,
        Self::CompatibilityBlock,
        Self::SetupDriverFailed,
        Self::Cancelled,
        Self::StoreAppFailed,
        Self::Unexplained,
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
            Self::ManifestMissing => "component-manifest-missing",
            Self::PayloadMissing => "component-payload-missing",
            Self::AccessDenied => "access-denied",
            Self::FileInUse => "file-in-use",
            Self::SystemPartitionFull | Self::RecoveryPartitionFull => "reserved-partition-space",
            Self::PrerequisiteMissing => "prerequisite-missing",
            Self::NetworkUnreachable | Self::DownloadStalls => "download-network",
            Self::CredentialsRefused => "download-credentials",
            Self::ServerError => "wsus-server-error",
            Self::AccessByPolicy => "update-access-policy",
            Self::DataStoreDamaged => "update-data-store-corrupt",
            Self::ClientPartMissing => "update-component-missing",
            Self::PendingServicing => "pending-servicing",
            Self::Interrupted => "interrupted-by-restart",
            Self::TimedOut => "servicing-timeout",
            Self::DriverFailed => "driver-install-failed",
            Self::HiveLimit => "registry-limit",
            Self::NotApplicable | Self::NotForThisDevice => "package-not-applicable",
            Self::ImageDamaged => "image-apply-failed",
            Self::MigrationFailed => "migration-failed",
            Self::CompatibilityBlock => "setup-compat-block",
            Self::SetupDriverFailed => "setup-driver-failed",
            Self::Cancelled => "user-cancelled",
            Self::StoreAppFailed => "app-package-failed",
            Self::Unexplained => "unknown",
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
            Self::NetworkUnreachable | Self::ServerError | Self::CredentialsRefused => site_is(2),
            Self::DriverFailed | Self::SetupDriverFailed | Self::SystemPartitionFull => {
                model_is("OptiPlex 3070")
            }
            _ => 1,
        }
    }

    /// Makes the device what it must be to suffer from it.
    pub(crate) fn shape(
        self,
        device: &mut Device,
        release: &Release,
        group: u32,
        random: &mut Random,
    ) {
        match self {
            Self::StackMissingAtInstall | Self::StackMissingAtScan => {
                servicing_stack::shape(device, release, random);
            }
            Self::ServiceDisabled => policy::shape_disabled(device),
            Self::AccessBlockInSetup | Self::AccessBlockInDism | Self::AccessBlockAtInstall => {
                access_block::shape(device, group);
            }
            Self::DiskFull => disk::shape_full(device, random),
            Self::ManifestHashWrong => store::shape_manifest(device, release),
            _ => {}
        }
    }

    /// What its logs say when an attempt fails. The culprits of a simulation follow from its seed and the
    /// device's group, so that devices of one scenario and group share them.
    pub(crate) fn case(self, device: &Device, release: &Release, seed: u64, group: u32) -> Case {
        let shared = &mut if group == 0 {
            Random::for_path(&[seed, 0x0c_ab, self as u64])
        } else {
            Random::for_path(&[seed, 0x0c_ab, self as u64, u64::from(group)])
        };
        let own = &mut Random::for_path(&[seed, 0x0c_ac, u64::from(device.index)]);
        match self {
            Self::FeaturePackageDamaged => store::damaged_feature_package(device, shared),
            Self::FileSystemDamaged => disk::damaged_file_system(device, own),
            Self::StackMissingAtInstall => servicing_stack::missing_at_install(device, release),
            Self::StackMissingAtScan => servicing_stack::missing_at_scan(release),
            Self::DownloadCorrupt => download::corrupt(device, own),
            Self::ServiceDisabled => policy::service_disabled(device),
            Self::PolicyFileDamaged => policy::policy_file_damaged(device),
            Self::AccessBlockInSetup => access_block::in_setup(seed, group),
            Self::AccessBlockInDism => access_block::in_dism(device, seed, group),
            Self::AccessBlockAtInstall => access_block::at_install(seed, group, own),
            Self::ManifestHashWrong => store::wrong_manifest_hash(release, shared),
            Self::DiskFull => disk::full(device, own),
            Self::InstallerFailed => installer::failed(release, group, own),
            Self::PackageHashChanged => package::hash_changed(device, release, seed, own),
            Self::ManifestMissing => servicing::manifest_missing(release, shared),
            Self::PayloadMissing => servicing::payload_missing(release, shared),
            Self::AccessDenied => servicing::access_denied(release, shared),
            Self::FileInUse => servicing::file_in_use(device, shared),
            Self::SystemPartitionFull => servicing::system_partition_full(shared),
            Self::RecoveryPartitionFull => servicing::recovery_partition_full(),
            Self::PrerequisiteMissing => servicing::prerequisite_missing(shared),
            Self::NetworkUnreachable => network::unreachable(shared),
            Self::DownloadStalls => network::download_stalls(own),
            Self::CredentialsRefused => network::credentials(shared),
            Self::ServerError => network::server_error(shared),
            Self::AccessByPolicy => client::access_by_policy(),
            Self::DataStoreDamaged => client::data_store(device, shared),
            Self::ClientPartMissing => client::part_missing(shared),
            Self::PendingServicing => servicing::pending_servicing(),
            Self::Interrupted => servicing::interrupted(device, own),
            Self::TimedOut => servicing::timed_out(own),
            Self::DriverFailed => servicing::driver_failed(shared),
            Self::HiveLimit => servicing::hive_limit(),
            Self::NotApplicable => servicing::not_applicable(release),
            Self::NotForThisDevice => client::not_for_this_device(release),
            Self::ImageDamaged => feature_update::image(shared),
            Self::MigrationFailed => feature_update::migration(shared),
            Self::CompatibilityBlock => feature_update::blocked(shared),
            Self::SetupDriverFailed => feature_update::driver(shared),
            Self::Cancelled => network::cancelled(),
            Self::StoreAppFailed => client::store_app(device, shared),
            Self::Unexplained => client::unknown(shared),
        }
    }
}
