//! Sentences with gaps: `{name}` is filled from a row, `[[ … ]]` is left out when one of its gaps has nothing.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

/// A text in both languages.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

impl Bilingual {
    /// Fills both.
    pub(crate) fn fill(&self, row: &Map<String, Value>) -> Self {
        Self {
            en: fill(&self.en, row),
            zh: fill(&self.zh, row),
        }
    }
}

/// The longest text of somebody else's in a message of ours, in characters.
const VALUE_CHARS_MAX: usize = 200;
/// The longest value that goes into a sentence: a reason is a sentence or two itself.
const SENTENCE_CHARS_MAX: usize = 600;
/// A word longer than this is cut within.
const WORD_CHARS_MAX: usize = 60;

/// Returns what is wrong with a template, if anything is.
pub(crate) fn problem(template: &str) -> Option<String> {
    let mut rest = template;
    while let Some(start) = rest.find(['{', '}']) {
        let (_, at) = rest.split_at(start);
        let Some(inside) = at.strip_prefix('{') else {
            return Some("has a } without a {".to_owned());
        };
        let Some((gap, behind)) = inside.split_once('}') else {
            return Some("has a { without a }".to_owned());
        };
        let (name, form) = gap.split_once('|').unwrap_or((gap, ""));
        let named =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !named || !matches!(form, "" | "percent" | "url") {
            return Some(format!(
                "has {{{gap}}}; a gap is a column's name, or name|percent or name|url"
            ));
        }
        rest = behind;
    }
    (template.matches("[[").count() != template.matches("]]").count())
        .then(|| "has a [[ without its ]]".to_owned())
}

/// Returns the names in a template's gaps.
pub(crate) fn gaps(template: &str) -> BTreeSet<&str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'))
        .map(|(gap, _)| gap.split('|').next().unwrap_or(gap))
        .collect()
}

/// Fills a template that [`problem`] found nothing wrong with.
pub(crate) fn fill(template: &str, row: &Map<String, Value>) -> String {
    let mut out = String::with_capacity(template.len() + 64);
    for (index, piece) in template.split("[[").enumerate() {
        let Some((optional, after)) = piece.split_once("]]").filter(|_| index > 0) else {
            out.push_str(&filled(piece, row).0);
            continue;
        };
        let (text, complete) = filled(optional, row);
        if complete {
            out.push_str(&text);
        }
        out.push_str(&filled(after, row).0);
    }
    out
}

/// The text, and whether every gap had something.
fn filled(piece: &str, row: &Map<String, Value>) -> (String, bool) {
    let (mut out, mut complete) = (String::new(), true);
    let mut parts = piece.split('{');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (gap, behind) = part.split_once('}').unwrap_or((part, ""));
        let (name, form) = gap.split_once('|').unwrap_or((gap, ""));
        let value = row
            .get(name)
            .map_or_else(String::new, |value| shown(value, form));
        complete &= !value.is_empty();
        out.push_str(&value);
        out.push_str(behind);
    }
    (out, complete)
}

/// A value as a sentence shows it; as part of an address it is whole, or it would lead elsewhere.
fn shown(value: &Value, form: &str) -> String {
    let text = match value {
        Value::String(text) if form == "url" => text.clone(),
        Value::Null => String::new(),
        Value::String(text) => whole_words(text, SENTENCE_CHARS_MAX),
        Value::Number(number) if number.is_f64() || form == "percent" => {
            let number = number.as_f64().unwrap_or_default();
            if form == "percent" {
                return format!("{:.1} %", number * 100.0);
            }
            short_number(number)
        }
        Value::Array(values) => values
            .iter()
            .map(|value| shown(value, ""))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    if form == "url" { url_part(&text) } else { text }
}

/// The whole text without line ends and other control characters.
pub(crate) fn without_controls(text: &str) -> String {
    plain(text, usize::MAX)
}

/// Without line ends and other control characters, and no longer than a line may be.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = plain(text, VALUE_CHARS_MAX);
    if text.chars().nth(VALUE_CHARS_MAX).is_some() {
        line.push('…');
    }
    line
}

/// Without control characters, and cut between two words when it is longer than `most` characters.
fn whole_words(text: &str, most: usize) -> String {
    let mut line = plain(text, most);
    let Some(next) = text.chars().nth(most) else {
        return line;
    };
    if !next.is_whitespace()
        && let Some((start, word)) = line.rsplit_once(' ')
        && word.chars().count() <= WORD_CHARS_MAX
    {
        let end = start.len();
        line.truncate(end);
    }
    line.truncate(line.trim_end().len());
    line.push('…');
    line
}

/// The first characters, each control character as a blank.
fn plain(text: &str, most: usize) -> String {
    text.chars()
        .take(most)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Three significant digits; very small numbers as `3e-12`.
pub(crate) fn short_number(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 || !number.is_finite() {
        format!("{number}")
    } else if size < 0.001 {
        format!("{number:.0e}")
    } else if size < 1.0 {
        trimmed(&format!("{number:.3}"))
    } else if size < 100.0 {
        trimmed(&format!("{number:.1}"))
    } else {
        format!("{number:.0}")
    }
}

fn trimmed(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What stands for itself in a part of a URL: the unreserved characters of RFC 3986.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Percent-encodes everything but unreserved characters.
pub(crate) fn url_part(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled_with(template: &str, row: &Value) -> String {
        assert_eq!(problem(template), None, "{template}");
        fill(template, row.as_object().unwrap())
    }

    #[test]
    fn gaps_are_filled_and_what_has_nothing_to_say_is_left_out() {
        let template = "{n} of {all} ({share|percent})[[ in ring {ring}]][[, {rate} before]].";
        assert_eq!(
            filled_with(
                template,
                &json!({"n": 3, "all": 40, "share": 0.075, "ring": "Broad", "rate": null})
            ),
            "3 of 40 (7.5 %) in ring Broad."
        );
        assert_eq!(
            filled_with(
                template,
                &json!({"n": 3, "all": 40, "share": 1, "ring": "", "rate": 0.000_000_12})
            ),
            "3 of 40 (100.0 %), 1e-7 before."
        );
        assert_eq!(
            filled_with("/clusters/{key|url}", &json!({"key": "v1:a b/ü"})),
            "/clusters/v1%3Aa%20b%2F%C3%BC"
        );
        let long = "k".repeat(2000);
        assert_eq!(
            filled_with("/clusters/{key|url}", &json!({"key": long})),
            format!("/clusters/{long}"),
            "an address is whole"
        );
    }

    #[test]
    fn logged_text_stays_on_its_line_and_within_its_length() {
        let long = "x".repeat(10_000);
        let text = filled_with("{a}", &json!({"a": format!("one\r\ntwo\u{1b}[31m{long}")}));
        assert!(
            text.starts_with("one  two [31m") && text.chars().count() == 601,
            "{text}"
        );
        // Cut between two words, where there are any.
        let reason = "reason ".repeat(100);
        let text = filled_with("{a}.", &json!({ "a": reason }));
        assert!(text.ends_with("reason reason…."), "{text}");
        let text = filled_with("{a}", &json!({ "a": "原因".repeat(400) }));
        assert!(
            text.ends_with("原因…") && text.chars().count() == 601,
            "{text}"
        );
        // A value is never a template.
        assert_eq!(
            filled_with("{a}", &json!({"a": "[[{b}]]", "b": "secret"})),
            "[[{b}]]"
        );
    }

    #[test]
    fn a_broken_template_is_named() {
        for (template, named) in [
            ("{a", "without a }"),
            ("a}", "without a {"),
            ("{a b}", "{a b}"),
            ("{a|upper}", "{a|upper}"),
            ("{}", "{}"),
            ("[[ {a}", "[["),
        ] {
            let problem = problem(template).unwrap();
            assert!(problem.contains(named), "{template}: {problem}");
        }
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (number, text) in [
            (0.0, "0"),
            (0.5, "0.5"),
            (0.012_34, "0.012"),
            (3.0, "3"),
            (12.345, "12.3"),
            (1234.5, "1234"),
            (3.2e-12, "3e-12"),
        ] {
            assert_eq!(short_number(number), text);
        }
    }
}
