//! Taking one rollout out of reference files.

use std::ops::Range;

use super::{ReferenceKind, delimiter};

/// The text of a reference file without the rows of one rollout.
///
/// # Output
/// Every other row as it stands; a comment directly before a row that goes, goes with it. `None` when no row is of the
/// rollout, or the file is of a kind that names none.
pub fn without_rollout(text: &str, rollout_id: &str) -> Option<String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .flexible(true)
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let header = reader.headers().ok()?.clone();
    let names_rollouts = matches!(
        ReferenceKind::of(&header)?,
        ReferenceKind::Rollouts | ReferenceKind::RolloutDevices
    );
    let column = header.iter().position(|name| name == "rollout_id")?;
    if !names_rollouts {
        return None;
    }
    let mut gone: Vec<Range<usize>> = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        let begin = offset(&reader);
        if !reader.read_record(&mut record).ok()? {
            break;
        }
        if record.get(column) == Some(rollout_id) {
            gone.push(begin..offset(&reader));
        }
    }
    if gone.is_empty() {
        return None;
    }
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for range in gone {
        kept.push_str(text.get(from..range.start).unwrap_or_default());
        from = range.end;
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    Some(kept)
}

fn offset(reader: &csv::Reader<&[u8]>) -> usize {
    usize::try_from(reader.position().byte()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_the_rollout_go_and_every_other_byte_stays() {
        let plans = "\u{feff}rollout_id;name;kb_article\r\n# The winter\r\n2024-07;\"July; B\r\nrelease\";5040427\r\n2024-08;August;5041580\r\n\r\n2024-09;\"2024-08\";5043064";
        assert_eq!(
            without_rollout(plans.trim_start_matches('\u{feff}'), "2024-08").unwrap(),
            "rollout_id;name;kb_article\r\n# The winter\r\n2024-07;\"July; B\r\nrelease\";5040427\r\n\r\n2024-09;\"2024-08\";5043064"
        );
        let devices = "rollout_id,device_id\n 2024-08 ,PC-1\n2024-07,PC-1\n2024-08,PC-2";
        assert_eq!(
            without_rollout(devices, "2024-08").unwrap(),
            "rollout_id,device_id\n2024-07,PC-1\n"
        );
    }

    #[test]
    fn a_file_that_does_not_name_the_rollout_is_left_alone() {
        for text in [
            "rollout_id,name,kb_article\n2024-07,July,5040427\n",
            "kb_article,file_name,sha256\n2024,2024-08,2024-08\n",
            "",
            "2024-08",
        ] {
            assert_eq!(without_rollout(text, "2024-08"), None, "{text}");
        }
    }
}
