//! Debian's Alertmanager takes our alerts and routes them on.

use std::process::{Child, Command, Stdio};

use patchlens_queries::testing;
use serde_json::Value;

use crate::support::{Receiver, Running, put, ring_rule, sink, wait_for, wait_for_state};

/// A port that nobody listens at.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A real Alertmanager that tells `receiver`; ends with the test.
struct Alertmanager {
    url: String,
    child: Child,
    _directory: tempfile::TempDir,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Alertmanager {
    async fn start(receiver: &str, port: u16) -> Option<Self> {
        let installed = |program: &str| {
            Command::new(program)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok()
        };
        if !installed("prometheus-alertmanager") || !installed("amtool") {
            assert!(
                std::env::var("PATCHLENS_REQUIRE_SERVICES").as_deref() != Ok("1"),
                "Debian's package prometheus-alertmanager is missing"
            );
            println!("skipped: Debian's package prometheus-alertmanager is not installed");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("alertmanager.yml");
        let text = format!(
            "route:\n  receiver: test\n  group_by: [alertname, error_code, ring]\n  group_wait: 100ms\n  group_interval: 500ms\n  repeat_interval: 1h\nreceivers:\n  - name: test\n    webhook_configs:\n      - url: {receiver}\n        send_resolved: true\n"
        );
        std::fs::write(&config, text).unwrap();
        let checked = Command::new("amtool")
            .arg("check-config")
            .arg(&config)
            .output()
            .unwrap();
        assert!(
            checked.status.success(),
            "{}",
            String::from_utf8_lossy(&checked.stderr)
        );
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.path={}",
                directory.path().join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let this = Self {
            url: format!("http://127.0.0.1:{port}"),
            child,
            _directory: directory,
        };
        wait_for("Alertmanager", async || {
            reqwest::get(format!("{}/-/ready", this.url))
                .await
                .ok()
                .filter(|answer| answer.status().is_success())
        })
        .await;
        Some(this)
    }

    async fn alerts(&self) -> Vec<Value> {
        let text = reqwest::get(format!("{}/api/v2/alerts", self.url))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

#[tokio::test]
async fn alertmanager_takes_routes_and_resolves_and_numbers_make_no_new_alert() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let receiver = Receiver::start().await;
    let Some(alertmanager) = Alertmanager::start(&receiver.url, free_port()).await else {
        return;
    };
    put(&store, "Broad", 3, 1).await;
    let settings = format!(
        "name = \"alertmanager\"\nkind = \"alertmanager\"\nurl = \"{}\"\nresend_seconds = 1\n",
        alertmanager.url
    );
    let running = Running::start(&store, vec![ring_rule()], vec![sink(&settings, None)]);

    let told = receiver.wait(1).await[0].json();
    assert_eq!(told["status"], "firing");
    assert_eq!(told["alerts"].as_array().unwrap().len(), 1);
    let alert = &told["alerts"][0];
    assert_eq!(
        alert["labels"],
        serde_json::json!({"alertname": "too-many", "severity": "critical", "ring": "Broad", "error_code": "0x80073712"})
    );
    let annotations = &alert["annotations"];
    assert_eq!(annotations["devices"], "3");
    assert_eq!(annotations["sample_devices"], "PC-0, PC-1, PC-2");
    assert_eq!(
        annotations["dashboard"],
        "https://patchlens.example/devices?ring=Broad"
    );
    assert!(
        alert["generatorURL"]
            .as_str()
            .unwrap()
            .starts_with("https://patchlens.example/alerts/"),
        "{alert}"
    );

    // Grown, and sent again several times: still one alert, with the new numbers.
    put(&store, "Broad", 7, 2).await;
    let grown = wait_for("seven devices", async || {
        let alerts = alertmanager.alerts().await;
        alerts
            .iter()
            .any(|alert| alert["annotations"]["devices"] == "7")
            .then_some(alerts)
    })
    .await;
    assert_eq!(grown.len(), 1, "{grown:?}");
    let first_ends_at = grown[0]["endsAt"].clone();
    wait_for("a later end", async || {
        alertmanager
            .alerts()
            .await
            .first()
            .is_some_and(|alert| alert["endsAt"] != first_ends_at)
            .then_some(())
    })
    .await;

    put(&store, "", 7, 3).await;
    wait_for_state(&store, "Resolved").await;
    let last = wait_for("the end", async || {
        receiver
            .received()
            .last()
            .map(crate::support::Received::json)
            .filter(|told| told["status"] == "resolved")
    })
    .await;
    assert_eq!(last["alerts"][0]["labels"]["ring"], "Broad");
    let firing = receiver
        .received()
        .iter()
        .filter(|told| told.json()["status"] == "firing")
        .count();
    // Alertmanager repeats after an hour, and a group that changed at once: neither happened.
    assert_eq!(firing, 1);
    running.stop().await;
}

#[tokio::test]
async fn an_alertmanager_that_comes_late_hears_of_what_is_the_case() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let receiver = Receiver::start().await;
    put(&store, "Broad", 3, 1).await;
    // Nobody is there yet.
    let port = free_port();
    let settings = format!(
        "name = \"alertmanager\"\nkind = \"alertmanager\"\nurl = \"http://127.0.0.1:{port}\"\nresend_seconds = 1\n"
    );
    let running = Running::start(&store, vec![ring_rule()], vec![sink(&settings, None)]);
    let failed = "patchlens_alert_delivery_duration_seconds_count{sink=\"alertmanager\",outcome=\"error\"} 2";
    wait_for("two failures", async || {
        running.metrics.prometheus().contains(failed).then_some(())
    })
    .await;
    let Some(_alertmanager) = Alertmanager::start(&receiver.url, port).await else {
        return;
    };
    assert_eq!(receiver.wait(1).await[0].json()["status"], "firing");
    running.stop().await;
}
