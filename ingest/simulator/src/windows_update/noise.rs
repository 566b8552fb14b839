//! What the update client says on every healthy device, failing codes included.

use super::{STORE, UpdateLog};

const APPS: [&str; 6] = [
    "9WZDNCRFHVN5-Microsoft.WindowsCalculator",
    "9MSMLRH6LZF3-Microsoft.WindowsNotepad",
    "9WZDNCRFJBH4-Microsoft.Windows.Photos",
    "9N4D0MSMP0PT-Microsoft.VP9VideoExtensions",
    "9NBLGGH4NNS1-Microsoft.DesktopAppInstaller",
    "9WZDNCRFJBMP-Microsoft.WindowsStore",
];

impl UpdateLog<'_> {
    /// The service starts with the device.
    pub(super) fn start_service(&mut self) {
        let thread = self.random.process_id();
        let agent = self.ubr.saturating_sub(12);
        self.service(thread, "Shared", "InitializeSus");
        self.service(thread, "Shared", "* START * Service startup");
        self.service(
            thread,
            "Agent",
            &format!("WU client version 10.0.{}.{agent}", self.base_build),
        );
        self.service(
            thread,
            "Agent",
            "SleepStudyTracker: Machine is non-AOAC. Sleep study tracker disabled.",
        );
        self.service(
            thread,
            "Agent",
            &format!(
                "Base directory: {}\\SoftwareDistribution",
                self.device.style.windows
            ),
        );
        self.service(
            thread,
            "Agent",
            "Datastore directory: C:\\Windows\\SoftwareDistribution\\DataStore\\DataStore.edb",
        );
        self.service(
            thread,
            "Shared",
            "UpdateNetworkState Ipv6, cNetworkInterfaces = 1.",
        );
        self.service(
            thread,
            "Shared",
            "UpdateNetworkState Ipv4, cNetworkInterfaces = 1.",
        );
        self.service(thread, "Shared", "Network state: Connected");
        self.service(
            thread,
            "Misc",
            "LoadHistoryEventFromRegistry completed, hr = 8024000C",
        );
        self.service(
            thread,
            "Shared",
            "UpdateNetworkState Ipv6, cNetworkInterfaces = 1.",
        );
        self.service(thread, "Shared", "Power status changed");
        let vector = self.random.correlation_vector();
        self.service(
            thread,
            "Agent",
            &format!("Initializing global settings cache (cV = {vector}.0)"),
        );
        self.service(thread, "Agent", "WSUS server: (null)");
        self.service(thread, "Agent", "WSUS status server: (null)");
        self.service(thread, "Agent", "Alternate Download Server: (null)");
        self.service(thread, "Agent", "Target group: (Unassigned Computers)");
        self.service(thread, "Agent", "Windows Update access disabled: No");
        self.service(
            thread,
            "Agent",
            "Do not connect to Windows Update Internet locations: No",
        );
        self.service(thread, "Agent", "Initializing Windows Update Agent");
        self.service(
            thread,
            "DownloadManager",
            "Download manager restoring 0 downloads",
        );
        self.service(
            thread,
            "Agent",
            "CPersistentTimeoutScheduler | GetTimer, returned hr = 0x00000000",
        );
    }

    /// Rules that cannot be evaluated: 0x80070032 for apps, and metadata that has expired.
    pub(super) fn evaluation_noise(&mut self, thread: u32) {
        let rules = self.random.between(0, 4);
        for _ in 0..rules {
            let update = self.random.guid();
            self.service(
                thread,
                "Handler",
                "*FAILED* [80070032] Method failed [AppxPackage::Initialize:235]",
            );
            self.service(
                thread,
                "Handler",
                "*FAILED* [80070032] Method failed [AppxApplicabilityData::Initialize:543]",
            );
            let expression = self.random.between(40, 60);
            self.service(thread, "EEHandler", &format!("*FAILED* [80070032] EvaluateManifestBasedRule failed for update {update}.1, idExpr={expression}"));
            self.service(
                thread,
                "Agent",
                &format!(
                    "*FAILED* [80070032] Evaluate Installable rule, updateId = {{{{{update}}}.1}}"
                ),
            );
        }
        if self.random.chance(0.15) {
            let update = self.random.guid();
            let revision = self.random.between(41_000_000, 42_000_000);
            self.service(thread, "Metadata", "*FAILED* [80240007] Failed to find timestampToken with timestamp[2024-05-18T16:18:14Z]");
            self.service(thread, "Metadata", "*FAILED* [80247160] Method failed [MetadataIntegrity::SignatureVerifier::VerifySignature:291]");
            self.service(thread, "Metadata", &format!("Metadata signature failure - hrGeneral[0x80247142] hrDetailed[0x80247160] revId[{revision}] updId[{update}] revNum[200] tsId[2024-05-18T16:18:14Z] leafCertId[18]"));
        }
    }

    /// Malware definitions come and are installed.
    pub(super) fn definition_update(&mut self) {
        let caller = "Windows Defender";
        let (update, job) = (format!("{}.200", self.random.guid()), self.random.guid());
        let minor = self.random.between(10, 3_000);
        let title = format!(
            "Security Intelligence Update for Microsoft Defender Antivirus - KB2267602 (Version 1.417.{minor}.0) - Current Channel (Broad)"
        );
        self.scan(caller, super::WINDOWS_UPDATE, std::slice::from_ref(&update));
        self.download_one(caller, &update, &title);
        let (thread, client) = (self.random.process_id(), self.random.process_id());
        self.pass(300, 4_000);
        let vector = self.random.correlation_vector();
        self.client(
            client,
            "ComApi",
            &format!("* START *   Install ClientId = {caller}, Flags: 0X40 (cV: {vector}.5.0)"),
        );
        self.service(
            thread,
            "UDP",
            &format!(
                "Deployment job Id {job} : Beginning Installing of updates, CallerId = {caller}."
            ),
        );
        self.service(thread, "UDP", &format!("  Title = {title}"));
        self.service(thread, "UDP", &format!("  UpdateId = {update}"));
        self.pass(4_000, 40_000);
        self.service(thread, "Handler", "Command line install completed. Return code = 0x00000000, Result = Succeeded, Reboot required = false");
        self.end_job(thread, &job, &update, caller);
        self.service(thread, "UDP", &format!("Deployment job Id {job} : NotifyClient ({thread})(0) called for update id {}, code = Update success, percent complete = 100", update.trim_end_matches(".200")));
        self.service(
            thread,
            "Agent",
            &format!(
                "LogHistory called. idUpdate={{{}}}.200, resultMapped=0, resultUnMapped=0",
                update.trim_end_matches(".200")
            ),
        );
        self.client(client, "ComApi", "Install call complete (succeeded = 1, succeeded with errors = 0, failed = 0, cancelled = 0, unaccounted = 0");
        self.client(client, "ComApi", "Reboot required = False");
        self.client(
            client,
            "ComApi",
            &format!("* END *   Install ClientId = {caller}"),
        );
    }

    /// What the client says when a deployment went well.
    fn end_job(&mut self, thread: u32, job: &str, update: &str, caller: &str) {
        for said in [
            format!("Method succeeded for update {update}, hrDeploy = 0x00000000"),
            format!("Update {update} complete delegate invoked."),
            "Job complete delegate invoked.".to_owned(),
            format!("Ending Installing updates, CallerId = {caller}, Exit code = 0x00000000"),
        ] {
            self.service(thread, "UDP", &format!("Deployment job Id {job} : {said}"));
        }
    }

    /// A Store app is updated: metadata that is not there yet (0x80248007), a sandbox in use.
    /// Not of an app that fails on this device.
    pub(super) fn store_update(&mut self, failing: Option<&str>) {
        let caller = "Update;ScanForUpdates";
        let (update, bundled, app) = (
            format!("{}.1", self.random.guid()),
            self.random.guid(),
            self.random.pick(&APPS),
        );
        let fails = |app: &str| failing.is_some_and(|name| app.ends_with(name));
        let app = if fails(app) {
            APPS.into_iter().find(|app| !fails(app)).unwrap_or(app)
        } else {
            app
        };
        self.scan(caller, STORE, std::slice::from_ref(&update));
        let thread = self.random.process_id();
        for _ in 0..3 {
            self.pass(40, 400);
            self.service_lookup(thread, STORE, "False");
            self.service(
                thread,
                "DownloadManager",
                "The update's sandbox is in use.  Will download when it is no longer busy.",
            );
        }
        self.service(
            thread,
            "DownloadManager",
            &format!(
                "*FAILED* [80248007] Failed to get the update's metadata for update {bundled}.201"
            ),
        );
        self.download_one(caller, &update, app);
        let job = self.random.guid();
        self.pass(200, 2_000);
        self.service(
            thread,
            "UDP",
            &format!(
                "Deployment job Id {job} : Beginning Installing of updates, CallerId = {caller}."
            ),
        );
        self.service(thread, "UDP", &format!("  Title = {app}"));
        self.service(thread, "UDP", &format!("  UpdateId = {update}"));
        self.service(
            thread,
            "Handler",
            "* START *   AppX Install: Caller is system:No, for all users:No",
        );
        self.pass(900, 8_000);
        self.service(thread, "Handler", "* END *   AppX Install");
        self.service(thread, "WIL", "*FAILED* [80070002] file = onecore\\enduser\\windowsupdate\\client\\comapi\\deploymentjobhost.cpp, line = 1468");
        self.end_job(thread, &job, &update, caller);
        self.service(thread, "UDP", &format!("Deployment job Id {job} : NotifyClient ({thread})(0) called for update id {}, code = Update success, percent complete = 100", update.trim_end_matches(".1")));
        self.service(thread, "UDP", &format!("Deployment job Id {job} : NotifyClient ({thread})(0) called with Deployment callback code = Job complete, reboot status = no reboot"));
    }
}
