//! Reports in every form, whole, cut and in UTF-16.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::testing::{Collected, Owned};
use crate::{Format, TextAccount, detect, inventory};

const XML: &str = r#"<?xml version="1.0" encoding="utf-16"?>
<SetupDiag xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="https://docs.microsoft.com/windows/deployment/upgrade/setupdiag">
  <Version>1.7.0.0</Version>
  <ProfileName>FindSPFatalError</ProfileName>
  <ProfileGuid>A4028172-1B09-48F8-AD3B-86CDD7D55852</ProfileGuid>
  <SystemInfo>
    <MachineName>BR-0417</MachineName>
    <HostOSVersion>10.0.17763</HostOSVersion>
    <TargetOSBuildString>10.0.19041.1 (vb_release)</TargetOSBuildString>
    <FilterDrivers>WdFilter,oddflt.sys</FilterDrivers>
    <UpgradeStartTime>2024-08-20T10:00:00</UpgradeStartTime>
    <UpgradeEndTime>2024-08-20T10:41:07</UpgradeEndTime>
    <RollbackStartTime>0001-01-01T00:00:00</RollbackStartTime>
    <UpgradeElapsedTime />
    <ReportId>5A0B51A1-0000-4B0E-8D1B-000000000001</ReportId>
  </SystemInfo>
  <LogErrorLine>2024-08-20 10:40:59, Error SP Operation failed: Add [1] package C:\$WINDOWS.~BT\Drivers\odd.inf. Error: 0x80070490[gle=0x000000b7]</LogErrorLine>
  <FailureData>
Error: SetupDiag reports Fatal Error.
Last Setup Phase = Safe OS
Last Setup Operation: Add drivers, scope: EVERYTHING
Error: 0x80070490-0x20010</FailureData>
  <FailureData>Recommend that you update the driver odd.inf &amp; try again.</FailureData>
  <DeviceDriverInfo />
  <Remediation />
  <SetupPhaseInfo><PhaseName>Safe OS</PhaseName><CompletedSuccessfully>false</CompletedSuccessfully></SetupPhaseInfo>
</SetupDiag>
"#;

const JSON: &str = r#"{"Version":"1.6.0.0","ProfileName":"FindSPFatalError","ProfileGuid":"A4028172-1B09-48F8-AD3B-86CDD7D55852","SystemInfo":{"MachineName":"Offline","UpgradeStartTime":"\/Date(1724148000000-0700)\/","UpgradeEndTime":"\/Date(1724150467000-0700)\/","RollbackStartTime":"\/Date(-62135596800000)\/","ReportId":"7"},"LogErrorLine":"","FailureData":["\u000aError: SetupDiag reports Fatal Error.\u000aLast Setup Phase = Downlevel\u000aLast Setup Operation: Finalize\u000aError: 0x00000057","Recommend you look at the drivers"],"DeviceDriverInfo":null,"Remediation":["Refer to the list of error codes."],"SetupPhaseInfo":null,"SetupOperationInfo":[{"OperationName":"Gather","CompletedSuccessfully":true},{"OperationName":"Finalize","CompletedSuccessfully":false}]}"#;

const LOG: &str = "SetupDiag v1.6.2107.27002\r\n\r\nMatching Profile found: OptionalComponentOpenPackageFailed - 22952520-EC89-4FBD-94E0-B67DF88347F6\r\n\
    System Information:\r\n\tMachine Name = BR-0417\r\n\tHostOSBuildString = 15063.0.amd64fre\r\n\tUpgradeStartTime = 8/20/2024 9:47:16 PM\r\n\tUpgradeEndTime = 8/20/2024 10:02:40 PM\r\n\tReportId = 9\r\n\r\n\
    Error: SetupDiag reports Optional Component installation failed to open OC Package. Package Name: Foundation, Error: 0x8007001F\r\n\
    Recommend you check the \"Windows Modules Installer\" service is started.\r\n\
    Error: SetupDiag reports down-level failure, Operation: Finalize, Error: 0x8007001F - 0x50015\r\n\
    Refer to the list of error codes for error information.\r\n";

fn read(bytes: &[u8]) -> (Vec<Owned>, Collected, TextAccount) {
    let mut collected = Collected::default();
    let account = inventory::parse(bytes, Format::SetupDiag, &mut collected);
    assert_eq!(
        account.lines,
        account.records + account.continuations + account.rejected,
        "{account:?}"
    );
    (collected.records.clone(), collected, account)
}

fn utf16(text: &str) -> Vec<u8> {
    [0xFF, 0xFE]
        .into_iter()
        .chain(
            text.replace('\n', "\r\n")
                .encode_utf16()
                .flat_map(u16::to_le_bytes),
        )
        .collect()
}

#[track_caller]
fn one(bytes: &[u8]) -> Owned {
    assert_eq!(detect(bytes, "results"), Some(Format::SetupDiag));
    let (records, collected, _) = read(bytes);
    assert_eq!(records.len(), 1);
    assert!(collected.issues.is_empty(), "{:?}", collected.issues);
    records.into_iter().next().unwrap()
}

#[test]
fn xml_in_utf16_says_rule_codes_phase_and_remedy() {
    let bytes = utf16(XML);
    let record = one(&bytes);
    assert_eq!(record.field(field::RULE_NAME), Some("FindSPFatalError"));
    assert_eq!(record.field(field::ERROR_CODE), Some("0x80070490"));
    assert_eq!(record.field(field::EXTEND_CODE), Some("0x20010"));
    assert_eq!(record.field(field::PHASE), Some("Safe OS"));
    assert_eq!(
        record.field(field::OPERATION),
        Some("Add drivers, scope: EVERYTHING")
    );
    assert_eq!(
        record.field(field::REMEDIATION),
        Some("Recommend that you update the driver odd.inf & try again.")
    );
    assert_eq!(
        record.field(::patchlens_event::inventory::DEVICE_NAME),
        Some("BR-0417")
    );
    assert_eq!(
        record.field("TargetOSBuildString"),
        Some("10.0.19041.1 (vb_release)")
    );
    assert_eq!(record.field("RollbackStartTime"), None, "not set");
    assert_eq!(
        record.time,
        LoggedTime::Local(date(2024, 8, 20).at(10, 41, 7, 0))
    );
    assert_eq!(record.level, Level::Error);
    assert!(
        record.message.contains("odd.inf") && !record.message.contains("oddflt"),
        "{}",
        record.message
    );
    // The place is that of the first finding, in the bytes of the file.
    let at = usize::try_from(record.byte_offset).unwrap();
    let line: Vec<u16> = bytes[at..at + 44]
        .chunks(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    assert!(String::from_utf16(&line).unwrap().contains("<FailureData"));
    assert_eq!(record.line, 18);
}

#[test]
fn json_dates_are_instants_and_a_machine_read_elsewhere_has_no_name() {
    for text in [JSON.to_owned(), JSON.replace(",\"", ",\n\"")] {
        let record = one(text.as_bytes());
        assert_eq!(
            record.time,
            LoggedTime::Utc("2024-08-20T10:41:07Z".parse().unwrap())
        );
        assert_eq!(
            record.field(field::ERROR_CODE),
            Some("0x80070057"),
            "a Win32 number"
        );
        assert_eq!(record.field(field::EXTEND_CODE), None);
        assert_eq!(record.field(field::PHASE), Some("Downlevel"));
        assert_eq!(record.field(field::OPERATION), Some("Finalize"));
        assert_eq!(
            record.field(::patchlens_event::inventory::DEVICE_NAME),
            None
        );
        assert_eq!(record.field("RollbackStartTime"), None);
        assert_eq!(
            record.field(field::REMEDIATION),
            Some("Recommend you look at the drivers\nRefer to the list of error codes.")
        );
    }
}

#[test]
fn the_text_form_gives_the_last_failure() {
    let record = one(LOG.as_bytes());
    assert_eq!(
        record.field(field::RULE_NAME),
        Some("OptionalComponentOpenPackageFailed")
    );
    assert_eq!(record.field(field::ERROR_CODE), Some("0x8007001f"));
    assert_eq!(record.field(field::EXTEND_CODE), Some("0x50015"));
    assert_eq!(record.field(field::OPERATION), Some("Finalize"));
    assert_eq!(
        record.time,
        LoggedTime::Local(date(2024, 8, 20).at(22, 2, 40, 0))
    );
    assert_eq!(record.line, 11);
    let none = one(
        b"SetupDiag v1.6.42.0\n\nSetupDiag was unable to match to any known failure signatures.\n",
    );
    assert_eq!(none.field(field::RULE_NAME), Some(NO_RULE));
    assert_eq!(none.level, Level::Info);
}

#[test]
fn an_upgrade_that_worked_has_no_code() {
    let text = XML.replace("FindSPFatalError", "FindSuccessfulUpgrade");
    let (before, line) = text.split_once("  <LogErrorLine>").unwrap();
    let (_, after) = line.split_once("  <DeviceDriverInfo").unwrap();
    let text = format!("{before}  <DeviceDriverInfo{after}");
    let record = one(text.as_bytes());
    assert_eq!(record.field(field::ERROR_CODE), None);
    assert_eq!(record.level, Level::Info);
}

#[test]
fn a_tower_of_elements_is_no_report_and_no_work_without_end() {
    let deep = 20_000;
    let text = format!(
        "<SetupDiag xmlns=\"x\"><ProfileName>y</ProfileName><SetupPhaseInfo>{}<PhaseName>Z</PhaseName>{}</SetupPhaseInfo></SetupDiag>",
        "<a>".repeat(deep),
        "</a>".repeat(deep)
    );
    let mut collected = Collected::default();
    let account = inventory::parse(text.as_bytes(), Format::SetupDiag, &mut collected);
    assert_eq!((account.records, account.rejected), (0, 1));
}

#[test]
fn a_cut_report_is_read_as_far_as_it_goes() {
    let end = XML.find("<DeviceDriverInfo").unwrap() + 8;
    let (records, collected, account) = read(&XML.as_bytes()[..end]);
    assert_eq!(records[0].field(field::ERROR_CODE), Some("0x80070490"));
    assert!(
        collected.issues[0].2.contains("not whole"),
        "{:?}",
        collected.issues
    );
    assert_eq!(account.rejected, 0, "its lines are the record's");
    let (records, _, account) = read(&XML.as_bytes()[..120]);
    assert!(records.is_empty());
    assert_eq!(account.rejected, account.lines);
    // An entity bomb is refused by the parser.
    let bomb = "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;\">]>\n<SetupDiag><ProfileName>&b;</ProfileName></SetupDiag>";
    let (records, _, account) = read(bomb.as_bytes());
    assert!(records.is_empty() && account.rejected > 0);
}

proptest! {
    #[test]
    fn any_cut_of_any_form_adds_up(form in 0..3_usize, at in 0.0..1.0_f64) {
        let bytes = [utf16(XML), JSON.replace(",\"", ",\n\"").into_bytes(), LOG.as_bytes().to_vec()];
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place within a small text")]
        let cut = (bytes[form].len() as f64 * at) as usize;
        read(&bytes[form][..cut]);
    }
}
