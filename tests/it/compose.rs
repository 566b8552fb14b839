//! The compose stack cannot be started here: no image can be pulled. What it names is checked
//! against the repository and the program.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::support::{bare, root, text};

/// The file as JSON, by the client where there is one, else by a YAML reader that knows merge keys.
fn stack() -> Value {
    let yaml = std::fs::read_to_string(root().join("compose/compose.yaml")).unwrap();
    let mut value: serde_yaml_ng::Value = serde_yaml_ng::from_str(&yaml).unwrap();
    value.apply_merge().unwrap();
    serde_json::to_value(value).unwrap()
}

#[test]
fn every_file_that_the_stack_mounts_is_there() {
    let stack = stack();
    let mut checked = 0;
    for (name, service) in stack["services"].as_object().unwrap() {
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let source = mount.as_str().unwrap().split(':').next().unwrap();
            if source.starts_with('.') {
                assert!(
                    root().join("compose").join(source).exists(),
                    "{name} mounts {source}, which is not there"
                );
                checked += 1;
            } else {
                assert!(
                    stack["volumes"].as_object().unwrap().contains_key(source),
                    "{name} uses the volume {source}, which is not declared"
                );
            }
        }
        for dependency in service["depends_on"].as_object().into_iter().flatten() {
            assert!(
                stack["services"]
                    .as_object()
                    .unwrap()
                    .contains_key(dependency.0),
                "{name} waits for {}, which is no service",
                dependency.0
            );
        }
        for secret in service["secrets"].as_array().into_iter().flatten() {
            assert!(
                stack["secrets"][secret.as_str().unwrap()].is_object(),
                "{name} uses the secret {secret}, which is not declared"
            );
        }
    }
    assert!(checked >= 8, "only {checked} mounts were checked");
    assert!(root().join("compose/Dockerfile").exists());
}

#[test]
fn images_are_pinned_ports_are_local_and_services_have_health_checks() {
    let stack = stack();
    for (name, service) in stack["services"].as_object().unwrap() {
        let image = service["image"].as_str().unwrap();
        let tag = image
            .split_once(':')
            .map(|(_, tag)| tag)
            .unwrap_or_default();
        assert!(
            tag.chars().any(|c| c.is_ascii_digit()),
            "{name}: the image {image} has no pinned version"
        );
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(
                port.as_str().unwrap().starts_with("127.0.0.1:"),
                "{name} publishes {port} to the world"
            );
        }
        let ends_by_itself = service["restart"] == "no";
        assert!(
            ends_by_itself || service["healthcheck"].is_object() || name == "alertmanager",
            "{name} has no health check"
        );
    }
}

#[test]
fn the_commands_and_settings_of_our_services_are_real() {
    let stack = stack();
    let mut ours = BTreeSet::new();
    for (name, service) in stack["services"].as_object().unwrap() {
        if !service["image"].as_str().unwrap().starts_with("patchlens:") {
            continue;
        }
        ours.insert(name.as_str());
        let mut arguments: Vec<&str> = service["command"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a.as_str().unwrap())
            .collect();
        // `--help` is answered before anything is opened, but after the flags were understood.
        arguments.push("--help");
        let output = bare(&arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{name}: {arguments:?}: {}",
            text(&output.stderr)
        );
    }
    assert_eq!(
        ours,
        BTreeSet::from(["alert", "gateway", "migrate", "serve", "transform"])
    );

    let secret = tempfile::NamedTempFile::new().unwrap();
    let settings =
        std::fs::read_to_string(root().join("compose/patchlens/patchlens.toml")).unwrap();
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(
        file.path(),
        settings.replace(
            "/run/secrets/clickhouse_password",
            secret.path().to_str().unwrap(),
        ),
    )
    .unwrap();
    let output = bare(&["check-config", "--config", file.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(
        shown.contains("kafka://kafka:19092") && shown.contains("http://clickhouse:8123"),
        "{shown}"
    );
    // The listener that our services use is the one that the broker advertises to them.
    assert!(
        stack["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
            .as_str()
            .unwrap()
            .contains("INTERNAL://kafka:19092")
    );
}

#[test]
fn grafana_reads_as_the_analyst_that_the_stack_creates() {
    let stack = stack();
    let services = &stack["services"];
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let source: Value = serde_yaml_ng::from_str(&read(
        "dashboards/grafana/provisioning/datasources/clickhouse.yaml",
    ))
    .unwrap();
    let source = &source["datasources"][0];
    let user = source["jsonData"]["username"].as_str().unwrap();
    let statements = read("queries/server/analyst.sql");
    assert!(statements.contains(&format!("CREATE USER IF NOT EXISTS {user}\n")));
    assert_eq!(statements.matches("'CHANGE_ME'").count(), 1);
    assert_eq!(
        services["grafana"]["secrets"],
        serde_json::json!(["analyst_password"])
    );
    assert_eq!(
        source["secureJsonData"]["password"],
        "$__file{/run/secrets/analyst_password}"
    );
    assert_eq!(
        services["grafana"]["depends_on"]["analysts"]["condition"],
        "service_completed_successfully"
    );
    // Compose makes `$` of `$$`; what is left is to be a script that a shell understands.
    let script = services["analysts"]["command"][0]
        .as_str()
        .unwrap()
        .replace("$$", "$");
    let checked = Command::new("sh")
        .args(["-n", "-c", &script])
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", text(&checked.stderr));
    assert!(script.contains("/run/secrets/analyst_password") && script.contains("/analyst.sql"));
}

#[test]
fn prometheus_scrapes_every_service_of_ours() {
    let stack = stack();
    let settings: Value = serde_yaml_ng::from_str(
        &std::fs::read_to_string(root().join("compose/prometheus/prometheus.yml")).unwrap(),
    )
    .unwrap();
    let scraped: BTreeSet<&str> = settings["scrape_configs"][0]["static_configs"][0]["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| target.as_str().unwrap())
        .collect();
    for (name, service) in stack["services"].as_object().unwrap() {
        let is_ours = service["image"].as_str().unwrap().starts_with("patchlens:");
        if is_ours && service["restart"] != "no" {
            // The port whose health is asked is the one that has the metrics.
            let health = service["healthcheck"]["test"]
                .as_array()
                .unwrap()
                .last()
                .unwrap();
            let port = health.as_str().unwrap().split([':', '/']).nth(4).unwrap();
            let target = format!("{name}:{port}");
            assert!(scraped.contains(target.as_str()), "{target} is not scraped");
        }
    }
}

#[test]
fn a_compose_client_accepts_the_file_where_there_is_one() {
    let client = |words: &[&str]| {
        Command::new(words[0])
            .args(&words[1..])
            .args(["-f", "compose/compose.yaml", "config", "-q"])
            .current_dir(root())
            .output()
    };
    for words in [["docker", "compose"].as_slice(), &["docker-compose"]] {
        let there = Command::new(words[0])
            .args(&words[1..])
            .arg("version")
            .output()
            .is_ok_and(|output| output.status.success());
        if there {
            let output = client(words).unwrap();
            assert!(output.status.success(), "{}", text(&output.stderr));
            return;
        }
    }
    println!("skipped: no compose client is installed");
}
