//! What the servicing stack stumbles over while it plans, stages or commits an update.

use super::{Case, Code, DriverSection, Fault, Occurrence, Stage, Statement};
use crate::{
    bundle::FileKind,
    device::Device,
    names::{COMPONENTS, DRIVER_FILES, HOLDERS, SYSTEM_FILES},
    plan::Release,
    random::Random,
};

const STORE_CORRUPTION: Code = Code(0x800f_0831, "CBS_E_STORE_CORRUPTION");
const ASSEMBLY_MISSING: Code = Code(0x8007_3701, "ERROR_SXS_ASSEMBLY_MISSING");
const SOURCE_MISSING: Code = Code(0x800f_081f, "CBS_E_SOURCE_MISSING");
const FILE_NOT_FOUND: Code = Code(0x8007_0002, "ERROR_FILE_NOT_FOUND");
const MATCHING_BINARY_MISSING: Code = Code(0x800f_0984, "PSFX_E_MATCHING_BINARY_MISSING");
const ACCESS_DENIED: Code = Code(0x8007_0005, "E_ACCESSDENIED");
const SHARING_VIOLATION: Code = Code(0x8007_0020, "ERROR_SHARING_VIOLATION");
const REBOOT_REQUIRED: Code = Code(0x8007_0bc9, "ERROR_FAIL_REBOOT_REQUIRED");
const SHUTDOWN_IN_PROGRESS: Code = Code(0x8007_045b, "ERROR_SHUTDOWN_IN_PROGRESS");
const TIMED_OUT: Code = Code(0x8007_05b4, "ERROR_TIMEOUT");
const HANG: Code = Code(0x800f_0920, "CBS_E_HANG_DETECTED");
const NO_RESOURCES: Code = Code(0x8007_05aa, "ERROR_NO_SYSTEM_RESOURCES");
const NOT_APPLICABLE: Code = Code(0x800f_081e, "CBS_E_NOT_APPLICABLE");
const PATH_NOT_FOUND: Code = Code(0x8007_0003, "ERROR_PATH_NOT_FOUND");
const INSTALLERS_FAILED: Code = Code(0x800f_0922, "CBS_E_INSTALLERS_FAILED");

fn at_install(code: Code, cbs: Vec<Statement>) -> Fault {
    let mut fault = Fault::at(Stage::Install, code);
    fault.cbs = cbs;
    fault
}

fn culprit(name: impl Into<String>, fault: Fault) -> Case {
    Case {
        culprit: Some(name.into()),
        ..Case::of(fault)
    }
}

/// A component as WinSxS names it.
fn component(release: &Release, random: &mut Random) -> String {
    let name = random.pick(&COMPONENTS);
    let revision = random.between(1, release.ubr.saturating_sub(1));
    format!(
        "amd64_{name}_31bf3856ad364e35_10.0.{}.{revision}_none_{}",
        release.base_build,
        random.hex(16)
    )
}

pub(super) fn manifest_missing(release: &Release, shared: &mut Random) -> Case {
    let kb = shared.between(4_980_000, release.kb_article - 20_000);
    let package = format!(
        "Package_{}_for_KB{kb}~31bf3856ad364e35~amd64~~10.0.1.{}",
        shared.between(9, 9_000),
        shared.between(0, 12)
    );
    let code = shared.pick(&[STORE_CORRUPTION, STORE_CORRUPTION, ASSEMBLY_MISSING]);
    let mut cbs = vec![
        Statement::info(
            "CBS",
            format!("Store corruption, manifest missing for package: {package}"),
        )
        .after(21_000),
        Statement::error(
            "CBS",
            format!("Failed to resolve package '{package}' {STORE_CORRUPTION}"),
        ),
        Statement::info(
            "CBS",
            format!("Mark store corruption flag because of package: {package}. {STORE_CORRUPTION}"),
        ),
        Statement::info(
            "CBS",
            format!("Failed to resolve package {STORE_CORRUPTION}"),
        ),
        Statement::info(
            "CBS",
            format!("Failed to get next package to re-evaluate {STORE_CORRUPTION}"),
        ),
    ];
    if code == ASSEMBLY_MISSING {
        cbs.push(Statement::info("CBS", format!("Failed to pin deployment while resolving Update: {{package}} from file: (null) {code}")));
    }
    culprit(package, at_install(code, cbs))
}

pub(super) fn payload_missing(release: &Release, shared: &mut Random) -> Case {
    let full = component(release, shared);
    let file = shared.pick(&SYSTEM_FILES);
    let code = shared.pick(&[SOURCE_MISSING, FILE_NOT_FOUND, MATCHING_BINARY_MISSING]);
    let cbs = match code.0 {
        0x800f_081f => vec![
            Statement::info(
                "CSI",
                format!("Cannot find payload file {file} of component {full} in the store"),
            )
            .after(9_000),
            Statement::info(
                "CBS",
                format!("Failed to find file: {full}\\{file} {FILE_NOT_FOUND}"),
            ),
            Statement::error(
                "CBS",
                format!("Exec: Failed to pre-stage package: {{package}} {code}"),
            ),
        ],
        0x800f_0984 => vec![
            Statement::info(
                "CSI",
                format!(
                    "Hydration failed for component {full} on file {file} with NTSTATUS -2146498172"
                ),
            )
            .after(12_000),
            Statement::info(
                "CSI",
                format!("Matching binary: {file} missing for component: {full}"),
            ),
            Statement::error(
                "CBS",
                format!("Failed to stage package: {{package}} {code}"),
            ),
        ],
        _ => vec![
            Statement::info("CBS", format!("Failed to find file: {full}\\{file} {code}"))
                .after(14_000),
            Statement::error("CBS", format!("Failed to stage execution chain. {code}")),
        ],
    };
    culprit(file, at_install(code, cbs))
}

pub(super) fn access_denied(release: &Release, shared: &mut Random) -> Case {
    let full = component(release, shared);
    if shared.chance(0.5) {
        let service = shared.pick(&[
            "WaaSMedicSvc",
            "wuauserv",
            "TrustedInstaller",
            "SecurityHealthService",
            "EventLog",
            "Schedule",
            "mpssvc",
            "Spooler",
        ]);
        let key = format!("\\Registry\\Machine\\System\\CurrentControlSet\\Services\\{service}");
        return culprit(key.clone(), at_install(ACCESS_DENIED, vec![
            Statement::error("CSI", format!("(F) STATUS_ACCESS_DENIED #{}# from Windows::Rtl::SystemImplementation::DirectRegistryProvider::SysCreateKey(flg = 0, key = {{provider=NULL, handle=0}}, da = (KEY_READ|KEY_WRITE), oa = @0x1b2cffc5d0->OBJECT_ATTRIBUTES {{s:48; rd:NULL; on:[{}]'{key}'; a:(OBJ_CASE_INSENSITIVE)}}, ti = 0, c = {{null}}, opts = (REG_OPTION_BACKUP_RESTORE), disp = 0)[gle=0xd0000022]", shared.between(9_000, 90_000), key.len())).after(40_000),
            Statement::error("CBS", format!("Failed to commit CSI transaction for package: {{package}} {ACCESS_DENIED}")),
        ]));
    }
    let file = shared.pick(&SYSTEM_FILES);
    let path = format!("\\SystemRoot\\WinSxS\\{full}\\{file}");
    culprit(file, at_install(ACCESS_DENIED, vec![
        Statement::error("CSI", format!("(F) STATUS_ACCESS_DENIED #{}# from Windows::Rtl::SystemImplementation::DirectFileSystemProvider::SysCreateFile(flags = (AllowSharingViolation), handle = {{provider=NULL, handle=0}}, da = (SYNCHRONIZE|FILE_READ_ATTRIBUTES|DELETE), oa = @0xf0aa7f4d18->OBJECT_ATTRIBUTES {{s:48; rd:NULL; on:[{}]'{path}'; a:(OBJ_CASE_INSENSITIVE)}}, iosb = @0xf0aa7f4d48, as = (null), fa = 0, sa = (FILE_SHARE_READ|FILE_SHARE_DELETE), cd = FILE_OPEN, co = (FILE_SYNCHRONOUS_IO_NONALERT|0x00004000), eab = NULL, eal = 0, disp = Invalid)[gle=0xd0000022]", shared.between(9_000, 90_000), path.len())).after(50_000),
        Statement::error("CBS", format!("Failed to commit CSI transaction for package: {{package}} {ACCESS_DENIED}")),
    ]))
}

pub(super) fn file_in_use(device: &Device, shared: &mut Random) -> Case {
    let file = shared.pick(&DRIVER_FILES);
    let holder = shared.pick(&HOLDERS);
    let folder = if file.contains(".sys") {
        "drivers\\"
    } else {
        ""
    };
    let path = format!("\\??\\{}\\System32\\{folder}{file}", device.style.windows);
    culprit(file, at_install(SHARING_VIOLATION, vec![
        Statement::error("CSI", format!("(F) STATUS_SHARING_VIOLATION #{}# from Windows::Rtl::SystemImplementation::CFile::Rename(on:[{}]'{path}')[gle=0xd0000043]", shared.between(9_000, 90_000), path.len())).after(45_000),
        Statement::info("CSI", format!("File {path} is in use by process {holder} ({{pid}})")),
        Statement::error("CBS", format!("Failed to commit CSI transaction for package: {{package}} {SHARING_VIOLATION}")),
    ]))
}

pub(super) fn pending_servicing() -> Case {
    Case::of(at_install(REBOOT_REQUIRED, vec![
        Statement::info("CSI", "Transaction merge required, do-not-merge flag passed."),
        Statement::info("CSI", "Pending transaction content must be resolved, cannot begin another transaction yet").after(900),
        Statement::info("CBS", format!("Failed to get transaction analysis because of pending operations. Disposition from Analyze: 0x1 {REBOOT_REQUIRED}")),
        Statement::info("CBS", format!("Failed to get CSI Inventory {REBOOT_REQUIRED}")),
        Statement::error("CBS", format!("Failed to get store state {REBOOT_REQUIRED}")),
    ]))
}

pub(super) fn interrupted(device: &Device, own: &mut Random) -> Case {
    let program = own.pick(&[
        "C:\\Windows\\System32\\shutdown.exe",
        "C:\\Program Files\\Meridian\\AgentSvc.exe",
        "C:\\Windows\\CCM\\CcmExec.exe",
        "C:\\Windows\\Explorer.EXE",
    ]);
    let mut fault = at_install(
        SHUTDOWN_IN_PROGRESS,
        vec![
            Statement::info("CBS", "TI: Received Preshutdown control").after(60_000),
            Statement::info("CBS", "Execution Engine Shutting Down"),
            Statement::error(
                "CBS",
                format!(
                    "Shtd: Aborting the execution of package {{package}} because of system shutdown {SHUTDOWN_IN_PROGRESS}"
                ),
            ),
            Statement::info(
                "CBS",
                format!("Failed to execute execution chain. {SHUTDOWN_IN_PROGRESS}"),
            ),
        ],
    );
    fault.events = vec![Occurrence {
        channel: "System",
        provider: "User32",
        event_id: 1074,
        level: "information",
        data: [
            program,
            &device.name,
            "Other (Unplanned)",
            "0x0",
            "restart",
            "",
            "NT AUTHORITY\\SYSTEM",
        ]
        .into_iter()
        .zip([
            "param1", "param2", "param3", "param4", "param5", "param6", "param7",
        ])
        .map(|(value, name)| (name, value.to_owned()))
        .collect(),
        message: device
            .language
            .texts()
            .restart_begun
            .replace("C:\\Windows\\system32\\MusNotificationUx.exe", program)
            .replace("{name}", &device.name),
    }];
    Case {
        culprit: Some(program.rsplit('\\').next().unwrap_or(program).to_owned()),
        ..Case::of(fault)
    }
}

pub(super) fn timed_out(own: &mut Random) -> Case {
    if own.chance(0.5) {
        return Case::of(at_install(HANG, vec![
            Statement::info("CBS", "Startup: Waiting for SC autostart event"),
            Statement::error("CBS", format!("Shtd: progressing during shutdown processing ... hang detected, elapsed: {} minutes", own.between(31, 190))).after(900_000),
            Statement::error("CBS", format!("Servicing operation is taking too long, giving up. {HANG}")),
        ]));
    }
    Case::of(at_install(
        TIMED_OUT,
        vec![
            Statement::info("CBS", "Waiting for the CSI transaction to complete").after(600_000),
            Statement::error(
                "CBS",
                format!("Failed waiting for worker process to complete. {TIMED_OUT}"),
            )
            .after(900_000),
            Statement::error(
                "CBS",
                format!("Failed to process single phase execution. {TIMED_OUT}"),
            ),
        ],
    ))
}

pub(super) fn hive_limit() -> Case {
    Case::of(at_install(NO_RESOURCES, vec![
        Statement::info("CBS", format!("Failed to load the COMPONENTS hive from 'C:\\Windows\\System32\\config\\COMPONENTS' into registry key 'HKLM\\COMPONENTS'. {NO_RESOURCES}")).after(3_000),
        Statement::error("CBS", format!("Failed to load component hive. {NO_RESOURCES}")),
    ]))
}

pub(super) fn not_applicable(release: &Release) -> Case {
    culprit(format!("KB{}", release.kb_article), at_install(NOT_APPLICABLE, vec![
        Statement::info("CBS", "Appl: Evaluating applicability block(non detectUpdate part), disposition is: Absent, applicability: NotApplicable, result applicability state: Absent").after(2_000),
        Statement::info("CBS", "Plan: Skipping package since its start or target state is invalid or unsupported: {package}"),
        Statement::info("CBS", format!("Exec: Package is not applicable on this image, package: {{package}} {NOT_APPLICABLE}")),
        Statement::error("CBS", format!("Failed to initiate changes on package {{package}} {NOT_APPLICABLE}")),
    ]))
}

pub(super) fn driver_failed(shared: &mut Random) -> Case {
    let inf = shared.pick(&crate::names::INFS);
    let mut fault = Fault::at(Stage::Restart, PATH_NOT_FOUND);
    let index = shared.between(1, 120);
    let store = format!(
        "C:\\Windows\\System32\\DriverStore\\FileRepository\\{inf}_amd64_{}\\{inf}",
        shared.hex(16)
    );
    // Where the package's own setup file is gone, servicing does not get as far as to name it.
    let is_named = shared.chance(0.5);
    fault.driver_section = Some(DriverSection {
        title: "Install Driver Updates".to_owned(),
        command: "",
        entries: vec![
            ("", "sto", "Image State        = Specialized".to_owned()),
            (
                "",
                "sto",
                "Transaction        = CbsDriversAndPrimitives".to_owned(),
            ),
            ("", "sto", "Driver Updates     = 644".to_owned()),
            (
                "!",
                "inf",
                format!("Unable to load INF: '{store}'(00000003)"),
            ),
            (
                "!!!",
                "inf",
                format!("Invalid INF '{store}', parsing error on line 0. Code = 1002"),
            ),
            (
                "!!!",
                "sto",
                format!(
                    "Failed to get version info for driver update '{store}'. Error = 0x00000003"
                ),
            ),
        ],
        status: 3,
    });
    if is_named {
        fault.cbs = vec![
            Statement::info(
                "CBS",
                format!("INSTALL index: {index}, phase: 1, result 3, inf: {inf}"),
            )
            .after(20_000),
            Statement::info(
                "CBS",
                format!("Doqe: Recording result: 0x80070003, for Inf: {inf}"),
            ),
        ];
    }
    fault.cbs.extend([
        Statement::info(
            "CBS",
            format!("Doqe: Failed installing driver updates {PATH_NOT_FOUND}"),
        ),
        Statement::error(
            "CBS",
            format!(
                "Startup: Failed while processing non-critical driver operations queue. {PATH_NOT_FOUND}"
            ),
        ),
        Statement::info("CBS", "Startup: Rolling back KTM, because drivers failed."),
        Statement::info(
            "CBS",
            "Setting original failure status: 0x80070003, last forward execute state: CbsExecuteStatePrimitives",
        ),
    ]);
    Case {
        told_by: (!is_named).then_some(&[&[FileKind::Cbs, FileKind::Setupapi]]),
        ..culprit(inf, fault)
    }
}

/// The boot files do not fit the system partition any more.
pub(super) fn system_partition_full(shared: &mut Random) -> Case {
    let volume = shared.between(1, 3);
    let mut fault = Fault::at(Stage::Restart, INSTALLERS_FAILED);
    fault.cbs = vec![
        Statement::info("CSI", "Begin executing advanced installer phase 38 index 61 (sequence 97)\n    Old component: [l:0]''\n    New component: [l:0]''\n    Install mode: install\n    Installer name: 'Boot File Servicing'").after(4_000),
        Statement::error("CSI", format!("(F) Logged @: [l:0 ml:1]'BFSVC Error: Failed to copy boot files to \\Device\\HarddiskVolume{volume}\\EFI\\Microsoft\\Boot, not enough space on the System Reserved partition, Error code = 0x70'")),
        Statement::error("CSI", "(F) CMIADAPTER: AI failed. HRESULT = HRESULT_FROM_WIN32(ERROR_DISK_FULL)"),
        Statement::error("CBS", format!("Startup: Failed to process advanced operation queue, startupPhase: 0.  A rollback transaction will be created. {INSTALLERS_FAILED}")),
        Statement::info("CBS", format!("Setting original failure status: 0x{:08x}, last forward execute state: CbsExecuteStateResolvePending", INSTALLERS_FAILED.0)),
    ];
    Case {
        inner_code: Some(0x8007_0070),
        ..Case::of(fault)
    }
}

/// Windows RE cannot be serviced: its partition is too small. The client reports the installer's wrapper.
pub(super) fn recovery_partition_full() -> Case {
    let mut fault = Fault::at(Stage::Install, Code(0x8007_0643, "ERROR_INSTALL_FAILURE"));
    fault.events = vec![Occurrence {
        channel: "Application",
        provider: "Microsoft-Windows-WinREAgent",
        event_id: 4502,
        level: "error",
        data: vec![("ErrorCode", "0x80070070".to_owned())],
        message: "Windows Recovery Environment servicing failed, (CBS_E_INSUFFICIENT_DISK_SPACE)"
            .to_owned(),
    }];
    fault.servicing_code = Code(0x8007_0643, "ERROR_INSTALL_FAILURE");
    Case::of(fault)
}

/// Another update must be there first.
pub(super) fn prerequisite_missing(shared: &mut Random) -> Case {
    let kb = shared.pick(&[5_005_260_u32, 4_598_481, 5_011_048, 5_015_684, 5_031_988]);
    let code = Code(0x800f_0828, "CBS_E_MISSING_PREREQUISITE_BASELINES");
    culprit(format!("KB{kb}"), at_install(code, vec![
        Statement::error("CBS", format!("Package \"{{package}}\" requires package \"Package_for_KB{kb}~31bf3856ad364e35~amd64~~10.0.1.{}\" to be installed. {code}", shared.between(0, 8))).after(1_500),
        Statement::info("CBS", format!("Failed to initialize internal package {code}")),
    ]))
}
