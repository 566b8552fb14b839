//! A broker that goes away, or is not there yet.

use std::time::{Duration, Instant};

use patchlens_log::{Error, Writer, WriterOptions, ensure_topics};
use patchlens_test_broker::{Broker, BrokerOptions};

use crate::kafka::{poll_for_error, url as kafka_url};
use crate::support::{append, cut, numbered, poll_until, reader, store, take, texts, writer};

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_claims_nothing_and_ends_well() {
    let Some(mut broker) = Broker::start_or_skip(&BrokerOptions::default()) else {
        return;
    };
    let (url, topic) = (kafka_url(&broker), "outage");
    ensure_topics(&url, &[(topic, 1)]).await.unwrap();
    let quick = WriterOptions {
        deadline: Duration::from_secs(3),
        ..WriterOptions::default()
    };
    let (hasty, patient) = (Writer::open(&url, quick).await.unwrap(), writer(&url).await);
    hasty.append(topic, numbered(0, 5)).await.unwrap();
    let mut reader = reader(&url, "g", topic).await;
    let messages = take(&mut reader, 5).await;
    store(&mut reader, &messages[..2]).await;
    let open = cut(&messages[2..4]);
    reader
        .record_cut(std::slice::from_ref(&open))
        .await
        .unwrap();

    broker.stop();
    let error = hasty.append(topic, numbered(5, 5)).await.unwrap_err();
    assert!(
        matches!(error, Error::Unavailable { .. }) && error.is_retryable(),
        "{error:?}"
    );
    let said = error.to_string();
    assert!(
        said.contains(&broker.bootstrap()) && said.contains(topic) && said.contains("0 of 5"),
        "{said}"
    );
    let trouble = poll_for_error(&mut reader).await;
    assert!(
        trouble.is_retryable() && trouble.to_string().contains(&broker.bootstrap()),
        "{trouble}"
    );

    // An append that is under way when the broker comes back succeeds; so does the cut.
    let patient_append = tokio::spawn(async move { patient.append(topic, numbered(10, 5)).await });
    broker.restart().unwrap();
    patient_append.await.unwrap().unwrap();
    hasty.append(topic, numbered(15, 5)).await.unwrap();
    // The group may have put the reader out meanwhile; then it is in, at the same place, again.
    match reader.finish(std::slice::from_ref(&open)).await {
        Ok(()) => {}
        Err(Error::Lost { .. }) => {
            poll_until(&mut reader, |all| !all.gained.is_empty()).await;
            assert_eq!(reader.in_doubt(topic, 0), Some(open.clone()));
            reader.finish(std::slice::from_ref(&open)).await.unwrap();
        }
        Err(error) => panic!("{error}"),
    }
    reader.close().await;
    let mut after = crate::support::reader(&url, "g", topic).await;
    let messages = take(&mut after, 11).await;
    let expected: Vec<_> = [4]
        .into_iter()
        .chain(10..20)
        .map(|n: u32| n.to_string())
        .collect();
    assert_eq!(texts(&messages), expected);
    after.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_starts_before_its_broker_waits_for_it() {
    let Some(mut broker) = Broker::start_or_skip(&BrokerOptions::default()) else {
        return;
    };
    let (url, topic) = (kafka_url(&broker), "early");
    ensure_topics(&url, &[(topic, 1)]).await.unwrap();
    append(&url, topic, numbered(0, 2)).await;
    broker.stop();
    let mut reader = reader(&url, "g", topic).await;
    let started = Instant::now();
    loop {
        match reader.poll(1, Duration::from_millis(500)).await {
            Ok(polled) => assert!(polled.is_empty()),
            Err(error) => break assert!(matches!(error, Error::Unavailable { .. }), "{error:?}"),
        }
        assert!(started.elapsed() < crate::support::LIMIT);
    }
    broker.restart().unwrap();
    assert_eq!(texts(&take(&mut reader, 2).await), ["0", "1"]);
    // Leaving a group whose broker is gone must not hang.
    broker.stop();
    let closing = Instant::now();
    reader.close().await;
    assert!(
        closing.elapsed() < Duration::from_secs(30),
        "{:?}",
        closing.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_later_is_found() {
    let Some(broker) = Broker::shared_or_skip() else {
        return;
    };
    let (url, topic) = (kafka_url(&broker), "made-later");
    let mut reader = reader(&url, "g", topic).await;
    let error = poll_for_error(&mut reader).await;
    assert!(
        error.is_retryable() && error.to_string().to_lowercase().contains("unknown topic"),
        "{error}"
    );
    ensure_topics(&url, &[(topic, 2)]).await.unwrap();
    append(&url, topic, numbered(0, 1)).await;
    assert_eq!(texts(&take(&mut reader, 1).await), ["0"]);
    reader.close().await;
}
