//! Log forwarders that people run, as Debian packages them, against a gateway that is away at first
//! and too busy later: every record arrives, and counts once.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::intake::{Gateway, events, free_port, record_ids};
use crate::support::{Patchlens, arg, installed};

/// How many records are sent.
const COUNT: u32 = 100;

/// A program that is killed when the test ends.
struct Forwarder(Child);

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Event log records as Winlogbeat writes them.
fn documents(count: u32) -> String {
    let document = |number: u32| {
        format!(
            r#"{{"@timestamp":"2024-08-20T02:02:43.000Z","message":"Installation Failure: 安装失败","winlog":{{"channel":"System","computer_name":"YR-{}","event_id":"20","provider_name":"Microsoft-Windows-WindowsUpdateClient","record_id":{number},"event_data":{{"errorCode":"0x80073712","updateTitle":"2024-08 Cumulative Update (KB5041580)"}}}}}}"#,
            number % 7
        )
    };
    (1..=count).map(|number| document(number) + "\n").collect()
}

fn rsyslog(work: &Path, port: u16, token: &str) -> Forwarder {
    let settings = format!(
        r#"global(workDirectory="{work}" maxMessageSize="256k")
module(load="imfile" PollingInterval="1")
module(load="omelasticsearch")
template(name="document" type="string" string="%msg%")
input(type="imfile" file="{work}/events.ndjson" tag="events" ruleset="out" addMetadata="off")
ruleset(name="out" queue.type="LinkedList" queue.dequeueBatchSize="20" queue.size="20000") {{
  action(type="omelasticsearch" server="http://127.0.0.1:{port}/ingest/v1/winlogbeat" bulkmode="on"
    template="document" searchIndex="winlogbeat" searchType="" uid="branch" pwd="{token}"
    action.resumeRetryCount="-1" action.resumeInterval="1" errorFile="{work}/lost")
}}
"#,
        work = work.display()
    );
    let file = work.join("rsyslog.conf");
    std::fs::write(&file, settings).unwrap();
    let child = Command::new("rsyslogd")
        .args(["-n", "-f", arg(&file), "-i", arg(&work.join("pid"))])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Forwarder(child)
}

fn metrics(port: u16) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let answer = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await;
        answer.unwrap().text().await.unwrap()
    })
}

/// omelasticsearch looks at no status: what the gateway answers in its place decides whether the
/// events are sent again or lost.
#[test]
fn rsyslog_loses_nothing_to_a_gateway_that_is_away_or_too_busy() {
    if !installed("rsyslogd") {
        return;
    }
    let server = Patchlens::new().with_settings("[gateway]\nrequests_per_second = 2\n");
    let token = server.expect(
        0,
        &["gateway", "token", "add", "branch", "--scope", "winlogbeat"],
    );
    let work = tempfile::tempdir().unwrap();
    std::fs::write(work.path().join("events.ndjson"), documents(COUNT)).unwrap();
    let port = free_port();
    let _rsyslog = rsyslog(work.path(), port, token.trim());
    let _gateway = Gateway::start(&server, port);
    let log = server.data_dir.path().join("log");
    let deadline = Instant::now() + Duration::from_mins(2);
    let mut arrived = Vec::new();
    while record_ids(&arrived).len() < COUNT as usize {
        assert!(
            Instant::now() < deadline,
            "{} of {COUNT} arrived; lost: {:?}",
            record_ids(&arrived).len(),
            std::fs::read_to_string(work.path().join("lost")).ok()
        );
        arrived = events(&log);
    }
    let metrics = metrics(port);
    assert!(
        metrics.contains("reason=\"too_fast\"}"),
        "nothing was ever refused, so that nothing is proven: {metrics}"
    );
    assert!(!work.path().join("lost").exists());
    assert_eq!(record_ids(&arrived).len(), COUNT as usize);
}
