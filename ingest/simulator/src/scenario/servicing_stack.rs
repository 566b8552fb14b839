//! The servicing stack is years too old: servicing says so, or scans fail without saying why.

use super::{Case, Code, Fault, Stage, Statement};
use crate::{bundle::FileKind, device::Device, plan::Release, random::Random};

const NEW_STACK_REQUIRED: Code = Code(0x800f_0823, "CBS_E_NEW_SERVICING_STACK_REQUIRED");
pub(super) const INVALID_FORMAT: Code = Code(0x8024_0439, "WU_E_PT_INVALID_FORMAT");

/// Puts the device years back.
pub(super) fn shape(device: &mut Device, release: &Release, random: &mut Random) {
    let (_, least_ubr, _) = release.requires;
    let old: Vec<_> = release
        .earlier
        .iter()
        .filter(|update| update.ubr < least_ubr)
        .collect();
    let chosen = usize::try_from(random.below(old.len() as u64)).unwrap_or_default();
    if let Some(update) = old.get(chosen) {
        device.set_newest_update(update);
        // 21H2 is what such a device runs: 22H2 never had so low a revision.
        device.build = release.builds.iter().copied().min().unwrap_or(device.build);
    }
}

fn culprit(release: &Release) -> String {
    format!("KB{}", release.requires.0)
}

pub(super) fn missing_at_install(device: &Device, release: &Release) -> Case {
    let base = release.base_build;
    let (_, _, needed) = release.requires;
    let mut fault = Fault::at(Stage::Install, NEW_STACK_REQUIRED);
    fault.cbs = vec![
        Statement::error("CBS", format!("Package \"{{package}}\" requires Servicing Stack v10.0.{base}.{needed} but current Servicing Stack is v10.0.{base}.{}. {NEW_STACK_REQUIRED}", device.stack_ubr)).after(1_200),
        Statement::info("CBS", format!("Failed to initialize internal package {NEW_STACK_REQUIRED}")),
        Statement::info("CBS", format!("Failed to create package. {NEW_STACK_REQUIRED}")),
        Statement::info("CBS", format!("Failed to create windows update package {NEW_STACK_REQUIRED}")),
    ];
    Case {
        culprit: Some(culprit(release)),
        ..Case::of(fault)
    }
}

pub(super) fn missing_at_scan(release: &Release) -> Case {
    let fault = Fault::at(Stage::Scan, INVALID_FORMAT);
    Case {
        culprit: Some(culprit(release)),
        names_update: false,
        told_by: Some(&[
            &[FileKind::WindowsUpdate, FileKind::OsVersion],
            &[FileKind::Events, FileKind::OsVersion],
        ]),
        ..Case::of(fault)
    }
}
