//! The reports that pages offer for download.

use axum::http::{StatusCode, header};

use super::{get, json, page, seeded};

#[tokio::test]
async fn every_cluster_has_its_case_report_in_both_languages() {
    let Some((app, _store)) = seeded().await else {
        return;
    };
    let clusters = json(&app, "/api/v1/clusters?open=all").await;
    let keys = clusters["clusters"].as_array().unwrap().iter();
    let mut at_risk = 0;
    for key in keys.map(|row| row["cluster_key"].as_str().unwrap()) {
        let key = key.replace(':', "%3A");
        let html = page(&app, &format!("/clusters/{key}")).await;
        for (form, kind, heading) in [
            ("md", "text/markdown", "## "),
            ("html", "text/html", "<h2>"),
        ] {
            let address = format!("/clusters/{key}/report.{form}");
            assert!(html.contains(&format!("href=\"{address}\"")), "{html}");
            for (accept, problem) in [("en", "Problem"), ("zh-CN", "问题")] {
                let report = get(&app, &address, &[("accept-language", accept)]).await;
                assert_eq!(report.status, StatusCode::OK, "{address}: {}", report.body);
                let header = |name| report.headers[name].to_str().unwrap();
                assert!(header(header::CONTENT_TYPE).starts_with(kind));
                assert!(
                    header(header::CONTENT_DISPOSITION).starts_with("attachment;"),
                    "a report is kept, not opened under this address"
                );
                let expected = format!("{heading}{problem}");
                assert!(report.body.contains(&expected), "{accept}\n{}", report.body);
            }
        }
        let detail = json(&app, &format!("/api/v1/clusters/{key}")).await;
        at_risk += detail["at_risk"].as_u64().unwrap();
    }
    assert!(at_risk > 0, "a report counts the devices at risk");
    let missing = get(&app, "/clusters/none/report.md", &[]).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn rollouts_and_devices_have_their_reports_in_both_languages() {
    let Some((app, _store)) = seeded().await else {
        return;
    };
    let failing = json(&app, "/api/v1/devices?state=failed&limit=1").await;
    let device = failing[0]["device_id"].as_str().unwrap().to_owned();
    for place in [
        format!("/devices/{device}"),
        "/rollouts/2024-08-b".to_owned(),
    ] {
        let html = page(&app, &place).await;
        for (form, kind) in [("md", "text/markdown"), ("html", "text/html")] {
            let address = format!("{place}/report.{form}");
            assert!(html.contains(&format!("href=\"{address}\"")), "{html}");
            let mut bodies = Vec::new();
            for accept in ["en", "zh-CN"] {
                let report = get(&app, &address, &[("accept-language", accept)]).await;
                assert_eq!(report.status, StatusCode::OK, "{address}: {}", report.body);
                let header = |name| report.headers[name].to_str().unwrap();
                assert!(header(header::CONTENT_TYPE).starts_with(kind));
                assert!(header(header::CONTENT_DISPOSITION).starts_with("attachment;"));
                bodies.push(report.body);
            }
            assert_ne!(bodies[0], bodies[1], "{address}");
        }
    }
    for missing in ["/devices/none/report.md", "/rollouts/none/report.html"] {
        let missing = get(&app, missing, &[]).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
    }
}
