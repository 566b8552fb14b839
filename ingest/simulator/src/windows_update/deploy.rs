//! Download and installation of an update by the client.

use super::{ORCHESTRATOR, UpdateLog, WINDOWS_UPDATE};
use crate::{scenario::Fault, schedule::Ending, update::KnownUpdate};

/// A deployment as the client numbers it.
struct Job {
    id: String,
    asking: u32,
    worker: u32,
    worker_thread: u32,
    progress_thread: u32,
}

impl UpdateLog<'_> {
    /// The monthly update is downloaded.
    pub(super) fn download(&mut self, update: &KnownUpdate, title: &str) {
        let thread = self.random.process_id();
        self.service_lookup(thread, WINDOWS_UPDATE, "False");
        self.download_one(ORCHESTRATOR, &update.identity(), title);
    }

    pub(super) fn download_one(&mut self, caller: &str, update: &str, title: &str) {
        let (thread, client) = (self.random.process_id(), self.random.process_id());
        let (call, job, bundled, file) = (
            self.random.guid(),
            self.random.guid(),
            self.random.guid(),
            self.random.guid().to_lowercase(),
        );
        let (number, vector) = (self.call, self.random.correlation_vector());
        let target = format!(
            "{}\\SoftwareDistribution\\Download\\{}\\{}",
            self.device.style.windows,
            self.random.hex(32),
            self.random.hex(40)
        );
        self.client(
            client,
            "ComApi",
            &format!("* START *   Federated Download ClientId = {caller} (cV = {vector}.3.0)"),
        );
        self.service(
            thread,
            "DownloadManager",
            &format!(
                "* START * Begin Downloading Updates [CallerId = {caller}] [Call ID = {{{call}}}]"
            ),
        );
        self.service(thread, "DownloadManager", "Priority = 2, NetworkCostPolicy = 0, Interactive = 0, Download on Battery = 1, Bypass Regulation = 0, Owner is system = 1, Proxy session id = -1, ServiceId = 9482F4B4-E343-43B6-B170-9A65BC822C77.");
        self.service(thread, "DownloadManager", "Updates to download = 1");
        self.service(thread, "Agent", &format!("  Title = {title}"));
        self.service(thread, "Agent", &format!("  UpdateId = {update}"));
        self.service(thread, "Agent", "    Bundles 1 updates:");
        self.service(thread, "Agent", &format!("      {bundled}.200"));
        self.service(
            thread,
            "DownloadManager",
            &format!("New download job {{{job}}} for UpdateId {bundled}.200"),
        );
        let expires = 1_714_000_000 + self.random.between(0, 9_000_000);
        self.service(thread, "DownloadManager", &format!("Downloading from http://tlu.dl.delivery.mp.microsoft.com/filestreamingservice/files/{file}?P1={expires}&P2=404&P3=2 to {target} (full file)"));
        self.service(thread, "DownloadManager", &format!("* END * Begin Downloading Updates [CallerId = {caller}] [Call ID = {{{call}}}] [hr = 0x00000000]"));
        self.pass(9_000, 90_000);
        self.service(
            thread,
            "DownloadManager",
            &format!("DO job {{{job}}} completed successfully, updateId = {bundled}.200"),
        );
        let bytes = self.random.between(400_000, 790_000_000);
        self.service(thread, "DownloadManager", &format!("Update 0 in call {number} was already downloaded (totalBytes={bytes}). Notifying call."));
        self.service(thread, "DownloadManager", &format!("* END * Download Call Complete. Call {number} for caller {caller} has completed; signaling completion."));
        self.service(thread, "Agent", &format!("WU client calls back to download call {{{call}}} with code Call complete and error 0"));
        self.client(
            client,
            "ComApi",
            &format!("*RESUMED* Download ClientId = {caller}"),
        );
        self.client(client, "ComApi", "Download call complete (succeeded = 1, succeeded with errors = 0, failed = 0, cancelled = 0, unaccounted = 0)");
        self.client(
            client,
            "ComApi",
            &format!("* END *   Download ClientId = {caller}"),
        );
    }

    /// The monthly update is asked for, and does not arrive.
    pub(super) fn give_up_download(&mut self, update: &KnownUpdate, title: &str, fault: &Fault) {
        let code = fault.code.0;
        let (thread, client) = (self.random.process_id(), self.random.process_id());
        let (call, job) = (self.random.guid(), self.random.guid());
        let (number, vector) = (self.call, self.random.correlation_vector());
        self.service_lookup(thread, WINDOWS_UPDATE, "False");
        self.client(
            client,
            "ComApi",
            &format!(
                "* START *   Federated Download ClientId = {ORCHESTRATOR} (cV = {vector}.3.0)"
            ),
        );
        self.service(thread, "DownloadManager", &format!("* START * Begin Downloading Updates [CallerId = {ORCHESTRATOR}] [Call ID = {{{call}}}]"));
        self.service(thread, "DownloadManager", "Updates to download = 1");
        self.service(thread, "Agent", &format!("  Title = {title}"));
        self.service(
            thread,
            "Agent",
            &format!("  UpdateId = {}", update.identity()),
        );
        self.service(
            thread,
            "DownloadManager",
            &format!(
                "New download job {{{job}}} for UpdateId {}.{}",
                update.bundled_id, update.revision
            ),
        );
        self.service(thread, "DownloadManager", &format!("* END * Begin Downloading Updates [CallerId = {ORCHESTRATOR}] [Call ID = {{{call}}}] [hr = 0x00000000]"));
        self.pass(9_000, 90_000);
        for statement in &fault.windows_update {
            self.say(statement, thread);
        }
        self.service(
            thread,
            "DownloadManager",
            &format!(
                "Error 0x{code:08X} occurred while downloading update; notifying dependent calls."
            ),
        );
        self.service(thread, "DownloadManager", &format!("* END * Download Call Complete. Call {number} for caller {ORCHESTRATOR} has completed; signaling completion."));
        self.service(thread, "Agent", &format!("WU client calls back to download call {{{call}}} with code Call complete and error 0x{code:08X}"));
        self.client(
            client,
            "ComApi",
            &format!("*RESUMED* Download ClientId = {ORCHESTRATOR}"),
        );
        self.client(client, "ComApi", "Download call complete (succeeded = 0, succeeded with errors = 0, failed = 1, cancelled = 0, unaccounted = 0)");
        self.client(
            client,
            "ComApi",
            &format!("Exit code = 0x00000000; Call error code = 0x{code:08X}"),
        );
        self.client(
            client,
            "ComApi",
            &format!("* END *   Download ClientId = {ORCHESTRATOR}"),
        );
    }

    /// The monthly update is installed, up to the restart, the fault or the end of the log.
    pub(super) fn install(
        &mut self,
        update: &KnownUpdate,
        title: &str,
        ending: Ending,
        fault: Option<&Fault>,
    ) {
        let job = Job {
            id: self.random.guid(),
            asking: self.random.process_id(),
            worker: self.random.process_id(),
            worker_thread: self.random.process_id(),
            progress_thread: self.random.process_id(),
        };
        self.begin_install(update, title, &job);
        let last = match (ending, fault) {
            (Ending::InProgress, _) => 420,
            (_, Some(_)) => 180,
            _ => 1000,
        };
        self.progress(update, &job, last);
        match fault {
            Some(fault) => self.fail_install(update, &job, fault),
            None if ending == Ending::InProgress => {}
            None => self.end_install(update, &job),
        }
    }

    fn begin_install(&mut self, update: &KnownUpdate, title: &str, job: &Job) {
        let (update_id, revision) = (update.update_id.as_str(), update.revision);
        let (deployment, asking, worker, thread) =
            (job.id.as_str(), job.asking, job.worker, job.worker_thread);
        let vector = self.random.correlation_vector();
        let (session, service_thread) = (self.session.clone(), self.random.process_id());
        let folder = format!(
            "{}\\SoftwareDistribution\\Download\\{}",
            self.device.style.windows,
            self.random.hex(32)
        );
        self.client(
            asking,
            "ComApi",
            &format!(
                "* START *   Federated Install   ClientId = {ORCHESTRATOR} (cV: {vector}.5.0)"
            ),
        );
        self.client(
            asking,
            "ComApi",
            &format!(
                "* START *   Install ClientId = {ORCHESTRATOR}, Flags: 0X12100 (cV: {vector}.5.0.0)"
            ),
        );
        self.client(asking, "ComApi", "Allow source prompts: Yes; Forced: No; Force quiet: No; Attempt close apps if necessary: No");
        self.client(asking, "ComApi", "Updates in request: 1");
        self.client(
            asking,
            "ComApi",
            &format!("ServiceID = {{{WINDOWS_UPDATE}}} Windows Update"),
        );
        self.service(service_thread, "Agent", "Validating updates before Install");
        self.pass(900, 4_000);
        self.service(service_thread, "Agent", "Pre-install check complete");
        self.client(asking, "UDP", &format!("BeginUpdateDeployment invoked for Installing the 1 updates; Caller id = {ORCHESTRATOR}"));
        self.client(
            asking,
            "UDP",
            &format!("Deployment job Id {deployment} : Created successfully."),
        );
        self.client(asking, "WIL", "*FAILED* [8024801E] file = onecore\\enduser\\windowsupdate\\client\\engine\\updatedeploymentprovider\\lib\\dpupdatehelper.cpp, line = 632");
        self.client(asking, "UDP", &format!("Deployment job Id {deployment} : Beginning Installing of updates, CallerId = {ORCHESTRATOR}."));
        self.client(asking, "UDP", &format!("  Title = {title}"));
        self.client(
            asking,
            "UDP",
            &format!("  UpdateId = {update_id}.{revision}"),
        );
        self.client(asking, "UDP", "    Bundles 1 updates:");
        self.client(
            asking,
            "UDP",
            &format!("      {}.{revision}", update.bundled_id),
        );
        self.client(asking, "UDP", &format!("Deployment job Id {deployment} : Installing starting for update {update_id}.{revision}, deployable update count = 1"));
        self.line(worker, thread, "Handler", "UH: CoCreateInstance of remote handler succeeded with CLSID d5fdc3d9-18b5-4039-8b0c-ce4798d917de");
        self.line(worker, thread, "Handler", "* START *   CBS  Install");
        self.line(
            worker,
            thread,
            "Handler",
            &format!("Starting install of CBS update {}", update.bundled_id),
        );
        self.line(
            worker,
            thread,
            "Handler",
            &format!("CBS session identity: {session}"),
        );
        self.line(
            worker,
            thread,
            "Handler",
            &format!("CBS package identity: {}", update.package),
        );
        self.line(worker, thread, "Handler", "Loaded state: cCompleteIterations: 1, pt: SelfContainedNoExpressPayload, nNextRequestID: 1.");
        self.line(worker, thread, "Handler", &format!("Installing SelfContainedNoExpressPayload with source={folder}\\Windows10.0-KB{}-x64.cab, workingdir={folder}\\inst", update.kb_article));
        self.pass(2_000, 9_000);
        self.line(worker, thread, "Handler", "CBS called Initiate");
    }

    fn progress(&mut self, update: &KnownUpdate, job: &Job, last: u32) {
        let mut ticks = 110;
        let step = if last > 500 { 26 } else { 14 };
        while ticks < last {
            self.pass(1_000, 20_000);
            let state = if ticks < 300 { 3 } else { 7 };
            self.line(
                job.worker,
                job.progress_thread,
                "Handler",
                &format!("CBS called Progress with state={state}, ticks={ticks}, total=1000"),
            );
            let thread = self.random.process_id();
            self.client(thread, "UDP", &format!("Deployment job Id {} : NotifyClient ({thread})(0) called for update id {}, code = Update progress, percent complete = {}", job.id, update.update_id, ticks / 10));
            ticks += self.random.between(step, step * 2);
        }
    }

    fn fail_install(&mut self, update: &KnownUpdate, job: &Job, fault: &Fault) {
        let (update_id, revision, code) =
            (update.update_id.as_str(), update.revision, fault.code.0);
        let (deployment, asking, worker, thread) =
            (job.id.as_str(), job.asking, job.worker, job.worker_thread);
        for statement in &fault.windows_update {
            self.pass(statement.after_ms / 2, statement.after_ms);
            self.line(worker, thread, statement.component, &statement.text);
        }
        self.pass(200, 3_000);
        self.line(
            worker,
            job.progress_thread,
            "Handler",
            &format!(
                "CBS called Error with 0x{:08x}, <NULL>",
                fault.servicing_code.0
            ),
        );
        self.line(worker, thread, "Handler", &format!("Completed install of CBS update with type=0, requiresReboot=0, installerError=1, hr=0x{code:08x}"));
        self.line(
            worker,
            thread,
            "Handler",
            &format!("*FAILED* [{code:08X}] Method failed [CUHCbsHandler::Install:1431]"),
        );
        self.line(worker, thread, "Handler", "* END *   CBS Install");
        self.client(asking, "UDP", &format!("Deployment job Id {deployment} : Update {update_id}.{revision} failure delegate invoked."));
        self.client(asking, "UDP", &format!("Deployment job Id {deployment} : NotifyClient ({asking})(0) called for update id {update_id}, code = Update failed, percent complete = 100"));
        let service_thread = self.random.process_id();
        self.service(service_thread, "Agent", &format!("LogHistory called. idUpdate={{{update_id}}}.{revision}, resultMapped={code:08X}, resultUnMapped=0"));
        self.client(asking, "UDP", &format!("*FAILED* [{code:08X}] Deployment job Id {deployment} : Installing for Top level update id {update_id}.{revision}, bundled update id {}.{revision} [CUpdateDeploymentJob::DeploySingleUpdateInternal:2800]", update.bundled_id));
        self.client(asking, "UDP", &format!("Deployment job Id {deployment} : Method failed for update {update_id}.{revision}, hrDeploy = 0x{code:08x}"));
        self.client(asking, "UDP", &format!("Deployment job Id {deployment} : Ending Installing updates, CallerId = {ORCHESTRATOR}, Exit code = 0x00000000"));
        self.client(asking, "UDP", &format!("Deployment job Id {deployment} : NotifyClient ({asking})(0) called with Deployment callback code = Job complete, reboot status = no reboot"));
        self.client(asking, "ComApi", "Install call complete (succeeded = 0, succeeded with errors = 0, failed = 1, cancelled = 0, unaccounted = 0");
        self.client(asking, "ComApi", "Reboot required = False");
        self.client(asking, "ComApi", "Call error code = 0x80240022");
        self.client(
            asking,
            "ComApi",
            &format!("* END *   Install ClientId = {ORCHESTRATOR}"),
        );
    }

    fn end_install(&mut self, update: &KnownUpdate, job: &Job) {
        let (update_id, revision) = (update.update_id.as_str(), update.revision);
        let (deployment, asking, worker, thread) =
            (job.id.as_str(), job.asking, job.worker, job.worker_thread);
        self.line(worker, thread, "Handler", "Completed install of CBS update with type=0, requiresReboot=1, installerError=0, hr=0x0");
        self.line(worker, thread, "Handler", "* END *   CBS Install");
        self.client(asking, "UDP", &format!("Deployment job Id {deployment} : Method succeeded for update {update_id}.{revision}, hrDeploy = 0x00000000"));
        self.client(asking, "UDP", &format!("Deployment job Id {deployment} : Update {update_id}.{revision} complete delegate invoked."));
        self.client(asking, "UDP", &format!("Deployment job Id {deployment} : NotifyClient ({asking})(0) called for update id {update_id}, code = Update success, percent complete = 100"));
        self.client(asking, "UDP", &format!("Deployment job Id {deployment} : NotifyClient ({asking})(0) called with Deployment callback code = Job complete, reboot status = reboot required"));
        self.client(asking, "UDP", &format!("Deployment job Id {deployment} : Ending Installing updates, CallerId = {ORCHESTRATOR}, Exit code = 0x00000000"));
        self.client(asking, "ComApi", "Install call complete (succeeded = 1, succeeded with errors = 0, failed = 0, cancelled = 0, unaccounted = 0");
        self.client(asking, "ComApi", "Reboot required = True");
        self.client(
            asking,
            "ComApi",
            &format!("* END *   Install ClientId = {ORCHESTRATOR}"),
        );
    }
}
