//! Lists of volumes with their free space: `wmic logicaldisk`, `Get-Volume`, `Get-PSDrive` as CSV,
//! table or list.

use patchlens_event::inventory;

use super::facts::Facts;
use super::lines::Line;
use super::table;
use crate::{LoggedTime, RecordSink};

const FREE_COLUMNS: [&str; 4] = ["FreeSpace", "SizeRemaining", "Free", "FreeMB"];

/// MiB from a number of bytes, or from a number with its unit.
fn mebibytes(text: &str, column_is_megabytes: bool) -> Option<u64> {
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = (
        text.get(..split)?.trim().replace(',', ""),
        text.get(split..)?.trim(),
    );
    if column_is_megabytes {
        return number.split('.').next()?.parse().ok();
    }
    if unit.is_empty() || unit == "B" {
        return number.parse::<u64>().ok().map(|bytes| bytes >> 20);
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let hundredths = whole.parse::<u64>().ok()?.checked_mul(100)?
        + format!("{fraction:0<2}").get(..2)?.parse::<u64>().ok()?;
    let kibibytes_per_unit = match unit {
        "KB" => 1,
        "MB" => 1 << 10,
        "GB" => 1 << 20,
        "TB" => 1 << 30,
        _ => return None,
    };
    Some((hundredths.checked_mul(kibibytes_per_unit)? / 100) >> 10)
}

/// Reads one list as one record.
pub(crate) fn parse(lines: &[Line], sink: &mut dyn RecordSink) {
    let mut facts = Facts::default();
    let column = FREE_COLUMNS
        .into_iter()
        .find(|column| {
            lines
                .iter()
                .any(|line| table::names_column(&line.text, column))
        })
        .unwrap_or("FreeSpace");
    for row in table::rows(lines, column) {
        let volume = row.get(&[
            "DeviceID",
            "Caption",
            "DriveLetter",
            "Drive",
            "Volume",
            "Name",
            "FriendlyName",
        ]);
        let free = FREE_COLUMNS
            .into_iter()
            .find_map(|column| mebibytes(row.get(&[column])?, column == "FreeMB"));
        if let (Some(volume), Some(free)) = (volume, free) {
            let letter = volume.len() == 1 && volume.bytes().all(|b| b.is_ascii_alphabetic());
            let name = if letter {
                format!("{volume}:")
            } else {
                volume.trim_end_matches('\\').to_owned()
            };
            facts.add(
                format!("{}{name}", inventory::FREE_SPACE_MB),
                free.to_string(),
            );
        }
    }
    facts.emit(lines, LoggedTime::Unstated, sink);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_unit() {
        assert_eq!(mebibytes("10737418240", false), Some(10_240));
        assert_eq!(mebibytes("1.5 GB", false), Some(1_536));
        assert_eq!(mebibytes("512.25 MB", false), Some(512));
        assert_eq!(mebibytes("300", true), Some(300));
        assert_eq!(mebibytes("full", false), None);
    }
}
