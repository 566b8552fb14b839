//! Lists of services with their start types: `Get-Service`/`Get-CimInstance` as CSV or table, and
//! `sc qc`.

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

/// Reads one list as one record.
pub(crate) fn parse(lines: &[Line], sink: &mut dyn RecordSink) {
    let mut facts = Facts::default();
    let mut name = None;
    for line in lines {
        // `sc qc` keeps its labels in English.
        match line
            .text
            .split_once(':')
            .map(|(label, value)| (label.trim(), value.trim()))
        {
            Some(("SERVICE_NAME", value)) => name = Some(value.to_owned()),
            Some(("START_TYPE", value)) => {
                if let (Some(name), Some(start)) = (&name, start_type(value)) {
                    facts.add(
                        format!("{}{name}", inventory::SERVICE_START),
                        start.to_string(),
                    );
                }
            }
            _ => {}
        }
    }
    if facts.is_empty() {
        let column = if lines
            .iter()
            .any(|line| table::names_column(&line.text, "StartType"))
        {
            "StartType"
        } else {
            "StartMode"
        };
        for row in table::rows(lines, column) {
            if let (Some(name), Some(start)) = (
                row.get(&["Name", "ServiceName"]),
                row.get(&["StartType", "StartMode"]).and_then(start_type),
            ) {
                facts.add(
                    format!("{}{name}", inventory::SERVICE_START),
                    start.to_string(),
                );
            }
        }
    }
    facts.emit(lines, LoggedTime::Unstated, sink);
}
