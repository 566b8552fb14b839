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
    let detail = json(response).await["error"]["detail"].to_string();
    assert!(detail.contains("zstd"), "{detail}");
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

#[tokio::test]
async fn what_cannot_be_used_is_bounded_and_nothing_of_it_is_taken() {
    let gateway = Running::start().await;
    let http = reqwest::Client::new();
    let good = line("YR-1", 1);
    let bad = format!("{good}\n{}", "x\n".repeat(20_000));
    let actions = "{\"create\":{}}\n".repeat(30_000);
    for (path, body, status) in [
        ("/events", &bad, 413),
        ("/winlogbeat", &bad, 413),
        ("/winlogbeat/_bulk", &actions, 413),
        ("/events", &format!("{good}\n{}", "x\n".repeat(9_999)), 200),
    ] {
        let sent = http.post(gateway.at(&format!("/ingest/v1{path}")));
        let response = sent.body(body.clone()).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
    let (events, rejects) = gateway.finish().await;
    assert_eq!((events.len(), rejects.len()), (1, 9_999));
}

#[tokio::test]
async fn nothing_that_is_taken_out_stands_in_the_reason() {
    let gateway = Running::start().await;
    let sent = reqwest::Client::new().post(gateway.at("/ingest/v1/events"));
    let body = r#"{"v":"alice@example.com"}"#;
    assert_eq!(sent.body(body).send().await.unwrap().status(), 200);
    let (_, rejects) = gateway.finish().await;
    let kept = serde_json::to_string(&rejects).unwrap();
    assert!(!kept.contains("alice"), "{kept}");
    assert!(rejects[0].detail.contains("email:"), "{kept}");
}

#[tokio::test]
async fn a_client_sends_less_at_a_time_when_it_is_told_that_it_was_too_much() {
    let gateway = Running::start_with(|config| config.request_bytes_max = 32 << 10).await;
    let mut client = client(&gateway.url, Duration::from_secs(10));
    client.append("any", messages(500)).await.unwrap();
    let large = Message {
        key: "YR-1".to_owned(),
        payload: format!("{}\n", line("YR-1", 1)).repeat(200).into_bytes(),
    };
    let error = client.append("any", vec![large]).await.unwrap_err();
    assert!(error.is_for_content(), "{error}");
    let (events, _) = gateway.finish().await;
    let lines: Vec<u64> = events.iter().map(|event| event.origin.line).collect();
    assert_eq!(lines, (0..500).collect::<Vec<u64>>());
}

fn client(url: &str, deadline: Duration) -> Client {
    Client::new(ClientOptions {
        url: url.to_owned(),
        token: None,
        deadline,
    })
    .unwrap()
}

/// Says the same to everybody, or nothing at all.
async fn stubborn(answer: &'static str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 64 << 10];
            let count = stream.read(&mut request).await.unwrap();
            assert!(count > 0, "no request");
            stream.write_all(answer.as_bytes()).await.ok();
            if answer.is_empty() {
                open.push(stream);
            }
        }
    });
    url
}

#[tokio::test]
async fn a_client_keeps_its_deadline_whatever_it_is_told() {
    for answer in [
        "HTTP/1.1 503 x\r\nretry-after: 18446744073709551615\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        "",
    ] {
        let started = std::time::Instant::now();
        let mut client = client(&stubborn(answer).await, Duration::from_millis(500));
        let error = client.append("any", messages(1)).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        assert!(started.elapsed() < Duration::from_secs(20), "{answer:?}");
    }
}

#[tokio::test]
async fn a_client_tells_what_it_says_from_who_it_is() {
    let mut branch = String::new();
    let gateway = Running::start_with(|config| {
        branch = crate::support::token(config, "branch", &["BRANCH-*"]);
    })
    .await;
    let with = |token: Option<String>| {
        Client::new(ClientOptions {
            url: gateway.url.clone(),
            token,
            deadline: Duration::from_secs(5),
        })
        .unwrap()
    };
    let error = with(Some(branch))
        .append("any", messages(1))
        .await
        .unwrap_err();
    assert!(error.is_for_content(), "{error}");
    let error = with(None).append("any", messages(1)).await.unwrap_err();
    assert!(!error.is_for_content(), "{error}");
}
