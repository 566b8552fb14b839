//! What the local log promises beyond the contract.

use std::time::Duration;

use patchlens_log::{Error, LogUrl, Reader, ReaderOptions, Retention, Writer, WriterOptions};
use tempfile::TempDir;

use crate::support::{append, message, numbered, options, reader, store, take};

const FILE_NAME: &str = "log.sqlite3";

fn log() -> (TempDir, LogUrl) {
    let dir = tempfile::tempdir().unwrap();
    let url = LogUrl::local(dir.path());
    (dir, url)
}

#[tokio::test]
async fn a_missing_directory_is_made() {
    let (dir, _) = log();
    let path = dir.path().join("a/b");
    let url = LogUrl::local(&path);
    append(&url, "t", numbered(0, 1)).await;
    assert!(path.join(FILE_NAME).is_file());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}

#[tokio::test]
async fn what_cannot_be_a_directory_is_named() {
    let (dir, _) = log();
    let path = dir.path().join("file");
    std::fs::write(&path, "").unwrap();
    let error = Writer::open(&LogUrl::local(&path), WriterOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Storage { .. }), "{error:?}");
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_and_left_alone() {
    let not_a_database = vec![b'x'; 4096];
    let (dir, url) = log();
    std::fs::write(dir.path().join(FILE_NAME), &not_a_database).unwrap();
    let error = Writer::open(&url, WriterOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
    assert_eq!(
        std::fs::read(dir.path().join(FILE_NAME)).unwrap(),
        not_a_database
    );

    let (dir, url) = log();
    let other = rusqlite::Connection::open(dir.path().join(FILE_NAME)).unwrap();
    other
        .execute_batch("CREATE TABLE recipe (name TEXT)")
        .unwrap();
    drop(other);
    let before = std::fs::read(dir.path().join(FILE_NAME)).unwrap();
    let error = Reader::open(&url, options("g", "t")).await.unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
    assert_eq!(std::fs::read(dir.path().join(FILE_NAME)).unwrap(), before);
}

#[tokio::test]
async fn a_file_of_a_later_version_is_refused() {
    let (dir, url) = log();
    append(&url, "t", numbered(0, 1)).await;
    rusqlite::Connection::open(dir.path().join(FILE_NAME))
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = Writer::open(&url, WriterOptions::default())
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::NewerFormat { found: 99, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_damaged_file_is_called_damaged() {
    let (dir, url) = log();
    append(
        &url,
        "t",
        (0..200).map(|n| message("k", vec![n; 4000])).collect(),
    )
    .await;
    let path = dir.path().join(FILE_NAME);
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(
        bytes.len() > 500_000,
        "the write-ahead log was not checkpointed on close"
    );
    for byte in &mut bytes[20_000..] {
        *byte = 0xa5;
    }
    std::fs::write(&path, bytes).unwrap();
    let outcome = async {
        let mut reader = Reader::open(&url, options("g", "t")).await?;
        reader.poll(1 << 20, Duration::ZERO).await
    };
    let error = outcome.await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
}

#[tokio::test]
async fn a_full_log_refuses_and_takes_again_when_finished() {
    let (_dir, url) = log();
    let budget = 2 << 20;
    let writer = Writer::open(
        &url,
        WriterOptions {
            disk_bytes_max: budget,
            ..WriterOptions::default()
        },
    )
    .await
    .unwrap();
    let block = || vec![message("k", vec![7; 100_000])];
    let mut appended = 0;
    let error = loop {
        match writer.append("t", block()).await {
            Ok(()) => appended += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, Error::Full { bytes_max, used_bytes, .. } if bytes_max == budget && used_bytes <= budget),
        "{error:?}"
    );
    assert!(error.is_retryable());
    assert!((15..=20).contains(&appended), "{appended}");
    // All or nothing: the small message before the one that does not fit is not there either.
    let mut mixed = vec![message("k", "small")];
    mixed.extend((0..3).flat_map(|_| block()));
    assert!(matches!(
        writer.append("t", mixed).await,
        Err(Error::Full { .. })
    ));

    let mut reader = reader(&url, "g", "t").await;
    let messages = take(&mut reader, appended).await;
    assert!(
        matches!(writer.append("t", block()).await, Err(Error::Full { .. })),
        "read is not finished"
    );
    store(&mut reader, &messages[..10]).await;
    // The retention keeps finished messages, but not beyond the budget.
    for _ in 0..8 {
        writer.append("t", block()).await.unwrap();
    }
    assert_eq!(take(&mut reader, 8).await.len(), 8);
}

#[tokio::test]
async fn a_slow_group_keeps_what_a_fast_one_has_finished() {
    let (dir, url) = log();
    append(&url, "t", numbered(0, 10)).await;
    let nothing = Retention {
        age_max: Duration::ZERO,
        bytes_max: 0,
    };
    let open = |group: &str| {
        Reader::open(
            &url,
            ReaderOptions {
                retention: nothing.clone(),
                ..options(group, "t")
            },
        )
    };
    let (mut fast, mut slow) = (open("fast").await.unwrap(), open("slow").await.unwrap());
    let (all, some) = (take(&mut fast, 10).await, take(&mut slow, 10).await);
    store(&mut fast, &all).await;
    store(&mut slow, &some[..4]).await;
    let kept = || {
        let connection = rusqlite::Connection::open(dir.path().join(FILE_NAME)).unwrap();
        connection
            .query_row("SELECT group_concat(offset, ' ') FROM message", (), |row| {
                row.get::<_, Option<String>>(0)
            })
            .unwrap()
    };
    assert_eq!(kept().as_deref(), Some("4 5 6 7 8 9"));
    store(&mut slow, &some[4..]).await;
    assert_eq!(kept(), None);
    // Offsets go on where they were, though nothing is left.
    append(&url, "t", numbered(10, 1)).await;
    assert_eq!(take(&mut fast, 1).await[0].offset, 10);
}

#[tokio::test]
async fn a_group_that_nobody_uses_any_more_does_not_fill_the_log() {
    let (dir, url) = log();
    let budget = 2 << 20;
    let writer = Writer::open(
        &url,
        WriterOptions {
            disk_bytes_max: budget,
            ..WriterOptions::default()
        },
    )
    .await
    .unwrap();
    let block = || vec![message("k", vec![7; 100_000])];
    let mut renamed = reader(&url, "renamed", "t").await;
    writer.append("t", block()).await.unwrap();
    assert_eq!(take(&mut renamed, 1).await.len(), 1);
    renamed.close().await;

    let database = rusqlite::Connection::open(dir.path().join(FILE_NAME)).unwrap();
    let last_used_days_ago = |days: i64| {
        let changed = database
            .execute(
                "UPDATE position SET used_at = (unixepoch() - ?1 * 86400) * 1000 WHERE group_name LIKE '%renamed'",
                [days],
            )
            .unwrap();
        assert_eq!(changed, 1);
    };
    // Nobody else reads yet: whoever was away for long finds everything.
    last_used_days_ago(30);
    let mut appended = 1;
    while writer.append("t", block()).await.is_ok() {
        appended += 1;
    }
    let mut current = reader(&url, "current", "t").await;
    let messages = take(&mut current, appended).await;
    assert_eq!(messages[0].offset, 0);

    // A group that was at work this week keeps what it has not finished.
    last_used_days_ago(6);
    store(&mut current, &messages).await;
    assert!(matches!(
        writer.append("t", block()).await,
        Err(Error::Full { .. })
    ));
    last_used_days_ago(8);
    for _ in 0..2 * appended {
        writer.append("t", block()).await.unwrap();
        let messages = take(&mut current, 1).await;
        store(&mut current, &messages).await;
    }
    // It may come back, and begins with the oldest message there is.
    let mut renamed = reader(&url, "renamed", "t").await;
    let polled = renamed.poll(1, Duration::from_secs(30)).await.unwrap();
    assert!(polled.messages[0].offset > 0);
    store(&mut renamed, &polled.messages).await;
}

#[tokio::test]
async fn a_file_from_before_groups_had_a_last_use_is_taken_on() {
    let (dir, url) = log();
    append(&url, "t", numbered(0, 3)).await;
    let mut first = reader(&url, "g", "t").await;
    let messages = take(&mut first, 3).await;
    store(&mut first, &messages[..1]).await;
    first.close().await;
    rusqlite::Connection::open(dir.path().join(FILE_NAME))
        .unwrap()
        .execute_batch("ALTER TABLE position DROP COLUMN used_at")
        .unwrap();
    let mut second = reader(&url, "g", "t").await;
    assert_eq!(take(&mut second, 2).await[0].offset, 1);
}

#[tokio::test]
async fn retention_by_bytes_keeps_the_newest() {
    let (dir, url) = log();
    append(
        &url,
        "t",
        (0..50).map(|n| message("", vec![n; 1000])).collect(),
    )
    .await;
    let retention = Retention {
        bytes_max: 10_500,
        ..Retention::default()
    };
    let mut reader = Reader::open(
        &url,
        ReaderOptions {
            retention,
            ..options("g", "t")
        },
    )
    .await
    .unwrap();
    let messages = take(&mut reader, 50).await;
    store(&mut reader, &messages[..40]).await;
    let connection = rusqlite::Connection::open(dir.path().join(FILE_NAME)).unwrap();
    let oldest: i64 = connection
        .query_row("SELECT min(offset) FROM message", (), |row| row.get(0))
        .unwrap();
    // Finished are 0 to 39; ten of them fit, and the one across the limit stays.
    assert_eq!(oldest, 29);
}

#[tokio::test]
async fn writers_of_several_connections_wait_for_each_other() {
    let (_dir, url) = log();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..4 {
        let url = url.clone();
        tasks.spawn(async move {
            let writer = Writer::open(&url, WriterOptions::default()).await.unwrap();
            for n in 0..25 {
                writer
                    .append("t", vec![message(&task.to_string(), n.to_string())])
                    .await
                    .unwrap();
            }
        });
    }
    let mut reader = reader(&url, "g", "t").await;
    let mut finished = 0;
    // Read and finish while they write.
    while finished < 100 {
        // A writer that fails shall be heard of.
        while let Some(ended) = tasks.try_join_next() {
            ended.unwrap();
        }
        let messages = reader
            .poll(100, crate::support::LIMIT)
            .await
            .unwrap()
            .messages;
        if !messages.is_empty() {
            store(&mut reader, &messages).await;
            finished += messages.len();
        }
    }
    tasks.join_all().await;
    assert_eq!(reader.lag().await.unwrap()[0].messages(), 0);
}

#[tokio::test]
async fn a_busy_topic_does_not_starve_another() {
    let (_dir, url) = log();
    append(
        &url,
        "busy",
        (0..100).map(|_| message("k", vec![0; 1000])).collect(),
    )
    .await;
    append(&url, "quiet", numbered(0, 1)).await;
    let mut reader = Reader::open(&url, ReaderOptions::new("g", ["busy", "quiet"]))
        .await
        .unwrap();
    // One message of the busy topic fills a poll; the next poll begins with the other topic.
    let mut seen = Vec::new();
    for _ in 0..2 {
        let polled = reader.poll(500, Duration::ZERO).await.unwrap();
        seen.extend(
            polled
                .messages
                .iter()
                .map(|message| message.topic.to_string()),
        );
    }
    assert_eq!(seen, ["busy", "quiet"]);
}
