//! Archives that 7-Zip packed with Deflate64, as Windows Explorer does for files over 2 GB.

use std::fmt::Write;
use std::io::Read;

use super::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/archives")
        .join(name)
}

/// What was packed: nine hundred lines of one kind.
fn packed() -> String {
    let mut text = String::new();
    for line in 0..900 {
        write!(
            text,
            "2026-03-{:02} {:02}:{:02}:{:02}, Info                  CBS    Line {line} of a log that repeats: \
             Session 31{:06}_{} initialised by client WindowsUpdateAgent.\r\n",
            1 + line / 60 % 28,
            line / 3600,
            line / 60 % 60,
            line % 60,
            line * 7919 % 1_000_000,
            line * 31
        )
        .unwrap();
    }
    text
}

fn read_all(bundle: &Bundle) -> (Vec<u8>, Option<RejectReason>) {
    let mut bytes = Vec::new();
    let end = bundle
        .read(&bundle.entries[0])
        .and_then(|mut reader| reader.read_to_end(&mut bytes));
    (bytes, end.err().map(|error| read_failure(&error)))
}

fn opened(bytes: &[u8], limits: &Limits) -> Bundle {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Bundle::from_archive(file.path(), limits).unwrap()
}

#[test]
fn what_was_packed_comes_out() {
    let bundle = Bundle::from_archive(&fixture("deflate64.zip"), &Limits::default()).unwrap();
    assert!(bundle.refusals.is_empty(), "{:?}", bundle.refusals);
    let (bytes, end) = read_all(&bundle);
    assert_eq!((end, bytes.len()), (None, 132_729));
    assert_eq!(String::from_utf8(bytes).unwrap(), packed());
}

#[test]
fn a_bomb_is_stopped_while_it_inflates() {
    let limits = Limits {
        ratio_max: 20,
        ratio_free_bytes: 100_000,
        ..Limits::default()
    };
    let bundle = Bundle::from_archive(&fixture("deflate64-bomb.zip"), &limits).unwrap();
    let (bytes, end) = read_all(&bundle);
    assert_eq!(end, Some(RejectReason::LimitExceeded));
    assert!(bytes.len() < 1_000_000, "{}", bytes.len());
}

#[test]
fn a_cut_archive_gives_what_is_there() {
    let whole = std::fs::read(fixture("deflate64.zip")).unwrap();
    let bundle = opened(&whole[..6_000], &Limits::default());
    let (bytes, end) = read_all(&bundle);
    assert_eq!(end, Some(RejectReason::Truncated));
    assert!(bytes.len() > 10_000 && packed().as_bytes().starts_with(&bytes));
}

#[test]
fn damage_anywhere_ends_with_a_reason() {
    let whole = std::fs::read(fixture("deflate64.zip")).unwrap();
    // Behind the local header: 30 bytes and the name.
    for at in (37..10_000).step_by(37) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        let (bytes, end) = read_all(&opened(&damaged, &Limits::default()));
        assert!(end.is_some() || bytes == packed().as_bytes(), "byte {at}");
    }
}
