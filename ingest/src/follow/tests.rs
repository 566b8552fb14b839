//! What is followed in pieces is what is collected whole.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use patchlens_event::{Event, Kind, Reject};
use proptest::prelude::*;

use super::*;
use crate::collect::{SinkError, read_path};
use crate::testing::shared;

mod hostile;
mod kept;

#[derive(Default)]
struct Kept {
    events: Vec<Event>,
    rejects: Vec<Reject>,
}

impl EventSink for Kept {
    fn event(&mut self, event: Event) -> std::result::Result<(), SinkError> {
        self.events.push(event);
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> std::result::Result<(), SinkError> {
        self.rejects.push(reject);
        Ok(())
    }
}

impl Kept {
    /// Ids of records; each must have come once.
    fn ids(&self) -> BTreeSet<EventId> {
        let records = || self.events.iter().filter(|event| event.kind != Kind::Count);
        let ids: BTreeSet<EventId> = records().map(|event| event.event_id.clone()).collect();
        assert_eq!(ids.len(), records().count(), "a record was handed on twice");
        ids
    }

    /// The largest count of each template, day and code.
    fn counts(&self) -> BTreeMap<String, u32> {
        let mut counts = BTreeMap::new();
        for event in self.events.iter().filter(|event| event.kind == Kind::Count) {
            let key = format!(
                "{:?} {:?} {}",
                event.occurred_at_local, event.codes, event.template
            );
            let largest = counts.entry(key).or_default();
            *largest = event.count.max(*largest);
        }
        counts
    }
}

fn time() -> Timestamp {
    "2024-09-01T00:00:00Z".parse().unwrap()
}

fn options() -> FollowOptions {
    let mut collect = CollectOptions::new(time());
    collect.device = Some("YR-1".to_owned());
    FollowOptions {
        collect,
        fallback: None,
        settle: Duration::from_millis(200),
        partial: Duration::from_secs(30),
        look: Duration::from_millis(500),
        counts: Duration::from_mins(1),
    }
}

fn whole(path: &Path) -> Kept {
    let mut kept = Kept::default();
    read_path(path, &options().collect, &mut kept).unwrap();
    kept
}

/// A followed directory under a clock of the test's own.
struct Case {
    dir: tempfile::TempDir,
    follower: Option<Follower>,
    now: Instant,
    kept: Kept,
}

impl Case {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("logs")).unwrap();
        let mut case = Self {
            dir,
            follower: None,
            now: Instant::now(),
            kept: Kept::default(),
        };
        case.restart();
        case
    }

    fn logs(&self) -> PathBuf {
        self.dir.path().join("logs")
    }

    fn append(&self, name: &str, bytes: &[u8]) {
        let path = self.logs().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.write_all(bytes).unwrap();
    }

    fn replace(&self, name: &str, bytes: &[u8]) {
        fs::write(self.logs().join(name), bytes).unwrap();
    }

    /// As after kill -9: what was not committed is forgotten.
    fn restart(&mut self) {
        self.follower = None;
        let state = self.dir.path().join("state/logs.json");
        self.follower = Some(Follower::open(&self.logs(), options(), &state).unwrap());
    }

    /// Polls until nothing is left to read, `after` so long a time.
    fn poll(&mut self, after: Duration) {
        self.now += after;
        let follower = self.follower.as_mut().unwrap();
        while follower
            .poll(self.now, time(), &mut self.kept)
            .unwrap()
            .is_behind
        {
            self.now += WALK_PAUSE;
        }
        follower.commit().unwrap();
    }

    fn settle(&mut self) {
        self.poll(Duration::from_millis(150));
        self.poll(Duration::from_millis(250));
    }

    fn finish(&mut self) {
        self.settle();
        self.poll(Duration::from_secs(31));
        let follower = self.follower.as_mut().unwrap();
        follower.counts(&mut self.kept).unwrap();
    }

    #[track_caller]
    fn check(&mut self) {
        self.finish();
        let whole = whole(&self.logs());
        assert!(!whole.events.is_empty());
        same(&self.kept.ids(), &whole.ids());
        assert_eq!(self.kept.counts(), whole.counts());
        let rejects = |kept: &Kept| -> BTreeSet<EventId> {
            kept.rejects
                .iter()
                .map(|reject| reject.reject_id.clone())
                .collect()
        };
        assert_eq!(rejects(&self.kept), rejects(&whole));
    }
}

#[track_caller]
fn same(followed: &BTreeSet<EventId>, whole: &BTreeSet<EventId>) {
    let missing = whole.difference(followed).count();
    let surplus = followed.difference(whole).count();
    assert_eq!(
        (missing, surplus),
        (0, 0),
        "missing and surplus of {}",
        whole.len()
    );
}

/// A log with equal lines in one second, continuation lines, and noise.
fn log(records: usize) -> String {
    let mut text = String::new();
    for number in 0..records {
        let (minute, second) = (number / 240 % 60, number / 4 % 60);
        text.push_str(&match number % 5 {
            0 => format!("2024-08-20 10:{minute:02}:{second:02}, Error                 CBS    Failed to pin [HRESULT = 0x80070005 - E_ACCESSDENIED]\r\n"),
            1 => format!("2024-08-20 10:{minute:02}:{second:02}, Error                 CSI    {number:08x} (F) STATUS_OBJECT 0xc0000034\r\n  [l:12]'more of it'\r\n\r\n  and the end\r\n"),
            _ => format!("2024-08-20 10:{minute:02}:{second:02}, Info                  CBS    Session {} step\r\n", number % 7),
        });
    }
    text
}

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_new_line_comes_when_it_is_complete_and_once() {
    let mut case = Case::new();
    case.append("CBS.log", log(3).as_bytes());
    case.settle();
    let before = case.kept.events.len();
    assert_eq!(before, 2, "the noise is only counted");
    let line = "2024-08-20 11:00:00, Error                 CBS    Failed to pin [HRESULT = 0x80070005 - E_ACCESSDENIED]";
    case.append("CBS.log", line.as_bytes());
    case.settle();
    assert_eq!(case.kept.events.len(), before, "its line end is missing");
    case.append("CBS.log", b"\r\n");
    case.settle();
    assert_eq!(case.kept.events.len(), before + 1);
    case.restart();
    case.settle();
    assert_eq!(case.kept.events.len(), before + 1, "handed on again");
    case.append("CBS.log", line.as_bytes());
    case.check();
}

#[test]
fn pieces_of_any_encoding_give_what_the_whole_gives() {
    // Short, where everything is read anew each time; and long, where it is read on.
    for records in [40, 3_000] {
        for bytes in [log(records).into_bytes(), utf16(&log(records))] {
            let mut case = Case::new();
            for (number, piece) in bytes.chunks(bytes.len() / 23 + 1).enumerate() {
                case.append("CBS.log", piece);
                case.poll(Duration::from_millis(1));
                if number % 7 == 3 {
                    case.restart();
                }
            }
            case.check();
        }
    }
}

#[test]
fn a_real_log_in_pieces_gives_what_the_whole_gives() {
    for name in ["realdata/dism", "realdata/windows_update"] {
        let Some(folder) = shared(name) else { return };
        let mut tried = 0;
        for file in fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
        {
            let bytes = fs::read(&file).unwrap_or_default();
            if bytes.len() < 200_000 || tried == 3 {
                continue;
            }
            tried += 1;
            let mut case = Case::new();
            let name = file.file_name().unwrap().to_str().unwrap();
            for piece in bytes.chunks(bytes.len() / 9 + 1) {
                case.append(name, piece);
                case.poll(Duration::from_millis(1));
            }
            case.check();
        }
    }
}

#[test]
fn rotation_truncation_and_replacement_lose_and_repeat_nothing() {
    let text = log(400);
    let (first, second) = text.split_at(text.match_indices("\r\n2024").nth(200).unwrap().0 + 2);
    // Renamed beside the new one.
    let mut case = Case::new();
    case.append("CBS.log", first.as_bytes());
    case.settle();
    let more = "2024-08-20 12:00:00, Error                 CBS    Last words 0x80070005\r\n";
    case.append("CBS.log", more.as_bytes());
    fs::rename(case.logs().join("CBS.log"), case.logs().join("CBS.old.log")).unwrap();
    case.append("CBS.log", second.as_bytes());
    case.check();

    // Renamed while nobody was there.
    let mut case = Case::new();
    case.append("CBS.log", first.as_bytes());
    case.settle();
    case.follower = None;
    fs::rename(case.logs().join("CBS.log"), case.logs().join("CBS.old.log")).unwrap();
    case.append("CBS.log", second.as_bytes());
    case.restart();
    case.check();

    // Moved away: its last words are taken from what is still open.
    let mut case = Case::new();
    case.append("CBS.log", first.as_bytes());
    case.settle();
    case.append("CBS.log", more.as_bytes());
    fs::rename(
        case.logs().join("CBS.log"),
        case.dir.path().join("away.log"),
    )
    .unwrap();
    case.append("CBS.log", second.as_bytes());
    case.finish();
    let mut expected = whole(&case.dir.path().join("away.log")).ids();
    expected.extend(whole(&case.logs()).ids());
    same(&case.kept.ids(), &expected);

    // Cut to nothing, and begun anew.
    let mut case = Case::new();
    case.append("CBS.log", first.as_bytes());
    case.settle();
    let mut expected = whole(&case.logs()).ids();
    fs::write(case.logs().join("CBS.log"), second).unwrap();
    case.finish();
    expected.extend(whole(&case.logs()).ids());
    same(&case.kept.ids(), &expected);
}

#[test]
fn a_record_that_grows_late_is_there_whole_too() {
    let mut case = Case::new();
    case.append("CBS.log", log(2).as_bytes());
    case.settle();
    let before = case.kept.ids();
    case.append("CBS.log", b"  one more line\r\n");
    case.finish();
    let whole = whole(&case.logs()).ids();
    assert!(case.kept.ids().is_superset(&whole));
    assert_eq!(case.kept.ids().difference(&whole).count(), 1);
    assert!(before.is_subset(&case.kept.ids()));
}

#[test]
fn an_event_log_is_read_again_by_record_number() {
    let Some(folder) = shared("realdata/evtx") else {
        return;
    };
    let folders = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut logs: Vec<PathBuf> = folders
        .filter(|path| path.is_dir())
        .flat_map(|folder| {
            fs::read_dir(folder)
                .unwrap()
                .map(|file| file.unwrap().path())
        })
        .filter(|path| path.extension().is_some_and(|ext| ext == "evtx"))
        .filter(|path| fs::metadata(path).unwrap().len() < 4 << 20)
        .collect();
    logs.sort();
    let mut grown = 0;
    for log in logs {
        let bytes = fs::read(&log).unwrap();
        let half = 4096 + (bytes.len() - 4096) / 131_072 * 65_536;
        let mut case = Case::new();
        let name = log.file_name().unwrap().to_str().unwrap();
        case.append(name, &bytes[..half]);
        case.settle();
        let before = case.kept.events.len();
        case.append(name, &bytes[half..]);
        case.restart();
        case.poll(Duration::from_mins(1));
        case.poll(Duration::from_mins(1));
        grown += usize::from(case.kept.events.len() > before && before > 0);
        case.finish();
        let whole = whole(&case.logs()).ids();
        assert!(whole.is_subset(&case.kept.ids()), "{name}");
    }
    assert!(grown > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_pieces_and_restarts_give_what_the_whole_gives(
        records in 1_usize..700,
        cuts in proptest::collection::vec((1_usize..40_000, any::<bool>()), 1..12),
        wide in any::<bool>(),
    ) {
        let bytes = if wide { utf16(&log(records)) } else { log(records).into_bytes() };
        let mut case = Case::new();
        let mut rest = bytes.as_slice();
        for (length, restarts) in cuts {
            let (piece, more) = rest.split_at(length.min(rest.len()));
            case.append("CBS.log", piece);
            rest = more;
            case.poll(Duration::from_millis(1));
            if restarts {
                case.restart();
            }
        }
        case.append("CBS.log", rest);
        case.check();
    }
}
