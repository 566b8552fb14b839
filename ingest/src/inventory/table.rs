//! Rows of a table that a Windows tool printed: CSV, columns of fixed width, or `Name=Value` blocks.

use super::lines::Line;

/// One row: values by column name, and the place of its line among the given lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) line_index: usize,
    cells: Vec<(String, String)>,
}

impl Row {
    /// The first of these columns that is there and not empty; names are compared without case.
    pub(crate) fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            self.cells.iter().find(|(column, value)| column.eq_ignore_ascii_case(name) && !value.is_empty()).map(|(_, value)| value.as_str())
        })
    }
}

/// Reads the table whose header names `column`; no rows when there is none.
pub(crate) fn rows(lines: &[Line], column: &str) -> Vec<Row> {
    let Some(header) = lines.iter().position(|line| names_column(&line.text, column)) else { return blocks(lines) };
    let header_text = lines.get(header).map(|line| line.text.as_str()).unwrap_or_default();
    let body = lines.iter().enumerate().skip(header + 1).filter(|(_, line)| !line.is_blank() && !is_rule(&line.text));
    if let Some(delimiter) = delimiter(header_text) {
        let columns = split_csv(header_text, delimiter);
        return body
            .map(|(line_index, line)| Row { line_index, cells: columns.iter().cloned().zip(split_csv(&line.text, delimiter)).collect() })
            .collect();
    }
    let columns = column_starts(header_text);
    body.map(|(line_index, line)| Row { line_index, cells: split_columns(&line.text, &columns) }).collect()
}

/// True when a header line names this column.
pub(crate) fn names_column(line: &str, column: &str) -> bool {
    !line.contains('=') && line.split([',', ';', '\t', ' ', '"']).any(|word| word.eq_ignore_ascii_case(column))
}

/// A line of dashes below a header.
fn is_rule(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b'-' | b' ')) && line.contains('-')
}

fn delimiter(header: &str) -> Option<u8> {
    [b',', b';', b'\t'].into_iter().find(|delimiter| header.as_bytes().contains(delimiter))
}

/// Splits one CSV line; a quoted value may hold the delimiter and doubled quotes.
pub(crate) fn split_csv(line: &str, delimiter: u8) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(line.as_bytes());
    reader.records().next().and_then(Result::ok).map(|record| record.iter().map(|cell| cell.trim().to_owned()).collect()).unwrap_or_default()
}

/// Where each column of a fixed-width header starts, in characters.
fn column_starts(header: &str) -> Vec<(String, usize)> {
    let mut columns: Vec<(String, usize)> = Vec::new();
    let mut after_space = true;
    for (at, c) in header.chars().enumerate() {
        if c == ' ' {
            after_space = true;
        } else if after_space {
            columns.push((c.to_string(), at));
            after_space = false;
        } else if let Some((name, _)) = columns.last_mut() {
            name.push(c);
        }
    }
    columns
}

fn split_columns(line: &str, columns: &[(String, usize)]) -> Vec<(String, String)> {
    let ends = columns.iter().skip(1).map(|(_, start)| *start).chain([usize::MAX]);
    columns
        .iter()
        .zip(ends)
        .map(|((name, start), end)| (name.clone(), line.chars().skip(*start).take(end.saturating_sub(*start)).collect::<String>().trim().to_owned()))
        .collect()
}

/// `Name=Value` or `Name : Value` lines; a blank line ends a row.
pub(crate) fn blocks(lines: &[Line]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut open = false;
    for (line_index, line) in lines.iter().enumerate() {
        let pair = line.text.split_once('=').or_else(|| line.text.split_once(" : ")).or_else(|| line.text.split_once(": "));
        match pair {
            Some((name, value)) => {
                if !open {
                    rows.push(Row { line_index, cells: Vec::new() });
                    open = true;
                }
                if let Some(row) = rows.last_mut() {
                    row.cells.push((name.trim().to_owned(), value.trim().to_owned()));
                }
            }
            None if line.is_blank() => open = false,
            None => {}
        }
    }
    rows
}
