//! `POST /ingest/v1/events`.

use std::time::Duration;

use patchlens_event::RejectReason;
use patchlens_gateway::{Client, ClientOptions};
use patchlens_ingest::ship::{Destination, ShipError};
use patchlens_log::{LogUrl, Message, WriterOptions};
use patchlens_test_broker::{Broker, BrokerOptions};

use crate::support::{Running, json, line, read};

fn three_encodings(body: &str) -> [(Option<&'static str>, Vec<u8>); 3] {
    let mut gzip = flate2::read::GzEncoder::new(body.as_bytes(), flate2::Compression::fast());
    let mut gzipped = Vec::new();
    std::io::Read::read_to_end(&mut gzip, &mut gzipped).unwrap();
    [
        (None, body.as_bytes().to_vec()),
        (Some("gzip"), gzipped),
        (Some("zstd"), zstd::encode_all(body.as_bytes(), 1).unwrap()),
    ]
}

#[tokio::test]
async fn lines_are_durable_in_any_encoding_and_bad_ones_lose_no_neighbour() {
    let gateway = Running::start().await;
    let http = reqwest::Client::new();
    for (number, (encoding, body)) in three_encodings(&format!(
        "{}\nnonsense\n\n{}\n{{\"v\":1}}\n{}",
        line("YR-1", 1),
        line("YR-2", 2),
        line("yr-3", 3),
    ))
    .into_iter()
    .enumerate()
    {
        let mut request = http.post(gateway.at("/ingest/v1/events")).body(body);
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{encoding:?}");
        let answer = json(response).await;
        assert_eq!(
            (&answer["lines"], &answer["events"], &answer["rejected"]),
            (&5.into(), &2.into(), &3.into()),
            "{answer}"
        );
        assert_eq!(answer["problems"][0]["line"], 2);
        // Durable at the answer, not at some time after it.
        let (events, rejects) = read(&gateway.log).await;
        assert_eq!(
            (events.len(), rejects.len()),
            (2 * (number + 1), 3 * (number + 1))
        );
    }
    let (events, rejects) = gateway.finish().await;
    let ids: std::collections::BTreeSet<_> = events.iter().map(|event| &event.event_id).collect();
    assert_eq!(ids.len(), 2, "a request sent again is the same events");
    let ids: std::collections::BTreeSet<_> =
        rejects.iter().map(|reject| &reject.reject_id).collect();
    assert_eq!(ids.len(), 3, "and the same rejects");
    assert!(
        rejects
            .iter()
            .all(|reject| reject.reason == RejectReason::UndecodableEvent)
    );
    assert!(rejects.iter().any(|reject| reject.raw == "nonsense"));
    assert_eq!(rejects[0].origin.file, "gateway/local");
}

#[tokio::test]
async fn what_is_too_large_or_damaged_is_said() {
    let gateway = Running::start().await;
    let http = reqwest::Client::new();
    let url = gateway.at("/ingest/v1/events");
    let large = vec![b' '; (1 << 20) + 1];
    let response = http.post(&url).body(large.clone()).send().await.unwrap();
    assert_eq!(response.status(), 413);
    // A bomb: small on the wire, too large when inflated.
    let bomb = zstd::encode_all(vec![b'\n'; 64 << 20].as_slice(), 19).unwrap();
    assert!(bomb.len() < 64 << 10);
    let response = http
        .post(&url)
        .header("content-encoding", "zstd")
        .body(bomb)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 413);
    let response = http
        .post(&url)
        .header("content-encoding", "gzip")
        .body("no gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 400);
    let response = http
        .post(&url)
        .header("content-encoding", "br")
        .body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 415);
    let (events, rejects) = gateway.finish().await;
    assert_eq!((events.len(), rejects.len()), (0, 0));
}

fn messages(count: usize) -> Vec<Message> {
    (0..count)
        .map(|number| Message {
            key: "YR-1".to_owned(),
            payload: format!("{}\n", line("YR-1", number)).into_bytes(),
        })
        .collect()
}

#[tokio::test]
async fn a_client_ships_in_order_and_waits_for_a_gateway_that_is_away() {
    let gateway = Running::start().await;
    let mut client = Client::new(ClientOptions {
        url: gateway.url.clone(),
        token: None,
        deadline: Duration::from_secs(10),
    })
    .unwrap();
    client.append("any", messages(500)).await.unwrap();
    let (events, _) = gateway.finish().await;
    let lines: Vec<u64> = events.iter().map(|event| event.origin.line).collect();
    assert_eq!(lines, (0..500).collect::<Vec<u64>>());

    let mut client = Client::new(ClientOptions {
        url: "http://127.0.0.1:9".to_owned(),
        token: None,
        deadline: Duration::from_millis(600),
    })
    .unwrap();
    let error = client.append("any", messages(1)).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert!(error.to_string().contains("127.0.0.1:9"), "{error}");
}

#[tokio::test]
async fn through_a_real_broker_and_its_outage() {
    let Some(mut broker) = Broker::start_or_skip(&BrokerOptions::default()) else {
        return;
    };
    let log: LogUrl = format!("kafka://{}", broker.bootstrap()).parse().unwrap();
    let options = WriterOptions {
        deadline: Duration::from_secs(2),
        ..WriterOptions::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let gateway = Running::start_on(dir, log, options, |_| {}).await;
    let client = |deadline| {
        Client::new(ClientOptions {
            url: gateway.url.clone(),
            token: None,
            deadline,
        })
        .unwrap()
    };
    client(Duration::from_secs(10))
        .append("any", messages(10))
        .await
        .unwrap();

    broker.stop();
    let response = reqwest::Client::new()
        .post(gateway.at("/ingest/v1/events"))
        .body(line("YR-1", 99))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "5");
    let ready = reqwest::get(gateway.at("/readyz")).await.unwrap();
    assert_eq!(ready.status(), 503);
    let error = client(Duration::from_secs(1))
        .append("any", messages(11))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ShipError::Away { retry_after: Some(wait), .. } if wait.as_secs() == 5),
        "{error}"
    );

    broker.restart().unwrap();
    client(Duration::from_mins(1))
        .append("any", messages(12))
        .await
        .unwrap();
    let ready = reqwest::get(gateway.at("/readyz")).await.unwrap();
    assert_eq!(ready.status(), 200);
    let (events, _) = gateway.finish().await;
    let ids: std::collections::BTreeSet<_> = events.iter().map(|event| &event.event_id).collect();
    // Line 99 may or may not have got through: it was not acknowledged.
    assert!((12..=13).contains(&ids.len()), "{}", ids.len());
}
