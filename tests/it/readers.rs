//! Who may open the dashboards, and ask the embedded store: everybody on this machine, and from elsewhere who has a
//! token, or the analysts' password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::server::Server;
use crate::support::{Patchlens, engine, text, wait_for};

fn status(server: &Server, head: &str) -> String {
    let (answer, _) = server.ask(head, b"");
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn pages_that_other_machines_reach_ask_for_a_token() {
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new().with_settings("[dashboards]\nhosts = [\"patchlens.corp\"]\n");
    for service in ["serve", "standalone"] {
        let refused = patchlens.run(&[service, "--http", "0.0.0.0:0"]);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(
            said.contains("serve token add") && said.contains("tokens.json"),
            "{said}"
        );
    }
    let token = patchlens.expect(0, &["serve", "token", "add", "anna"]);
    let token = token.trim();
    let collector = patchlens.expect(0, &["gateway", "token", "add", "branch-12"]);
    let listed = patchlens.expect(0, &["serve", "token", "list"]);
    assert!(
        listed.contains("anna") && !listed.contains(token),
        "{listed}"
    );

    let server = Server::start_with(&patchlens, &["--http", "0.0.0.0:0"]);
    let basic = BASE64.encode(format!("whoever:{token}"));
    let other = BASE64.encode(format!("anna:{}", collector.trim()));
    for path in ["/", "/clusters", "/sql", "/api/v1/clusters", "/nothing"] {
        let (head, body) = server.ask(&format!("GET {path}"), b"");
        assert!(head.starts_with("HTTP/1.1 401"), "{path}: {head}");
        assert!(
            head.to_lowercase()
                .contains("www-authenticate: basic realm="),
            "{head}"
        );
        assert!(!body.contains("cluster_key"), "{body}");
        for wrong in ["Bearer plt_1", "Basic !", &format!("Basic {other}")] {
            let head = format!("GET {path}\r\nAuthorization: {wrong}");
            assert_eq!(status(&server, &head), "401", "{head}");
        }
    }
    let (_, page) = server.ask("GET /?lang=zh", b"");
    assert!(
        page.contains("lang=\"zh") && page.contains("serve token add"),
        "{page}"
    );
    let (_, problem) = server.ask("GET /api/v1/clusters", b"");
    assert!(problem.contains("\"code\":\"no_token\""), "{problem}");
    for holding in [format!("Basic {basic}"), format!("Bearer {token}")] {
        for path in ["/", "/api/v1/clusters", "/sql"] {
            let head = format!("GET {path}\r\nAuthorization: {holding}");
            assert_eq!(status(&server, &head), "200", "{head}");
        }
    }
    // Probes and scrapers have no token, and come by whatever name the service has.
    for path in ["/healthz", "/readyz", "/metrics"] {
        let head = format!("GET {path}\r\nHost: serve:8080");
        assert_eq!(status(&server, &head), "200", "{head}");
    }
    for (host, expected) in [("patchlens.corp", "200"), ("evil.example", "421")] {
        let head = format!("GET /\r\nAuthorization: Bearer {token}\r\nHost: {host}");
        assert_eq!(status(&server, &head), expected, "{host}");
    }
    patchlens.expect(0, &["serve", "token", "revoke", "anna"]);
    wait_for("the token to be taken away", || {
        let head = format!("GET /\r\nAuthorization: Bearer {token}");
        (status(&server, &head) == "401").then_some(())
    });
}

#[test]
fn on_this_machine_a_token_is_asked_for_once_there_is_one() {
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new();
    let server = Server::start_with(&patchlens, &[]);
    assert_eq!(status(&server, "GET /"), "200");
    patchlens.expect(0, &["serve", "token", "add", "anna"]);
    wait_for("the pages to ask for a token", || {
        (status(&server, "GET /") == "401").then_some(())
    });
}

#[test]
fn a_store_that_other_machines_reach_asks_analysts_for_a_password() {
    if !engine() {
        return;
    }
    let mut patchlens = Patchlens::new();
    patchlens.expect(0, &["migrate"]);
    let open = ["sql", "SELECT 1", "--store-http", "0.0.0.0:0"];
    let refused = patchlens.run(&open);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("analyst_password_file"), "{said}");

    let file = patchlens.data_dir.path().join("analysts.password");
    std::fs::write(&file, "under the old bridge\n").unwrap();
    let settings = format!("[embedded]\nanalyst_password_file = {file:?}\n");
    patchlens = patchlens.with_settings(&settings);
    // The program's own analyst knows it, and so do its pages.
    assert_eq!(
        patchlens.expect(0, &[&open[..], &["--format", "TSV"]].concat()),
        "1\n"
    );
    let shown = patchlens.expect(0, &["check-config"]);
    assert!(!shown.contains("bridge"), "{shown}");
    let server = Server::start_with(&patchlens, &["--store-http", "0.0.0.0:0"]);
    let (_, page) = server.ask("GET /sql?q=SELECT+6*7+AS+answer", b"");
    assert!(page.contains("answer") && page.contains(">42<"), "{page}");
    for (path, expected) in [
        ("/?query=SELECT+1", "194"),
        ("/?query=SELECT+1&password=wrong", "516"),
        ("/?query=SELECT+1&password=under+the+old+bridge", ""),
        (
            "/?query=DROP+DATABASE+patchlens&password=under+the+old+bridge",
            "164",
        ),
    ] {
        let (head, body) = server.ask_store(&format!("GET {path}"));
        let code = head
            .lines()
            .find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("x-clickhouse-exception-code: ")
                    .map(str::to_owned)
            })
            .unwrap_or_default();
        assert_eq!(code, expected, "{path}: {head}\n{body}");
    }
}
