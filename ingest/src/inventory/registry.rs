//! Registry values: output of `reg query` and .reg exports.
//!
//! Each key with values is one record, so that evidence points at its line. Besides
//! `registry.<key>\<value>` the values that say something in our own words are said so: start types
//! of services, build and edition, computer name, zone.

use patchlens_event::inventory;

use super::facts::Facts;
use super::lines::Line;
use crate::zone::posix_rule;
use crate::{LoggedTime, RecordSink};

/// True when a line names a registry key.
pub(crate) fn key_of(line: &str) -> Option<&str> {
    let trimmed = line.trim();
    let key = trimmed
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(trimmed);
    let root = key.split('\\').next().unwrap_or_default();
    let known = [
        "HKEY_LOCAL_MACHINE",
        "HKEY_CURRENT_USER",
        "HKEY_CLASSES_ROOT",
        "HKEY_USERS",
        "HKEY_CURRENT_CONFIG",
        "HKLM",
        "HKCU",
    ];
    (key.contains('\\')
        && known.iter().any(|name| root.eq_ignore_ascii_case(name))
        && !line.starts_with(char::is_whitespace))
    .then_some(key)
}

/// Name and data of a value line.
fn value_of(line: &str) -> Option<(&str, String)> {
    if let Some(rest) = line.strip_prefix('"') {
        let (name, data) = rest.split_once("\"=")?;
        let data = match data.strip_prefix("dword:") {
            Some(hex) => format!(
                "0x{}",
                hex.trim_start_matches('0')
                    .to_ascii_lowercase()
                    .chars()
                    .next()
                    .map_or("0".to_owned(), |_| hex
                        .trim()
                        .trim_start_matches('0')
                        .to_ascii_lowercase())
            ),
            None => data.trim().trim_matches('"').replace("\\\\", "\\"),
        };
        return Some((name, data));
    }
    if !line.starts_with(char::is_whitespace) {
        return None;
    }
    let at = line.find(" REG_").or_else(|| line.find("\tREG_"))?;
    let name = line.get(..at)?.trim();
    let rest = line.get(at + 1..)?;
    let (_, data) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    (!name.is_empty()).then(|| (name, data.trim().to_owned()))
}

fn number(data: &str) -> Option<u32> {
    match data.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => data.parse().ok(),
    }
}

/// The bytes of a REG_BINARY value: `reg query` prints them in one piece, an export behind `hex:` with commas.
fn bytes(data: &str) -> Option<Vec<u8>> {
    let digits = data.strip_prefix("hex:").unwrap_or(data).replace(',', "");
    hex::decode(digits.trim()).ok()
}

/// Reads every key.
pub(crate) fn parse(lines: &[Line], sink: &mut dyn RecordSink) {
    let starts: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| key_of(&line.text).is_some())
        .map(|(at, _)| at)
        .collect();
    if starts.is_empty() {
        return Facts::default().emit(lines, LoggedTime::Unstated, sink);
    }
    for (index, &start) in starts.iter().enumerate() {
        let from = if index == 0 { 0 } else { start };
        let to = starts.get(index + 1).copied().unwrap_or(lines.len());
        let key = lines
            .get(start)
            .and_then(|line| key_of(&line.text))
            .unwrap_or_default();
        let values: Vec<(&str, String)> = lines
            .get(start + 1..to)
            .unwrap_or_default()
            .iter()
            .filter_map(|line| value_of(&line.text))
            .collect();
        facts(key, &values).emit(
            lines.get(from..to).unwrap_or_default(),
            LoggedTime::Unstated,
            sink,
        );
    }
}

fn facts(key: &str, values: &[(&str, String)]) -> Facts {
    let mut facts = Facts::default();
    let value = |name: &str| {
        values
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, data)| data.as_str())
    };
    let lower = key.to_ascii_lowercase();
    if let Some((before, service)) = key.rsplit_once('\\')
        && before.to_ascii_lowercase().ends_with("\\services")
        && let Some(start) = value("Start").and_then(number)
    {
        facts.add(
            format!("{}{service}", inventory::SERVICE_START),
            start.to_string(),
        );
    }
    if lower.ends_with("\\windows nt\\currentversion") {
        if let Some(build) = value("CurrentBuild").or_else(|| value("CurrentBuildNumber")) {
            let (major, minor) = (
                value("CurrentMajorVersionNumber").and_then(number),
                value("CurrentMinorVersionNumber").and_then(number),
            );
            let version = match (major, minor, value("CurrentVersion")) {
                (Some(major), Some(minor), _) => format!("{major}.{minor}"),
                (_, _, Some(version))
                    if version.starts_with("6.")
                        && build.parse::<u32>().is_ok_and(|build| build < 10_000) =>
                {
                    version.to_owned()
                }
                _ => "10.0".to_owned(),
            };
            let revision = value("UBR")
                .and_then(number)
                .map(|ubr| format!(".{ubr}"))
                .unwrap_or_default();
            facts.add(inventory::OS_BUILD, format!("{version}.{build}{revision}"));
        }
        facts.add(inventory::OS_NAME, value("ProductName").unwrap_or_default());
        facts.add(
            inventory::OS_EDITION,
            value("EditionID").unwrap_or_default(),
        );
    }
    if lower.ends_with("\\computername") {
        facts.add(
            inventory::DEVICE_NAME,
            value("ComputerName").unwrap_or_default(),
        );
    }
    if lower.ends_with("\\timezoneinformation") {
        // The registry holds UTC minus local time; a negative bias is a wrapped DWORD.
        let signed = |name: &str| value(name).and_then(number).map(u32::cast_signed);
        if let Some(bias) = signed("ActiveTimeBias").or_else(|| signed("Bias")) {
            facts.add(
                inventory::UTC_OFFSET_MINUTES,
                bias.saturating_neg().to_string(),
            );
        }
        let rule = posix_rule(signed, |name| value(name).and_then(bytes));
        facts.add(inventory::TIME_ZONE_RULE, rule.unwrap_or_default());
    }
    for (name, data) in values {
        facts.add(
            format!("{}{key}\\{name}", inventory::REGISTRY),
            data.as_str(),
        );
    }
    facts
}
