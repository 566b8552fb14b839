//! What Elasticsearch outputs speak.

use std::collections::BTreeSet;

use serde_json::{Value, json as value};

use crate::support::{Running, json};

/// Documents as Winlogbeat 8 writes them.
fn document(computer: &str, code: &str) -> Value {
    value!({
        "@timestamp": "2024-08-20T02:11:07.123Z",
        "message": "Installation Failure",
        "event": {"code": "20", "provider": "Microsoft-Windows-WindowsUpdateClient", "kind": "event"},
        "log": {"level": "error"},
        "host": {"name": computer},
        "winlog": {
            "provider_name": "Microsoft-Windows-WindowsUpdateClient", "channel": "System", "record_id": 4711,
            "event_id": "20", "computer_name": format!("{computer}.corp.example"),
            "event_data": {"errorCode": code, "updateTitle": "KB5041580"}
        }
    })
}

#[tokio::test]
async fn a_bulk_request_is_answered_item_by_item() {
    let gateway = Running::start().await;
    let body = format!(
        "{}\n{}\n{}\n{}\n{}\nnot json\n{}\n{}\n",
        value!({"create": {"_index": "winlogbeat-8"}}),
        document("yr-1", "0x80070005"),
        value!({"index": {"_index": "winlogbeat-8"}}),
        document("yr-2", "0x800f0823"),
        value!({"create": {}}),
        value!({"create": {}}),
        value!({"message": "no event"}),
    );
    for _ in 0..2 {
        let response = reqwest::Client::new()
            .post(gateway.at(
                "/ingest/v1/winlogbeat/_bulk?filter_path=errors%2Citems.*.error%2Citems.*.status",
            ))
            .header("content-type", "application/json; charset=UTF-8")
            .body(body.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let answer = json(response).await;
        assert_eq!(answer["errors"], true);
        let statuses: Vec<u64> = answer["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| {
                item.as_object().unwrap().values().next().unwrap()["status"]
                    .as_u64()
                    .unwrap()
            })
            .collect();
        assert_eq!(statuses, [201, 201, 400, 400], "{answer}");
        assert!(answer["items"][1].get("index").is_some(), "{answer}");
    }
    let (events, rejects) = gateway.finish().await;
    let devices: BTreeSet<&str> = events
        .iter()
        .map(|event| event.device_id.as_str())
        .collect();
    assert_eq!(devices, BTreeSet::from(["YR-1", "YR-2"]));
    let ids: BTreeSet<_> = events.iter().map(|event| &event.event_id).collect();
    assert_eq!(
        (events.len(), ids.len()),
        (4, 2),
        "sent twice, the same events"
    );
    let ids: BTreeSet<_> = rejects.iter().map(|reject| &reject.reject_id).collect();
    assert_eq!((rejects.len(), ids.len()), (4, 2));
    assert!(
        events[0]
            .codes
            .iter()
            .any(|code| code.to_string() == "0x80070005")
    );
}

#[tokio::test]
async fn plain_documents_are_taken_as_lines_and_as_an_array() {
    let gateway = Running::start().await;
    let (one, two) = (
        document("yr-1", "0x80070005"),
        document("yr-2", "0x800f0823"),
    );
    for (body, events, rejected) in [
        (format!("{one}\n{two}\n"), 2, 0),
        (value!([one, two, {"a": 1}]).to_string(), 2, 1),
    ] {
        let response = reqwest::Client::new()
            .post(gateway.at("/ingest/v1/winlogbeat"))
            .body(body)
            .send()
            .await
            .unwrap();
        let answer = json(response).await;
        assert_eq!(
            (&answer["events"], &answer["rejected"]),
            (&events.into(), &rejected.into()),
            "{answer}"
        );
    }
    let (events, rejects) = gateway.finish().await;
    let ids: BTreeSet<_> = events.iter().map(|event| &event.event_id).collect();
    assert_eq!((events.len(), ids.len(), rejects.len()), (4, 2, 1));
}

#[tokio::test]
async fn the_questions_before_the_first_document_are_answered() {
    let gateway = Running::start().await;
    let http = reqwest::Client::new();
    let base = gateway.at("/ingest/v1/winlogbeat");
    for path in ["", "/"] {
        let response = http
            .get(format!("{base}{path}"))
            .header("user-agent", "Elastic-Winlogbeat/8.17.1 (windows; amd64)")
            .send()
            .await
            .unwrap();
        assert_eq!(response.headers()["x-elastic-product"], "Elasticsearch");
        assert_eq!(json(response).await["version"]["number"], "8.17.1");
        let head = http.head(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(head.status(), 200);
    }
    let license = http
        .get(format!("{base}/_license?human=false"))
        .send()
        .await
        .unwrap();
    let license = json(license).await;
    assert_eq!(license["license"]["status"], "active");
    let features = http.get(format!("{base}/_xpack")).send().await.unwrap();
    assert_eq!(json(features).await["features"]["ilm"]["enabled"], true);
    for path in [
        "/_cluster/health",
        "/_cat/health",
        "/_index_template/winlogbeat-8.17.1",
        "/_ilm/policy/winlogbeat",
    ] {
        let response = http.get(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
    }
    let put = http
        .put(format!("{base}/_index_template/winlogbeat"))
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), 200);
}

#[tokio::test]
async fn a_record_is_the_same_in_whatever_form_it_comes_again() {
    let gateway = Running::start().await;
    let first = document("yr-1", "0x80070005").to_string();
    // Beats write members in another order each time.
    let data = r#""event_data":{"errorCode":"0x80070005","updateTitle":"KB5041580"}"#;
    assert!(first.contains(data), "{first}");
    let turned = first.replace(
        data,
        r#""event_data":{"updateTitle":"KB5041580","errorCode":"0x80070005"}"#,
    );
    let untranslated = first.replace(r#""message":"Installation Failure","#, "");
    // As in the .evtx of the device: with more digits, and no message.
    let dumped = r##"{"Event":{"System":{"Provider":{"#attributes":{"Name":"Microsoft-Windows-WindowsUpdateClient"}},"EventID":20,"Level":2,"TimeCreated":{"#attributes":{"SystemTime":"2024-08-20T02:11:07.1234567Z"}},"EventRecordID":4711,"Channel":"System","Computer":"yr-1.corp.example"},"EventData":{"errorCode":"0x80070005"}}}"##;
    // Fluent Bit's own time is when it read the record.
    let fluent = r#"{"@timestamp":"2024-08-21T09:00:00Z","TimeCreated":"2024-08-20 10:11:07 +0800","EventID":20,"EventRecordID":4711,"Channel":"System","Computer":"yr-1.corp.example","ProviderName":"Microsoft-Windows-WindowsUpdateClient"}"#;
    let body = [&first, &turned, &untranslated, dumped, fluent].join("\n");
    let response = reqwest::Client::new()
        .post(gateway.at("/ingest/v1/winlogbeat"))
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(json(response).await["events"], 5);
    let (events, _) = gateway.finish().await;
    let ids: BTreeSet<_> = events.iter().map(|event| &event.event_id).collect();
    assert_eq!((events.len(), ids.len()), (5, 1), "{events:?}");
}

/// rsyslog's default, and the index API of everything else.
#[tokio::test]
async fn documents_are_taken_one_at_a_time_as_well() {
    let gateway = Running::start().await;
    let http = reqwest::Client::new();
    let base = gateway.at("/ingest/v1/winlogbeat");
    for (path, body, status) in [
        ("/winlogbeat/_doc", document("yr-1", "0x80070005"), 201),
        ("/winlogbeat/_create/7", document("yr-2", "0x80070005"), 201),
        ("/system/events", document("yr-3", "0x80070005"), 201),
        ("/winlogbeat/_doc", value!({"message": "no event"}), 400),
    ] {
        let sent = http.post(format!("{base}{path}")).body(body.to_string());
        let response = sent.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert!(json(response).await.is_object(), "{path}");
    }
    let (events, rejects) = gateway.finish().await;
    assert_eq!((events.len(), rejects.len()), (3, 1));
}

/// rsyslog takes JSON, and an empty answer, for a final word, whatever the status.
#[tokio::test]
async fn a_refused_request_is_answered_with_what_is_neither_json_nor_nothing() {
    let gateway = Running::start_with(|config| config.requests_per_second = 1).await;
    let http = reqwest::Client::new();
    let base = gateway.at("/ingest/v1/winlogbeat");
    let body = format!("{{\"index\":{{}}}}\n{}\n", document("yr-1", "0x80070005"));
    let mut seen = BTreeSet::new();
    for path in [
        "/_bulk",
        "/w/_bulk",
        "/w/_doc",
        "/_bulk",
        "/w/_search",
        "/nothing",
    ] {
        let sent = http.post(format!("{base}{path}")).body(body.clone());
        let response = sent.send().await.unwrap();
        let status = response.status().as_u16();
        // 400 is an answer to the document, not to the request.
        if status <= 400 {
            continue;
        }
        seen.insert(status);
        assert_eq!(
            response.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
        assert_eq!(
            status == 429,
            response.headers().contains_key("retry-after")
        );
        let said = response.text().await.unwrap();
        assert!(said.starts_with("refused, "), "{status} {path}: {said}");
    }
    assert_eq!(seen, BTreeSet::from([404, 429]));
}

#[tokio::test]
async fn what_a_collector_may_not_speak_for_is_never_kept_as_if_it_might() {
    use patchlens_event::RejectReason;
    let mut token = String::new();
    let gateway = Running::start_with(|config| {
        token = crate::support::token(config, "branch", &["BRANCH-*"]);
    })
    .await;
    let victim = document("victim", "0x80070005");
    let own = document("branch-1", "0x80070005");
    let newer = |device: &str| format!(r#"{{"v":2,"device_id":"{device}","new":"field"}}"#);
    let bulk = |document: &Value| format!("{{\"create\":{{}}}}\n{document}\n");
    for (path, body, status) in [
        ("/winlogbeat", victim.to_string(), 200),
        ("/winlogbeat/_bulk", bulk(&victim), 200),
        ("/winlogbeat/w/_doc", victim.to_string(), 400),
        // No record of an event log today; who knows about tomorrow.
        (
            "/winlogbeat",
            value!({"computer_name": "victim"}).to_string(),
            200,
        ),
        ("/events", newer("VICTIM"), 200),
        ("/events", newer("BRANCH-1"), 200),
        (
            "/winlogbeat",
            value!({"computer_name": "branch-1"}).to_string(),
            200,
        ),
        ("/winlogbeat", own.to_string(), 200),
    ] {
        let sent = reqwest::Client::new().post(gateway.at(&format!("/ingest/v1{path}")));
        let response = sent.bearer_auth(&token).body(body.clone()).send().await;
        assert_eq!(response.unwrap().status(), status, "{path} {body}");
    }
    let (events, rejects) = gateway.finish().await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(rejects.len(), 7);
    for reject in rejects {
        let is_own = reject.raw.contains("BRANCH-1") || reject.raw.contains("branch-1");
        let device = reject
            .device_id
            .as_ref()
            .map(patchlens_event::DeviceId::as_str);
        assert_eq!(device, is_own.then_some("BRANCH-1"), "{reject:?}");
        let is_refused = reject.reason == RejectReason::NotAllowed;
        assert_eq!(is_refused, !is_own, "{reject:?}");
    }
}

#[tokio::test]
async fn a_body_without_a_document_is_accounted_for() {
    let gateway = Running::start().await;
    for (body, rejected) in [
        ("[".repeat(900_000), 1),
        ("[]".to_owned(), 0),
        ("\n".to_owned(), 0),
    ] {
        let sent = reqwest::Client::new().post(gateway.at("/ingest/v1/winlogbeat"));
        let answer = json(sent.body(body).send().await.unwrap()).await;
        assert_eq!(answer["rejected"], rejected, "{answer}");
        assert_eq!(answer["lines"], rejected, "{answer}");
    }
    let (_, rejects) = gateway.finish().await;
    assert_eq!(rejects.len(), 1);
}

#[tokio::test]
async fn equal_documents_without_a_number_count_once_however_they_come() {
    let gateway = Running::start().await;
    let mut document = document("yr-1", "0x80070005");
    let winlog = document["winlog"].as_object_mut().unwrap();
    winlog.remove("record_id");
    let line = document.to_string();
    for body in [format!("{line}\n{line}\n"), line] {
        let request = reqwest::Client::new().post(gateway.at("/ingest/v1/winlogbeat"));
        let response = request.body(body).send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
    let (events, _) = gateway.finish().await;
    let ids: BTreeSet<String> = events
        .iter()
        .map(|event| event.event_id.to_string())
        .collect();
    assert_eq!((events.len(), ids.len()), (3, 1));
}
