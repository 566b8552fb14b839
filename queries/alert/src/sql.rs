//! Reading the statement of a rule: just enough to see that it is one `SELECT`, and which parameters it has.

/// A parameter `{name:Type}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Where it stands, in bytes.
    pub(crate) offset: usize,
}

/// What a statement is made of, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Code,
    Quoted(u8),
    LineComment,
    BlockComment,
}

/// Calls `see` for each byte that is code, with its offset.
fn walk(statement: &str, mut see: impl FnMut(usize, u8)) {
    let bytes = statement.as_bytes();
    let (mut piece, mut index) = (Piece::Code, 0);
    while let Some(&byte) = bytes.get(index) {
        let next = bytes.get(index + 1).copied();
        let mut step = 1;
        piece = match (piece, byte) {
            (Piece::Code, b'\'' | b'"' | b'`') => Piece::Quoted(byte),
            (Piece::Code, b'-') if next == Some(b'-') => Piece::LineComment,
            (Piece::Code, b'#') => Piece::LineComment,
            (Piece::Code, b'/') if next == Some(b'*') => {
                step = 2;
                Piece::BlockComment
            }
            (Piece::Code, _) => {
                see(index, byte);
                Piece::Code
            }
            (Piece::Quoted(_), b'\\') => {
                step = 2;
                piece
            }
            (Piece::Quoted(quote), _) if byte == quote => Piece::Code,
            (Piece::LineComment, b'\n') => Piece::Code,
            (Piece::BlockComment, b'*') if next == Some(b'/') => {
                step = 2;
                Piece::Code
            }
            _ => piece,
        };
        index += step;
    }
}

/// Says what keeps a text from being one `SELECT`, and at which offset.
pub(crate) fn check(statement: &str) -> Result<(), (usize, String)> {
    let mut word = String::new();
    let (mut begin, mut ended, mut second) = (None, None, None);
    walk(statement, |offset, byte| {
        if byte == b';' {
            ended.get_or_insert(offset);
        } else if !byte.is_ascii_whitespace() {
            if ended.is_some() {
                second.get_or_insert(offset);
            }
            let begin = *begin.get_or_insert(offset);
            if offset == begin + word.len() && byte.is_ascii_alphabetic() {
                word.push(char::from(byte.to_ascii_uppercase()));
            }
        }
    });
    if let Some(offset) = second {
        return Err((
            offset,
            "a second statement begins here; a rule has one".to_owned(),
        ));
    }
    if !matches!(word.as_str(), "SELECT" | "WITH") {
        let at = begin.unwrap_or_default();
        return Err((
            at,
            "the statement must begin with SELECT or WITH: a rule only reads".to_owned(),
        ));
    }
    Ok(())
}

/// Returns the parameters of a statement, in order, each as often as it stands there.
pub(crate) fn gaps(statement: &str) -> Vec<Gap<'_>> {
    let mut gaps = Vec::new();
    walk(statement, |offset, byte| {
        if byte == b'{'
            && let Some((name, _)) = statement
                .get(offset + 1..)
                .and_then(|rest| rest.split_once(':'))
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            gaps.push(Gap { name, offset });
        }
    });
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_select_is_a_rule() {
        for statement in [
            "SELECT 1",
            " -- a comment; with a semicolon\n/* ; */ with x AS (SELECT 1) SELECT ';' AS `a;b`, 'it\\'s; fine' FROM x ; -- end",
        ] {
            assert_eq!(check(statement), Ok(()), "{statement}");
        }
        for (statement, offset) in [
            ("SELECT 1; DROP TABLE alert", 10),
            ("DROP TABLE alert", 0),
            ("", 0),
            ("  INSERT INTO x SELECT 1", 2),
            ("SELECTED", 0),
        ] {
            assert_eq!(check(statement).unwrap_err().0, offset, "{statement}");
        }
    }

    #[test]
    fn parameters_are_found_where_they_count() {
        let statement = "SELECT {a:UInt8}, '{b:UInt8}', {c:DateTime64(6, 'UTC')} -- {d:UInt8}\n, map('x', {a:UInt8})";
        let names: Vec<&str> = gaps(statement).iter().map(|gap| gap.name).collect();
        assert_eq!(names, ["a", "c", "a"]);
        assert_eq!(gaps(statement)[0].offset, 7);
    }
}
