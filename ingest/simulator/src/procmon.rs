//! A Process Monitor trace, exported as CSV, of an installation that is denied one file.

use crate::text::put_line;
use crate::{
    Language,
    cbs::Subject,
    clock::Clock,
    random::Random,
    schedule::{Ending, Happening, What},
};

/// Tag of this log's streams of random numbers.
const STREAM: u64 = 0x9c;

const READ: &str = "Desired Access: Generic Read, Disposition: Open, Options: Synchronous IO Non-Alert, Non-Directory File, Attributes: n/a, ShareMode: Read, AllocationSize: n/a, OpenResult: Opened";
const WRITE: &str = "Desired Access: Write Attributes, Synchronize, Disposition: Open, Options: Synchronous IO Non-Alert, Open Reparse Point, Attributes: n/a, ShareMode: Read, Write, AllocationSize: n/a";

/// Writes the trace that was taken during the last failed attempt; empty when none was taken.
pub(crate) fn write(subject: &Subject<'_>, happenings: &[Happening]) -> String {
    let failed = happenings
        .iter()
        .rev()
        .find(|h| matches!(h.what, What::Attempt(_, Ending::Failed)));
    let (Some(denied), Some(happening)) = (
        subject.case.and_then(|case| case.traced_file.as_deref()),
        failed,
    ) else {
        return String::new();
    };
    let mut random = subject.random(STREAM, happening);
    let at = happening.at + jiff::SignedDuration::from_mins(6);
    let worker = random.process_id();
    let mut trace = Trace {
        out: String::new(),
        clock: Clock::new(at, &subject.device.zone),
        random,
        language: subject.device.language,
        worker,
    };
    put_line!(
        trace.out,
        "\"Time of Day\",\"Process Name\",\"PID\",\"Operation\",\"Path\",\"Result\",\"Detail\""
    );
    trace.background(60);
    let folder = denied
        .rsplit_once('\\')
        .map_or(denied, |(folder, _)| folder);
    for extension in ["inf", "cat"] {
        let path = format!("{folder}\\package.{extension}");
        trace.row("TiWorker.exe", worker, "CreateFile", &path, "SUCCESS", READ);
        trace.row(
            "TiWorker.exe",
            worker,
            "QueryBasicInformationFile",
            &path,
            "SUCCESS",
            "",
        );
        trace.row("TiWorker.exe", worker, "CloseFile", &path, "SUCCESS", "");
    }
    for _ in 0..3 {
        trace.row(
            "TiWorker.exe",
            worker,
            "CreateFile",
            denied,
            "ACCESS DENIED",
            WRITE,
        );
        trace.background(8);
    }
    trace.row(
        "TiWorker.exe",
        worker,
        "QueryDirectory",
        folder,
        "NO MORE FILES",
        "",
    );
    trace.background(40);
    trace.out
}

struct Trace {
    out: String,
    clock: Clock,
    random: Random,
    language: Language,
    worker: u32,
}

impl Trace {
    /// One row; every field is quoted, and the time follows the device's language.
    fn row(
        &mut self,
        process: &str,
        id: u32,
        operation: &str,
        path: &str,
        result: &str,
        detail: &str,
    ) {
        self.clock.pass_ms(&mut self.random, 0, 30);
        let now = self.clock.local();
        let tick = now.subsec_nanosecond() / 100;
        let time = match self.language {
            Language::English => format!(
                "{}.{tick:07} {}",
                now.strftime("%-I:%M:%S"),
                now.strftime("%p")
            ),
            Language::Chinese | Language::ChineseTraditional | Language::Japanese => {
                format!("{}.{tick:07}", now.strftime("%-H:%M:%S"))
            }
            Language::German | Language::Russian | Language::French => {
                format!("{},{tick:07}", now.strftime("%H:%M:%S"))
            }
        };
        put_line!(
            self.out,
            "\"{time}\",\"{process}\",\"{id}\",\"{operation}\",\"{path}\",\"{result}\",\"{}\"",
            detail.replace('"', "\"\"")
        );
    }

    /// What other programs do meanwhile.
    fn background(&mut self, rows: u32) {
        const SEEN: [(&str, &str, &str, &str); 9] = [
            (
                "svchost.exe",
                "RegOpenKey",
                "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update",
                "SUCCESS",
            ),
            (
                "svchost.exe",
                "RegQueryValue",
                "HKLM\\SOFTWARE\\Policies\\Microsoft\\Windows\\WindowsUpdate\\AU\\NoAutoUpdate",
                "NAME NOT FOUND",
            ),
            (
                "TrustedInstaller.exe",
                "RegQueryKey",
                "HKLM\\COMPONENTS",
                "SUCCESS",
            ),
            (
                "MsMpEng.exe",
                "CreateFile",
                "C:\\ProgramData\\Microsoft\\Windows Defender\\Scans\\mpcache-57F1A4.bin",
                "SHARING VIOLATION",
            ),
            (
                "explorer.exe",
                "QueryDirectory",
                "C:\\Users\\Public\\Desktop",
                "NO MORE FILES",
            ),
            (
                "KtmAgentHost.exe",
                "ReadFile",
                "C:\\Program Files\\Kestrel\\Terminal Manager\\policy.db",
                "SUCCESS",
            ),
            (
                "TiWorker.exe",
                "CreateFile",
                "C:\\Windows\\WinSxS\\pending.xml",
                "NAME NOT FOUND",
            ),
            (
                "TiWorker.exe",
                "RegOpenKey",
                "HKLM\\COMPONENTS\\DerivedData\\Components",
                "SUCCESS",
            ),
            (
                "lsass.exe",
                "RegQueryValue",
                "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\RunAsPPL",
                "NAME NOT FOUND",
            ),
        ];
        for _ in 0..rows {
            let (process, operation, path, result) = self.random.pick(&SEEN);
            let id = if process == "TiWorker.exe" {
                self.worker
            } else {
                500 + u32::try_from(process.len()).unwrap_or_default() * 52
            };
            let detail = if operation == "RegQueryValue" {
                "Length: 144"
            } else {
                ""
            };
            self.row(process, id, operation, path, result, detail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::tests::{excerpt, subject_of};

    #[test]
    fn a_trace_is_csv_and_names_the_denied_file() {
        let (mut fixture, happenings) = subject_of(crate::Scenario::AccessBlockAtInstall);
        fixture.set_language(crate::Language::Russian);
        let trace = write(&fixture.subject(), &happenings);
        let rows: Vec<csv::StringRecord> = csv::Reader::from_reader(trace.as_bytes())
            .records()
            .map(Result::unwrap)
            .collect();
        let culprit = fixture
            .case
            .as_ref()
            .and_then(|case| case.culprit.clone())
            .unwrap();
        assert!(
            rows.iter()
                .any(|row| &row[5] == "ACCESS DENIED" && row[4].ends_with(&culprit))
        );
        insta::assert_snapshot!(excerpt(&trace, "ACCESS DENIED", 6));
    }
}
