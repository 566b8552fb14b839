//! Lists of installed updates: `wmic qfe list` (table, CSV, `/format:list`), `Get-HotFix` (table,
//! list, CSV, JSON), a CSV with a `HotFixID` column, `dism /get-packages` (list, table) and
//! `Get-WindowsPackage`.
//!
//! The list of packages also tells the exact build: the revision of the newest
//! `Package_for_RollupFix` that is installed.

use patchlens_event::inventory;

use super::facts::{Facts, Hotfixes};
use super::lines::Line;
use super::table;
use crate::{LoggedTime, RecordSink};

/// Reads one list as one record.
pub(crate) fn parse(lines: &[Line], sink: &mut dyn RecordSink) {
    let mut facts = Facts::default();
    let mut hotfixes = Hotfixes::default();
    let mut dates = Vec::new();
    for row in table::rows(lines, "HotFixID") {
        let Some(id) = row.get(&["HotFixID"]) else {
            continue;
        };
        hotfixes.add_all(id);
        dates.extend(row.get(&["InstalledOn"]).map(str::to_owned));
        facts.add(
            inventory::DEVICE_NAME,
            row.get(&["CSName", "Node", "Source", "PSComputerName"])
                .unwrap_or_default(),
        );
    }
    if hotfixes.is_empty() {
        packages(lines, &mut hotfixes, &mut facts);
    }
    facts.add(inventory::HOTFIXES, hotfixes.joined());
    facts.add(
        inventory::HOTFIX_NEWEST_ON,
        newest(&dates).unwrap_or_default(),
    );
    facts.emit(lines, LoggedTime::Unstated, sink);
}

/// The identity that a line of a package list names.
fn package_identity(line: &str) -> Option<&str> {
    let start = line.find("Package_for_")?;
    let rest = line.get(start..)?;
    rest.split(char::is_whitespace)
        .next()
        .filter(|identity| identity.contains('~'))
}

/// True when this is a list of packages.
pub(crate) fn is_package_list<'a>(lines: impl IntoIterator<Item = &'a str>) -> bool {
    lines.into_iter().any(|line| {
        package_identity(line).is_some()
            && (line
                .split_once(':')
                .is_some_and(|(label, _)| !label.contains("Package_for_") && !label.contains(','))
                || (line.starts_with("Package_for_") && line.contains(" | ")))
    })
}

/// Words for staged, pending, superseded and uninstalled: English, Chinese, German, French, Spanish,
/// Russian, Japanese.
const NOT_INSTALLED: [&str; 24] = [
    "staged",
    "pending",
    "superseded",
    "uninstall",
    "已暂存",
    "挂起",
    "已取代",
    "卸载",
    "bereitgestellt",
    "ausstehend",
    "abgelöst",
    "deinstall",
    "préconfiguré",
    "en attente",
    "remplacé",
    "désinstall",
    "preconfigurad",
    "pendiente",
    "reemplazad",
    "ожидан",
    "заменен",
    "промежуточн",
    "保留中",
    "ステージ",
];

/// `10.0.19045.4780` behind the label of a line.
fn image_version(line: &str) -> Option<&str> {
    let (_, version) = line.rsplit_once([':', '：'])?;
    let version = version.trim();
    let is_version = version.split('.').count() == 4
        && version
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    is_version.then_some(version)
}

fn packages(lines: &[Line], hotfixes: &mut Hotfixes, facts: &mut Facts) {
    let mut newest_build: Option<(u32, u32)> = None;
    for (index, line) in lines.iter().enumerate() {
        let Some(identity) = package_identity(&line.text) else {
            continue;
        };
        // The state stands in the next column or on the next line. Its words are translated; what
        // is known not to be installed is left out, a state in another language counts as installed.
        let state = match line.text.split(" | ").nth(1) {
            Some(column) => column.to_lowercase(),
            None => lines
                .get(index + 1)
                .map(|line| line.text.to_lowercase())
                .unwrap_or_default(),
        };
        if NOT_INSTALLED.iter().any(|word| state.contains(word)) {
            continue;
        }
        hotfixes.add_all(
            identity
                .split('~')
                .next()
                .unwrap_or_default()
                .trim_start_matches("Package_for_"),
        );
        if identity.starts_with("Package_for_RollupFix~") {
            let version = identity.rsplit('~').next().unwrap_or_default();
            let mut numbers = version
                .split('.')
                .map_while(|part| part.parse::<u32>().ok());
            if let (Some(build), Some(revision)) = (numbers.next(), numbers.next()) {
                newest_build = newest_build.max(Some((build, revision)));
            }
        }
    }
    // dism states its own version first and then that of the image.
    let above = lines
        .iter()
        .take_while(|line| package_identity(&line.text).is_none())
        .filter_map(|line| image_version(&line.text));
    if let Some(version) = above.skip(1).last() {
        facts.add(inventory::OS_BUILD, version);
    }
    if let Some((build, revision)) = newest_build {
        facts.add(inventory::OS_BUILD, format!("10.0.{build}.{revision}"));
    }
}

/// The newest of dates in the device's own notation, as `YYYY-MM-DD`; `None` when it cannot be told
/// which part is the day.
fn newest(dates: &[String]) -> Option<String> {
    let parts: Vec<(bool, [u32; 3])> = dates.iter().filter_map(|date| date_parts(date)).collect();
    let first_is_day = parts
        .iter()
        .any(|(dots, [a, _, c])| *c > 31 && (*dots || *a > 12));
    parts
        .into_iter()
        .filter_map(|(_, parts)| {
            let (year, month, day) = match parts {
                [year, month, day] if year > 31 => (year, month, day),
                [day, month, year] if first_is_day => (year, month, day),
                [month, day, year] => (year, month, day),
            };
            ((1990..2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day))
                .then_some((year, month, day))
        })
        .max()
        .map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}"))
}

/// Three numbers of a date, and whether dots stood between them.
fn date_parts(date: &str) -> Option<(bool, [u32; 3])> {
    let day = date.split_whitespace().next()?;
    let mut numbers = day
        .split(['/', '-', '.'])
        .map(|part| part.parse::<u32>().ok());
    let parts = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then(|| (day.contains('.'), parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dates: &[&str], expected: Option<&str>) {
        let dates: Vec<String> = dates.iter().map(|&date| date.to_owned()).collect();
        assert_eq!(newest(&dates).as_deref(), expected);
    }

    #[test]
    fn dates_are_read_in_the_notation_of_the_device() {
        check(&["3/2/2019", "12/1/2018"], Some("2019-03-02"));
        check(&["2021/1/19", "2021/2/22 0:00:00"], Some("2021-02-22"));
        check(&["19.01.2021", "02.03.2021"], Some("2021-03-02"));
        check(&["25/12/2020", "01/02/2021"], Some("2021-02-01"));
        check(&["01d2f8a0b3c4d5e6", ""], None);
    }
}
