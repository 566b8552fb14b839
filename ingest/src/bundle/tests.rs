//! Hostile and ordinary archives.

use std::io::{Cursor, Read, Write};

use encoding_rs::GBK;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

mod limits;

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

/// A cabinet with these files in one folder.
fn cab_of(files: &[(&str, &[u8])], compression: cab::CompressionType) -> Vec<u8> {
    let mut builder = cab::CabinetBuilder::new();
    let folder = builder.add_folder(compression);
    for (name, _) in files {
        folder.add_file(*name);
    }
    let mut writer = builder.build(Cursor::new(Vec::new())).unwrap();
    let mut contents = files.iter();
    while let Some(mut file) = writer.next_file().unwrap() {
        file.write_all(contents.next().unwrap().1).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Two files in an LZX folder, as `makecab /D CompressionType=LZX` packs them.
const LZX: &[u8] = b"MSCF\0\0\0\0\x97\0\0\0\0\0\0\0\x2c\0\0\0\0\0\0\0\x03\x01\x01\0\x02\0\0\0\x2d\x05\0\0\x5b\0\0\0\x01\0\x03\x13\
    \x0f\0\0\0\0\0\0\0\0\0\x21\x53\x0d\xb2\x20\0hi.txt\0\x10\0\0\0\x0f\0\0\0\0\0\x21\x53\x0b\xb2\x20\0bye.txt\0\
    \x5c\xef\x2a\xc7\x34\0\x1f\0\x5b\x80\x80\x8d\0\x30\xf0\x01\x10\0\0\0\x01\0\0\0\x01\0\0\0Hello, world!\r\nSee you later!\r\n\0";

fn on_disk(name: &str, bytes: &[u8], limits: &Limits) -> Bundle {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let found = Found {
        relative: name.to_owned(),
        path,
        bytes: bytes.len() as u64,
        speaker: None,
    };
    let mut bundle = Bundle::from_files("PC-1".to_owned(), vec![found], Vec::new(), limits);
    bundle.open_cabinets();
    bundle
}

#[test]
fn a_cabinet_is_read_whatever_packed_it() {
    let log = b"2024-08-20 10:02:41, Info CBS one\r\n".repeat(5_000);
    for compression in [cab::CompressionType::None, cab::CompressionType::MsZip] {
        let bytes = cab_of(
            &[("CbsPersist_1.log", &log), ("b.txt", b"two")],
            compression,
        );
        let bundle = on_disk("CbsPersist_1.cab", &bytes, &Limits::default());
        assert_eq!(
            paths(&bundle),
            [
                "CbsPersist_1.cab/CbsPersist_1.log",
                "CbsPersist_1.cab/b.txt"
            ]
        );
        assert_eq!(
            contents(&bundle, "CbsPersist_1.cab/CbsPersist_1.log"),
            (log.clone(), None)
        );
        assert_eq!(
            contents(&bundle, "CbsPersist_1.cab/b.txt"),
            (b"two".to_vec(), None)
        );
        assert!(bundle.refusals.is_empty());
    }
    let bundle = on_disk("x.cab", LZX, &Limits::default());
    assert_eq!(
        contents(&bundle, "x.cab/bye.txt"),
        (b"See you later!\r\n".to_vec(), None)
    );
}

#[test]
fn a_cabinet_may_stand_in_a_zip_in_a_zip() {
    let packed = cab_of(&[("old.log", b"old")], cab::CompressionType::MsZip);
    let deeper = cab_of(&[("x.cab", &packed)], cab::CompressionType::MsZip);
    let inner = zip_of(&[("CBS/CbsPersist_1.cab", &packed), ("twice.cab", &deeper)]);
    let bundle = bundle(&zip_of(&[("PC-1.zip", &inner)]), &Limits::default());
    assert_eq!(paths(&bundle), ["PC-1.zip/CBS/CbsPersist_1.cab/old.log"]);
    assert_eq!(bundle.refusals[0].path, "PC-1.zip/twice.cab/x.cab");
    assert_eq!(bundle.refusals[0].reason, RejectReason::LimitExceeded);
}

#[test]
fn a_cabinet_keeps_the_limits_and_names_of_archives() {
    let zeros = vec![0; 24 << 20];
    let bomb = cab_of(&[("CBS.log", &zeros)], cab::CompressionType::MsZip);
    let limits = Limits {
        ratio_max: 20,
        ..Limits::default()
    };
    let bundle = on_disk("bomb.cab", &bomb, &limits);
    assert_eq!(bundle.refusals[0].reason, RejectReason::LimitExceeded);
    assert!(contents(&bundle, "bomb.cab/CBS.log").0.len() < 12 << 20);
    let evil = cab_of(
        &[
            ("..\\evil.log", b"x"),
            ("C:\\x.log", b"x"),
            ("日志.log", b"good"),
        ],
        cab::CompressionType::None,
    );
    let bundle = on_disk("evil.cab", &evil, &Limits::default());
    assert_eq!(paths(&bundle), ["evil.cab/日志.log"]);
    assert_eq!(contents(&bundle, "evil.cab/日志.log").0, b"good");
    assert_eq!(bundle.refusals.len(), 2);
    assert!(
        bundle
            .refusals
            .iter()
            .all(|refusal| refusal.reason == RejectReason::UnsafePath)
    );
}

#[test]
fn a_cabinet_cut_or_changed_anywhere_is_read_as_far_as_it_goes() {
    let log: Vec<u8> = (0..20_000_u32)
        .flat_map(|n| format!("line {n} {}\n", n.wrapping_mul(2_654_435_761)).into_bytes())
        .collect();
    let bytes = cab_of(
        &[("a.log", &log), ("b.log", b"behind")],
        cab::CompressionType::MsZip,
    );
    for at in (0..bytes.len()).step_by(bytes.len() / 97) {
        let cut = on_disk("cut.cab", &bytes[..at], &Limits::default());
        assert!(
            !cut.refusals.is_empty() || at < 4,
            "cut at {at} is not complained about"
        );
        for entry in &cut.entries {
            let (read, _) = contents(&cut, &entry.path);
            assert!(
                at < 4 || log.starts_with(&read) || read == b"behind",
                "cut at {at}"
            );
        }
        let mut changed = bytes.clone();
        changed[at] ^= 0xFF;
        let changed = on_disk("changed.cab", &changed, &Limits::default());
        for entry in &changed.entries {
            contents(&changed, &entry.path);
        }
    }
    let half = on_disk("cut.cab", &bytes[..bytes.len() / 2], &Limits::default());
    assert!(
        contents(&half, "cut.cab/a.log").0.len() > log.len() / 4,
        "the first half is read"
    );
}
