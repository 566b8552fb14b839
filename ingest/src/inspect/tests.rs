//! What is in real files and in archives.

use std::collections::BTreeMap;
use std::io::Write as _;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::testing::shared;

const LOG: &str = "stray\r\n2024-08-20 10:02:41, Info                  CBS    a [HRESULT = 0x80073712]\r\nmore\r\n2024-08-20 10:02:40, Info                  CBS    b\r\n";

fn only(path: PathBuf) -> FileReport {
    let mut report = inspect(&[path], &Limits::default()).unwrap();
    assert_eq!(report.files.len(), 1);
    report.files.remove(0)
}

#[test]
fn a_log_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("CBS.log");
    std::fs::write(&path, LOG).unwrap();
    let file = only(path.clone());
    assert_eq!(file.path, path.display().to_string());
    assert_eq!(file.format.as_deref(), Some("cbs_log"));
    assert_eq!(
        (
            file.bytes,
            file.lines,
            file.records,
            file.continuations,
            file.rejected
        ),
        (LOG.len() as u64, 4, 2, 1, 1)
    );
    assert_eq!(
        (file.first_at.as_deref(), file.last_at.as_deref()),
        (Some("2024-08-20T10:02:40"), Some("2024-08-20T10:02:41"))
    );
    let json = serde_json::to_value(&file).unwrap();
    assert_eq!(json["codes"], serde_json::json!({"0x80073712": 1}));
    assert_eq!(json["rejects"][0]["line"], 1);
    let through_folder = only(folder.path().to_owned());
    assert_eq!(through_folder.path, path.display().to_string());
}

#[test]
fn what_is_not_recognised_has_no_format_and_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.txt"), "hello").unwrap();
    let file = only(folder.path().to_owned());
    assert_eq!(
        (
            file.format.as_deref(),
            file.encoding.as_deref(),
            file.records
        ),
        (None, None, 0)
    );
    assert!(file.rejects[0].reason.starts_with("unknown_format: "));
}

#[test]
fn an_archive_is_looked_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pc.zip");
    let mut writer = ZipWriter::new(std::fs::File::create(&path).unwrap());
    for name in ["logs/CBS.log", "../evil.log"] {
        writer
            .start_file(name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(LOG.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    let report = inspect(std::slice::from_ref(&path), &Limits::default()).unwrap();
    let found: BTreeMap<String, u64> = report
        .files
        .iter()
        .map(|file| (file.path.clone(), file.records))
        .collect();
    let root = path.display();
    assert_eq!(
        found,
        BTreeMap::from([
            (format!("{root}/../evil.log"), 0),
            (format!("{root}/logs/CBS.log"), 2)
        ])
    );
}

/// Every line and record of every real file is accounted for; what is not recognised is known.
#[test]
fn all_real_files_are_accounted_for() {
    let Some(root) = shared("realdata") else {
        return;
    };
    let report = inspect(std::slice::from_ref(&root), &Limits::default()).unwrap();
    assert!(report.files.len() > 70);
    let mut unrecognised = Vec::new();
    for file in &report.files {
        let short = file
            .path
            .trim_start_matches(&format!("{}/", root.display()))
            .to_owned();
        match file.format.as_deref() {
            None => unrecognised.push(short),
            Some("evtx") => assert_eq!(file.lines, 0, "{short}"),
            Some(format) => {
                assert_eq!(
                    file.lines,
                    file.records + file.continuations + file.rejected,
                    "{short} ({format})"
                );
                assert!(file.records > 0, "{short}");
            }
        }
    }
    unrecognised.retain(|path| {
        !path.contains("wesng/") && !path.contains("loghub/") && !path.contains("LICENSE")
    });
    unrecognised.sort();
    assert_eq!(
        unrecognised,
        [
            "README.md",
            "evtx/expected-counts.json",
            "procmon/all-25-columns.csv.zlib",
            "setup/not-panther-audmig/setupact.log",
            "setup/not-panther-big5/setupact.log"
        ]
    );
}

#[test]
fn a_single_cabinet_is_named_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("CbsPersist_20240820.cab");
    std::fs::write(&path, include_bytes!("../../fuzz/seeds/mszip.cab")).unwrap();
    let file = only(path.clone());
    assert_eq!(file.path, format!("{}/CbsPersist_1.log", path.display()));
    assert_eq!(
        (file.format.as_deref(), file.records),
        (Some("cbs_log"), 30)
    );
}
