//! WindowsUpdate.log of Windows 7: tabs between the columns, hexadecimal thread ids, banners.

use super::STREAM;
use crate::{
    cbs::Subject,
    clock::Clock,
    random::Random,
    schedule::{Happening, What},
    text::put_line,
};

/// Writes the log of a Windows 7 device; it only looks for updates, for there are none any more.
pub(super) fn write(subject: &Subject<'_>, happenings: &[Happening]) -> String {
    let mut out = String::with_capacity(16 * 1024);
    let mut service = 0;
    for happening in happenings {
        let mut random = subject.random(STREAM, happening);
        if matches!(happening.what, What::Boot(_)) || service == 0 {
            service = random.between(140, 300) * 4;
        }
        let offset = subject.device.utc_offset_minutes(happening.at);
        let mut log = LegacyLog {
            out: std::mem::take(&mut out),
            clock: Clock::new(happening.at, &subject.device.zone),
            random,
            service,
            offset,
        };
        match happening.what {
            What::Boot(_) => log.start(subject),
            What::RoutineScan => log.scan(),
            What::DefinitionUpdate | What::ServicingInventory => log.heartbeat(),
            _ => {}
        }
        out = log.out;
    }
    out
}

struct LegacyLog {
    out: String,
    clock: Clock,
    random: Random,
    service: u32,
    /// Minutes east of UTC.
    offset: i32,
}

impl LegacyLog {
    fn line(&mut self, thread: u32, component: &str, text: &str) {
        let now = self.clock.local();
        let millis = now.subsec_nanosecond() / 1_000_000;
        put_line!(
            self.out,
            "{}:{millis:03}\t{:>4}\t{thread:x}\t{component}\t{text}",
            now.strftime("%Y-%m-%d\t%H:%M:%S"),
            self.service
        );
    }

    fn pass(&mut self, low_ms: u32, high_ms: u32) {
        self.clock.pass_ms(&mut self.random, low_ms, high_ms);
    }

    fn start(&mut self, subject: &Subject<'_>) {
        let main = self.random.process_id();
        let sign = if self.offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (self.offset.abs() / 60, self.offset.abs() % 60);
        self.line(main, "Misc", &format!("===========  Logging initialized (build: 7.6.7601.24436, tz: {sign}{hours:02}{minutes:02})  ==========="));
        self.line(
            main,
            "Misc",
            "  = Process: C:\\Windows\\system32\\svchost.exe",
        );
        self.line(
            main,
            "Misc",
            "  = Module: c:\\windows\\system32\\wuaueng.dll",
        );
        self.line(main, "Service", "*************");
        self.line(main, "Service", "** START **  Service: Service startup");
        self.line(main, "Service", "*********");
        self.pass(40, 300);
        self.line(main, "Agent", "  * WU client version 7.6.7601.24436");
        self.line(
            main,
            "Agent",
            "  * Base directory: C:\\Windows\\SoftwareDistribution",
        );
        self.line(main, "Agent", "  * Access type: No proxy");
        self.line(main, "Agent", "  * Network state: Connected");
        self.pass(30_000, 60_000);
        self.line(main, "Report", "CWERReporter::Init succeeded");
        self.line(
            main,
            "Agent",
            "***********  Agent: Initializing Windows Update Agent  ***********",
        );
        self.line(main, "Agent", "  * Prerequisite roots succeeded.");
        self.line(
            main,
            "Agent",
            "***********  Agent: Initializing global settings cache  ***********",
        );
        self.line(main, "Agent", "  * WSUS server: <NULL>");
        self.line(main, "Agent", "  * WSUS status server: <NULL>");
        self.line(main, "Agent", "  * Target group: (Unassigned Computers)");
        self.line(main, "Agent", "  * Windows Update access disabled: No");
        self.line(main, "DnldMgr", "Download manager restoring 0 downloads");
        self.pass(200, 900);
        self.line(
            main,
            "Report",
            "***********  Report: Initializing static reporting data  ***********",
        );
        self.line(main, "Report", "  * OS Version = 6.1.7601.1.0.65792");
        self.line(main, "Report", "  * OS Product Type = 0x00000004");
        self.line(
            main,
            "Report",
            &format!("  * Computer Brand = {}", subject.device.model.manufacturer),
        );
        self.line(
            main,
            "Report",
            &format!("  * Computer Model = {}", subject.device.model.name),
        );
        self.line(
            main,
            "Report",
            &format!(
                "  * Locale ID = {}",
                subject.device.language.texts().locale_id
            ),
        );
        self.line(main, "AU", "AU finished delayed initialization");
    }

    fn scan(&mut self) {
        let (main, worker, call) = (
            self.random.process_id(),
            self.random.process_id(),
            self.random.guid(),
        );
        self.line(main, "AU", "#############");
        self.line(main, "AU", "## START ##  AU: Search for updates");
        self.line(main, "AU", "#########");
        self.line(
            main,
            "AU",
            &format!("<<## SUBMITTED ## AU: Search for updates [CallId = {{{call}}}]"),
        );
        self.line(worker, "Agent", "*************");
        self.line(
            worker,
            "Agent",
            "** START **  Agent: Finding updates [CallerId = AutomaticUpdates]",
        );
        self.line(worker, "Agent", "*********");
        self.line(
            worker,
            "Agent",
            "  * Online = Yes; Ignore download priority = No",
        );
        self.line(worker, "Agent", "  * Criteria = \"IsInstalled=0 and DeploymentAction='Installation' or IsPresent=1 and DeploymentAction='Uninstallation'\"");
        self.line(
            worker,
            "Agent",
            "  * ServiceID = {7971F918-A847-4430-9279-4A52D1EFE18D} Third party service",
        );
        self.line(worker, "Agent", "  * Search Scope = {Machine}");
        self.pass(2_000, 19_000);
        self.line(worker, "Misc", "WARNING: Digital Signatures on file C:\\Windows\\SoftwareDistribution\\SelfUpdate\\wuident.cab are not trusted: Error 0x800b0001");
        self.line(worker, "Misc", "Validating signature for C:\\Windows\\SoftwareDistribution\\WuRedir\\7971F918-A847-4430-9279-4A52D1EFE18D\\muv4wuredir.cab:");
        self.line(worker, "Misc", " Microsoft signed: Yes");
        self.pass(4_000, 30_000);
        self.line(worker, "Agent", "  * Found 0 updates and 61 categories in search; evaluated appl. rules of 812 out of 1340 deployed entities");
        self.line(worker, "Agent", "*********");
        self.line(
            worker,
            "Agent",
            "**  END  **  Agent: Finding updates [CallerId = AutomaticUpdates]",
        );
        self.line(worker, "Agent", "*************");
        self.line(
            main,
            "AU",
            &format!(">>##  RESUMED  ## AU: Search for updates [CallId = {{{call}}}]"),
        );
        self.line(main, "AU", "  # 0 updates detected");
        self.line(main, "AU", "#########");
        self.line(
            main,
            "AU",
            &format!("##  END  ##  AU: Search for updates [CallId = {{{call}}}]"),
        );
        self.line(main, "AU", "#############");
        self.line(main, "AU", "Successfully wrote event for AU health state:0");
    }

    fn heartbeat(&mut self) {
        let main = self.random.process_id();
        self.line(main, "AU", "Successfully wrote event for AU health state:0");
        self.pass(4_000, 6_000);
        let reporter = self.random.process_id();
        self.line(
            reporter,
            "Report",
            "CWERReporter finishing event handling. (00000000)",
        );
    }
}
