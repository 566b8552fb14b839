//! Hostile and ordinary archives.

use std::io::{Cursor, Read, Write};

use encoding_rs::GBK;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

fn deflated() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, deflated()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn bundle(bytes: &[u8], limits: &Limits) -> Bundle {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("PC-1.zip");
    std::fs::write(&path, bytes).unwrap();
    Bundle::from_archive(&path, limits).unwrap()
}

fn contents(bundle: &Bundle, path: &str) -> (Vec<u8>, Option<RejectReason>) {
    let entry = bundle
        .entries
        .iter()
        .find(|entry| entry.path == path)
        .unwrap_or_else(|| panic!("no entry {path}"));
    let mut bytes = Vec::new();
    let end = bundle
        .read(entry)
        .and_then(|mut reader| reader.read_to_end(&mut bytes));
    (bytes, end.err().map(|error| read_failure(&error)))
}

fn paths(bundle: &Bundle) -> Vec<&str> {
    bundle
        .entries
        .iter()
        .map(|entry| entry.path.as_str())
        .collect()
}

#[test]
fn an_archive_is_read_part_by_part() {
    let bundle = bundle(
        &zip_of(&[("logs/CBS.log", b"one"), ("b.txt", b"two")]),
        &Limits::default(),
    );
    assert_eq!(bundle.name, "PC-1");
    assert_eq!(paths(&bundle), ["logs/CBS.log", "b.txt"]);
    assert_eq!(contents(&bundle, "logs/CBS.log"), (b"one".to_vec(), None));
    assert_eq!(contents(&bundle, "b.txt"), (b"two".to_vec(), None));
    assert!(bundle.refusals.is_empty());
}

#[test]
fn a_zip_in_a_zip_is_opened_once_and_no_deeper() {
    let innermost = zip_of(&[("deep.log", b"deep")]);
    let inner = zip_of(&[("inner.log", b"inner"), ("innermost.zip", &innermost)]);
    let outer = zip_of(&[("inner.zip", &inner), ("outer.log", b"outer")]);
    let shallow = bundle(&outer, &Limits::default());
    assert_eq!(paths(&shallow), ["inner.zip/inner.log", "outer.log"]);
    assert_eq!(contents(&shallow, "inner.zip/inner.log").0, b"inner");
    assert_eq!(shallow.refusals[0].path, "inner.zip/innermost.zip");
    assert_eq!(shallow.refusals[0].reason, RejectReason::LimitExceeded);
    let deep = bundle(
        &outer,
        &Limits {
            nesting_max: 2,
            ..Limits::default()
        },
    );
    assert_eq!(
        contents(&deep, "inner.zip/innermost.zip/deep.log").0,
        b"deep"
    );
}

#[test]
fn names_that_leave_the_bundle_are_refused() {
    let bundle = bundle(
        &zip_of(&[
            ("../evil.log", b"x"),
            ("/abs.log", b"x"),
            ("C:\\x.log", b"x"),
            ("good.log", b"x"),
        ]),
        &Limits::default(),
    );
    assert_eq!(paths(&bundle), ["good.log"]);
    assert_eq!(bundle.refusals.len(), 3);
    assert!(
        bundle
            .refusals
            .iter()
            .all(|refusal| refusal.reason == RejectReason::UnsafePath)
    );
}

#[test]
fn a_link_in_an_archive_is_refused() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .add_symlink("link.log", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    let bundle = bundle(&writer.finish().unwrap().into_inner(), &Limits::default());
    assert!(bundle.entries.is_empty());
    assert_eq!(bundle.refusals[0].reason, RejectReason::UnsafePath);
}

#[test]
fn a_name_in_gbk_is_shown_in_chinese() {
    // The writer only writes UTF-8 names: the raw name is put in by hand, of equal length.
    let raw = GBK.encode("日志.log").0.into_owned();
    let placeholder = "x".repeat(raw.len());
    let mut bytes = zip_of(&[(placeholder.as_str(), b"text")]);
    let places: Vec<usize> = bytes
        .windows(raw.len())
        .enumerate()
        .filter(|(_, w)| *w == placeholder.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert_eq!(places.len(), 2);
    for at in places {
        bytes[at..at + raw.len()].copy_from_slice(&raw);
    }
    let bundle = bundle(&bytes, &Limits::default());
    assert_eq!(paths(&bundle), ["日志.log"]);
    assert_eq!(contents(&bundle, "日志.log").0, b"text");
}

#[test]
fn a_bomb_is_stopped_by_its_ratio_while_inflating() {
    let zeros = vec![0; 24 << 20];
    let bytes = zip_of(&[("CBS.log", &zeros), ("after.log", b"still read")]);
    assert!(bytes.len() < 64 << 10, "the bomb is small: {}", bytes.len());
    let bundle = bundle(&bytes, &Limits::default());
    let (read, end) = contents(&bundle, "CBS.log");
    assert_eq!(end, Some(RejectReason::LimitExceeded));
    assert!(
        read.len() < 11 << 20,
        "stopped soon after the free 10 MiB, at {}",
        read.len()
    );
    assert_eq!(
        contents(&bundle, "after.log"),
        (b"still read".to_vec(), None)
    );
}

#[test]
fn sizes_and_counts_are_limited() {
    let bytes = zip_of(&[("a", &[1; 1000]), ("b", &[2; 1000]), ("c", &[3; 1000])]);
    let small = Limits {
        entry_bytes_max: 999,
        ..Limits::default()
    };
    assert_eq!(
        contents(&bundle(&bytes, &small), "a").1,
        Some(RejectReason::LimitExceeded)
    );
    let few = bundle(
        &bytes,
        &Limits {
            entries_max: 2,
            ..Limits::default()
        },
    );
    assert_eq!(paths(&few), ["a", "b"]);
    assert_eq!(few.refusals[0].reason, RejectReason::LimitExceeded);
    let total = bundle(
        &bytes,
        &Limits {
            total_bytes_max: 2500,
            ..Limits::default()
        },
    );
    total.restart_budget();
    assert_eq!(contents(&total, "a").1, None);
    assert_eq!(contents(&total, "b").1, None);
    assert_eq!(contents(&total, "c").1, Some(RejectReason::LimitExceeded));
}

fn pseudo_random(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(length)
    .collect()
}

#[test]
fn a_cut_archive_gives_what_is_there_and_says_so() {
    let long = pseudo_random(50_000);
    let whole = zip_of(&[("first.log", b"whole"), ("second.log", &long)]);
    let cut = bundle(&whole[..30_000], &Limits::default());
    assert_eq!(paths(&cut), ["first.log", "second.log"]);
    assert_eq!(contents(&cut, "first.log"), (b"whole".to_vec(), None));
    let (bytes, end) = contents(&cut, "second.log");
    assert_eq!(end, Some(RejectReason::Truncated));
    assert!(
        !bytes.is_empty() && long.starts_with(&bytes),
        "{} bytes",
        bytes.len()
    );
    assert!(
        cut.refusals
            .iter()
            .any(|refusal| refusal.path.is_empty() && refusal.reason == RejectReason::Truncated)
    );
}

#[test]
fn a_streamed_archive_without_directory_is_salvaged() {
    let mut writer = ZipWriter::new_stream(Vec::new());
    for (name, bytes) in [("a.log", b"aaa"), ("b.log", b"bbb")] {
        writer.start_file(name, deflated()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    let whole = writer.finish().unwrap().into_inner();
    let directory = whole.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let cut = bundle(&whole[..directory], &Limits::default());
    assert_eq!(paths(&cut), ["a.log", "b.log"]);
    assert_eq!(contents(&cut, "b.log"), (b"bbb".to_vec(), None));
}

#[test]
fn a_changed_byte_is_told_by_the_checksum() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .start_file(
            "a.log",
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored),
        )
        .unwrap();
    writer.write_all(b"payload").unwrap();
    let mut bytes = writer.finish().unwrap().into_inner();
    let at = bytes.windows(7).position(|w| w == b"payload").unwrap();
    bytes[at] = b'P';
    assert_eq!(
        contents(&bundle(&bytes, &Limits::default()), "a.log"),
        (b"Payload".to_vec(), Some(RejectReason::Malformed))
    );
}

#[cfg(unix)]
#[test]
fn a_directory_walk_refuses_links() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("sub")).unwrap();
    std::fs::write(directory.path().join("sub/a.log"), "a").unwrap();
    std::os::unix::fs::symlink("/etc", directory.path().join("etc")).unwrap();
    let walk = walk(directory.path(), &Limits::default());
    assert_eq!(
        walk.files
            .iter()
            .map(|file| file.relative.as_str())
            .collect::<Vec<_>>(),
        ["sub/a.log"]
    );
    assert_eq!(walk.refusals[0].path, "etc");
    assert_eq!(walk.refusals[0].reason, RejectReason::UnsafePath);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_listed_and_read_without_panic(mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400), flips in proptest::collection::vec((0usize..400, proptest::prelude::any::<u8>()), 0..6)) {
        // Half of the inputs are an archive with some bytes changed.
        if bytes.first().is_some_and(|byte| byte % 2 == 0) {
            bytes = zip_of(&[("a.log", b"aaaa"), ("b/c.log", b"cccc")]);
            for (at, byte) in flips {
                let length = bytes.len();
                bytes[at % length] = byte;
            }
        }
        let bundle = bundle(&bytes, &Limits::default());
        for entry in &bundle.entries {
            if let Ok(reader) = bundle.read(entry) {
                std::io::copy(&mut reader.take(1 << 20), &mut std::io::sink()).ok();
            }
        }
    }
}
