//! WindowsUpdate.log: what the update client writes, in the form that `Get-WindowsUpdateLog` decodes.

mod deploy;
mod legacy;
mod noise;
mod scan;

use crate::{
    cbs::Subject,
    clock::Clock,
    device::Device,
    random::Random,
    scenario::{Fault, Stage, Statement},
    schedule::{Ending, Happening, What},
    text::put_line,
    update::{KnownUpdate, RESTART_TAKES, SERVICING_BEGINS, VERDICT_AFTER, session_id},
};

/// Tag of this log's streams of random numbers.
const STREAM: u64 = 0x3d;

/// The service that most scans go to.
const WINDOWS_UPDATE: &str = "9482F4B4-E343-43B6-B170-9A65BC822C77";
/// The service that Store apps come from.
const STORE: &str = "855E8A7C-ECB4-4CA3-B045-1DFA50104289";
const ORCHESTRATOR: &str = "MoUpdateOrchestrator";

/// Writes the log of a device that lived through these happenings.
pub(crate) fn write(subject: &Subject<'_>, happenings: &[Happening]) -> String {
    if subject.device.is_legacy() {
        return legacy::write(subject, happenings);
    }
    let mut out = String::with_capacity(96 * 1024);
    let mut service = 0;
    let mut ubr = subject.device.ubr;
    // A service that is switched off does not start with the device.
    let mut is_off = false;
    for happening in happenings {
        let mut log = UpdateLog::new(subject, happening, std::mem::take(&mut out), ubr);
        if matches!(happening.what, What::Boot(_) | What::Restart(_)) || service == 0 {
            service = log.random.process_id();
        }
        log.service = service;
        match happening.what {
            What::Boot(_) if is_off => {}
            What::Boot(_) => log.start_service(),
            What::RoutineScan => log.routine_scan(),
            What::DefinitionUpdate => log.definition_update(),
            What::StoreUpdate => {
                let culprit = subject.case.and_then(|case| case.culprit.as_deref());
                log.store_update(culprit);
            }
            What::Attempt(index, ending) => {
                is_off = ending == Ending::Failed
                    && subject
                        .case
                        .is_some_and(|case| case.fault.stage == Stage::SearchStart);
                log.attempt(subject, index, ending);
            }
            What::Restart(completes) => {
                log.restart(subject, completes);
                if completes {
                    ubr = subject.release.ubr;
                }
            }
            What::ServicingInventory | What::DiskCleanup => {}
        }
        out = log.out;
    }
    out
}

/// A WindowsUpdate.log that is being written.
struct UpdateLog<'a> {
    out: String,
    clock: Clock,
    random: Random,
    device: &'a Device,
    base_build: u32,
    ubr: u32,
    /// Process id of the service.
    service: u32,
    /// Process id of whoever asks the service.
    client: u32,
    /// Number of the next call.
    call: u32,
    /// The servicing session of the current attempt.
    session: String,
}

impl<'a> UpdateLog<'a> {
    fn new(subject: &Subject<'a>, happening: &Happening, out: String, ubr: u32) -> Self {
        let mut random = subject.random(STREAM, happening);
        let clock = Clock::new(happening.at, &subject.device.zone);
        let (client, call) = (random.process_id(), random.between(2, 60));
        Self {
            out,
            clock,
            random,
            device: subject.device,
            base_build: subject.release.base_build,
            ubr,
            service: 0,
            client,
            call,
            session: String::new(),
        }
    }

    /// One line: process and thread ids are decimal and padded to five, the component to fifteen.
    fn line(&mut self, process: u32, thread: u32, component: &str, text: &str) {
        self.clock.pass_ms(&mut self.random, 0, 3);
        let now = self.clock.local();
        let s = self.device.style.date_separator;
        let (hour, minute, second, tick) = (
            now.hour(),
            now.minute(),
            now.second(),
            now.subsec_nanosecond() / 100,
        );
        put_line!(
            self.out,
            "{:04}{s}{:02}{s}{:02} {hour:02}:{minute:02}:{second:02}.{tick:07} {process:<5} {thread:<5} {component:<15} {text}",
            now.year(),
            now.month(),
            now.day()
        );
    }

    /// A line of the service, in the given thread.
    fn service(&mut self, thread: u32, component: &str, text: &str) {
        self.line(self.service, thread, component, text);
    }

    /// A line of the client that asks, in the given thread.
    fn client(&mut self, thread: u32, component: &str, text: &str) {
        self.line(self.client, thread, component, text);
    }

    fn pass(&mut self, low_ms: u32, high_ms: u32) {
        self.clock.pass_ms(&mut self.random, low_ms, high_ms);
    }

    /// The client looks up where a service answers.
    fn service_lookup(&mut self, thread: u32, service: &str, expires: &str) {
        let model = self.device.model;
        let url_word = |text: &str| text.replace(' ', "+");
        self.service(thread, "SLS", &format!("Get response for service {service} - forceExpire[False] asyncRefreshOnExpiry[{expires}]"));
        let agent = self.ubr.saturating_sub(12);
        self.service(thread, "SLS", &format!("path used for cache lookup: /SLS/{{{service}}}/x64/10.0.{}.{}/0?CH=803&L={}&P=&PT=0x4&WUA=10.0.{}.{agent}&MK={}&MD={}", self.device.build, self.ubr, self.device.language.texts().locale, self.base_build, url_word(model.manufacturer), url_word(model.name)));
    }

    fn attempt(&mut self, subject: &Subject<'_>, index: usize, ending: Ending) {
        let Some(update) = subject.update(index) else {
            return;
        };
        let fault = subject.case.map(|case| &case.fault);
        match (ending, fault) {
            (Ending::Failed, Some(fault)) => match fault.stage {
                Stage::SearchStart => self.refused_search(fault),
                Stage::Scan => self.failed_scan(fault),
                Stage::Download => self.failed_download(update, fault),
                Stage::Install | Stage::Restart => self.deploy(update, ending, Some(fault)),
                Stage::Elsewhere => {}
            },
            _ => self.deploy(update, ending, None),
        }
    }

    /// A search that finds the update, and a download that ends without it.
    fn failed_download(&mut self, update: &KnownUpdate, fault: &Fault) {
        self.scan(ORCHESTRATOR, WINDOWS_UPDATE, &[update.identity()]);
        self.pass(800, 9_000);
        let title = update.title(self.device);
        self.give_up_download(update, &title, fault);
    }

    fn deploy(&mut self, update: &KnownUpdate, ending: Ending, fault: Option<&Fault>) {
        let begun = self.clock.at();
        self.scan(ORCHESTRATOR, WINDOWS_UPDATE, &[update.identity()]);
        self.pass(800, 9_000);
        let title = update.title(self.device);
        self.download(update, &title);
        self.session = session_id(begun);
        self.clock.pass_until(begun, SERVICING_BEGINS - 12);
        self.install(update, &title, ending, fault);
    }

    fn restart(&mut self, subject: &Subject<'_>, completes: bool) {
        let begun = self.clock.at();
        let thread = self.random.process_id();
        self.service(thread, "Shared", "UninitializeSUS");
        self.service(
            thread,
            "Shared",
            "* END * Service exit Exit code = 0x240001",
        );
        self.clock.pass_until(begun, RESTART_TAKES + 10);
        self.start_service();
        self.service(
            thread,
            "Reporter",
            "PostReboot: Flushing pending groups to disk..",
        );
        let Some(update) = subject.update(0) else {
            return;
        };
        self.clock.pass_until(begun, VERDICT_AFTER);
        self.pass(0, 40_000);
        let fault = subject.case.map(|case| &case.fault).filter(|_| !completes);
        let identity = format!("{{{}}}.{}", update.update_id, update.revision);
        if let Some(fault) = fault {
            let code = fault.code.0;
            self.service(thread, "Agent", &format!("LogHistory called. idUpdate={identity}, resultMapped={code:08X}, resultUnMapped=0"));
            self.service(
                thread,
                "Agent",
                &format!(
                    "*FAILED* [{code:08X}] Post-reboot result of update {}",
                    update.identity()
                ),
            );
        } else {
            self.service(
                thread,
                "Agent",
                &format!(
                    "LogHistory called. idUpdate={identity}, resultMapped=0, resultUnMapped=0"
                ),
            );
            self.ubr = update.ubr;
            self.scan(ORCHESTRATOR, WINDOWS_UPDATE, &[]);
        }
    }

    fn say(&mut self, statement: &Statement, thread: u32) {
        self.pass(statement.after_ms / 2, statement.after_ms);
        self.service(thread, statement.component, &statement.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::tests::{excerpt, subject_of};

    #[test]
    fn a_failed_scan_reads_as_in_a_real_log() {
        let (fixture, happenings) = subject_of(crate::Scenario::StackMissingAtScan);
        let log = write(&fixture.subject(), &happenings);
        insta::assert_snapshot!(excerpt(&log, "Exit code = 0x80240439", 24));
    }

    #[test]
    fn a_failed_installation_reads_as_in_a_real_log() {
        let (fixture, happenings) = subject_of(crate::Scenario::FeaturePackageDamaged);
        let log = write(&fixture.subject(), &happenings);
        insta::assert_snapshot!(excerpt(&log, "* START *   CBS  Install", 36));
    }

    #[test]
    fn a_windows_7_device_writes_the_old_form() {
        let (mut fixture, happenings) = subject_of(crate::Scenario::FeaturePackageDamaged);
        fixture.device.build = 7601;
        fixture.case = None;
        let log = write(&fixture.subject(), &happenings);
        insta::assert_snapshot!(excerpt(&log, "Logging initialized", 30));
    }
}
