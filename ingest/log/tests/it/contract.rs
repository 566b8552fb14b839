//! What holds for every log. Each case runs on a local log and on a real broker.

use patchlens_log::{Error, LogUrl, Reader, ReaderOptions, ensure_topics};
use patchlens_test_broker::Broker;

use crate::support::{
    LIMIT, append, cut, message, numbered, poll_until, reader, store, take, texts, writer,
};

/// Makes a test of `$case` for each kind of log. The topic has the name of the case.
macro_rules! on_both_logs {
    ($($case:ident),* $(,)?) => {
        mod local {
            $(#[tokio::test]
            async fn $case() {
                let dir = tempfile::tempdir().unwrap();
                super::$case(&super::LogUrl::local(dir.path()), stringify!($case)).await;
            })*
        }
        mod kafka {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let Some(broker) = super::Broker::shared_or_skip() else { return };
                let url: super::LogUrl = format!("kafka://{}", broker.bootstrap()).parse().unwrap();
                super::ensure_topics(&url, &[(stringify!($case), 1)]).await.unwrap();
                super::$case(&url, stringify!($case)).await;
            })*
        }
    };
}

on_both_logs!(
    finished_messages_do_not_come_again,
    a_recorded_cut_is_in_doubt_for_the_next_owner,
    what_was_only_polled_comes_again,
    groups_are_independent,
    a_second_reader_stands_by_and_takes_over,
    polls_are_bounded_in_bytes_but_a_large_message_passes,
    a_message_over_the_limit_is_refused_by_name,
    cuts_out_of_order_are_refused,
    the_lag_counts_what_is_not_finished,
    keys_and_bytes_survive,
    topics_are_ensured_twice_without_harm,
    appends_of_several_tasks_are_all_there,
);

async fn finished_messages_do_not_come_again(url: &LogUrl, topic: &str) {
    append(url, topic, numbered(0, 10)).await;
    let mut first = reader(url, "g", topic).await;
    let messages = take(&mut first, 10).await;
    assert_eq!(
        texts(&messages),
        (0..10).map(|n| n.to_string()).collect::<Vec<_>>()
    );
    assert!(
        messages
            .iter()
            .all(|message| message.appended_at.is_some_and(|at| at > 1_700_000_000_000))
    );
    store(&mut first, &messages[..4]).await;
    first.close().await;

    let mut second = reader(url, "g", topic).await;
    let messages = take(&mut second, 6).await;
    assert_eq!(texts(&messages), ["4", "5", "6", "7", "8", "9"]);
    assert_eq!(second.in_doubt(topic, 0), None);
    store(&mut second, &messages).await;
    append(url, topic, numbered(10, 1)).await;
    assert_eq!(texts(&take(&mut second, 1).await), ["10"]);
    second.close().await;
}

async fn a_recorded_cut_is_in_doubt_for_the_next_owner(url: &LogUrl, topic: &str) {
    append(url, topic, numbered(0, 8)).await;
    let mut first = reader(url, "g", topic).await;
    let messages = take(&mut first, 8).await;
    store(&mut first, &messages[..3]).await;
    let open = cut(&messages[3..6]);
    first.record_cut(std::slice::from_ref(&open)).await.unwrap();
    assert_eq!(
        first.in_doubt(topic, 0),
        None,
        "its own cut is not in doubt"
    );
    first.close().await;

    let mut second = reader(url, "g", topic).await;
    let messages = take(&mut second, 5).await;
    assert_eq!(texts(&messages), ["3", "4", "5", "6", "7"]);
    assert_eq!(second.in_doubt(topic, 0), Some(open.clone()));
    // A cut over it, or another end, would lose track of rows that may be stored.
    let other_end = cut(&messages[..5]);
    assert!(matches!(
        second.record_cut(&[other_end]).await,
        Err(Error::CutOrder { .. })
    ));
    second.finish(std::slice::from_ref(&open)).await.unwrap();
    assert_eq!(second.in_doubt(topic, 0), None);
    store(&mut second, &messages[3..]).await;
    second.close().await;

    append(url, topic, numbered(8, 1)).await;
    let mut third = reader(url, "g", topic).await;
    assert_eq!(texts(&take(&mut third, 1).await), ["8"]);
    third.close().await;
}

async fn what_was_only_polled_comes_again(url: &LogUrl, topic: &str) {
    append(url, topic, numbered(0, 3)).await;
    for _ in 0..2 {
        let mut reader = reader(url, "g", topic).await;
        assert_eq!(texts(&take(&mut reader, 3).await), ["0", "1", "2"]);
        reader.close().await;
    }
}

async fn groups_are_independent(url: &LogUrl, topic: &str) {
    append(url, topic, numbered(0, 3)).await;
    let mut one = reader(url, "one", topic).await;
    let messages = take(&mut one, 3).await;
    store(&mut one, &messages).await;
    let mut other = reader(url, "other", topic).await;
    assert_eq!(texts(&take(&mut other, 3).await), ["0", "1", "2"]);
    one.close().await;
    other.close().await;
}

async fn a_second_reader_stands_by_and_takes_over(url: &LogUrl, topic: &str) {
    append(url, topic, numbered(0, 4)).await;
    let mut first = reader(url, "g", topic).await;
    let messages = take(&mut first, 4).await;
    let mut second = reader(url, "g", topic).await;
    // The topic has one partition: the second reader gets nothing while the first lives.
    store(&mut first, &messages[..2]).await;
    assert_eq!(
        second
            .poll(1 << 20, std::time::Duration::from_millis(300))
            .await
            .unwrap()
            .messages,
        []
    );
    assert!(matches!(
        second.record_cut(&[cut(&messages[2..])]).await,
        Err(Error::Lost { .. })
    ));
    first.close().await;
    let polled = poll_until(&mut second, |all| all.messages.len() == 2).await;
    assert_eq!(texts(&polled.messages), ["2", "3"]);
    assert_eq!(polled.gained, [messages[0].topic_partition()]);
    second.close().await;
}

async fn polls_are_bounded_in_bytes_but_a_large_message_passes(url: &LogUrl, topic: &str) {
    let large = vec![b'x'; 5 << 20];
    let messages = vec![
        message("k", "abcd"),
        message("k", "efgh"),
        message("k", large.clone()),
        message("k", "ijkl"),
    ];
    append(url, topic, messages).await;
    let mut reader = reader(url, "g", topic).await;
    let mut lengths = Vec::new();
    while lengths.iter().flatten().count() < 4 {
        let polled = reader.poll(10, LIMIT).await.unwrap();
        lengths.push(
            polled
                .messages
                .iter()
                .map(|message| message.payload.len())
                .collect::<Vec<_>>(),
        );
        assert!(polled.messages.len() <= 2, "{lengths:?}");
    }
    assert_eq!(lengths.concat(), [4, 4, large.len(), 4]);
    reader.close().await;
}

async fn a_message_over_the_limit_is_refused_by_name(url: &LogUrl, topic: &str) {
    let writer = writer(url).await;
    let messages = vec![
        message("k", "small"),
        message("k", vec![0; patchlens_log::MESSAGE_BYTES_MAX]),
    ];
    let error = writer.append(topic, messages).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::TooLarge {
                bytes: 8_388_609,
                bytes_max: 8_388_608,
                ..
            }
        ),
        "{error}"
    );
    assert!(!error.is_retryable());
    writer
        .append(
            topic,
            vec![message("k", vec![1; patchlens_log::MESSAGE_BYTES_MAX - 1])],
        )
        .await
        .unwrap();
    let mut reader = reader(url, "g", topic).await;
    assert_eq!(
        take(&mut reader, 1).await[0].payload.len(),
        patchlens_log::MESSAGE_BYTES_MAX - 1
    );
    reader.close().await;
}

async fn cuts_out_of_order_are_refused(url: &LogUrl, topic: &str) {
    append(url, topic, numbered(0, 6)).await;
    let mut reader = reader(url, "g", topic).await;
    let messages = take(&mut reader, 6).await;
    let (first, second) = (cut(&messages[..2]), cut(&messages[2..]));
    let refused = |outcome| {
        assert!(
            matches!(outcome, Err(Error::CutOrder { .. })),
            "{outcome:?}"
        );
    };
    refused(reader.finish(std::slice::from_ref(&first)).await);
    reader
        .record_cut(std::slice::from_ref(&first))
        .await
        .unwrap();
    reader
        .record_cut(std::slice::from_ref(&first))
        .await
        .unwrap();
    refused(reader.record_cut(std::slice::from_ref(&second)).await);
    refused(reader.finish(std::slice::from_ref(&second)).await);
    reader.finish(std::slice::from_ref(&first)).await.unwrap();
    refused(reader.finish(std::slice::from_ref(&first)).await);
    refused(reader.record_cut(std::slice::from_ref(&first)).await);
    let backwards = patchlens_log::Cut {
        last_offset: second.first_offset - 1,
        ..second.clone()
    };
    refused(reader.record_cut(&[backwards]).await);
    let wordy = patchlens_log::Cut {
        made_by: "x".repeat(2000),
        ..second.clone()
    };
    refused(reader.record_cut(&[wordy]).await);
    let elsewhere = patchlens_log::Cut {
        partition: 7,
        ..second
    };
    assert!(matches!(
        reader.record_cut(&[elsewhere]).await,
        Err(Error::Lost { partition: 7, .. })
    ));
    reader.close().await;
}

async fn the_lag_counts_what_is_not_finished(url: &LogUrl, topic: &str) {
    append(url, topic, numbered(0, 5)).await;
    let mut reader = reader(url, "g", topic).await;
    let messages = take(&mut reader, 5).await;
    assert_eq!(reader.lag().await.unwrap()[0].messages(), 5);
    store(&mut reader, &messages[..3]).await;
    let lag = reader.lag().await.unwrap();
    assert_eq!(
        (
            lag.len(),
            lag[0].messages(),
            lag[0].next_offset,
            lag[0].end_offset
        ),
        (1, 2, 3, 5)
    );
    reader.close().await;
}

async fn keys_and_bytes_survive(url: &LogUrl, topic: &str) {
    let all_bytes: Vec<u8> = (0..=255).collect();
    let sent = vec![
        message("ÜR-1\u{0}", all_bytes),
        message("", ""),
        message("k", "\u{feff}{"),
    ];
    append(url, topic, sent.clone()).await;
    let mut reader = reader(url, "g", topic).await;
    let got: Vec<_> = take(&mut reader, 3)
        .await
        .into_iter()
        .map(|m| message(&m.key, m.payload))
        .collect();
    assert_eq!(got, sent);
    reader.close().await;
}

async fn topics_are_ensured_twice_without_harm(url: &LogUrl, topic: &str) {
    append(url, topic, numbered(0, 1)).await;
    ensure_topics(url, &[(topic, 1), ("another", 1)])
        .await
        .unwrap();
    ensure_topics(url, &[(topic, 4), ("another", 1)])
        .await
        .unwrap();
    let mut reader = reader(url, "g", topic).await;
    assert_eq!(texts(&take(&mut reader, 1).await), ["0"]);
    assert_eq!(reader.lag().await.unwrap().len(), 1);
    reader.close().await;
    for name in ["", "..", "a/b", "a b", "ü"] {
        assert!(
            matches!(
                ensure_topics(url, &[(name, 1)]).await,
                Err(Error::Name { .. })
            ),
            "{name}"
        );
        assert!(
            matches!(
                Reader::open(url, ReaderOptions::new(name, [topic])).await,
                Err(Error::Name { .. })
            ),
            "{name}"
        );
    }
}

async fn appends_of_several_tasks_are_all_there(url: &LogUrl, topic: &str) {
    let writer = std::sync::Arc::new(writer(url).await);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let (writer, topic) = (std::sync::Arc::clone(&writer), topic.to_owned());
        tasks.spawn(async move {
            for round in 0..5 {
                let messages = (0..20)
                    .map(|n| message(&format!("key-{task}"), format!("{task} {}", round * 20 + n)));
                writer.append(&topic, messages.collect()).await.unwrap();
            }
        });
    }
    let mut reader = reader(url, "g", topic).await;
    let messages = take(&mut reader, 800).await;
    tasks.join_all().await;
    for task in 0..8 {
        let of_task: Vec<_> = messages
            .iter()
            .filter(|m| m.key == format!("key-{task}"))
            .cloned()
            .collect();
        assert_eq!(
            texts(&of_task),
            (0..100).map(|n| format!("{task} {n}")).collect::<Vec<_>>()
        );
    }
    reader.close().await;
}
