//! Searches for updates: asked by a client, answered by the service, failed or not.

use super::{ORCHESTRATOR, UpdateLog, WINDOWS_UPDATE};
use crate::{scenario::Fault, update::grouped};

impl UpdateLog<'_> {
    /// A search that succeeds and finds these updates.
    pub(super) fn scan(&mut self, caller: &str, service: &str, found: &[String]) {
        let vector = self.random.correlation_vector();
        let (asking, working) = (self.random.process_id(), self.random.process_id());
        let call = self.begin_search(caller, service, &vector, asking, working);
        self.pass(200, 2_500);
        self.evaluation_noise(working);
        self.service(working, "ProtocolTalker", "SyncUpdates round trips: 1");
        for update in found {
            self.service(
                working,
                "Agent",
                &format!("Added update {update} to search result"),
            );
        }
        let (rules, entities) = (
            self.random.between(300, 1_900),
            self.random.between(1_900, 2_600),
        );
        self.service(working, "Agent", &format!("Found {} updates and {} categories in search; evaluated appl. rules of {rules} out of {entities} deployed entities", found.len(), found.len() * 4 + 78));
        self.service(working, "Agent", &format!("* END * Finding updates CallerId = {caller}, Id = {call}, Exit code = 0x00000000 (cV = {vector}.1.0.0.0.1)"));
        self.end_search(caller, service, &vector, asking, found.len());
    }

    fn begin_search(
        &mut self,
        caller: &str,
        service: &str,
        vector: &str,
        asking: u32,
        working: u32,
    ) -> u32 {
        self.call += self.random.between(1, 3);
        let (call, operation) = (self.call, self.call * 11 + 30);
        self.client(
            asking,
            "ComApi",
            &format!("* START *   Federated Search ClientId = {caller} (cV: {vector}.1.0)"),
        );
        self.service(working, "IdleTimer", &format!("WU operation (SR.{caller} ID {call}) started; operation # {operation}; does use network; is not at background priority"));
        self.service_lookup(working, service, "True");
        self.service(
            working,
            "Agent",
            &format!("Total possible federated services: 1 (cV: {vector}.1.0.0.0)"),
        );
        self.service(working, "IdleTimer", &format!("WU operation (SR.{caller} ID {call}, operation # {operation}) stopped; does use network; is not at background priority"));
        self.client(
            asking,
            "ComApi",
            &format!("Federated Search: Starting search against 1 service(s) (cV = {vector}.1.0)"),
        );
        self.client(asking, "ComApi", &format!("* START *   Search ClientId = {caller}, ServiceId = {service}, Flags: 0X40010010 (cV = {vector}.1.0.0)"));
        let call = call + 1;
        self.call = call;
        self.service(
            working,
            "Agent",
            &format!("* START * Queueing Finding updates [CallerId = {caller}  Id = {call}]"),
        );
        self.service(
            working,
            "Agent",
            &format!("Service {service} is not in sequential scan list"),
        );
        self.service(
            working,
            "Agent",
            &format!("* END * Queueing Finding updates [CallerId = {caller}  Id = {call}]"),
        );
        self.service(working, "Agent", &format!("* START * Finding updates CallerId = {caller}  Id = {call} (cV = {vector}.1.0.0.0.1)"));
        self.service(working, "Agent", "Online = Yes; Interactive = No; AllowCachedResults = No; Ignore download priority = No");
        self.service(working, "Agent", "Criteria = IsInstalled=0 and DeploymentAction='Installation' or IsInstalled=0 and DeploymentAction='OptionalInstallation'\"\"");
        self.service(
            working,
            "Agent",
            &format!(
                "ServiceID = {{{service}}} {}",
                if service == WINDOWS_UPDATE {
                    "Windows Update"
                } else {
                    "Third party service"
                }
            ),
        );
        self.service(working, "Agent", "Search Scope = {Machine}");
        self.service(working, "Agent", "Caller SID for Applicability: S-1-5-18");
        call
    }

    fn end_search(&mut self, caller: &str, service: &str, vector: &str, asking: u32, found: usize) {
        self.pass(5, 60);
        self.client(asking, "ComApi", &format!("*RESUMED*   Search ClientId = {caller}, ServiceId = {service} (cV = {vector}.1.0.0)"));
        self.client(asking, "ComApi", &format!("* END *   Search ClientId = {caller}, Updates found = {found}, ServiceId = {service} (cV = {vector}.1.0.0)"));
        self.client(asking, "ComApi", &format!("* END *   All federated searches have completed. Jobs = 1, Succeeded = 1, ClientId = {caller} (cV = {vector}.1.1)"));
    }

    /// A search that fails in the exchange with the server.
    pub(super) fn failed_scan(&mut self, fault: &Fault) {
        let code = fault.code.0;
        let vector = self.random.correlation_vector();
        let (asking, working) = (self.random.process_id(), self.random.process_id());
        let call = self.begin_search(ORCHESTRATOR, WINDOWS_UPDATE, &vector, asking, working);
        self.pass(120, 900);
        for statement in &fault.windows_update {
            self.say(statement, working);
        }
        let line = 5_800 + self.random.between(10, 60);
        for (component, text) in [
            (
                "WebServices",
                "Web service call. Current service auth scheme=0. Current Proxy auth scheme=0."
                    .to_owned(),
            ),
            (
                "WebServices",
                "Failed in NwsCallWithRetries( LGetAuthorizationCookie".to_owned(),
            ),
            (
                "ProtocolTalker",
                format!(
                    "Method failed [CAuthorizationCookieWrapper::InitializeSimpleTargetingCookie:{line}]"
                ),
            ),
            (
                "ProtocolTalker",
                "Failed to initialize Simple Targeting Cookie".to_owned(),
            ),
            ("ProtocolTalker", "PopulateAuthCookies failed".to_owned()),
            ("ProtocolTalker", "RefreshCookie failed".to_owned()),
            ("ProtocolTalker", "RefreshPTState failed".to_owned()),
        ] {
            self.service(working, component, &format!("*FAILED* [{code:08X}] {text}"));
        }
        self.service(working, "ProtocolTalker", "SyncUpdates round trips: 0");
        for (component, text) in [
            ("ProtocolTalker", "Sync of Updates"),
            ("ProtocolTalker", "SyncServerUpdatesInternal failed"),
            ("Agent", "Synchronize"),
        ] {
            self.service(working, component, &format!("*FAILED* [{code:08X}] {text}"));
        }
        self.pass(5, 900);
        self.service(working, "Agent", &format!("* END * Finding updates CallerId = {ORCHESTRATOR}, Id = {call}, Exit code = 0x{code:08X} (cV = {vector}.1.0.0.0.1)"));
        self.pass(5, 40);
        self.client(asking, "ComApi", &format!("*RESUMED*   Search ClientId = {ORCHESTRATOR}, ServiceId = {WINDOWS_UPDATE} (cV = {vector}.1.0.0)"));
        self.client(
            asking,
            "ComApi",
            &format!("Exit code = 0x00000000, Result code = 0x{code:08X} (cV = {vector}.1.0.0)"),
        );
        self.client(asking, "ComApi", &format!("* END *   Search ClientId = {ORCHESTRATOR}, Updates found = 0, ServiceId = {WINDOWS_UPDATE} (cV = {vector}.1.0.0)"));
        self.client(asking, "ComApi", &format!("* END *   All federated searches have completed. Jobs = 1, Succeeded = 0, ClientId = {ORCHESTRATOR} (cV = {vector}.1.1)"));
    }

    /// The service cannot be started for a search.
    pub(super) fn refused_search(&mut self, fault: &Fault) {
        let code = fault.code.0;
        let tries = self.random.between(2, 4);
        for _ in 0..tries {
            let thread = self.random.process_id();
            let vector = self.random.correlation_vector();
            self.client(
                thread,
                "ComApi",
                &format!("* START *   Init Search ClientId = {ORCHESTRATOR} (cV = {vector}.0.0)"),
            );
            self.pass(2, 30);
            self.client(
                thread,
                "ComApi",
                &format!("*FAILED* [{code:08X}] ISusInternal:: BeginFindUpdates"),
            );
            self.client(thread, "ComApi", &format!("* END *   Init Search ClientId = {ORCHESTRATOR}, Exit code = 0x{code:08X} (cV = {vector}.0.0)"));
            self.pass(60_000, 900_000);
        }
    }

    pub(super) fn routine_scan(&mut self) {
        self.scan(ORCHESTRATOR, WINDOWS_UPDATE, &[]);
        if self.random.chance(0.3) {
            let thread = self.random.process_id();
            let bytes = grouped(self.random.between(90_000, 400_000), "");
            self.service(
                thread,
                "DownloadManager",
                &format!(
                    "PurgeExpiredFiles::Found 0 expired files to delete, {bytes} bytes in use."
                ),
            );
        }
    }
}
