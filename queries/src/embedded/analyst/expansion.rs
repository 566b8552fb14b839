//! How large a statement becomes when its WITH names are filled in.
//!
//! The planner copies a WITH query to each place that names it, and a query that names the one before it twice, forty
//! times over, would be copied 2⁴⁰ times: planning has no time limit, so it has to be counted before.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::embedded::ffi::Parameters;
use crate::embedded::sql::{Lexer, Token};

/// Tables and views that a statement may read once its WITH names are filled in. A fleet's question needs ten.
const TABLES_MAX: u64 = 100;

/// Refuses a statement that would grow beyond [`TABLES_MAX`]. `tables` are the names that it reads.
pub(super) fn check(sql: &[u8], parameters: &Parameters, tables: &[String]) -> Result<(), String> {
    let words = words(sql, parameters)?;
    let mut definitions: BTreeMap<String, Vec<Range<usize>>> = BTreeMap::new();
    let mut bodies = BTreeMap::new();
    for (name, body) in find_definitions(&words) {
        bodies.insert(body.start, body.end);
        definitions.entry(name).or_default().push(body);
    }
    let mut sizes = Sizes {
        words: &words,
        definitions: &definitions,
        bodies: &bodies,
        tables: tables.iter().map(String::as_str).collect(),
        known: BTreeMap::new(),
        open: BTreeSet::new(),
    };
    let size = sizes.of(0..words.len());
    if size > TABLES_MAX {
        return Err(format!(
            "the statement reads {size} tables and views once its WITH names are filled in, and {TABLES_MAX} are the most"
        ));
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    Name(String),
    Open,
    Close,
    Other,
}

fn words(sql: &[u8], parameters: &Parameters) -> Result<Vec<Word>, String> {
    let text = |range: &Range<usize>| {
        String::from_utf8_lossy(sql.get(range.clone()).unwrap_or_default()).into_owned()
    };
    let mut words = Vec::new();
    let mut tokens = Lexer::deep(sql).peekable();
    while let Some(token) = tokens.next() {
        let word = match token {
            Token::Word(range) => Word::Name(text(&range)),
            Token::Name(range) => {
                let name = text(&range);
                if name.contains('\\') {
                    return Err("a backslash in a quoted name".to_owned());
                }
                Word::Name(name)
            }
            Token::Open(bracket) => {
                // `{name:Identifier}` stands for a name that is given beside the statement.
                if let (b'{', Some(Token::Word(range))) = (bracket, tokens.peek()) {
                    let name = text(range);
                    let value = parameters.0.iter().find(|(known, _)| *known == name);
                    words.extend(value.map(|(_, value)| Word::Name(value.clone())));
                }
                Word::Open
            }
            Token::Close => Word::Close,
            Token::Semicolon | Token::Other => Word::Other,
        };
        words.push(word);
    }
    Ok(words)
}

/// Finds `name AS [MATERIALIZED] (…)`: the name and what stands between the brackets.
fn find_definitions(words: &[Word]) -> Vec<(String, Range<usize>)> {
    let is = |index: usize, keyword: &str| matches!(words.get(index), Some(Word::Name(name)) if name.eq_ignore_ascii_case(keyword));
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let Word::Name(name) = word else { continue };
        if !is(index + 1, "as") {
            continue;
        }
        let open = index + 2 + usize::from(is(index + 2, "materialized"));
        if words.get(open) == Some(&Word::Open) {
            found.push((name.clone(), open + 1..end_of(words, open)));
        }
    }
    found
}

/// The position of the bracket that closes the one at `open`; they balance in whatever the engine parsed before.
fn end_of(words: &[Word], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, word) in words.iter().enumerate().skip(open) {
        match word {
            Word::Open => depth += 1,
            Word::Close => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return index;
                }
            }
            Word::Name(_) | Word::Other => {}
        }
    }
    words.len()
}

struct Sizes<'a> {
    words: &'a [Word],
    definitions: &'a BTreeMap<String, Vec<Range<usize>>>,
    /// Where each definition's body starts and ends.
    bodies: &'a BTreeMap<usize, usize>,
    tables: BTreeSet<&'a str>,
    known: BTreeMap<String, u64>,
    /// Names that are being counted: a recursive query names itself.
    open: BTreeSet<String>,
}

impl Sizes<'_> {
    /// The tables that a range of words reads, WITH names filled in; what stands in a definition counts where it is named.
    fn of(&mut self, range: Range<usize>) -> u64 {
        let mut size = 0_u64;
        let mut index = range.start;
        while index < range.end {
            match self.bodies.get(&index) {
                Some(end) if index != range.start && *end > index => {
                    index = *end;
                    continue;
                }
                _ => {}
            }
            if let Some(Word::Name(name)) = self.words.get(index) {
                size = size.saturating_add(self.of_name(&name.clone()));
            }
            index += 1;
        }
        size
    }

    fn of_name(&mut self, name: &str) -> u64 {
        if let Some(size) = self.known.get(name) {
            return *size;
        }
        let Some(bodies) = self.definitions.get(name) else {
            return u64::from(self.tables.contains(name));
        };
        if !self.open.insert(name.to_owned()) {
            return 0;
        }
        let size = bodies
            .iter()
            .fold(1_u64, |most, body| most.max(self.of(body.clone())));
        self.open.remove(name);
        self.known.insert(name.to_owned(), size);
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubling(levels: usize) -> String {
        let steps: Vec<String> = (1..=levels)
            .map(|n| format!("a{n} AS (SELECT * FROM a{m} AS l, `a{m}` AS r)", m = n - 1))
            .collect();
        format!(
            "WITH a0 AS (SELECT 1 FROM device), {} SELECT * FROM a{levels}",
            steps.join(", ")
        )
    }

    fn of(sql: &str, parameters: &[(&str, &str)], tables: &[&str]) -> Result<(), String> {
        let parameters = Parameters(
            parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        );
        let tables: Vec<String> = tables.iter().map(|name| (*name).to_owned()).collect();
        check(sql.as_bytes(), &parameters, &tables)
    }

    #[test]
    fn doubling_is_counted_and_questions_are_not_hindered() {
        assert!(of(&doubling(4), &[], &["device", "a0", "a1"]).is_ok());
        for levels in [8, 40, 400] {
            assert!(of(&doubling(levels), &[], &["device"]).is_err(), "{levels}");
        }
        let question =
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5),
             d AS MATERIALIZED (SELECT site, count() AS n FROM device GROUP BY site)
             SELECT d.site, d.n, r.n FROM d, r WHERE d.site IN (SELECT site FROM device)";
        assert!(of(question, &[], &["device", "d", "r"]).is_ok());
    }

    #[test]
    fn names_that_hide_are_counted_or_refused() {
        let hidden = doubling(20)
            .replace("FROM a", "FROM {p}")
            .replace("{p}", "a");
        assert!(of(&hidden, &[], &[]).is_err());
        assert!(of("SELECT * FROM `a\\x30`", &[], &[]).is_err());
        let by_parameter = "WITH a AS (SELECT 1 FROM t, t, t, t, t, t, t, t, t, t, t), b AS (SELECT 1 FROM {p:Identifier} AS x1, {p:Identifier} AS x2, a AS x3, a AS x4, a AS x5, a AS x6, a AS x7, a AS x8, a AS x9) SELECT * FROM b, b AS c";
        assert!(of(by_parameter, &[("p", "a")], &["t"]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_counted(sql: Vec<u8>) {
            let _either = check(&sql, &Parameters::default(), &[]);
        }
    }
}
