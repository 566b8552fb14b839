//! The store client against the embedded engine, with LZ4 blocks where it would use them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt32Array, UInt64Array,
};
use patchlens_queries::embedded::WRITER;
use patchlens_queries::{Error, Param, Store, StoreConfig, testing};

fn stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer =
        arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

/// Rejects `first..last`, one per offset.
fn rejects(first: i64, last: i64) -> RecordBatch {
    let offsets: Vec<i64> = (first..last).collect();
    let texts = |make: fn(i64) -> String| {
        Arc::new(StringArray::from_iter_values(
            offsets.iter().map(|offset| make(*offset)),
        )) as ArrayRef
    };
    let count = offsets.len();
    RecordBatch::try_from_iter([
        ("reject_id", texts(|offset| format!("r{offset:05}"))),
        ("device_id", texts(|_| "PC-1".to_owned())),
        ("raw", texts(|offset| format!("\0'\\\n{offset}"))),
        (
            "line_number",
            Arc::new(UInt64Array::from(vec![1; count])) as ArrayRef,
        ),
        (
            "collected_at",
            Arc::new(
                TimestampMicrosecondArray::from(vec![1_700_000_000_123_456; count])
                    .with_timezone("UTC"),
            ) as ArrayRef,
        ),
        ("topic", texts(|_| "t".to_owned())),
        (
            "partition",
            Arc::new(Int32Array::from(vec![3; count])) as ArrayRef,
        ),
        (
            "offset",
            Arc::new(Int64Array::from(offsets.clone())) as ArrayRef,
        ),
        (
            "row",
            Arc::new(UInt32Array::from(vec![0; count])) as ArrayRef,
        ),
    ])
    .unwrap()
}

#[derive(serde::Deserialize, Debug, PartialEq)]
struct Count {
    n: u64,
}

#[derive(clickhouse::Row, serde::Serialize, serde::Deserialize, Debug, PartialEq, Clone)]
struct Row {
    n: u32,
    s: String,
    o: Option<i64>,
}

const COLUMNS: [&str; 9] = [
    "reject_id",
    "device_id",
    "raw",
    "line_number",
    "collected_at",
    "topic",
    "partition",
    "offset",
    "row",
];

#[tokio::test]
async fn an_arrow_stream_is_one_part_and_comes_back_the_same() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    store
        .insert_arrow_stream("reject", &COLUMNS, stream(&rejects(0, 5000)))
        .await
        .unwrap();
    let parts: Vec<Vec<u64>> = store
        .query_json::<std::collections::BTreeMap<String, u64>>("count parts", "SELECT count() AS n FROM system.parts WHERE database = currentDatabase() AND table = 'reject'", &[])
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.into_values().collect())
        .collect();
    assert_eq!(parts, [[1]]);
    let sql = format!(
        "SELECT {} FROM reject FINAL ORDER BY reject_id",
        COLUMNS.join(", ")
    );
    let back = store.query_arrow("read rejects", &sql, &[]).await.unwrap();
    let back = arrow::compute::concat_batches(&back[0].schema(), &back).unwrap();
    assert_eq!(back.num_rows(), 5000);
    let sent = rejects(0, 5000);
    for column in ["reject_id", "raw", "line_number", "offset", "row"] {
        assert_eq!(
            back.column_by_name(column).unwrap().as_ref(),
            sent.column_by_name(column).unwrap().as_ref(),
            "{column}"
        );
    }
}

#[tokio::test]
async fn what_is_there_is_told_from_what_is_not() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    store
        .insert_arrow_stream("reject", &COLUMNS, stream(&rejects(10, 20)))
        .await
        .unwrap();
    let present = store
        .present_origins("reject", "t", 3, 5, 14)
        .await
        .unwrap();
    assert_eq!(present, (10..15).map(|offset| (offset, 0)).collect());
    assert!(
        store
            .present_origins("reject", "t", 4, 0, 100)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .present_origins("reject", "other", 3, 0, 100)
            .await
            .unwrap()
            .is_empty()
    );
    let ids: Vec<String> = (0..70_000).map(|offset| format!("r{offset:05}")).collect();
    let devices: Vec<String> = (0..1000).map(|number| format!("PC-{number}")).collect();
    let found = store
        .existing_ids("reject", "reject_id", &devices, &ids)
        .await
        .unwrap();
    assert_eq!(
        found.into_iter().collect::<BTreeSet<_>>(),
        ids[10..20].iter().cloned().collect()
    );
    assert!(
        store
            .existing_ids("reject", "reject_id", &["PC-2".to_owned()], &ids)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .existing_ids("update_event", "event_id", &devices, &ids)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .existing_ids("update_event", "event_id", &[], &[])
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_a_recomputation_no_longer_finds_is_gone() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let columns = ["device_id", "attempt_id", "generation", "is_deleted"];
    let attempt = |device: &str, id: &str, generation: u64| serde_json::json!({"device_id": device, "attempt_id": id, "generation": generation, "is_deleted": 0});
    let before = [
        attempt("PC-1", "a", 1),
        attempt("PC-1", "b", 1),
        attempt("PC-2", "c", 1),
    ];
    store
        .insert_json_rows("update_attempt", &columns, &before)
        .await
        .unwrap();
    store
        .insert_json_rows("update_attempt", &columns, &[attempt("PC-1", "a", 2)])
        .await
        .unwrap();
    for _ in 0..2 {
        store
            .delete_older_generations("update_attempt", &["attempt_id"], &["PC-1".to_owned()], 2)
            .await
            .unwrap();
        let left = store
            .query_text(
                "SELECT device_id, attempt_id, generation FROM update_attempt FINAL ORDER BY ALL",
                "CSV",
            )
            .await
            .unwrap();
        assert_eq!(left, "\"PC-1\",\"a\",2\n\"PC-2\",\"c\",1\n");
    }
}

#[tokio::test]
async fn error_code_catalogues_replace_one_another() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let row = |code: u32, symbol: &str| {
        serde_json::json!({"error_code": code, "error_symbol": symbol, "family": "wu", "is_wrapper": 0, "phase": "",
            "meaning_en": "It's \"quoted\".", "meaning_zh": "含义", "documented_in": ""})
    };
    let listed = async || {
        let sql = "SELECT error_code_hex, error_symbol, meaning_en FROM error_code_catalogue ORDER BY error_code";
        store.query_text(sql, "TSV").await.unwrap()
    };
    let one = [row(1, "A"), row(2, "B")];
    assert!(store.replace_error_codes("one", &one).await.unwrap());
    assert!(!store.replace_error_codes("one", &one).await.unwrap());
    let two = [row(2, "B2"), row(3, "C")];
    assert!(store.replace_error_codes("two", &two).await.unwrap());
    assert_eq!(
        listed().await,
        "0x00000002\tB2\tIt\\'s \"quoted\".\n0x00000003\tC\tIt\\'s \"quoted\".\n"
    );
    assert!(!store.replace_error_codes("two", &two).await.unwrap());
    // Back to the first: what was dropped is there again.
    assert!(store.replace_error_codes("one", &one).await.unwrap());
    assert!(listed().await.starts_with("0x00000001\tA"));
}

#[tokio::test]
async fn reference_files_replace_one_another() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let files = |names: &[&str]| {
        names
            .iter()
            .map(|name| ((*name).to_owned(), format!("kb,\"{name}\"\n")))
            .collect::<Vec<_>>()
    };
    for names in [
        &["a.csv", "b.csv"][..],
        &["b.csv", "c.csv"],
        &[],
        &["a.csv"],
    ] {
        store.replace_reference_files(&files(names)).await.unwrap();
        assert_eq!(store.reference_files().await.unwrap(), files(names));
    }
}

#[tokio::test]
async fn the_records_of_devices_come_as_plain_columns() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let record = |device: &str, id: &str| serde_json::json!({"device_id": device, "event_id": id, "source": "cbs_log", "codes": [1], "occurred_at": "2024-08-20 01:02:03.000004"});
    let columns = ["device_id", "event_id", "source", "codes", "occurred_at"];
    store
        .insert_json_rows(
            "update_event",
            &columns,
            &[record("PC-1", "x"), record("PC-2", "y")],
        )
        .await
        .unwrap();
    store
        .insert_json_rows("update_event", &columns, &[record("PC-1", "x")])
        .await
        .unwrap();
    let stream = store.device_events(&["PC-1".to_owned()]).await.unwrap();
    let batches: Vec<RecordBatch> =
        arrow::ipc::reader::StreamReader::try_new(stream.as_slice(), None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    let types: Vec<String> = batches[0]
        .schema()
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.name(), field.data_type()))
        .collect();
    insta::assert_snapshot!(types.join("\n"));
}

#[tokio::test]
async fn the_same_rows_twice_are_the_same_rows() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    for _ in 0..3 {
        store
            .insert_arrow_stream("reject", &COLUMNS, stream(&rejects(0, 100)))
            .await
            .unwrap();
    }
    let rows: Vec<Count> = store
        .query_json(
            "count rejects",
            "SELECT count() AS n FROM reject FINAL",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(rows, [Count { n: 100 }]);
}

#[tokio::test]
async fn errors_say_whether_to_try_again() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let refused = store
        .insert_arrow_stream("reject", &["reject_id"], b"nonsense".to_vec())
        .await
        .unwrap_err();
    assert!(!refused.is_retryable(), "{refused}");
    // Null where the column takes none: refused, not replaced by an empty text.
    let batch = RecordBatch::try_from_iter_with_nullable([(
        "reject_id",
        Arc::new(StringArray::from(vec![Some("a"), None])) as ArrayRef,
        true,
    )])
    .unwrap();
    let error = store
        .insert_arrow_stream("reject", &["reject_id"], stream(&batch))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::RowsRefused { .. }), "{error:?}");
    assert!(!error.is_retryable() && !error.may_have_been_stored());
    let error = store
        .query_bytes("read", "SELECT * FROM nope", &[], "TSV")
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(60));
    assert!(error.to_string().contains("UNKNOWN_TABLE"), "{error}");
    let closed = Store::connect(StoreConfig::new("http://127.0.0.1:9")).unwrap();
    let error = closed.ping().await.unwrap_err();
    assert!(
        error.is_retryable() && error.may_have_been_stored(),
        "{error:?}"
    );
    let error = closed
        .wait_ready(Duration::from_millis(10))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::NotReady { .. }) && error.to_string().contains("127.0.0.1:9"),
        "{error}"
    );
}

#[tokio::test]
async fn parameters_reach_the_query_as_values() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let hostile = "a'b\\c\n\t{x:String}; DROP TABLE reject";
    let params = [
        ("a", Param::from(hostile)),
        ("n", Param::UInt(u64::MAX)),
        ("l", Param::Texts(vec![hostile.to_owned(), String::new()])),
        ("i", Param::Int(-5)),
    ];
    let bytes = store
        .query_bytes(
            "echo",
            "SELECT {a:String}, {n:UInt64}, {l:Array(String)}, {i:Int64}",
            &params,
            "JSONCompactEachRow",
        )
        .await
        .unwrap();
    let row: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        row,
        serde_json::json!([hostile, u64::MAX, [hostile, ""], -5])
    );
}

/// The client as others use it: typed rows over RowBinary, LZ4 both ways.
#[tokio::test]
async fn the_rust_client_works_with_lz4_and_typed_rows() {
    let Some(engine) = testing::engine() else {
        return;
    };
    let client = clickhouse::Client::default()
        .with_url(engine.url())
        .with_user(WRITER)
        .with_password(crate::http::password(engine))
        .with_database("default")
        .with_compression(clickhouse::Compression::Lz4);
    client.query("CREATE TABLE typed (n UInt32, s String, o Nullable(Int64)) ENGINE = MergeTree ORDER BY n").execute().await.unwrap();
    let rows: Vec<Row> = (0..200_000)
        .map(|n| Row {
            n,
            s: format!("row {n}"),
            o: (n % 2 == 0).then_some(-i64::from(n)),
        })
        .collect();
    let mut insert = client.insert::<Row>("typed").await.unwrap();
    for row in &rows {
        insert.write(row).await.unwrap();
    }
    insert.end().await.unwrap();
    let back = client
        .query("SELECT ?fields FROM typed WHERE n >= ? ORDER BY n")
        .bind(0)
        .fetch_all::<Row>()
        .await
        .unwrap();
    assert_eq!(back, rows);
    let error = client
        .query("SELECT throwIf(number = 3000000) AS n FROM numbers(4000000)")
        .fetch_all::<u8>()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("Code: 395"), "{error}");
}
