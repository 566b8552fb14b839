//! Several devices in one path, however they lie in it, and paths that are no files.

use super::*;

/// What is collected from each device when it is collected by itself: its id and its events' ids.
fn devices(kept: &Kept) -> BTreeMap<String, BTreeSet<String>> {
    let mut devices: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in &kept.events {
        let ids = devices.entry(event.device_id.to_string()).or_default();
        ids.insert(event.event_id.to_string());
    }
    devices
}

/// Files of devices YR-1 to YR-3 in `layout`, where `{n}` is the device's number.
fn fleet(layout: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for number in 1..=3 {
        let at = |file: &str| format!("{}{file}", layout.replace("{n}", &number.to_string()));
        let log = CBS.replace("31171520", &number.to_string());
        files.push((at("Logs/CBS.log"), log.into_bytes()));
        files.push((
            at("systeminfo.txt"),
            systeminfo(&format!("YR-{number}")).into_bytes(),
        ));
    }
    files
}

fn slices(files: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect()
}

#[test]
fn a_fleet_in_one_archive_is_as_many_devices_as_in_folders() {
    let work = tempfile::tempdir().unwrap();
    let archive = work.path().join("fleet.zip");
    let mut expected = None;
    for layout in ["{n}/", "fleet/{n}/", "a/b/pc-{n}/c/"] {
        let files = fleet(layout);
        let root = folder(&slices(&files));
        zip_file(&archive, &slices(&files));
        for path in [root.path(), archive.as_path()] {
            let (kept, account) = read(path);
            assert_eq!(account.devices.len(), 3, "{layout} {}", path.display());
            let found = devices(&kept);
            let expected = expected.get_or_insert(found.clone());
            assert_eq!(&found, expected, "{layout} {}", path.display());
        }
        let one = CollectOptions {
            device: Some("ONE".to_owned()),
            ..options()
        };
        assert_eq!(read_with(&archive, &one).1.devices.len(), 1);
    }
}

#[test]
fn archives_in_an_archive_are_devices_when_they_name_different_computers() {
    let work = tempfile::tempdir().unwrap();
    let mut nested = Vec::new();
    for number in 1..=3 {
        let inner = work.path().join("inner.zip");
        let info = systeminfo(&format!("YR-{number}"));
        let log = CBS.replace("31171520", &number.to_string());
        zip_file(
            &inner,
            &[
                ("CBS.log", log.as_bytes()),
                ("systeminfo.txt", info.as_bytes()),
                ("../bad.log", b"x"),
            ],
        );
        let bytes = std::fs::read(&inner).unwrap();
        nested.push((format!("branch/device {number}.ZIP"), bytes));
    }
    let outer = work.path().join("outer.zip");
    zip_file(&outer, &slices(&nested));
    // So that not one of them fits into memory, as where they are large.
    for spool_memory_bytes in [16 << 20, 0] {
        let mut options = options();
        options.limits.spool_memory_bytes = spool_memory_bytes;
        let (kept, _) = read_with(&outer, &options);
        assert_eq!(
            devices(&kept).into_keys().collect::<Vec<_>>(),
            ["YR-1", "YR-2", "YR-3"]
        );
        // What is refused is refused of the device where it lies.
        let refused: Vec<_> = kept
            .rejects
            .iter()
            .map(|reject| reject.device_id.as_ref().unwrap().as_str())
            .collect();
        assert_eq!(refused, ["YR-1", "YR-2", "YR-3"]);
    }
    // One device's logs, packed one by one.
    zip_file(
        &outer,
        &slices(&[
            nested[0].clone(),
            ("CBS2.zip".to_owned(), nested[0].1.clone()),
        ]),
    );
    assert_eq!(read(&outer).1.devices.len(), 1);
}

#[test]
fn an_archive_that_is_not_read_is_named_and_not_taken_for_the_log_in_it() {
    let root = folder(&[
        ("logs.rar", b"Rar!\x1a\x07\x01\0\0\0\0\0"),
        ("logs.7z", b"7z\xbc\xaf\x27\x1c\0\x04\0\0\0\0"),
        ("ok/CBS.log", CBS.as_bytes()),
    ]);
    let (kept, account) = read(root.path());
    assert_eq!(account.unrecognised().count(), 2);
    let details: Vec<_> = kept
        .rejects
        .iter()
        .map(|reject| reject.detail.as_str())
        .collect();
    assert!(
        details
            .iter()
            .all(|detail| detail.contains("pack it as .zip or .tar.gz")),
        "{details:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let work = tempfile::tempdir().unwrap();
    let pipe = work.path().join("pipe.log");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let error = read_path(&pipe, &options(), &mut Kept::default()).unwrap_err();
    let because = std::error::Error::source(&error).map(ToString::to_string);
    assert!(because.unwrap_or_default().contains("pipe"), "{error:?}");
}

/// Devices with the paths of their files.
fn files_of(path: &std::path::Path) -> (BTreeMap<String, BTreeSet<String>>, Kept, PathAccount) {
    let (kept, account) = read(path);
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in &kept.events {
        // Counts are of many files.
        if !event.origin.file.is_empty() {
            let of = files.entry(event.device_id.to_string()).or_default();
            of.insert(event.origin.file.clone());
        }
    }
    (files, kept, account)
}

fn unassigned(kept: &Kept) -> Vec<&str> {
    let open = kept.rejects.iter();
    open.filter(|reject| reject.reason == RejectReason::Unassigned)
        .map(|reject| reject.origin.file.as_str())
        .collect()
}

/// A CBS log of its own, so that it is nobody's twin.
fn cbs(number: u32) -> String {
    CBS.replace("31171520", &number.to_string())
}

#[track_caller]
fn check_layout(files: &[(&str, &[u8])], devices: &[&str], open: &[&str]) -> PathAccount {
    let root = folder(files);
    let archive = root.path().join("outer.zip");
    let (by_folder, kept, account) = files_of(root.path());
    let found: Vec<&str> = by_folder.keys().map(String::as_str).collect();
    assert_eq!(found, devices);
    assert_eq!(unassigned(&kept), open);
    assert!(account.balances());
    zip_file(&archive, files);
    let (by_archive, kept, _) = files_of(&archive);
    assert_eq!(by_archive, by_folder, "packed");
    assert_eq!(unassigned(&kept), open, "packed");
    account
}

#[test]
fn files_beside_each_other_are_told_apart_by_what_they_name_and_how_they_are_named() {
    let (one, two, three) = (cbs(1), cbs(2), cbs(3));
    let (info_1, info_2) = (systeminfo("PC01"), systeminfo("pc02"));
    // Nothing inside names a computer.
    let account = check_layout(
        &[
            ("PC01_CBS.log", one.as_bytes()),
            ("PC02_CBS.log", two.as_bytes()),
            (
                "PC01_dism.log",
                b"2024-08-20 10:02:41, Error                 DISM   DISM.EXE: x hr:0x80070005\r\n",
            ),
            ("notes.txt", b"call me back"),
        ],
        &["PC01", "PC02"],
        &[],
    );
    assert!(
        account.notes[0].contains("alone: PC01, PC02"),
        "{:?}",
        account.notes
    );
    assert_eq!(account.unrecognised().count(), 1);
    // With dates, the name behind, in another case, and not ASCII.
    check_layout(
        &[
            ("CBS_br7-pc01_2024-08-20.log", one.as_bytes()),
            ("CBS_BR7-PC02_2024-08-20.log", two.as_bytes()),
            ("CBS_财务-03_2024-08-21.log", three.as_bytes()),
        ],
        &["BR7-PC01", "BR7-PC02", "财务-03"],
        &[],
    );
    // Some name it inside; one that nobody can place is of nobody.
    check_layout(
        &[
            ("systeminfo_a.txt", info_1.as_bytes()),
            ("pc02 systeminfo.txt", info_2.as_bytes()),
            ("logs of PC01.log", one.as_bytes()),
            ("pc02.corp.example_CBS.log", two.as_bytes()),
            ("CBS.log", three.as_bytes()),
        ],
        &["PC01", "PC02"],
        &["CBS.log"],
    );
    // Named after something else than the computer, which one of its files names.
    check_layout(
        &[
            ("LT4711_CBS.log", one.as_bytes()),
            ("LT4711_systeminfo.txt", info_1.as_bytes()),
            ("LT4712_CBS.log", two.as_bytes()),
            ("LT4712_systeminfo.txt", info_2.as_bytes()),
            ("LT4713_CBS.log", three.as_bytes()),
        ],
        &["LT4713", "PC01", "PC02"],
        &[],
    );
    // By kind of log instead of by device.
    check_layout(
        &[
            ("info/PC01.txt", info_1.as_bytes()),
            ("info/PC02.txt", info_2.as_bytes()),
            ("cbs/PC01.log", one.as_bytes()),
            ("cbs/PC02.log", two.as_bytes()),
            ("cbs/PC03.log", three.as_bytes()),
        ],
        &["PC01", "PC02", "PC03"],
        &[],
    );
}

#[test]
fn folders_without_a_name_inside_are_devices_when_they_are_named_like_them() {
    let (one, two, three) = (cbs(1), cbs(2), cbs(3));
    check_layout(
        &[
            ("110 devices/Harbin-1/PC01/Logs/CBS.log", one.as_bytes()),
            ("110 devices/Harbin-1/PC02/Logs/CBS.log", two.as_bytes()),
            ("110 devices/Harbin-2/PC03/Logs/CBS.log", three.as_bytes()),
        ],
        &["PC01", "PC02", "PC03"],
        &[],
    );
    // One device's, at several times and from several places.
    for layout in [
        ["2024-08-01/CBS.log", "2024-08-20/CBS.log", "old/CBS.log"],
        [
            "before-fix/CBS.log",
            "after-fix/CBS.log",
            "KB5041580/CBS.log",
        ],
        ["CBS1.log", "CBS2.log", "CbsPersist_20240801.log"],
        ["Windows/CBS.log", "Windows.old/CBS.log", "copy 2/CBS.log"],
    ] {
        let files = [
            (layout[0], one.as_bytes()),
            (layout[1], two.as_bytes()),
            (layout[2], three.as_bytes()),
        ];
        assert_eq!(read(folder(&files).path()).1.devices.len(), 1, "{layout:?}");
    }
    // What may be either is one, and that is said.
    let root = folder(&[
        ("reception/CBS.log", one.as_bytes()),
        ("office/CBS.log", two.as_bytes()),
    ]);
    let (_, account) = read(root.path());
    assert_eq!(account.devices.len(), 1);
    assert!(
        account.notes[0].contains("office, reception"),
        "{:?}",
        account.notes
    );
}

#[test]
fn an_archive_is_named_without_date_and_log() {
    let root = folder(&[]);
    let log = cbs(1);
    for name in ["PC07_2024-08-20.zip", "logs_PC08.zip"] {
        zip_file(&root.path().join(name), &[("CBS.log", log.as_bytes())]);
    }
    let names: Vec<String> = read(root.path())
        .1
        .devices
        .iter()
        .map(|device| device.device_id.to_string())
        .collect();
    assert_eq!(names, ["PC07", "PC08"]);
}

/// An event document of a computer.
fn document(computer: &str, number: u32) -> String {
    format!(
        r#"{{"@timestamp":"2024-08-20T01:58:{number:02}.114Z","winlog":{{"channel":"System","provider_name":"Microsoft-Windows-WindowsUpdateClient","event_id":20,"record_id":{number},"computer_name":"{computer}","event_data":{{"errorCode":"0x80073712"}}}}}}"#
    )
}

#[test]
fn records_of_several_computers_in_one_file_are_each_its_own() {
    let lines = [
        document("YR-0001.corp.example", 1),
        document("YR-0002", 2),
        document("yr-0001", 3),
        document("YR-0003", 4),
    ];
    let root = folder(&[("export.ndjson", lines.join("\n").as_bytes())]);
    let (kept, account) = read(root.path());
    let found: Vec<(&str, u64)> = account
        .devices
        .iter()
        .map(|device| (device.device_id.as_str(), device.records))
        .collect();
    assert_eq!(found, [("YR-0001", 2), ("YR-0002", 1), ("YR-0003", 1)]);
    // As they come from each computer by itself.
    let alone = folder(&[("x.ndjson", lines[1].as_bytes())]);
    let (alone, _) = read(alone.path());
    assert!(
        kept.events
            .iter()
            .any(|event| event.event_id == alone.events[0].event_id)
    );
    // Beside a file that nobody can place.
    let log = cbs(1);
    check_layout(
        &[
            ("export.ndjson", lines.join("\n").as_bytes()),
            ("CBS.log", log.as_bytes()),
        ],
        &["YR-0001", "YR-0002", "YR-0003"],
        &["CBS.log"],
    );
}

/// A tar archive, compressed with gzip.
fn tarball(files: &[(&str, &[u8])]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *bytes).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

#[test]
fn a_tar_archive_is_read_as_a_zip_is() {
    let files = fleet("{n}/");
    let long = format!("1/{}/dism.log", "very-long-folder/".repeat(12));
    let dism = b"2024-08-20 10:02:41, Error                 DISM   DISM.EXE: x hr:0x80070005\r\n";
    let mut files = slices(&files);
    files.push((long.as_str(), dism));
    let work = tempfile::tempdir().unwrap();
    let packed = tarball(&files);
    std::fs::write(work.path().join("fleet.tar.gz"), &packed).unwrap();
    let (from_tar, account) = read(&work.path().join("fleet.tar.gz"));
    assert_eq!((account.devices.len(), account.rejected()), (3, 0));
    let (from_folder, _) = read(folder(&files).path());
    assert_eq!(devices(&from_tar), devices(&from_folder));
    // In a folder, in a zip, and not compressed.
    assert_eq!(devices(&read(work.path()).0), devices(&from_folder));
    let mut plain = Vec::new();
    std::io::Read::read_to_end(
        &mut flate2::read::GzDecoder::new(packed.as_slice()),
        &mut plain,
    )
    .unwrap();
    let outer = work.path().join("outer.zip");
    zip_file(&outer, &[("x/fleet.tar", &plain)]);
    assert_eq!(devices(&read(&outer).0), devices(&from_folder));
    // One log by itself is of the device in whose folder it lies.
    let one = tempfile::tempdir().unwrap();
    let gzipped = |bytes: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, bytes).unwrap();
        gzip.finish().unwrap()
    };
    std::fs::write(one.path().join("CBS.log.gz"), gzipped(CBS.as_bytes())).unwrap();
    std::fs::write(one.path().join("systeminfo.txt"), systeminfo("YR-9")).unwrap();
    let (kept, account) = read(one.path());
    assert_eq!((account.devices.len(), account.records()), (1, 4));
    assert!(
        kept.events
            .iter()
            .any(|event| event.origin.file == "CBS.log.gz/CBS.log")
    );
}

#[test]
fn a_hostile_tar_archive_is_refused_in_part() {
    use tar::EntryType as T;

    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut archive = tar::Builder::new(gzip);
    let mut add = |kind: tar::EntryType, name: &[u8], link: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_link_name(link).unwrap();
        header.set_cksum();
        archive.append(&header, bytes).unwrap();
    };
    add(T::Regular, b"CBS.log", "x", CBS.as_bytes());
    add(T::Regular, b"../up.log", "x", CBS.as_bytes());
    add(T::Regular, b"/root.log", "x", CBS.as_bytes());
    add(T::Symlink, b"link.log", "/etc/passwd", b"");
    add(T::Link, b"hard.log", "CBS.log", b"");
    add(T::Char, b"dev.log", "x", b"");
    // A name of 60 MiB, which compresses to nothing: it is not held, and ends the archive.
    add(T::GNULongName, b"long", "x", &vec![b'n'; 60 << 20]);
    add(T::Regular, b"after.log", "x", CBS.as_bytes());
    let packed = archive.into_inner().unwrap().finish().unwrap();
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("PC-1.tgz");
    std::fs::write(&path, &packed).unwrap();
    let (kept, account) = read(&path);
    assert_eq!(account.devices[0].device_id.as_str(), "PC-1");
    assert_eq!(account.records(), 3);
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reject in &kept.rejects {
        *reasons.entry(reject.reason.as_str()).or_default() += 1;
    }
    assert_eq!(reasons["unsafe_path"], 4, "{:?}", kept.rejects);
    assert_eq!(reasons["limit_exceeded"], 1, "{:?}", kept.rejects);
    assert_eq!(reasons["unreadable"], 1, "a device: {:?}", kept.rejects);
    // Cut anywhere, what is whole is read, and that it is cut is said.
    for cut in [packed.len() / 4, packed.len() - 20] {
        std::fs::write(&path, &packed[..cut]).unwrap();
        let (_, account) = read(&path);
        assert!(account.rejected() > 0, "{cut}");
    }
}
