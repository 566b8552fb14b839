//! What the tests have in common.

use std::time::{Duration, Instant};

use patchlens_log::{
    Cut, Delivered, LogUrl, Message, Polled, Reader, ReaderOptions, Writer, WriterOptions,
};

/// How long anything may take before a test fails; far more than it takes.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

pub(crate) fn message(key: &str, payload: impl Into<Vec<u8>>) -> Message {
    Message {
        key: key.to_owned(),
        payload: payload.into(),
    }
}

/// `count` messages of one key, numbered from `from`.
pub(crate) fn numbered(from: usize, count: usize) -> Vec<Message> {
    (from..from + count)
        .map(|n| message("YR-1", n.to_string()))
        .collect()
}

pub(crate) fn texts(messages: &[Delivered]) -> Vec<String> {
    messages
        .iter()
        .map(|message| String::from_utf8(message.payload.clone()).unwrap())
        .collect()
}

pub(crate) async fn writer(url: &LogUrl) -> Writer {
    Writer::open(url, WriterOptions::default()).await.unwrap()
}

pub(crate) async fn append(url: &LogUrl, topic: &str, messages: Vec<Message>) {
    let writer = writer(url).await;
    writer.append(topic, messages).await.unwrap();
    writer.close().await;
}

pub(crate) async fn reader(url: &LogUrl, group: &str, topic: &str) -> Reader {
    Reader::open(url, options(group, topic)).await.unwrap()
}

/// Tests share a broker, so their groups must differ as their topics do.
pub(crate) fn group_name(group: &str, topic: &str) -> String {
    format!("{topic}-{group}")
}

pub(crate) fn options(group: &str, topic: &str) -> ReaderOptions {
    // The shortest that the test broker takes is a second; it matters only to readers that die.
    ReaderOptions {
        session_timeout: Duration::from_secs(6),
        ..ReaderOptions::new(group_name(group, topic), [topic])
    }
}

/// Polls until `enough` says so; all that came.
pub(crate) async fn poll_until(reader: &mut Reader, enough: impl Fn(&Polled) -> bool) -> Polled {
    let deadline = Instant::now() + LIMIT;
    let mut all = Polled::default();
    while !enough(&all) {
        assert!(Instant::now() < deadline, "waited in vain; had {all:?}");
        let polled = match reader.poll(1 << 20, Duration::from_millis(200)).await {
            Ok(polled) => polled,
            Err(error) if error.is_retryable() => continue,
            Err(error) => panic!("{error}"),
        };
        all.messages
            .retain(|message| !polled.lost.contains(&message.topic_partition()));
        all.lost.extend(polled.lost);
        all.gained.extend(polled.gained);
        all.messages.extend(polled.messages);
    }
    all
}

/// Polls until `count` messages have come.
pub(crate) async fn take(reader: &mut Reader, count: usize) -> Vec<Delivered> {
    let messages = poll_until(reader, |all| all.messages.len() >= count)
        .await
        .messages;
    assert_eq!(messages.len(), count, "{messages:?}");
    messages
}

/// The cut of the messages, which are of one partition.
pub(crate) fn cut(messages: &[Delivered]) -> Cut {
    let (first, last) = (messages.first().unwrap(), messages.last().unwrap());
    Cut {
        topic: first.topic.clone(),
        partition: first.partition,
        first_offset: first.offset,
        last_offset: last.offset,
        made_by: "transform 1, reference 2".to_owned(),
    }
}

/// Records and finishes the cut of the messages.
pub(crate) async fn store(reader: &mut Reader, messages: &[Delivered]) {
    let cuts = [cut(messages)];
    reader.record_cut(&cuts).await.unwrap();
    reader.finish(&cuts).await.unwrap();
}
