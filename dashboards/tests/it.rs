//! The web application over a real embedded store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod api;
mod chinese;
mod lists;
mod reports;
mod seed;
mod trouble;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use patchlens_dashboards::{DashboardConfig, Uploads, router};
use patchlens_queries::{Store, StoreConfig, testing};
use serde_json::Value;
use tower::ServiceExt;

const PAGES: [&str; 11] = [
    "/",
    "/clusters",
    "/clusters?open=all&site=Chengdu&ring=Broad&cause=disk-space",
    "/devices",
    "/codes?all=1",
    "/alerts?state=Active",
    "/pipeline",
    "/sql",
    "/devices?state=failed&q=pc",
    "/rollouts/2024-07-b",
    "/rollouts/2024-08-b?ring=Pilot&site=Chengdu&by=site",
];

struct Answer {
    status: StatusCode,
    headers: header::HeaderMap,
    body: String,
}

async fn get(app: &Router, address: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().uri(address).header("host", "127.0.0.1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

async fn page(app: &Router, address: &str) -> String {
    let answer = get(app, address, &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.body);
    answer.body
}

async fn json(app: &Router, address: &str) -> Value {
    serde_json::from_str(&page(app, address).await).unwrap()
}

fn over(store: &Store) -> Router {
    router(
        store.clone(),
        DashboardConfig::default(),
        Uploads::NoEventLog,
    )
}

/// The application over the rollout of 110 devices; `None` without libchdb.
async fn seeded() -> Option<(Router, Store)> {
    let store = testing::fresh_store().await?;
    seed::fill(&store, seed::ROLLOUT).await.unwrap();
    Some((over(&store), store))
}

#[tokio::test]
async fn the_rollout_page_says_how_far_what_blocks_and_what_to_do_first() {
    let Some((app, _store)) = seeded().await else {
        return;
    };
    let html = page(&app, "/").await;
    for text in [
        "KB5041580 is on 62 of 106 devices (58%); 24 fail.",
        "The largest cause holds back 10 of the 24 failing devices: Component store damaged (dot3gpui.dll). 8 devices are silent. 5 only need a restart.",
        "Copy dot3gpui.dll from a healthy device with the same build.",
        "110 devices planned",
        "深圳南山支行",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
    let s = &json(&app, "/api/v1/rollouts/2024-08-b").await["summary"];
    let n = |name: &str| s[name].as_u64().unwrap();
    assert_eq!(n("planned"), n("excluded") + n("eligible"));
    assert_eq!(n("eligible"), n("reporting") + n("stale") + n("never_seen"));
    assert_eq!(
        n("reporting"),
        n("installed") + n("pending_restart") + n("in_progress") + n("failed") + n("not_started")
    );
    assert_eq!(
        [n("planned"), n("stale"), n("never_seen"), n("excluded")],
        [110, 5, 3, 4]
    );
}

#[tokio::test]
async fn the_page_adds_up_to_what_the_view_says() {
    let Some((app, store)) = seeded().await else {
        return;
    };
    let sql = "SELECT sum(planned) AS planned, sum(eligible) AS eligible, sum(reporting) AS reporting, sum(latest) AS latest, \
               sum(missing_one) AS missing_one, sum(missing_multiple) AS missing_multiple, sum(installed) AS installed, \
               sum(failed) AS failed, sum(not_started) AS not_started FROM rollout_progress WHERE rollout_id = '2024-08-b'";
    let view: Vec<Value> = store.query_json("read the view", sql, &[]).await.unwrap();
    let page = json(&app, "/api/v1/rollouts/2024-08-b").await;
    for (name, count) in view[0].as_object().unwrap() {
        assert_eq!(&page["summary"][name], count, "{name}");
    }
    for by in ["rings", "sites"] {
        let eligible: u64 = page[by]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["eligible"].as_u64().unwrap())
            .sum();
        assert_eq!(eligible, 106, "{by}");
    }
    let last = page["progress"]
        .as_array()
        .unwrap()
        .iter()
        .rfind(|point| point["ring"] == "" && point["site"] == "")
        .unwrap();
    assert_eq!(
        (&last["installed"], &last["eligible"]),
        (&Value::from(62), &Value::from(106))
    );
    let freed: u64 = page["first"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["devices"].as_u64().unwrap())
        .sum();
    assert_eq!(freed, 24, "no device is freed twice, none is forgotten");
}

#[tokio::test]
async fn every_page_answers_in_both_languages() {
    let Some((app, _store)) = seeded().await else {
        return;
    };
    let clusters = json(&app, "/api/v1/clusters").await;
    let cluster = format!(
        "/clusters/{}",
        clusters["clusters"][0]["cluster_key"]
            .as_str()
            .unwrap()
            .replace(':', "%3A")
    );
    let pages = PAGES
        .into_iter()
        .chain([cluster.as_str(), "/devices/BJ-PC-070"]);
    for address in pages {
        for (accept, lang, nav) in [
            ("en-GB,en", "lang=\"en\"", "Error codes"),
            ("zh-CN,zh;q=0.9,en;q=0.1", "lang=\"zh-Hans\"", "错误代码"),
        ] {
            let answer = get(&app, address, &[("accept-language", accept)]).await;
            assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.body);
            assert!(
                answer.body.contains(lang) && answer.body.contains(nav),
                "{address} {accept}"
            );
            assert!(
                !answer.body.contains("<style")
                    && !answer.body.contains(" style=")
                    && !answer.body.contains("<script>"),
                "{address}"
            );
            // A link that a reader may follow loads nothing.
            let loaded = answer
                .body
                .replace("<a class=\"small\" href=\"https://", "");
            assert!(
                !loaded.contains("http://") && !loaded.contains("https://"),
                "{address} names another address"
            );
            let policy = answer.headers[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap();
            assert!(
                policy.contains("default-src 'none'") && !policy.contains("unsafe"),
                "{policy}"
            );
        }
    }
}

#[tokio::test]
async fn a_chosen_language_is_kept() {
    let Some((app, _store)) = seeded().await else {
        return;
    };
    let answer = get(
        &app,
        "/clusters?lang=zh&theme=dark",
        &[("accept-language", "en")],
    )
    .await;
    let cookies: Vec<&str> = answer
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    assert!(
        cookies
            .iter()
            .any(|cookie| cookie.starts_with("patchlens_lang=zh;")),
        "{cookies:?}"
    );
    assert!(answer.body.contains("data-theme=\"dark\""));
    let later = get(
        &app,
        "/clusters",
        &[("cookie", "patchlens_lang=zh"), ("accept-language", "en")],
    )
    .await;
    assert!(later.body.contains("故障簇") && later.headers.get(header::SET_COOKIE).is_none());
}

#[tokio::test]
async fn a_cluster_shows_evidence_factors_remedy_and_exports_its_devices() {
    let Some((app, _store)) = seeded().await else {
        return;
    };
    let clusters = json(&app, "/api/v1/clusters").await;
    let blocked = clusters["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["cause"] == "third-party-access-block")
        .unwrap();
    let address = format!(
        "/clusters/{}",
        blocked["cluster_key"].as_str().unwrap().replace(':', "%3A")
    );
    let html = page(&app, &address).await;
    for text in [
        "4 devices fail: Access blocked by another product, WpdMtp.dll.",
        "procmon/Logfile.CSV:1059 @ 89120",
        "ACCESS DENIED",
        "Take the device out of the policy that protects WpdMtp.dll.",
        "Vendor HCI Client",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
    assert!(html.contains("data-copyable"), "the steps can be copied");
    let csv = get(&app, &format!("{address}/devices.csv"), &[]).await;
    assert!(
        csv.headers[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("text/csv")
    );
    assert_eq!(csv.body.lines().count(), 5, "{}", csv.body);
}

#[tokio::test]
async fn a_ring_or_site_narrows_the_rollout_page() {
    let Some((app, _store)) = seeded().await else {
        return;
    };
    let all = json(&app, "/api/v1/rollouts/2024-08-b").await;
    let mut planned = 0;
    for ring in ["Pilot", "First", "Broad"] {
        let narrowed = json(&app, &format!("/api/v1/rollouts/2024-08-b?ring={ring}")).await;
        planned += narrowed["summary"]["planned"].as_u64().unwrap();
        let rings = narrowed["rings"].as_array().unwrap();
        assert!(rings.len() == 1 && rings[0]["name"] == ring, "{rings:?}");
    }
    assert_eq!(planned, all["summary"]["planned"].as_u64().unwrap());
    let html = page(&app, "/rollouts/2024-08-b?ring=Pilot").await;
    assert!(
        html.contains("<option value=\"Pilot\" selected>")
            && html.contains("/devices?rollout=2024-08-b&#38;ring=Pilot&#38;state=failed"),
        "{html}"
    );
}

#[tokio::test]
async fn the_codes_page_explains_a_code_whether_the_fleet_logged_it_or_not() {
    let Some((app, _)) = seeded().await else {
        return;
    };
    let html = page(&app, "/codes?lang=en").await;
    for text in [
        "The data is invalid.",
        "href=\"https://learn.microsoft.com/windows/win32/debug/",
        "Only says that something underneath failed",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
    assert!(
        !html.contains("WU_E_NO_SERVICE"),
        "nobody logged it and nobody asked for it"
    );
    assert!(page(&app, "/codes?lang=zh").await.contains("数据无效。"));
    for search in [
        "0x80240001",
        "-2145124351",
        "no_serv",
        "%E6%8F%90%E4%BE%9B%E6%9C%8D%E5%8A%A1",
        "offer+its",
    ] {
        let found = json(&app, &format!("/api/v1/codes?q={search}")).await;
        let found = found.as_array().unwrap();
        assert_eq!(found.len(), 1, "{search}: {found:?}");
        assert_eq!(found[0]["error_code"], 0x8024_0001_u32);
        assert_eq!(found[0]["devices"], 0);
    }
    let logged = json(&app, "/api/v1/codes?q=invalid_data").await;
    assert_eq!(logged[0]["error_code"], 0x8007_000d_u32);
    assert!(
        logged[0]["failed_devices"].as_u64().unwrap() > 0,
        "{logged}"
    );
}

#[tokio::test]
async fn an_alert_says_why_and_leads_to_what_it_is_about() {
    let Some((_, store)) = seeded().await else {
        return;
    };
    seed::fill(&store, seed::ALERTS).await.unwrap();
    let app = over(&store);
    let html = page(&app, "/alerts?state=Active").await;
    for text in [
        "1 alert is active.",
        "/alerts/a1",
        "href=\"/codes?q=0x8007000d\"",
        "not told yet",
    ] {
        assert!(
            html.to_lowercase().contains(&text.to_lowercase()),
            "{text}\n{html}"
        );
    }
    assert!(
        !html.contains("/alerts/a2"),
        "the resolved one is filtered out"
    );
    let one = page(&app, "/alerts/a1").await;
    for text in [
        "10 devices where 1.5 were to be expected",
        "&#60;script&#62;alert",
        "/devices/BJ-PC-070",
    ] {
        assert!(one.contains(text), "{text}\n{one}");
    }
    // What is over is not told as if it were the case.
    assert!(!one.contains("This is over."), "{one}");
    for address in ["/alerts/a2", "/alerts"] {
        let over = page(&app, address).await;
        assert!(
            over.contains("This is over. The text says what was the case at"),
            "{address}\n{over}"
        );
    }
    assert!(page(&app, "/").await.contains("1 alert is active"));
    assert_eq!(
        json(&app, "/api/v1/alerts").await.as_array().unwrap().len(),
        2
    );
}

#[tokio::test]
async fn what_was_logged_is_never_markup() {
    let Some((_, store)) = seeded().await else {
        return;
    };
    seed::fill(&store, seed::HOSTILE).await.unwrap();
    let app = over(&store);
    let mut pages: Vec<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
    pages.push("/devices/EVIL%3Cb%3E".to_owned());
    for cluster in json(&app, "/api/v1/clusters").await["clusters"]
        .as_array()
        .unwrap()
    {
        let key = cluster["cluster_key"]
            .as_str()
            .unwrap()
            .replace([':', '<', '>', '"', ' '], "?");
        if !key.contains('?') {
            pages.push(format!("/clusters/{key}"));
        }
    }
    pages.push("/sql?q=SELECT+device_name+FROM+device".to_owned());
    pages.push("/devices?q=%3Cscript%3Ealert(1)%3C/script%3E&site=%22%20onload%3D1".to_owned());
    for address in &pages {
        let html = page(&app, address).await;
        for markup in [
            "<script>alert",
            "<img src=x",
            "<b>bold",
            "\" onload=",
            "<svg onload",
            "<svg/onload",
        ] {
            assert!(!html.contains(markup), "{address} holds {markup}");
        }
        // Names of 10,000 characters are cut where they are shown; attributes may hold them whole.
        assert!(html.len() < 600_000, "{address}: {} bytes", html.len());
    }
    let device = page(&app, "/devices/EVIL%3Cb%3E").await;
    assert!(
        device.contains("&lt;script&gt;alert") || device.contains("&#60;script&#62;alert"),
        "the text itself is shown"
    );
}

#[tokio::test]
async fn a_device_that_never_reported_has_a_page_that_says_what_to_do() {
    let Some((app, _store)) = seeded().await else {
        return;
    };
    let listed = json(&app, "/api/v1/devices?state=never_seen").await;
    let row = &listed[0];
    let id = row["device_id"].as_str().unwrap();
    let list = page(&app, "/devices?state=never_seen").await;
    assert!(list.contains(&format!("href=\"/devices/{id}\"")), "{list}");
    let html = page(&app, &format!("/devices/{id}")).await;
    for expected in [
        "has never reported",
        "href=\"/rollouts/2024-08-b\"",
        row["site"].as_str().unwrap(),
        row["ring"].as_str().unwrap(),
        "href=\"/upload\"",
    ] {
        assert!(html.contains(expected), "{expected} is not in {html}");
    }
    assert!(!html.contains("report.md"), "there is nothing to report");
    let detail = json(&app, &format!("/api/v1/devices/{id}")).await;
    assert!(detail["device"]["last_seen_at"].is_null());
    assert_eq!(detail["rollouts"][0]["state"], "never_seen");
    let nobody = get(&app, "/devices/NOBODY-PLANNED-ME", &[]).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}
