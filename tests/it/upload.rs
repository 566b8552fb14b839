//! The upload page of the real program: a bundle goes in over HTTP, and its diagnosis comes out.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::Server;
use crate::support::{Patchlens, arg, engine, root, service, text};

impl Server {
    fn upload(&self, name: &str, bytes: &[u8], more: &str) -> (String, String) {
        let mut body = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"bundle\"; filename=\"{name}\"\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--cut--\r\n");
        let head = format!(
            "POST /upload\r\nContent-Type: multipart/form-data; boundary=cut\r\nAccept: application/json{more}"
        );
        self.ask(&head, &body)
    }

    /// Uploads and waits until it is over.
    fn followed(&self, name: &str, bytes: &[u8]) -> Value {
        let (head, body) = self.upload(name, bytes, "");
        assert!(head.starts_with("HTTP/1.1 202"), "{head}\n{body}");
        let mut status: Value = serde_json::from_str(&body).unwrap();
        let deadline = Instant::now() + Duration::from_mins(1);
        while status["is_over"] != true {
            assert!(Instant::now() < deadline, "{status}");
            std::thread::yield_now();
            let id = status["id"].as_str().unwrap().to_owned();
            status = serde_json::from_str(&self.get(&format!("/api/v1/uploads/{id}"))).unwrap();
        }
        status
    }
}

/// The bundles of a small simulated rollout.
fn bundles(dir: &Path) -> Vec<PathBuf> {
    let done = crate::support::bare(&[
        "simulate",
        "--out",
        arg(dir),
        "--devices",
        "12",
        "--seed",
        "4",
    ])
    .output()
    .unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    let mut bundles: Vec<PathBuf> = std::fs::read_dir(dir.join("bundles"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    bundles.sort();
    bundles
}

/// Holds an answer to its schema in the API's document.
fn assert_described(schema: &str, answer: &Value) {
    let document = std::fs::read_to_string(root().join("docs/openapi.json")).unwrap();
    let mut document: Value = serde_json::from_str(&document).unwrap();
    document["$ref"] = format!("#/components/schemas/{schema}").into();
    let validator = jsonschema::validator_for(&document).unwrap();
    let faults: Vec<String> = validator
        .iter_errors(answer)
        .map(|fault| fault.to_string())
        .collect();
    assert!(faults.is_empty(), "{faults:?}: {answer}");
}

#[test]
fn a_bundle_is_read_and_lands_on_its_device() {
    if !engine() {
        return;
    }
    let simulated = tempfile::tempdir().unwrap();
    let bundle = bundles(simulated.path()).remove(0);
    let device = bundle.file_stem().unwrap().to_str().unwrap().to_owned();
    let bytes = std::fs::read(&bundle).unwrap();
    let patchlens = Patchlens::new();
    let server = Server::start(&patchlens);

    let status = server.followed("../../x/hostile <name>.zip", &bytes);
    assert_eq!(status["state"], "done", "{status}");
    assert_eq!(
        status["receipt"]["devices"],
        serde_json::json!([device]),
        "{status}"
    );
    assert_eq!(status["name"], "hostile _name_.zip", "{status}");
    assert_described("Upload", &status);
    let page = server.get(status["location"].as_str().unwrap());
    assert!(
        page.contains(&device) && page.contains("hostile _name_.zip: "),
        "{page}"
    );

    // Handed in again it changes nothing, and is over all the same.
    let again = server.followed("again.zip", &bytes);
    assert_eq!(again["state"], "done", "{again}");
    let left: Vec<_> = std::fs::read_dir(patchlens.data_dir.path().join("uploads"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "bundles do not stay: {left:?}");
}

#[test]
fn bad_bundles_get_a_clear_answer() {
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new().with_settings("[dashboards]\nupload_mib_max = 1\n");
    let server = Server::start(&patchlens);

    let status = server.followed("notes.zip", b"PK\x03\x04 this is no archive");
    assert_eq!(
        status["receipt"]["devices"],
        serde_json::json!([]),
        "{status}"
    );
    assert!(
        !status["receipt"]["reasons"].as_array().unwrap().is_empty(),
        "{status}"
    );
    let page = server.get(status["location"].as_str().unwrap());
    assert!(
        page.contains("notes.zip holds nothing that could be read."),
        "{page}"
    );

    let status = server.followed("letter.docx", b"Dear all, the update fails.");
    let page = server.get(status["location"].as_str().unwrap());
    assert!(
        page.contains("letter.docx") && page.contains("Not recognised"),
        "{page}"
    );

    for (name, bytes, more, code, said) in [
        (
            "a.zip",
            vec![b'x'; 1_100_000],
            "",
            "HTTP/1.1 413",
            "too_large",
        ),
        ("a.zip", Vec::new(), "", "HTTP/1.1 400", "empty"),
        (
            "a.zip",
            vec![b'x'; 9],
            "\r\nSec-Fetch-Site: cross-site",
            "HTTP/1.1 403",
            "foreign",
        ),
        (
            "a.zip",
            vec![b'x'; 9],
            "\r\nOrigin: http://evil.example",
            "HTTP/1.1 403",
            "foreign",
        ),
    ] {
        let (head, body) = server.upload(name, &bytes, more);
        assert!(head.starts_with(code), "{said}: {head}\n{body}");
        assert!(
            body.contains(&format!("\"code\":\"{said}\"")),
            "{said}: {body}"
        );
    }
    let (head, _) = server.ask("POST /upload\r\nContent-Type: text/plain", b"x");
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    assert!(
        server
            .get("/upload/no-such")
            .contains("Nothing has this address")
    );
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tests read their own settings")]
fn a_browser_drops_a_bundle_and_one_without_javascript_sends_the_form() {
    let home = std::env::var("HOME").unwrap_or_default();
    let modules = std::env::var("PATCHLENS_NODE_MODULES")
        .unwrap_or_else(|_| format!("{home}/.cache/patchlens/browser/node_modules"));
    if !engine()
        || !service("chromium", Path::new("/usr/bin/chromium"))
        || !service(
            "playwright-core",
            &Path::new(&modules).join("playwright-core"),
        )
    {
        return;
    }
    let simulated = tempfile::tempdir().unwrap();
    let bundle = bundles(simulated.path()).remove(1);
    let device = bundle.file_stem().unwrap().to_str().unwrap().to_owned();
    let patchlens = Patchlens::new();
    let server = Server::start(&patchlens);
    let done = Command::new("node")
        .arg(root().join("tests/browser/upload.mjs"))
        .arg(format!("http://{}", server.address))
        .arg(&bundle)
        .arg(root().join("tests/output/browser/upload"))
        .env("PATCHLENS_NODE_MODULES", modules)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}{}",
        text(&done.stdout),
        text(&done.stderr)
    );
    let ways: Value = serde_json::from_slice(&done.stdout).unwrap();
    for way in ["dropped", "without_javascript"] {
        assert_eq!(ways[way]["path"], format!("/devices/{device}"), "{ways}");
        assert!(
            ways[way]["notice"]
                .as_str()
                .unwrap()
                .contains(&format!("{device}.zip: ")),
            "{ways}"
        );
    }
    assert_eq!(ways["dropped"]["problems"], serde_json::json!([]), "{ways}");
}
