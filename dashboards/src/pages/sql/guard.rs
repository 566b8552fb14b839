//! Says why a statement cannot be run, before the store is asked, in words for the reader of the page.
//!
//! It lets through one `SELECT` over this database and wraps it, so that the page has no more rows than it shows. The
//! barrier is the store's: the statement runs as an analyst there, see [`crate::read::statement`].

/// Words that begin a clause with effects or change limits, wherever they stand outside quotes.
const CLAUSES: [&str; 4] = ["into", "format", "settings", "input"];

/// Table functions over data that is made here and now; every other function after FROM or JOIN is refused.
const TABLE_FUNCTIONS: [&str; 8] = [
    "numbers",
    "numbers_mt",
    "zeros",
    "generateseries",
    "generate_series",
    "values",
    "view",
    "null",
];

/// Functions that read files, run programs, reach other machines, reveal settings or burn time.
const FUNCTIONS: [&str; 22] = [
    "file",
    "sleep",
    "sleepeachrow",
    "getsetting",
    "getserversetting",
    "getsettingordefault",
    "getclienthttpheader",
    "catboostevaluate",
    "dictget",
    "dictgetordefault",
    "dictgetornull",
    "dictgetall",
    "dicthas",
    "dictgethierarchy",
    "dictisin",
    "joinget",
    "joingetornull",
    "filesystemavailable",
    "filesystemcapacity",
    "filesystemunreserved",
    "showcertificate",
    "hasthreadfuzzer",
];

/// Databases that are not the fleet's.
const DATABASES: [&str; 2] = ["system", "information_schema"];

/// Turns a reader's statement into the one that is run, or says why it is not.
///
/// # Errors
/// The reason, for the reader.
pub(super) fn guarded(statement: &str, max_rows: u64) -> Result<String, String> {
    let tokens = tokens(statement)?;
    let words: Vec<String> = tokens.iter().map(Token::lower).collect();
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    if !matches!(word(0), "select" | "with") {
        return Err("the statement must begin with SELECT or WITH".to_owned());
    }
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => {
                depth = depth
                    .checked_sub(1)
                    .ok_or("a parenthesis is closed that was never opened")?;
            }
            Token::Symbol(';') => {
                return Err("one statement at a time: remove the semicolon".to_owned());
            }
            Token::Symbol('{') if word(index + 2) == ":" => {
                return Err("parameters in braces are not filled here".to_owned());
            }
            Token::Word(_)
                if CLAUSES.contains(&word(index))
                    && word(index + 1) != "("
                    && word(index.wrapping_sub(1)) != "as" =>
            {
                return Err(format!(
                    "{} is not allowed here",
                    word(index).to_uppercase()
                ));
            }
            Token::Word(_) | Token::Quoted(_) => check_name(&words, index)?,
            Token::Symbol(_) | Token::Text => {}
        }
    }
    if depth > 0 {
        return Err("a parenthesis is not closed".to_owned());
    }
    // The newline ends a trailing comment. One row more than the limit tells that there are more.
    Ok(format!(
        "SELECT * FROM (\n{statement}\n) LIMIT {}",
        max_rows + 1,
    ))
}

/// Refuses functions and databases by name, quoted or not: ``` `file`('/etc/passwd') ``` is a call too.
fn check_name(words: &[String], index: usize) -> Result<(), String> {
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let name = word(index);
    let before = word(index.wrapping_sub(1));
    if word(index + 1) == "(" {
        let is_source = matches!(before, "from" | "join" | "in")
            || (before == "," && follows_from(words, index));
        if is_source && !TABLE_FUNCTIONS.contains(&name) {
            return Err(format!("the table function {name} is not allowed here"));
        }
        if FUNCTIONS.contains(&name) || name.starts_with("filesystem") || name.starts_with("dict") {
            return Err(format!("the function {name} is not allowed here"));
        }
    }
    if word(index + 1) == "." && before != "." && DATABASES.contains(&name) {
        return Err(format!("the database {name} cannot be read here"));
    }
    Ok(())
}

/// Whether a comma before `index` separates the sources of a FROM.
fn follows_from(words: &[String], index: usize) -> bool {
    let mut depth = 0_i32;
    for word in words.get(..index).unwrap_or_default().iter().rev() {
        match word.as_str() {
            ")" => depth += 1,
            "from" | "join" if depth == 0 => return true,
            "(" | "select" | "where" | "prewhere" | "by" | "having" | "on" | "using" | "limit"
                if depth == 0 =>
            {
                return false;
            }
            "(" => depth -= 1,
            _ => {}
        }
    }
    false
}

#[derive(Debug, PartialEq)]
enum Token {
    /// A name or a keyword.
    Word(String),
    /// A name in backticks or double quotes.
    Quoted(String),
    /// A string or a number: its content cannot be run.
    Text,
    /// Anything else.
    Symbol(char),
}

impl Token {
    fn lower(&self) -> String {
        match self {
            Self::Word(name) | Self::Quoted(name) => name.to_lowercase(),
            Self::Text => "''".to_owned(),
            Self::Symbol(symbol) => symbol.to_string(),
        }
    }
}

/// Splits a statement as ClickHouse does, comments left out. What is not understood is refused.
fn tokens(statement: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = statement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '\'' => {
                quoted(&mut chars, '\'')?;
                tokens.push(Token::Text);
            }
            '`' | '"' => tokens.push(Token::Quoted(quoted(&mut chars, c)?)),
            '-' if chars.peek() == Some(&'-') => {
                while chars.next_if(|next| *next != '\n').is_some() {}
            }
            '/' if chars.peek() == Some(&'*') => {
                chars.next();
                comment(&mut chars)?;
            }
            // `#` begins a comment and `$tag$` a text only in some positions: no page needs them.
            '#' | '$' | '\\' | '\0' => {
                return Err(format!("the character {c:?} is not allowed outside quotes"));
            }
            c if c.is_alphanumeric() || c == '_' => {
                let mut name = String::from(c);
                while let Some(next) = chars.next_if(|next| next.is_alphanumeric() || *next == '_')
                {
                    name.push(next);
                }
                tokens.push(if c.is_ascii_digit() {
                    Token::Text
                } else {
                    Token::Word(name)
                });
            }
            c if c.is_ascii() => tokens.push(Token::Symbol(c)),
            c => return Err(format!("the character {c:?} is not allowed outside quotes")),
        }
    }
    Ok(tokens)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn quoted(chars: &mut Chars<'_>, end: char) -> Result<String, String> {
    let mut content = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => content.extend(chars.next()),
            c if c == end && chars.peek() == Some(&end) => content.extend(chars.next()),
            c if c == end => return Ok(content),
            c => content.push(c),
        }
    }
    Err(format!("a quote {end} is not closed"))
}

fn comment(chars: &mut Chars<'_>) -> Result<(), String> {
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('*', Some('/')) => {
                chars.next();
                return Ok(());
            }
            // ClickHouse nests no comments, other dialects do: what differs is refused.
            ('/', Some('*')) => return Err("a comment within a comment is not allowed".to_owned()),
            _ => {}
        }
    }
    Err("a comment is not closed".to_owned())
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
