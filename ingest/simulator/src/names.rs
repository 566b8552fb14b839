//! Names that culprits are drawn from: wide enough that no two fleets fail alike.

/// Components of Windows, as WinSxS shortens them.
pub(crate) const COMPONENTS: [&str; 24] = [
    "microsoft-windows-p..ooler-core-localspl",
    "microsoft-windows-b..ore-bootmanager-efi",
    "microsoft-windows-n..n_service_datastore",
    "microsoft-windows-s..ient-ui-wuauhelpers",
    "microsoft-windows-directwrite",
    "microsoft-windows-t..s-clientactivexcore",
    "microsoft-windows-i..tional-codepage-874",
    "microsoft-windows-mediafoundation",
    "microsoft-windows-m..ac-odbc-driver-manager",
    "microsoft-windows-d..japanese-utilities",
    "microsoft-windows-g..licy-cmdlinetools",
    "microsoft-windows-c..integrity-core",
    "microsoft-windows-scripting-jscript9",
    "microsoft-windows-rasbase-rasapi",
    "microsoft-windows-smbserver-v2",
    "microsoft-windows-wmi-core-providerhost",
    "microsoft-windows-a..ence-inventory",
    "microsoft-windows-dns-client-minwin",
    "microsoft-windows-hal-library",
    "microsoft-windows-eventlog-api",
    "microsoft-windows-lua-settings",
    "microsoft-onecore-quiethours",
    "microsoft-windows-tpm-tbs",
    "microsoft-windows-vssapi",
];

/// Files of Windows.
pub(crate) const SYSTEM_FILES: [&str; 26] = [
    "DWrite.dll",
    "localspl.dll",
    "mstscax.dll",
    "jscript9.dll",
    "rasapi32.dll",
    "srv2.sys",
    "WmiPrvSE.exe",
    "aeinv.dll",
    "dnsapi.dll",
    "hal.dll",
    "wevtapi.dll",
    "tbs.dll",
    "vssapi.dll",
    "odbc32.dll",
    "mfplat.dll",
    "gpresult.exe",
    "ci.dll",
    "c_874.nls",
    "imjputyc.dll",
    "UserAccountControlSettings.dll",
    "win32kfull.sys",
    "tcpip.sys",
    "lsasrv.dll",
    "shell32.dll",
    "ntdll.dll",
    "opengl32.dll",
];

/// Files that run or are loaded for long.
pub(crate) const DRIVER_FILES: [&str; 14] = [
    "mrxsmb.sys",
    "usbstor.sys",
    "cdrom.sys",
    "rdpvideominiport.sys",
    "spoolsv.exe",
    "winspool.drv",
    "bthport.sys",
    "ndis.sys",
    "storport.sys",
    "WUDFUsbccidDriver.dll",
    "cryptsvc.dll",
    "termsrv.dll",
    "audiodg.exe",
    "fltMgr.sys",
];

/// Programs that hold files open.
pub(crate) const HOLDERS: [&str; 8] = [
    "KestrelGuard.exe",
    "BackupAgent64.exe",
    "MeridianScan.exe",
    "dlpsensor.exe",
    "sqlwriter.exe",
    "inventoryd.exe",
    "PrintTrace.exe",
    "vmtoolsd.exe",
];

/// Driver packages.
pub(crate) const INFS: [&str; 18] = [
    "ntprint4.inf",
    "oem12.inf",
    "oem27.inf",
    "oem104.inf",
    "netwtw08.inf",
    "iastorvd.inf",
    "rtwlane.inf",
    "usbprint.inf",
    "hdaudio.inf",
    "prnms009.inf",
    "e1d68x64.inf",
    "synpd.inf",
    "nvlddmkm.inf",
    "oem61.inf",
    "smartcrd.inf",
    "ialpss2i.inf",
    "bthpan.inf",
    "wdmaudio.inf",
];

/// Migration plug-ins.
pub(crate) const PLUGINS: [&str; 8] = [
    "shmig.dll",
    "WSearchMigPlugin.dll",
    "iismig.dll",
    "sppmig.dll",
    "NetworkBindingEngineMigPlugin.dll",
    "msctfmig.dll",
    "bthmigplugin.dll",
    "pnpmig.dll",
];

/// What setup refuses to upgrade over.
pub(crate) const COMPATIBILITY_BLOCKS: [(&str, &str); 8] = [
    ("program", "Kestrel Terminal Manager"),
    ("program", "Oriel VPN Client"),
    ("program", "Meridian Endpoint Shield"),
    ("driver", "oem44.inf"),
    ("driver", "iaStorA.sys"),
    ("program", "SafeVault Disk Encryption"),
    ("device", "Conexant SmartAudio HD"),
    ("program", "BattleShield Anti-Cheat"),
];

/// Products that keep other programs from files: name, process, module.
pub(crate) const BLOCKING_PRODUCTS: [(&str, &str, &str); 5] = [
    (
        "Kestrel Terminal Manager",
        "KtmAgentHost.exe",
        "KtmFileGuard.dll",
    ),
    ("Sentry Device Control", "SdcService.exe", "SdcFilter.dll"),
    ("Palisade DLP", "plsdagent.exe", "plsdhook64.dll"),
    ("Orchid Endpoint", "orchidsvc.exe", "orchidav.dll"),
    ("Rampart Lockdown", "RmpHost.exe", "RmpPolicy.dll"),
];

/// Drivers that such products protect: setup file and binary.
pub(crate) const PROTECTED_DRIVERS: [(&str, &str); 12] = [
    ("wpdfs.inf", "WpdFs.dll"),
    ("usbstor.inf", "USBSTOR.SYS"),
    ("wudfusbcciddriver.inf", "WUDFUsbccidDriver.dll"),
    ("cdrom.inf", "cdrom.sys"),
    ("bth.inf", "bthusb.sys"),
    ("sdbus.inf", "sdbus.sys"),
    ("sbp2.inf", "sbp2port.sys"),
    ("wpdmtphw.inf", "WpdMtpHW.dll"),
    ("usbvideo.inf", "usbvideo.sys"),
    ("flpydisk.inf", "flpydisk.sys"),
    ("1394.inf", "1394ohci.sys"),
    ("usbser.inf", "usbser.sys"),
];

/// Features on demand.
pub(crate) const FEATURE_PACKAGES: [&str; 12] = [
    "Microsoft-Windows-Printing-WFS-FoD-Package",
    "Microsoft-Windows-WordPad-FoD-Package",
    "Microsoft-Windows-StepsRecorder-Package",
    "Microsoft-Windows-MSPaint-FoD-Package",
    "Microsoft-Windows-InternetExplorer-Optional-Package",
    "Microsoft-Windows-Kernel-LA57-FoD-Package",
    "Microsoft-Windows-QuickAssist-Package",
    "Microsoft-Windows-TabletPCMath-Package",
    "Microsoft-Windows-Hello-Face-Package",
    "OpenSSH-Client-Package",
    "Microsoft-Windows-MediaPlayer-Package",
    "Microsoft-Windows-LanguageFeatures-Basic-en-us-Package",
];

/// Advanced installers, and what they say and return when they fail.
pub(crate) const INSTALLERS: [(&str, &str, u32, &str); 7] = [
    (
        "Firewall",
        "FirewallInstaller: FWOpenPolicyStore failed with error 0x800706d9",
        0x8007_06d9,
        "EPT_S_NOT_REGISTERED",
    ),
    (
        "Task Scheduler",
        "InstallTaskOnline: RegisterTask failed 0x80070002",
        0x8007_0002,
        "ERROR_FILE_NOT_FOUND",
    ),
    (
        "Events Installer",
        "EventAITrace: Unable to open publisher key, error 0x80070005",
        0x8007_0005,
        "ERROR_ACCESS_DENIED",
    ),
    (
        "Boot Manager",
        "BCDEdit: unable to open the system store, error 0x800703f1",
        0x8007_03f1,
        "ERROR_BADDB",
    ),
    (
        "Performance Counters Installer",
        "PerfCounterInstaller: LoadPerfCounterTextStrings failed with error 0x80070057",
        0x8007_0057,
        "ERROR_INVALID_PARAMETER",
    ),
    (
        "Networking",
        "NetSetup: adding protocol failed with error 0x80070420",
        0x8007_0420,
        "ERROR_SERVICE_ALREADY_RUNNING",
    ),
    (
        "WMI CMI Plugin",
        "WMI: mofcomp of repository failed with error 0x8007045c",
        0x8007_045c,
        "ERROR_NO_SHUTDOWN_IN_PROGRESS",
    ),
];
