//! setupapi.dev.log: what Plug and Play writes while drivers are installed, section by section.
//!
//! Nearly every section succeeds and holds failing codes all the same.

use crate::{
    cbs::Subject,
    clock::Clock,
    names::INFS,
    random::Random,
    scenario::{DriverSection, Stage},
    schedule::{Ending, Happening, What},
    text::put_line,
};

/// Tag of this log's streams of random numbers.
const STREAM: u64 = 0x5ea;

/// How many devices send it though no driver failed.
const SHARE_OF_HEALTHY: f64 = 0.4;

/// What people plug in and Windows finds by itself.
const DEVICES: [(&str, &str); 6] = [
    (
        "USB\\VID_0781&PID_5581\\4C530001120503116092",
        "usbstor.inf",
    ),
    ("USB\\VID_046D&PID_C31C\\6&1B0E6A2C&0&3", "keyboard.inf"),
    (
        "SWD\\PRINTENUM\\{5A1C7E0D-9B0F-4B6A-8F5E-2D0C1B7A9E33}",
        "printqueue.inf",
    ),
    (
        "PCI\\VEN_8086&DEV_15FB&SUBSYS_0A281028&REV_20\\3&11583659&0&FE",
        "e1d.inf",
    ),
    ("DISPLAY\\DEL4066\\5&2A6BC3F6&0&UID4352", "monitor.inf"),
    ("SWD\\WPDBUSENUM\\{0E3B6F62}#0000000000100000", "wpdfs.inf"),
];

/// Writes the log of a device that lived through these happenings; empty where nobody collects it.
pub(crate) fn write(subject: &Subject<'_>, happenings: &[Happening]) -> String {
    let section = subject
        .case
        .and_then(|case| case.fault.driver_section.as_ref());
    let path = [subject.seed, STREAM, u64::from(subject.device.index)];
    if section.is_none() && !Random::for_path(&path).chance(SHARE_OF_HEALTHY) {
        return String::new();
    }
    let mut out = head(subject);
    let in_restart = subject
        .case
        .is_some_and(|case| case.fault.stage == Stage::Restart);
    for happening in happenings {
        let mut log = SetupapiLog {
            out: std::mem::take(&mut out),
            clock: Clock::new(happening.at, &subject.device.zone),
            random: subject.random(STREAM, happening),
            stack: subject.release.base_build,
        };
        match happening.what {
            What::Boot(_) => log.boot(),
            What::Attempt(_, ending) => {
                log.clock.pass_ms(&mut log.random, 150_000, 230_000);
                match (ending, section) {
                    (Ending::Failed, Some(section)) if !in_restart => log.failed(section),
                    (Ending::PendingRestart, _) => log.driver_updates("Stage Driver Updates"),
                    (Ending::Failed, _) if in_restart => log.driver_updates("Stage Driver Updates"),
                    _ => {}
                }
            }
            What::Restart(completes) => {
                log.clock.pass_ms(&mut log.random, 5_000, 40_000);
                match section.filter(|_| !completes && in_restart) {
                    Some(section) => log.failed(section),
                    None => log.driver_updates("Install Driver Updates"),
                }
            }
            _ => {}
        }
        out = log.out;
    }
    out
}

fn head(subject: &Subject<'_>) -> String {
    let mut out = String::with_capacity(64 * 1024);
    put_line!(out, "[Device Install Log]");
    put_line!(out, "     OS Version = 10.0.{}", subject.device.build);
    put_line!(out, "     Service Pack = 0.0");
    put_line!(out, "     Suite = 0x0100");
    put_line!(out, "     ProductType = 1");
    put_line!(out, "     Architecture = amd64");
    put_line!(out, "");
    put_line!(out, "[BeginLog]");
    put_line!(out, "");
    out
}

struct SetupapiLog {
    out: String,
    clock: Clock,
    random: Random,
    stack: u32,
}

impl SetupapiLog {
    fn now(&mut self) -> String {
        self.clock.pass_ms(&mut self.random, 1, 90);
        self.clock
            .local()
            .strftime("%Y/%m/%d %H:%M:%S%.3f")
            .to_string()
    }

    /// The time alone, as it stands behind a line.
    fn time(&mut self) -> String {
        self.now().split_off(11)
    }

    fn entry(&mut self, category: &str, text: &str) {
        put_line!(self.out, "     {category}: {text}");
    }

    fn begin(&mut self, title: &str, command: &str) {
        let now = self.now();
        put_line!(self.out, ">>>  [{title}]");
        put_line!(self.out, ">>>  Section start {now}");
        if !command.is_empty() {
            put_line!(self.out, "      cmd: {command}");
        }
    }

    fn end(&mut self, status: &str) {
        let now = self.now();
        put_line!(self.out, "<<<  Section end {now}");
        put_line!(self.out, "<<<  [Exit status: {status}]");
        put_line!(self.out, "");
        put_line!(self.out, "");
    }

    fn servicing(&self) -> String {
        format!(
            "C:\\Windows\\winsxs\\amd64_microsoft-windows-servicingstack_31bf3856ad364e35_10.0.{}.4400_none_7e1c8eb27c93d9b5\\TiWorker.exe -Embedding",
            self.stack
        )
    }

    fn boot(&mut self) {
        let now = self.now();
        put_line!(self.out, "[Boot Session: {now}]");
        put_line!(self.out, "");
        for _ in 0..self.random.between(1, 4) {
            let (device, inf) = self.random.pick(&DEVICES);
            self.clock.pass_ms(&mut self.random, 9_000, 400_000);
            self.device(device, inf);
        }
        if self.random.chance(0.4) {
            self.clock.pass_ms(&mut self.random, 9_000, 400_000);
            self.no_better_driver();
        }
    }

    fn device(&mut self, device: &str, inf: &str) {
        let store = format!(
            "C:\\Windows\\System32\\DriverStore\\FileRepository\\{inf}_amd64_{}\\{inf}",
            self.random.hex(16)
        );
        self.begin(
            &format!("Device Install (Hardware initiated) - {device}"),
            "",
        );
        let time = self.time();
        self.entry("dvi", &format!("{{Build Driver List}} {time}"));
        self.entry("dvi", "     Searching for hardware ID(s):");
        self.entry("dvi", &format!("          {}", device.to_lowercase()));
        self.entry("dvi", "     Created Driver Node:");
        self.entry("dvi", &format!("          InfName      - {store}"));
        let time = self.time();
        self.entry(
            "dvi",
            &format!("{{Build Driver List - exit(0x00000000)}} {time}"),
        );
        self.entry(
            "dvi",
            &format!("{{DIF_ALLOW_INSTALL - exit(0xe000020e)}} {time}"),
        );
        if self.random.chance(0.5) {
            put_line!(
                self.out,
                "!    ndv: Device class {{{}}} is not configurable.",
                self.random.guid()
            );
        }
        if self.random.chance(0.3) {
            put_line!(
                self.out,
                "!    sig:      Verifying file against specific (valid) catalog failed! (0x800b0109)"
            );
            put_line!(
                self.out,
                "!    sig:      Error 0x800b0109: A certificate chain processed, but terminated in a root certificate which is not trusted by the trust provider."
            );
            self.entry("sig", "     {_VERIFY_FILE_SIGNATURE exit(0x800b0109)}");
        }
        self.entry("ndv", "{Update Device Driver - exit(00000103)}");
        let time = self.time();
        self.entry(
            "ndv",
            &format!("{{Core Device Install - exit(0x00000000)}} {time}"),
        );
        self.end("SUCCESS");
    }

    /// A vendor's installer brings what is there already: its section fails, and nothing is wrong.
    fn no_better_driver(&mut self) {
        self.begin(
            "Device Install (UpdateDriverForPlugAndPlayDevices) - PCI\\VEN_8086&DEV_A36F",
            "\"C:\\Program Files\\Vendor Tools\\DrvUpdate.exe\" /silent",
        );
        self.entry(
            "ndv",
            "INF path: C:\\ProgramData\\Vendor Tools\\cannonlake-hsystem.inf",
        );
        self.entry("ndv", "{Update Device Driver - exit(00000103)}");
        put_line!(
            self.out,
            "!    ndv: No better matching drivers found for device 'PCI\\VEN_8086&DEV_A36F\\3&11583659&0&A0'."
        );
        put_line!(self.out, "!    ndv: No devices were updated.");
        self.end("FAILURE(0x00000103)");
    }

    fn driver_updates(&mut self, title: &str) {
        let command = self.servicing();
        self.begin(title, &command);
        self.entry("sto", "Image State        = Specialized");
        self.entry("sto", "Image Architecture = amd64");
        let count = self.random.between(3, 9);
        self.entry("sto", &format!("Driver Updates     = {count}"));
        for _ in 0..count {
            let inf = self.random.pick(&INFS);
            let hash = self.random.hex(16);
            let time = self.time();
            self.entry("sto", &format!("{{Stage Driver Package: C:\\Windows\\WinSxS\\amd64_{inf}_31bf3856ad364e35_10.0.{}.1_none_{hash}\\{inf}}} {time}", self.stack));
            if self.random.chance(0.6) {
                put_line!(
                    self.out,
                    "!    sto:      Driver package already imported as '{inf}' (C:\\Windows\\System32\\DriverStore\\FileRepository\\{inf}_amd64_{hash}\\{inf})."
                );
            }
            let time = self.time();
            self.entry(
                "sto",
                &format!("{{Stage Driver Package: exit(0x00000000)}} {time}"),
            );
        }
        let status = if self.random.chance(0.2) {
            "SUCCESS (REBOOT_REQUIRED)"
        } else {
            "SUCCESS"
        };
        self.end(status);
    }

    fn failed(&mut self, section: &DriverSection) {
        let command = if section.command.is_empty() {
            self.servicing()
        } else {
            section.command.to_owned()
        };
        self.begin(&section.title, &command);
        for (mark, category, text) in &section.entries {
            put_line!(self.out, "{mark:<5}{category}: {text}");
        }
        self.end(&format!("FAILURE(0x{:08x})", section.status));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::tests::{excerpt, subject_of};

    #[test]
    fn a_driver_that_cannot_be_read_shows_as_in_a_real_log() {
        let (fixture, happenings) = subject_of(crate::Scenario::DriverFailed);
        let log = write(&fixture.subject(), &happenings);
        insta::assert_snapshot!(excerpt(&log, "FAILURE(0x00000003)", 30));
    }
}
