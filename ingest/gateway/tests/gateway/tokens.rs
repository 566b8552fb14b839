//! Who may send what.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patchlens_gateway::{Error, Gateway, TokenFile};
use patchlens_log::{LogUrl, Writer, WriterOptions};

use crate::support::{Running, config, line, token};

async fn status(gateway: &Running, token: Option<&str>, body: String) -> u16 {
    let mut request = reqwest::Client::new()
        .post(gateway.at("/ingest/v1/events"))
        .body(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_token_opens_the_door_for_its_devices_until_it_is_revoked() {
    let mut one = String::new();
    let mut branch = String::new();
    let gateway = Running::start_with(|config| {
        one = token(config, "one", &[]);
        branch = token(config, "branch", &["branch-*", "YR-7"]);
    })
    .await;
    assert_eq!(status(&gateway, None, line("YR-1", 1)).await, 401);
    assert_eq!(status(&gateway, Some("plt_00"), line("YR-1", 1)).await, 401);
    assert_eq!(status(&gateway, Some(&one), line("YR-1", 1)).await, 200);
    for (device, expected) in [
        ("BRANCH-9", 200),
        ("YR-7", 200),
        ("YR-70", 403),
        ("YR-1", 403),
    ] {
        let body = format!("{}\n{}", line("BRANCH-1", 1), line(device, 2));
        assert_eq!(
            status(&gateway, Some(&branch), body).await,
            expected,
            "{device}"
        );
    }

    let path = gateway.path("tokens.json");
    let mut file = TokenFile::read(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        !text.contains(&one) && !text.contains(&one[4..20]),
        "the token itself is kept"
    );
    assert!(file.revoke("one") && !file.revoke("one"));
    file.write(&path).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while status(&gateway, Some(&one), line("YR-1", 1)).await != 401 {
        assert!(Instant::now() < deadline, "still taken");
    }
    let (events, _) = gateway.finish().await;
    assert!(
        events
            .iter()
            .all(|event| event.device_id.as_str() != "YR-70")
    );
    assert!(
        events
            .iter()
            .any(|event| event.device_id.as_str() == "BRANCH-9")
    );
}

#[tokio::test]
async fn an_address_that_others_reach_demands_a_token() {
    let dir = tempfile::tempdir().unwrap();
    let log = LogUrl::local(dir.path().join("log"));
    let writer = Arc::new(Writer::open(&log, WriterOptions::default()).await.unwrap());
    let address: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let config = config(dir.path());
    let refused = Gateway::new(config.clone(), address, Arc::clone(&writer))
        .err()
        .unwrap();
    assert!(matches!(refused, Error::Open { .. }), "{refused}");
    assert!(refused.to_string().contains("token add"), "{refused}");
    token(&config, "one", &[]);
    assert!(Gateway::new(config, address, writer).is_ok());
}

#[tokio::test]
async fn a_page_in_a_browser_cannot_use_an_open_gateway() {
    let gateway = Running::start().await;
    let response = reqwest::Client::new()
        .post(gateway.at("/ingest/v1/events"))
        .header("origin", "http://evil.example")
        .body(line("YR-1", 1))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn the_last_token_that_is_taken_away_opens_no_door() {
    let mut one = String::new();
    let gateway = Running::start_with(|config| one = token(config, "one", &[])).await;
    assert_eq!(status(&gateway, Some(&one), line("YR-1", 1)).await, 200);
    let path = gateway.path("tokens.json");
    TokenFile::update(&path, |file| Ok(file.revoke("one"))).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while status(&gateway, Some(&one), line("YR-1", 1)).await != 401 {
        assert!(Instant::now() < deadline, "still taken");
    }
    assert_eq!(status(&gateway, None, line("YR-1", 1)).await, 401);
    std::fs::remove_file(&path).unwrap();
    let looked = Instant::now() + Duration::from_secs(1);
    while Instant::now() < looked {
        assert_eq!(status(&gateway, None, line("YR-1", 1)).await, 401);
    }
}

#[tokio::test]
async fn an_open_gateway_closes_with_the_first_token_for_good() {
    let gateway = Running::start().await;
    assert_eq!(status(&gateway, None, line("YR-1", 1)).await, 200);
    token(&config(gateway.dir.path()), "one", &[]);
    let deadline = Instant::now() + Duration::from_secs(5);
    while status(&gateway, None, line("YR-1", 1)).await != 401 {
        assert!(Instant::now() < deadline, "still open");
    }
    std::fs::remove_file(gateway.path("tokens.json")).unwrap();
    let looked = Instant::now() + Duration::from_secs(1);
    while Instant::now() < looked {
        assert_eq!(status(&gateway, None, line("YR-1", 1)).await, 401);
    }
}

#[test]
fn a_name_that_is_a_path_holds_no_token() {
    let mut file = TokenFile::default();
    let now = "2024-09-01T00:00:00Z".parse().unwrap();
    for name in ["..", ".", "", "a/b"] {
        let scopes = patchlens_gateway::Scope::COLLECTING;
        assert!(file.add(name, scopes, &[], now).is_err(), "{name:?}");
    }
}
