//! Damage in the component store: a feature package that cannot be read, a manifest with a wrong hash.

use super::{Case, Code, Fault, Stage, Statement};
use crate::{
    device::Device,
    names::{COMPONENTS, FEATURE_PACKAGES},
    plan::Release,
    random::Random,
};

const INVALID_DATA: Code = Code(0x8007_000d, "ERROR_INVALID_DATA");
const STORE_CORRUPT: Code = Code(0x8007_3712, "ERROR_SXS_COMPONENT_STORE_CORRUPT");

pub(super) fn damaged_feature_package(device: &Device, shared: &mut Random) -> Case {
    let name = shared.pick(&FEATURE_PACKAGES);
    let locale = device.language.texts().locale;
    let package = format!("{name}~31bf3856ad364e35~amd64~{locale}~10.0.19041.1");
    let mut fault = Fault::at(Stage::Install, INVALID_DATA);
    fault.cbs = vec![
        Statement::info("CBS", format!("Failed to parse package manifest: \\\\?\\{}\\servicing\\Packages\\{package}.mum {INVALID_DATA}", device.style.windows)).after(24_000),
        Statement::info("CBS", format!("Failed to initialize internal package {INVALID_DATA}")),
        Statement::error("CBS", format!("Failed to internally open package. {INVALID_DATA}")),
        Statement::info("CBS", format!("Failed to create open package: {package} {INVALID_DATA}")),
        Statement::info("CBS", format!("Mark store corruption flag because of package: {package}. {INVALID_DATA}")),
        Statement::info("CBS", format!("Failed to get package dependency while planning: {{package}} {INVALID_DATA}")),
        Statement::error("CBS", format!("Failed to process single phase execution. {INVALID_DATA}")).after(900),
    ];
    Case {
        culprit: Some(name.to_owned()),
        ..Case::of(fault)
    }
}

/// The update of last month failed for the same reason, so the device stands a month further back.
pub(super) fn shape_manifest(device: &mut Device, release: &Release) {
    if let Some(update) = release.earlier.get(1) {
        device.set_newest_update(update);
    }
}

pub(super) fn wrong_manifest_hash(release: &Release, shared: &mut Random) -> Case {
    let base = release.base_build;
    let short = shared.pick(&COMPONENTS);
    let revision = release.ubr.saturating_sub(shared.between(300, 500)).max(1);
    let version = format!("31bf3856ad364e35_10.0.{base}.{revision}");
    let component = format!("amd64_{short}_{version}_none_{}", shared.hex(16));
    let (expected, found) = (shared.hex(64), shared.hex(64));
    let length = component.len();
    let serial = shared.between(3000, 90_000);
    let mut fault = Fault::at(Stage::Install, STORE_CORRUPT);
    fault.cbs = vec![
        Statement::info("CSI", format!("Manifest hash for component [l:{length} ml:140]'{component}' does not match expected value.\n Expected:{{l:32 b:{expected}}}\n Found:{{l:32 b:{found}}}.")).after(38_000),
        Statement::info("CSI", format!("Unable to load manifest for component [l:{length}]'{component}'")),
        Statement::error("CSI", "@ (F) Attempting to mark store corrupt with category [l:15 ml:16]'CorruptManifest'[gle=0x80004005]"),
        Statement::error("CSI", format!("(F) STATUS_SXS_COMPONENT_STORE_CORRUPT #{serial}# from CCSDirectTransaction::OperateEnding at index 0 of 1 operations, disposition 2[gle=0xd015001a]")),
        Statement::error("CSI", format!("(F) HRESULT_FROM_WIN32(ERROR_SXS_COMPONENT_STORE_CORRUPT) #{}# from Windows::ServicingAPI::CCSITransaction::ICSITransaction_PinDeployment(Flags = 0, a = {{d16d444c-56d8-11d5-882d-0080c847b195}}, rah = (null), manpath = (null), catpath = (null), ed = 0, disp = 0)[gle=0x80073712]", serial - 108)),
        Statement::info("CBS", format!("Failed to pin deployment while resolving Update: {{package}} from file: (null) {STORE_CORRUPT}")),
        Statement::info("CBS", format!("Failed to bulk stage deployment manifest and pin deployment for package:{{package}} {STORE_CORRUPT}")),
        Statement::info("CBS", "CommitPackagesState: Started persisting state of packages"),
        Statement::info("CBS", "CommitPackagesState: Completed persisting state of packages"),
    ];
    Case {
        culprit: Some(format!("{short}_{version}")),
        ..Case::of(fault)
    }
}
