//! setupact.log: what Windows setup writes while a feature update is installed.

use crate::{
    cbs::Subject,
    clock::Clock,
    random::Random,
    scenario::Severity,
    schedule::{Ending, Happening, What},
    text::put_line,
};

/// Tag of this log's streams of random numbers.
const STREAM: u64 = 0x5e7;

/// Writes the log of a device whose feature update failed; empty for any other device.
pub(crate) fn write(subject: &Subject<'_>, happenings: &[Happening]) -> String {
    let mut out = String::new();
    let Some(fault) = subject
        .case
        .map(|case| &case.fault)
        .filter(|fault| !fault.setup.is_empty())
    else {
        return out;
    };
    for happening in happenings {
        if happening.what != What::Attempt(0, Ending::Failed) {
            continue;
        }
        let mut log = SetupLog {
            out: std::mem::take(&mut out),
            clock: Clock::new(happening.at, &subject.device.zone),
            random: subject.random(STREAM, happening),
        };
        log.prepare(subject);
        log.progress(6, 26);
        let process = log.random.process_id().to_string();
        for statement in &fault.setup {
            log.clock
                .pass_ms(&mut log.random, statement.after_ms / 2, statement.after_ms);
            log.line(
                statement.severity,
                statement.component,
                &statement.text.replace("{pid}", &process),
            );
        }
        log.wind_up(fault.code.0, fault.extend);
        out = log.out;
    }
    out
}

struct SetupLog {
    out: String,
    clock: Clock,
    random: Random,
}

impl SetupLog {
    fn line(&mut self, severity: Severity, component: &str, text: &str) {
        let now = self.clock.local().strftime("%Y-%m-%d %H:%M:%S").to_string();
        put_line!(
            self.out,
            "{now}, {:<22}{component:<6} {text}",
            severity.word()
        );
    }

    fn info(&mut self, component: &str, text: &str) {
        self.clock.pass_ms(&mut self.random, 0, 90);
        self.line(Severity::Info, component, text);
    }

    fn prepare(&mut self, subject: &Subject<'_>) {
        let base = subject.release.base_build;
        let device = subject.device;
        self.info("MOUPG", "Setup: Log level [0x00000001], command line [/auto upgrade /quiet /dynamicupdate disable]");
        self.info(
            "MOUPG",
            &format!(
                "SetupHost: OS Version     = 10.0.{}.{}",
                device.build, device.ubr
            ),
        );
        self.info(
            "MOUPG",
            &format!("SetupHost: Setup version  = 10.0.{base}.1288"),
        );
        self.info("MOUPG", "Setup phase change: [SetupPhaseInstall]");
        self.info(
            "SP",
            "SetupPlatform: InitializeLogging: Setup platform version 10.0.19041.1288",
        );
        self.info("SP", &format!("WinRE status: installed at [\\\\?\\GLOBALROOT\\device\\harddisk0\\partition4], free space of system volume {} MB", device.free_space_mb));
        for name in ["Compatibility", "Safe OS", "Download", "Device drivers"] {
            self.info(
                "MOUPG",
                &format!("MoSetupPlatform: {name} requirements: evaluated, no blocks found"),
            );
        }
        self.info("SP", "    Operation: Apply WIM file C:\\$WINDOWS.~BT\\Sources\\Install.esd, index 1 to C:\\$WINDOWS.~BT\\NewOS");
    }

    fn progress(&mut self, first: u32, last: u32) {
        let mut percent = first;
        while percent < last {
            self.clock.pass_ms(&mut self.random, 4_000, 16_000);
            let ticks = percent * 3;
            self.info(
                "MOUPG",
                &format!("Action progress: [{}%]", (percent * 3).min(100)),
            );
            self.info("MOUPG", &format!("Task progress: [{percent}%]"));
            self.info("MOUPG", &format!("Overall progress: [{}%]", percent + 12));
            self.info(
                "MOUPG",
                &format!("Mapped Global progress: [{}%], {ticks} ticks", percent + 12),
            );
            percent += self.random.between(1, 3);
        }
    }

    fn wind_up(&mut self, code: u32, extend: u32) {
        self.clock.pass_ms(&mut self.random, 900, 9_000);
        self.line(
            Severity::Error,
            "MOUPG",
            &format!("CSetupHost::Execute(416): Result = 0x{code:08X}"),
        );
        self.info("MOUPG", "Setup host: cancelling, reverting is not needed");
        self.info(
            "SP",
            "DeleteTemporaryFiles: C:\\$WINDOWS.~BT\\NewOS removed",
        );
        self.info(
            "MOUPG",
            &format!("SetupManager: install has ended, result 0x{code:08X}, extended 0x{extend:X}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::tests::{excerpt, subject_of};

    #[test]
    fn a_denied_file_reads_as_in_a_real_log() {
        let (fixture, happenings) = subject_of(crate::Scenario::AccessBlockInSetup);
        let log = write(&fixture.subject(), &happenings);
        insta::assert_snapshot!(excerpt(&log, "RestoreFileNodeList", 20));
    }
}
