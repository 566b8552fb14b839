//! Lists of services with their start types and states: `Get-Service`/`Get-CimInstance` as CSV, table,
//! list or JSON, `sc qc` and `sc query`.

use patchlens_event::inventory;

use super::facts::Facts;
use super::lines::Line;
use super::table;
use crate::{LoggedTime, RecordSink};

/// The number that the registry has for a start type.
fn start_type(text: &str) -> Option<u32> {
    let first = text.split_whitespace().next()?;
    if let Ok(number) = first.parse::<u32>() {
        return (number <= 4).then_some(number);
    }
    match first.to_ascii_lowercase().as_str() {
        "boot" => Some(0),
        "system" => Some(1),
        "auto" | "automatic" | "automaticdelayedstart" => Some(2),
        "manual" => Some(3),
        "disabled" => Some(4),
        _ => None,
    }
}

/// The state in Windows' own words from a word, or from the number of `sc query` and JSON.
fn state(text: &str) -> Option<&'static str> {
    let first = text.split_whitespace().next()?;
    Some(match first.to_ascii_lowercase().as_str() {
        "1" | "stopped" => "stopped",
        "2" | "startpending" | "start_pending" => "start_pending",
        "3" | "stoppending" | "stop_pending" => "stop_pending",
        "4" | "running" => "running",
        "7" | "paused" => "paused",
        _ => return None,
    })
}

fn add(facts: &mut Facts, name: &str, start: Option<&str>, current: Option<&str>) {
    if let Some(start) = start.and_then(start_type) {
        facts.add(
            format!("{}{name}", inventory::SERVICE_START),
            start.to_string(),
        );
    }
    if let Some(current) = current.and_then(state) {
        facts.add(format!("{}{name}", inventory::SERVICE_STATE), current);
    }
}

/// Reads one list as one record.
pub(crate) fn parse(lines: &[Line], sink: &mut dyn RecordSink) {
    let mut facts = Facts::default();
    let mut name = None;
    for line in lines {
        // `sc` keeps its labels in English where it is asked about one service; the localised
        // labels stand at the same places.
        match line
            .text
            .split_once(':')
            .map(|(label, value)| (label.trim(), value.trim()))
        {
            Some(("SERVICE_NAME", value)) => name = Some(value.to_owned()),
            Some(("START_TYPE", value)) => {
                add(
                    &mut facts,
                    name.as_deref().unwrap_or_default(),
                    Some(value),
                    None,
                );
            }
            Some(("STATE", value)) => {
                add(
                    &mut facts,
                    name.as_deref().unwrap_or_default(),
                    None,
                    Some(value),
                );
            }
            _ => {}
        }
    }
    if facts.is_empty() {
        let column = ["StartType", "StartMode", "DisplayName"]
            .into_iter()
            .find(|column| {
                lines
                    .iter()
                    .any(|line| table::names_column(&line.text, column))
            })
            .unwrap_or("StartMode");
        for row in table::rows(lines, column) {
            if let Some(name) = row.get(&["Name", "ServiceName"]) {
                add(
                    &mut facts,
                    name,
                    row.get(&["StartType", "StartMode"]),
                    row.get(&["Status", "State"]),
                );
            }
        }
    }
    facts.emit(lines, LoggedTime::Unstated, sink);
}
