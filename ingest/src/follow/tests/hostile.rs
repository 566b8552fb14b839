//! Whoever writes below a followed path may put anything there: it is told of, and harms nothing else.
#![cfg(unix)]

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::sync::mpsc;

use patchlens_event::RejectReason;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

/// Longer than any of this takes, and shorter than waiting for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// Does what must come to an end.
#[track_caller]
fn in_time<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    std::thread::spawn(move || done.send(what()));
    outcome.recv_timeout(PATIENCE).expect("it hangs")
}

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

fn reasons(case: &Case) -> Vec<RejectReason> {
    let rejects = case.kept.rejects.iter();
    rejects.map(|reject| reject.reason).collect()
}

fn lines(from: usize, to: usize) -> String {
    let line = |number: usize| {
        format!(
            "2024-08-20 10:{:02}:{:02}, Error                 CBS    Failed to pin {number:06} [HRESULT = 0x80070005 - E_ACCESSDENIED]\r\n",
            number / 60 % 60,
            number % 60
        )
    };
    (from..to).map(line).collect()
}

#[test]
fn a_file_that_becomes_a_pipe_keeps_no_other_waiting() {
    let records = in_time(|| {
        let mut case = Case::new();
        case.append("CBS.log", lines(0, 100).as_bytes());
        case.append("other/CBS.log", lines(200, 300).as_bytes());
        case.settle();
        let path = case.logs().join("CBS.log");
        fs::remove_file(&path).unwrap();
        pipe(&path);
        case.append("other/CBS.log", lines(300, 400).as_bytes());
        case.finish();
        assert_eq!(reasons(&case), [RejectReason::Unreadable]);
        case.kept.ids().len()
    });
    assert_eq!(records, 300);
}

#[test]
fn a_pipe_itself_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("CBS.log");
    pipe(&path);
    let state = dir.path().join("state.json");
    let refused = in_time(move || {
        let follower = Follower::open(&path, options(), &state);
        let source = |error: Error| std::error::Error::source(&error).map(ToString::to_string);
        follower.err().and_then(source)
    });
    assert!(refused.is_some_and(|detail| detail.contains("a pipe or a device")));
}

/// The head of the file is known, so that whoever links to another file could have it read as more of
/// the same.
#[test]
fn a_link_that_takes_a_files_place_is_not_read() {
    for target in ["outside.log", "/dev/zero"] {
        let records = in_time(move || {
            let mut case = Case::new();
            case.append("CBS.log", lines(0, 1_500).as_bytes());
            case.settle();
            let outside = case.dir.path().join(target);
            if target == "outside.log" {
                fs::write(&outside, lines(0, 3_000)).unwrap();
            }
            let path = case.logs().join("CBS.log");
            fs::remove_file(&path).unwrap();
            symlink(&outside, &path).unwrap();
            case.finish();
            assert_eq!(reasons(&case), [RejectReason::UnsafePath]);
            case.kept.ids().len()
        });
        assert_eq!(records, 1_500, "{target}");
    }
}

#[test]
fn a_file_that_becomes_a_directory_is_read_below_it() {
    let mut case = Case::new();
    case.append("CBS.log", lines(0, 100).as_bytes());
    case.settle();
    fs::remove_file(case.logs().join("CBS.log")).unwrap();
    case.append("CBS.log/CBS.log", lines(100, 200).as_bytes());
    case.finish();
    assert_eq!(case.kept.ids().len(), 200);
    assert!(
        !case
            .follower
            .as_ref()
            .unwrap()
            .tails
            .contains_key("CBS.log")
    );
}

#[test]
fn a_file_of_a_hundred_gigabytes_is_not_read_to_be_refused() {
    let rejected = in_time(|| {
        let mut case = Case::new();
        case.append("CBS.log", lines(0, 100).as_bytes());
        let facts = include_bytes!("../../../fuzz/seeds/systeminfo.txt");
        case.append("systeminfo.txt", facts);
        // What it is shows in its first bytes; the rest of it is on no disk.
        case.append("systeminfo.txt", &b"\r\n".repeat(crate::HEAD_BYTES));
        let path = case.logs().join("systeminfo.txt");
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(100 << 30).unwrap();
        case.finish();
        reasons(&case)
    });
    assert_eq!(rejected, [RejectReason::LimitExceeded]);
}

/// One to the root of the system would have all of it watched.
#[test]
fn links_are_not_watched_through() {
    const FOLDERS: usize = 600;
    let dir = tempfile::tempdir().unwrap();
    let (logs, outside) = (dir.path().join("logs"), dir.path().join("outside"));
    fs::create_dir(&logs).unwrap();
    for number in 0..FOLDERS {
        fs::create_dir_all(outside.join(number.to_string())).unwrap();
    }
    symlink(&outside, logs.join("link")).unwrap();
    symlink(&logs, logs.join("loop")).unwrap();
    let watched = || -> usize {
        let descriptors = fs::read_dir("/proc/self/fdinfo").unwrap();
        let texts = descriptors.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
        texts.map(|text| text.matches("inotify wd:").count()).sum()
    };
    let watch = Watch::new(&[logs]);
    assert!(watched() < FOLDERS, "{} are watched", watched());
    drop(watch);
}

#[test]
fn names_that_are_no_text_hide_no_file_and_no_other() {
    let mut case = Case::new();
    case.append("CBS.log", lines(0, 100).as_bytes());
    for (number, name) in [&b"a\xff.log"[..], b"a\xfe.log"].iter().enumerate() {
        let path = case.logs().join(std::ffi::OsStr::from_bytes(name));
        let from = 1_000 + number * 100;
        fs::write(path, lines(from, from + 100)).unwrap();
    }
    for name in ["b\u{1b}[2Jc.log", "b\nc.log"] {
        fs::write(case.logs().join(name), lines(2_000, 2_010)).unwrap();
    }
    case.finish();
    assert_eq!(case.kept.ids().len(), 300);
    assert_eq!(reasons(&case), [RejectReason::UnsafePath; 2]);
    assert!(
        case.kept
            .rejects
            .iter()
            .all(|reject| { !reject.origin.file.chars().any(char::is_control) })
    );
}

/// Two states of a file that somebody replaces faster than anybody can look.
#[test]
fn a_file_that_is_always_another_does_not_grow_what_is_remembered() {
    let mut case = Case::new();
    for turn in 0..300 {
        case.replace("CBS.log", lines(turn * 10, turn * 10 + 10).as_bytes());
        case.poll(Duration::from_millis(1));
    }
    case.finish();
    let state = fs::metadata(case.dir.path().join("state/logs.json")).unwrap();
    assert!(state.len() < 64 * 1024, "{} bytes", state.len());
    let follower = case.follower.as_ref().unwrap();
    assert!(follower.retired.len() <= RETIRED_MAX);
    assert_eq!(follower.tails.len(), 1);
}
