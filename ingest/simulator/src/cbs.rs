//! CBS.log: what the servicing stack writes.

mod applicability;
mod install;
mod noise;

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::Clock,
    device::Device,
    plan::Release,
    random::Random,
    scenario::{Case, Severity, Stage, Statement},
    schedule::{Ending, Happening, What},
    text::put_line,
    update::{KnownUpdate, RESTART_TAKES, session_id},
};

/// Tag of this log's streams of random numbers.
const STREAM: u64 = 0xcb5;

/// Everything that the log of one device is written from.
pub(crate) struct Subject<'a> {
    pub(crate) device: &'a Device,
    pub(crate) release: &'a Release,
    pub(crate) updates: &'a [KnownUpdate],
    pub(crate) case: Option<&'a Case>,
    pub(crate) seed: u64,
}

impl Subject<'_> {
    /// The stream of random numbers for one happening in one log.
    pub(crate) fn random(&self, log: u64, happening: &Happening) -> Random {
        Random::for_path(&[
            self.seed,
            log,
            u64::from(self.device.index),
            happening.ordinal,
        ])
    }

    /// One of the updates that a simulation knows; 0 is the rollout's.
    pub(crate) fn update(&self, index: usize) -> Option<&KnownUpdate> {
        self.updates.get(index)
    }
}

/// Writes the log of a device that lived through these happenings.
pub(crate) fn write(subject: &Subject<'_>, happenings: &[Happening]) -> String {
    let mut stack_ubr = subject.device.stack_ubr;
    let mut out = String::with_capacity(64 * 1024);
    let mut boot = happenings
        .first()
        .map(|first| first.at - SignedDuration::from_hours(7))
        .unwrap_or_default();
    for happening in happenings {
        if matches!(happening.what, What::Boot(_)) {
            boot = happening.at;
        }
        let mut log = CbsLog::new(subject, happening, stack_ubr, std::mem::take(&mut out));
        log.boot = boot;
        match happening.what {
            What::RoutineScan => log.applicability_scan(),
            What::ServicingInventory => log.feature_inventory(),
            What::DiskCleanup if log.random.chance(0.4) => log.file_verification(),
            What::Attempt(index, ending) => log.attempt(subject, index, ending),
            What::Restart(completes) => {
                boot = happening.at + SignedDuration::from_secs(i64::from(RESTART_TAKES));
                log.boot = boot;
                log.restart(subject, completes);
                if completes {
                    stack_ubr = subject.release.ubr.saturating_sub(11);
                }
            }
            _ => {}
        }
        out = log.out;
    }
    out
}

/// A CBS.log that is being written.
pub(crate) struct CbsLog<'a> {
    out: String,
    clock: Clock,
    random: Random,
    device: &'a Device,
    base_build: u32,
    stack_ubr: u32,
    /// When the happening began, and when the device started last.
    begun: Timestamp,
    boot: Timestamp,
    /// Number of the next CSI record; starts over when the worker process starts.
    csi: u32,
}

impl<'a> CbsLog<'a> {
    fn new(subject: &Subject<'a>, happening: &Happening, stack_ubr: u32, out: String) -> Self {
        let random = subject.random(STREAM, happening);
        let clock = Clock::new(happening.at, &subject.device.zone);
        Self {
            out,
            clock,
            random,
            device: subject.device,
            base_build: subject.release.base_build,
            stack_ubr,
            begun: happening.at,
            boot: happening.at,
            csi: 1,
        }
    }

    fn line(&mut self, severity: Severity, component: &str, text: &str) {
        let now = self.clock.local();
        let (year, month, day) = (now.year(), now.month(), now.day());
        let (hour, minute, second) = (now.hour(), now.minute(), now.second());
        put_line!(
            self.out,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}, {:<22}{component:<7}{text}",
            severity.word()
        );
    }

    fn cbs(&mut self, text: &str) {
        self.line(Severity::Info, "CBS", text);
    }

    /// A record of the component store, with its number; a text that begins with `@` also gets the time in UTC.
    fn csi(&mut self, severity: Severity, text: &str) {
        let number = self.csi;
        self.csi += 1;
        match text.strip_prefix('@') {
            Some(rest) => {
                let stamp = self.utc_stamp();
                self.line(severity, "CSI", &format!("{number:08x}@{stamp}{rest}"));
            }
            None => self.line(severity, "CSI", &format!("{number:08x} {text}")),
        }
    }

    fn utc_stamp(&self) -> String {
        let now = self.clock.utc();
        let millis = now.subsec_nanosecond() / 1_000_000;
        format!(
            "{}/{}/{}:{:02}:{:02}:{:02}.{millis:03}",
            now.year(),
            now.month(),
            now.day(),
            now.hour(),
            now.minute(),
            now.second()
        )
    }

    fn pass(&mut self, low_ms: u32, high_ms: u32) {
        self.clock.pass_ms(&mut self.random, low_ms, high_ms);
    }

    /// The id of a session that is opened now.
    fn session_id(&mut self) -> String {
        self.clock.pass_ms(&mut self.random, 0, 2);
        session_id(self.clock.at())
    }

    fn say(&mut self, statement: &Statement, session: &str, package: &str) {
        self.pass(statement.after_ms / 2, statement.after_ms);
        let text = statement
            .text
            .replace("{session}", session)
            .replace("{package}", package);
        if statement.component == "CSI" {
            let stamp = format!("Logged @{} ", self.utc_stamp());
            self.csi(statement.severity, &text.replace("Logged @", &stamp));
        } else {
            self.line(statement.severity, statement.component, &text);
        }
    }

    fn attempt(&mut self, subject: &Subject<'_>, index: usize, ending: Ending) {
        let Some(update) = subject.update(index) else {
            return;
        };
        match (ending, subject.case.map(|case| &case.fault)) {
            (Ending::Failed, Some(fault)) if fault.stage == Stage::Install => {
                self.install(update, ending, Some(fault));
            }
            // The update client or another program failed before servicing was asked.
            (Ending::Failed, _) => {}
            _ => self.install(update, ending, None),
        }
    }

    fn restart(&mut self, subject: &Subject<'_>, completes: bool) {
        let Some(update) = subject.update(0) else {
            return;
        };
        let fault = subject.case.map(|case| &case.fault).filter(|_| !completes);
        self.complete_in_restart(update, fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::tests::{excerpt, subject_of};

    #[test]
    fn a_damaged_feature_package_reads_as_in_a_real_log() {
        let (fixture, happenings) = subject_of(crate::Scenario::FeaturePackageDamaged);
        let log = write(&fixture.subject(), &happenings);
        insta::assert_snapshot!(excerpt(&log, "Exec: Processing started", 30));
    }

    #[test]
    fn a_rolled_back_update_reads_as_in_a_real_log() {
        let (fixture, happenings) = subject_of(crate::Scenario::InstallerFailed);
        let log = write(&fixture.subject(), &happenings);
        insta::assert_snapshot!(excerpt(
            &log,
            "Begin executing advanced installer phase 38",
            30
        ));
    }

    #[test]
    fn a_scan_leaves_the_failing_codes_of_every_healthy_device() {
        let (fixture, happenings) = subject_of(crate::Scenario::FileSystemDamaged);
        let log = write(&fixture.subject(), &happenings);
        assert!(log.matches("0x800f0805").count() > 10);
        insta::assert_snapshot!(excerpt(&log, "TI: --- Initializing", 45));
    }
}
