//! What the third field trial taught (docs/evaluation.md): lines of our own, of the kinds that people
//! posted and that no rule or parser knew.

use crate::excerpts::{check, judged};

/// File, text, cause, and what the culprit must contain.
const POSTED: [(&str, &str, &str, &str); 27] = [
    // The store says that it is damaged, in words that no attempt stands around.
    (
        "CBS.log",
        "2026-01-12 07:14:21, Error                 CSI    00000011@2026/1/12:07:14:21.250 (F) Attempting to mark store corrupt with category [l:16 ml:17]'CorruptTopology1'[gle=0x80004005]\n2026-01-12 07:14:21, Info                  CBS    Failed to resolve execution chain. [HRESULT = 0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT]\n",
        "component-store-corrupt",
        "",
    ),
    (
        "CBS.log",
        "12:14:21  Error  CBS  Session: 31300001_1 failed to perform store corruption detect and repair operation.\n                       [HRESULT = 0x800f0915 - CBS_E_REPAIR_CONTENT_MISSING]\n12:14:22  Error  CSI  Attempting to mark store corrupt with category 'CorruptManifest'\n",
        "component-store-corrupt",
        "",
    ),
    (
        "CBS.log",
        "Failed to bulk stage deployment manifest and pin deployment for\n  package:Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.5000.1.3\n  [HRESULT = 0x80073712 - ERROR_SXS_COMPONENT_STORE_CORRUPT]\n",
        "component-store-corrupt",
        "19041.5000",
    ),
    (
        "dism.log",
        "2026-01-12 07:14:21, Error                 DISM   DISM Package Manager: PID=77 TID=78 Failed opening package @Foundation. - CDISMPackageManager::Internal_CreatePackageByName(hr:0x800f0805)\n",
        "component-store-corrupt",
        "Foundation-Package",
    ),
    (
        "dism.log",
        "2026-01-12 07:14:21, Error                 DISM   DISM Package Manager: PID=77 TID=78 Failed to analyze component store. - CPackageManagerCLIHandler::ProcessCmdLine_CleanupImage(hr:0x80070003)\n",
        "component-store-corrupt",
        "",
    ),
    (
        "CBS.log",
        "2026-01-12 07:14:21, Info DPX Extraction of file: amd64_widget-engine_31bf3856ad364e35_10.0.20348.3_none_1111111111111111\\widget.dll failed because it is not present in the container.\n2026-01-12 07:14:22, Info CBS Asynchronous Session: 31300001_1 finalized. [HRESULT = 0x80070002 - ERROR_FILE_NOT_FOUND]\n",
        "component-payload-missing",
        "widget.dll",
    ),
    (
        "CBS.log",
        "2026-01-12 07:14:21, Info CBS Modified marker file present in source package folder: \\\\?\\C:\\Windows\\servicing\\packages\\ [HRESULT = 0x800f0911 - CBS_E_SOURCE_MODIFIED]\n",
        "download-corrupt",
        "",
    ),
    (
        "dism.log",
        "Appl: detect Parent, Package: Package_for_RollupFix~31bf3856ad364e35~amd64~~14393.7000.1.2, Parent: Package_for_KB5050109~31bf3856ad364e35~amd64~~10.0.1.0, Disposition = Detect\nAppl: detectParent: no parent found, go absent\nDISM Package Manager: PID=77 TID=78  Error in operation: the package is not applicable. (CBS HRESULT=0x800f081e) - CCbsConUIHandler::Error\n",
        "prerequisite-missing",
        "KB5050109",
    ),
    // The client and its sources.
    (
        "WindowsUpdate.log",
        "2026/01/12 07:14:21.1234567 1234  5678  DownloadManager BITS job {00000000-1111-4222-8333-444444444444} failed, updateId = 00000000-1111-4222-8333-555555555555.200, hr = 0x80200013. File URL = http://au.download.example.net/c/upgr/base.esd, local path = C:\\Windows\\SoftwareDistribution\\Download\\a\\base.esd\n",
        "download-network",
        "au.download.example.net",
    ),
    (
        "WindowsUpdate.log",
        "2011-03-22 18:53:24:377 808 ba0 Misc WARNING: DownloadFileInternal failed for http://wsus09:8530/selfupdate/wuident.cab: error 0x80190194\n2011-03-22 18:53:24:377 808 ba0 Agent * WARNING: Skipping scan, self-update check returned 0x80244019\n2011-03-22 18:53:25:002 808 ba0 Agent * WARNING: Exit code = 0x80244019\n",
        "wsus-server-error",
        "wsus09",
    ),
    (
        "WUAHandler.log",
        "OnSearchComplete - Failed to end search job. Error = 0x80244022\nOnSearchComplete - Failed to end search job. Error = 0x80240438\n",
        "wsus-server-error",
        "",
    ),
    (
        "WUAHandler.log",
        "Received 'SucceededWithErrors' code from WUA during search.\nWU Agent reported the following 1 warning messages:\nHResult: 0x80240033 Context: uecGeneral Msg: The license terms of one or more updates are unavailable..\n",
        "wsus-server-error",
        "",
    ),
    (
        "patching.txt",
        "TASK [patch] ***\nhost7.example | FAILED! => {\"changed\": false, \"msg\": \"Failed to search for updates: Exception from HRESULT: 0x80244022\"}\n",
        "wsus-server-error",
        "",
    ),
    (
        "patching.txt",
        "Ausnahmefehler beim Suchen: Ausnahme von HRESULT: 0x8024402C\n",
        "download-network",
        "",
    ),
    // Setup.
    (
        "setupact.log",
        "2026-01-12 07:14:21, Info                  MOUPG  SetupNotify::Remapping disk full error [0x80070070] -> [0xC19001DF]\n2026-01-12 07:14:21, Info                  MOUPG  SetupHost: Reporting error event -> [0x80070070, 0xC19001DF]\n",
        "disk-space",
        "C:",
    ),
    (
        "setuperr.log",
        "2026-01-12 07:14:21, Error                 SP     Operation failed: Add [3] Driver Package: oem17.inf. Error: 0x80070002[gle=0x000000b7]\n",
        "setup-driver-failed",
        "oem17.inf",
    ),
    (
        "SetupDiagResults.xml",
        "  </SystemInfo>\n  <LogErrorLine>2026-01-12 07:14:21, Error CBS Failed to process single phase execution. [HRESULT = 0x800736cc - ERROR_SXS_FILE_HASH_MISMATCH]</LogErrorLine>\n  <FailureData>Error: SetupDiag reports rollback failure found.</FailureData>\n  <FailureDetails>RollbackErrorCode = 0x800736CC, ExtendedCode = 0x20003, LastOperation = Add [2] package C:\\$WINDOWS.~BT\\DUImageSandbox\\Widget-Tools-FOD-Package~31bf3856ad364e35~amd64~~.cab to C:\\$WINDOWS.~BT\\NewOS, LastPhase = Safe OS</FailureDetails>\n",
        "component-hash-mismatch",
        "Widget-Tools",
    ),
    (
        "setupdiag.txt",
        "SetupDiag: processing rule: CompatBlockedApplicationManualUninstall.\n....Error: SetupDiag reports abrupt down-level failure. Last Operation: Finalize, Error: 0xC1900208 - 0x4000C\n\nWarning: Found Application Block for: \"Odd Endpoint Agent\".\nYou must manually uninstall \"Odd Endpoint Agent\" before continuing.\n",
        "setup-compat-block",
        "Odd Endpoint Agent",
    ),
    (
        "setupdiag.txt",
        "SetupDiag: processing rule: DISMImageSessionFailure.\n..\nError: SetupDiag reports DISM provider failure.\nLast Phase: Safe OS\nMessage = Failed to get the image\nError: 0x800706ba\n",
        "image-apply-failed",
        "",
    ),
    // Configuration Manager.
    (
        "UpdatesDeployment.log",
        "Job error (0x80004005) received for assignment ({00000000-1111-4222-8333-444444444444}) action\nUpdates will not be made available\n",
        "group-policy-file-corrupt",
        "registry.pol",
    ),
    (
        "WUAHandler.log",
        "Failed to Add Update Source for WUAgent of type (2) and id ({00000000-1111-4222-8333-444444444444}). Error = 0x80004005.\n",
        "group-policy-file-corrupt",
        "registry.pol",
    ),
    (
        "smsts.log",
        "Failed to set log directory. Some execution history may be lost. The system cannot find the file specified. (Error: 80070002; Source: Windows)\n",
        "interrupted-by-restart",
        "",
    ),
    // Messages of events without their records.
    (
        "mail.txt",
        "Installation Failure: Windows failed to install the following update with error 0x80073D02: 9ABCDEFGH123-Contoso.Notes.\n",
        "app-package-failed",
        "Contoso.Notes",
    ),
    (
        "mail.txt",
        "安装失败: Windows 无法安装以下更新，错误为 0x80070070: 2026-01 适用于 Windows 11 的累积更新 (KB5050109)。\n",
        "disk-space",
        "C:",
    ),
    (
        "mail.txt",
        "Fehler beim Ändern des Pakets KB5050109 in den Status Installiert. Status: 0x80073712.\n",
        "component-store-corrupt",
        "",
    ),
    (
        "output.txt",
        "Add-AppxPackage : 部署失败，原因是 HRESULT: 0x80073CF3, 包无法进行更新。\nWindows 无法安装程序包 Contoso.Notes_2.1.40000.0_x64__8wekyb3d8bbwe。\n+ CategoryInfo : WriteError\n",
        "app-package-failed",
        "Contoso.Notes",
    ),
    (
        "appxlog.txt",
        "Time                      ID           Message\n----                      --           -------\n1/12/2026 7:14:21 AM     401          Deployment Add operation on Package Contoso.Notes_2.1.0.0_x64__8wekyb3d8bbwe from:\n                                       (Notes.appx) failed with error 0x80073CF3.\n",
        "app-package-failed",
        "Contoso.Notes",
    ),
];

#[test]
fn what_people_post_gets_its_answer() {
    for (file, text, cause, culprit) in POSTED {
        check(&[(file, text)], cause, culprit);
    }
}

/// What looks like a failure and is none.
const HARMLESS: [(&str, &str); 6] = [
    (
        "CBS.log",
        "2026-01-12 07:14:21, Error                 CSI    00000011@2026/1/12:07:14:21.250 (F) Attempting to mark store corrupt with category [l:18 ml:19]'CorruptPayloadFile'[gle=0x80004005]\n",
    ),
    (
        "Setup.txt",
        "Package KB5050109 failed to be changed to the Absent state. Status: 0x800f0922\n",
    ),
    (
        "mail.txt",
        "Installation Successful: Windows successfully installed the following update: 2026-01 Cumulative Update (KB5050109)\nInstallation Started: Windows has started installing the following update: 2026-01 Update (KB5050110)\n",
    ),
    (
        "mail.txt",
        "Windows update \"KB5050109\" could not be installed because of error 2359302 \"\" (Command line: \"\"C:\\Windows\\system32\\wusa.exe\" \"C:\\a\\kb5050109.msu\" /quiet\")\n",
    ),
    (
        "events.txt",
        "   ProviderName: Microsoft-Windows-Servicing\n\nTimeCreated                     Id LevelDisplayName Message\n-----------                     -- ---------------- -------\n1/12/2026 7:14:21 AM             2 Information      Package KB5050109 was successfully changed to the Installed state.\n",
    ),
    (
        "CBS.log",
        "2026-01-12 07:14:21, Info  CBS  Exec: Execution Skipped for now.\n2026-01-12 07:14:21, Info  CBS  Session: 31300001_1 finalized. Reboot required: yes [HRESULT = 0x00000000 - S_OK]\n2026-01-12 07:14:22, Info  CBS  Failed setting restore point [HRESULT = 0x80070422 - ERROR_SERVICE_DISABLED]\n2026-01-12 07:14:22, Info  CBS  Failed to move \\\\?\\C:\\Windows\\CbsTemp\\31300001_1 [HRESULT = 0x80070020 - ERROR_SHARING_VIOLATION]\n",
    ),
];

#[test]
fn what_is_no_failure_is_left_alone() {
    for (file, text) in HARMLESS {
        let verdicts = judged(&[(file, text)]);
        assert!(
            verdicts.open().is_empty(),
            "{file}: {text}\n{}",
            verdicts.account()
        );
    }
}

/// What a program puts before each line that DISM writes does not hide the answer.
#[test]
fn marks_before_the_lines_of_the_console_are_looked_through() {
    for mark in [
        "",
        "[12.01.2026 7:14:21] [Debug] ",
        "2026-01-12 07:14:21Z -> ",
        "    builder-7: ",
    ] {
        let text = format!(
            "{mark}[==========================100.0%==========================]\n{mark}Error: 0x800f081f\n{mark}The DISM log file can be found at C:\\Windows\\Logs\\DISM\\dism.log\n"
        );
        check(&[("build.txt", &text)], "component-payload-missing", "");
    }
}
