//! Just enough of ClickHouse's lexer to see where an INSERT's data begins and which FORMAT a query
//! asks for. Strings, quoted names, comments and parentheses are skipped, never interpreted.

use std::ops::Range;

/// A word or a bracket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Word(Range<usize>),
    Semicolon,
    /// Anything else that is not white space: punctuation, a literal; outside parentheses a quoted name too.
    Other,
    /// What stands between the quotes of a name; only [`Lexer::deep`] gives it.
    Name(Range<usize>),
    /// `(`, `[` or `{`; only [`Lexer::deep`] gives it.
    Open(u8),
    /// Its end; only [`Lexer::deep`] gives it.
    Close,
}

/// Walks over the tokens outside all parentheses, or over all of them.
pub(crate) struct Lexer<'a> {
    sql: &'a [u8],
    position: usize,
    depth: usize,
    is_deep: bool,
}

impl<'a> Lexer<'a> {
    fn new(sql: &'a [u8]) -> Self {
        Self {
            sql,
            position: 0,
            depth: 0,
            is_deep: false,
        }
    }

    /// Walks into parentheses too.
    pub(crate) fn deep(sql: &'a [u8]) -> Self {
        Self {
            is_deep: true,
            ..Self::new(sql)
        }
    }

    fn at(&self, offset: usize) -> u8 {
        self.sql.get(self.position + offset).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'a [u8] {
        self.sql.get(self.position..).unwrap_or_default()
    }

    /// Moves behind the next occurrence of `end`, or to the end of the text.
    fn skip_past(&mut self, end: &[u8]) {
        let found = self
            .rest()
            .windows(end.len())
            .position(|window| window == end);
        self.position = found.map_or(self.sql.len(), |index| self.position + index + end.len());
    }

    /// Moves behind a quoted piece; a backslash escapes, a doubled quote is two pieces side by side.
    fn skip_quoted(&mut self, quote: u8) {
        self.position += 1;
        while self.position < self.sql.len() {
            match self.at(0) {
                b'\\' => self.position += 2,
                byte => {
                    self.position += 1;
                    if byte == quote {
                        return;
                    }
                }
            }
        }
        self.position = self.sql.len();
    }

    /// Moves behind `$tag$ … $tag$` when one starts here.
    fn skip_heredoc(&mut self) -> bool {
        let rest = self.rest();
        let Some(end) = rest.iter().skip(1).position(|b| *b == b'$') else {
            return false;
        };
        let Some(tag) = rest.get(..end + 2) else {
            return false;
        };
        if !tag
            .iter()
            .skip(1)
            .take(end)
            .all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        {
            return false;
        }
        self.position += tag.len();
        self.skip_past(tag);
        true
    }

    fn word(&mut self) -> Range<usize> {
        let length = self
            .rest()
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_' || **b >= 0x80)
            .count();
        let start = self.position;
        self.position += length;
        start..self.position
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        while self.position < self.sql.len() {
            let outside = self.depth == 0 || self.is_deep;
            match (self.at(0), self.at(1)) {
                (b'-', b'-') | (b'#', b' ' | b'!') => self.skip_past(b"\n"),
                (b'/', b'*') => self.skip_past(b"*/"),
                (quote @ (b'\'' | b'"' | b'`'), _) => {
                    let start = self.position + 1;
                    self.skip_quoted(quote);
                    if self.is_deep && quote != b'\'' {
                        return Some(Token::Name(start..self.position.saturating_sub(1)));
                    }
                    if outside {
                        return Some(Token::Other);
                    }
                }
                (b'$', _) if self.skip_heredoc() => {
                    if outside {
                        return Some(Token::Other);
                    }
                }
                (bracket @ (b'(' | b'[' | b'{'), _) => {
                    self.depth += 1;
                    self.position += 1;
                    if self.is_deep {
                        return Some(Token::Open(bracket));
                    }
                }
                (b')' | b']' | b'}', _) => {
                    self.depth = self.depth.saturating_sub(1);
                    self.position += 1;
                    if self.is_deep {
                        return Some(Token::Close);
                    }
                    if self.depth == 0 {
                        return Some(Token::Other);
                    }
                }
                (byte, _) if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 => {
                    let word = self.word();
                    if outside {
                        return Some(Token::Word(word));
                    }
                }
                (byte, _) => {
                    self.position += 1;
                    if outside && !byte.is_ascii_whitespace() {
                        return Some(if byte == b';' {
                            Token::Semicolon
                        } else {
                            Token::Other
                        });
                    }
                }
            }
        }
        None
    }
}

/// Where the parts of `INSERT INTO … FORMAT x <data>` lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InsertWithData {
    /// The statement before the word FORMAT.
    pub(crate) statement: Range<usize>,
    /// The format's name.
    pub(crate) format: Range<usize>,
    /// The first byte of the data.
    pub(crate) data_start: usize,
}

/// Finds the data of an INSERT that names its format; `None` for every other statement
/// (`INSERT … SELECT` and `INSERT … VALUES` among them, which the engine parses whole).
pub(crate) fn insert_with_data(sql: &[u8]) -> Option<InsertWithData> {
    let mut lexer = Lexer::new(sql);
    let mut is_insert = false;
    let mut previous_is_name_position = false;
    while let Some(token) = lexer.next() {
        let Token::Word(range) = token else {
            // A dot joins database and table: what follows it is a name still, whatever it reads.
            previous_is_name_position = sql.get(lexer.position.saturating_sub(1)) == Some(&b'.');
            continue;
        };
        let word = sql.get(range.clone())?;
        if !is_insert {
            if !word.eq_ignore_ascii_case(b"insert") {
                return None;
            }
            is_insert = true;
            continue;
        }
        if previous_is_name_position {
            previous_is_name_position =
                word.eq_ignore_ascii_case(b"table") || word.eq_ignore_ascii_case(b"function");
            continue;
        }
        if word.eq_ignore_ascii_case(b"into") {
            previous_is_name_position = true;
        } else if [b"select".as_slice(), b"with", b"values", b"from", b"watch"]
            .iter()
            .any(|stop| word.eq_ignore_ascii_case(stop))
        {
            return None;
        } else if word.eq_ignore_ascii_case(b"format") {
            let Some(Token::Word(format)) = lexer.next() else {
                return None;
            };
            let data_start = after_format(sql, format.end);
            return Some(InsertWithData {
                statement: 0..range.start,
                format,
                data_start,
            });
        }
    }
    None
}

/// Data starts behind the first line end after the format's name, or, when there is none, behind the
/// blanks. That is ClickHouse's own rule, and keeps binary data that begins with 0x0A whole.
fn after_format(sql: &[u8], mut position: usize) -> usize {
    let at = |position: usize| sql.get(position).copied();
    while matches!(at(position), Some(b' ' | b'\t' | 0x0C)) {
        position += 1;
    }
    if at(position) == Some(b';') {
        position += 1;
    }
    if at(position) == Some(b'\r') {
        position += 1;
    }
    if at(position) == Some(b'\n') {
        position += 1;
    }
    position
}

/// What the words of a statement say about how its output may be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    /// The first word, in lower case.
    pub(crate) first_word: String,
    /// The format that the statement itself names.
    pub(crate) format: Option<String>,
    /// It asks for totals, which follow the rows in a block of their own.
    pub(crate) has_totals: bool,
    /// It would read or write a file on the server (`INTO OUTFILE`, `FROM INFILE`).
    pub(crate) uses_file: bool,
}

/// Reads the outline of a statement.
pub(crate) fn outline(sql: &[u8]) -> Outline {
    let word_at = |range: &Range<usize>| {
        String::from_utf8_lossy(sql.get(range.clone()).unwrap_or_default()).to_ascii_lowercase()
    };
    let mut outline = Outline::default();
    let mut previous = String::new();
    for token in Lexer::new(sql) {
        let Token::Word(range) = token else {
            previous.clear();
            continue;
        };
        let word = word_at(&range);
        if outline.first_word.is_empty() {
            outline.first_word.clone_from(&word);
        }
        match (previous.as_str(), word.as_str()) {
            ("format", _) => {
                outline.format =
                    Some(String::from_utf8_lossy(sql.get(range).unwrap_or_default()).into_owned());
            }
            ("with", "totals") => outline.has_totals = true,
            ("into", "outfile") | ("from", "infile") => outline.uses_file = true,
            _ => {}
        }
        previous = word;
    }
    outline
}

/// Counts the pieces between semicolons that hold more than comments.
pub(crate) fn count_statements(sql: &[u8]) -> usize {
    let (mut count, mut is_empty) = (0, true);
    for token in Lexer::new(sql) {
        match token {
            Token::Semicolon => is_empty = true,
            _ if is_empty => {
                count += 1;
                is_empty = false;
            }
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(sql: &[u8]) -> Option<(String, String, Vec<u8>)> {
        let found = insert_with_data(sql)?;
        let text = |range: Range<usize>| String::from_utf8_lossy(&sql[range]).trim().to_owned();
        Some((
            text(found.statement),
            text(found.format),
            sql[found.data_start..].to_vec(),
        ))
    }

    fn check(sql: &[u8], statement: &str, format: &str, data: &[u8]) {
        let found = parts(sql).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(sql)));
        assert_eq!(
            (found.0.as_str(), found.1.as_str(), found.2.as_slice()),
            (statement, format, data)
        );
    }

    #[test]
    fn the_data_of_an_insert_starts_where_clickhouse_says() {
        check(
            b"INSERT INTO t FORMAT CSV\n1,2",
            "INSERT INTO t",
            "CSV",
            b"1,2",
        );
        check(
            b"insert into t format RowBinary \x03\x04",
            "insert into t",
            "RowBinary",
            b"\x03\x04",
        );
        check(
            b"INSERT INTO t FORMAT RowBinary\n\n\x01",
            "INSERT INTO t",
            "RowBinary",
            b"\n\x01",
        );
        check(
            b"INSERT INTO t FORMAT RowBinary\r\n\r\n",
            "INSERT INTO t",
            "RowBinary",
            b"\r\n",
        );
        check(
            b"INSERT INTO t(a, `format`) SETTINGS async_insert=0 FORMAT Native",
            "INSERT INTO t(a, `format`) SETTINGS async_insert=0",
            "Native",
            b"",
        );
        check(
            b"/* format x */ INSERT INTO db.format FORMAT TSV\n",
            "/* format x */ INSERT INTO db.format",
            "TSV",
            b"",
        );
        check(
            b"INSERT INTO TABLE FUNCTION null('format CSV') FORMAT TSV\n1",
            "INSERT INTO TABLE FUNCTION null('format CSV')",
            "TSV",
            b"1",
        );
        check(
            b"INSERT INTO `a b`.\"format\" FORMAT JSONEachRow {}",
            "INSERT INTO `a b`.\"format\"",
            "JSONEachRow",
            b"{}",
        );
    }

    #[test]
    fn other_statements_have_no_data_to_split() {
        for sql in [
            "INSERT INTO t VALUES (1)",
            "INSERT INTO t SELECT 1 FORMAT CSV",
            "INSERT INTO t (a) WITH 1 AS x SELECT x",
            "SELECT 'INSERT INTO t FORMAT CSV'",
            "",
            "   ",
            "INSERT",
            "INSERT INTO t",
            "INSERT INTO t FORMAT",
            "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        ] {
            assert_eq!(parts(sql.as_bytes()), None, "{sql}");
        }
    }

    #[test]
    fn the_outline_looks_only_at_the_statement_itself() {
        let of = |sql: &str| outline(sql.as_bytes());
        assert_eq!(of("SELECT 1 FORMAT JSON").format.as_deref(), Some("JSON"));
        assert_eq!(
            of("select format FROM t FORMAT\n-- why\nJSONCompact SETTINGS x=1;")
                .format
                .as_deref(),
            Some("JSONCompact")
        );
        assert_eq!(
            of("SELECT ' FORMAT JSON', (SELECT 1 FORMAT x) /* FORMAT y */").format,
            None
        );
        assert_eq!(
            of("SELECT $q$ it's FORMAT JSON $q$, 'a''b' , 'c\\'d FORMAT x'").format,
            None
        );
        assert!(of("SELECT a, count() FROM t GROUP BY a WITH TOTALS").has_totals);
        assert!(of("SELECT 1 INTO OUTFILE 'x'").uses_file);
        assert_eq!(of("-- c\n WITH 1 AS x SELECT x").first_word, "with");
        assert_eq!(of("(SELECT 1)").first_word, "");
    }

    #[test]
    fn statements_are_counted_outside_strings_and_comments() {
        for (sql, count) in [
            ("", 0),
            ("-- a\n;", 0),
            ("SELECT 1", 1),
            ("SELECT ';' /* ; */;", 1),
            ("SELECT 1; SELECT (2)", 2),
        ] {
            assert_eq!(count_statements(sql.as_bytes()), count, "{sql}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_walked_to_its_end(sql: Vec<u8>) {
            let _outline = outline(&sql);
            if let Some(found) = insert_with_data(&sql) {
                proptest::prop_assert!(found.statement.end <= found.format.start);
                proptest::prop_assert!(found.format.end <= found.data_start);
                proptest::prop_assert!(found.data_start <= sql.len());
            }
        }
    }
}
