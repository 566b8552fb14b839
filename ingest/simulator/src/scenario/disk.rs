//! Trouble with the system volume: a damaged file system, no space left.

use super::{Case, Code, Fault, Occurrence, Stage, Statement};
use crate::{device::Device, random::Random};

const LOG_GROWTH_FAILED: Code = Code(0x8007_1ab1, "ERROR_LOG_GROWTH_FAILED");
const DISK_FULL: Code = Code(0x8007_0070, "ERROR_DISK_FULL");

pub(super) fn damaged_file_system(device: &Device, own: &mut Random) -> Case {
    let mut fault = Fault::at(Stage::Install, LOG_GROWTH_FAILED);
    fault.cbs = vec![
        Statement::error("CSI", "(F) Error CREATE_TRANSACTION_MANAGER: c0190021 creating transaction manager on \\SystemRoot\\WinSxS\\ManifestCache[gle=0x80004005]").after(3_000),
        Statement::error("CSI", format!("(F) HRESULT_FROM_WIN32({}) #{}# from Windows::COM::CComponentStore_ICSIStore::BeginTransaction(...)[gle=0x80071ab1]", LOG_GROWTH_FAILED.1, own.between(900, 9000))),
        Statement::info("CBS", format!("Failed to begin CSI transaction. {LOG_GROWTH_FAILED}")),
        Statement::info("CBS", format!("Failed to create CSI transaction for package: {{package}} {LOG_GROWTH_FAILED}")),
        Statement::error("CBS", format!("Failed to process single phase execution. {LOG_GROWTH_FAILED}")).after(700),
    ];
    let message = device
        .language
        .texts()
        .file_system_damage
        .replace("{volume}", "C:");
    let data = vec![
        ("DriveName", "C:".to_owned()),
        ("DeviceName", "\\Device\\HarddiskVolume3".to_owned()),
        ("CorruptionState", "0x0".to_owned()),
        ("HeaderFlags", "0x922".to_owned()),
        ("Severity", "Critical".to_owned()),
        ("Origin", "File System Driver".to_owned()),
        ("CorruptionActionState", "0x0".to_owned()),
    ];
    let record = |data| Occurrence {
        channel: "System",
        provider: "Ntfs",
        event_id: 55,
        level: "error",
        data,
        message: message.clone(),
    };
    fault.events = (0..own.between(1, 4))
        .map(|_| record(data.clone()))
        .collect();
    Case {
        culprit: Some("C:".to_owned()),
        ..Case::of(fault)
    }
}

/// Hardly any space left.
pub(super) fn shape_full(device: &mut Device, random: &mut Random) {
    device.free_space_mb = random.between(240, 1900);
}

pub(super) fn full(device: &Device, own: &mut Random) -> Case {
    let needed = own.between(7_800, 11_400);
    let file = format!(
        "{}\\SoftwareDistribution\\Download\\{}\\{{package}}.cab",
        device.style.windows,
        own.hex(32)
    );
    let mut fault = Fault::at(Stage::Install, DISK_FULL);
    fault.cbs = vec![
        Statement::info("CBS", format!("Volume C: needs {needed} MB to stage the package, {} MB are free", device.free_space_mb)).after(31_000),
        Statement::error("CSI", format!("(F) STATUS_DISK_FULL #{}# from Windows::Rtl::SystemImplementation::CSystemIsolationLayer_IRtlSystemIsolationLayerTearoff::WriteFile(...)[gle=0xd000007f]", own.between(200_000, 900_000))).after(9_000),
        Statement::info("CBS", format!("Failed to extract file: {file} {DISK_FULL}")),
        Statement::info("CBS", format!("Failed to stage package: {{package}} {DISK_FULL}")),
        Statement::error("CBS", format!("Failed to process single phase execution. {DISK_FULL}")).after(800),
    ];
    fault.windows_update = vec![Statement::info(
        "Handler",
        format!(
            "*FAILED* [{:08X}] Failed to expand the package, C: needs {needed} MB",
            DISK_FULL.0
        ),
    )];
    fault.events = vec![Occurrence {
        channel: "System",
        provider: "srv",
        event_id: 2013,
        level: "warning",
        data: vec![
            ("param1", "\\Device\\LanmanServer".to_owned()),
            ("param2", "C:".to_owned()),
        ],
        message: "The C: disk is at or near capacity.  You may need to delete some files."
            .to_owned(),
    }];
    Case {
        culprit: Some("C:".to_owned()),
        ..Case::of(fault)
    }
}
