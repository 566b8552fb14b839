//! Every fixture folder of a text log: what its records and issues are, byte by byte.
//!
//! `fixtures/<format>/<property>/input.log` is read in its format, whole and in single bytes; the
//! outcome is the snapshot beside it.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use patchlens_ingest::{Format, Issue, Record, RecordSink, TextAccount, TextParser, codes, detect};

/// Writes down what it is given.
#[derive(Default)]
struct Transcript(String);

impl RecordSink for Transcript {
    fn record(&mut self, record: Record<'_>) {
        let codes: Vec<String> = codes::find(&record.message)
            .map(|code| code.to_string())
            .collect();
        writeln!(
            self.0,
            "record line {} at {} + {} lines\n  time      {:?} = {:?}\n  level     {}\n  component {:?}\n  message   {:?}",
            record.line,
            record.byte_offset,
            record.continuations,
            record.time_text,
            record.time,
            record.level.as_str(),
            record.component,
            record.message,
        )
        .unwrap();
        for (name, value) in &record.fields {
            writeln!(self.0, "  {name} = {value:?}").unwrap();
        }
        writeln!(self.0, "  codes     {codes:?}").unwrap();
    }

    fn issue(&mut self, issue: Issue<'_>) {
        writeln!(
            self.0,
            "issue line {} at {} for {} lines: {}, {}\n  raw       {:?}",
            issue.line,
            issue.byte_offset,
            issue.lines,
            issue.reason.as_str(),
            issue.detail,
            String::from_utf8_lossy(&issue.raw),
        )
        .unwrap();
    }
}

fn transcribe(bytes: &[u8], chunk: usize, format: Format) -> (TextAccount, String) {
    let mut transcript = Transcript::default();
    let mut parser = TextParser::new(format);
    for chunk in bytes.chunks(chunk) {
        parser.feed(chunk, &mut transcript);
    }
    (parser.finish(&mut transcript), transcript.0)
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(path)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", path.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

#[test]
fn fixtures_give_their_records_and_issues() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut cases = 0;
    for format in Format::ALL
        .into_iter()
        .filter(|format| format.is_text_log())
    {
        for folder in folders(&root.join(format.as_str())) {
            let bytes = std::fs::read(folder.join("input.log")).unwrap();
            let (account, transcript) = transcribe(&bytes, usize::MAX, format);
            assert_eq!(
                account.lines,
                account.records + account.continuations + account.rejected,
                "{}",
                folder.display()
            );
            assert_eq!(
                (account.clone(), transcript.clone()),
                transcribe(&bytes, 1, format),
                "{}",
                folder.display()
            );
            let detected = detect(&bytes, "input.log").map_or("none", Format::as_str);
            insta::with_settings!({
                snapshot_path => &folder,
                prepend_module_to_snapshot => false,
                omit_expression => true,
                description => format!("detected as {detected}"),
            }, {
                insta::assert_snapshot!("records", format!("{account:#?}\n{transcript}"));
            });
            cases += 1;
        }
    }
    assert!(
        cases >= 20,
        "only {cases} fixtures found under {}",
        root.display()
    );
}
