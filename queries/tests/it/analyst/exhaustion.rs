//! Statements that want too much: time, memory, rows, places.

use std::time::{Duration, Instant};

use patchlens_queries::testing;

use super::{ACCESS_DENIED, Analyst, PLACES};

/// A statement that would take for ever ends soon after its time.
async fn ends(analyst: &Analyst, sql: &str, codes: &[u32]) {
    let started = Instant::now();
    let (code, text) = analyst.ask_with(sql, &[("max_execution_time", "1")]).await;
    let short = sql.chars().take(90).collect::<String>();
    assert!(codes.contains(&code), "{short}: {code} {text}");
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{short}: {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn long_runs_end() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    let timeout = &[159];
    ends(
        &analyst,
        "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1",
        timeout,
    )
    .await;
    ends(&analyst, "SELECT count() FROM system.numbers", timeout).await;
    ends(&analyst, "SELECT count() FROM numbers(1000000) AS a, numbers(1000000) AS b, numbers(1000000) AS c WHERE a.number + b.number + c.number = 7", timeout).await;
    ends(
        &analyst,
        "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 FORMAT JSON",
        timeout,
    )
    .await;
    let sleeping = "SELECT sleepEachRow(1) FROM numbers(100)";
    ends(&analyst, sleeping, &[ACCESS_DENIED]).await;
    // One value alone takes these seconds, and no time limit interrupts them.
    let slow = "SELECT levenshteinDistance(repeat('a', 60000), repeat('b', 60000))";
    ends(&analyst, slow, &[ACCESS_DENIED]).await;
    let compiled = format!(
        "SELECT multiMatchAny('abc', [{}])",
        (0..200)
            .map(|n| format!("'{}{n}'", "abcdefghij".repeat(20)))
            .collect::<Vec<_>>()
            .join(", ")
    );
    ends(&analyst, &compiled, &[36]).await;
}

#[tokio::test]
async fn recursion_and_doubling_end() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    ends(
        &analyst,
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT sum(n) FROM r",
        &[306, 159],
    )
    .await;
    ends(&analyst, "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r AS a, numbers(10) AS b) SELECT sum(n) FROM r", &[306, 159, 241]).await;
    let doubled = (1..40).map(|n| {
        format!(
            "a{n} AS (SELECT l.x AS x FROM a{m} AS l, a{m} AS r)",
            m = n - 1
        )
    });
    let doubled = format!(
        "WITH a0 AS (SELECT 1 AS x), {} SELECT count() FROM a39",
        doubled.collect::<Vec<_>>().join(", ")
    );
    ends(&analyst, &doubled, &[ACCESS_DENIED]).await;
    let aliases = (1..60).map(|n| format!("b{m} + b{m} AS b{n}", m = n - 1));
    let aliases = format!("SELECT 1 AS b0, {}", aliases.collect::<Vec<_>>().join(", "));
    ends(&analyst, &aliases, &[36, 168]).await;
    ends(
        &analyst,
        &format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000)),
        &[306, 62, 167],
    )
    .await;
    ends(
        &analyst,
        &format!("SELECT {}1", "NOT ".repeat(5000)),
        &[306, 62, 167],
    )
    .await;
    let wide = (0..3000).map(|n| format!("(number = {n} OR number = {})", n + 1));
    let wide = format!(
        "SELECT count() FROM numbers(1) WHERE {}",
        wide.collect::<Vec<_>>().join(" AND ")
    );
    ends(&analyst, &wide, &[168, 167]).await;
    let joined = (0..200).map(|n| format!("device_at_risk AS d{n}"));
    let joined = format!(
        "SELECT count() FROM {}",
        joined.collect::<Vec<_>>().join(", ")
    );
    ends(&analyst, &joined, &[ACCESS_DENIED]).await;
    let long = format!("SELECT '{}'", "x".repeat(300 << 10));
    ends(&analyst, &long, &[131]).await;
}

#[tokio::test]
async fn memory_is_bounded() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    for sql in [
        "SELECT groupArray(number) FROM numbers(10000000000)",
        "SELECT uniqExact(number) FROM numbers(10000000000)",
        "SELECT groupArray(repeat('x', 1000000)) FROM numbers(100000)",
        "SELECT count() FROM (SELECT number AS x FROM numbers(100000000)) AS a JOIN (SELECT number % 2 AS x FROM numbers(100000000)) AS b USING (x)",
    ] {
        let (code, text) = analyst.ask_with(sql, &[("max_execution_time", "10")]).await;
        assert!([241, 159].contains(&code), "{sql}: {code} {text}");
    }
    for sql in [
        "SELECT repeat(repeat('x', 1000000), 1000000)",
        "SELECT range(1000000000)",
        "SELECT arrayWithConstant(100000000000, 1)",
        "SELECT randomString(4000000000)",
    ] {
        assert_ne!(analyst.ask(sql).await.0, 0, "{sql}");
    }
}

#[tokio::test]
async fn giant_results_are_cut_off() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    for sql in [
        "SELECT number FROM numbers(100000000)",
        "SELECT repeat('x', 1000) FROM numbers(10000000)",
        "SELECT number FROM numbers(100000000) FORMAT JSON",
    ] {
        let request = analyst.client.post(&analyst.url).body(sql);
        let mut response = request.send().await.unwrap();
        let (mut bytes, mut tail) = (0_usize, Vec::new());
        // A result that is cut off in its middle ends with an error and is no whole transfer.
        let whole = loop {
            match response.chunk().await {
                Ok(Some(piece)) => {
                    bytes += piece.len();
                    tail = piece.to_vec();
                }
                Ok(None) => break response.status().is_success(),
                Err(_) => break false,
            }
        };
        assert!(!whole && bytes < 300 << 20, "{sql}: {bytes} bytes");
        assert!(String::from_utf8_lossy(&tail).contains("396"), "{sql}");
    }
}

#[tokio::test]
async fn many_at_once_leave_the_writer_its_place() {
    let Some(mut analyst) = Analyst::new().await else {
        return;
    };
    analyst.place = None;
    let _all_places = PLACES.write().await;
    let store = testing::fresh_store().await.unwrap();
    let slow = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1";
    let started = Instant::now();
    let all = futures::future::join_all(
        (0..60).map(|_| analyst.ask_with(slow, &[("max_execution_time", "3")])),
    );
    let writing = async {
        tokio::task::yield_now().await;
        store
            .execute("write", "INSERT INTO device (device_id) VALUES ('x')")
            .await
            .unwrap();
        started.elapsed()
    };
    let (answers, wrote_after) = futures::future::join(all, writing).await;
    assert!(wrote_after < Duration::from_secs(5), "{wrote_after:?}");
    let busy = answers.iter().filter(|(code, _)| *code == 202).count();
    assert!(busy >= 26, "{busy}");
    assert!(
        answers.iter().all(|(code, _)| [159, 202].contains(code)),
        "{answers:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(40));
}
