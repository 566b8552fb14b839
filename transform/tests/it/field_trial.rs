//! What the second field trial taught (docs/evaluation.md): lines of our own, of the kinds that people
//! posted and that no rule or parser knew.

use patchlens_transform::schema;

use crate::excerpts::{check, judged};

/// File, text, cause, and what the culprit must contain.
const POSTED: [(&str, &str, &str, &str); 25] = [
    (
        "WindowsUpdate.log",
        "2009-04-02 10:55:29:193 1044 afc PT WARNING: SyncUpdates failure, error = 0x8024400E, soap client error = 7, soap error code = 400, HTTP status code = 200\n",
        "wsus-server-error",
        "",
    ),
    (
        "WindowsUpdate.log",
        "DnldMgr WARNING: BITS job {00000000-1111-4222-8333-444444444444} failed, updateId = {00000000-1111-4222-8333-555555555555}.100, hr = 0x80190194, BG_ERROR_CONTEXT = 5\nDnldMgr Failed job file: URL = http://wsus07/Content/B6/A2.psf, local path = C:\\WINDOWS\\SoftwareDistribution\\Download\\a\\b\nDnldMgr Error 0x80244019 occurred while downloading update; notifying dependent calls.\n",
        "wsus-server-error",
        "wsus07",
    ),
    (
        "WindowsUpdate.log",
        "WARNING: Fail to download eula file http://sup01.example.com:8530/Content/AE/B6.txt with error 0x80244019\n",
        "wsus-server-error",
        "sup01.example.com",
    ),
    (
        "WindowsUpdate.log",
        "2026/02/03 10:11:12.1234567 1234  5678  DownloadManager *FAILED* [80070422] Connect to the DO service\n",
        "update-service-disabled",
        "DoSvc",
    ),
    (
        "CBS.log",
        ", Error                 CSI    000006d2 (F) Component marked deleted and is no longer available for: [l:77 ml:140]'amd64_widget-assistant_31bf3856ad364e35_10.0.26100.712_none_70c07f1218639276'[gle=0x80004005]\n",
        "component-payload-missing",
        "widget-assistant",
    ),
    (
        "CBS.log",
        "2017-08-17 11:38:49, Info                  CSI    00000040 Destination File: [l:92{46}]\"C:\\Windows\\System32\\Widgets\\Player\\widget.ocx\"\n2017-08-17 11:38:49, Error                 CSI    00000056@2017/8/17:10:38:49.206 (F) base\\wcp\\plugins\\widgetinstallai.cpp(453): Error HRESULT_FROM_WIN32(ERROR_PATH_NOT_FOUND) originated in function Windows::WCP::WidgetInstallAI::InstallFile expression: fSuccess\n",
        "component-payload-missing",
        r"Widgets\Player",
    ),
    (
        "CBS.log",
        "2016-10-19 11:28:37, Info                  CBS    Failed to enumerate store versions on component: x86_widget-shell.resources_31bf3856ad364e35_6.1.7601.22843_da-dk_c1126f6226996014 [HRESULT = 0x80070057 - E_INVALIDARG]\n2016-10-19 11:28:37, Error                 CBS    Failed to call external evaluate applicability on package: Package_49_for_KB5090008~31bf3856ad364e35~amd64~~6.1.1.1, Update: Trigger_1 [HRESULT = 0x80070057 - E_INVALIDARG]\n",
        "component-store-corrupt",
        "widget-shell.resources",
    ),
    (
        "setupact.log",
        "2020-06-13 20:00:58, Info                  MOUPG  CInstallUI::ShowMessageBox: Showing MessageBox\n2020-06-13 20:01:00, Info                  MOUPG  CInstallUI::ConfirmCanceled: User cancel confirmed\n2020-06-13 20:01:00, Error                 MOUPG  CInstallUI::OnProgressChanged(575): Result = 0x800704D3\n",
        "user-cancelled",
        "",
    ),
    (
        "setuperr.log",
        "2026-02-10 14:23:55, Error                 SP     Operation failed: Offline portion of machine-specific and machine-independent apply operations. Error: 0x8007042B[gle=0x000000b7]\n",
        "migration-failed",
        "",
    ),
    (
        "setuperr.log",
        "2023-12-21 14:32:48, Error                 MOUPG  MigChoice: Selected install choice is not available.\n",
        "setup-compat-block",
        "",
    ),
    (
        "setuperr.log",
        "2023-12-17 16:25:02, Error                 MOUPG  CDlpActionCompat::ExecuteSysReqScan(809): Result = 0xC1900201\n2023-12-17 16:25:02, Error                 MOUPG  CDlpTask::Execute(1631): Result = 0xC1900201\n",
        "setup-compat-block",
        "",
    ),
    (
        "dism.log",
        "2025-10-17 09:12:44, Error        DISM   DismHostLib: PID=1 TID=2 Failed to create dismhost.exe servicing process. - DismCreateObjectInHostFromCLSID(hr:0x80070005)\n2025-10-17 09:12:44, Error        DISM   DISM Manager: PID=1 TID=2 Failed to create Dism Image Session in host. - CDISMManager::LoadRemoteImageSession(hr:0x80070005)\n",
        "access-denied",
        "dismhost.exe",
    ),
    // The console: no path of the log, other languages, and what a script wrote above it.
    (
        "output.txt",
        "==========\nUpdates...\n==========\n\nImage Version: 10.0.26100.6584\n\nProcessing 1 of 1 - Adding package Package_for_RollupFix~31bf3856ad364e35~amd64~~26100.1742.1.10\n[==========================100.0%==========================]\nPackage_for_RollupFix: The source files could not be found.\n Error: 0x800f081f\n\nError: 0x800f081f\n",
        "component-payload-missing",
        "",
    ),
    (
        "console.txt",
        "\n部署映像服务和管理工具\n版本: 10.0.17134.1\n\n启用一个或多个功能\n[=========== 62.0%]\n错误: 0x800f0950\n",
        "component-payload-missing",
        "",
    ),
    (
        "console.txt",
        "Outil Gestion et maintenance des images de déploiement\n\n[==========================100.0%==========================]\nErreur : 0x800f0915\n\nLe fichier journal se trouve dans C:\\WINDOWS\\Logs\\DISM\\widget.log\n",
        "component-payload-missing",
        "",
    ),
    // The client of Configuration Manager: the texts alone, and as its viewer copies them.
    (
        "WUAHandler.log",
        "OnSearchComplete - Failed to end search job. Error = 0x80244022.\nScan failed with error = 0x80244022.\n",
        "wsus-server-error",
        "",
    ),
    (
        "copied.txt",
        "Async searching of updates using WUAgent started.\tWUAHandler\t3/14/2024 8:12:33 AM\t5112 (0x13F8)\nOnSearchComplete - Failed to end search job. Error = 0x80072ee2.\tWUAHandler\t3/14/2024 8:13:33 AM\t5112 (0x13F8)\nScan failed with error = 0x80072ee2.\tWUAHandler\t3/14/2024 8:13:34 AM\t5112 (0x13F8)\n",
        "download-network",
        "",
    ),
    (
        "WUAHandler.log",
        "OnSearchComplete - Failed to end search job. Error = 0x800b0101.\nScan failed with error = 0x800b0101.\n",
        "wsus-server-error",
        "",
    ),
    // What `Get-EventLog` gives to `ConvertTo-Json`.
    (
        "events.json",
        "[{\"EventID\": 20, \"Source\": \"Microsoft-Windows-WindowsUpdateClient\", \"EntryType\": 1, \"TimeGenerated\": \"/Date(1709299664000)/\", \"Message\": \"Installation Failure: Windows failed to install the following update with error 0x80073d02: 9NTESTTEST01-Example.Widgets.\"}]\n",
        "app-package-failed",
        "Example.Widgets",
    ),
    (
        "System.txt",
        "Log Name: System\nSource: Windows Update Agent\nDate: 4/15/2026 1:00:00 PM\nEvent ID: 20\nLevel: Error\nComputer: PC-7\nDescription:\nInstallation Failure: Windows failed to install the following update with error 0x80072efe: Update (KB5091111).\n",
        "download-network",
        "",
    ),
    (
        "SetupDiagResults.xml",
        " <LogErrorLine>2025-01-08 14:32:26, Error                 MOUPG  CSetupManager::ExecuteInstallMode(1096): Result = 0xC190020E</LogErrorLine>\n  <FailureData>Error: SetupDiag reports abrupt down-level failure.Last Operation: Error: 0xC190020E - 0x4001E</FailureData>\n  <FailureDetails>DiskSpace = 20003, ErrorCode = 0xC190020E, ExCode = 0x4001E</FailureDetails>\n",
        "disk-space",
        "",
    ),
    (
        "WindowsUpdate.log",
        "# 2025/10/16 18:39:47.2906629 6536  6592  Agent           * START * Finding updates CallerId = UpdateOrchestrator  Id = 2\n# 2025/10/16 18:39:48.2906629 6536  6592  Agent           Exit code = 0x8024402C\n# 2025/10/16 18:39:48.3906629 6536  6592  Agent           * END * Finding updates CallerId = UpdateOrchestrator  Id = 2, Exit code = 0x8024402C\n",
        "download-network",
        "",
    ),
    (
        "CBS.log",
        "2024-02-06 02:23:42, Info                  DPX    DpxException hr=0x800705aa code=0x02060e\n2024-02-06 02:23:42, Info                  DPX    Ended DPX phase: Resume and Download Job\n",
        "memory-exhausted",
        "",
    ),
    (
        "CBS.log",
        "2024-03-14 10:00:05, Info                  CBS    Exec: Processing complete.  Session: 1_2, Package: Package_for_KB5090007~31bf3856ad364e35~amd64~~10.0.1.2, Identifier: KB5090007 [HRESULT = 0x80070008 - ERROR_NOT_ENOUGH_MEMORY]\n",
        "memory-exhausted",
        "",
    ),
    (
        "CBS.log",
        "Failed to decompress payload [HRESULT = 0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT]\nInfo CSI 00000012 (F) Unexpected compression state. CompressedFileType for \\SystemRoot\\WinSxS\\amd64_widget-enclave_31bf3856ad364e35_10.0.26100.1150_none_0123456789abcdef\\widget.dll is 0, ComponentFileFlags : LZMS: 3\nError CBS Failed to process single phase execution. [HRESULT = 0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT]\n",
        "component-store-corrupt",
        "widget.dll",
    ),
];

#[test]
fn what_was_posted_gets_its_cause() {
    for (file, text, cause, culprit) in POSTED {
        check(&[(file, text)], cause, culprit);
    }
}

/// An attempt at a package that does not apply, with what servicing said of its parents.
fn not_applicable(parents: &str) -> String {
    let of = "Package_for_KB5090010~31bf3856ad364e35~amd64~~19041.1.1.2";
    format!(
        "2024-03-14 10:00:01, Info                  CBS    Session: 31091001_100200300 initialized by client WindowsUpdateAgent.\n\
         2024-03-14 10:00:02, Info                  CBS    Exec: Processing started.  Client: WindowsUpdateAgent, Session(Initiated): 31091001_100200300, Package: {of}, Identifier: KB5090010\n\
         {parents}\
         2024-03-14 10:00:05, Info                  CBS    Exec: Processing complete.  Session: 31091001_100200300, Package: {of}, Identifier: KB5090010 [HRESULT = 0x800f081e - CBS_E_NOT_APPLICABLE]\n"
    )
}

#[test]
fn a_parent_that_is_an_update_and_absent_is_named() {
    let appl = "2024-03-14 10:00:03, Info                  CBS    Appl:";
    let asked = |parent: &str| {
        format!(
            "{appl} detect Parent, Package: Package_for_KB5090010~31bf3856ad364e35~amd64~~19041.1.1.2, Parent: {parent}, Disposition = Detect, VersionComp: EQ, BuildComp: GE, RevisionComp: GE, Exist: present\n"
        )
    };
    let update = "Package_for_KB5090001~31bf3856ad364e35~amd64~~10.0.1.0";
    let part = "Microsoft-Windows-WidgetEdition~31bf3856ad364e35~amd64~~10.0.19041.1";
    let absent = format!("{appl} detectParent: no parent found, go absent\n");
    let found = format!("{appl} detectParent: parent found: {update}, state: Installed\n");
    let cbs = |parents: String| not_applicable(&parents);
    check(
        &[("CBS.log", &cbs([asked(update), absent.clone()].concat()))],
        "prerequisite-missing",
        "KB5090001",
    );
    // Another edition, a parent that is there, and one that another package asks for: the package is for
    // another system.
    for parents in [
        [asked(part), absent.clone()].concat(),
        [
            asked(update).replace("KB5090010", "KB5090011"),
            absent.clone(),
        ]
        .concat(),
        [asked(update), found, asked(part), absent].concat(),
    ] {
        check(
            &[("CBS.log", &cbs(parents))],
            "package-not-applicable",
            "KB5090010",
        );
    }
}

/// The client of Windows 7 reports the start of an installation as a success of its kind.
#[test]
fn the_start_of_an_installation_is_not_its_end() {
    let report = |number: u32, result: &str, text: &str| {
        format!(
            "2016-10-31\t11:24:33:411\t1524\t17ac\tReport\tREPORT EVENT: {{00000000-1111-4222-8333-444444444444}}\t2016-10-31 11:24:28:411-0600\t1\t{number}\t101\t{{00000000-1111-4222-8333-555555555555}}\t501\t0\twusa\t{result}\tContent Install\t{text}: Update for Windows (KB5090006)\n"
        )
    };
    let failed = [
        report(181, "Success", "Installation Started"),
        "2016-10-31\t11:25:13:645\t1384\t1748\tHandler\tFATAL: Completed install of CBS update with type=0, requiresReboot=0, installerError=1, hr=0x80070308\n".to_owned(),
    ]
    .concat();
    let outcomes = |text: &str| -> Vec<String> {
        let verdicts = judged(&[("WindowsUpdate.log", text)]);
        let attempts = verdicts.attempts();
        attempts
            .iter()
            .map(|row| row[schema::OUTCOME].clone())
            .collect()
    };
    assert_eq!(outcomes(&failed), ["failed"]);
    assert_eq!(
        outcomes(&report(181, "Success", "Installation Started")),
        ["in_progress"]
    );
    let went_well = [
        report(181, "Success", "Installation Started"),
        report(183, "Success", "Installation Successful"),
    ]
    .concat();
    assert_eq!(outcomes(&went_well), ["installed"]);
}

/// Lines that look like those above, and tell of nothing that failed.
#[test]
fn what_only_looks_like_it_gives_nothing() {
    for (file, text) in [
        (
            "WindowsUpdate.log",
            "*FAILED* [80240037] wuauengcore.dll\nClient\\Engine\\Agent\\networkcostmgr.cpp @221\nDownloadManager CreateDownloadJob DownloadType 0.\n",
        ),
        (
            "WindowsUpdate.log",
            "DnldMgr WARNING: BITS job {00000000-1111-4222-8333-444444444444} failed, hr = 0x80190194\nDnldMgr Failed job file: URL = http://download.windowsupdate.com/c/a.cab, local path = C:\\a\n",
        ),
        (
            "WUAHandler.log",
            "Async searching of updates using WUAgent started.\nSuccessfully completed scan.\n",
        ),
        (
            "output.txt",
            "Processing 1 of 1 - Adding package Package_for_KB5090001~31bf3856ad364e35~amd64~~26100.1.1.4\n[==========================100.0%==========================]\nThe operation completed successfully.\n",
        ),
    ] {
        let verdicts = judged(&[(file, text)]);
        assert!(verdicts.open().is_empty(), "{text}\n{}", verdicts.account());
    }
}
