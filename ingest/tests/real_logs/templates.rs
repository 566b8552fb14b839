//! Templates against a log whose statements were labelled by hand.

use std::collections::{BTreeMap, BTreeSet};

use patchlens_ingest::template;

use crate::shared::read;

/// The share of lines whose group, made of the lines of equal template, is exactly the group of
/// the lines with the same label: the measure of the LogHub benchmark.
#[test]
fn lines_of_one_statement_have_one_template() {
    let Some(bytes) = read("cbs/loghub/Windows_2k.log_structured_corrected.csv") else {
        return;
    };
    let mut by_label: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut by_template: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut template = String::new();
    let mut lines = 0;
    for (line, row) in csv::Reader::from_reader(&bytes[..]).records().enumerate() {
        let row = row.unwrap();
        template::of(&row[5], &mut template);
        by_label.entry(row[6].to_owned()).or_default().insert(line);
        by_template
            .entry(template.clone())
            .or_default()
            .insert(line);
        lines += 1;
    }
    let groups: BTreeSet<_> = by_label.values().collect();
    let (right, wrong): (Vec<_>, Vec<_>) = by_template
        .iter()
        .partition(|(_, group)| groups.contains(group));
    let right: usize = right.iter().map(|(_, group)| group.len()).sum();
    let accuracy =
        f64::from(u32::try_from(right).unwrap()) / f64::from(u32::try_from(lines).unwrap());
    println!(
        "grouping accuracy {accuracy:.4} over {lines} lines; {} templates for {} labels",
        by_template.len(),
        by_label.len()
    );
    for (template, group) in wrong.iter().take(20) {
        println!("grouped otherwise, {} lines: {template}", group.len());
    }
    assert!(lines == 2000 && accuracy >= 0.95);
}
