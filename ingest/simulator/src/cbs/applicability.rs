//! The questions that scans and inventories put to the servicing stack, and its answers.

use super::CbsLog;
use crate::scenario::Severity;

/// Packages that scans always ask for and that are not there.
const UNKNOWN_PACKAGES: [(&str, &str); 4] = [
    ("KB3025096", "6.4.1.0"),
    ("KB4023057", "10.0.2.1"),
    ("KB4577586", "10.0.1.2"),
    ("KB5001716", "10.0.1.3"),
];

/// Packages that are there and get evaluated.
const EVALUATED: [(&str, &str, &str, &str); 5] = [
    (
        "KB4580325",
        "10.0.1.0",
        "Microsoft-Windows-Client-Desktop-Required-Package",
        "adobe-flash-for-windows",
    ),
    (
        "KB5011048",
        "10.0.9195.7",
        "Microsoft-Windows-NetFx4-OC-Package",
        "netfx4-clr_dll",
    ),
    (
        "KB5039895",
        "10.0.9252.1",
        "Microsoft-Windows-NetFx3-OC-Package",
        "wpf-reachframework",
    ),
    (
        "KB5015684",
        "19041.1799.1.2",
        "Microsoft-Windows-EditionSpecific-Package",
        "microsoft-windows-enablement",
    ),
    (
        "KB5012170",
        "10.0.1.0",
        "Microsoft-Windows-Foundation-Package",
        "microsoft-windows-s..boot-firmwareupdate",
    ),
];

const FEATURES: [(&str, &str); 8] = [
    ("Microsoft-Windows-IIS-WebServer-Package", "IIS-WebServer"),
    (
        "Microsoft-Windows-NetFx4-WCF-US-OC-Package",
        "WCF-Services45",
    ),
    (
        "Microsoft-Hyper-V-ClientEdition-Package",
        "Microsoft-Hyper-V-Tools-All",
    ),
    (
        "Microsoft-Windows-Printing-PrintToPDFServices-Package",
        "Printing-PrintToPDFServices-Features",
    ),
    ("Microsoft-Windows-SMB1-Package", "SMB1Protocol-Client"),
    ("Microsoft-Windows-TelnetClient-Package", "TelnetClient"),
    (
        "Microsoft-Windows-WorkFolders-Client-Package",
        "WorkFolders-Client",
    ),
    (
        "Microsoft-Windows-MediaPlayback-OC-Package",
        "WindowsMediaPlayer",
    ),
];

const CAPABILITIES: [&str; 6] = [
    "Microsoft-Windows-LanguageFeatures-Basic",
    "Microsoft-Windows-LanguageFeatures-Handwriting",
    "Microsoft-Windows-LanguageFeatures-OCR",
    "Microsoft-Windows-LanguageFeatures-Speech",
    "Microsoft-Windows-LanguageFeatures-TextToSpeech",
    "Microsoft-Windows-Wifi-Client-Realtek",
];

const LOCALES: [&str; 12] = [
    "ar-sa", "cs-cz", "da-dk", "el-gr", "fi-fi", "he-il", "hu-hu", "ko-kr", "nb-no", "pl-pl",
    "pt-br", "tr-tr",
];

const TOKEN: &str = "31bf3856ad364e35";

impl CbsLog<'_> {
    /// A scan of the update client: sessions for packages that are not there (0x800f0805 on every
    /// healthy device), and applicability of those that are.
    pub(super) fn applicability_scan(&mut self) {
        self.start_worker();
        let rounds = self.random.between(1, 3);
        for _ in 0..rounds {
            for architecture in ["amd64", "x86"] {
                let (kb, version) = self.random.pick(&UNKNOWN_PACKAGES);
                self.ask_for_missing(kb, version, architecture);
            }
        }
        let share = 0.55 * self.device.style.chatter;
        for (kb, version, parent, component) in EVALUATED {
            if self.random.chance(share) {
                self.evaluate(kb, version, parent, component);
            }
        }
        if self.random.chance(0.3) {
            self.cbs("Failed to compute delta for LastScavengingStarvationReport. [HRESULT = 0x80070216 - ERROR_ARITHMETIC_OVERFLOW]");
            self.cbs("Failed to get last scavenging starvation report value. [HRESULT = 0x80070216 - ERROR_ARITHMETIC_OVERFLOW]");
            self.cbs("Failed to send report on scavenging starvation. Continuing... [HRESULT = 0x80070216 - ERROR_ARITHMETIC_OVERFLOW]");
        }
        self.stop_worker();
    }

    pub(super) fn open_session(&mut self, client: &str) -> String {
        let session = self.session_id();
        self.cbs(&format!("Session: {session} initialized by client {client}, external staging directory: (null), external registry directory: (null)"));
        session
    }

    fn ask_for_missing(&mut self, kb: &str, version: &str, architecture: &str) {
        self.pass(2, 60);
        self.open_session("WindowsUpdateAgent");
        self.cbs(&format!("InternalOpenPackage failed for Package_for_{kb}~{TOKEN}~{architecture}~~{version} [HRESULT = 0x800f0805 - CBS_E_INVALID_PACKAGE]"));
        self.cbs(
            "Failed to internally open package. [HRESULT = 0x800f0805 - CBS_E_INVALID_PACKAGE]",
        );
        self.cbs("Failed to create open package. [HRESULT = 0x800f0805 - CBS_E_INVALID_PACKAGE]");
        self.cbs("Failed to OpenPackage using worker session [HRESULT = 0x800f0805]");
    }

    fn evaluate(&mut self, kb: &str, version: &str, parent: &str, component: &str) {
        self.pass(10, 1_500);
        let (update, revision) = (self.random.guid(), self.random.between(200, 204));
        self.cbs(&format!("WU creates the package, AppID:MoUpdateOrchestrator, UpdateID:{{{update}}}, revision: {revision}"));
        let session = self.open_session("WindowsUpdateAgent");
        let base = self.base_build;
        let parts = self.random.between(1, 3);
        for part in 0..=parts {
            let package = if part == 0 {
                format!("Package_for_{kb}~{TOKEN}~amd64~~{version}")
            } else {
                format!("Package_{part}_for_{kb}~{TOKEN}~amd64~~{version}")
            };
            self.cbs(&format!("Appl: detect Parent, Package: {package}, Parent: {parent}~{TOKEN}~amd64~~10.0.{base}.1, Disposition = Detect, VersionComp: EQ, BuildComp: EQ, RevisionComp: GE, Exist: present"));
            if self.random.chance(0.4) {
                self.cbs("Appl: detectParent: no parent found, go absent");
                self.cbs(&format!("Appl: detect Parent, Package: {package}, Parent: Microsoft-Windows-CoreEdition~{TOKEN}~amd64~~10.0.{base}.1, Disposition = Detect, VersionComp: EQ, BuildComp: EQ, RevisionComp: GE, Exist: present"));
            }
            let revision = self.device.ubr;
            self.cbs(&format!("Appl: detectParent: parent found: {parent}~{TOKEN}~amd64~~10.0.{base}.{revision}, state: Installed"));
            self.cbs(&format!("Appl: Evaluating package applicability for package {package}, applicable state: Installed"));
            if part > 0 {
                self.self_update(&package, kb, part, component, &session);
            }
        }
        let package = format!("Package_for_{kb}~{TOKEN}~amd64~~{version}");
        self.cbs(&format!("Appl: Partial install Status testing, package: {package}, partially installed (true/false), 0"));
        self.cbs(&format!("Read out cached package applicability for package: {package}, ApplicableState: 112, CurrentState:112"));
    }

    fn self_update(&mut self, package: &str, kb: &str, part: u32, component: &str, session: &str) {
        let base = self.base_build;
        let revision = self.random.between(300, 4000);
        let number = kb.trim_start_matches("KB");
        if part == 1 {
            let handle = self.random.hex(11);
            self.csi(Severity::Info, &format!("@ CSI Transaction @0x{handle} initialized for deployment engine {{d16d444c-56d8-11d5-882d-0080c847b195}} with flags 00000000 and client id 'TI5.{session}:1/'\n"));
            self.csi(
                Severity::Info,
                &format!("@ CSI Transaction @0x{handle} destroyed"),
            );
        }
        let (family, version) = (self.random.hex(16), self.random.hex(16));
        self.cbs(&format!("Appl: Selfupdate, Component: amd64_{component}_{TOKEN}_0.0.0.0_none_{family} (10.0.{base}.{revision}), elevation:2, lower version revision holder: 10.0.{base}.1"));
        self.cbs(&format!("Appl: SelfUpdate detect, component: amd64_{component}_{TOKEN}_10.0.{base}.{revision}_none_{version}, elevation: 2, applicable: 1"));
        self.cbs(&format!("Appl: Package: {package}, Update: {number}-{part}_neutral, Applicable: Applicable, Disposition: Installed"));
        self.cbs(&format!("External EvaluateApplicability, package: {package}, package applicable State: Installed, highest update applicable state: Installed, resulting applicable state:Installed"));
    }

    /// A management agent asks for features and capabilities.
    pub(super) fn feature_inventory(&mut self) {
        self.start_worker();
        self.open_session("WinMgmt");
        let (base, revision) = (self.base_build, self.device.ubr);
        self.cbs(&format!("Enumerating Foundation package: Microsoft-Windows-Foundation-Package~{TOKEN}~amd64~~10.0.{base}.1, this could be slow"));
        for (package, feature) in FEATURES {
            self.pass(0, 40);
            self.cbs(&format!("Appl: DetectUpdate, Package: {package}~{TOKEN}~amd64~~10.0.{base}.{revision}, Local Parent: {feature}, Intended State: Staged"));
            self.cbs(&format!("Appl: Package: {package}~{TOKEN}~amd64~~10.0.{base}.{revision}, Update: {feature}, Applicable: NeedsParent, Disposition: Staged"));
        }
        let many = 30.0 * self.device.style.chatter;
        for locale in LOCALES {
            for capability in CAPABILITIES {
                if self.random.chance(many / 72.0) {
                    self.cbs(&format!("Appl: Evaluating package applicability for package {capability}-{locale}-Package~{TOKEN}~amd64~~10.0.{base}.1, applicable state: Installed"));
                }
            }
        }
        self.cbs(
            "Appl:Feature On Demand package without explicit comparator, using GE on build version",
        );
        self.cbs("Appl:LCU package and revision compare set to explicit");
        self.cbs("Package Format: PSFX");
        self.cbs("Not able to add UpdateAgent.log to WER report. [HRESULT = 0x80070002 - ERROR_FILE_NOT_FOUND]");
        self.stop_worker();
    }
}
