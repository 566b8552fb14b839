//! Markdown for tickets and mails.

use super::document::{Block, Document};

/// Writes the document as Markdown. Text of logs stays text: every sign that Markdown or HTML could read
/// is escaped, and quoted records stand in a fence that is longer than any in them.
pub fn markdown(document: &Document) -> String {
    let mut out = format!("# {}\n", escape(&document.title));
    for section in &document.sections {
        out.push_str(&format!("\n## {}\n", escape(&section.heading)));
        for block in &section.blocks {
            out.push('\n');
            write(block, &mut out);
        }
    }
    out
}

fn write(block: &Block, out: &mut String) {
    match block {
        Block::Text { text } => {
            out.push_str(&escape(text));
            out.push('\n');
        }
        Block::Steps { steps } => {
            for (index, step) in steps.iter().enumerate() {
                out.push_str(&format!("{}. {}\n", index + 1, escape(step)));
            }
        }
        Block::Facts { facts } => {
            for (name, value) in facts {
                out.push_str(&format!("- **{}**: {}\n", escape(name), escape(value)));
            }
        }
        Block::Table { header, rows } => {
            row(header, out);
            out.push_str(&format!("|{}\n", " --- |".repeat(header.len())));
            for cells in rows {
                row(cells, out);
            }
        }
        Block::Quote { place, text } => {
            let longest = longest_run(text, '`');
            let fence = "`".repeat(longest.max(2) + 1);
            out.push_str(&format!(
                "{}\n\n{fence}text\n{}\n{fence}\n",
                escape(place),
                printable(text)
            ));
        }
    }
}

fn row(cells: &[String], out: &mut String) {
    out.push('|');
    for cell in cells {
        out.push_str(&format!(" {} |", escape(cell)));
    }
    out.push('\n');
}

fn longest_run(text: &str, sign: char) -> usize {
    text.split(|c| c != sign)
        .map(|run| run.chars().count())
        .max()
        .unwrap_or_default()
}

/// Control characters could move a terminal's cursor; lines stay lines.
fn printable(text: &str) -> String {
    let clean = text.trim_end().replace("\r\n", "\n").replace('\r', "\n");
    clean
        .chars()
        .map(|c| {
            if c.is_control() && c != '\n' && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// One line of text in which nothing is mark-up.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for (index, c) in text.trim().chars().enumerate() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => {
                escaped.push('\\');
                escaped.push(c);
            }
            // At the beginning of a line these would make a list or a heading.
            '-' | '+' | '=' if index == 0 => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\n' | '\r' | '\t' => escaped.push(' '),
            c if c.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(c),
        }
    }
    escaped
}
