//! Alerts as an operator meets them: the command, the service with a real Prometheus, and the guide's examples.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Patchlens, arg, bare, engine, installed, root, text, wait_for};

/// Ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The fenced blocks of a language in the guide.
fn blocks(language: &str) -> Vec<String> {
    let guide = std::fs::read_to_string(root().join("docs/alerts.md")).unwrap();
    let fence = format!("```{language}\n");
    guide
        .split(&fence)
        .skip(1)
        .map(|after| after.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_broken_rule_is_refused_with_file_and_line_by_every_mode() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mine.toml");
    std::fs::write(&file, "rule = \"mine\"\nseverity = \"loud\"\n").unwrap();
    for mode in [
        ["alert", "--check"].as_slice(),
        &["alert", "--once"],
        &["alert", "--back-test", "2024-08-13..2024-08-14"],
        &["alert"],
    ] {
        let output = bare(&[mode, &["--rules", arg(directory.path())]].concat())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{mode:?}");
        let said = text(&output.stderr);
        assert!(
            said.contains("mine.toml, line 2") && said.contains("loud"),
            "{said}"
        );
    }
}

#[test]
fn wrong_arguments_say_what_is_expected() {
    for (arguments, named) in [
        (["alert", "--back-test", "yesterday"].as_slice(), "FROM..TO"),
        (
            ["alert", "--back-test", "2024-08-14..2024-08-13"].as_slice(),
            "before",
        ),
        (
            [
                "alert",
                "--back-test",
                "2024-01-01..2024-12-31",
                "--step",
                "1s",
            ]
            .as_slice(),
            "longer",
        ),
        (["alert", "--once", "--as-of", "noon"].as_slice(), "noon"),
        (["alert", "--once", "--check"].as_slice(), "--check"),
        (["alert", "--step", "1h"].as_slice(), "--back-test"),
        (
            ["alert", "--check", "--rules", "/nowhere"].as_slice(),
            "/nowhere",
        ),
    ] {
        let output = bare(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains(named), "{arguments:?}: {said}");
    }
}

#[test]
fn the_guides_examples_work() {
    let rules = tempfile::tempdir().unwrap();
    let toml = blocks("toml");
    assert_eq!(toml.len(), 2, "a rule and the settings");
    std::fs::write(rules.path().join("disk-full.toml"), &toml[0]).unwrap();
    let output = bare(&["alert", "--check", "--rules", arg(rules.path())])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("disk-full"),
        "{}",
        text(&output.stdout)
    );

    let url = rules.path().join("wecom_url");
    std::fs::write(&url, "https://robot.example/send?key=geheim\n").unwrap();
    let settings = rules.path().join("settings.conf");
    std::fs::write(
        &settings,
        toml[1].replace("/run/secrets/wecom_url", arg(&url)),
    )
    .unwrap();
    let output = bare(&["check-config", "--config", arg(&settings)])
        .env("TICKETS_SECRET", "geheim")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        !text(&output.stdout).contains("geheim"),
        "{}",
        text(&output.stdout)
    );

    let template = rules.path().join("template.json");
    std::fs::write(&template, &blocks("json")[0]).unwrap();
    let own = format!(
        "[[alert.sinks]]\nname = \"own\"\nkind = \"webhook\"\nurl = \"https://x.example\"\ntemplate = {:?}\n",
        arg(&template)
    );
    std::fs::write(&settings, own).unwrap();
    let output = bare(&["check-config", "--config", arg(&settings)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));

    if !engine() {
        return;
    }
    // The rule runs, and so does the guide's SQL.
    let patchlens = Patchlens::new();
    patchlens.expect(0, &["migrate"]);
    let once = patchlens.expect(0, &["alert", "--once", "--rules", arg(rules.path())]);
    assert!(once.starts_with("0 alerts are active"), "{once}");
    for statement in blocks("sql") {
        patchlens.expect(0, &["sql", &statement]);
    }
}

#[test]
fn the_demo_raises_alerts_and_a_back_test_says_the_same() {
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new();
    let out = patchlens.expect(0, &["demo", "--exit", "--format", "json"]);
    let demo: Value = serde_json::from_str(&out).unwrap();
    let kept = patchlens.rows("SELECT rule, state, alert_id, summary_en, summary_zh, explanation_zh, devices, toString(started_at) AS at FROM patchlens.alert_state ORDER BY started_at");
    let rules: Vec<&str> = kept
        .iter()
        .map(|row| row["rule"].as_str().unwrap())
        .collect();
    for rule in ["new-error-code", "new-cluster", "compliance-behind-plan"] {
        assert!(rules.contains(&rule), "{kept:#?}");
    }
    for row in &kept {
        let chinese = row["summary_zh"].as_str().unwrap();
        assert!(!chinese.is_ascii() && !chinese.contains('{'), "{row}");
        assert!(row["devices"].as_u64().unwrap() >= 3, "{row}");
    }
    let active = kept.iter().filter(|row| row["state"] == "Active").count();
    assert_eq!(demo["alerts"].as_array().unwrap().len(), active);
    assert!(active > 0, "somebody looks at the demo: {kept:#?}");

    // `--once` sees what the service kept, and keeps nothing itself.
    let once: Value =
        serde_json::from_str(&patchlens.expect(0, &["alert", "--once", "--format", "json"]))
            .unwrap();
    assert_eq!(once["active"].as_array().unwrap().len(), active, "{once:#}");
    let span = patchlens.rows("SELECT toString(toDate(started_at)) AS since, toString(toDate(deadline_at)) AS until FROM patchlens.rollout FINAL");
    let span = format!(
        "{}..{}",
        span[0]["since"].as_str().unwrap(),
        span[0]["until"].as_str().unwrap()
    );
    let tested: Value = serde_json::from_str(&patchlens.expect(
        0,
        &[
            "alert",
            "--back-test",
            &span,
            "--step",
            "24h",
            "--format",
            "json",
        ],
    ))
    .unwrap();
    let raised: Vec<&Value> = tested["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|change| change["state"] == "Active")
        .collect();
    assert!(
        raised
            .iter()
            .any(|change| change["rule"] == "new-error-code"),
        "{tested:#}"
    );
    for change in raised {
        let id = &change["alert_id"];
        assert!(
            kept.iter().any(|row| row["alert_id"] == *id)
                || change["rule"].as_str().unwrap().starts_with("pipeline"),
            "{change:#}"
        );
    }
    let said = patchlens.expect(0, &["alert", "--once", "--lang", "zh"]);
    assert!(said.contains("落后") || said.contains("台"), "{said}");
}

/// Asks over plain HTTP; `None` when nobody answers.
fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut answer).ok()?;
    let answer = text(&answer);
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n")?.1.to_owned();
    Some((status, body))
}

#[track_caller]
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Prometheus with the stack's own rules, scraping these addresses.
fn prometheus(directory: &Path, targets: &[String]) -> (Process, String) {
    let rules = root().join("compose/prometheus/rules.yml");
    let config = format!(
        "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\nrule_files: [{}]\nscrape_configs:\n  - job_name: patchlens\n    static_configs:\n      - targets: {targets:?}\n",
        rules.display()
    );
    let file = directory.join("prometheus.yml");
    std::fs::write(&file, config).unwrap();
    let checked = Command::new("promtool")
        .args(["check", "config"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        checked.status.success(),
        "{}{}",
        text(&checked.stdout),
        text(&checked.stderr)
    );
    let address = format!("127.0.0.1:{}", free_port());
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            directory.join("tsdb").display()
        ))
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (Process(child), address)
}

/// A service that is under way, with the address that its output or a flag names.
fn start(patchlens: &Patchlens, arguments: &[&str]) -> Process {
    Process(
        patchlens
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    )
}

#[expect(
    clippy::too_many_lines,
    reason = "one running server, asked one thing after the other"
)]
#[test]
fn prometheus_scrapes_the_services_and_promtool_likes_their_names() {
    if !engine() || !installed("prometheus") || !installed("promtool") {
        return;
    }
    let patchlens = Patchlens::new();
    let mut standalone = start(&patchlens, &["standalone"]);
    let lines = BufReader::new(standalone.0.stdout.take().unwrap()).lines();
    let (mut pages, mut store) = (String::new(), String::new());
    for line in lines {
        let line = line.unwrap();
        if let Some(url) = line.strip_prefix("dashboards   http://") {
            url.clone_into(&mut pages);
        }
        if let Some(rest) = line.strip_prefix("ClickHouse   ") {
            rest.split(' ').next().unwrap().clone_into(&mut store);
            break;
        }
    }
    // A second alert service and a transform stage of their own, at the first one's store.
    let (alerts, transform) = (
        format!("127.0.0.1:{}", free_port()),
        format!("127.0.0.1:{}", free_port()),
    );
    let password = patchlens.data_dir.path().join("store/writer.password");
    let beside = Patchlens::new().with_settings(&format!(
        "[store]\nuser = \"patchlens\"\npassword_file = \"{}\"\n",
        password.display()
    ));
    let _alert = start(&beside, &["alert", "--store", &store, "--health", &alerts]);
    let _transform = start(
        &beside,
        &["transform", "--store", &store, "--health", &transform],
    );

    let mut names = std::collections::BTreeSet::new();
    for address in [&pages, &alerts, &transform] {
        wait_for("readiness", || {
            get(address, "/readyz").filter(|(status, _)| *status == 200)
        });
        assert_eq!(get(address, "/healthz").unwrap().0, 200);
        let (_, metrics) = get(address, "/metrics").unwrap();
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let body: String = unchunked(&metrics);
        promtool
            .stdin
            .take()
            .unwrap()
            .write_all(body.as_bytes())
            .unwrap();
        let judged = promtool.wait_with_output().unwrap();
        assert!(
            judged.status.success(),
            "{address}: {}{}",
            text(&judged.stdout),
            text(&judged.stderr)
        );
        for name in body.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let name = name.split(' ').next().unwrap();
            assert!(name.starts_with("patchlens_"), "{name}");
            names.insert(name.to_owned());
        }
    }

    // The stack's rules name only metrics that there are.
    let rules = std::fs::read_to_string(root().join("compose/prometheus/rules.yml")).unwrap();
    let words = rules.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    for word in words.filter(|word| word.starts_with("patchlens_")) {
        let name = word.trim_end_matches("_bucket").trim_end_matches("_count");
        assert!(
            names.contains(name),
            "{word} is no metric of ours: {names:?}"
        );
    }

    let directory = tempfile::tempdir().unwrap();
    let targets = [pages.clone(), alerts.clone(), transform.clone()];
    let (_prometheus, address) = prometheus(directory.path(), &targets);
    let value = |query: &str| -> Option<String> {
        let (_, answer) = get(&address, &format!("/api/v1/query?query={query}"))?;
        let answer: Value = serde_json::from_str(&unchunked(&answer)).ok()?;
        Some(
            answer["data"]["result"].as_array()?.first()?["value"][1]
                .as_str()?
                .to_owned(),
        )
    };
    for query in [
        "sum(up)",
        "count(patchlens_stream_cut_duration_seconds_count)",
        "count(patchlens_alert_evaluation_duration_seconds_bucket)",
        "count(patchlens_dashboards_request_duration_seconds_bucket)",
    ] {
        let found = wait_for(query, || {
            value(query).filter(|value| value != "0" && (query != "sum(up)" || value == "3"))
        });
        assert_ne!(found, "");
    }
    let (_, rules) = get(&address, "/api/v1/rules").unwrap();
    assert!(
        unchunked(&rules).contains("PatchlensAlertsStuck"),
        "{rules}"
    );
}

/// The body of an answer that may come in chunks.
fn unchunked(body: &str) -> String {
    let is_chunked = body
        .lines()
        .next()
        .is_some_and(|line| usize::from_str_radix(line.trim(), 16).is_ok());
    if !is_chunked {
        return body.to_owned();
    }
    let (mut out, mut rest) = (String::new(), body);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || after.len() < size {
            break;
        }
        out.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    out
}

#[test]
fn the_stacks_prometheus_and_alertmanager_files_are_in_order() {
    if !installed("promtool") || !installed("amtool") {
        return;
    }
    let compose = root().join("compose");
    for (program, arguments, file) in [
        (
            "promtool",
            ["check", "rules"].as_slice(),
            "prometheus/rules.yml",
        ),
        (
            "amtool",
            ["check-config"].as_slice(),
            "alertmanager/alertmanager.yml",
        ),
    ] {
        let output = Command::new(program)
            .args(arguments)
            .arg(compose.join(file))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{file}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
    }
}
