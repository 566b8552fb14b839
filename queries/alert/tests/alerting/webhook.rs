//! Webhooks: what they are sent, how often, and where they are never sent.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use patchlens_alert::keep;
use patchlens_alert::sink::{Secrets, Sink, SinkConfig, signature};
use patchlens_queries::testing;

use crate::support::{Receiver, Running, put, ring_rule, sink, wait_for, wait_for_state};

fn settings(name: &str, url: &str) -> String {
    format!(
        "name = \"{name}\"\nkind = \"webhook\"\nurl = \"{url}/hook\"\nallow_private = [\"127.0.0.1\"]\n"
    )
}

#[tokio::test]
async fn a_webhook_is_told_of_the_beginning_and_the_end_signed_and_once() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let receiver = Receiver::start().await;
    put(&store, "Broad", 3, 1).await;
    let running = Running::start(
        &store,
        vec![ring_rule()],
        vec![sink(&settings("hook", &receiver.url), Some("s3cret"))],
    );
    let first = receiver.wait(1).await[0].clone();
    let body = first.json();
    assert_eq!(body["state"], "Active");
    assert_eq!(body["devices"], 3);
    assert_eq!(body["severity"], "critical");
    assert_eq!(
        body["labels"],
        serde_json::json!({"alertname": "too-many", "ring": "Broad", "error_code": "0x80073712"})
    );
    assert_eq!(
        body["link"],
        format!(
            "https://patchlens.example/alerts/{}",
            body["alert_id"].as_str().unwrap()
        )
    );
    // A receiver checks the time, then the signature over time and body.
    let timestamp: i64 = first.header("x-patchlens-timestamp").parse().unwrap();
    assert!((jiff::Timestamp::now().as_second() - timestamp).abs() < 60);
    assert_eq!(
        first.header("x-patchlens-signature"),
        format!("v1={}", signature("s3cret", timestamp, &first.body))
    );
    let key = first.header("idempotency-key").to_owned();

    // Growing is no new alert.
    put(&store, "Broad", 5, 2).await;
    wait_for("five devices", async || {
        keep::load_alerts(&store)
            .await
            .unwrap()
            .values()
            .any(|alert| alert.devices == 5)
            .then_some(())
    })
    .await;
    put(&store, "", 5, 3).await;
    wait_for_state(&store, "Resolved").await;
    let received = receiver.wait(2).await;
    assert_eq!(received.len(), 2);
    assert_eq!(received[1].json()["state"], "Resolved");
    assert!(received[1].json()["resolved_at"].is_string());
    assert_ne!(received[1].header("idempotency-key"), key);
    running.stop().await;
}

#[tokio::test]
async fn a_failing_webhook_is_tried_again_with_the_same_key_and_a_dead_one_holds_nobody_up() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let receiver = Receiver::start().await;
    receiver.answer(&[
        || StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        || (StatusCode::TOO_MANY_REQUESTS, "slow down").into_response(),
        // A redirect is not followed: it is a failure like any other.
        || {
            (
                StatusCode::FOUND,
                [(LOCATION, "http://169.254.169.254/latest/meta-data")],
            )
                .into_response()
        },
    ]);
    // Nobody listens at the first; the second never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = format!("http://{}", silent.local_addr().unwrap());
    let sinks = vec![
        sink(&settings("dead", "http://127.0.0.1:9"), None),
        sink(
            &(settings("hanging", &hanging) + "timeout_seconds = 60\n"),
            None,
        ),
        sink(&settings("flaky", &receiver.url), None),
    ];
    put(&store, "Broad", 3, 1).await;
    let running = Running::start(&store, vec![ring_rule()], sinks);
    let received = receiver.wait(4).await;
    let keys: Vec<&str> = received
        .iter()
        .map(|message| message.header("idempotency-key"))
        .collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let told = wait_for("the record of four attempts", async || {
        let sql = "SELECT concat(sink, ' ', toString(attempts > 3), ' ', toString(delivered_at IS NOT NULL), ' ', if(error = '', '', 'error')) FROM alert_notification FINAL ORDER BY sink";
        let text = store.query_text(sql, "TSV").await.unwrap();
        text.contains("flaky 1 1").then_some(text)
    })
    .await;
    assert!(
        told.contains("dead")
            && told
                .lines()
                .any(|line| line.starts_with("dead") && line.ends_with("0 error")),
        "{told}"
    );
    let waiting = store
        .query_text(
            "SELECT waiting_sinks, last_error != '' FROM alert_state",
            "TSV",
        )
        .await
        .unwrap();
    assert_eq!(waiting, "['dead']\t1\n");
    let metrics = running.metrics.prometheus();
    assert!(
        metrics.contains(
            "patchlens_alert_delivery_duration_seconds_count{sink=\"flaky\",outcome=\"ok\"} 1\n"
        ),
        "{metrics}"
    );
    assert!(
        metrics.contains(
            "patchlens_alert_delivery_duration_seconds_count{sink=\"flaky\",outcome=\"error\"} 3\n"
        ),
        "{metrics}"
    );
    running.stop().await;
}

#[tokio::test]
async fn an_alert_that_is_refused_for_what_it_says_waits_alone_until_it_changes() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let receiver = Receiver::start().await;
    receiver.answer(&[|| (StatusCode::UNPROCESSABLE_ENTITY, "too long").into_response()]);
    put(&store, "Broad", 3, 1).await;
    let running = Running::start(
        &store,
        vec![ring_rule()],
        vec![sink(&settings("hook", &receiver.url), None)],
    );
    receiver.wait(1).await;
    // Another alert is told at once, and the refused one is not told again before it.
    let other = "INSERT INTO device (device_id, ring, last_seen_at, generation) SELECT concat('LAB-', toString(number)), 'Pilot', now64(6) - 60, 1 FROM numbers(2)";
    store.execute("put devices", other).await.unwrap();
    store.refresh_outdated().await.unwrap();
    let received = receiver.wait(2).await;
    assert_eq!(received[0].json()["labels"]["ring"], "Broad");
    assert_eq!(received[1].json()["labels"]["ring"], "Pilot");
    // It changes: now it may fit.
    put(&store, "Broad", 5, 2).await;
    let received = receiver.wait(3).await;
    assert_eq!(received[2].json()["labels"]["ring"], "Broad");
    assert_eq!(received[2].json()["devices"], 5);
    running.stop().await;
}

#[tokio::test]
async fn a_robot_that_refuses_one_alert_is_told_the_others() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let receiver = Receiver::start().await;
    // Refused together, and the first of them alone.
    receiver.answer(&[
        || (StatusCode::BAD_REQUEST, "no").into_response(),
        || (StatusCode::BAD_REQUEST, "no").into_response(),
    ]);
    let rings = "INSERT INTO device (device_id, ring, last_seen_at, generation) SELECT concat('PC-', toString(number)), if(number % 2, 'Broad', 'Pilot'), now64(6) - 60, 1 FROM numbers(4)";
    store.execute("put devices", rings).await.unwrap();
    store.refresh_outdated().await.unwrap();
    let robot = settings("robot", &receiver.url) + "template = \"wecom\"\n";
    let running = Running::start(&store, vec![ring_rule()], vec![sink(&robot, None)]);
    let received = receiver.wait(3).await;
    let texts: Vec<String> = received
        .iter()
        .map(|message| message.json()["markdown"]["content"].to_string())
        .collect();
    let speaks_of = |text: &str| (text.contains("Broad"), text.contains("Pilot"));
    assert_eq!(speaks_of(&texts[0]), (true, true), "{texts:?}");
    assert_ne!(speaks_of(&texts[1]), (true, true), "{texts:?}");
    assert_ne!(speaks_of(&texts[1]), speaks_of(&texts[2]), "{texts:?}");
    wait_for("one that was taken", async || {
        let sql = "SELECT countIf(notified_sinks = ['robot']), countIf(last_error != '') FROM alert_state";
        (store.query_text(sql, "TSV").await.unwrap() == "1\t1\n").then_some(())
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_robot_gets_markdown_and_its_refusal_in_a_200_is_a_failure() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let receiver = Receiver::start().await;
    receiver.answer(&[
        || r#"{"errcode": 45009, "errmsg": "api freq out of limit"}"#.into_response(),
        || r#"{"errcode": 0, "errmsg": "ok"}"#.into_response(),
    ]);
    put(&store, "Broad", 3, 1).await;
    let robot = settings("robot", &receiver.url) + "template = \"wecom\"\nlanguage = \"zh\"\n";
    let dingtalk = Receiver::start().await;
    let signed = settings("dingtalk", &dingtalk.url) + "template = \"dingtalk\"\n";
    let running = Running::start(
        &store,
        vec![ring_rule()],
        vec![sink(&robot, None), sink(&signed, Some("SEC"))],
    );
    let received = receiver.wait(2).await;
    assert_eq!(received[0].body, received[1].body);
    let text = received[1].json()["markdown"]["content"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        text.contains("Broad 环有 3 台") && text.contains("过多"),
        "{text}"
    );
    let markdown = dingtalk.wait(1).await[0].json()["markdown"]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        markdown.contains("＜script＞") && !markdown.contains('<'),
        "{markdown}"
    );
    running.stop().await;
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let receiver = Receiver::start().await;
    receiver.answer(&[|| {
        let endless = futures::stream::repeat_with(|| {
            Ok::<_, std::io::Error>(axum::body::Bytes::from_static(&[b'x'; 8192]))
        });
        axum::body::Body::from_stream(endless).into_response()
    }]);
    put(&store, "Broad", 3, 1).await;
    let running = Running::start(
        &store,
        vec![ring_rule()],
        vec![sink(&settings("hook", &receiver.url), None)],
    );
    wait_for("the delivery", async || {
        let text = store
            .query_text("SELECT notified_sinks FROM alert_state", "TSV")
            .await
            .unwrap();
        (text == "['hook']\n").then_some(())
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_at_delivery() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let receiver = Receiver::start().await;
    let port = receiver.url.rsplit(':').next().unwrap();
    // The name is harmless to look at; what it resolves to is this machine.
    let inside = format!(
        "name = \"inside\"\nkind = \"webhook\"\nurl = \"http://localhost:{port}/token=geheim\"\n"
    );
    put(&store, "Broad", 3, 1).await;
    let running = Running::start(&store, vec![ring_rule()], vec![sink(&inside, None)]);
    let error = wait_for("the refusal", async || {
        let text = store
            .query_text("SELECT error FROM alert_notification FINAL", "TSV")
            .await
            .unwrap();
        (!text.is_empty()).then_some(text)
    })
    .await;
    assert!(
        error.contains("not a public address") && !error.contains("geheim"),
        "{error}"
    );
    assert!(receiver.received().is_empty());
    running.stop().await;
}

#[test]
fn settings_that_cannot_work_are_refused_without_showing_secrets() {
    for (settings, named) in [
        (
            "name = \"a b\"\nkind = \"webhook\"\nurl = \"https://x.example\"",
            "letters",
        ),
        (
            "name = \"a\"\nkind = \"webhook\"\nurl = \"not a url\"",
            "URL",
        ),
        (
            "name = \"a\"\nkind = \"webhook\"\nurl = \"http://192.168.0.1/geheim\"",
            "allow_private",
        ),
        (
            "name = \"a\"\nkind = \"webhook\"\nurl = \"https://u:geheim@x.example\"",
            "secret_file",
        ),
        (
            "name = \"a\"\nkind = \"alertmanager\"\nurl = \"http://am:9093\"\nresend_seconds = 600",
            "resend_seconds",
        ),
        (
            "name = \"a\"\nkind = \"alertmanager\"\nurl = \"http://am:9093\"\ntemplate = \"wecom\"",
            "template",
        ),
        (
            "name = \"a\"\nkind = \"webhook\"\nurl = \"https://x.example\"\ntimeout_seconds = 0",
            "timeout_seconds",
        ),
        (
            "name = \"a\"\nkind = \"webhook\"\nurl = \"https://x.example\"\ntemplate = \"{\"",
            "JSON",
        ),
    ] {
        let config: SinkConfig = toml::from_str(settings).unwrap();
        let error = Sink::new(&config, Secrets::default(), "")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(named) && !error.contains("geheim"),
            "{settings}: {error}"
        );
    }
}

#[tokio::test]
async fn what_is_raised_again_is_told_although_the_data_stand_still() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let receiver = Receiver::start().await;
    let ring = async |ring: &str, generation: u32| {
        let sql = format!(
            "INSERT INTO device (device_id, ring, last_seen_at, generation) SELECT concat('PC-', toString(number)), '{ring}', '2024-08-20 08:00:00', {generation} FROM numbers(3)"
        );
        store.execute("put devices", &sql).await.unwrap();
        store.refresh_outdated().await.unwrap();
    };
    ring("Broad", 1).await;
    let running = Running::start(
        &store,
        vec![ring_rule()],
        vec![sink(&settings("hook", &receiver.url), None)],
    );
    receiver.wait(1).await;
    ring("", 2).await;
    receiver.wait(2).await;
    ring("Broad", 3).await;
    let received = receiver.wait(3).await;
    assert_eq!(received[2].json()["state"], "Active");
    assert_ne!(
        received[2].header("idempotency-key"),
        received[0].header("idempotency-key")
    );
    running.stop().await;
}
