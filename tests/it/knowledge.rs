//! An operator's own rules, from the directory to the report of a device.

use serde_json::Value;

use crate::support::{Patchlens, arg, engine};

const LOG: &str = "\
2024-08-20 10:00:00, Info                  CBS    Session: 31_1 initialized by client WindowsUpdateAgent, external staging directory: (null), external registry directory: (null)
2024-08-20 10:00:01, Info                  CBS    Exec: Processing started.  Client: WindowsUpdateAgent, Session: 31_1, Package: Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.4780.1.7, Identifier: KB5041580
2024-08-20 10:02:30, Error                 CBS    Failed to stamp the branch printer package [HRESULT = 0x8000ffff - E_UNEXPECTED]
2024-08-20 10:02:31, Info                  CBS    Exec: Processing complete.  Session: 31_1, Package: Package_for_RollupFix~31bf3856ad364e35~amd64~~19041.4780.1.7, Identifier: KB5041580 [HRESULT = 0x8000ffff - E_UNEXPECTED]
";

const RULE: &str = r#"
cause = "branch-printer"
alert_subtype = "InstallIssue"
summary_en = "{kb} stops at the branch printer."
summary_zh = "{kb} 停在网点打印机。"
actions_en = ["Unplug the branch printer and install {kb} again."]
actions_zh = ["拔下网点打印机，重新安装 {kb}。"]

[[rule]]
id = "stamp"
confidence = 0.9
[[rule.evidence]]
source = ["cbs_log"]
needles = ["stamp the branch printer package"]
"#;

#[test]
fn the_report_of_a_device_knows_the_operator_s_own_cause() {
    if !engine() {
        return;
    }
    let files = tempfile::tempdir().unwrap();
    let (log, own) = (files.path().join("CBS.log"), files.path().join("own"));
    std::fs::write(&log, LOG).unwrap();
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("branch-printer.toml"), RULE).unwrap();
    let patchlens = Patchlens::new();
    patchlens.expect(0, &["collect", arg(&log), "--device", "BR-0042"]);
    patchlens.expect(0, &["transform", "--until-idle", "--knowledge", arg(&own)]);
    let report = |more: &[&str]| {
        let mut arguments = vec!["report", "device", "BR-0042"];
        arguments.extend(more);
        patchlens.expect(0, &arguments)
    };
    let json = report(&["--format", "json", "--knowledge", arg(&own)]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let diagnosis = &json["devices"][0]["diagnoses"][0];
    assert_eq!(diagnosis["cause"], "branch-printer", "{json:#}");
    assert_eq!(diagnosis["evidence"][0]["line"], 4, "{json:#}");
    let page = report(&["--format", "markdown", "--knowledge", arg(&own)]);
    assert!(
        page.contains("Unplug the branch printer and install KB5041580 again."),
        "{page}"
    );
    assert_eq!(
        patchlens.rows("SELECT cause FROM patchlens.diagnosis FINAL")[0]["cause"],
        "branch-printer"
    );
    // A mistake is named before anything else is said.
    std::fs::write(own.join("mistake.toml"), format!("{RULE}\nneedle = 1\n")).unwrap();
    let refused = patchlens.run(&["report", "device", "NOBODY", "--knowledge", arg(&own)]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("mistake.toml"), "{said}");
}

#[test]
fn rules_and_plans_that_come_later_reach_devices_that_say_nothing_any_more() {
    if !engine() {
        return;
    }
    let files = tempfile::tempdir().unwrap();
    let (log, own) = (files.path().join("CBS.log"), files.path().join("own"));
    std::fs::write(&log, LOG).unwrap();
    std::fs::create_dir(&own).unwrap();
    let patchlens = Patchlens::new();
    for device in ["BR-0042", "BR-0043"] {
        patchlens.expect(0, &["collect", arg(&log), "--device", device]);
    }
    let recomputed = |more: &[&str]| {
        let mut arguments = vec!["transform", "--until-idle"];
        arguments.extend(more);
        let said = patchlens.expect(0, &arguments);
        let (_, count) = said.trim().rsplit_once("; ").unwrap();
        count.split(' ').next().unwrap().parse::<u32>().unwrap()
    };
    let causes = || {
        let sql =
            "SELECT device_id, cause, kb_article FROM patchlens.diagnosis FINAL ORDER BY device_id";
        let rows = patchlens.rows(sql).into_iter();
        rows.map(|row| row["cause"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(recomputed(&[]), 2);
    assert_eq!(causes(), ["unknown", "unknown"]);
    assert_eq!(recomputed(&[]), 0);

    std::fs::write(own.join("branch-printer.toml"), RULE).unwrap();
    let own_rules = ["--knowledge", arg(&own)];
    assert_eq!(recomputed(&own_rules), 2);
    assert_eq!(causes(), ["branch-printer", "branch-printer"]);
    assert_eq!(recomputed(&own_rules), 0);
    // What views count over is made again with it.
    let open = "SELECT open_devices FROM patchlens.failure_cluster WHERE cause = 'branch-printer'";
    assert_eq!(patchlens.numbers(open), [2]);

    let plans = tempfile::tempdir().unwrap();
    std::fs::write(
        plans.path().join("rollouts.csv"),
        "rollout_id,name,kb_article,started_at\n2024-08,August,5041580,2024-08-14T00:00:00Z\n",
    )
    .unwrap();
    std::fs::write(
        plans.path().join("devices.csv"),
        "rollout_id,device_id,site\n2024-08,BR-0042,Lyon\n",
    )
    .unwrap();
    patchlens.expect(0, &["reference", arg(plans.path())]);
    assert_eq!(recomputed(&own_rules), 2);
    let site = "SELECT device_id, site FROM patchlens.device FINAL ORDER BY device_id";
    assert_eq!(patchlens.rows(site)[0]["site"], "Lyon");
    // Without the operator's rules the program knows no more than before.
    assert_eq!(recomputed(&[]), 2);
    assert_eq!(causes(), ["unknown", "unknown"]);
}

/// Searches that worked are counted and not sent, and tell that one that failed passed: the fleet's answer is that of
/// `diagnose` on the same log.
#[test]
fn the_fleet_knows_of_the_searches_that_worked() {
    if !engine() {
        return;
    }
    let files = tempfile::tempdir().unwrap();
    let log = files.path().join("ReportingEvents.log");
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let line = |days_ago: i64, what: &str, number: u32, code: &str, text: &str| {
        let day = today.checked_sub(jiff::Span::new().days(days_ago)).unwrap();
        format!(
            "{{0A1B2C3D-0000-4000-8000-0000000000{days_ago:02}}}\t{day} 00:00:00:125+0000\t1\t{number} [{what}]\t101\t\
             {{00000000-0000-0000-0000-000000000000}}\t0\t{code}\tUpdateOrchestrator\t{}\tSoftware Synchronization\t{text}\r\n",
            if code == "0" { "Success" } else { "Failure" }
        )
    };
    let failed = |day| {
        line(
            day,
            "AGENT_DETECTION_FAILED",
            148,
            "8024402c",
            "Windows Update Client failed to detect with error 0x8024402c.",
        )
    };
    let worked = |day| {
        line(
            day,
            "AGENT_DETECTION_FINISHED",
            147,
            "0",
            "Windows Update Client successfully detected 0 updates.",
        )
    };
    let open = |text: &str| {
        std::fs::write(&log, text).unwrap();
        let alone = patchlens_diagnoses(&log);
        let patchlens = Patchlens::new();
        patchlens.expect(0, &["collect", arg(&log), "--device", "BR-0042"]);
        patchlens.expect(0, &["transform", "--until-idle"]);
        // A count is of a whole day: that it ends tonight is no report from then.
        let seen = "SELECT max(last_seen_at) <= now64(6) FROM patchlens.device FINAL";
        assert_eq!(patchlens.numbers(seen), [1]);
        let sql = "SELECT count() FROM patchlens.diagnosis FINAL WHERE is_open = 1";
        (alone, patchlens.numbers(sql)[0])
    };
    let outage: String = (2..6).rev().map(failed).collect();
    assert_eq!(open(&outage), (1, 1), "cut off for days, and still so");
    let over: String = [outage.as_str(), &worked(1), &worked(0)].concat();
    assert_eq!(open(&over), (0, 0), "over");
}

/// How many open diagnoses `diagnose` finds in a log.
fn patchlens_diagnoses(log: &std::path::Path) -> usize {
    let told = Patchlens::new().expect(
        0,
        &[
            "diagnose",
            arg(log),
            "--device",
            "BR-0042",
            "--format",
            "json",
        ],
    );
    let told: Value = serde_json::from_str(&told).unwrap();
    told["devices"][0]["diagnoses"].as_array().unwrap().len()
}
