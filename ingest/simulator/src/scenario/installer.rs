//! An advanced installer fails in the restart, and the update is rolled back.

use super::{Case, Code, Fault, Stage, Statement};
use crate::{names::INSTALLERS, plan::Release, random::Random};

const INSTALLERS_FAILED: Code = Code(0x800f_0922, "CBS_E_INSTALLERS_FAILED");

pub(super) fn failed(release: &Release, group: u32, own: &mut Random) -> Case {
    let (name, told, inner, symbol) = INSTALLERS
        .get(group as usize % INSTALLERS.len())
        .copied()
        .unwrap_or_default();
    let (base, ubr) = (release.base_build, release.ubr);
    let identity = |revision: u32| {
        format!(
            "Networking-MPSSVC-Rules, Culture=neutral, Version=10.0.{base}.{revision}, PublicKeyToken=31bf3856ad364e35, ProcessorArchitecture=amd64, versionScope=NonSxS"
        )
    };
    let (old, new) = (identity(own.between(3000, 4000)), identity(ubr));
    let (index, sequence) = (own.between(900, 2400), own.between(900, 2400));
    let mut fault = Fault::at(Stage::Restart, INSTALLERS_FAILED);
    fault.cbs = vec![
        Statement::info("CSI", format!("Begin executing advanced installer phase 38 index {index} (sequence {sequence})\n    Old component: [l:{}]'{old}'\n    New component: [l:{}]'{new}'\n    Install mode: install\n    Smart installer: true\n    Installer ID: {{{{81a34a10-4256-436a-89d6-794b97ca407c}}}}\n    Installer name: '{name}'", old.len(), new.len()).replace("{{", "{").replace("}}", "}")).after(2_000),
        Statement::error("CSI", format!("(F) Logged @: [l:{} ml:{}]'{told}'", told.len(), told.len() + 1)).after(30_000),
        Statement::error("CSI", format!("(F) CMIADAPTER: Inner Error Message from AI HRESULT = HRESULT_FROM_WIN32({symbol})\n [\n[l:63 ml:64]'There are no more endpoints available from the endpoint mapper.'\n]")),
        Statement::error("CSI", format!("(F) CMIADAPTER: AI failed. HRESULT = HRESULT_FROM_WIN32({symbol})")),
        Statement::error("CSI", format!("(F) Failed execution of queue item Installer: {name} ({{81a34a10-4256-436a-89d6-794b97ca407c}}) with HRESULT HRESULT_FROM_WIN32({symbol}).  Failure will not be ignored: A rollback will be initiated after all the operations in the installer queue are completed; installer is reliable")),
        Statement::info("CSI", format!("End executing advanced installer (sequence {sequence})\n    Completion status: HRESULT_FROM_WIN32(ERROR_ADVANCED_INSTALLER_FAILED)")),
        Statement::error("CBS", format!("Startup: Failed to process advanced operation queue, startupPhase: 0.  A rollback transaction will be created. {INSTALLERS_FAILED}")).after(4_000),
        Statement::info("CBS", format!("Setting original failure status: 0x{:08x}, last forward execute state: CbsExecuteStateResolvePending", INSTALLERS_FAILED.0)),
        Statement::info("CBS", "Setting ExecuteState key to: CbsExecuteStateInitiateRollback | CbsExecuteStateFlagAdvancedInstallersFailed"),
        Statement::info("CBS", "Progress: UI message updated. Operation type: Update. Stage: 1 out of 1. Rollback."),
        Statement::info("CBS", "Setting ExecuteState key to: CbsExecuteStateResolvePendingRollback | CbsExecuteStateFlagRollback | CbsExecuteStateFlagAdvancedInstallersFailed").after(40_000),
    ];
    if name != "Firewall" {
        // Only the endpoint mapper's failure comes with a text.
        fault
            .cbs
            .retain(|statement| !statement.text.contains("Inner Error Message"));
    }
    Case {
        culprit: Some(name.to_owned()),
        inner_code: Some(inner),
        ..Case::of(fault)
    }
}
