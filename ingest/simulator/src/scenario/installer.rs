//! An advanced installer fails in the restart, and the update is rolled back.

use super::{Case, Code, Fault, Stage, Statement};
use crate::{plan::Release, random::Random};

const INSTALLERS_FAILED: Code = Code(0x800f_0922, "CBS_E_INSTALLERS_FAILED");
const NOT_REGISTERED: Code = Code(0x8007_06d9, "EPT_S_NOT_REGISTERED");

pub(super) fn failed(release: &Release, own: &mut Random) -> Case {
    let (base, ubr) = (release.base_build, release.ubr);
    let identity = |revision: u32| {
        format!(
            "Networking-MPSSVC-Rules, Culture=neutral, Version=10.0.{base}.{revision}, PublicKeyToken=31bf3856ad364e35, ProcessorArchitecture=amd64, versionScope=NonSxS"
        )
    };
    let (old, new) = (identity(own.between(3000, 4000)), identity(ubr));
    let (index, sequence) = (own.between(900, 2400), own.between(900, 2400));
    let told = "FirewallInstaller: FWOpenPolicyStore failed with error 0x800706d9";
    let mut fault = Fault::at(Stage::Restart, INSTALLERS_FAILED);
    fault.cbs = vec![
        Statement::info("CSI", format!("Begin executing advanced installer phase 38 index {index} (sequence {sequence})\n    Old component: [l:{}]'{old}'\n    New component: [l:{}]'{new}'\n    Install mode: install\n    Smart installer: true\n    Installer ID: {{{{81a34a10-4256-436a-89d6-794b97ca407c}}}}\n    Installer name: 'Firewall'", old.len(), new.len()).replace("{{", "{").replace("}}", "}")).after(2_000),
        Statement::error("CSI", format!("(F) Logged @: [l:{} ml:{}]'{told}'", told.len(), told.len() + 1)).after(30_000),
        Statement::error("CSI", format!("(F) CMIADAPTER: Inner Error Message from AI HRESULT = HRESULT_FROM_WIN32({})\n [\n[l:63 ml:64]'There are no more endpoints available from the endpoint mapper.'\n]", NOT_REGISTERED.1)),
        Statement::error("CSI", format!("(F) CMIADAPTER: AI failed. HRESULT = HRESULT_FROM_WIN32({})", NOT_REGISTERED.1)),
        Statement::error("CSI", format!("(F) Failed execution of queue item Installer: Firewall ({{81a34a10-4256-436a-89d6-794b97ca407c}}) with HRESULT HRESULT_FROM_WIN32({}).  Failure will not be ignored: A rollback will be initiated after all the operations in the installer queue are completed; installer is reliable", NOT_REGISTERED.1)),
        Statement::info("CSI", format!("End executing advanced installer (sequence {sequence})\n    Completion status: HRESULT_FROM_WIN32(ERROR_ADVANCED_INSTALLER_FAILED)")),
        Statement::error("CBS", format!("Startup: Failed to process advanced operation queue, startupPhase: 0.  A rollback transaction will be created. {INSTALLERS_FAILED}")).after(4_000),
        Statement::info("CBS", format!("Setting original failure status: 0x{:08x}, last forward execute state: CbsExecuteStateResolvePending", INSTALLERS_FAILED.0)),
        Statement::info("CBS", "Setting ExecuteState key to: CbsExecuteStateInitiateRollback | CbsExecuteStateFlagAdvancedInstallersFailed"),
        Statement::info("CBS", "Progress: UI message updated. Operation type: Update. Stage: 1 out of 1. Rollback."),
        Statement::info("CBS", "Setting ExecuteState key to: CbsExecuteStateResolvePendingRollback | CbsExecuteStateFlagRollback | CbsExecuteStateFlagAdvancedInstallersFailed").after(40_000),
    ];
    Case {
        culprit: Some("Firewall".to_owned()),
        inner_code: Some(NOT_REGISTERED.0),
        ..Case::of(fault)
    }
}
