//! Empty, absent, slow and hostile: each page says what is the matter and what to do.

use super::*;

#[tokio::test]
async fn an_empty_store_says_what_to_do() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let app = over(&store);
    let html = page(&app, "/").await;
    assert!(
        html.contains("Nothing has arrived yet") && html.contains("patchlens demo"),
        "{html}"
    );
    for address in [
        "/clusters",
        "/devices",
        "/codes",
        "/codes?q=0x80070006",
        "/alerts",
        "/pipeline",
        "/sql",
        "/upload",
    ] {
        page(&app, address).await;
    }
    assert_eq!(
        get(&app, "/api/v1/rollouts/x", &[]).await.status,
        StatusCode::NOT_FOUND
    );
    for address in [
        "/devices/none",
        "/alerts/none",
        "/upload/none",
        "/clusters/none",
        "/clusters/none/devices.csv",
        "/nowhere",
    ] {
        assert_eq!(
            get(&app, address, &[]).await.status,
            StatusCode::NOT_FOUND,
            "{address}"
        );
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_said_to_be_down() {
    let store = Store::connect(StoreConfig::new("http://127.0.0.1:9")).unwrap();
    let app = over(&store);
    for address in PAGES {
        let answer = get(&app, address, &[]).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{address}");
        assert!(
            answer.body.contains("The store does not answer")
                && answer.body.contains("Start the store"),
            "{}",
            answer.body
        );
    }
    let api = get(&app, "/api/v1/clusters", &[]).await;
    assert!(api.body.contains("\"code\":\"store_down\""), "{}", api.body);
    assert_eq!(get(&app, "/healthz", &[]).await.status, StatusCode::OK);
    assert_eq!(
        get(&app, "/readyz", &[]).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn a_store_that_is_slow_is_said_to_be_slow() {
    // It accepts connections and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = Store::connect(StoreConfig::new(format!(
        "http://{}",
        silent.local_addr().unwrap()
    )))
    .unwrap();
    let app = router(
        store,
        DashboardConfig {
            store_timeout_ms: 50,
            ..DashboardConfig::default()
        },
        Uploads::NoEventLog,
    );
    let answer = get(&app, "/", &[("accept-language", "zh")]).await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(
        answer.body.contains("存储响应过慢") && answer.body.contains("50 ms"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_database_without_tables_is_said_to_be_unmigrated() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    store
        .execute("break it", "DROP VIEW failure_cluster")
        .await
        .unwrap();
    let answer = get(&over(&store), "/clusters", &[]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("patchlens migrate"), "{}", answer.body);
}

#[expect(
    clippy::too_many_lines,
    reason = "one running server, asked one thing after the other"
)]
#[tokio::test]
async fn statements_are_run_within_limits_and_attacks_are_not() {
    let Some((_, store)) = seeded().await else {
        return;
    };
    let app = router(
        store,
        DashboardConfig {
            max_rows: 20,
            ..DashboardConfig::default()
        },
        Uploads::NoEventLog,
    );
    let run = |statement: &str| {
        format!(
            "/sql?q={}",
            percent_encoding::percent_encode(
                statement.as_bytes(),
                percent_encoding::NON_ALPHANUMERIC
            )
        )
    };
    let html = page(
        &app,
        &run("SELECT number AS n FROM numbers(100) ORDER BY n DESC"),
    )
    .await;
    assert!(
        html.contains("longer than the limit") && html.contains(">99<") && !html.contains(">79<"),
        "{html}"
    );
    for attack in [
        "SELECT file('/etc/passwd')",
        "SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a String')",
        "SELECT 1 INTO OUTFILE '/tmp/patchlens-test-outfile'",
        "DROP TABLE device",
        "SELECT 1; SELECT 2",
        "SELECT * FROM system.users",
        "SELECT count() FROM numbers(1e12) SETTINGS max_execution_time = 0",
    ] {
        let html = page(&app, &run(attack)).await;
        assert!(
            html.contains("The statement was not run"),
            "{attack}\n{html}"
        );
    }
    let foreign = get(
        &app,
        &run("SELECT 42424242 + 1"),
        &[("sec-fetch-site", "cross-site")],
    )
    .await;
    assert!(
        foreign.body.contains("42424242 + 1") && !foreign.body.contains("42424243"),
        "a link elsewhere runs nothing"
    );
    for (wrong, hint) in [
        (
            "SELECT no_such_column FROM device",
            "A column of that name is not there",
        ),
        (
            "SELECT 1 FROM no_such_view",
            "A view or table of that name is not there",
        ),
        (
            "SELECT site sites sites FROM device",
            "The statement cannot be read",
        ),
        (
            "SELECT site, count() FROM device",
            "neither grouped nor added up",
        ),
    ] {
        let html = page(&app, &run(wrong)).await;
        assert!(
            html.contains(hint) && html.contains("role=\"alert\""),
            "{wrong}\n{html}"
        );
        assert!(
            !html.contains("(version ") && !html.contains("LIMIT 21"),
            "{wrong}\n{html}"
        );
    }
    let html = page(&app, "/sql").await;
    let list = html
        .split("id=\"examples\"")
        .nth(1)
        .unwrap()
        .split("</section>")
        .next()
        .unwrap();
    let examples: Vec<&str> = list
        .split("<a href=\"/sql?q=")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(examples.len(), 8);
    for example in examples {
        let html = page(&app, &format!("/sql?q={example}")).await;
        assert!(
            html.contains("id=\"result\"") && !html.contains("The statement returned no rows"),
            "{example}"
        );
    }
}

#[tokio::test]
async fn long_statements_end_at_the_limit() {
    let Some((_, store)) = seeded().await else {
        return;
    };
    let app = router(
        store,
        DashboardConfig {
            store_timeout_ms: 1_000,
            ..DashboardConfig::default()
        },
        Uploads::NoEventLog,
    );
    let answer = get(&app, "/sql?q=SELECT%20count()%20FROM%20numbers(1000000000000)%20WHERE%20sipHash64(number)%20=%201", &[]).await;
    assert!(
        answer.status == StatusCode::GATEWAY_TIMEOUT || answer.body.contains("TIMEOUT_EXCEEDED"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn what_no_reader_waits_for_any_more_ends_in_the_store() {
    let Some((_, store)) = seeded().await else {
        return;
    };
    for statement in [
        "RENAME TABLE failure_cluster TO failure_cluster_fast",
        "CREATE VIEW failure_cluster AS SELECT f.* FROM failure_cluster_fast AS f,
            (SELECT count() AS n FROM numbers(1000000000000) WHERE sipHash64(number) = 1) AS never WHERE n >= 0",
    ] {
        store.execute("make a view slow", statement).await.unwrap();
    }
    let app = router(
        store.clone(),
        DashboardConfig {
            store_timeout_ms: 1_000,
            ..DashboardConfig::default()
        },
        Uploads::NoEventLog,
    );
    let answer = get(&app, "/clusters", &[]).await;
    assert_eq!(
        answer.status,
        StatusCode::GATEWAY_TIMEOUT,
        "{}",
        answer.body
    );
    let sql = format!(
        "SELECT count() FROM system.processes WHERE current_database = '{}' AND query NOT LIKE '%system.processes%'",
        store.config().database
    );
    let ended = async {
        while store.query_text(&sql, "TSV").await.unwrap() != "0\n" {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), ended)
        .await
        .expect("the statement ends by itself");
}

#[tokio::test]
async fn foreign_host_names_are_refused() {
    let Some((app, _store)) = seeded().await else {
        return;
    };
    let request = Request::builder()
        .uri("/api/v1/clusters")
        .header("host", "evil.example")
        .body(Body::empty())
        .unwrap();
    assert_eq!(
        app.oneshot(request).await.unwrap().status(),
        StatusCode::MISDIRECTED_REQUEST
    );
}

#[tokio::test]
async fn what_arrives_shows_without_waiting_for_the_cache() {
    let Some((app, store)) = seeded().await else {
        return;
    };
    let before = json(&app, "/api/v1/devices?q=late-comer").await;
    assert_eq!(before.as_array().unwrap().len(), 0);
    let insert = "INSERT INTO device (device_id, device_name, last_seen_at, generation) VALUES ('LATE-COMER', 'LATE-COMER', now64(6), 1)";
    store.execute("report one device", insert).await.unwrap();
    store.refresh_outdated().await.unwrap();
    let shows = async {
        while json(&app, "/api/v1/devices?q=late-comer")
            .await
            .as_array()
            .unwrap()
            .is_empty()
        {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(2), shows)
        .await
        .expect("it shows within two seconds");
}

#[tokio::test]
async fn open_pages_are_told_when_something_arrives() {
    let Some((_, store)) = seeded().await else {
        return;
    };
    let config = DashboardConfig {
        live_interval_ms: 100,
        ..DashboardConfig::default()
    };
    let app = router(store.clone(), config, Uploads::NoEventLog);
    let request = Request::builder()
        .uri("/api/v1/live")
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap();
    let mut body = app.oneshot(request).await.unwrap().into_body();
    let told = async {
        let mut text = String::new();
        let mut has_inserted = false;
        while let Some(frame) = body.frame().await {
            text.push_str(&String::from_utf8_lossy(frame.unwrap().data_ref().unwrap()));
            if text.contains("event: changed") {
                return text;
            }
            if !has_inserted {
                let insert = "INSERT INTO device (device_id, device_name, last_seen_at, generation) VALUES ('NEWS', 'NEWS', now64(6), 1)";
                store.execute("report one device", insert).await.unwrap();
                has_inserted = true;
            }
        }
        text
    };
    let text = tokio::time::timeout(std::time::Duration::from_secs(2), told)
        .await
        .expect("news within two seconds");
    assert!(text.contains("event: changed"), "{text}");
}

#[tokio::test]
async fn what_arrives_between_a_page_and_its_stream_is_told() {
    let Some((app, store)) = seeded().await else {
        return;
    };
    let html = page(&app, "/devices").await;
    let (_, after) = html.split_once("data-mark=\"").unwrap();
    let (mark, _) = after.split_once('"').unwrap();
    assert!(!mark.is_empty(), "{html}");
    let insert = "INSERT INTO device (device_id, device_name, last_seen_at, generation) VALUES ('BETWEEN', 'BETWEEN', now64(6), 1)";
    store.execute("report one device", insert).await.unwrap();
    let request = Request::builder()
        .uri(format!("/api/v1/live?since={mark}"))
        .header("host", "localhost")
        .body(Body::empty())
        .unwrap();
    let mut body = app.oneshot(request).await.unwrap().into_body();
    let first = tokio::time::timeout(std::time::Duration::from_secs(30), body.frame())
        .await
        .expect("news at once")
        .unwrap()
        .unwrap();
    let text = String::from_utf8_lossy(first.data_ref().unwrap()).into_owned();
    assert!(text.contains("event: changed"), "{text}");
}

#[tokio::test]
async fn a_server_without_an_event_log_says_why_it_takes_no_bundles() {
    let Some((app, _store)) = seeded().await else {
        return;
    };
    let html = page(&app, "/upload").await;
    assert!(
        html.contains("This server takes no bundles")
            && html.contains("patchlens collect FILE")
            && !html.contains("type=\"file\""),
        "{html}"
    );
    let request = Request::builder()
        .method("POST")
        .uri("/upload")
        .header("host", "127.0.0.1")
        .header("content-type", "multipart/form-data; boundary=x")
        .body(Body::from("--x\r\ncontent-disposition: form-data; name=\"bundle\"; filename=\"a\"\r\n\r\nb\r\n--x--\r\n"))
        .unwrap();
    let refused = app.oneshot(request).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn figures_that_are_behind_are_shown_with_their_age_and_renewed() {
    let Some((app, store)) = seeded().await else {
        return;
    };
    page(&app, "/devices?q=overtaken").await;
    let insert = "INSERT INTO device (device_id, device_name, last_seen_at, generation) VALUES ('OVERTAKEN', 'OVERTAKEN', now64(6), 1)";
    store.execute("report one device", insert).await.unwrap();
    store.refresh_outdated().await.unwrap();
    // Longer than the mark is believed without asking.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let behind = get(&app, "/devices?q=overtaken", &[]).await;
    assert!(
        behind.headers.contains_key(header::AGE)
            && behind.body.contains("newer data is being counted"),
        "{}",
        behind.body
    );
    let newest = get(
        &app,
        "/devices?q=overtaken",
        &[("cache-control", "no-cache")],
    )
    .await;
    assert!(
        newest.body.contains("/devices/OVERTAKEN") && !newest.headers.contains_key(header::AGE),
        "{}",
        newest.body
    );
}
