//! `POST /ingest/v1/bundles`.

use std::io::Write as _;

use futures::StreamExt as _;
use patchlens_gateway::{Error, Gateway, Upload, UploadState};

use crate::support::{Running, config, connect, json, token, uploads};

const CBS: &str = "2024-08-20 10:02:41, Info                  CBS    Exec: Processing started.  Client: WindowsUpdateAgent\r\n\
2024-08-20 10:02:42, Error                 CBS    Failed to install [HRESULT = 0x800f0823 - CBS_E_NEW_SERVICING_STACK_REQUIRED]\r\n";

async fn send(gateway: &Running, query: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
    reqwest::Client::new()
        .post(gateway.at(&format!("/ingest/v1/bundles{query}")))
        .body(body)
        .send()
        .await
        .unwrap()
}

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    // Stored, without compression: enough of a zip to be read, and no crate for it.
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, text) in files {
        let mut crc = flate2::Crc::new();
        crc.update(text.as_bytes());
        let (size, offset) = (
            u32::try_from(text.len()).unwrap(),
            u32::try_from(out.len()).unwrap(),
        );
        let mut common = Vec::new();
        common.extend([20, 0, 0, 8, 0, 0, 0, 0, 0, 0]);
        common.extend(crc.sum().to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend([0, 0]);
        out.write_all(b"PK\x03\x04").unwrap();
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(text.as_bytes());
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = u32::try_from(out.len()).unwrap();
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count);
    out.extend(count);
    out.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

#[tokio::test]
async fn a_bundle_and_a_single_log_are_read_like_any_other() {
    let gateway = Running::start().await;
    let bundle = zip(&[("Windows/Logs/CBS/CBS.log", CBS), ("notes.txt", "hello")]);
    for _ in 0..2 {
        let response = send(&gateway, "?name=yr-0042.zip&upload_id=mine", bundle.clone()).await;
        assert_eq!(response.status(), 200);
        let upload: Upload = serde_json::from_value(json(response).await).unwrap();
        assert_eq!(upload.state, UploadState::Done);
        assert_eq!(upload.devices, ["YR-0042"]);
        assert_eq!(
            (upload.records, upload.sent + upload.counted),
            (2, 2),
            "{upload:?}"
        );
        assert_eq!(upload.unrecognised.len(), 1, "{upload:?}");
        let asked = reqwest::get(gateway.at("/ingest/v1/bundles/mine"))
            .await
            .unwrap();
        assert_eq!(
            serde_json::from_value::<Upload>(json(asked).await).unwrap(),
            upload
        );
    }
    let response = send(&gateway, "?name=CBS.log&device=yr-7", CBS).await;
    let upload: Upload = serde_json::from_value(json(response).await).unwrap();
    assert_eq!(upload.devices, ["YR-7"]);
    // Nothing names it: the collector does.
    let response = send(&gateway, "?name=CBS.log", CBS).await;
    let upload: Upload = serde_json::from_value(json(response).await).unwrap();
    assert_eq!(upload.devices, ["LOCAL"]);
    assert_eq!(uploads(&gateway), 0);
    let (events, _) = gateway.finish().await;
    let failed = events
        .iter()
        .filter(|event| event.message.contains("0x800f0823"));
    let ids: std::collections::BTreeSet<_> = failed.clone().map(|event| &event.event_id).collect();
    assert_eq!(
        (failed.count(), ids.len()),
        (4, 3),
        "the same bundle twice is the same events"
    );
}

#[tokio::test]
async fn an_upload_is_seen_while_it_runs_and_fails_when_it_breaks_off() {
    let gateway = Running::start().await;
    let (pieces, body) = futures::channel::mpsc::unbounded::<Result<Vec<u8>, std::io::Error>>();
    pieces.unbounded_send(Ok(CBS.as_bytes().to_vec())).unwrap();
    let url = gateway.at("/ingest/v1/bundles?upload_id=slow&name=CBS.log");
    let sending = tokio::spawn(async move {
        let body = reqwest::Body::wrap_stream(body.boxed());
        reqwest::Client::new().post(url).body(body).send().await
    });
    let seen = loop {
        let response = reqwest::get(gateway.at("/ingest/v1/bundles/slow"))
            .await
            .unwrap();
        if response.status() == 200 {
            let upload: Upload = serde_json::from_value(json(response).await).unwrap();
            if upload.received_bytes > 0 {
                break upload;
            }
        }
    };
    assert_eq!(seen.state, UploadState::Receiving);
    assert_eq!(seen.received_bytes, CBS.len() as u64);
    let twice = send(&gateway, "?upload_id=slow", CBS).await;
    assert_eq!(twice.status(), 409);
    pieces
        .unbounded_send(Err(std::io::Error::other("gone")))
        .unwrap();
    assert!(sending.await.unwrap().is_err());
    loop {
        let response = reqwest::get(gateway.at("/ingest/v1/bundles/slow"))
            .await
            .unwrap();
        let upload: Upload = serde_json::from_value(json(response).await).unwrap();
        if upload.state == UploadState::Failed {
            break;
        }
    }
    let (events, _) = gateway.finish().await;
    assert!(events.is_empty());
}

#[tokio::test]
async fn what_may_not_be_is_refused() {
    let mut branch = String::new();
    let gateway =
        Running::start_with(|config| branch = token(config, "branch", &["BRANCH-1"])).await;
    let post = async |query: &str, body: Vec<u8>| {
        let response = reqwest::Client::new()
            .post(gateway.at(&format!("/ingest/v1/bundles{query}")))
            .bearer_auth(&branch)
            .body(body)
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), json(response).await)
    };
    let (status, answer) = post("?device=BRANCH-2", CBS.into()).await;
    assert_eq!(status, 403, "{answer}");
    assert_eq!(post("?device=BRANCH-1", CBS.into()).await.0, 200);
    assert_eq!(post("", vec![0; (4 << 20) + 1]).await.0, 413);
    assert_eq!(post("", Vec::new()).await.0, 400);
    // The name never leaves its directory.
    assert_eq!(
        post("?device=BRANCH-1&name=..%2F..%2Fevil.log", CBS.into())
            .await
            .0,
        200
    );
    assert_eq!(post("?device=BRANCH-1&name=..", CBS.into()).await.0, 400);
    assert!(!gateway.path("evil.log").exists());
    assert_eq!(uploads(&gateway), 0);
    let (events, _) = gateway.finish().await;
    assert!(
        events
            .iter()
            .all(|event| event.device_id.as_str() == "BRANCH-1")
    );
}

#[tokio::test]
async fn what_is_refused_in_a_bundle_is_named_in_the_answer() {
    let gateway = Running::start().await;
    let bundle = zip(&[("CBS.log", CBS), ("../evil.log", CBS)]);
    let response = send(&gateway, "?name=yr-7.zip", bundle).await;
    let upload: Upload = serde_json::from_value(json(response).await).unwrap();
    assert_eq!((upload.records, upload.rejected), (2, 1));
    assert!(
        matches!(upload.refused.as_slice(), [why] if why.contains("`..`")),
        "{:?}",
        upload.refused
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_keeps_its_turn_until_its_reader_has_ended() {
    use tokio::io::AsyncWriteExt as _;
    let gateway = Running::start_with(|config| {
        config.bundles_max = 1;
        config.bundle_bytes_max = 64 << 20;
        config.upload_bytes_max = 256 << 20;
    })
    .await;
    let log = CBS.repeat(60_000);
    for round in 0..4 {
        let head = format!(
            "POST /ingest/v1/bundles?name=CBS.log&upload_id=u{round} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            log.len()
        );
        let mut stream = connect(&gateway).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        // An answer that comes before the body ends the connection.
        stream.write_all(log.as_bytes()).await.ok();
        loop {
            let path = format!("/ingest/v1/bundles/u{round}");
            let asked = reqwest::get(gateway.at(&path)).await.unwrap();
            if asked.status() == 404 {
                break;
            }
            let upload: Upload = serde_json::from_value(json(asked).await).unwrap();
            if upload.state != UploadState::Receiving {
                break;
            }
        }
        // Gone, while its log is being read.
        drop(stream);
        assert!(uploads(&gateway) <= 1, "readers beyond `bundles_max`");
    }
    let last = loop {
        let response = send(&gateway, "?name=CBS.log&device=YR-9", CBS).await;
        if response.status() != 503 {
            break response;
        }
        assert!(uploads(&gateway) <= 1, "readers beyond `bundles_max`");
    };
    assert_eq!(last.status(), 200);
    assert_eq!(uploads(&gateway), 0);
}

#[tokio::test]
async fn uploads_have_one_gateway_only() {
    let gateway = Running::start().await;
    let writer = patchlens_log::Writer::open(&gateway.log, patchlens_log::WriterOptions::default());
    let writer = std::sync::Arc::new(writer.await.unwrap());
    let kept = gateway.path("uploads").join("upload-under-way");
    std::fs::create_dir(&kept).unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let second = Gateway::new(config(gateway.dir.path()), address, writer);
    let refused = second.err().unwrap();
    assert!(matches!(refused, Error::Uploads { .. }), "{refused}");
    assert!(kept.exists(), "an upload of the first gateway is gone");
}

#[tokio::test]
async fn a_name_is_as_long_as_a_file_system_takes() {
    let gateway = Running::start().await;
    for (chars, expected) in [(60, 200), (70, 400), (90, 400)] {
        let name = "日".repeat(chars);
        let response = send(&gateway, &format!("?name={name}.log"), CBS).await;
        assert_eq!(response.status(), expected, "{chars}");
    }
    // Another parameter is refused in the form of all refusals.
    let response = send(&gateway, "?nmae=CBS.log", CBS).await;
    assert_eq!(response.status(), 400);
    let detail = json(response).await["error"]["detail"].to_string();
    assert!(
        detail.contains("nmae") && detail.contains("upload_id"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_bundle_of_several_devices_is_told_apart_as_on_disk() {
    let gateway = Running::start().await;
    let other = CBS.replace("10:02", "11:02");
    let third = CBS.replace("10:02", "12:02");
    let bundle = zip(&[
        ("PC01_CBS.log", CBS),
        ("PC02_CBS.log", &other),
        (
            "systeminfo of PC02.txt",
            "Host Name:                 PC02\r\nOS Name:                   Microsoft Windows 10 Pro\r\nOS Version:                10.0.19045 N/A Build 19045\r\n",
        ),
        ("CBS.log", &third),
    ]);
    let response = send(&gateway, "?name=fleet.zip", bundle).await;
    assert_eq!(response.status(), 200);
    let answer = json(response).await;
    assert_eq!(
        answer["devices"],
        serde_json::json!(["PC01", "PC02"]),
        "{answer}"
    );
    assert_eq!(answer["rejected"], 1, "{answer}");
    let refused = answer["refused"][0].as_str().unwrap();
    assert!(
        refused.starts_with("CBS.log (files of several computers"),
        "{answer}"
    );
    let (events, rejects) = gateway.finish().await;
    assert_eq!(rejects[0].reason.as_str(), "unassigned");
    assert!(
        events
            .iter()
            .all(|event| ["PC01", "PC02"].contains(&event.device_id.as_str()))
    );
}
