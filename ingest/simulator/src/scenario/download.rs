//! What the update client fetches arrives damaged.

use super::{Case, Fault, Stage, Statement, servicing_stack::INVALID_FORMAT};
use crate::{bundle::FileKind, device::Device, random::Random};

pub(super) fn corrupt(device: &Device, own: &mut Random) -> Case {
    let mut fault = Fault::at(Stage::Scan, INVALID_FORMAT);
    // Some devices also see that the signature of a fetched file does not hold.
    if own.chance(0.7) {
        let file = format!(
            "{}\\SoftwareDistribution\\SLS\\{}\\TMP{}.tmp",
            device.style.windows,
            "9482F4B4-E343-43B6-B170-9A65BC822C77",
            own.hex(4).to_uppercase()
        );
        fault.windows_update = vec![
            Statement::info(
                "Misc",
                format!("*FAILED* [80096010] Error: verifying trust for {file}"),
            ),
            Statement::info(
                "Misc",
                format!("*FAILED* [80096010] Digital Signatures on file {file} are not trusted"),
            ),
        ];
    }
    Case {
        names_update: false,
        told_by: Some(&[&[FileKind::WindowsUpdate, FileKind::OsVersion]]),
        ..Case::of(fault)
    }
}
