//! What Kafka adds: several partitions, rebalances, other programs, credentials.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use patchlens_log::{
    Error, LogUrl, Message, Reader, ReaderOptions, Writer, WriterOptions, ensure_topics,
};
use patchlens_test_broker::{Broker, BrokerOptions};

use crate::support::{
    append, cut, group_name, message, numbered, options, poll_until, reader, store, take, texts,
    writer,
};

pub(crate) fn url(broker: &Broker) -> LogUrl {
    format!("kafka://{}", broker.bootstrap()).parse().unwrap()
}

/// A topic of `partitions` on the shared broker.
async fn shared(topic: &str, partitions: u16) -> Option<(std::sync::Arc<Broker>, LogUrl)> {
    let broker = Broker::shared_or_skip()?;
    let url = url(&broker);
    ensure_topics(&url, &[(topic, partitions)]).await.unwrap();
    Some((broker, url))
}

/// Polls until the reader has something to complain of.
pub(crate) async fn poll_for_error(reader: &mut Reader) -> Error {
    let started = Instant::now();
    loop {
        match reader.poll(1, Duration::from_secs(1)).await {
            Ok(polled) => assert!(
                polled.messages.is_empty() && started.elapsed() < crate::support::LIMIT,
                "{polled:?}"
            ),
            Err(error) => return error,
        }
    }
}

/// Commits an offset for a group that has no member, as administrators' tools do.
fn commit_as_another_program(
    config: &rdkafka::ClientConfig,
    group: &str,
    topic: &str,
    offset: i64,
    metadata: Option<&str>,
) {
    use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
    let consumer: BaseConsumer = config.clone().set("group.id", group).create().unwrap();
    let mut offsets = rdkafka::TopicPartitionList::new();
    let mut element = offsets.add_partition(topic, 0);
    element.set_offset(rdkafka::Offset::Offset(offset)).unwrap();
    if let Some(metadata) = metadata {
        element.set_metadata(metadata);
    }
    consumer.commit(&offsets, CommitMode::Sync).unwrap();
}

/// Messages of many keys, so that every partition gets some.
fn of_many_keys(count: usize) -> Vec<Message> {
    (0..count)
        .map(|n| message(&format!("device-{n}"), n.to_string()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joining_reader_takes_partitions_over_with_their_open_cuts() {
    let topic = "rebalance";
    let Some((_broker, url)) = shared(topic, 4).await else {
        return;
    };
    append(&url, topic, of_many_keys(400)).await;
    let mut first = reader(&url, "g", topic).await;
    let messages = take(&mut first, 400).await;
    // An open cut on every partition, over its first ten messages.
    let mut cuts = Vec::new();
    for partition in 0..4 {
        let of_partition: Vec<_> = messages
            .iter()
            .filter(|m| m.partition == partition)
            .cloned()
            .collect();
        assert!(
            of_partition.len() > 10,
            "partition {partition} has {}",
            of_partition.len()
        );
        cuts.push(cut(&of_partition[..10]));
    }
    first.record_cut(&cuts).await.unwrap();

    let mut second = reader(&url, "g", topic).await;
    let gained = poll_until(&mut second, |all| all.gained.len() == 2).await;
    let moved: BTreeSet<i32> = gained.gained.iter().map(|place| place.partition).collect();
    // The first must not write for what it has lost, even before it has heard of it.
    for cut in &cuts {
        let outcome = first.finish(std::slice::from_ref(cut)).await;
        if moved.contains(&cut.partition) {
            assert!(
                matches!(&outcome, Err(Error::Lost { partition, .. }) if *partition == cut.partition),
                "{outcome:?}"
            );
            assert!(outcome.unwrap_err().to_string().contains(topic));
            assert_eq!(second.in_doubt(topic, cut.partition).as_ref(), Some(cut));
        } else {
            outcome.unwrap();
            assert_eq!(second.in_doubt(topic, cut.partition), None);
        }
    }
    let polled = poll_until(&mut first, |all| all.lost.len() == 2).await;
    assert_eq!(
        polled
            .lost
            .iter()
            .map(|place| place.partition)
            .collect::<BTreeSet<_>>(),
        moved
    );

    // The new owner gets the messages of its partitions again, open cut first, and finishes them.
    let expected = messages
        .iter()
        .filter(|m| moved.contains(&m.partition))
        .count();
    let mut again = gained.messages;
    if again.len() < expected {
        again.extend(take(&mut second, expected - again.len()).await);
    }
    for cut in cuts.iter().filter(|cut| moved.contains(&cut.partition)) {
        assert_eq!(
            again
                .iter()
                .find(|m| m.partition == cut.partition)
                .unwrap()
                .offset,
            cut.first_offset
        );
        second.finish(std::slice::from_ref(cut)).await.unwrap();
    }
    // When it leaves, all come back to the first, at the finished positions.
    second.close().await;
    poll_until(&mut first, |all| all.gained.len() == 2).await;
    let lag = first.lag().await.unwrap();
    assert_eq!(lag.len(), 4);
    assert!(lag.iter().all(|lag| lag.next_offset == 10), "{lag:?}");
    first.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_keeps_its_partition_and_its_order() {
    let topic = "keys";
    let Some((_broker, url)) = shared(topic, 4).await else {
        return;
    };
    let messages = (0..1000)
        .map(|n| message(&format!("device-{}", n % 7), n.to_string()))
        .collect();
    append(&url, topic, messages).await;
    let mut reader = reader(&url, "g", topic).await;
    let messages = take(&mut reader, 1000).await;
    for device in 0..7 {
        let of_device: Vec<_> = messages
            .iter()
            .filter(|m| m.key == format!("device-{device}"))
            .cloned()
            .collect();
        assert_eq!(
            of_device
                .iter()
                .map(|m| m.partition)
                .collect::<BTreeSet<_>>()
                .len(),
            1
        );
        let expected: Vec<_> = (0..1000)
            .filter(|n| n % 7 == device)
            .map(|n| n.to_string())
            .collect();
        assert_eq!(texts(&of_device), expected);
    }
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_caller_stays_in_its_group_and_misses_nothing() {
    let topic = "slow";
    let Some((_broker, url)) = shared(topic, 1).await else {
        return;
    };
    // Far more than the reader may fetch ahead.
    let large = |n: u8| message("k", vec![n; 300_000]);
    append(&url, topic, (0..40).map(large).collect()).await;
    let options = ReaderOptions {
        buffer_bytes_max: 1 << 20,
        ..options("g", topic)
    };
    let mut reader = Reader::open(&url, options).await.unwrap();
    let first = reader.poll(1, crate::support::LIMIT).await.unwrap();
    assert_eq!(first.gained.len(), 1);
    // Its own poll would have been due: the reader's session ends after six seconds, the store is
    // full after one. Another member joining is answered all the same.
    let started = Instant::now();
    let mut other = crate::support::reader(&url, "g", topic).await;
    while started.elapsed() < Duration::from_secs(7) {
        assert_eq!(
            other
                .poll(1 << 20, Duration::from_millis(500))
                .await
                .unwrap()
                .messages,
            []
        );
    }
    other.close().await;
    let mut messages = first.messages;
    let rest = poll_until(&mut reader, |all| messages.len() + all.messages.len() >= 40).await;
    assert_eq!(rest.lost, []);
    messages.extend(rest.messages);
    assert_eq!(
        messages.iter().map(|m| m.payload[0]).collect::<Vec<_>>(),
        (0..40).collect::<Vec<_>>()
    );
    store(&mut reader, &messages).await;
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_gained_by_a_paused_reader_stalls_nothing() {
    let topic = "paused";
    let Some((_broker, url)) = shared(topic, 2).await else {
        return;
    };
    let options = || ReaderOptions {
        buffer_bytes_max: 1 << 20,
        ..options("g", topic)
    };
    let mut first = Reader::open(&url, options()).await.unwrap();
    poll_until(&mut first, |all| all.gained.len() == 2).await;
    let mut second = Reader::open(&url, options()).await.unwrap();
    poll_until(&mut second, |all| !all.gained.is_empty()).await;
    poll_until(&mut first, |all| !all.lost.is_empty()).await;
    let large = |n: usize| message(&format!("device-{n}"), vec![b'x'; 100_000]);
    append(&url, topic, (0..60).map(large).collect()).await;
    // The first is not polled: its store is full at once, and its partition paused a second later.
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(3) {
        second.poll(1, Duration::from_millis(500)).await.unwrap();
    }
    second.close().await;
    let polled = poll_until(&mut first, |all| all.messages.len() == 60).await;
    assert_eq!(polled.lost, []);
    first.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_another_program_is_refused() {
    let topic = "foreign";
    let Some((broker, url)) = shared(topic, 1).await else {
        return;
    };
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap());
    commit_as_another_program(
        &config,
        &group_name("theirs", topic),
        topic,
        0,
        Some("checkpoint 17"),
    );
    let mut reader = reader(&url, "theirs", topic).await;
    let error = poll_for_error(&mut reader).await;
    assert!(
        matches!(&error, Error::ForeignGroup { group, .. } if *group == group_name("theirs", topic)),
        "{error:?}"
    );
    assert!(!error.is_retryable());
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_is_told_from_one_that_is_read() {
    use rdkafka::admin::{AdminClient, AdminOptions};
    let topic = "made-anew";
    let Some((broker, url)) = shared(topic, 1).await else {
        return;
    };
    append(&url, topic, numbered(0, 5)).await;
    let mut first = reader(&url, "g", topic).await;
    let messages = take(&mut first, 5).await;
    store(&mut first, &messages).await;
    first.close().await;
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap());
    let admin: AdminClient<rdkafka::client::DefaultClientContext> = config.create().unwrap();
    // Deleting a topic deletes its groups' positions; an operator's tool may bring them back.
    admin
        .delete_topics(&[topic], &AdminOptions::new())
        .await
        .unwrap()[0]
        .as_ref()
        .unwrap();
    ensure_topics(&url, &[(topic, 1)]).await.unwrap();
    append(&url, topic, numbered(100, 1)).await;
    commit_as_another_program(&config, &group_name("g", topic), topic, 5, None);
    let mut second = reader(&url, "g", topic).await;
    let error = poll_for_error(&mut second).await;
    assert!(
        matches!(
            error,
            Error::Rewound {
                expected: 5,
                found: 0,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(!error.is_retryable());
    second.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_topics_own_limit_is_explained() {
    let Some(broker) = Broker::shared_or_skip() else {
        return;
    };
    let url = url(&broker);
    // Made by writing to it, the topic takes a megabyte as brokers do; bytes that do not compress.
    let noise = std::iter::successors(Some(1_u64), |x| {
        Some(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1))
    });
    let payload: Vec<u8> = noise.map(|x| x.to_be_bytes()[0]).take(2 << 20).collect();
    let error = writer(&url)
        .await
        .append("made-by-writing", vec![message("k", payload)])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("max.message.bytes"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_comes_back_to_its_partitions() {
    let topic = "static";
    let Some((_broker, url)) = shared(topic, 2).await else {
        return;
    };
    let open = |name: &str| {
        let options = ReaderOptions {
            instance_id: Some(name.to_owned()),
            ..options("g", topic)
        };
        Reader::open(&url, options)
    };
    let (mut one, mut two) = (open("one").await.unwrap(), open("two").await.unwrap());
    let started = Instant::now();
    let (mut of_one, mut of_two) = (BTreeSet::new(), BTreeSet::new());
    while of_one.len() != 1 || of_two.len() != 1 {
        assert!(
            started.elapsed() < crate::support::LIMIT,
            "{of_one:?} {of_two:?}"
        );
        for (reader, owned) in [(&mut one, &mut of_one), (&mut two, &mut of_two)] {
            let polled = reader.poll(1, Duration::from_millis(100)).await.unwrap();
            owned.retain(|place| !polled.lost.contains(place));
            owned.extend(polled.gained);
        }
    }
    one.close().await;
    let mut one = open("one").await.unwrap();
    let again = poll_until(&mut one, |all| !all.gained.is_empty()).await;
    assert_eq!(again.gained.into_iter().collect::<BTreeSet<_>>(), of_one);
    assert!(
        two.poll(1, Duration::from_secs(1))
            .await
            .unwrap()
            .is_empty(),
        "the other was disturbed"
    );
    one.close().await;
    two.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_work_and_wrong_ones_are_refused_without_being_shown() {
    let users = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                 username=\"broker\" password=\"b\" user_broker=\"b\" user_patchlens=\"right-secret\";";
    let setting = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let settings = vec![
        setting(
            "listener.security.protocol.map",
            "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        ),
        setting("sasl.enabled.mechanisms", "PLAIN"),
        setting("sasl.mechanism.inter.broker.protocol", "PLAIN"),
        setting("listener.name.plaintext.plain.sasl.jaas.config", users),
    ];
    let Some(broker) = Broker::start_or_skip(&BrokerOptions {
        settings,
        ..BrokerOptions::default()
    }) else {
        return;
    };
    let with_password = |password| {
        let url: LogUrl = format!(
            "kafka://{}?security.protocol=SASL_PLAINTEXT&sasl.mechanism=PLAIN",
            broker.bootstrap()
        )
        .parse()
        .unwrap();
        url.with_properties([("sasl.username", "patchlens"), ("sasl.password", password)])
            .unwrap()
    };
    let (topic, right) = ("secured", with_password("right-secret"));
    ensure_topics(&right, &[(topic, 1)]).await.unwrap();
    append(&right, topic, numbered(0, 1)).await;
    let mut reader = reader(&right, "g", topic).await;
    assert_eq!(texts(&take(&mut reader, 1).await), ["0"]);
    reader.close().await;

    let wrong = with_password("wrong-secret");
    let quick = WriterOptions {
        deadline: Duration::from_secs(3),
        ..WriterOptions::default()
    };
    let error = Writer::open(&wrong, quick)
        .await
        .unwrap()
        .append(topic, numbered(1, 1))
        .await
        .unwrap_err();
    let mut reader = crate::support::reader(&wrong, "g", topic).await;
    let of_reader = poll_for_error(&mut reader).await;
    reader.close().await;
    for error in [error, of_reader] {
        let said = format!("{error} {error:?}");
        assert!(said.to_lowercase().contains("authentication"), "{said}");
        assert!(
            said.contains(&broker.bootstrap()) && !said.contains("wrong-secret"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_wrong_property_is_named_and_a_secret_is_not_shown() {
    let url: LogUrl = "kafka://127.0.0.1:1".parse().unwrap();
    let tls = ("security.protocol", "SSL");
    for properties in [
        vec![("no.such.property", "hunter2")],
        vec![tls, ("ssl.key.pem", "hunter2")],
        vec![
            tls,
            ("ssl.key.location", "/no/such/file"),
            ("ssl.key.password", "hunter2"),
        ],
        vec![("security.protocol", "CARRIER_PIGEON")],
    ] {
        let url = url.clone().with_properties(properties).unwrap();
        let error = Writer::open(&url, WriterOptions::default())
            .await
            .unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(matches!(error, Error::Property { .. }), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
