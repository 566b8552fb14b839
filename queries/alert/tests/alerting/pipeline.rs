//! What the rules about the pipeline itself find.

use crate::rules::{fleet, found};

#[tokio::test]
async fn the_pipeline_late_silent_and_refusing() {
    let Some(store) = fleet().await else { return };
    let late = found(&store, "pipeline-lag", "2024-08-20T13:00:00Z").await;
    assert_eq!(late.len(), 1, "{late:#?}");
    assert!(
        late[0].summary.en.contains("longer than 90 minutes"),
        "{}",
        late[0].summary.en
    );
    assert!(
        found(&store, "pipeline-lag", "2024-08-20T15:00:00Z")
            .await
            .is_empty()
    );
    // However late it gets; and a bundle of devices that somebody brings along says nothing of the pipeline.
    let late_by = |device: &str, collected: &str, stored: &str| {
        format!(
            "INSERT INTO update_event (device_id, event_id, source, kind, occurred_at, collected_at, topic, partition, offset, row, ingested_at)
            SELECT '{device}', concat('{stored}', toString(number)), 'cbs_log', 'record', '2024-08-{collected}', '2024-08-{collected}', 'events', 0, 200, number, '2024-08-{stored}' FROM numbers(200)"
        )
    };
    for statement in [
        late_by("PC-030", "20 11:00:00", "21 16:30:00"),
        late_by("CARRIED", "19 11:00:00", "22 16:30:00"),
    ] {
        store
            .execute("store late records", &statement)
            .await
            .unwrap();
    }
    let found_at = async |at: &str| found(&store, "pipeline-lag", at).await.len();
    assert_eq!(found_at("2024-08-21T17:00:00Z").await, 1);
    assert_eq!(found_at("2024-08-22T17:00:00Z").await, 0);
    let silent = found(&store, "pipeline-silent", "2024-08-27T00:00:00Z").await;
    assert_eq!((silent.len(), silent[0].devices), (1, 80), "{silent:#?}");
    // No rollout runs: nobody waits for anything.
    assert!(
        found(&store, "pipeline-silent", "2024-09-20T00:00:00Z")
            .await
            .is_empty()
    );
    let refused = found(&store, "reject-share", "2024-08-20T20:00:00Z").await;
    assert_eq!(refused.len(), 1, "{refused:#?}");
    assert!(
        refused[0].explanation.en.contains("truncated"),
        "{}",
        refused[0].explanation.en
    );
    assert!(
        found(&store, "reject-share", "2024-08-22T20:00:00Z")
            .await
            .is_empty()
    );
}
