//! The package changed while it was copied to the device.

use super::{Case, Code, Fault, Stage, Statement};
use crate::{device::Device, plan::Release, random::Random};

const INVALID_DATA: Code = Code(0x8007_000d, "ERROR_INVALID_DATA");

pub(super) fn hash_changed(
    device: &Device,
    release: &Release,
    seed: u64,
    own: &mut Random,
) -> Case {
    let name = crate::reference::package_file_name(release, seed);
    let cabinet = name.replace(".msu", ".cab");
    let path = format!(
        "\\\\?\\{}\\SoftwareDistribution\\Download\\Install\\{cabinet}",
        device.style.windows
    );
    let mut fault = Fault::at(Stage::Install, INVALID_DATA);
    fault.cbs = vec![
        Statement::info(
            "CBS",
            format!("Extracting all required files from cabinet {path}"),
        )
        .after(1_500),
        Statement::info("DPX", "Started DPX phase: Resume and Download Job").after(3_000),
        Statement::info(
            "DPX",
            "ProvideRequestedDataByFile failed, Response file Name: update.psf, Number of remaining ranges: 3",
        ),
        Statement::info("DPX", "CJob::Resume completed with status: 0x8007000d"),
        Statement::error(
            "CBS",
            format!("Failed to extract all files from cabinet {path} {INVALID_DATA}"),
        )
        .after(500),
        Statement::info(
            "CBS",
            format!("Failed to open package: {{package}} {INVALID_DATA}"),
        ),
    ];
    let folder = own.pick(&["D:\\patch", "E:\\updates", "C:\\Temp\\kb", "D:\\Transfer"]);
    Case {
        culprit: Some(name.clone()),
        hashed_file: Some((format!("{folder}\\{name}"), own.hex(64))),
        ..Case::of(fault)
    }
}
