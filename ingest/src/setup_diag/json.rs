//! SetupDiagResults.json.

use super::Report;
use crate::inventory::{Line, documents};
use crate::json::Value;

/// Reads a report, and says what is wrong with it.
pub(super) fn read(lines: &[Line]) -> (Option<Report>, Option<String>) {
    match documents(lines).into_iter().next() {
        Some(document) => (Some(report(&document.value)), None),
        None => (None, Some("the JSON document is not whole".to_owned())),
    }
}

fn report(value: &Value) -> Report {
    let text = |name: &str| value.text(&[name]).unwrap_or_default().to_owned();
    let list = |name: &str| -> Vec<String> {
        match value.get(name) {
            Some(Value::Scalar(text)) => vec![text.clone()],
            Some(list) => list
                .items()
                .iter()
                .filter_map(Value::scalar)
                .map(str::to_owned)
                .collect(),
            None => Vec::new(),
        }
    };
    let open_step = |list: &str, name: &str| {
        value
            .get(list)
            .map(|steps| match steps {
                Value::Object(_) => std::slice::from_ref(steps),
                other => other.items(),
            })
            .unwrap_or_default()
            .iter()
            .rfind(|step| step.text(&["CompletedSuccessfully"]) != Some("true"))
            .and_then(|step| step.text(&[name]))
            .unwrap_or_default()
            .to_owned()
    };
    Report {
        rule_name: text("ProfileName"),
        rule_guid: text("ProfileGuid"),
        system: value
            .get("SystemInfo")
            .map(Value::members)
            .unwrap_or_default()
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.scalar()?.to_owned())))
            .collect(),
        failures: list("FailureData"),
        remedies: list("Remediation"),
        log_error_line: text("LogErrorLine"),
        details: text("FailureDetails"),
        phase: open_step("SetupPhaseInfo", "PhaseName"),
        operation: open_step("SetupOperationInfo", "OperationName"),
    }
}
