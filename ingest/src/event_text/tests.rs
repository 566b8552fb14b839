use crate::{Format, Record, RecordSink, detect, inventory};

#[derive(Default)]
struct Found(Vec<String>);

impl RecordSink for Found {
    fn record(&mut self, record: Record<'_>) {
        self.0.push(format!(
            "{}|{}|{:?}|{}|{:?}|{}|{}|{}",
            record.line,
            record.continuations,
            record.windows_event_id,
            record.component.unwrap_or_default(),
            record.time,
            record.level.as_str(),
            record.channel.unwrap_or_default(),
            record.message.replace('\n', "⏎"),
        ));
    }

    fn issue(&mut self, issue: crate::Issue<'_>) {
        self.0
            .push(format!("issue {} {}", issue.line, issue.detail));
    }
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(
        detect(text.as_bytes(), "export.txt"),
        Some(Format::EventsText),
        "{text}"
    );
    let mut found = Found::default();
    let account = inventory::parse(text.as_bytes(), Format::EventsText, &mut found);
    assert_eq!(found.0, expected);
    assert_eq!(
        account.lines,
        account.records + account.continuations + account.rejected
    );
}

#[test]
fn what_event_viewer_copies_is_read_in_any_language() {
    check(
        "Log Name:      System\r\nSource:        Microsoft-Windows-WindowsUpdateClient\r\nDate:          8/20/2024 2:41:03 PM\r\nEvent ID:      20\r\nTask Category: Windows Update Agent\r\nLevel:         Error\r\nKeywords:      \r\nUser:          SYSTEM\r\nComputer:      PC-17.example\r\nDescription:\r\nInstallation Failure: Windows failed to install the following update with error 0x80070005: KB5041580.\r\n",
        &[
            "1|10|Some(20)|Microsoft-Windows-WindowsUpdateClient|Local(2024-08-20T14:41:03)|error|System|Microsoft-Windows-WindowsUpdateClient:20⏎Installation Failure: Windows failed to install the following update with error 0x80070005: KB5041580.",
        ],
    );
    check(
        "日志名称:          System\n来源:            Microsoft-Windows-WindowsUpdateClient\n日期:            2024/8/20 9:41:03\n事件 ID:         20\n任务类别:          Windows 更新代理\n级别:            错误\n关键字:           安装\n用户:            SYSTEM\n计算机:           PC-17\n描述:\n安装失败: Windows 无法安装以下更新，错误 0x80070005: KB5041580。\n",
        &[
            "1|10|Some(20)|Microsoft-Windows-WindowsUpdateClient|Local(2024-08-20T09:41:03)|unknown|System|Microsoft-Windows-WindowsUpdateClient:20⏎安装失败: Windows 无法安装以下更新，错误 0x80070005: KB5041580。",
        ],
    );
}

#[test]
fn what_wevtutil_prints_is_read_record_by_record() {
    check(
        "Event[0]:\n  Log Name: Setup\n  Source: Microsoft-Windows-Servicing\n  Date: 2024-08-20T09:41:03.250\n  Event ID: 3\n  Task: N/A\n  Level: Information\n  Opcode: Info\n  Keyword: N/A\n  User: S-1-5-18\n  User Name: NT AUTHORITY\\SYSTEM\n  Computer: PC-17\n  Description: \nPackage KB5041580 failed to be changed to the Installed state. Status: 0x800f0922.\n\nEvent[1]:\n  Log Name: Setup\n  Source: Microsoft-Windows-Servicing\n  Date: 2024-08-20T09:43:03.000\n  Event ID: 1\n  Task: N/A\n  Level: Information\n  Opcode: Info\n  Keyword: N/A\n  User: S-1-5-18\n  User Name: NT AUTHORITY\\SYSTEM\n  Computer: PC-17\n  Description: \nInitiating changes for package KB5041580.\n",
        &[
            "2|12|Some(3)|Microsoft-Windows-Servicing|Local(2024-08-20T09:41:03.25)|info|Setup|Microsoft-Windows-Servicing:3⏎Package KB5041580 failed to be changed to the Installed state. Status: 0x800f0922.",
            "17|12|Some(1)|Microsoft-Windows-Servicing|Local(2024-08-20T09:43:03)|info|Setup|Microsoft-Windows-Servicing:1⏎Initiating changes for package KB5041580.",
        ],
    );
}

#[test]
fn tables_of_event_viewer_and_of_powershell_are_read() {
    check(
        "级别,日期和时间,来源,事件 ID,任务类别\n错误,2024/8/20 9:41:03,Microsoft-Windows-WindowsUpdateClient,20,Windows 更新代理,\"安装失败: 0x80070005\n第二行, KB5041580\"\n信息,2024/8/20 9:40:00,Microsoft-Windows-WindowsUpdateClient,43,Windows 更新代理,开始安装 KB5041580\n",
        &[
            "2|1|Some(20)|Microsoft-Windows-WindowsUpdateClient|Local(2024-08-20T09:41:03)|unknown||Microsoft-Windows-WindowsUpdateClient:20⏎安装失败: 0x80070005⏎第二行, KB5041580",
            "4|0|Some(43)|Microsoft-Windows-WindowsUpdateClient|Local(2024-08-20T09:40:00)|unknown||Microsoft-Windows-WindowsUpdateClient:43⏎开始安装 KB5041580",
        ],
    );
    check(
        "\"Message\",\"Id\",\"Level\",\"ProviderName\",\"LogName\",\"MachineName\",\"TimeCreated\",\"RecordId\"\n\"Failed with 0x80070005\",\"20\",\"2\",\"Microsoft-Windows-WindowsUpdateClient\",\"System\",\"PC-17\",\"20.08.2024 09:41:03\",\"812\"\n",
        &[
            "2|0|Some(20)|Microsoft-Windows-WindowsUpdateClient|Local(2024-08-20T09:41:03)|error|System|Microsoft-Windows-WindowsUpdateClient:20⏎Failed with 0x80070005",
        ],
    );
}

#[test]
fn what_format_list_prints_is_read() {
    check(
        "\n\nTimeCreated  : 8/20/2024 9:41:03 AM\nProviderName : Microsoft-Windows-WindowsUpdateClient\nId           : 20\nMessage      : Installation Failure: Windows failed to install the following update with error \n               0x80070005: KB5041580.\n\nTimeCreated  : 8/20/2024 9:40:00 AM\nProviderName : Microsoft-Windows-WindowsUpdateClient\nId           : 43\nMessage      : Installation Started: KB5041580.\n",
        &[
            "3|4|Some(20)|Microsoft-Windows-WindowsUpdateClient|Local(2024-08-20T09:41:03)|unknown||Microsoft-Windows-WindowsUpdateClient:20⏎Installation Failure: Windows failed to install the following update with error⏎0x80070005: KB5041580.",
            "9|3|Some(43)|Microsoft-Windows-WindowsUpdateClient|Local(2024-08-20T09:40:00)|unknown||Microsoft-Windows-WindowsUpdateClient:43⏎Installation Started: KB5041580.",
        ],
    );
}

#[test]
fn xml_is_read_wherever_its_line_ends_stand() {
    const EVENT: &str = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-WindowsUpdateClient'/><EventID>20</EventID><Level>2</Level><TimeCreated SystemTime='2024-08-20T07:41:03.5000000Z'/><EventRecordID>812</EventRecordID><Channel>System</Channel><Computer>PC-17</Computer></System><EventData><Data Name='errorCode'>0x80070005</Data><Data>unnamed</Data></EventData></Event>";
    let record = |line: u64, continuations: u64| {
        format!(
            "{line}|{continuations}|Some(20)|Microsoft-Windows-WindowsUpdateClient|Utc(2024-08-20T07:41:03.5Z)|error|System|Microsoft-Windows-WindowsUpdateClient:20 errorCode=0x80070005 param1=unnamed"
        )
    };
    check(
        &format!(
            "<?xml version=\"1.0\"?>\n<Events>{EVENT}{}</Events>\n",
            EVENT.replace("><", ">\n<")
        ),
        &[&record(2, 0), &record(2, 14)],
    );
    // One that was cut is left out, and the next is read.
    check(
        &format!("{}\n{EVENT}\n", EVENT.replace("</System>", "")),
        &[&record(2, 0)],
    );
}

#[test]
fn what_only_looks_like_an_export_is_none() {
    for text in [
        "Name: a\nSource: b\nDate: today\nEvent ID: 20\n",
        "Level,Date and Time,Source,Event ID,Task Category\n",
        "a,b,c,d,e\n1,2,3,4,5\n",
        "Id : 20\nMessage : text\n",
        "<Events><Event name='party'/></Events>\n",
    ] {
        assert_eq!(detect(text.as_bytes(), "export.txt"), None, "{text}");
    }
}

#[test]
fn a_message_alone_tells_what_record_it_was_in_any_language() {
    check(
        "Ошибка установки: не удается установить следующее обновление из-за ошибки 0x80070643: 2026-01 Обновление (KB5050109).\nインストールの失敗: エラー 0x800F0922 で次の更新プログラムのインストールに失敗しました: 2026-01 (KB5050109)\nパッケージ KB5050109 を状態 インストール済み に変更できませんでした。状態: 0x800F0922。\nPackage KB5050109 failed to be changed to the Absent state. Status: 0x800f0922.\n",
        &[
            "1|0|Some(20)|Microsoft-Windows-WindowsUpdateClient|Unstated|error||Microsoft-Windows-WindowsUpdateClient:20 errorCode=0x80070643 updateTitle=2026-01 Обновление (KB5050109)⏎Ошибка установки: не удается установить следующее обновление из-за ошибки 0x80070643: 2026-01 Обновление (KB5050109).",
            "2|0|Some(20)|Microsoft-Windows-WindowsUpdateClient|Unstated|error||Microsoft-Windows-WindowsUpdateClient:20 errorCode=0x800F0922 updateTitle=2026-01 (KB5050109)⏎インストールの失敗: エラー 0x800F0922 で次の更新プログラムのインストールに失敗しました: 2026-01 (KB5050109)",
            "3|0|Some(3)|Microsoft-Windows-Servicing|Unstated|error||Microsoft-Windows-Servicing:3 PackageIdentifier=KB5050109 ErrorCode=0x800F0922⏎パッケージ KB5050109 を状態 インストール済み に変更できませんでした。状態: 0x800F0922。",
            "4|0|Some(3)|Microsoft-Windows-Servicing|Unstated|error||Microsoft-Windows-Servicing:3 PackageIdentifier=KB5050109 ErrorCode=0x800f0922 IntendedPackageState=Absent⏎Package KB5050109 failed to be changed to the Absent state. Status: 0x800f0922.",
        ],
    );
}

#[test]
fn a_table_of_get_winevent_is_read_with_its_wrapped_rows() {
    check(
        "   ProviderName: Microsoft-Windows-WindowsUpdateClient\n\nTimeCreated                     Id LevelDisplayName Message\n-----------                     -- ---------------- -------\n1/12/2026 7:14:21 PM            20 Error            Installation Failure: Windows failed to install the following update with error\n                                                    0x80070070: KB5050109.\n1/12/2026 7:10:00 PM            43 Information      Installation Started: Windows has started installing the following update: KB50...\n",
        &[
            "5|1|Some(20)|Microsoft-Windows-WindowsUpdateClient|Local(2026-01-12T19:14:21)|error||Microsoft-Windows-WindowsUpdateClient:20⏎Installation Failure: Windows failed to install the following update with error 0x80070070: KB5050109.",
            "7|0|Some(43)|Microsoft-Windows-WindowsUpdateClient|Local(2026-01-12T19:10:00)|info||Microsoft-Windows-WindowsUpdateClient:43 updateTitle=KB50⏎Installation Started: Windows has started installing the following update: KB50...",
        ],
    );
}

#[test]
fn a_sentence_of_an_event_in_another_text_is_no_record() {
    for text in [
        "Dear colleagues,\nlast night the device wrote\nInstallation Failure: Windows failed to install the following update with error 0x80070070: KB5050109.\nI restarted it.\nIt did not help.\nPlease advise.\nThanks,\nA.\nB.\n",
        "status: 0x80070005\n",
        "KB5050109: 0x80070005\nKB5050110: 0x80070643\n",
        "KB5050109 is needed\n",
    ] {
        assert_eq!(detect(text.as_bytes(), "mail.txt"), None, "{text}");
    }
}
