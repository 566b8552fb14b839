//! What comes out does not depend on how many files are read at a time.

use super::*;

#[test]
fn several_threads_give_what_one_gives() {
    let line = |number: u32| {
        format!(
            "2024-08-20 10:{:02}:{:02}, Error                 CBS    Failed to open file {number} [HRESULT = 0x80070005 - E_ACCESSDENIED]\r\n",
            number / 60 % 60,
            number % 60
        )
    };
    let long: String = (0..3_000).map(line).collect();
    let mut files: Vec<(String, String)> = (0..30)
        .map(|number| {
            (
                format!("{number:02}/CBS.log"),
                CBS.replace("31171520", &number.to_string()),
            )
        })
        .collect();
    files.push(("05/long.log".to_owned(), long.clone()));
    files.push(("17/long.log".to_owned(), long.replace("10:", "11:")));
    files.push(("18/copy.log".to_owned(), long));
    files.push(("09/notes.txt".to_owned(), "call me back".to_owned()));
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    let root = folder(&files);
    let archive = tempfile::tempdir().unwrap();
    let path = archive.path().join("PC-1.zip");
    zip_file(&path, &files);
    for path in [root.path(), &path] {
        let device = CollectOptions {
            device: Some("PC-1".to_owned()),
            ..options()
        };
        let (one, one_account) = read_with(path, &device);
        for (threads, ahead_bytes_max) in [(2, 0), (4, 1 << 20)] {
            let (several, account) = read_with(
                path,
                &CollectOptions {
                    threads,
                    ahead_bytes_max,
                    ..device.clone()
                },
            );
            assert_eq!(several.events, one.events);
            assert_eq!(several.rejects, one.rejects);
            assert_eq!(account, one_account);
        }
    }
}

/// Takes a few events only.
struct Full(usize);

impl EventSink for Full {
    fn event(&mut self, _: Event) -> std::result::Result<(), SinkError> {
        self.0 = self
            .0
            .checked_sub(1)
            .ok_or_else(|| SinkError::new("full"))?;
        Ok(())
    }

    fn reject(&mut self, _: Reject) -> std::result::Result<(), SinkError> {
        Ok(())
    }
}

#[test]
fn a_sink_that_takes_no_more_ends_all_threads() {
    let files: Vec<(String, String)> = (0..40)
        .map(|number| {
            (
                format!("{number:02}/CBS.log"),
                CBS.replace("31171520", &number.to_string()),
            )
        })
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    let root = folder(&files);
    for room in [0, 1, 40] {
        let device = CollectOptions {
            device: Some("PC-1".to_owned()),
            threads: 3,
            ahead_bytes_max: 0,
            ..options()
        };
        let error = read_path(root.path(), &device, &mut Full(room)).unwrap_err();
        assert!(format!("{error:?}").contains("full"), "{error:?}");
    }
}
