//! The update client itself: its policy, its data store, its parts; and failures nobody knows.

use super::{Case, Code, Fault, Occurrence, Stage, Statement};
use crate::{bundle::FileKind, device::Device, plan::Release, random::Random};

const BY_CLIENT: &[&[FileKind]] = &[
    &[FileKind::WindowsUpdate],
    &[FileKind::ReportingEvents],
    &[FileKind::Events],
];
const BY_TRACE: &[&[FileKind]] = &[&[FileKind::WindowsUpdate]];

fn scan(code: Code, statements: Vec<Statement>) -> Fault {
    let mut fault = Fault::at(Stage::Scan, code);
    fault.windows_update = statements;
    fault
}

fn nameless(fault: Fault, told_by: &'static [&'static [FileKind]]) -> Case {
    Case {
        names_update: false,
        told_by: Some(told_by),
        ..Case::of(fault)
    }
}

pub(super) fn access_by_policy() -> Case {
    let code = Code(0x8024_002e, "WU_E_WU_DISABLED");
    nameless(
        scan(
            code,
            vec![
                Statement::info("Agent", "* WSUS server: <NULL>"),
                Statement::info("Agent", "* Windows Update access disabled: Yes"),
                Statement::info(
                    "Agent",
                    format!(
                        "*FAILED* [{:08X}] IsTimeSyncAllowed: access to Windows Update is disabled by policy",
                        code.0
                    ),
                ),
            ],
        ),
        BY_CLIENT,
    )
}

pub(super) fn data_store(device: &Device, shared: &mut Random) -> Case {
    let (code, error) = shared.pick(&[
        (Code(0xc800_03fa, "JET_errReadVerifyFailure"), "-1018"),
        (Code(0xc800_04b6, "JET_errDatabaseCorrupted"), "-1206"),
        (Code(0xc800_0214, "JET_errSecondaryIndexCorrupted"), "-1414"),
    ]);
    let mut fault = scan(
        code,
        vec![
            Statement::info(
                "DataStore",
                format!(
                    "*FAILED* [{:08X}] Failed to open the data store database",
                    code.0
                ),
            ),
            Statement::info(
                "DataStore",
                format!("*FAILED* [{:08X}] CEdbDataStore: table tbFiles", code.0),
            ),
        ],
    );
    fault.events = vec![Occurrence {
        channel: "Application",
        provider: "ESENT",
        event_id: 467,
        level: "error",
        data: vec![
            ("param1", "wuaueng.dll".to_owned()),
            ("param2", "SUS20ClientDataStore: ".to_owned()),
            ("param3", "LCMSearchIndex".to_owned()),
            ("param4", error.to_owned()),
        ],
        message: format!(
            "wuaueng.dll ({}) SUS20ClientDataStore: Database {}\\SoftwareDistribution\\DataStore\\DataStore.edb: Index of table tbFiles is corrupted ({error}).",
            shared.process_id(),
            device.style.windows
        ),
    }];
    nameless(fault, BY_CLIENT)
}

pub(super) fn part_missing(shared: &mut Random) -> Case {
    if shared.chance(0.4) {
        let code = Code(0x8007_0424, "ERROR_SERVICE_DOES_NOT_EXIST");
        return nameless(Fault::at(Stage::SearchStart, code), BY_TRACE);
    }
    let dll = shared.pick(&[
        "wuapi.dll",
        "wups.dll",
        "wups2.dll",
        "msxml3.dll",
        "wuaueng.dll",
    ]);
    let code = Code(0x8004_0154, "REGDB_E_CLASSNOTREG");
    let case = nameless(
        scan(
            code,
            vec![Statement::info(
                "Agent",
                format!(
                    "*FAILED* [{:08X}] CoCreateInstance of class {{{}}} in {dll} failed, class not registered",
                    code.0,
                    shared.guid()
                ),
            )],
        ),
        BY_TRACE,
    );
    Case {
        culprit: Some(dll.to_owned()),
        ..case
    }
}

/// The client finds that what is offered does not fit the device.
pub(super) fn not_for_this_device(release: &Release) -> Case {
    let code = Code(0x8024_0017, "WU_E_NOT_APPLICABLE");
    let mut fault = Fault::at(Stage::Install, code);
    fault.servicing_code = Code(0x800f_081e, "CBS_E_NOT_APPLICABLE");
    fault.cbs = vec![
        Statement::info("CBS", "Appl: Evaluating applicability block(non detectUpdate part), disposition is: Absent, applicability: NotApplicable, result applicability state: Absent").after(2_000),
        Statement::info("CBS", format!("Exec: Package is not applicable on this image, package: {{package}} {}", fault.servicing_code)),
    ];
    Case {
        inner_code: Some(0x800f_081e),
        told_by: Some(&[&[FileKind::Cbs]]),
        culprit: Some(format!("KB{}", release.kb_article)),
        ..Case::of(fault)
    }
}

/// A Store app fails, and the system with its updates is well.
pub(super) fn store_app(device: &Device, shared: &mut Random) -> Case {
    let (product, app) = shared.pick(&[
        ("9WZDNCRFJ3PT", "Microsoft.ZuneMusic"),
        ("9WZDNCRFHVN5", "Microsoft.WindowsCalculator"),
        ("9NMPJ99VJBWV", "Microsoft.YourPhone"),
        ("9MSPC6MP8FM4", "Microsoft.Whiteboard"),
        ("9NBLGGH4NNS1", "Microsoft.DesktopAppInstaller"),
        ("9WZDNCRFJBH4", "Microsoft.Windows.Photos"),
    ]);
    let code = shared.pick(&[
        Code(0x8007_3d02, "ERROR_PACKAGES_IN_USE"),
        Code(0x8007_3cf9, "ERROR_INSTALL_FAILED"),
    ]);
    let title = format!("{product}-{app}");
    let mut fault = Fault::at(Stage::Elsewhere, code);
    fault.events = vec![Occurrence {
        channel: "System",
        provider: "Microsoft-Windows-WindowsUpdateClient",
        event_id: 20,
        level: "error",
        data: vec![
            ("errorCode", format!("0x{:08x}", code.0)),
            ("updateTitle", title.clone()),
            (
                "updateGuid",
                format!("{{{}}}", shared.guid().to_lowercase()),
            ),
            ("updateRevisionNumber", "1".to_owned()),
            (
                "serviceGuid",
                "{855e8a7c-ecb4-4ca3-b045-1dfa50104289}".to_owned(),
            ),
        ],
        message: device
            .language
            .texts()
            .install_failed
            .replace("{code}", &format!("0x{:08X}", code.0))
            .replace("{title}", &title),
    }];
    Case {
        names_update: false,
        culprit: Some(app.to_owned()),
        ..Case::of(fault)
    }
}

/// What no published table explains: the same on several devices.
pub(super) fn unknown(shared: &mut Random) -> Case {
    let code = shared.pick(&[
        Code(0x8007_0643, "ERROR_INSTALL_FAILURE"),
        Code(0x8000_4005, "E_FAIL"),
        Code(0x8007_139f, "ERROR_INVALID_STATE"),
        Code(0x8007_0057, "E_INVALIDARG"),
        Code(0x8007_1a90, "ERROR_TRANSACTIONAL_CONFLICT"),
        Code(0x8000_ffff, "E_UNEXPECTED"),
    ]);
    let mut fault = Fault::at(Stage::Install, code);
    fault.cbs = vec![
        Statement::info(
            "CBS",
            format!(
                "Exec: Unexpected disposition {} from queue {}",
                shared.between(3, 90),
                shared.hex(8)
            ),
        )
        .after(12_000),
        Statement::error("CBS", format!("Failed to execute plan. {code}")),
    ];
    Case {
        told_by: Some(&[&[FileKind::WindowsUpdate], &[FileKind::Cbs]]),
        ..Case::of(fault)
    }
}
