//! Excerpts of logs with a known cause, from public troubleshooting articles: a few lines without
//! the verdict of an attempt, often without times.

use patchlens_event::{Event, Level, Source};
use patchlens_transform::Reference;

use crate::support::{judge, record, shared};

/// Reads the lines of an excerpt, whose columns and times are not those of a whole log.
fn events(log: &str) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for (index, line) in log.lines().enumerate() {
        let line_number = index as u64 + 1;
        let words: Vec<&str> = line.split_whitespace().collect();
        let level = words
            .iter()
            .take(4)
            .position(|word| matches!(word.trim_end_matches(','), "Info" | "Error" | "Warning"));
        let source_of = |component: &str| match component {
            "CBS" | "CSI" => Some(Source::CbsLog),
            "SP" | "MIG" | "MOUPG" => Some(Source::SetupLog),
            "Agent" | "WS" | "PT" => Some(Source::WindowsUpdateLog),
            _ => None,
        };
        if line.contains("[AGENT_DETECTION_FAILED]") {
            let (_, message) = line.split_once("Software Synchronization ").unwrap();
            let mut event = record(
                Source::ReportingEvents,
                "Software Synchronization",
                Level::Error,
                0,
                line_number,
                message,
            );
            event.fields.insert(
                "event".to_owned(),
                "148 [AGENT_DETECTION_FAILED]".to_owned(),
            );
            events.push(event);
            continue;
        }
        let component_at = words
            .iter()
            .take(8)
            .position(|word| source_of(word).is_some());
        match (component_at, events.last_mut()) {
            (None, Some(last)) if line.starts_with(' ') => {
                last.message = format!("{}\n{line}", last.message);
            }
            (None, _) => {}
            (Some(at), _) => {
                let level = match level.map(|at| words[at].trim_end_matches(',')) {
                    Some("Error") => Level::Error,
                    Some("Info") => Level::Info,
                    _ => Level::Unknown,
                };
                let mut event = record(
                    source_of(words[at]).unwrap(),
                    words[at],
                    level,
                    0,
                    line_number,
                    &words[at + 1..].join(" "),
                );
                event.occurred_at = None;
                events.push(event);
            }
        }
    }
    events
}

/// The articles' labels are wider than the causes: for each excerpt the cause and what the culprit
/// must contain.
const EXPECTED: [(&str, &str, &str); 12] = [
    ("ms-70bc9", "pending-servicing", ""),
    ("ms-f0823", "servicing-stack-missing", "14393.5285"),
    ("ms-70490-a", "driver-install-failed", ""),
    (
        "ms-f0922-task",
        "advanced-installer-failed",
        "Task Scheduler",
    ),
    ("ms-705aa", "registry-limit", ""),
    ("ms-70003", "driver-install-failed", "ntprint4.inf"),
    ("ms-70002-c", "component-payload-missing", "DWrite.dll"),
    ("ms-70005", "access-denied", ""),
    ("ms-24002e", "update-access-policy", ""),
    ("ms-244007", "wsus-server-error", ""),
    ("ms-f0831", "component-manifest-missing", "KB3192392"),
    ("ms-42b", "migration-failed", r"Crypto\RSA\S-1-5-18"),
];

#[test]
fn published_excerpts_get_their_cause() {
    let Some(path) = shared("cases/ms-docs.jsonl") else {
        return;
    };
    let mut wrong = Vec::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let excerpt: serde_json::Value = serde_json::from_str(line).unwrap();
        let id = excerpt["id"].as_str().unwrap();
        let (_, cause, culprit) = EXPECTED.iter().find(|(known, _, _)| *known == id).unwrap();
        let verdicts = judge(
            &events(excerpt["log"].as_str().unwrap()),
            &Reference::default(),
        );
        let first = verdicts.open().first().cloned().unwrap_or_default();
        let right = first.get("cause").is_some_and(|found| found == cause)
            && first["culprit"].contains(culprit);
        if !right {
            wrong.push(format!(
                "{id}: expected {cause} {culprit}\n{}",
                verdicts.account()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of 12 wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
