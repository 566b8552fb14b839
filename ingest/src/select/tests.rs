//! Evidence is sent, bulk is counted.

use std::borrow::Cow;

use super::*;
use crate::LoggedTime;

fn record(message: &str) -> Record<'_> {
    Record {
        line: 1,
        byte_offset: 0,
        record_id: None,
        time_text: Cow::Borrowed(""),
        time: LoggedTime::Unstated,
        level: Level::Info,
        component: None,
        channel: None,
        windows_event_id: None,
        message: Cow::Borrowed(message),
        fields: Vec::new(),
        continuations: 0,
    }
}

#[track_caller]
fn check(format: Format, message: &str, expected: Decision) {
    assert_eq!(decide(&record(message), &[], format), expected, "{message}");
}

#[test]
fn evidence_is_sent_and_bulk_is_counted() {
    use Decision::{Count, Send};
    check(
        Format::CbsLog,
        "Exec: Processing complete.  Session: 1, Package: Package_for_KB5012170~31bf3856ad364e35~amd64~~1",
        Send,
    );
    check(
        Format::CbsLog,
        "Package \"x\" requires Servicing Stack v10 but current Servicing Stack is v9",
        Send,
    );
    check(
        Format::CbsLog,
        "Manifest hash for component [x] does not match expected value.",
        Send,
    );
    check(
        Format::CbsLog,
        "Appl: Evaluating package applicability for package Package_for_RollupFix~x, applicable state: Installed",
        Count,
    );
    check(
        Format::CbsLog,
        "Ending TrustedInstaller initialization.",
        Count,
    );
    check(
        Format::WindowsUpdateLog,
        "* END * Finding updates CallerId = x, Exit code = 0x00000000",
        Send,
    );
    check(
        Format::WindowsUpdateLog,
        "Title = 2024-08 Cumulative Update (KB5041580)",
        Send,
    );
    check(
        Format::WindowsUpdateLogLegacy,
        "  * Windows Update access disabled: Yes",
        Send,
    );
    check(
        Format::WindowsUpdateLogLegacy,
        "  * Windows Update access disabled: No",
        Count,
    );
    check(Format::WindowsUpdateLog, "Get response for service", Count);
    check(
        Format::SetupLog,
        "Setup phase change: [SetupPhaseInstall] -> [SetupPhaseError]",
        Send,
    );
    check(Format::SetupLog, "Setting system object filter", Count);
    check(
        Format::DismLog,
        "DISM WIM Provider: PID=1 Mounting E:\\install.wim index 1",
        Send,
    );
    check(Format::DismLog, "DISM   PID=1 Scratch directory set", Count);
    check(Format::SystemInfo, "anything", Send);
}

#[test]
fn a_code_or_a_raised_level_is_always_sent() {
    let quiet = record("Read out cached package applicability");
    assert_eq!(
        decide(&quiet, &[Hresult(0x8007_0005)], Format::CbsLog),
        Decision::Send
    );
    assert_eq!(
        decide(
            &Record {
                level: Level::Warning,
                ..quiet
            },
            &[],
            Format::CbsLog
        ),
        Decision::Send
    );
}

#[test]
fn event_logs_are_chosen_by_provider_and_procmon_by_result() {
    let event = |provider: &'static str, id| Record {
        component: Some(Cow::Borrowed(provider)),
        windows_event_id: Some(id),
        ..record("")
    };
    let sent = |record: &Record<'_>, format| decide(record, &[], format) == Decision::Send;
    assert!(sent(
        &event("Microsoft-Windows-WindowsUpdateClient", 19),
        Format::Evtx
    ));
    assert!(sent(&event("User32", 1074), Format::EventsJson));
    assert!(sent(&event("Service Control Manager", 7040), Format::Evtx));
    assert!(!sent(&event("Service Control Manager", 7036), Format::Evtx));
    assert!(!sent(
        &event("Microsoft-Windows-Security-SPP", 16384),
        Format::Evtx
    ));
    let row = |result: &str| Record {
        fields: vec![("result".to_owned(), result.to_owned())],
        ..record("")
    };
    assert!(sent(&row("ACCESS DENIED"), Format::ProcmonCsv));
    assert!(sent(&row("SHARING VIOLATION"), Format::ProcmonCsv));
    assert!(!sent(&row("SUCCESS"), Format::ProcmonCsv));
    assert!(!sent(&row("NAME NOT FOUND"), Format::ProcmonCsv));
}
