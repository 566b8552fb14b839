//! Against a real store: one engine per test process.

use patchlens_queries::testing;
use serde_json::json;

use super::*;

const CLIENT: &str = "Microsoft-Windows-WindowsUpdateClient";

fn named(count: u32) -> Vec<String> {
    (0..count).map(|number| format!("D-{number}")).collect()
}

/// An installation of an update that fails, on each device.
async fn fails(store: &Store, devices: &[String], kb: u32) {
    let record = |device: &String| {
        json!({
            "device_id": device, "event_id": format!("{device}-{kb}"), "source": "event_log", "kind": "record",
            "occurred_at": "2024-08-20 10:00:00", "collected_at": "2024-08-21 10:00:00", "source_file": "System.evtx",
            "record_id": kb, "component": CLIENT, "channel": "System", "windows_event_id": 20,
            "message": format!("Installation Failure: Windows failed to install KB{kb} with error 0x80070005"),
            "fields": json!({"errorCode": "0x80070005", "updateTitle": format!("2024-08 Update (KB{kb})")}).to_string(),
            "device_name": device,
        })
    };
    let rows: Vec<_> = devices.iter().map(record).collect();
    let first = rows.first().and_then(|row| row.as_object()).unwrap();
    let columns: Vec<&str> = first.keys().map(String::as_str).collect();
    store
        .insert_json_rows("update_event", &columns, &rows)
        .await
        .unwrap();
}

/// Devices with their generation, and how many attempts each has, one a line.
async fn known(store: &Store) -> String {
    let sql = "SELECT d.device_id, d.generation, count(a.attempt_id) FROM device AS d FINAL
        LEFT JOIN (SELECT * FROM update_attempt FINAL) AS a ON a.device_id = d.device_id GROUP BY ALL ORDER BY ALL";
    store.query_text(sql, "TSV").await.unwrap()
}

fn analysis() -> Analysis {
    Analysis {
        knowledge: Arc::new(Knowledge::builtin().unwrap()),
        reference: Arc::default(),
        reference_version: "r1".to_owned(),
    }
}

/// A step whose analysis does `what` when the events of D-4 are among those that it is to judge.
async fn with_an_odd_history(
    store: &Store,
    generation: u64,
    what: fn() -> patchlens_transform::Result<Diagnosed>,
) -> Result<Recomputed> {
    let analysis = analysis();
    let step = Step {
        store,
        engine: &Engine::start().unwrap(),
        made_by: analysis.made_by(),
        judge: Arc::new(move |events: &DataFrame| {
            let devices = events.column(schema::DEVICE_ID)?.str()?;
            if devices.iter().flatten().any(|device| device == "D-4") {
                return what();
            }
            analysis.judge(events)
        }),
        generation,
    };
    step.recompute(&named(7)).await
}

#[tokio::test]
async fn a_device_that_cannot_be_judged_keeps_what_was_known_and_stops_nobody() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let (devices, engine) = (named(7), Engine::start().unwrap());
    fails(&store, &devices, 5_041_580).await;
    let first = recompute(&store, &engine, &analysis(), &devices, 1).await;
    assert_eq!(
        first.unwrap(),
        Recomputed {
            judged: 7,
            failed: Vec::new()
        }
    );
    fails(&store, &devices, 5_042_320).await;
    let ways: [fn() -> patchlens_transform::Result<Diagnosed>; 2] = [
        || panic!("an odd history"),
        || Err(PolarsError::ComputeError("an odd history".into()).into()),
    ];
    for (generation, what) in (2..).zip(ways) {
        let judged = with_an_odd_history(&store, generation, what).await.unwrap();
        assert_eq!(judged.judged, 6);
        assert_eq!(judged.failed, ["D-4"]);
        let others = |number: u32| match number {
            4 => "D-4\t1\t1\n".to_owned(),
            _ => format!("D-{number}\t{generation}\t2\n"),
        };
        assert_eq!(known(&store).await, (0..7).map(others).collect::<String>());
    }
    // Judged by a program that can.
    let mended = recompute(&store, &engine, &analysis(), &devices, 4).await;
    assert_eq!(mended.unwrap().judged, 7);
    assert!(known(&store).await.contains("D-4\t4\t2\n"));
}

#[tokio::test]
async fn a_device_without_records_keeps_what_was_known() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let (devices, engine) = (named(2), Engine::start().unwrap());
    fails(&store, &devices, 5_041_580).await;
    recompute(&store, &engine, &analysis(), &devices, 1)
        .await
        .unwrap();
    store
        .execute(
            "let records expire",
            "ALTER TABLE update_event DELETE WHERE device_id = 'D-1' SETTINGS mutations_sync = 2",
        )
        .await
        .unwrap();
    let again = recompute(&store, &engine, &analysis(), &devices, 2).await;
    assert_eq!(again.unwrap().judged, 1);
    assert_eq!(known(&store).await, "D-0\t2\t1\nD-1\t1\t1\n");
}

/// Another process judges a device, of which it knows more, while this one does.
#[tokio::test]
async fn a_recomputation_that_is_late_leaves_nothing_of_its_own() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let (devices, engine) = (named(2), Engine::start().unwrap());
    fails(&store, &devices, 5_041_580).await;
    recompute(&store, &engine, &analysis(), &devices, 10)
        .await
        .unwrap();
    // The faster one has another attempt in the place of the first, and finds none of the slower one's rows yet.
    let newer = [
        "INSERT INTO update_attempt (device_id, attempt_id, outcome, generation) VALUES ('D-0', 'the same, told better', 'failed', 11)",
        "INSERT INTO device (device_id, device_name, facts, generation) VALUES ('D-0', 'D-0', '{}', 11)",
    ];
    for statement in newer {
        store.execute("be faster", statement).await.unwrap();
    }
    recompute(&store, &engine, &analysis(), &devices, 10)
        .await
        .unwrap();
    assert_eq!(known(&store).await, "D-0\t11\t1\nD-1\t10\t1\n");
    let left = "SELECT count() FROM diagnosis FINAL WHERE device_id = 'D-0' UNION ALL SELECT count() FROM evidence FINAL WHERE device_id = 'D-0'";
    assert_eq!(store.query_text(left, "TSV").await.unwrap(), "0\n0\n");
}

#[test]
fn devices_are_packed_by_their_records() {
    let records = [("A", 60), ("B", 40), ("C", 1), ("D", 500), ("F", 99)];
    let records = records
        .map(|(device, count)| (device.to_owned(), count))
        .into();
    let devices = ["A", "B", "C", "D", "E", "F"].map(str::to_owned);
    let mut packs = packed(&devices, &records, 100);
    packs.reverse();
    assert_eq!(packs, [vec!["A", "B"], vec!["C"], vec!["D"], vec!["F"]]);
}
