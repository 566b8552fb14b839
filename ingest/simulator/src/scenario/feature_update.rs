//! Feature updates that setup gives up: the image, the migration, a block, a driver.

use super::{Case, Code, DriverSection, Fault, Stage, Statement};
use crate::{
    names::{COMPATIBILITY_BLOCKS, INFS, PLUGINS, SYSTEM_FILES},
    random::Random,
};

fn case(culprit: impl Into<String>, fault: Fault) -> Case {
    Case {
        culprit: Some(culprit.into()),
        names_update: false,
        ..Case::of(fault)
    }
}

fn setup(code: Code, extend: u32, statements: Vec<Statement>) -> Fault {
    let mut fault = Fault::at(Stage::Elsewhere, code);
    fault.extend = extend;
    fault.setup = statements;
    fault
}

pub(super) fn image(shared: &mut Random) -> Case {
    let file = shared.pick(&SYSTEM_FILES);
    let (code, error, glance) = shared.pick(&[
        (Code(0x8007_0570, "ERROR_FILE_CORRUPT"), 1392, "00000570"),
        (Code(0x8007_000d, "ERROR_INVALID_DATA"), 13, "0000000d"),
        (
            Code(0x8007_0241, "ERROR_BAD_COMPRESSION_BUFFER"),
            577,
            "00000241",
        ),
    ]);
    let path = format!("C:\\$WINDOWS.~BT\\NewOS\\Windows\\System32\\{file}");
    let hex = code.0;
    case(file, setup(code, 0x2000c, vec![
        Statement::info("SP", "[{pid}] RestoreFileNodeList:(2254)").after(160_000),
        Statement::error("SP", format!("SPWIMCallback: Error in apply of {path}. GLE [{error}]\n[{{pid}}] RestoreFilesCallback:(3887)\n[{{pid}}] RestoreAllData:(1025)\n[{{pid}}] WIMApplyImageInternal:(709)")),
        Statement::error("SP", format!("CApplyWIM: Failure while applying image 1 for C:\\$WINDOWS.~BT\\Sources\\Install.esd. Error 0x{hex:08X}[gle=0x{glance}]")).after(1_500),
        Statement::error("SP", format!("Operation failed: Apply WIM file PathForNewOSFile (compact), index 1 to C:\\$WINDOWS.~BT\\NewOS. Error: 0x{hex:08X}[gle=0x000000b7]")),
        Statement::error("MOUPG", format!("CDlpActionImageDeploy::ExecuteDeploy(2163): Result = 0x{hex:08X}")),
    ]))
}

pub(super) fn migration(shared: &mut Random) -> Case {
    let code = Code(0x8007_042b, "ERROR_PROCESS_ABORTED");
    if shared.chance(0.5) {
        let folder = shared.pick(&[
            "C:\\ProgramData\\Microsoft\\Crypto\\RSA\\S-1-5-18",
            "C:\\ProgramData\\Microsoft\\Windows\\WER\\ReportQueue",
            "C:\\Users\\Public\\Documents\\archive",
            "C:\\ProgramData\\Meridian\\cache",
            "C:\\Users\\Default\\AppData\\Local\\Temp",
        ]);
        return case(folder, setup(code, 0x4000d, vec![
            Statement::error("SP", format!("Error READ, 0x00000570 while gathering/applying object: File, {folder} [CN]. Will return 0[gle=0x00000570]")).after(90_000),
            Statement::error("MIG", format!("Error 1392 while gathering object {folder} [CN]. Shell application requested abort![gle=0x00000570]")),
            Statement::error("SP", "SPDoFrameworkGather: Gather operation failed. Error: 0x0000002C"),
            Statement::error("SP", "CMigrateFramework: Gather framework failed. Status: 44"),
            Statement::error("SP", "Operation failed: Migrate framework (Full). Error: 0x8007042B[gle=0x000000b7]"),
        ]));
    }
    let plugin = shared.pick(&PLUGINS);
    let (folder, class) = ("Microsoft-Windows-Migration", shared.guid());
    case(plugin, setup(code, 0x3000d, vec![
        Statement::error("MIG", format!("Failure while calling IPostApply->ApplySuccess for Plugin={{ServerPath=\"{folder}\\{plugin}\", CLSID={{{class}}}, ThreadingModel=Apartment}}. Error: 0x8000FFFF")).after(60_000),
        Statement::error("SP", "SPDoFrameworkApply: Apply operation failed. Error: 0x0000002C"),
        Statement::error("SP", "CMigrateFramework: Apply framework failed. Status: 44"),
        Statement::error("SP", "Operation failed: Migrate framework (Full). Error: 0x8007042B[gle=0x000000b7]"),
    ]))
}

pub(super) fn blocked(shared: &mut Random) -> Case {
    let (kind, name) = shared.pick(&COMPATIBILITY_BLOCKS);
    let code = Code(0xc190_0208, "MOSETUP_E_COMPAT_INSTALLREQ_BLOCK");
    case(
        name,
        setup(
            code,
            0x20000,
            vec![
                Statement::info("CONX", format!("Compat: evaluating {kind} {name}")).after(8_000),
                Statement::error(
                    "CONX",
                    format!(
                        "Compat: hard block found for {kind} \"{name}\", BlockingType=\"Hard\", StatusDetail=\"UpgradeBlock\""
                    ),
                ),
                Statement::error(
                    "MOUPG",
                    "CDlpActionCompatReport::ProcessReport(1130): Result = 0xC1900208",
                ),
            ],
        ),
    )
}

pub(super) fn driver(shared: &mut Random) -> Case {
    let inf = shared.pick(&INFS);
    let code = Code(0xc190_0101, "MOSETUP_E_ROLLBACK");
    let mut fault = setup(code, 0x30018, vec![
        Statement::info("SP", format!("Device install started for driver package {inf}")).after(90_000),
        Statement::error("SP", format!("CDriverInstall: driver {inf} did not finish, device install hung. Error: 0x800705B4")).after(300_000),
        Statement::error("SP", "Operation failed: Install device drivers in SysPrep. Error: 0xC1900101[gle=0x000000b7]"),
    ]);
    fault.driver_section = Some(DriverSection {
        title: "Setup online Device Install (Hardware initiated) - PCI\\VEN_10EC&DEV_8168&SUBSYS_86771043&REV_15\\4&2E4D2D5E&0&00E5".to_owned(),
        command: "C:\\Windows\\system32\\oobe\\windeploy.exe",
        entries: vec![
            ("", "utl", "{Select Drivers - PCI\\VEN_10EC&DEV_8168&SUBSYS_86771043&REV_15\\4&2E4D2D5E&0&00E5}".to_owned()),
            ("", "utl", "     Driver Node:".to_owned()),
            ("", "utl", "          Status         - Selected".to_owned()),
            ("", "utl", format!("          Driver INF     - {inf}")),
            ("!!!", "dvi", "     Device not started: Device has problem: 0x0a (CM_PROB_FAILED_START), problem status: 0xc00000b5.".to_owned()),
            ("!!!", "ndv", format!("     Device install timed out for '{inf}'. Error = 0x000005b4")),
        ],
        status: 0x5b4,
    });
    case(inf, fault)
}
