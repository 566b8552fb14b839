//! What an append has claimed is there after the process was killed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use patchlens_log::LogUrl;

use crate::support::{message, reader, texts, writer};

/// Names the directory to the child.
const DIRECTORY: &str = "PATCHLENS_LOG_KILL_DIRECTORY";

/// Run by the parent test in a process of its own: appends and says what is acknowledged, for ever.
#[tokio::test]
async fn child_that_appends_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let writer = writer(&LogUrl::local(std::path::PathBuf::from(dir))).await;
    for n in 0.. {
        let messages = (0..3)
            .map(|part| message("k", format!("{n}.{part}")))
            .collect();
        writer.append("t", messages).await.unwrap();
        println!("acknowledged {n}");
    }
}

#[tokio::test]
async fn every_acknowledged_append_survives_a_kill_and_none_is_torn() {
    let dir = tempfile::tempdir().unwrap();
    let url = LogUrl::local(dir.path());
    let mut expected = Vec::new();
    // Killed after a different number of acknowledgements each time, on the same log.
    for kill_after in [1, 7, 40] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "local_kill::child_that_appends_until_it_is_killed",
                "--nocapture",
            ])
            .env(DIRECTORY, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let mut acknowledged =
            lines.filter_map(|line| line.split_once("acknowledged ")?.1.parse::<usize>().ok());
        assert_eq!(acknowledged.nth(kill_after - 1), Some(kill_after - 1));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said between the last line read and its death counts as well.
        let last = acknowledged.last().unwrap_or(kill_after - 1);

        let mut reader = reader(&url, "g", "t").await;
        let mut got = Vec::new();
        loop {
            let messages = reader.poll(1 << 20, Duration::ZERO).await.unwrap().messages;
            if messages.is_empty() {
                break;
            }
            got.extend(texts(&messages));
        }
        let of_child = |n: usize| (0..3).map(move |part| format!("{n}.{part}"));
        expected.extend((0..=last).flat_map(of_child));
        // One append may be there that was not acknowledged any more; then as a whole.
        if got.len() == expected.len() + 3 {
            expected.extend(of_child(last + 1));
        }
        assert_eq!(got, expected);
        reader.close().await;
    }
}
