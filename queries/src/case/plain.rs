//! Text for a terminal.

use super::document::{Block, Document};
use crate::names::width;

/// Writes the document as text in columns; control characters of logs are replaced.
pub fn plain(document: &Document) -> String {
    let mut out = format!("{}\n", line(&document.title));
    for section in &document.sections {
        out.push_str(&format!("\n{}\n", line(&section.heading)));
        for block in &section.blocks {
            write(block, &mut out);
        }
    }
    out
}

fn write(block: &Block, out: &mut String) {
    match block {
        Block::Text { text } => out.push_str(&format!("  {}\n", line(text))),
        Block::Steps { steps } => {
            for (index, step) in steps.iter().enumerate() {
                out.push_str(&format!("  {}. {}\n", index + 1, line(step)));
            }
        }
        Block::Facts { facts } => {
            let widest = facts
                .iter()
                .map(|(name, _)| width(name))
                .max()
                .unwrap_or_default();
            for (name, value) in facts {
                let gap = widest.saturating_sub(width(name));
                out.push_str(&format!("  {}{:gap$}  {}\n", line(name), "", line(value)));
            }
        }
        Block::Table { header, rows } => table(header, rows, out),
        Block::Quote { place, text } => {
            out.push_str(&format!("  {}\n", line(place)));
            for quoted in text.lines() {
                out.push_str(&format!("    {}\n", line(quoted)));
            }
        }
    }
}

fn table(header: &[String], rows: &[Vec<String>], out: &mut String) {
    let all = || std::iter::once(header).chain(rows.iter().map(Vec::as_slice));
    let widest = |column: usize| {
        all()
            .filter_map(|row| row.get(column))
            .map(|cell| width(cell))
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(widest).collect();
    for row in all() {
        let mut text = String::from("  ");
        for (cell, widest) in row.iter().zip(&widths) {
            let gap = widest.saturating_sub(width(cell)) + 2;
            text.push_str(&format!("{}{:gap$}", line(cell), ""));
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
}

fn line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}
