//! The monthly update in the hands of the servicing stack: planned, staged, installed, completed in the
//! restart, or given up on the way.

use super::CbsLog;
use crate::{
    scenario::{Fault, Severity, Stage, Statement},
    schedule::Ending,
    update::{KnownUpdate, RESTART_TAKES, SERVICING_BEGINS, session_id},
};

/// The parts of an update whose installation is logged one by one.
const PARTS: [&str; 9] = [
    "microsoft-windows-kernel32",
    "microsoft-windows-ntdll",
    "microsoft-windows-win32kfull",
    "microsoft-windows-lsa-minwin",
    "microsoft-windows-tcpip-binaries",
    "microsoft-windows-printing-spooler-core-localspl",
    "microsoft-windows-ie-htmlrendering",
    "microsoft-windows-shell32",
    "microsoft-windows-updateclient-core",
];

const REBOOT_REQUIRED: &str = "[HRESULT = 0x00000bc2 - ERROR_SUCCESS_REBOOT_REQUIRED]";
const OK: &str = "[HRESULT = 0x00000000 - S_OK]";

impl CbsLog<'_> {
    /// One session that installs an update, up to the restart, the fault or the end of the log.
    pub(super) fn install(&mut self, update: &KnownUpdate, ending: Ending, fault: Option<&Fault>) {
        let (package, kb) = (update.package.as_str(), update.kb_article);
        self.clock.pass_until(self.begun, SERVICING_BEGINS);
        self.start_worker();
        let session = session_id(self.begun);
        self.cbs(&format!("Session: {session} initialized by client WindowsUpdateAgent, external staging directory: (null), external registry directory: (null)"));
        self.cbs(&format!("Read out cached package applicability for package: {package}, ApplicableState: 112, CurrentState:0"));
        self.pass(400, 3_000);
        self.cbs("Real pend will be used if required");
        self.csi(Severity::Info, "IAdvancedInstallerAwareStore_ResolvePendingTransactions (call 1) (flags = 00000004, progress = NULL, phase = 0, pdwDisposition = @0xd1f3bfd4c0");
        self.csi(
            Severity::Info,
            "Poqexec successfully registered in [l:14 ml:15]'PoqexecCmdline'",
        );
        let store = 1_000_000_000_000 + u64::from(self.random.between(1, u32::MAX));
        self.csi(Severity::Info, &format!("CSI Store {store} initialized"));
        self.cbs(&format!("Exec: Processing started.  Client: UpdateAgentLCU, Session: {session}, Package: {package}, Identifier: KB{kb}"));
        let sequence = self.random.between(11, 64);
        self.cbs(&format!("Exec: Using execution sequence: {sequence}"));
        self.cbs("Reboot mark set");
        self.cbs("Winlogon: Registering for CreateSession notifications");
        self.cbs("Winlogon: Loading SysNotify DLL");
        self.cbs("Winlogon: Starting notify server ");
        self.cbs("Disabling LKG boot option");
        self.cbs("Perf: Entering stage: Planning");
        self.cbs("FLOW: Entering stage: Planning ");
        match fault {
            Some(fault) => self.give_up(update, &session, fault),
            None => self.stage_and_install(update, &session, ending),
        }
    }

    fn give_up(&mut self, update: &KnownUpdate, session: &str, fault: &Fault) {
        let (package, kb, code) = (
            update.package.as_str(),
            update.kb_article,
            fault.servicing_code,
        );
        for statement in &fault.cbs {
            self.say(statement, session, package);
        }
        self.cbs(&format!("WER: Generating failure report for package: {package}, status: 0x{:08x}, failure source: Plan, start state: Absent, target state: Installed, client id: UpdateAgentLCU", code.0));
        self.cbs("Not able to query DisableWerReporting flag.  Assuming not set... [HRESULT = 0x80070002 - ERROR_FILE_NOT_FOUND]");
        self.cbs("Failed to get FinalCommitPackagesState flag. Assuming it's not set. [HRESULT = 0x80070490 - ERROR_NOT_FOUND]");
        self.cbs("Reboot mark cleared");
        self.cbs("Winlogon: Simplifying Winlogon CreateSession notifications");
        self.cbs("Winlogon: Deregistering for CreateSession notifications");
        self.cbs(&format!("Exec: Processing complete.  Session: {session}, Package: {package}, Identifier: KB{kb} {code}"));
        self.say(
            &Statement::error("CBS", format!("Failed to perform operation.  {code}")),
            session,
            package,
        );
        self.cbs(&format!(
            "Session: {session} finalized. Reboot required: no {code}"
        ));
        self.pass(100, 900);
        self.cbs(&format!(
            "Failed to FinalizeEx using worker session [HRESULT = 0x{:08x}]",
            code.0
        ));
        self.stop_worker();
    }

    fn stage_and_install(&mut self, update: &KnownUpdate, session: &str, ending: Ending) {
        let (package, kb) = (update.package.as_str(), update.kb_article);
        self.pass(4_000, 20_000);
        self.cbs("Appl:LCU package and revision compare set to explicit");
        self.cbs("Package Format: PSFX");
        self.cbs(&format!("Plan: Package: {package}, current: Absent, pending: Default, start: Absent, applicable: Installed, targeted: Installed, limit: Installed"));
        self.cbs(&format!("Plan: Package: {package}, Update: {kb}-1_neutral, current: Absent, pending: Default, start: Absent, applicable: Installed, targeted: Installed, limit: Installed, selected: Default"));
        self.cbs("Plan: Start to process package watchlist.");
        self.cbs("Perf: Resolve chain started.");
        self.cbs("FLOW: Entering stage: Resolving ");
        self.pass(9_000, 60_000);
        self.cbs("Perf: Resolve chain complete.");
        self.cbs("Perf: Stage chain started.");
        self.cbs("FLOW: Entering stage: Staging ");
        self.stage_parts(update);
        if ending == Ending::InProgress {
            return;
        }
        self.cbs("Perf: Stage chain complete.");
        self.cbs("Perf: Execute chain started.");
        self.cbs("Perf: Entering stage: Install/Uninstalling");
        self.cbs("FLOW: Entering stage: Installing ");
        self.cbs("FLOW: Enter Installation Stage: InstallDeployment, Current Operation Stage: Installing");
        self.pass(30_000, 240_000);
        self.cbs("Setting ExecuteState key to: CbsExecuteStateFailed");
        self.commit_transaction(session);
        self.cbs(
            "Setting ExecuteState key to: CbsExecuteStateResolvePending | CbsExecuteStateFlagPend",
        );
        self.cbs(&format!("Exec: Processing complete.  Session: {session}, Package: {package}, Identifier: KB{kb} {REBOOT_REQUIRED}"));
        self.cbs(&format!(
            "Session: {session} finalized. Reboot required: yes {OK}"
        ));
        self.cbs("Reboot mark refs: 0");
        self.stop_worker();
    }

    fn stage_parts(&mut self, update: &KnownUpdate) {
        let (base, kb, ubr) = (self.base_build, update.kb_article, update.ubr);
        let tail = update
            .package
            .strip_prefix("Package_for_RollupFix")
            .unwrap_or_default()
            .to_owned();
        let parts = self.random.between(3, 9);
        for (index, name) in PARTS.iter().enumerate().take(parts as usize) {
            self.pass(800, 9_000);
            let deployment = format!(
                "amd64_{kb}_{}_31bf3856ad364e35_10.0.{base}.{ubr}_none_{}",
                index + 1,
                self.random.hex(16)
            );
            let part = format!("Package_{}_for_KB{kb}{tail}", 1000 + index * 37);
            self.cbs(&format!("Exec: Resolving Package: {part}, Update: {kb}-{}_neutral, PinDeployment: {deployment}", 2000 + index));
            self.cbs(&format!("Exec: Staging Package: {part}, Update: {kb}-{}_neutral, PinDeployment: {deployment}", 2000 + index));
            let millis = self.random.between(3, 90);
            self.csi(Severity::Info, &format!("Performing 1 operations as follows:\n  (0)  Stage: flags: 8 app: [{name}, version 10.0.{base}.{ubr}, arch amd64, nonSxS, pkt {{l:8 b:31bf3856ad364e35}}] comp: (null)"));
            self.csi(
                Severity::Info,
                &format!("CSIPERF - FilePI Queue {millis}ms"),
            );
        }
        self.line(
            Severity::Info,
            "DPX",
            "Started DPX phase: Apply Deltas Provided In File",
        );
        self.pass(9_000, 40_000);
        self.line(
            Severity::Info,
            "DPX",
            "Ended DPX phase: Apply Deltas Provided In File",
        );
        self.line(
            Severity::Info,
            "DPX",
            "CJob::Resume completed with status: 0x0",
        );
    }

    fn commit_transaction(&mut self, session: &str) {
        let handle = self.random.hex(11);
        self.csi(Severity::Info, &format!("@ CSI Transaction @0x{handle} initialized for deployment engine {{d16d444c-56d8-11d5-882d-0080c847b195}} with flags 00000002 and client id 'TI4.{session}:4/'\n"));
        self.csi(
            Severity::Info,
            "ICSITransaction::Commit calling IStorePendingTransaction::Apply - applyflags=13",
        );
        self.csi(Severity::Info, "Creating NT transaction (seq 1)");
        self.csi(
            Severity::Info,
            "Created NT transaction (seq 1) result 0x00000000, handle @0xa3c",
        );
        self.pass(900, 9_000);
        let micros = self.random.between(9_000, 90_000);
        self.csi(Severity::Info, "@ Beginning NT transaction commit...");
        self.csi(
            Severity::Info,
            &format!("@ CSI perf trace:\nCSIPERF:TXCOMMIT;{micros}"),
        );
        self.csi(
            Severity::Info,
            &format!("@ CSI Transaction @0x{handle} destroyed"),
        );
    }

    /// The servicing stack finishes in the restart, or rolls the update back.
    pub(super) fn complete_in_restart(&mut self, update: &KnownUpdate, fault: Option<&Fault>) {
        let (package, kb) = (update.package.as_str(), update.kb_article);
        let boot = self.device.zone.to_datetime(self.boot);
        self.clock.pass_until(self.begun, RESTART_TAKES + 8);
        self.cbs("TI: --- Initializing Trusted Installer ---");
        self.cbs(&format!(
            "TI: Last boot time: {}.500",
            boot.strftime("%Y-%m-%d %H:%M:%S")
        ));
        self.cbs("Starting TrustedInstaller initialization.");
        self.cbs("Ending TrustedInstaller initialization.");
        self.cbs("Starting the TrustedInstaller main loop.");
        self.cbs("TrustedInstaller service starts successfully.");
        self.cbs("TI: Startup Processing begins");
        self.start_servicing_stack();
        self.cbs("Startup: Processing advanced operation queue, startupPhase: 0");
        let session = self.session_id();
        match fault {
            Some(fault) if fault.stage == Stage::Restart => {
                for statement in &fault.cbs {
                    self.say(statement, &session, package);
                }
                self.pass(60_000, 200_000);
                self.cbs(&format!("Startup: Package: {package}, completed startup processing, new state: Staged, original: Absent, targeted: Installed. hr = 0x{:08x}", fault.code.0));
                self.cbs(&format!("WER: Generating failure report for package: {package}, status: 0x{:08x}, failure source: AI, start state: Absent, target state: Installed, client id: UpdateAgentLCU", fault.code.0));
                self.cbs("Startup: Rollback of the last transaction is complete.");
                self.cbs(&format!("Exec: Processing complete.  Session: {session}, Package: {package}, Identifier: KB{kb} {}", fault.code));
            }
            _ => {
                self.advanced_installers(update);
                self.cbs("Setting ExecuteState key to: CbsExecuteStateNone");
                self.cbs(&format!("Startup: Package: {package}, completed startup processing, new state: Installed, original: Staged, targeted: Installed. hr = 0x0"));
                self.cbs(&format!(
                    "Session: {session} finalized. Reboot required: no {OK}"
                ));
            }
        }
        self.cbs("Startup processing thread terminated normally");
        self.cbs("TI: Startup Processing completes, release startup processing lock.");
        self.stop_worker();
    }

    fn advanced_installers(&mut self, update: &KnownUpdate) {
        let (base, ubr) = (self.base_build, update.ubr);
        for (index, name) in [
            "Task Scheduler",
            "Firewall",
            "Events Installer",
            "Windows Registry",
        ]
        .iter()
        .enumerate()
        {
            self.pass(300, 6_000);
            let sequence = self.random.between(20, 2_000);
            self.csi(Severity::Info, &format!("Begin executing advanced installer phase 38 index {index} (sequence {sequence})\n    Old component: [l:0]''\n    New component: [ml:348{{174}},l:346{{173}}]'Microsoft-Windows-Component-{index}, Culture=neutral, Version=10.0.{base}.{ubr}, PublicKeyToken=31bf3856ad364e35, ProcessorArchitecture=amd64, versionScope=NonSxS'\n    Install mode: install\n    Installer name: '{name}'"));
            self.csi(Severity::Info, &format!("End executing advanced installer (sequence {sequence})\n    Completion status: S_OK"));
        }
    }
}
