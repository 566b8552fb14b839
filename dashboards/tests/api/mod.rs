//! The JSON API against its document, `docs/openapi.json`, by hand and by schemathesis.

use std::path::PathBuf;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use patchlens_dashboards::{DashboardConfig, Uploads, serve_on};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::Command;
use tower::ServiceExt;

use crate::{Answer, get, over, seed, testing};

async fn app() -> Option<Router> {
    let store = testing::fresh_store().await?;
    seed::fill(&store, seed::ROLLOUT).await.unwrap();
    Some(over(&store))
}

async fn send(app: &Router, method: Method, address: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(address)
        .header("host", "127.0.0.1")
        .body(Body::empty())
        .unwrap();
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap(),
    }
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer
        .headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_document_is_served_as_it_is_committed() {
    let Some(app) = app().await else { return };
    let served = get(&app, "/api/v1/openapi.json", &[]).await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    assert_eq!(served.body, std::fs::read_to_string(file).unwrap());
    let document: Value = serde_json::from_str(&served.body).unwrap();
    // What the router has and the document has not, or the other way round.
    let source = include_str!("../../src/server.rs");
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(
            source.contains(&format!("\"{path}\"")),
            "{path} has no route"
        );
    }
    for line in source.lines().filter(|line| line.contains("\"/api/v1/")) {
        let path = line.split('"').nth(1).unwrap();
        let is_listed = document["paths"].get(path).is_some();
        let is_other = path.ends_with("/openapi.json");
        assert!(is_listed || is_other, "{path} is not in docs/openapi.json");
    }
}

#[tokio::test]
async fn errors_say_what_is_the_matter_and_what_to_do() {
    let Some(app) = app().await else { return };
    for (address, status, code) in [
        ("/api/v1/nothing", 404, "not_found"),
        ("/api/v1/devices/no-such-device", 404, "not_found"),
        ("/api/v1/rollouts/no-such-rollout", 404, "not_found"),
        ("/api/v1/clusters/%FF", 400, "bad_parameter"),
        ("/api/v1/devices?page=0", 400, "bad_parameter"),
        ("/api/v1/devices?state=unheard-of", 400, "bad_parameter"),
        ("/api/v1/devices?sites=Chengdu", 400, "bad_parameter"),
        ("/api/v1/devices?site=a&site=b", 400, "bad_parameter"),
        ("/api/v1/pipeline?x=1", 400, "bad_parameter"),
        ("/api/v1/alerts/no-such-alert", 404, "not_found"),
        ("/api/v1/alerts?state=active", 400, "bad_parameter"),
        ("/api/v1/alerts?device=PC-1", 400, "bad_parameter"),
        ("/api/v1/uploads/no-such-upload", 404, "not_found"),
        ("/api/v1/rollouts/2024-08-b?by=site", 400, "bad_parameter"),
    ] {
        let answer = get(&app, address, &[]).await;
        assert_eq!(answer.status.as_u16(), status, "{address}: {}", answer.body);
        assert_eq!(
            header(&answer, "content-type"),
            "application/problem+json",
            "{address}"
        );
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["code"], code, "{address}: {}", answer.body);
        assert_eq!(problem["status"], status, "{address}");
        for key in ["title", "detail", "todo"] {
            assert!(
                !problem[key].as_str().unwrap().is_empty(),
                "{address}: {key}"
            );
        }
    }
    for hostile in [
        "%27%3B%20DROP%20TABLE%20device%20--",
        "%3Cscript%3E",
        "%00",
        &"x".repeat(5_000),
    ] {
        let answer = get(&app, &format!("/api/v1/devices?q={hostile}"), &[]).await;
        assert!(answer.status.as_u16() < 500, "{hostile}: {}", answer.body);
    }
}

#[tokio::test]
async fn other_methods_are_refused_and_head_is_get_without_its_body() {
    let Some(app) = app().await else { return };
    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::TRACE,
    ] {
        let answer = send(&app, method.clone(), "/api/v1/clusters").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(header(&answer, "allow"), "GET, HEAD, OPTIONS");
        assert!(
            answer.body.contains("\"method_not_allowed\""),
            "{}",
            answer.body
        );
    }
    let options = send(&app, Method::OPTIONS, "/api/v1/clusters").await;
    assert_eq!(
        (options.status, header(&options, "allow")),
        (StatusCode::NO_CONTENT, "GET, HEAD, OPTIONS")
    );
    let got = get(&app, "/api/v1/clusters", &[]).await;
    let head = send(&app, Method::HEAD, "/api/v1/clusters").await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    for name in ["etag", "content-length", "content-type"] {
        assert_eq!(header(&head, name), header(&got, name), "{name}");
    }
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let Some(app) = app().await else { return };
    let first = get(&app, "/api/v1/devices?page=1", &[]).await;
    let tag = header(&first, "etag").to_owned();
    assert!(!tag.is_empty() && header(&first, "cache-control") == "private, no-cache");
    let total: u64 = header(&first, "x-total-count").parse().unwrap();
    let rows: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(rows.as_array().unwrap().len() as u64, total.min(200));
    let again = get(&app, "/api/v1/devices?page=1", &[("if-none-match", &tag)]).await;
    assert_eq!(
        (again.status, again.body.as_str()),
        (StatusCode::NOT_MODIFIED, "")
    );
    let other = get(
        &app,
        "/api/v1/devices?page=1",
        &[("if-none-match", "\"x\"")],
    )
    .await;
    assert_eq!(other.status, StatusCode::OK);
}

/// Runs schemathesis of the environment that `PATCHLENS_PYTHON` belongs to against a running server.
#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment"
)]
async fn schemathesis_finds_no_fault() {
    let home = PathBuf::from(std::env::var("HOME").unwrap_or_default());
    let python = std::env::var("PATCHLENS_PYTHON").map_or_else(
        |_| home.join(".cache/patchlens/venv/bin/python"),
        PathBuf::from,
    );
    let schemathesis = python.with_file_name("schemathesis");
    if !schemathesis.exists() {
        assert!(
            std::env::var("PATCHLENS_REQUIRE_SERVICES").is_err(),
            "schemathesis is required and not at {}",
            schemathesis.display()
        );
        println!("skipped: no schemathesis at {}", schemathesis.display());
        return;
    }
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    seed::fill(&store, seed::ROLLOUT).await.unwrap();
    seed::fill(&store, seed::ALERTS).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(serve_on(
        listener,
        store,
        DashboardConfig::default(),
        Uploads::NoEventLog,
        std::future::pending(),
    ));
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(schemathesis)
        .args([
            "run",
            &format!("{base}/api/v1/openapi.json"),
            "--url",
            &base,
            // A stream without an end, which a test of this crate reads.
            "--exclude-path",
            "/api/v1/live",
        ])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "30",
            "--seed",
            "1",
        ])
        .args([
            "--checks",
            "all",
            "--no-color",
            "--generation-database",
            "none",
        ])
        .current_dir(folder.path())
        .output()
        .await
        .unwrap();
    server.abort();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// Follows `Link` until there is none.
async fn follow(app: &Router, address: &str) -> Vec<Value> {
    let (mut rows, mut next) = (Vec::new(), Some(address.to_owned()));
    while let Some(address) = next.take() {
        let answer = get(app, &address, &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.body);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let list = body.get("clusters").unwrap_or(&body);
        rows.extend(list.as_array().unwrap().iter().cloned());
        next = header(&answer, "link")
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""))
            .map(str::to_owned);
        assert!(rows.len() < 1_000, "{address} has no end");
    }
    rows
}

#[tokio::test]
async fn every_list_comes_in_pages_that_add_up_to_the_whole() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    seed::fill(&store, seed::ROLLOUT).await.unwrap();
    seed::fill(&store, seed::ALERTS).await.unwrap();
    let app = over(&store);
    for (list, id) in [
        ("rollouts?", "rollout_id"),
        ("clusters?open=all&", "cluster_key"),
        ("devices?", "device_id"),
        ("devices?state=failed&", "device_id"),
        ("codes?all=1&", "error_code"),
        ("alerts?", "alert_id"),
    ] {
        let ids = |rows: Vec<Value>| -> Vec<String> {
            rows.iter().map(|row| row[id].to_string()).collect()
        };
        let whole = ids(follow(&app, &format!("/api/v1/{list}limit=1000")).await);
        let pages = ids(follow(&app, &format!("/api/v1/{list}limit=2")).await);
        assert!(!whole.is_empty(), "{list}");
        assert_eq!(pages, whole, "{list}");
        let answer = get(&app, &format!("/api/v1/{list}limit=1"), &[]).await;
        assert_eq!(header(&answer, "x-total-count"), whole.len().to_string());
    }
    // The page's own order, by numbers.
    let first = get(&app, "/api/v1/devices?page=1&limit=2", &[]).await;
    let failing: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(failing.as_array().unwrap().len(), 2);
    assert_eq!(failing[0]["state"], "failed");
}
