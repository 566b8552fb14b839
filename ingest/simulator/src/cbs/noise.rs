//! What the servicing stack says every day on every healthy device.

use super::CbsLog;
use crate::scenario::Severity;

impl CbsLog<'_> {
    /// The service and its worker process start; both were stopped while idle.
    pub(super) fn start_worker(&mut self) {
        let boot = self.device.zone.to_datetime(self.boot);
        let millis = boot.subsec_nanosecond() / 1_000_000;
        self.cbs("TI: --- Initializing Trusted Installer ---");
        self.cbs(&format!(
            "TI: Last boot time: {}.{millis:03}",
            boot.strftime("%Y-%m-%d %H:%M:%S")
        ));
        self.cbs("Starting TrustedInstaller initialization.");
        self.cbs("Lock: New lock added: CCbsPublicSessionClassFactory, level: 30, total lock:4");
        self.cbs("Lock: New lock added: CCbsPublicSessionClassFactory, level: 30, total lock:5");
        self.cbs("Lock: New lock added: WinlogonNotifyLock, level: 8, total lock:6");
        self.cbs("Ending TrustedInstaller initialization.");
        self.cbs("Starting the TrustedInstaller main loop.");
        self.cbs("TrustedInstaller service starts successfully.");
        self.cbs(
            "No startup processing required, TrustedInstaller service was not set as autostart",
        );
        self.cbs("Startup processing thread terminated normally");
        self.cbs("TI: Startup Processing completes, release startup processing lock.");
        self.pass(20, 400);
        self.start_servicing_stack();
        self.cbs("NonStart: Set pending store consistency check.");
    }

    /// The worker process loads the servicing stack.
    pub(super) fn start_servicing_stack(&mut self) {
        let (windows, base, stack) = (self.device.style.windows, self.base_build, self.stack_ubr);
        self.csi = 1;
        self.cbs("Starting TiWorker initialization.");
        self.cbs("Lock: New lock added: TiWorkerClassFactory, level: 30, total lock:2");
        self.cbs("Ending TiWorker initialization.");
        self.cbs("Starting the TiWorker main loop.");
        self.cbs("TiWorker starts successfully.");
        self.cbs("Lock: New lock added: CCbsWorker, level: 5, total lock:3");
        self.pass(30, 300);
        let now = self.clock.utc();
        let millis = now.subsec_nanosecond() / 1_000_000;
        self.cbs(&format!(
            "Universal Time is: {}.{millis:03}",
            now.strftime("%Y-%m-%d %H:%M:%S")
        ));
        let hash = crate::random::Random::for_path(&[u64::from(stack)]).hex(16);
        self.cbs(&format!("Loaded Servicing Stack v10.0.{base}.{stack} with Core: {windows}\\winsxs\\amd64_microsoft-windows-servicingstack_31bf3856ad364e35_10.0.{base}.{stack}_none_{hash}\\cbscore.dll"));
        self.cbs(&format!("Build: {base}.1.amd64fre.vb_release.191206-1406"));
        self.csi(
            Severity::Info,
            &format!("@ WcpInitialize: wcp.dll version 10.0.{base}.{stack} (WinBuild.160101.0800)"),
        );
        self.cbs("Lock: New lock added: CCbsSessionManager, level: 11, total lock:9");
        self.cbs("Lock: New lock added: CSIInventoryCriticalSection, level: 64, total lock:10");
    }

    /// Both stop, some minutes after the last session.
    pub(super) fn stop_worker(&mut self) {
        self.pass(120_000, 300_000);
        let opened = self.random.between(4, 90);
        for text in [
            "Trusted Installer is shutting down because: SHUTDOWN_REASON_AUTOSTOP",
            "TiWorker signaled for shutdown, going to exit.",
            "CbsCoreFinalize: ExecutionEngineFinalize",
            "Execution Engine Finalize",
            "Execution Engine Finalize",
            "Ending the TiWorker main loop.",
            "Starting TiWorker finalization.",
            "CbsCoreFinalize: ManifestCacheFinalize",
            "CBS Engine already deactivated",
            "CBS Engine already deactivated",
            "CbsCoreFinalize: ComponentAnalyzerFinalize",
            "CbsCoreFinalize: PackageTrackerFinalize",
            "CbsCoreFinalize: CoreResourcesUnload",
            "CbsCoreFinalize: SessionManagerFinalize",
            "Lock: Lock removed: CSIInventoryCriticalSection, level: 64, total lock:10",
            "Lock: Lock removed: CCbsSessionManager, level: 11, total lock:9",
            "CbsCoreFinalize: CapabilityManagerFinalize",
            "CbsCoreFinalize: PublicObjectMonitorFinalize",
            "CbsCoreFinalize: Enter vCoreInitializeLock",
            "CbsCoreFinalize: WcpUnload",
        ] {
            self.cbs(text);
        }
        self.csi(
            Severity::Info,
            &format!("Direct SIL provider: Number of files opened: {opened}."),
        );
        for text in [
            "CbsCoreFinalize: DrupUnload",
            "CbsCoreFinalize: CfgMgr32Unload",
            "CbsCoreFinalize: DpxUnload",
            "CbsCoreFinalize: SrUnload",
            "CbsCoreFinalize: CbsEsdUnload",
            "CbsCoreFinalize: CbsTraceInfoUninitialize",
            "CbsCoreFinalize: CbsEventUnregister",
            "CbsCoreFinalize: AppContainerUnload",
            "CbsCoreFinalize: WdsUnload, logging from cbscore will end.",
            "Ending TiWorker finalization.",
            "Ending the TrustedInstaller main loop.",
            "Starting TrustedInstaller finalization.",
            "Lock: Lock removed: WinlogonNotifyLock, level: 8, total lock:6",
            "Ending TrustedInstaller finalization.",
        ] {
            self.cbs(text);
        }
    }

    /// `sfc /scannow` or its scheduled kin: nothing is wrong.
    pub(super) fn file_verification(&mut self) {
        self.start_worker();
        let session = self.session_id();
        self.cbs(&format!("Session: {session} initialized by client Windows File Protection, external staging directory: (null), external registry directory: (null)"));
        self.csi(Severity::Info, "@ CSI Transaction @0x1d3a0e5b1c0 initialized for deployment engine {d16d444c-56d8-11d5-882d-0080c847b195} with flags 00000002 and client id 'TI6'\n");
        let rounds = self.random.between(8, 28);
        for _ in 0..rounds {
            self.csi(Severity::Info, "[SR] Verifying 100 components");
            self.csi(
                Severity::Info,
                "[SR] Beginning Verify and Repair transaction",
            );
            self.pass(400, 2_600);
            let millis = self.random.between(90, 400);
            self.csi(
                Severity::Info,
                &format!("CSIPERF - FilePI Queue {millis}ms"),
            );
            self.csi(Severity::Info, "[SR] Verify complete");
        }
        self.csi(Severity::Info, "[SR] Repairing 0 components");
        self.csi(
            Severity::Info,
            "[SR] Beginning Verify and Repair transaction",
        );
        self.csi(Severity::Info, "[SR] Repair complete");
        self.stop_worker();
    }
}
