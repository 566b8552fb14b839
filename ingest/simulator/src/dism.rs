//! dism.log: what the deployment tool writes, in CBS.log's columns, with the imaging library's own
//! lines between them.

use crate::{
    cbs::Subject,
    clock::Clock,
    device::Device,
    random::Random,
    scenario::{Fault, Severity},
    schedule::{Ending, Happening, What},
    text::put_line,
};

/// Tag of this log's streams of random numbers.
const STREAM: u64 = 0xd15;

/// Providers that every Windows lacks, or has.
const PROVIDERS: [(&str, bool); 7] = [
    ("FolderProvider.dll", true),
    ("SiloedPackageProvider.dll", false),
    ("FfuProvider.dll", true),
    ("WimProvider.dll", true),
    ("VHDProvider.dll", true),
    ("ImagingProvider.dll", true),
    ("MetaDeployProvider.dll", false),
];

/// Writes the log of a device that lived through these happenings; empty when DISM never ran.
pub(crate) fn write(subject: &Subject<'_>, happenings: &[Happening]) -> String {
    let mut out = String::with_capacity(32 * 1024);
    for happening in happenings {
        let mut log = DismLog::new(subject, happening, std::mem::take(&mut out));
        let fault = subject
            .case
            .map(|case| &case.fault)
            .filter(|fault| !fault.dism.is_empty());
        match (happening.what, fault) {
            (What::DiskCleanup, _) => log.disk_cleanup(),
            (What::Attempt(_, Ending::Failed), Some(fault)) => log.failed_mount(fault),
            _ => {}
        }
        out = log.out;
    }
    out
}

struct DismLog<'a> {
    out: String,
    clock: Clock,
    random: Random,
    device: &'a Device,
    base_build: u32,
    process: u32,
    thread: u32,
}

impl<'a> DismLog<'a> {
    fn new(subject: &Subject<'a>, happening: &Happening, out: String) -> Self {
        let mut random = subject.random(STREAM, happening);
        let clock = Clock::new(happening.at, &subject.device.zone);
        let (process, thread) = (random.process_id(), random.process_id());
        Self {
            out,
            clock,
            random,
            device: subject.device,
            base_build: subject.release.base_build,
            process,
            thread,
        }
    }

    fn line(&mut self, severity: Severity, text: &str) {
        self.clock.pass_ms(&mut self.random, 0, 40);
        let now = self.clock.local().strftime("%Y-%m-%d %H:%M:%S").to_string();
        put_line!(self.out, "{now}, {:<22}DISM   {text}", severity.word());
    }

    /// A line of one provider in the current process.
    fn say(&mut self, speaker: &str, text: &str) {
        let (process, thread) = (self.process, self.thread);
        self.line(
            Severity::Info,
            &format!("{speaker}: PID={process} TID={thread} {text}"),
        );
    }

    /// The imaging library's own lines: no time, and the system's language.
    fn imaging(&mut self, text: &str) {
        put_line!(self.out, "[{}] {text}", self.process);
    }

    fn begin(&mut self, caller: &str) {
        let (base, build) = (self.base_build, self.device.build);
        let processors = self.random.pick(&[4, 6, 8]);
        self.say(
            "API",
            "DismApi.dll:                                            - DismInitializeInternal",
        );
        self.say(
            "API",
            "DismApi.dll: <----- Starting DismApi.dll session -----> - DismInitializeInternal",
        );
        self.say(
            "API",
            "DismApi.dll:                                            - DismInitializeInternal",
        );
        self.say("API", &format!("DismApi.dll: Host machine information: OS Version=10.0.{build}, Running architecture=amd64, Number of processors={processors} - DismInitializeInternal"));
        self.say(
            "API",
            &format!("DismApi.dll: API Version 10.0.{base}.3636 - DismInitializeInternal"),
        );
        self.say(
            "API",
            &format!("DismApi.dll: Parent process command line: {caller} - DismInitializeInternal"),
        );
        self.say(
            "API",
            "Enter DismInitializeInternal - DismInitializeInternal",
        );
        self.say("API", "Input parameters: LogLevel: 2, LogFilePath: (null), ScratchDirectory: (null) - DismInitializeInternal");
        self.line(
            Severity::Info,
            &format!(
                "Initialized Panther logging at {}\\Logs\\DISM\\dism.log",
                self.device.style.windows
            ),
        );
        self.say("API", "Initialized GlobalConfig - DismInitializeInternal");
        self.say("API", "Initialized SessionTable - DismInitializeInternal");
        self.say("API", "Lookup in table by path failed for: DummyPath-2BA51B78-C7F7-4910-B99D-BB7345357CDC - CTransactionalImageTable::LookupImagePath");
        self.say(
            "API",
            "Leave DismInitializeInternal - DismInitializeInternal",
        );
        self.say("DISM Provider Store", "Found and Initialized the DISM Logger. - CDISMProviderStore::Internal_InitializeLogger");
        self.say("DISM Provider Store", "Failed to get and initialize the PE Provider.  Continuing by assuming that it is not a WinPE image. - CDISMProviderStore::Final_OnConnect");
        self.say(
            "DISM Provider Store",
            "Finished initializing the Provider Map. - CDISMProviderStore::Final_OnConnect",
        );
    }

    fn load_providers(&mut self) {
        let folder = format!("{}\\system32\\Dism", self.device.style.windows);
        let (process, thread) = (self.process, self.thread);
        for (provider, is_there) in PROVIDERS {
            if is_there {
                self.say("DISM Provider Store", &format!("Connecting to the provider located at {folder}\\{provider}. - CDISMProviderStore::Internal_LoadProvider"));
            } else {
                self.line(Severity::Warning, &format!("DISM Provider Store: PID={process} TID={thread} Failed to load the provider: {folder}\\{provider}. - CDISMProviderStore::Internal_GetProvider(hr:0x8007007e)"));
            }
        }
    }

    /// What every look at drive C leaves behind: 0x8007007b and 0xc142011c.
    fn probe_volume(&mut self) {
        let text = self.device.language.texts().invalid_name;
        self.say(
            "DISM FFU Provider",
            "[C:\\] is not recognized by the DISM FFU provider. - CFfuImage::Initialize",
        );
        self.imaging(&format!(
            "[0x8007007b] FIOReadFileIntoBuffer:(1381): {text}"
        ));
        self.imaging("[0xc142011c] UnmarshallImageHandleFromDirectory:(641)");
        self.imaging("[0xc142011c] WIMGetMountedImageHandle:(2897)");
        self.say(
            "DISM WIM Provider",
            "[C:\\] is not a WIM mount point. - CWimMountedImageInfo::Initialize",
        );
        self.say(
            "DISM VHD Provider",
            "[C:\\] is not recognized by the DISM VHD provider. - CVhdImage::Initialize",
        );
        for manager in ["FfuManager", "VHDManager", "WimManager"] {
            self.say("DISM Imaging Provider", &format!("The provider {manager} does not support CreateDismImage on C:\\ - CGenericImagingManager::CreateDismImage"));
        }
        self.say("DISM Imaging Provider", "No imaging provider supported CreateDismImage for this path - CGenericImagingManager::CreateDismImage");
    }

    fn disk_cleanup(&mut self) {
        self.begin(&format!(
            "{}\\system32\\cleanmgr.exe /autoclean /d C:",
            self.device.style.windows
        ));
        self.load_providers();
        let looks = self.random.between(1, 4);
        for _ in 0..looks {
            self.clock.pass_ms(&mut self.random, 300, 4_000);
            self.probe_volume();
        }
        let session = self.random.guid();
        self.say(
            "DISM Manager",
            "physical location path: C:\\ - CDISMManager::CreateImageSession",
        );
        self.say("DISM Manager", &format!("Event name for current DISM session is Global\\{{{session}}} - CDISMManager::CheckSessionAndLock"));
        self.say("DISM Manager", "Copying DISM from \"C:\\Windows\\System32\\Dism\" - CDISMManager::CreateImageSessionFromLocation");
        self.clock.pass_ms(&mut self.random, 1_000, 9_000);
        self.say(
            "DISM OS Provider",
            "Defaulting SystemPath to C:\\ - CDISMOSServiceManager::Final_OnConnect",
        );
        self.say(
            "DISM OS Provider",
            "Defaulting Windows folder to C:\\Windows - CDISMOSServiceManager::Final_OnConnect",
        );
        let (build, ubr) = (self.device.build, self.device.ubr);
        self.say("API", &format!("Target image information: OS Version=10.0.{build}.{ubr}, Image architecture=amd64 - CDismCore::LogImageSessionDetails"));
        self.say("DISM Package Manager", "CBS is being initialized for online use. More information about CBS actions can be located at: %windir%\\logs\\cbs\\cbs.log - CDISMPackageManager::Initialize");
        self.say(
            "DISM Package Manager",
            "Loaded servicing stack for online use only. - CDISMPackageManager::CreateCbsSession",
        );
        self.say(
            "API",
            "Leave DismOpenSessionInternal - DismOpenSessionInternal",
        );
        self.clock.pass_ms(&mut self.random, 2_000, 20_000);
        self.say("DISM Provider Store", "Finalizing the servicing provider(DISM Package Manager) - CDISMProviderStore::Internal_DisconnectProvider");
        self.say(
            "API",
            "DismApi.dll: <----- Ending DismApi.dll session -----> - DismShutdownInternal",
        );
    }

    fn failed_mount(&mut self, fault: &Fault) {
        let (base, process) = (self.base_build, self.process.to_string());
        self.line(Severity::Info, "DISM.EXE: ");
        self.line(
            Severity::Info,
            "DISM.EXE: <----- Starting Dism.exe session ----->",
        );
        self.line(Severity::Info, "DISM.EXE: ");
        self.line(Severity::Info, &format!("DISM.EXE: Host machine information: OS Version=10.0.{}, Running architecture=amd64, Number of processors=6", self.device.build));
        self.line(
            Severity::Info,
            &format!("DISM.EXE: Dism.exe version: 10.0.{base}.3636"),
        );
        self.line(Severity::Info, "DISM.EXE: Executing command line: dism  /Mount-Image /ImageFile:D:\\Images\\install.wim /Index:3 /MountDir:D:\\Mount");
        self.load_providers();
        for statement in &fault.dism {
            self.clock
                .pass_ms(&mut self.random, statement.after_ms / 2, statement.after_ms);
            self.line(
                statement.severity,
                &statement.text.replace("{pid}", &process),
            );
        }
        self.line(
            Severity::Info,
            "DISM.EXE: Image session has been closed. Reboot required=no.",
        );
        self.line(Severity::Info, "DISM.EXE: ");
        self.line(
            Severity::Info,
            "DISM.EXE: <----- Ending Dism.exe session ----->",
        );
        self.line(Severity::Info, "DISM.EXE: ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::tests::{excerpt, subject_of};

    #[test]
    fn a_mount_that_is_denied_reads_as_in_a_real_log() {
        let (mut fixture, happenings) = subject_of(crate::Scenario::AccessBlockInDism);
        fixture.set_language(crate::Language::Chinese);
        let log = write(&fixture.subject(), &happenings);
        insta::assert_snapshot!(excerpt(&log, "Executing command line", 24));
    }

    #[test]
    fn disk_cleanup_leaves_the_failing_codes_of_every_healthy_device() {
        let (fixture, happenings) = subject_of(crate::Scenario::FileSystemDamaged);
        let log = write(&fixture.subject(), &happenings);
        insta::assert_snapshot!(excerpt(&log, "Failed to load the provider", 14));
    }
}
