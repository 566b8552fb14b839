//! What the rules wait for, the collector sends: every needle of `transform/knowledge` is tried
//! against the selection, so that no rule waits for a line that is only counted.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use patchlens_event::{Hresult, Level};
use patchlens_ingest::select::{Decision, decide};
use patchlens_ingest::{Format, LoggedTime, Record, codes};
use toml::{Table, Value};

/// Conditions whose lines are known to be counted only, and why that loses nothing.
const COUNTED: &[(&str, &str)] = &[(
    "successfully detected",
    "a search that worked arrives as a count for its day, which the signal also reads",
)];

/// Names of sources, each with a format that has it.
const SOURCES: &[(&str, Format)] = &[
    ("windows_update_log", Format::WindowsUpdateLog),
    ("cbs_log", Format::CbsLog),
    ("dism_log", Format::DismLog),
    ("setup_log", Format::SetupLog),
    ("reporting_events", Format::ReportingEvents),
    ("cmtrace_log", Format::CmtraceLog),
    ("setupapi_log", Format::SetupapiLog),
    ("setup_diag", Format::SetupDiag),
    ("event_log", Format::Evtx),
    ("procmon", Format::ProcmonCsv),
    ("inventory", Format::SystemInfo),
    ("hash_listing", Format::HashListing),
    ("osquery", Format::OsqueryRows),
];

fn texts(table: &Table, key: &str) -> Vec<String> {
    table
        .get(key)
        .and_then(Value::as_array)
        .map(|items| {
            items
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default()
}

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../transform/knowledge");
    let mut files = vec![root.join("signals.toml")];
    files.extend(
        std::fs::read_dir(root.join("causes"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "toml")
            }),
    );
    files.sort();
    assert!(files.len() > 30, "{files:?}");
    files
}

/// Every condition of a file: signals, and the evidence of rules.
fn conditions(file: &Table) -> Vec<Table> {
    let tables = |value: Option<&Value>| -> Vec<Table> {
        value
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_table)
            .cloned()
            .collect()
    };
    let means_something = |signal: &Table| {
        ["signal", "succeeded", "failed"]
            .iter()
            .any(|key| signal.contains_key(*key))
            || signal.get("boundary").and_then(Value::as_str) != Some("none")
    };
    let mut found: Vec<Table> = tables(file.get("signal"))
        .into_iter()
        .filter(means_something)
        .collect();
    for rule in tables(file.get("rule")) {
        found.extend(tables(rule.get("evidence")));
    }
    found
}

fn record(message: String, component: Option<&str>, event_id: Option<u32>) -> Record<'_> {
    Record {
        line: 1,
        byte_offset: 0,
        record_id: None,
        time_text: Cow::Borrowed(""),
        time: LoggedTime::Unstated,
        level: Level::Info,
        component: component.map(Cow::Borrowed),
        channel: None,
        windows_event_id: event_id,
        fields: vec![("result".to_owned(), message.clone())],
        message: Cow::Owned(message),
        continuations: 0,
    }
}

/// The messages that meet a condition's needles: all of `needles`, and each of `any_needle` in turn.
/// What the expression demands beside them stands behind.
fn messages(condition: &Table) -> Vec<String> {
    let regex = condition
        .get("regex")
        .and_then(Value::as_str)
        .unwrap_or_default();
    // What servicing says of the parents of packages is sent where the parent is an update.
    if regex.contains("Package_for_") && regex.to_lowercase().contains("parent") {
        return [
            "detect Parent, Package: a, Parent: Package_for_b",
            "detectParent: parent found: Package_for_b",
        ]
        .map(|text| format!("Appl: {text}"))
        .to_vec();
    }
    let demanded = if regex.contains("https?://(") {
        " http://server"
    } else {
        ""
    };
    let all = texts(condition, "needles").join(" … ");
    let any = texts(condition, "any_needle");
    if any.is_empty() {
        return (!all.is_empty())
            .then(|| format!("{all}{demanded}"))
            .into_iter()
            .collect();
    }
    any.iter()
        .filter(|needle| !needle.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(|needle| format!("{needle} {all}{demanded}"))
        .collect()
}

#[test]
fn no_rule_waits_for_a_line_that_is_not_sent() {
    let mut unsent = Vec::new();
    let mut tried = 0;
    for path in files() {
        let file: Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        for condition in conditions(&file) {
            let levels = texts(&condition, "level");
            let is_raised = !levels.is_empty()
                && levels
                    .iter()
                    .all(|level| level == "warning" || level == "error");
            let has_code = condition.get("failing").and_then(Value::as_bool) == Some(true)
                || !texts(&condition, "with_code").is_empty();
            if is_raised || has_code {
                continue;
            }
            let named = texts(&condition, "source");
            let components = texts(&condition, "component");
            let ids: Vec<u32> = condition
                .get("event_id")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|id| u32::try_from(id.as_integer()?).ok())
                .collect();
            for (source, format) in SOURCES {
                if !named.is_empty() && !named.iter().any(|name| name == source) {
                    continue;
                }
                let records: Vec<Record<'_>> = if *source == "event_log" {
                    // Which id belongs to which provider is not said: one of them must have it.
                    let is_sent = |component: &str, id: u32| {
                        let text = messages(&condition).concat();
                        let record = record(text, Some(component), Some(id));
                        decide(&record, &[], *format) == Decision::Send
                    };
                    let is_served = components
                        .iter()
                        .all(|component| ids.iter().any(|id| is_sent(component, *id)))
                        && ids
                            .iter()
                            .all(|id| components.iter().any(|component| is_sent(component, *id)));
                    tried += components.len();
                    if !is_served && !components.is_empty() && !ids.is_empty() {
                        unsent.push(format!("{}: {components:?} {ids:?}", path.display()));
                    }
                    Vec::new()
                } else if components.is_empty() {
                    messages(&condition)
                        .into_iter()
                        .map(|message| record(message, None, None))
                        .collect()
                } else {
                    Vec::new()
                };
                for record in records {
                    tried += 1;
                    let is_known = COUNTED
                        .iter()
                        .any(|(text, _)| record.message.contains(text));
                    let codes: Vec<Hresult> = codes::find(&record.message).collect();
                    let decision = decide(&record, &codes, *format);
                    if decision == Decision::Count && !is_known {
                        unsent.push(format!(
                            "{}: {source} {:?} {:?} {:?}",
                            path.file_name().unwrap().to_string_lossy(),
                            record.component,
                            record.windows_event_id,
                            record.message
                        ));
                    }
                }
            }
        }
    }
    assert!(tried > 100, "only {tried} conditions tried");
    assert!(
        unsent.is_empty(),
        "of {tried}, the collector would only count:\n{}",
        unsent.join("\n")
    );
}
