//! What goes in and out: binary data, compression, streams, and how they break off.

use std::io::{Read, Write};

use reqwest::StatusCode;

use super::{Http, error};

#[tokio::test]
async fn binary_data_arrives_byte_for_byte() {
    let Some(http) = Http::new() else { return };
    http.run("CREATE TABLE default.binary (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
        .await;
    // Every byte value, line ends and quotes first: what a text protocol would trip over.
    let values: Vec<Vec<u8>> = (0..=255u8)
        .map(|b| vec![b'\n', b'\'', b'\\', 0, b])
        .collect();
    let mut row_binary = Vec::new();
    for (n, value) in (0u32..).zip(&values) {
        row_binary.extend(n.to_le_bytes());
        row_binary.push(u8::try_from(value.len()).unwrap());
        row_binary.extend(value);
    }
    let query = "INSERT INTO default.binary (n, s) FORMAT RowBinary";
    let response = http
        .post(&[("query", query)], &[], row_binary.clone())
        .await;
    assert!(
        response.headers()["x-clickhouse-summary"]
            .to_str()
            .unwrap()
            .contains("\"written_rows\":\"256\"")
    );
    let in_body = [format!("{query}\n").as_bytes(), &row_binary].concat();
    assert_eq!(http.post(&[], &[], in_body).await.status(), StatusCode::OK);
    let back = http
        .post(
            &[],
            &[],
            "SELECT n, s FROM default.binary ORDER BY n LIMIT 1 BY n FORMAT RowBinary",
        )
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!(back, row_binary);
    assert_eq!(
        http.run("SELECT count() FROM default.binary").await,
        "512\n"
    );
}

#[tokio::test]
async fn every_compression_works_both_ways() {
    let Some(http) = Http::new() else { return };
    http.run("CREATE TABLE default.compressed (s String) ENGINE = MergeTree ORDER BY s")
        .await;
    let text = "x".repeat(100_000);
    let gzip = |data: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    let lz4 = |data: &[u8]| {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    let data = format!("{text}\n");
    for (encoding, body) in [
        ("gzip", gzip(data.as_bytes())),
        ("zstd", zstd::encode_all(data.as_bytes(), 1).unwrap()),
        ("lz4", lz4(data.as_bytes())),
    ] {
        let response = http
            .post(
                &[("query", "INSERT INTO default.compressed FORMAT TSV")],
                &[("Content-Encoding", encoding)],
                body,
            )
            .await;
        assert_eq!(response.status(), StatusCode::OK, "{encoding}");
        let response = http
            .post(
                &[],
                &[("Accept-Encoding", encoding)],
                "SELECT s FROM default.compressed LIMIT 1",
            )
            .await;
        assert_eq!(response.headers()["content-encoding"], encoding);
        let bytes = response.bytes().await.unwrap();
        assert!(bytes.len() < 5000, "{encoding}: {}", bytes.len());
        let mut back = Vec::new();
        match encoding {
            "gzip" => flate2::read::GzDecoder::new(bytes.as_ref())
                .read_to_end(&mut back)
                .unwrap(),
            "zstd" => zstd::stream::read::Decoder::new(bytes.as_ref())
                .unwrap()
                .read_to_end(&mut back)
                .unwrap(),
            _ => lz4_flex::frame::FrameDecoder::new(bytes.as_ref())
                .read_to_end(&mut back)
                .unwrap(),
        };
        assert_eq!(back, data.as_bytes(), "{encoding}");
    }
    assert_eq!(
        http.run("SELECT count(), uniqExact(s) FROM default.compressed")
            .await,
        "3\t1\n"
    );
    assert_eq!(
        error(
            http.post(&[], &[("Content-Encoding", "br")], "SELECT 1")
                .await
        )
        .await
        .1,
        "48"
    );
}

/// ClickHouse's own blocks, there and back.
#[tokio::test]
async fn checksummed_blocks_work_both_ways_and_show_damage() {
    let Some(http) = Http::new() else { return };
    http.run("CREATE TABLE default.blocks (s String) ENGINE = MergeTree ORDER BY s")
        .await;
    http.run("INSERT INTO default.blocks SELECT repeat('x', 100000)")
        .await;
    let insert = [
        ("query", "INSERT INTO default.blocks FORMAT RowBinary"),
        ("decompress", "1"),
    ];
    let select = "SELECT s FROM default.blocks LIMIT 1 FORMAT RowBinary";
    let blocks = http
        .post(&[("compress", "1")], &[], select)
        .await
        .bytes()
        .await
        .unwrap();
    assert!(blocks.len() < 5000);
    assert_eq!(
        http.post(&insert, &[], blocks.clone()).await.status(),
        StatusCode::OK
    );
    let mut torn = blocks.to_vec();
    *torn.last_mut().unwrap() ^= 1;
    let (status, code, message) = error(http.post(&insert, &[], torn).await).await;
    assert_eq!((status, code.as_str()), (500, "271"), "{message}");
    let counts = http
        .run("SELECT count(), uniqExact(s) FROM default.blocks")
        .await;
    assert_eq!(counts, "2\t1\n");
}

#[tokio::test]
async fn large_results_are_streamed_and_joined() {
    let Some(http) = Http::new() else { return };
    for (format, header) in [
        ("TSV", ""),
        ("CSVWithNames", "\"number\"\n"),
        ("TSVWithNamesAndTypes", "number\nUInt64\n"),
    ] {
        let text = http
            .run(&format!(
                "SELECT number FROM numbers(1000000) FORMAT {format}"
            ))
            .await;
        let numbers = text.strip_prefix(header).unwrap();
        assert_eq!(numbers.lines().count(), 1_000_000, "{format}");
        assert!(
            numbers
                .lines()
                .zip(0u64..)
                .all(|(line, number)| line.parse() == Ok(number)),
            "{format}"
        );
    }
    let arrow = http
        .post(
            &[("output_format_arrow_compression_method", "none")],
            &[],
            "SELECT number FROM numbers(1000000) FORMAT ArrowStream",
        )
        .await
        .bytes()
        .await
        .unwrap();
    let rows: usize = arrow::ipc::reader::StreamReader::try_new(arrow.as_ref(), None)
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .sum();
    assert_eq!(rows, 1_000_000);
    let json: serde_json::Value = serde_json::from_str(
        &http
            .run("SELECT number FROM numbers(200000) FORMAT JSON")
            .await,
    )
    .unwrap();
    assert_eq!(json["data"].as_array().unwrap().len(), 200_000);
}

#[tokio::test]
async fn a_client_that_leaves_does_not_hold_the_engine() {
    let Some(http) = Http::new() else { return };
    // More than there are engine threads, each left after its first piece.
    for _ in 0..20 {
        let mut response = http
            .post(&[], &[], "SELECT number FROM numbers(1000000000)")
            .await;
        assert!(response.chunk().await.unwrap().is_some());
    }
    assert_eq!(http.run("SELECT 1").await, "1\n");
}

#[tokio::test]
async fn a_statement_whose_client_left_before_its_turn_is_not_run() {
    let Some(http) = Http::new() else { return };
    // More than there are engine threads.
    let mut busy = Box::pin(futures::future::join_all(
        (0..20).map(|_| http.run("SELECT sleep(2)")),
    ));
    let sent = tokio::time::timeout(std::time::Duration::from_millis(300), &mut busy).await;
    assert!(sent.is_err(), "all threads are taken");
    let left = http.run("CREATE TABLE default.left_behind (a UInt8) ENGINE = Memory");
    let answered = tokio::time::timeout(std::time::Duration::from_millis(200), left).await;
    assert!(answered.is_err(), "it waits for its turn");
    busy.await;
    assert_eq!(http.run("EXISTS TABLE default.left_behind").await, "0\n");
}

#[tokio::test]
async fn an_exception_in_mid_result_is_marked_and_breaks_the_transfer() {
    let Some(http) = Http::new() else { return };
    let mut response = http
        .post(
            &[],
            &[],
            "SELECT number, throwIf(number = 3000000) FROM numbers(4000000)",
        )
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    let tag = response.headers()["x-clickhouse-exception-tag"]
        .to_str()
        .unwrap()
        .to_owned();
    let mut tail = Vec::new();
    let broken = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                tail.extend_from_slice(&chunk);
                let excess = tail.len().saturating_sub(4096);
                tail.drain(..excess);
            }
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    let tail = String::from_utf8_lossy(&tail);
    assert!(broken, "the transfer looked whole: {tail}");
    assert!(
        tail.contains(&format!("\r\n__exception__\r\n{tag}\r\nCode: 395. "))
            && tail.ends_with(&format!(" {tag}\r\n__exception__\r\n")),
        "{tail}"
    );
}

#[tokio::test]
async fn refused_rows_leave_the_table_as_it_was() {
    let Some(http) = Http::new() else { return };
    http.run("CREATE TABLE default.refused (a UInt8) ENGINE = MergeTree ORDER BY a")
        .await;
    let response = http
        .post(
            &[("query", "INSERT INTO default.refused FORMAT JSONEachRow")],
            &[],
            "{\"a\":1}\n{\"a\":\"x\"}\n",
        )
        .await;
    let (status, code, text) = error(response).await;
    assert_eq!((status, code.as_str()), (400, "27"), "{text}");
    assert_eq!(http.run("SELECT count() FROM default.refused").await, "0\n");
    assert_eq!(
        error(
            http.post(
                &[("query", "INSERT INTO default.nope FORMAT TSV")],
                &[],
                "1"
            )
            .await
        )
        .await
        .1,
        "60"
    );
    assert_eq!(
        http.post(
            &[("query", "INSERT INTO default.refused VALUES")],
            &[],
            "(1), (1 + 1)"
        )
        .await
        .status(),
        StatusCode::OK
    );
    assert_eq!(
        http.run("SELECT groupArray(a) FROM default.refused").await,
        "[1,2]\n"
    );
    assert_eq!(
        http.post(
            &[("query", "INSERT INTO default.refused FORMAT TSV")],
            &[],
            ""
        )
        .await
        .status(),
        StatusCode::OK
    );
}
