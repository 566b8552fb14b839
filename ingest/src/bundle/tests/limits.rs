//! Limits that hold for all of a path together.

use super::*;

#[test]
fn a_directory_beyond_the_limit_is_cut_at_a_name_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..50 {
        std::fs::write(directory.path().join(format!("{number:02}.log")), "x").unwrap();
    }
    let limits = Limits {
        entries_max: 10,
        ..Limits::default()
    };
    let found = walk(directory.path(), &limits);
    let names: Vec<&str> = found.files.iter().map(|f| f.relative.as_str()).collect();
    assert_eq!(
        names,
        [
            "00.log", "01.log", "02.log", "03.log", "04.log", "05.log", "06.log", "07.log",
            "08.log", "09.log"
        ]
    );
    let reasons: Vec<RejectReason> = found.refusals.iter().map(|r| r.reason).collect();
    assert_eq!(reasons, [RejectReason::LimitExceeded]);
    // Folders are names as well.
    for number in 0..50 {
        std::fs::create_dir(directory.path().join(format!("0-{number:02}"))).unwrap();
    }
    assert_eq!(walk(directory.path(), &limits).refusals.len(), 1);
    let exact = Limits {
        entries_max: 100,
        ..Limits::default()
    };
    assert!(walk(directory.path(), &exact).refusals.is_empty());
}

#[test]
fn cabinets_together_take_no_more_memory_than_one() {
    let directory = tempfile::tempdir().unwrap();
    let log = vec![b'x'; 300_000];
    let packed = cab_of(&[("old.log", &log)], cab::CompressionType::MsZip);
    let mut files = Vec::new();
    for number in 0..8 {
        let path = directory.path().join(format!("CbsPersist_{number}.cab"));
        std::fs::write(&path, &packed).unwrap();
        files.push(Found {
            relative: format!("CbsPersist_{number}.cab"),
            path,
            bytes: packed.len() as u64,
            speaker: None,
        });
    }
    let limits = Limits {
        spool_memory_bytes: 1_000_000,
        ..Limits::default()
    };
    let mut bundle = Bundle::from_files("PC-1".to_owned(), files, Vec::new(), &limits);
    bundle.open_cabinets();
    assert_eq!(bundle.entries.len(), 8);
    assert_eq!(bundle.spooled_bytes, 900_000, "the others are on disk");
    let (bytes, failure) = contents(&bundle, "CbsPersist_7.cab/old.log");
    assert_eq!((bytes.len(), failure), (log.len(), None));
}

#[test]
fn finding_the_ends_of_parts_is_no_work_without_end() {
    // Parts that say nothing of their size, each a bomb, in an archive whose directory is gone.
    let mut bytes = Vec::new();
    let bomb = zip_of(&[("a.log", &vec![b'x'; 40 << 20])]);
    let name_bytes = usize::from(u16::from_le_bytes([bomb[26], bomb[27]]));
    let packed = u32::from_le_bytes(bomb[18..22].try_into().unwrap()) as usize;
    for _ in 0..3 {
        let mut header = bomb[..30 + name_bytes].to_vec();
        header[6] |= 8;
        header[14..26].fill(0);
        bytes.extend(header);
        bytes.extend(&bomb[30 + name_bytes..30 + name_bytes + packed]);
        bytes.extend([0; 12]);
    }
    let limits = Limits::default();
    let listed = salvage::list(&mut Cursor::new(&bytes), &limits);
    // The first part is not followed to its end, so nothing behind it is found.
    assert_eq!(listed.len(), 1);
    let generous = Limits {
        ratio_max: 100_000,
        ..limits
    };
    let listed = salvage::list(&mut Cursor::new(&bytes), &generous);
    assert_eq!(listed.len(), 3);
    let tight = Limits {
        total_bytes_max: 60 << 20,
        ..generous
    };
    let listed = salvage::list(&mut Cursor::new(&bytes), &tight);
    assert_eq!(listed.len(), 2, "two parts are more than all may hold");
}

/// A zip whose directory names the one log in it so many times.
fn quoted(times: u16) -> Vec<u8> {
    let size = |bytes: usize| u32::try_from(bytes).unwrap();
    let log = b"2024-08-20 10:02:41, Info                  CBS    x\r\n".repeat(1000);
    let mut packed = Vec::new();
    let mut deflater =
        flate2::read::DeflateEncoder::new(log.as_slice(), flate2::Compression::best());
    std::io::Read::read_to_end(&mut deflater, &mut packed).unwrap();
    let mut crc = flate2::Crc::new();
    crc.update(&log);
    let sizes = [crc.sum(), size(packed.len()), size(log.len())];
    let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_le_bytes()).collect();
    let method = [20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend(method);
    zip.extend(&sizes);
    zip.extend([7, 0, 0, 0]);
    zip.extend(b"CBS.log");
    zip.extend(&packed);
    let directory_at = size(zip.len());
    for number in 0..times {
        zip.extend(b"PK\x01\x02\x14\0");
        zip.extend(method);
        zip.extend(&sizes);
        zip.extend([8, 0]);
        zip.extend([0; 16]);
        zip.extend(format!("{number:04}.log").as_bytes());
    }
    let directory_bytes = size(zip.len()) - directory_at;
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend(times.to_le_bytes());
    zip.extend(times.to_le_bytes());
    zip.extend(directory_bytes.to_le_bytes());
    zip.extend(directory_at.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

#[test]
fn entries_that_lie_on_each_other_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("PC-1.zip");
    std::fs::write(&path, quoted(500)).unwrap();
    let bundle = Bundle::from_archive(&path, &Limits::default()).unwrap();
    assert_eq!((bundle.entries.len(), bundle.refusals.len()), (1, 499));
    assert!(bundle.refusals[0].detail.contains("lies on another"));
}
