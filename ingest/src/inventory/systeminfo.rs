//! Output of `systeminfo`, in any language.
//!
//! The labels are translated, the values and their order are not: the version line repeats its
//! build number at the end (`10.0.17763 N/A Build 17763`), the line before it is the product name
//! and the one before that the host name; updates stand as `[01]: KB…`, the zone as `(UTC+08:00)`,
//! the domain before the logon server (`\\SERVER`). So no label is ever read.
//!
//! `systeminfo /fo csv` has the same values in the same order, on one line.

use patchlens_event::inventory;

use super::facts::{Facts, Hotfixes};
use super::lines::Line;
use super::table::split_csv;
use crate::{LoggedTime, RecordSink};

/// The person that Windows is registered to: a name that redaction takes out.
const REGISTERED_OWNER: &str = "registered_owner";
/// How far down the version line may stand.
const VERSION_WITHIN_LINES: usize = 40;

/// Reads `10.0.17763` from `10.0.17763 N/A Build 17763`.
fn os_version(value: &str) -> Option<&str> {
    let (version, rest) = value.split_once(char::is_whitespace)?;
    let mut parts = version.split('.');
    let (major, minor, build) = (parts.next()?, parts.next()?, parts.next()?);
    let numeric = [major, minor, build]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    let repeated = rest
        .split(|c: char| !c.is_ascii_digit())
        .rfind(|part| !part.is_empty())
        == Some(build);
    (numeric && parts.next().is_none() && repeated).then_some(version)
}

/// The value of a `label: value` line that starts in the first column.
fn value_of(line: &str) -> Option<&str> {
    if line.starts_with(char::is_whitespace) {
        return None;
    }
    let (label, value) = line.split_once([':', '：'])?;
    (!label.trim().is_empty()).then(|| value.trim())
}

/// True when these lines are the output of `systeminfo`.
pub(crate) fn recognise<'a>(lines: impl IntoIterator<Item = &'a str>) -> bool {
    lines.into_iter().take(VERSION_WITHIN_LINES).any(|line| {
        is_csv_row(line) || value_of(line).is_some_and(|value| os_version(value).is_some())
    })
}

/// True for the row of `systeminfo /fo csv`: its third value is the version.
fn is_csv_row(line: &str) -> bool {
    line.starts_with('"')
        && split_csv(line, b',')
            .get(2)
            .is_some_and(|value| os_version(value).is_some())
}

/// Minutes east of UTC from `(UTC+08:00) …` or `(GMT-03:30) …`.
pub(crate) fn utc_offset_minutes(text: &str) -> Option<i32> {
    let at = text.find("(UTC").or_else(|| text.find("(GMT"))?;
    let inside = text.get(at + 4..)?;
    let (inside, _) = inside.split_once(')')?;
    if inside.trim().is_empty() {
        return Some(0);
    }
    // A minus may be the typographic one.
    let (sign, rest) = match inside.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, inside.strip_prefix(['-', '−', '–'])?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let total = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
    (total <= 14 * 60).then_some(sign * total)
}

/// `zh-CN` from `zh-cn;Chinese (China)`.
fn locale(value: &str) -> Option<String> {
    let (tag, _) = value.split_once(';')?;
    let (language, region) = tag.split_once('-')?;
    let letters = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphabetic())
    };
    (letters(language, 2..=3) && letters(region, 2..=4)).then(|| {
        format!(
            "{}-{}",
            language.to_ascii_lowercase(),
            region.to_ascii_uppercase()
        )
    })
}

fn architecture(value: &str) -> Option<&'static str> {
    let lower = value.to_ascii_lowercase();
    ["x64", "x86", "arm64"]
        .into_iter()
        .find(|name| lower.starts_with(name) && lower.contains("-based"))
}

/// Reads one output; a file with several holds several records.
pub(crate) fn parse(lines: &[Line], sink: &mut dyn RecordSink) {
    let rows: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| is_csv_row(&line.text))
        .map(|(at, _)| at)
        .collect();
    if let Some(&last) = rows.last() {
        let mut from = 0;
        for &at in &rows {
            let to = if at == last { lines.len() } else { at + 1 };
            let cells = lines
                .get(at)
                .map(|line| split_csv(&line.text, b','))
                .unwrap_or_default();
            let values: Vec<&str> = cells.iter().map(String::as_str).collect();
            // The header's line is the record's continuation: its place is that of the values.
            let mut covered: Vec<Line> = lines.get(at..=at).unwrap_or_default().to_vec();
            covered.extend(
                lines
                    .get(from..to)
                    .unwrap_or_default()
                    .iter()
                    .filter(|line| line.number != at as u64 + 1)
                    .cloned(),
            );
            let items = values.iter().flat_map(|value| value.split(','));
            facts(&values, items).emit(&covered, LoggedTime::Unstated, sink);
            from = to;
        }
        return;
    }
    let starts: Vec<usize> = version_lines(lines)
        .map(|at| host_line(lines, at))
        .collect();
    for (index, &start) in starts.iter().enumerate() {
        // What stands before the first output (a prompt, a blank line) belongs to it.
        let from = if index == 0 { 0 } else { start };
        let to = starts.get(index + 1).copied().unwrap_or(lines.len());
        let output = lines.get(start..to).unwrap_or_default();
        let values: Vec<&str> = output
            .iter()
            .filter_map(|line| value_of(&line.text))
            .collect();
        let items = output.iter().map(|line| line.text.as_str());
        facts(&values, items).emit(
            lines.get(from..to).unwrap_or_default(),
            LoggedTime::Unstated,
            sink,
        );
    }
}

fn version_lines(lines: &[Line]) -> impl Iterator<Item = usize> {
    lines
        .iter()
        .enumerate()
        .filter(|(_, line)| value_of(&line.text).is_some_and(|value| os_version(value).is_some()))
        .map(|(at, _)| at)
}

/// The host name stands two values above the version, or at the top of what is there.
fn host_line(lines: &[Line], version: usize) -> usize {
    let above = lines.get(..version).unwrap_or_default();
    above
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, line)| value_of(&line.text).is_some())
        .nth(1)
        .map_or(version, |(at, _)| at)
}

/// Facts from the values in their order, and from the lines or cells that list the updates.
fn facts<'a>(values: &[&str], items: impl Iterator<Item = &'a str>) -> Facts {
    let mut facts = Facts::default();
    let mut hotfixes = Hotfixes::default();
    let version = values.iter().position(|value| os_version(value).is_some());
    if let Some(version) = version {
        let at = |index: Option<usize>| {
            index
                .and_then(|index| values.get(index))
                .copied()
                .unwrap_or_default()
        };
        facts.add(inventory::DEVICE_NAME, at(version.checked_sub(2)));
        facts.add(inventory::OS_NAME, at(version.checked_sub(1)));
        facts.add(
            inventory::OS_BUILD,
            os_version(at(Some(version))).unwrap_or_default(),
        );
    }
    for (index, value) in values.iter().enumerate() {
        if let Some(name) = architecture(value) {
            // Only the whole output has the owner, four values below the version.
            if let Some(version) = version.filter(|version| index >= version + 10) {
                facts.add(
                    REGISTERED_OWNER,
                    values.get(version + 4).copied().unwrap_or_default(),
                );
            }
            facts.add(inventory::ARCHITECTURE, name);
            // Manufacturer and model stand above the type, nine values below the version; an
            // extract that leaves lines out does not have them there.
            if version.is_some_and(|version| index >= version + 10) {
                facts.add(
                    inventory::MANUFACTURER,
                    values.get(index - 2).copied().unwrap_or_default(),
                );
                facts.add(
                    inventory::MODEL,
                    values.get(index - 1).copied().unwrap_or_default(),
                );
            }
        }
        if let Some(tag) = locale(value) {
            facts.add(inventory::LOCALE, tag);
        }
        if let Some(minutes) = utc_offset_minutes(value) {
            facts.add(inventory::UTC_OFFSET_MINUTES, minutes.to_string());
        }
        if value.starts_with("\\\\") && index > 0 {
            facts.add(
                inventory::DOMAIN,
                values.get(index - 1).copied().unwrap_or_default(),
            );
        }
    }
    for item in items {
        if let Some((_, item)) = item
            .trim_start()
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]:"))
        {
            let item = item.trim_start();
            if item.starts_with("KB") || item.starts_with("kb") {
                hotfixes.add_all(item);
            }
        }
    }
    facts.add(inventory::HOTFIXES, hotfixes.joined());
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_repeats_its_build_in_every_language() {
        for value in [
            "10.0.17763 N/A Build 17763",
            "10.0.17763 暂缺 Build 17763",
            "6.1.7601 Service Pack 1 Build 7601",
            "10.0.19045 N/D Compilación 19045",
            "5.2.3790 Build 3790",
        ] {
            assert!(os_version(value).is_some(), "{value}");
        }
        for value in [
            "HP N75 Ver. 01.29, 4-6-2018",
            "1.7.0, 2018-12-25",
            "10.0.17763",
            "VMware, Inc.",
        ] {
            assert_eq!(os_version(value), None, "{value}");
        }
    }

    #[test]
    fn zones_are_read() {
        assert_eq!(utc_offset_minutes("(UTC+08:00) 北京，重庆"), Some(480));
        assert_eq!(utc_offset_minutes("(UTC-03:30) Newfoundland"), Some(-210));
        assert_eq!(utc_offset_minutes("(UTC) Dublin"), Some(0));
        assert_eq!(utc_offset_minutes("(UTC+99:00)"), None);
        assert_eq!(utc_offset_minutes("UTC+8"), None);
    }
}
