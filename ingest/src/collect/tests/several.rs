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
    let mut tar = b"YR-1/CBS.log".to_vec();
    tar.resize(257, 0);
    tar.extend_from_slice(b"ustar\x0000");
    tar.resize(512, 0);
    tar.extend_from_slice(CBS.as_bytes());
    let root = folder(&[
        ("logs.tar", &tar),
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
            .all(|detail| detail.contains("pack it as .zip")),
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
