//! Nothing is lost when files are cut, replaced or written in pieces, nor passed over in silence.

use super::*;

/// Ids of what is handed on, and of the same file read whole.
#[track_caller]
fn nothing_is_missing(case: &Case) {
    let whole = whole(&case.logs());
    let ids: BTreeSet<EventId> = case
        .kept
        .events
        .iter()
        .map(|e| e.event_id.clone())
        .collect();
    let missing = whole.ids().difference(&ids).count();
    assert_eq!(missing, 0, "of {}", whole.ids().len());
}

#[test]
fn a_file_that_was_cut_short_and_grew_again_is_another_one() {
    let lines = |from: usize, to: usize| -> String {
        let line = |number: usize| {
            format!(
                "2024-08-20 10:{:02}:{:02}, Error                 CBS    Failed to pin {number:06} [HRESULT = 0x80070005 - E_ACCESSDENIED]\r\n",
                number / 60 % 60,
                number % 60
            )
        };
        (from..to).map(line).collect()
    };
    for restarts in [false, true] {
        let mut case = Case::new();
        case.append("CBS.log", lines(0, 100).as_bytes());
        case.settle();
        if restarts {
            case.follower = None;
        }
        case.replace(
            "CBS.log",
            [lines(0, 50), lines(1_000, 1_061)].concat().as_bytes(),
        );
        if restarts {
            case.restart();
        }
        case.finish();
        nothing_is_missing(&case);
    }
    // Long enough to be read on, and cut while it is open.
    let mut case = Case::new();
    case.append("CBS.log", lines(0, 3_000).as_bytes());
    case.settle();
    case.replace(
        "CBS.log",
        [lines(0, 1_000), lines(5_000, 8_000)].concat().as_bytes(),
    );
    case.finish();
    nothing_is_missing(&case);
}

#[test]
fn half_of_something_is_no_reason_to_lose_the_whole() {
    let document = r#"{"@timestamp":"2024-08-20T02:02:41Z","winlog":{"provider_name":"Microsoft-Windows-WindowsUpdateClient","event_id":20,"channel":"System","computer_name":"YR-1","event_data":{"errorCode":"0x80073712"}},"message":"Installation Failure"}"#;
    let row = r#""10:02:41.1234567","TrustedInstaller.exe","1","CreateFile","C:\x\WpdMtp.dll","ACCESS DENIED","Desired Access: Generic Read","NT AUTHORITY\SYSTEM""#;
    let heading = "\u{feff}\"Time of Day\",\"Process Name\",\"PID\",\"Operation\",\"Path\",\"Result\",\"Detail\",\"User\"\r\n";
    let line = "2024-08-20 10:02:41, Error                 CBS    Failed to pin [HRESULT = 0x80070005 - E_ACCESSDENIED]";
    for (name, before, text) in [
        ("events.json", String::new(), document),
        ("trace.csv", format!("{heading}{row}\r\n"), row),
        ("CBS.log", format!("{line}\r\n"), line),
    ] {
        for cut in [20, text.len() / 2, text.len() - 20] {
            for (waits, restarts) in [(3, false), (3, true), (40, false), (40, true)] {
                let mut case = Case::new();
                let (half, rest) = text.split_at(cut);
                let first = [before.as_str(), half].concat();
                case.append(name, first.as_bytes());
                case.settle();
                // Beyond the time after which it is taken as it is.
                case.poll(Duration::from_secs(waits));
                case.poll(Duration::from_secs(waits));
                if waits < 30 {
                    assert!(case.kept.rejects.is_empty(), "{name} {cut}");
                }
                if restarts {
                    case.restart();
                    case.settle();
                }
                case.append(name, rest.as_bytes());
                case.append(name, b"\r\n");
                case.finish();
                assert!(!whole(&case.logs()).events.is_empty());
                nothing_is_missing(&case);
            }
        }
    }
}

#[test]
fn an_event_log_that_was_replaced_is_read_from_its_beginning() {
    let Some(folder) = shared("realdata/evtx") else {
        return;
    };
    let mut logs: Vec<(usize, Vec<u8>)> = Vec::new();
    for folder in fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
    {
        for log in fs::read_dir(&folder).into_iter().flatten() {
            let path = log.unwrap().path();
            let is_small = fs::metadata(&path).is_ok_and(|file| file.len() < 4 << 20);
            if is_small
                && path
                    .extension()
                    .is_some_and(|extension| extension == "evtx")
            {
                let records = whole(&path).ids().len();
                logs.push((records, fs::read(&path).unwrap()));
            }
        }
    }
    // The two with the most: the one must not hide the other.
    logs.sort_by_key(|(records, _)| std::cmp::Reverse(*records));
    let [(_, one), (_, other), ..] = logs.as_slice() else {
        panic!("too few event logs")
    };
    for (first, second) in [(one, other), (other, one)] {
        for restarts in [false, true] {
            let mut case = Case::new();
            case.append("System.evtx", first);
            case.finish();
            case.replace("System.evtx", second);
            if restarts {
                case.restart();
            }
            case.finish();
            nothing_is_missing(&case);
        }
    }
}

#[test]
fn what_is_not_read_is_told_of_once() {
    let mut case = Case::new();
    case.append("CBS.log", log(4).as_bytes());
    case.append("notes.txt", b"no log at all\r\n");
    case.append("bundle.zip", b"PK\x03\x04 and so on");
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", case.logs().join("link.log")).unwrap();
    case.finish();
    case.append("notes.txt", b"and more of it\r\n");
    case.finish();
    let mut told: Vec<(String, String)> = case
        .kept
        .rejects
        .iter()
        .map(|reject| (reject.origin.file.clone(), reject.detail.clone()))
        .collect();
    told.sort();
    let files: Vec<&str> = told.iter().map(|(file, _)| file.as_str()).collect();
    #[cfg(unix)]
    assert_eq!(files, ["bundle.zip", "link.log", "notes.txt"], "{told:?}");
    #[cfg(not(unix))]
    assert_eq!(files, ["bundle.zip", "notes.txt"], "{told:?}");
    assert!(told[0].1.contains("patchlens collect"), "{told:?}");
}

#[test]
fn more_files_than_may_be_open_are_followed_all_the_same() {
    let mut case = Case::new();
    for number in 0..3 * OPEN_MAX {
        case.append(&format!("{number}/CBS.log"), log(2).as_bytes());
    }
    case.settle();
    let open = |case: &Case| {
        let tails = case.follower.as_ref().unwrap().tails.values();
        tails.filter(|tail| tail.is_open()).count()
    };
    assert!(open(&case) <= OPEN_MAX, "{}", open(&case));
    for number in 0..3 * OPEN_MAX {
        case.append(&format!("{number}/CBS.log"), log(9).as_bytes());
    }
    case.finish();
    assert!(open(&case) <= OPEN_MAX, "{}", open(&case));
    nothing_is_missing(&case);
}

#[test]
fn a_long_file_of_documents_is_handed_on_in_slices() {
    let mut documents = String::new();
    for number in 0..60_000 {
        documents.push_str(&format!(r#"{{"@timestamp":"2024-08-20T02:02:41Z","winlog":{{"provider_name":"Microsoft-Windows-WindowsUpdateClient","event_id":20,"record_id":{number},"channel":"System","computer_name":"YR-1","event_data":{{"errorCode":"0x80073712"}}}},"message":"Installation Failure {number}"}}"#));
        documents.push('\n');
    }
    let mut case = Case::new();
    case.append("events.json", documents.as_bytes());
    let mut most = 0;
    let mut handed_on = 0;
    let mut restarts = 0;
    for _ in 0..200 {
        case.now += Duration::from_millis(250);
        let follower = case.follower.as_mut().unwrap();
        follower.poll(case.now, time(), &mut case.kept).unwrap();
        follower.commit().unwrap();
        most = most.max(case.kept.events.len() - handed_on);
        handed_on = case.kept.events.len();
        // Nothing that was committed comes again.
        if handed_on > 30_000 && restarts == 0 {
            restarts += 1;
            case.restart();
        }
    }
    assert!(most < 40_000 && restarts == 1, "{most} in one poll");
    assert_eq!(case.kept.ids().len(), 60_000);
}

#[test]
fn whoever_one_file_tells_of_is_known_in_what_comes_later() {
    let mut case = Case::new();
    let line = |text: &str| {
        format!("2024-08-20 10:02:41, Error                 CBS    Failed 0x80070005 {text}\r\n")
    };
    case.append("CBS.log", line("begin").as_bytes());
    case.append("old/CBS.log", line("begun").as_bytes());
    case.settle();
    case.append("CBS.log", line(r"open C:\Users\jroe\x").as_bytes());
    case.settle();
    case.append("CBS.log", line("session of jroe ended").as_bytes());
    case.append("old/CBS.log", line("session of jroe began").as_bytes());
    case.settle();
    case.restart();
    case.settle();
    case.append("CBS.log", line("another session of jroe").as_bytes());
    case.finish();
    let said: Vec<&str> = case
        .kept
        .events
        .iter()
        .map(|e| e.message.as_str())
        .collect();
    assert_eq!(said.len(), 6, "{said:?}");
    assert!(said.iter().all(|text| !text.contains("jroe")), "{said:?}");
}
