//! What the device step asks of the store.

use patchlens_queries::testing;

#[tokio::test]
async fn of_a_device_that_logs_without_end_the_newest_days_and_all_inventories_are_read() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    // A day holds 200,000; those of the second have no other time than the clock on the wall.
    let loud = "INSERT INTO update_event (device_id, event_id, kind, occurred_at, occurred_at_local, collected_at)
        SELECT 'LOUD', toString(number), 'record', if(day = 1, NULL, at), if(day = 1, at, NULL), at + INTERVAL 1 HOUR
        FROM (SELECT number, intDiv(number, 200000) AS day, toDateTime64('2024-08-01 10:00:00', 6, 'UTC') + toIntervalDay(day) AS at FROM numbers(1000000))";
    let few = "INSERT INTO update_event (device_id, event_id, kind, occurred_at, collected_at) VALUES
        ('LOUD', 'old inventory', 'inventory', NULL, '2019-01-01 00:00:00'), ('QUIET', 'old', 'record', '2012-01-01 00:00:00', '2024-08-01 00:00:00'),
        ('QUIET', 'new', 'record', '2024-08-01 00:00:00', '2024-08-01 00:00:00')";
    for statement in [loud, few] {
        store.execute("log", statement).await.unwrap();
    }
    let devices = ["LOUD", "QUIET", "NOBODY"].map(str::to_owned);
    let counts = store.device_records(&devices).await.unwrap();
    assert_eq!(
        (counts.len(), counts["LOUD"], counts["QUIET"]),
        (2, 1_000_001, 2)
    );
    let stream = store.device_events(&devices).await.unwrap();
    let read: usize = arrow::ipc::reader::StreamReader::try_new(stream.as_slice(), None)
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .sum();
    // Three days of the loud one, until half a million is reached.
    assert_eq!(read, 600_000 + 1 + 2);
}

#[tokio::test]
async fn devices_that_were_judged_otherwise_are_met_once_each() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let facts = [
        "INSERT INTO device (device_id, made_by, generation) SELECT concat('PC-', toString(number)), if(number < 7, 'old', 'new'), 1 FROM numbers(10)",
        // One that reports and could never be judged, and a planned one that never reported.
        "INSERT INTO device_digest (device_id, is_known, arrival.topic, arrival.partition, arrival.source, arrival.events, arrival.last_offset, arrival.last_collected_at, arrival.last_ingested_at, arrival.lag_ms) VALUES ('ODD', 0, ['t'], [0], ['cbs_log'], [1], [0], ['2024-08-01 00:00:00'], ['2024-08-01 00:00:00'], [0])",
        "INSERT INTO device_digest (device_id, is_known) VALUES ('PLANNED', 0)",
    ];
    for statement in facts {
        store.execute("judge devices", statement).await.unwrap();
    }
    for seed in [1, 2] {
        let (mut after, mut met) = (0, Vec::new());
        loop {
            let some = store
                .misjudged_devices("new", seed, after, 3)
                .await
                .unwrap();
            let Some((_, place)) = some.last() else {
                break;
            };
            assert!(some.len() <= 3);
            after = *place;
            met.extend(some.into_iter().map(|(device, _)| device));
        }
        met.sort();
        let expected = [
            "ODD", "PC-0", "PC-1", "PC-2", "PC-3", "PC-4", "PC-5", "PC-6",
        ];
        assert_eq!(met, expected);
    }
}
