//! ClickHouse's exceptions, said for the person who typed the statement.

/// The line that the guard puts before the statement, and its length.
const LINES_BEFORE: u64 = 1;
const CHARS_BEFORE: u64 = "SELECT * FROM (\n".len() as u64;

/// What to do about an exception: the end of a text's key, `sql.hint_…`.
pub(super) fn hint(code: Option<u32>) -> &'static str {
    match code {
        Some(47 | 16 | 8) => "sql.hint_column",
        Some(60 | 81) => "sql.hint_table",
        Some(46) => "sql.hint_function",
        Some(62 | 26) => "sql.hint_syntax",
        Some(43 | 53 | 386 | 6 | 41 | 38 | 72) => "sql.hint_type",
        Some(215 | 184) => "sql.hint_aggregate",
        Some(159 | 160 | 158 | 307 | 396) => "sql.hint_time",
        Some(241) => "sql.hint_memory",
        Some(164 | 497 | 452) => "sql.hint_forbidden",
        None => "sql.hint_guard",
        Some(_) => "sql.hint_other",
    }
}

/// The message without what only its programmers need: the server's version, the name of the exception's class, and
/// the statement around the reader's own. Places are counted in the reader's statement.
pub(super) fn message(text: &str) -> String {
    let text = text
        .split_once("DB::Exception: ")
        .map_or(text, |(_, rest)| rest);
    let text = text.split(" (version ").next().unwrap_or(text).trim_end();
    let text = &without_wrapper(text);
    let text = match (text.find(": While processing"), text.find(" In scope ")) {
        (Some(at), _) => cut(text, at),
        (None, Some(at)) => cut_scope(text, at),
        (None, None) => text.to_owned(),
    };
    let text = moved(&text, "position ", CHARS_BEFORE);
    moved(&text, "line ", LINES_BEFORE)
}

/// Leaves out what the guard put behind the statement, where the message repeats it.
fn without_wrapper(text: &str) -> String {
    let Some((before, after)) = text.split_once("\n) LIMIT ") else {
        return text.to_owned();
    };
    let rest = ["Expected one of", "Maybe you meant"]
        .into_iter()
        .filter_map(|word| after.find(word))
        .min()
        .and_then(|at| after.get(at..));
    match rest {
        Some(rest) => format!("{before}. {rest}"),
        None => before.to_owned(),
    }
}

fn cut(text: &str, at: usize) -> String {
    text.get(..at).unwrap_or(text).to_owned()
}

/// Leaves the scope out, which is the whole statement again, and keeps what follows it: what may have been meant.
fn cut_scope(text: &str, at: usize) -> String {
    let rest = text.get(at..).unwrap_or_default();
    let meant = rest
        .find("Maybe you meant")
        .and_then(|from| rest.get(from..));
    let name = text
        .rfind(" (")
        .and_then(|from| text.get(from..))
        .unwrap_or_default();
    match meant {
        Some(meant) => format!("{}. {meant}", cut(text, at)),
        None => format!("{}{name}", cut(text, at)),
    }
}

/// Every number after `word`, less what stands before the reader's statement.
fn moved(text: &str, word: &str, before: u64) -> String {
    let mut parts = text.split(word);
    let mut moved = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        moved.push_str(word);
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at_checked(digits).unwrap_or(("", part));
        match number.parse::<u64>() {
            Ok(number) => moved.push_str(&number.saturating_sub(before).max(1).to_string()),
            Err(_) => moved.push_str(number),
        }
        moved.push_str(rest);
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_speak_of_the_readers_statement() {
        let text = "Code: 62. DB::Exception: Syntax error: failed at position 41 (sites) (line 2, col 26): sites FROM x. \
                    Expected one of: token, Dot. (SYNTAX_ERROR) (version 26.7.1.1)";
        assert_eq!(
            message(text),
            "Syntax error: failed at position 25 (sites) (line 1, col 26): sites FROM x. Expected one of: token, Dot. (SYNTAX_ERROR)"
        );
        let text = "Code: 47. DB::Exception: Unknown expression identifier `device_nam` in scope SELECT device_nam FROM device. \
                    Maybe you meant: ['device_name']. (UNKNOWN_IDENTIFIER) (version 26.7.1.1)";
        assert!(message(text).contains("Maybe you meant: ['device_name']"));
        assert!(!message(text).contains("version"));
        let text = "Syntax error: failed at position 19 (x) (line 2, col 3): x FROM device\n) LIMIT 21 SETTINGS readonly = 2,... Expected one of: token. (SYNTAX_ERROR)";
        assert_eq!(
            message(text),
            "Syntax error: failed at position 3 (x) (line 1, col 3): x FROM device. Expected one of: token. (SYNTAX_ERROR)"
        );
        assert_eq!(
            message("a parenthesis is not closed"),
            "a parenthesis is not closed"
        );
        assert_eq!(
            message("at position 999999999999999999999999"),
            "at position 999999999999999999999999"
        );
    }

    #[test]
    fn every_exception_has_a_hint() {
        for code in [
            None,
            Some(47),
            Some(60),
            Some(46),
            Some(62),
            Some(53),
            Some(215),
            Some(159),
            Some(241),
            Some(497),
            Some(9),
        ] {
            let hint = hint(code);
            assert_ne!(
                crate::i18n::text(crate::i18n::Lang::En, hint),
                hint,
                "{code:?}"
            );
        }
    }
}
