//! Restarts and kills: the same is not told twice, and nothing is forgotten.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use patchlens_alert::evaluate::Moment;
use patchlens_alert::service::{Options, Service};
use patchlens_alert::sink::Pace;
use patchlens_alert::{Metrics, keep};
use patchlens_queries::testing;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Receiver, Running, put, ring_rule, sink, wait_for, wait_for_state};

#[tokio::test]
async fn a_restart_and_a_kill_tell_nothing_twice_and_go_on_counting() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let receiver = Receiver::start().await;
    let settings = format!(
        "name = \"hook\"\nkind = \"webhook\"\nurl = \"{}\"\nallow_private = [\"127.0.0.1\"]\n",
        receiver.url
    );
    put(&store, "Broad", 3, 1).await;
    let delivered = async || {
        wait_for("the record of the delivery", async || {
            let text = store
                .query_text("SELECT notified_sinks FROM alert_state", "TSV")
                .await
                .unwrap();
            (text == "['hook']\n").then_some(())
        })
        .await;
    };
    let running = Running::start(&store, vec![ring_rule()], vec![sink(&settings, None)]);
    receiver.wait(1).await;
    delivered().await;
    running.kill().await;
    let started_at = keep::load_alerts(&store)
        .await
        .unwrap()
        .values()
        .next()
        .unwrap()
        .started_at;

    // However much the sink was told of others since then.
    let others = "INSERT INTO alert_notification (alert_id, started_at, state, sink, delivered_at, attempts, updated_at)
        SELECT concat('other', toString(number)), now64(6), 'Active', 'hook', now64(6), 1, now64(6) + 3600 FROM numbers(100001)";
    store.execute("tell of others", others).await.unwrap();

    for kill in [true, false] {
        let running = Running::start(&store, vec![ring_rule()], vec![sink(&settings, None)]);
        let evaluations = wait_for("five evaluations", async || {
            let metrics = running.metrics.prometheus();
            let count = metrics
                .lines()
                .find_map(|line| {
                    line.strip_prefix(
                        "patchlens_alert_evaluation_duration_seconds_count{outcome=\"ok\"} ",
                    )
                })
                .unwrap();
            count.parse::<u32>().ok().filter(|count| *count >= 5)
        })
        .await;
        assert!(evaluations >= 5);
        if kill {
            running.kill().await;
        } else {
            running.stop().await;
        }
    }
    let alert = keep::load_alerts(&store)
        .await
        .unwrap()
        .into_values()
        .next()
        .unwrap();
    assert_eq!(
        (
            receiver.received().len(),
            alert.started_at,
            alert.times_raised
        ),
        (1, started_at, 1)
    );

    // It ends while nobody is there; the next one tells of the end, once.
    put(&store, "", 3, 2).await;
    let running = Running::start(&store, vec![ring_rule()], vec![sink(&settings, None)]);
    wait_for_state(&store, "Resolved").await;
    let received = receiver.wait(2).await;
    assert_eq!(received.len(), 2);
    assert_eq!(received[1].json()["state"], "Resolved");
    running.stop().await;
    let rows = store
        .query_text(
            "SELECT state, count() FROM alert_notification FINAL WHERE alert_id NOT LIKE 'other%' GROUP BY state ORDER BY state",
            "TSV",
        )
        .await
        .unwrap();
    assert_eq!(rows, "Active\t1\nResolved\t1\n");
}

#[tokio::test]
async fn a_message_under_way_when_the_service_stops_is_kept_as_told() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let settings = format!(
        "name = \"hook\"\nkind = \"webhook\"\nurl = \"{url}\"\nallow_private = [\"127.0.0.1\"]\n"
    );
    put(&store, "Broad", 3, 1).await;
    let running = Running::start(&store, vec![ring_rule()], vec![sink(&settings, None)]);
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut beginning = [0; 16];
    stream.read_exact(&mut beginning).await.unwrap();

    // The answer comes after the stop, and not in the same moment.
    let stopping = running.stop_and(async {
        tokio::task::yield_now().await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
    });
    stopping.await;
    let rows = store
        .query_text(
            "SELECT state, attempts FROM alert_notification FINAL",
            "TSV",
        )
        .await
        .unwrap();
    assert_eq!(rows, "Active\t1\n");
}

#[tokio::test]
async fn an_alert_that_comes_back_after_weeks_goes_on_counting_and_is_not_kept_at_hand_meanwhile() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let options = Options {
        rules: vec![ring_rule()],
        interval: Duration::from_secs(1),
        pace: Pace::default(),
        clock: Timestamp::now,
    };
    let mut service = Service::new(store.clone(), options, Arc::new(Metrics::default()));
    let start = Timestamp::now();
    let mut step = async |days: i64| {
        let now = start + SignedDuration::from_hours(24 * days);
        let moment = Moment {
            as_of: Some(now),
            now,
        };
        service.step(moment).await.unwrap();
        service.alerts().len()
    };
    for (round, generation) in [(0, 1), (1, 3), (2, 5)] {
        put(&store, "Broad", 3, generation).await;
        assert_eq!(step(round * 20).await, 1);
        let kept = keep::load_alerts(&store).await.unwrap();
        let alert = kept.values().next().unwrap();
        assert_eq!(i64::from(alert.times_raised), round + 1);
        put(&store, "", 3, generation + 1).await;
        step(round * 20).await;
        step(round * 20).await;
        // However often it was raised, it leaves the memory.
        assert_eq!(step(round * 20 + 8).await, 0);
    }
}
