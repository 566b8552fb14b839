//! Excerpts of logs: a few lines without the verdict of an attempt, often without times, as people
//! pass them on. They go the whole way of a bundle.

use std::path::Path;

use patchlens_transform::Reference;

use crate::support::{Verdicts, collect, judge, shared};

/// Judges a device whose files have these names and texts.
pub(crate) fn judged(files: &[(&str, &str)]) -> Verdicts {
    let device = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(Path::new(device.path()).join(name), text).unwrap();
    }
    judge(
        &collect(device.path(), Some("excerpt")),
        &Reference::default(),
    )
}

#[track_caller]
pub(crate) fn check(files: &[(&str, &str)], cause: &str, culprit: &str) {
    let verdicts = judged(files);
    let first = verdicts.open().first().cloned().unwrap_or_default();
    assert_eq!(
        first.get("cause").map(String::as_str),
        Some(cause),
        "{files:?}\n{}",
        verdicts.account()
    );
    assert!(
        first["culprit"].contains(culprit),
        "culprit {culprit}: {files:?}\n{}",
        verdicts.account()
    );
}

/// The articles' labels are wider than the causes: for each excerpt the log that it is from, the cause
/// and what the culprit must contain.
const EXPECTED: [(&str, &str, &str, &str); 12] = [
    ("ms-70bc9", "CBS.log", "pending-servicing", ""),
    (
        "ms-f0823",
        "CBS.log",
        "servicing-stack-missing",
        "14393.5285",
    ),
    ("ms-70490-a", "CBS.log", "driver-install-failed", ""),
    (
        "ms-f0922-task",
        "CBS.log",
        "advanced-installer-failed",
        "Task Scheduler",
    ),
    ("ms-705aa", "CBS.log", "registry-limit", ""),
    (
        "ms-70003",
        "CBS.log",
        "driver-install-failed",
        "ntprint4.inf",
    ),
    (
        "ms-70002-c",
        "CBS.log",
        "component-payload-missing",
        "DWrite.dll",
    ),
    ("ms-70005", "CBS.log", "access-denied", ""),
    ("ms-24002e", "WindowsUpdate.log", "update-access-policy", ""),
    ("ms-244007", "WindowsUpdate.log", "wsus-server-error", ""),
    (
        "ms-f0831",
        "CBS.log",
        "component-manifest-missing",
        "KB3192392",
    ),
    (
        "ms-42b",
        "setuperr.log",
        "migration-failed",
        r"Crypto\RSA\S-1-5-18",
    ),
];

#[test]
fn published_excerpts_get_their_cause() {
    let Some(path) = shared("cases/ms-docs.jsonl") else {
        return;
    };
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let excerpt: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = excerpt["id"].as_str().unwrap();
        let (_, file, cause, culprit) = EXPECTED
            .iter()
            .find(|(known, _, _, _)| *known == id)
            .unwrap();
        check(&[(file, excerpt["log"].as_str().unwrap())], cause, culprit);
    }
}

/// Lines of our own, in the forms in which excerpts come.
const PASSED_ON: [(&str, &str, &str, &str); 32] = [
    (
        "CBS.log",
        "Store corruption, manifest missing for package: Package_2_for_KB5090001~31bf3856ad364e35~amd64~~10.0.1.5\nFailed to resolve package 'Package_2_for_KB5090001~31bf3856ad364e35~amd64~~10.0.1.5' [HRESULT = 0x800f0831 - CBS_E_STORE_CORRUPTION]\nMark store corruption flag because of package: Package_2_for_KB5090001~31bf3856ad364e35~amd64~~10.0.1.5 [HRESULT = 0x800f0831 - CBS_E_STORE_CORRUPTION]\nFailed to execute execution chain. [HRESULT = 0x800f0831 - CBS_E_STORE_CORRUPTION]\n",
        "component-manifest-missing",
        "KB5090001",
    ),
    (
        "console.txt",
        "Tool zur Imageverwaltung\nVersion: 10.0.22621.1\n\nAbbildversion: 10.0.22631.4037\n\n1 von 1 wird verarbeitet – Paket Package_for_RollupFix~31bf3856ad364e35~amd64~~22621.4037.1.18 wird hinzugefügt\n[=====66.2%=====  ]\nFehler: 0x800f081f\n\nDie Quelldateien wurden nicht gefunden.\n\nDie DISM-Protokolldatei befindet sich unter \"C:\\Windows\\Logs\\DISM\\dism.log\".\n",
        "component-payload-missing",
        "",
    ),
    (
        "CBS.log",
        "CBS Failed to pin deployment while resolving Update: Package_for_KB5099999~31bf3856ad364e35~amd64~~22621.1.1.2from file: (null) [HRESULT = 0x80073701 – ERROR_SXS_ASSEMBLY_MISSING]",
        "component-manifest-missing",
        "KB5099999",
    ),
    (
        "CBS.log",
        "Info CBS Failed to resolve item[2] in Package: Package_9_for_KB5098888~31bf3856ad364e35~amd64~~22621.1.1.2, Update: 5098888-11_neutral [HRESULT = 0x80073701 - ERROR_SXS_ASSEMBLY_MISSING]",
        "component-manifest-missing",
        "KB5098888",
    ),
    (
        "cbs-errors.txt",
        "Error                 CSI    0000001f (F) HRESULT_FROM_WIN32(ERROR_SXS_ASSEMBLY_MISSING) #77# from Windows::ServicingAPI::CCSITransaction::ICSITransaction_PinDeployment(Flags = 0, rid = 'Package_40_for_KB5097777~31bf3856ad364e35~amd64~~22621.1.1.2.5097777-60_neutral', rah = '2')[gle=0x80073701]",
        "component-manifest-missing",
        "KB5097777",
    ),
    (
        "cbs.txt",
        "> 3. 2024-06-02 11:20:01, Info CBS Store corruption, manifest missing for package: Package_77_for_KB5096666~31bf3856ad364e35~amd64~~22621.1.1.2\n> 4. 2024-06-02 11:20:01, Error CBS Failed to resolve package 'Package_77_for_KB5096666~31bf3856ad364e35~amd64~~22621.1.1.2' [HRESULT = 0x800f0831 - CBS_E_STORE_CORRUPTION]",
        "component-manifest-missing",
        "KB5096666",
    ),
    (
        "CheckSUR.log",
        "Summary:\nFound 2 errors\n CBS MUM Missing Total count: 2\n\nUnavailable repair files:\n\tservicing\\packages\\Package_for_KB5095555~31bf3856ad364e35~amd64~~6.1.1.2.mum\n\tservicing\\packages\\Package_for_KB5095555~31bf3856ad364e35~amd64~~6.1.1.2.cat\n",
        "component-manifest-missing",
        "KB5095555",
    ),
    (
        "CheckSUR.persist.log",
        "Checking Component Store\n(f)\tCSI Payload File Missing\t0x00000000\tfoobar.dll\tamd64_microsoft-windows-foobar_31bf3856ad364e35_6.1.7601.17514_none_0123456789abcdef\n",
        "component-payload-missing",
        "foobar.dll",
    ),
    (
        "CheckSUR.log",
        "Checking Package Manifests and Catalogs\n(f) CBS MUM Corrupt 0x800F0900 servicing\\Packages\\Package_3_for_KB5094444~31bf3856ad364e35~amd64~~6.1.1.0.mum Line 1:\n",
        "component-store-corrupt",
        "KB5094444",
    ),
    (
        "CBS.log",
        "20xx-xx-11 08:00:00, Error CBS Failed to verify if catalog file \\\\?\\C:\\Windows\\Servicing\\Packages\\Package_5_for_KB5093333~31bf3856ad364e35~amd64~~10.0.1.1.cat is valid. [HRESULT = 0x8007000d - ERROR_INVALID_DATA]",
        "component-store-corrupt",
        "KB5093333",
    ),
    (
        "CBS.log",
        "2024-01-03 08:00:00, Info CBS Registry value for Package_8_for_KB5092222~31bf3856ad364e35~amd64~~10.0.1.4 is not a dword type. [HRESULT = 0x8007000d - ERROR_INVALID_DATA]",
        "component-store-corrupt",
        "KB5092222",
    ),
    (
        "CBS.log",
        "2024-10-08 20:00:00, Info                  CSI    00000070 ==Error Summary Start==\n2024-10-08 20:00:00, Error                 CSI    00000071 (F) Installer: Widget Installer\tBinary Name: widgetai.dll\tErrorCode: 80070002\tPhase: 39\tMode: Delta\tComponent: NONE[gle=0x80004005]",
        "advanced-installer-failed",
        "Widget Installer",
    ),
    (
        "CBS.log",
        "Error CSI 000000aa@2024/3/9:08:00:00.100 (F) Failed in StartService for [11]\"widget_svc1\" with error code 1058[gle=0x80004005]",
        "advanced-installer-failed",
        "widget_svc1",
    ),
    (
        "CBS.log",
        "*<Time>*, Error [0x018005] CSI 0000002b (F) Failed execution of queue item Installer: Widget Devices ({00000000-1111-2222-3333-444444444444}) with HRESULT 800f0207 [Error]. Failure will not be ignored",
        "advanced-installer-failed",
        "Widget Devices",
    ),
    (
        "CBS.log",
        "Info CBS INSTALL index: 7, phase: 2, result 0, inf: good.inf\nInfo CBS INSTALL index: 8, phase: 2, result 13, inf: widget.inf\nInfo CBS Doqe: Failed installing driver updates [HRESULT = 0x8007000d - ERROR_INVALID_DATA]",
        "driver-install-failed",
        "widget.inf",
    ),
    (
        "CBS.log",
        "Info CBS Shtd: Rolling back KTM, because drivers failed.",
        "driver-install-failed",
        "",
    ),
    (
        "CBS.log",
        "Error CSI 00000e47 (F) STATUS_OBJECT_NAME_NOT_FOUND #13# from SysCreateFile(oa = @0x1->OBJECT_ATTRIBUTES {s:48; rd:NULL; on:[33]\"\\??\\C:\\ProgramData\\Widgets\\Start Menu\"; a:(OBJ_CASE_INSENSITIVE)})",
        "component-payload-missing",
        r"C:\ProgramData\Widgets\Start Menu",
    ),
    (
        "CBS.log",
        "Info CBS Startup: will attempt a restart to recover.\nInfo CBS Failed restart attempt. [HRESULT = 0x8007045b - ]",
        "servicing-timeout",
        "",
    ),
    (
        "CBS.log",
        "Error CBS Startup: Failed while processing driver operations queue [HRESULT = 0x800719e4 - ERROR_LOG_FULL]",
        "file-system-corrupt",
        "",
    ),
    (
        "CBS.log",
        "Checking System Update Readiness.\n    (p)      CSI Payload Corrupt              (n)           amd64_microsoft-windows-foo..bar_31bf3856ad364e35_10.0.19045.3636_none_23b3b3ece690d77b\\Widget.dll\n    (p)  CSI Manifest Corrupt  (w)  (Fixed)  amd64_other_31bf3856ad364e35_10.0.19045.1_none_a12b40f4b4c7b751\n\nSummary:\nOperation result: 0x800f081f",
        "component-hash-mismatch",
        "Widget.dll",
    ),
    (
        "CBS.log",
        "(p) CBS MUM Missing (n) Widget-Features-Package~31bf3856ad364e35~amd64~~10.0.19045.4291\nRepair failed: Missing replacement mum/cat pair.",
        "component-manifest-missing",
        "Widget-Features-Package",
    ),
    (
        "setupact.log",
        "Info SP     Crash 0x0000007E detected\nInfo SP       Module name           : widget.sys\nInfo SP       Bugcheck parameter 1: 0xFFFFFFFFC0000005",
        "setup-driver-failed",
        "widget.sys",
    ),
    (
        "dism.log",
        "2024-09-04 13:20:17, Error                 DISM   DISM Driver Manager: PID=1 TID=2 Failed to install the driver package 'W:\\Drivers\\widget.inf'. - CDriverPackage::InternalInstall(hr:0x80070002)",
        "driver-install-failed",
        "widget.inf",
    ),
    (
        "ReportingEvents.log",
        "  1. {A8A9B8A6-A3BC-4FCF-9FC3-C7C4472DF5EE} 2024-03-04 13:14:20:702+0100 1 148 [AGENT_DETECTION_FAILED] 101 {00000000-0000-0000-0000-000000000000} 0 80240438 Some Program Failure Software Synchronization Windows Update Client failed to detect with error 0x80240438. abc.1.0",
        "download-network",
        "",
    ),
    (
        "dism.log",
        "Error DISM DISM Package Manager: PID=1 TID=2 Failed finalizing changes. - CDISMPackageManager::Internal_Finalize(hr:0x800f0806)\nError DISM DISM Package Manager: PID=1 TID=2 Failed to start component cleanup. - CPackageManagerCLIHandler::ProcessCmdLine_CleanupImage(hr:0x800f0806)",
        "pending-servicing",
        "",
    ),
    (
        "setupact.log",
        "Error SP CMountWIM::DoExecute: Failed to mount WIM file D:\\$WINDOWS.~BT\\Sources\\SafeOS\\other.wim. Error 0xC1420121[gle=0xc1420121]",
        "image-apply-failed",
        "other.wim",
    ),
    (
        "setuperr.log",
        "2024-02-01 10:00:00, Error                 SP     pSPExecuteApply: Migration phase caught exception: Win32Exception: User profile suffix mismatch, upgrade cannot continue. [0x000007E7]\n2024-02-01 10:00:00, Error                 SP     User profile suffix mismatch: upgrade asked for \"kim\", actual suffix is: \"kim.001\"",
        "migration-failed",
        ".001",
    ),
    (
        "setuperr.log",
        "2024-02-01 10:00:00, Error      [0x08038d] MIG    Failure while calling IPostApply->ApplySuccess for Plugin={ServerPath=\"%windir%\\system32\\migration\\WidgetMigPlugin.dll\", CLSID={00000000-1111-2222-3333-444444444444}}\n2024-02-01 10:00:00, Error                 SP     Error WRITE, 0x00000002 while gathering/applying object: apply-success, Action,CMXEAgent. Will return 0[gle=0x00000005]\n2024-02-01 10:00:00, Error                 SP     SPRunTask: Will add an extra error: apply-success, 0x80070002",
        "migration-failed",
        "WidgetMigPlugin.dll",
    ),
    (
        "WindowsUpdate.log",
        "0A3C 1F20 SLS Making request with URL HTTPS://sls.example.com/SLS/x64\n0A3C 1F20 Misc Send request failed, hr:0x80072f8f\n0A3C 1F20 Misc Library download error. Error 0x80072f8f. Will retry.",
        "download-network",
        "sls.example.com",
    ),
    (
        "WindowsUpdate.log",
        "[0]12F4.1FE8::09/29/2024-13:45:08.530 [agent]WARNING: BITS job failed\n[0]12F4.1FE8::09/29/2024-13:46:08.530 [agent]Error 0x800706d9 occurred while downloading update; notifying dependent calls.",
        "update-service-disabled",
        "MpsSvc",
    ),
    (
        "WindowsUpdate.log",
        "2024/03/02 08:11:12.1234567 1234  5678  Misc            *FAILED* [80070426] GetDeviceTickets\n2024/03/02 08:11:12.1234567 1234  5678  Agent           Exit code = 0x80070426\n2024/03/02 08:11:12.1234567 1234  5678  Agent           * END * Finding updates CallerId = Update;taskhostw  Id = 25",
        "update-service-disabled",
        "wlidsvc",
    ),
    (
        "WindowsUpdate.log",
        "2024/03/02 08:11:12.1234567 1234  5678  DownloadManager Windows failed to download from http://au.example.com/c/x.cab to local path = D:\\Windows\\SoftwareDistribution\\Download\\x with error 0x80070070",
        "disk-space",
        "D:",
    ),
];

#[test]
fn lines_that_were_passed_on_get_their_cause() {
    for (file, text, cause, culprit) in PASSED_ON {
        check(&[(file, text)], cause, culprit);
    }
}

#[test]
fn an_excerpt_explains_the_failure_that_another_file_tells() {
    check(
        &[
            (
                "System.txt",
                "Log Name: System\nSource: Microsoft-Windows-WindowsUpdateClient\nDate: 15/11/2024 04:12:33\nEvent ID: 20\nTask Category: Windows Update Agent\nLevel: Error\nKeywords: Installation,Installation\nUser: SYSTEM\nComputer: SRV-01\nDescription:\nInstallation Failure: Windows failed to install the following update with error 0x80070002: Update (KB5091111).\n",
            ),
            (
                "CBS.log",
                "Info CBS INSTALL index: 55, phase: 2, result 2, inf: widget.inf\nInfo CBS Doqe: Failed installing driver updates [HRESULT = 0x80070002 - ERROR_FILE_NOT_FOUND]\n",
            ),
        ],
        "driver-install-failed",
        "widget.inf",
    );
    check(
        &[
            (
                "setupact.log",
                "2024-06-11 10:42:12, Info                  CBS    Package doesn't match FOD for the current OS, package: Microsoft-Windows-LanguageFeatures-Basic-xx-xx-Package~31bf3856ad364e35~amd64~~10.0.19041.1, expected:other [HRESULT = 0x800f0818 - CBS_E_IDENTITY_MISMATCH]\n",
            ),
            (
                "setupact_rollback.log",
                "2024-06-11 11:30:12, Info                  MOUPG  ImageExit: Initializing SetupResult: [0x800f0818]\n2024-06-11 11:30:12, Info                  MOUPG  ImageExit: Initializing Extended: [0x20003]\n",
            ),
        ],
        "package-not-applicable",
        "LanguageFeatures-Basic-xx-xx",
    );
}

/// Lines that look like those above, and tell of nothing that failed.
const HARMLESS: [(&str, &str); 13] = [
    (
        "console.txt",
        "Version: 10.0.22621.1\n\nThe operation completed successfully.\nThe DISM log file can be found at C:\\Windows\\Logs\\DISM\\dism.log\n",
    ),
    (
        "WindowsUpdate.log",
        "- 2024-09-27 14:09:45:872 380 353c Handler CBS called Error with 0x800f0816,\n- 2024-09-27 14:09:54:704 380 1d14 Handler DPX indicated more ranges to download.",
    ),
    (
        "WindowsUpdate.log",
        "  1. 2024-12-04 05:15:47:444 844 76c AU WARNING: There are no approved updates to install\n  2. 2024-12-04 05:15:47:444 844 76c AU # Exit code = 0x8024000C",
    ),
    (
        "CBS.log",
        "  1. 2024-05-14 07:42:50, Info CBS Expecting attribute name [HRESULT = 0x800f080d - CBS_E_MANIFEST_INVALID_ITEM]\n  2. 2024-05-14 07:46:29, Info CBS Failed to internally open package. [HRESULT = 0x800f0805 - CBS_E_INVALID_PACKAGE]",
    ),
    (
        "CBS.log",
        "Info CBS INSTALL index: 7, phase: 2, result 0, inf: good.inf\nInfo CBS Doqe: Ended processing driver operations queue",
    ),
    (
        "CheckSUR.log",
        "(f)\tCSI Payload File Missing\t0x00000000\tfoobar.dll Total count: 0\n(fix)\tCSI Payload File Missing\t0x00000000\tfoobar.dll\tamd64_foobar_31bf3856ad364e35_6.1.7601.17514_none_0123456789abcdef\n",
    ),
    (
        "CBS.log",
        "Info CBS Setting HangDetect value to 0\nInfo CBS Startup: Ended processing",
    ),
    (
        "WindowsUpdate.log",
        "1234 5678 Misc *FAILED* [80070426] GetDeviceTickets\n1234 5678 Agent * END * Finding updates CallerId = Update Id = 25, Exit code = 0x00000000",
    ),
    (
        "WindowsUpdate.log",
        "0A3C 1F20 SLS Making request with URL HTTPS://sls.example.com/SLS/x64\n0A3C 1F20 Misc Send request succeeded",
    ),
    (
        "setupact_rollback.log",
        "2024-06-11 11:30:12, Info                  MOUPG  ImageExit: Initializing SetupResult: [0x00000000]\n",
    ),
    (
        "CBS.log",
        "2024-01-03 08:00:00, Info CBS Registry value for Package_8_for_KB5092222~31bf3856ad364e35~amd64~~10.0.1.4 is a dword type.",
    ),
    (
        "WUAHandler.log",
        "<![LOG[Update 1 (00000000-1111-4222-8333-444444444444) finished installing (0x00000000), Reboot Required? Yes]LOG]!><time=\"08:23:33.120+000\" date=\"03-14-2024\" component=\"WUAHandler\" context=\"\" type=\"1\" thread=\"5112\" file=\"cwuahandler.cpp:2212\">\n",
    ),
    (
        "notes.txt",
        "Yesterday CBS.log said: Error CBS Failed to resolve package 'x'\nand then we looked further.\nNothing came of it.\n",
    ),
];

#[test]
fn lines_that_only_look_like_it_give_nothing() {
    for (file, text) in HARMLESS {
        let verdicts = judged(&[(file, text)]);
        assert!(
            verdicts.open().is_empty(),
            "{file}: {text}\n{}",
            verdicts.account()
        );
    }
}

#[test]
fn the_client_of_configuration_manager_tells_of_attempts() {
    let line = |time: &str, level: u8, text: &str| {
        format!(
            "<![LOG[{text}]LOG]!><time=\"{time}.120+000\" date=\"03-14-2024\" component=\"WUAHandler\" context=\"\" type=\"{level}\" thread=\"5112\" file=\"cwuahandler.cpp:1\">\n"
        )
    };
    let search = [
        line(
            "08:12:33",
            1,
            "Async searching of updates using WUAgent started.",
        ),
        line(
            "08:13:33",
            3,
            "OnSearchComplete - Failed to end search job. Error = 0x80072ee2.",
        ),
        line("08:13:34", 3, "Scan failed with error = 0x80072ee2."),
    ]
    .concat();
    check(&[("WUAHandler.log", &search)], "download-network", "");
    let made_good = format!(
        "{search}{}{}",
        line(
            "09:12:33",
            1,
            "Async searching of updates using WUAgent started."
        ),
        line("09:13:33", 1, "Successfully completed scan.")
    );
    assert!(judged(&[("WUAHandler.log", &made_good)]).open().is_empty());
    let installation = [
        line("08:12:33", 1, "Async installation of updates started."),
        line("08:23:33", 1, "Update 1 (00000000-1111-4222-8333-444444444444) finished installing (0x80070020), Reboot Required? No"),
        line("08:23:34", 3, "Installation job encountered some failures. Error = 0x80240022. Commit Result = 0x00000001."),
    ]
    .concat();
    check(&[("WUAHandler.log", &installation)], "file-in-use", "");
    let other = line(
        "08:12:33",
        3,
        "Group policy settings were overwritten by a higher authority (Domain Controller) to: Server http://wsus.example.com:8530 and Policy ENABLED",
    );
    check(
        &[("WUAHandler.log", &other)],
        "update-access-policy",
        "wsus.example.com",
    );
}
