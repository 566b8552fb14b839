//! Rows of a table that a Windows tool printed: CSV, columns of fixed width, `Name=Value` blocks, or
//! the objects of `ConvertTo-Json`.

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
            self.cells
                .iter()
                .find(|(column, value)| column.eq_ignore_ascii_case(name) && !value.is_empty())
                .map(|(_, value)| value.as_str())
        })
    }
}

/// Reads the table whose header names `column`; no rows when there is none.
pub(crate) fn rows(lines: &[Line], column: &str) -> Vec<Row> {
    if super::is_json(lines) {
        return objects(lines);
    }
    let Some(header) = lines
        .iter()
        .position(|line| names_column(&line.text, column))
    else {
        return blocks(lines);
    };
    let header_text = lines
        .get(header)
        .map(|line| line.text.as_str())
        .unwrap_or_default();
    let body = lines
        .iter()
        .enumerate()
        .skip(header + 1)
        .filter(|(_, line)| !line.is_blank() && !is_rule(&line.text));
    if let Some(delimiter) = delimiter(header_text) {
        let columns = split_csv(header_text, delimiter);
        return body
            .map(|(line_index, line)| Row {
                line_index,
                cells: columns
                    .iter()
                    .cloned()
                    .zip(split_csv(&line.text, delimiter))
                    .collect(),
            })
            .collect();
    }
    let columns = column_starts(header_text);
    body.map(|(line_index, line)| Row {
        line_index,
        cells: split_columns(&line.text, &columns),
    })
    .collect()
}

/// Objects as rows; a member that is an object itself is one of PowerShell's dates, or an enumeration
/// with its name beside the number.
fn objects(lines: &[Line]) -> Vec<Row> {
    super::documents(lines)
        .into_iter()
        .map(|document| Row {
            line_index: usize::try_from(document.line.saturating_sub(1)).unwrap_or(usize::MAX),
            cells: document
                .value
                .members()
                .iter()
                .filter_map(|(name, value)| {
                    let text = value
                        .scalar()
                        .or_else(|| value.text(&["DateTime", "Value", "value"]))?;
                    Some((name.clone(), text.to_owned()))
                })
                .collect(),
        })
        .collect()
}

/// True when a header line names this column.
pub(crate) fn names_column(line: &str, column: &str) -> bool {
    !line.contains('=')
        && !line.contains(" : ")
        && line
            .split([',', ';', '\t', ' ', '"'])
            .any(|word| word.eq_ignore_ascii_case(column))
}

/// A line of dashes below a header.
fn is_rule(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b'-' | b' ')) && line.contains('-')
}

fn delimiter(header: &str) -> Option<u8> {
    [b',', b';', b'\t']
        .into_iter()
        .find(|delimiter| header.as_bytes().contains(delimiter))
}

/// Splits one CSV row; a quoted value may hold the delimiter, line ends and doubled quotes.
pub(crate) fn split_csv(row: &str, delimiter: u8) -> Vec<String> {
    let mut cells = Vec::new();
    let mut rest = row.trim_end_matches(['\r', '\n']);
    loop {
        let (cell, after) = match rest.trim_start_matches(' ').strip_prefix('"') {
            Some(quoted) => quoted_cell(quoted),
            None => (String::new(), rest),
        };
        let end = memchr::memchr(delimiter, after.as_bytes());
        let plain = end
            .and_then(|end| after.get(..end))
            .unwrap_or(if end.is_none() { after } else { "" });
        cells.push((cell + plain).trim().to_owned());
        match end.and_then(|end| after.get(end + 1..)) {
            Some(next) => rest = next,
            None => return cells,
        }
    }
}

/// The value up to the closing quote, and what follows it.
fn quoted_cell(text: &str) -> (String, &str) {
    let mut cell = String::new();
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'"', rest.as_bytes()) {
        cell.push_str(rest.get(..at).unwrap_or_default());
        let after = rest.get(at + 1..).unwrap_or_default();
        match after.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None => return (cell, after),
        }
    }
    cell.push_str(rest);
    (cell, "")
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
    let ends = columns
        .iter()
        .skip(1)
        .map(|(_, start)| *start)
        .chain([usize::MAX]);
    columns
        .iter()
        .zip(ends)
        .map(|((name, start), end)| {
            (
                name.clone(),
                line.chars()
                    .skip(*start)
                    .take(end.saturating_sub(*start))
                    .collect::<String>()
                    .trim()
                    .to_owned(),
            )
        })
        .collect()
}

/// `Name=Value` or `Name : Value` lines; a blank line ends a row.
pub(crate) fn blocks(lines: &[Line]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut open = false;
    for (line_index, line) in lines.iter().enumerate() {
        let pair = line
            .text
            .split_once('=')
            .or_else(|| line.text.split_once(" : "))
            .or_else(|| line.text.split_once(": "));
        match pair {
            Some((name, value)) => {
                if !open {
                    rows.push(Row {
                        line_index,
                        cells: Vec::new(),
                    });
                    open = true;
                }
                if let Some(row) = rows.last_mut() {
                    row.cells
                        .push((name.trim().to_owned(), value.trim().to_owned()));
                }
            }
            None if line.is_blank() => open = false,
            None => {}
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_are_split_at_delimiters_outside_of_quotes() {
        assert_eq!(
            split_csv("a,\"b, \"\"c\"\"\",,d\r\n", b','),
            ["a", "b, \"c\"", "", "d"]
        );
        assert_eq!(split_csv("\"a\r\nb\";c", b';'), ["a\r\nb", "c"]);
        assert_eq!(split_csv("", b','), [""]);
        assert_eq!(split_csv("\"open", b','), ["open"]);
    }

    proptest! {
        #[test]
        fn what_a_csv_writer_writes_is_read_back(cells in proptest::collection::vec("[a-z\",;\n ]{0,8}", 1..6)) {
            let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
            writer.write_record(&cells).unwrap();
            let row = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let trimmed: Vec<String> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
            prop_assert_eq!(split_csv(&row, b','), trimmed);
        }
    }
}
