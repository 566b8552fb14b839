//! ReportingEvents.log: what the update client reports about each update, tab by tab.

use crate::{
    cbs::Subject,
    clock::Clock,
    random::Random,
    scenario::Stage,
    schedule::{Ending, Happening, What},
    text::put_line,
};

/// Tag of this log's streams of random numbers.
const STREAM: u64 = 0x4e;

/// From the search to the start of the installation.
const DOWNLOAD_MINUTES: u32 = 4;

/// Writes the log of a device that lived through these happenings.
pub(crate) fn write(subject: &Subject<'_>, happenings: &[Happening]) -> String {
    let mut log = ReportingEvents {
        out: String::new(),
        clock: Clock::new(jiff::Timestamp::UNIX_EPOCH, &subject.device.zone),
        random: Random::for_path(&[0]),
        offset: 0,
    };
    for happening in happenings {
        log.clock.set(happening.at);
        log.offset = subject.device.utc_offset_minutes(happening.at);
        log.random = subject.random(STREAM, happening);
        match happening.what {
            What::RoutineScan => log.scan_succeeded(0),
            What::DefinitionUpdate => log.definition_update(),
            What::Attempt(index, ending) => log.attempt(subject, index, ending),
            What::Restart(completes) => log.restart(subject, completes),
            _ => {}
        }
    }
    log.out
}

struct ReportingEvents {
    out: String,
    clock: Clock,
    random: Random,
    /// Minutes east of UTC.
    offset: i32,
}

/// One event: number and name, category, update and revision, code, client, result, action, text.
struct Entry<'a> {
    event: (u32, &'a str),
    category: u32,
    update: (&'a str, u32),
    code: u32,
    client: &'a str,
    result: &'a str,
    action: &'a str,
    text: String,
}

impl ReportingEvents {
    fn entry(&mut self, entry: &Entry<'_>) {
        self.clock.pass_ms(&mut self.random, 200, 9_000);
        let now = self.clock.local();
        let sign = if self.offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (self.offset.abs() / 60, self.offset.abs() % 60);
        let (id, vector) = (self.random.guid(), self.random.correlation_vector());
        let Entry {
            event: (number, name),
            category,
            update: (update, revision),
            code,
            client,
            result,
            action,
            text,
        } = entry;
        put_line!(
            self.out,
            "{{{id}}}\t{}:{:03}{sign}{hours:02}{minutes:02}\t1\t{number} [{name}]\t{category}\t{{{update}}}\t{revision}\t{code:x}\t{client}\t{result}\t{action}\t{text}\t{vector}.1.0.0",
            now.strftime("%Y-%m-%d %H:%M:%S"),
            now.subsec_nanosecond() / 1_000_000,
        );
    }

    fn scan_succeeded(&mut self, found: u32) {
        self.entry(&Entry {
            event: (147, "AGENT_DETECTION_FINISHED"),
            category: 101,
            update: ("00000000-0000-0000-0000-000000000000", 0),
            code: 0,
            client: "MoUpdateOrchestrator",
            result: "Success",
            action: "Software Synchronization",
            text: format!("Windows Update Client successfully detected {found} updates."),
        });
    }

    /// Both are told when they happen: minutes apart, as in the other logs.
    fn install_started(
        &mut self,
        update: &str,
        revision: u32,
        client: &str,
        title: &str,
        minutes: u32,
    ) {
        self.clock
            .pass_ms(&mut self.random, minutes * 20_000, minutes * 25_000);
        self.entry(&Entry {
            event: (162, "AGENT_DOWNLOAD_SUCCEEDED"),
            category: 101,
            update: (update, revision),
            code: 0,
            client,
            result: "Success",
            action: "Content Download",
            text: "Download succeeded.".to_owned(),
        });
        self.clock
            .pass_ms(&mut self.random, minutes * 30_000, minutes * 31_000);
        self.entry(&Entry {
            event: (181, "AGENT_INSTALLING_STARTED"),
            category: 101,
            update: (update, revision),
            code: 0,
            client,
            result: "Success",
            action: "Content Install",
            text: format!(
                "Installation Started: Windows has started installing the following update: {title}"
            ),
        });
    }

    fn install_succeeded(&mut self, update: &str, revision: u32, client: &str, title: &str) {
        self.entry(&Entry {
            event: (183, "AGENT_INSTALLING_SUCCEEDED"), category: 101, update: (update, revision), code: 0, client, result: "Success", action: "Content Install",
            text: format!("Installation Successful: Windows successfully installed the following update: {title}"),
        });
    }

    fn definition_update(&mut self) {
        let (update, minor) = (self.random.guid(), self.random.between(10, 3_000));
        let title = format!(
            "Security Intelligence Update for Microsoft Defender Antivirus - KB2267602 (Version 1.417.{minor}.0) - Current Channel (Broad)"
        );
        self.install_started(&update, 200, "Windows Defender", &title, 0);
        self.install_succeeded(&update, 200, "Windows Defender", &title);
    }

    fn attempt(&mut self, subject: &Subject<'_>, index: usize, ending: Ending) {
        let Some(update) = subject.update(index) else {
            return;
        };
        let title = update.title(subject.device);
        let fault = subject
            .case
            .map(|case| &case.fault)
            .filter(|_| ending == Ending::Failed);
        match fault {
            Some(fault) if fault.stage == Stage::Scan => self.entry(&Entry {
                event: (148, "AGENT_DETECTION_FAILED"),
                category: 101,
                update: ("00000000-0000-0000-0000-000000000000", 0),
                code: fault.code.0,
                client: "MoUpdateOrchestrator",
                result: "Failure",
                action: "Software Synchronization",
                text: format!(
                    "Windows Update Client failed to detect with error 0x{:08x}.",
                    fault.code.0
                ),
            }),
            Some(fault) if fault.stage == Stage::Download => {
                self.scan_succeeded(1);
                self.entry(&Entry {
                    event: (161, "AGENT_DOWNLOAD_FAILED"),
                    category: 101,
                    update: (&update.update_id, update.revision),
                    code: fault.code.0,
                    client: "MoUpdateOrchestrator",
                    result: "Failure",
                    action: "Content Download",
                    text: "Error: Download failed.".to_owned(),
                });
            }
            Some(fault) if fault.stage == Stage::Install => {
                self.scan_succeeded(1);
                self.install_started(
                    &update.update_id,
                    update.revision,
                    "MoUpdateOrchestrator",
                    &title,
                    DOWNLOAD_MINUTES,
                );
                self.clock.pass_ms(&mut self.random, 40_000, 80_000);
                self.failed(subject, index, fault.code.0);
            }
            Some(_) => {}
            None => {
                self.scan_succeeded(1);
                self.install_started(
                    &update.update_id,
                    update.revision,
                    "MoUpdateOrchestrator",
                    &title,
                    DOWNLOAD_MINUTES,
                );
            }
        }
    }

    fn failed(&mut self, subject: &Subject<'_>, index: usize, code: u32) {
        let Some(update) = subject.update(index) else {
            return;
        };
        self.entry(&Entry {
            event: (182, "AGENT_INSTALLING_FAILED"), category: 101, update: (&update.update_id, update.revision), code, client: "MoUpdateOrchestrator", result: "Failure",
            action: "Content Install", text: format!("Installation Failure: Windows failed to install the following update with error 0x{code:08x}: {}.", update.title(subject.device)),
        });
    }

    fn restart(&mut self, subject: &Subject<'_>, completes: bool) {
        let fault = subject.case.map(|case| &case.fault).filter(|_| !completes);
        match (fault, subject.update(0)) {
            (Some(fault), _) => self.failed(subject, 0, fault.code.0),
            (None, Some(update)) => self.install_succeeded(
                &update.update_id,
                update.revision,
                "MoUpdateOrchestrator",
                &update.title(subject.device),
            ),
            (None, None) => {}
        }
    }
}
