//! Templates against a log whose statements were labelled by hand, by the measures of the LogHub
//! benchmark.

use std::collections::{BTreeMap, BTreeSet};

use patchlens_ingest::template;

use crate::shared::read;

/// Lines by label or template.
type Groups = BTreeMap<String, BTreeSet<usize>>;

struct Measures {
    /// Share of lines whose group is exactly the group of the lines with the same label.
    grouping: f64,
    /// Harmonic mean of the share of templates, and of labels, that are grouped exactly.
    grouping_f1: f64,
    /// As `grouping_f1`, and the text of the template is the labelled one.
    template_f1: f64,
}

fn measure(
    labels: &Groups,
    texts: &BTreeMap<String, String>,
    templates: &Groups,
    lines: usize,
) -> Measures {
    let label_of: BTreeMap<BTreeSet<usize>, String> = labels
        .iter()
        .map(|(label, group)| (group.clone(), label.clone()))
        .collect();
    let parts = |text: &str| -> Vec<String> {
        text.split("<*>")
            .map(|part| part.trim().to_owned())
            .collect()
    };
    let (mut lines_right, mut groups_right, mut texts_right) = (0, 0, 0);
    for (template, group) in templates {
        if let Some(label) = label_of.get(group) {
            lines_right += group.len();
            groups_right += 1;
            texts_right += usize::from(parts(template) == parts(&texts[label]));
        }
    }
    let f1 = |right: usize| 2.0 * right as f64 / (templates.len() + labels.len()) as f64;
    Measures {
        grouping: lines_right as f64 / lines as f64,
        grouping_f1: f1(groups_right),
        template_f1: f1(texts_right),
    }
}

#[test]
fn lines_of_one_statement_have_one_template() {
    for labels in ["structured", "structured_corrected"] {
        let Some(bytes) = read(&format!("cbs/loghub/Windows_2k.log_{labels}.csv")) else {
            return;
        };
        let (mut by_label, mut by_template) = (Groups::new(), Groups::new());
        let mut texts = BTreeMap::new();
        let mut template = String::new();
        let mut lines = 0;
        for (line, row) in csv::Reader::from_reader(&bytes[..]).records().enumerate() {
            let row = row.unwrap();
            template::of(&row[5], &mut template);
            by_label.entry(row[6].to_owned()).or_default().insert(line);
            texts.insert(row[6].to_owned(), row[7].to_owned());
            by_template
                .entry(template.clone())
                .or_default()
                .insert(line);
            lines += 1;
        }
        let found = measure(&by_label, &texts, &by_template, lines);
        println!(
            "{labels}: GA {:.4} FGA {:.4} FTA {:.4}; {} templates for {} labels over {lines} lines",
            found.grouping,
            found.grouping_f1,
            found.template_f1,
            by_template.len(),
            by_label.len()
        );
        assert!(lines == 2000 && found.grouping >= 0.998 && found.grouping_f1 >= 0.98);
        assert!(found.template_f1 >= 0.75);
    }
}
