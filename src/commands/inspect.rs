//! `inspect`: what is in these files.

use patchlens_ingest::inspect::{InspectReport, inspect};

use crate::cli::Inspect;
use crate::config::Config;
use crate::output::{Format, Outcome, columns, print, print_json};

pub(crate) fn run(config: &Config, command: &Inspect) -> anyhow::Result<Outcome> {
    let report = inspect(&command.paths, &config.collect.limits)?;
    match command.format {
        Format::Json => print_json(&report)?,
        Format::Table => print(&as_table(&report, columns))?,
        Format::Markdown => print(&as_table(&report, markdown))?,
    }
    let unread = report
        .files
        .iter()
        .filter(|file| file.format.is_none())
        .count() as u64;
    let rejected: u64 = report.files.iter().map(|file| file.rejected).sum();
    Ok(Outcome::from_rejects(unread + rejected))
}

fn as_table(report: &InspectReport, lay_out: impl Fn(&[&str], &[Vec<String>]) -> String) -> String {
    let rows: Vec<Vec<String>> = report
        .files
        .iter()
        .map(|file| {
            let span = match (&file.first_at, &file.last_at) {
                (Some(first), Some(last)) => format!("{first} … {last}"),
                _ => String::new(),
            };
            vec![
                in_a_column(&file.path),
                file.device.clone().unwrap_or_default(),
                file.format
                    .clone()
                    .unwrap_or_else(|| "not recognised".to_owned()),
                file.encoding.clone().unwrap_or_default(),
                file.lines.to_string(),
                file.records.to_string(),
                file.continuations.to_string(),
                file.rejected.to_string(),
                span,
            ]
        })
        .collect();
    let mut text = lay_out(
        &[
            "file",
            "device",
            "format",
            "encoding",
            "lines",
            "records",
            "continuations",
            "rejected",
            "time",
        ],
        &rows,
    );
    for file in &report.files {
        for reject in &file.rejects {
            text.push_str(&format!(
                "rejected  {}:{} (byte {}): {}\n",
                file.path, reject.line, reject.byte_offset, reject.reason
            ));
        }
    }
    for note in &report.notes {
        text.push_str(&format!("note      {note}\n"));
    }
    text
}

/// One long path must not push the other columns out of sight; the file's name stands at its end.
/// What is rejected is named in full below the table.
fn in_a_column(path: &str) -> String {
    const CHARS_MAX: usize = 100;
    let surplus = path.chars().count().saturating_sub(CHARS_MAX);
    if surplus == 0 {
        return path.to_owned();
    }
    std::iter::once('…')
        .chain(path.chars().skip(surplus + 1))
        .collect()
}

fn markdown(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!(
        "| {} |\n|{}\n",
        header.join(" | "),
        "---|".repeat(header.len())
    );
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}
