//! The event log as a real Kafka broker: collect → Kafka → transform → store → view.

use std::process::Stdio;

use patchlens_test_broker::{Broker, BrokerOptions};

use crate::support::{Patchlens, arg, bare, engine, text};

fn simulate(devices: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = bare(&[
        "simulate",
        "--out",
        arg(folder.path()),
        "--devices",
        &devices.to_string(),
    ])
    .output()
    .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    folder
}

#[test]
fn the_whole_way_through_a_real_broker_gives_what_the_local_log_gives() {
    if !engine() {
        return;
    }
    let Some(broker) = Broker::start_or_skip(&BrokerOptions::default()) else {
        return;
    };
    let rollout = simulate(30);
    let bundles = rollout.path().join("bundles");
    let url = format!("kafka://{}", broker.bootstrap());
    let (kafka, local) = (Patchlens::new().with_event_log(&url), Patchlens::new());
    let mut views = Vec::new();
    for patchlens in [&kafka, &local] {
        patchlens.expect(0, &["reference", arg(rollout.path())]);
        patchlens.expect(0, &["collect", arg(&bundles)]);
        patchlens.expect(0, &["transform", "--until-idle"]);
        views.push((
            patchlens.rows("SELECT cause, culprit, cluster_key, devices FROM patchlens.failure_cluster ORDER BY cluster_key"),
            patchlens.numbers("SELECT count(), uniqExact(event_id), sum(cityHash64(event_id)) FROM patchlens.update_event"),
        ));
    }
    assert!(!views[0].0.is_empty());
    assert_eq!(views[0], views[1]);
    let topics =
        kafka.rows("SELECT DISTINCT topic, partition >= 0 AS placed FROM patchlens.update_event");
    assert_eq!(topics.len(), 1, "{topics:?}");
}

#[test]
fn a_broker_that_is_down_is_named_and_nothing_is_lost() {
    if !engine() {
        return;
    }
    let Some(mut broker) = Broker::start_or_skip(&BrokerOptions::default()) else {
        return;
    };
    let rollout = simulate(6);
    let bundles = rollout.path().join("bundles");
    let url = format!("kafka://{}", broker.bootstrap());
    let patchlens = Patchlens::new().with_event_log(&url);
    patchlens.expect(0, &["collect", arg(&bundles)]);

    broker.stop();
    let settings = patchlens.data_dir.path().join("short.toml");
    std::fs::write(
        &settings,
        "[collect.spool]\nafter_seconds = 2\ndrain_seconds = 0\n",
    )
    .unwrap();
    let more = simulate(8);
    let more = more.path().join("bundles");
    let said = patchlens.expect(1, &["collect", arg(&more), "--config", arg(&settings)]);
    assert!(
        said.contains(&broker.bootstrap()) && said.contains("wait in the spool"),
        "{said}"
    );

    // The transform stage waits for the broker instead of failing, and goes on when it is back.
    let child = patchlens
        .command(&["transform", "--until-idle"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    broker.restart().unwrap();
    patchlens.expect(0, &["collect", "--drain"]);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    patchlens.expect(0, &["transform", "--until-idle"]);
    let undisturbed = Patchlens::new();
    undisturbed.expect(0, &["collect", arg(&bundles)]);
    undisturbed.expect(0, &["collect", arg(&more)]);
    undisturbed.expect(0, &["transform", "--until-idle"]);
    let content = "SELECT count(), sum(cityHash64(event_id)) FROM patchlens.update_event";
    assert_eq!(patchlens.numbers(content), undisturbed.numbers(content));
    let [events, distinct] =
        patchlens.numbers("SELECT count(), uniqExact(event_id) FROM patchlens.update_event")[..]
    else {
        panic!()
    };
    assert!(events > 0 && events == distinct);
}

#[test]
fn documents_that_a_forwarder_writes_straight_to_kafka_are_read() {
    if !engine() {
        return;
    }
    let Some(broker) = Broker::start_or_skip(&BrokerOptions::default()) else {
        return;
    };
    let url = format!("kafka://{}", broker.bootstrap());
    let patchlens = Patchlens::new().with_event_log(&url);
    // Makes the topics.
    patchlens.expect(0, &["transform", "--until-idle"]);
    let document = |record: u32| {
        format!(
            r#"{{"@timestamp":"2024-08-20T02:02:43.000Z","message":"Installation Failure","winlog":{{"channel":"System","computer_name":"YR-7.corp.example","event_id":"20","provider_name":"Microsoft-Windows-WindowsUpdateClient","record_id":{record},"event_data":{{"errorCode":"0x80073712","updateTitle":"KB5041580"}}}}}}"#
        )
    };
    let payloads = [
        document(1),
        document(2),
        // Sent again, and several in one message.
        format!("{}\n{}\n", document(2), document(3)),
        r#"{"message":"alice@example.com is no event"}"#.to_owned(),
        "no document".to_owned(),
    ];
    let log: patchlens_log::LogUrl = url.parse().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let options = patchlens_log::WriterOptions::default();
        let writer = patchlens_log::Writer::open(&log, options).await.unwrap();
        let messages = payloads.map(|payload| patchlens_log::Message {
            key: "whatever".to_owned(),
            payload: payload.into_bytes(),
        });
        writer
            .append(patchlens_event::DOCUMENTS_TOPIC, messages.to_vec())
            .await
            .unwrap();
        writer.close().await;
    });
    patchlens.expect(1, &["transform", "--until-idle"]);
    let counts = "SELECT (SELECT count() FROM patchlens.update_event FINAL WHERE device_id = 'YR-7' AND topic = 'patchlens.winlogbeat.v1'), (SELECT count() FROM patchlens.reject FINAL), (SELECT countIf(raw LIKE '%alice%') FROM patchlens.reject)";
    assert_eq!(patchlens.numbers(counts), [3, 2, 0]);
}
