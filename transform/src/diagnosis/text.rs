//! Fills the texts of a cause: `{culprit}` becomes the culprit, and `[… {holder} …]` is left out
//! when a variable in it is not known.

use crate::knowledge::{FieldValues, Variables};
use crate::row::Row;

/// The language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

/// Fills one text.
pub(crate) fn render(template: &str, variables: &Variables, language: Language) -> String {
    let mut out = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(open) = rest.find('[') {
        let (before, optional) = rest.split_at(open);
        let Some((inside, after)) = optional.get(1..).and_then(|text| text.split_once(']')) else {
            break;
        };
        fill(before, variables, language, &mut out);
        if !inside.contains('{') {
            out.push_str(optional.get(..inside.len() + 2).unwrap_or_default());
        } else if names(inside).all(|name| value(name, variables, None).is_some()) {
            fill(inside, variables, language, &mut out);
        }
        rest = after;
    }
    fill(rest, variables, language, &mut out);
    begin_with_capital(&mut out);
    out
}

/// A text that begins with a variable may begin with a word in lower case.
fn begin_with_capital(text: &mut String) {
    if text.starts_with("the ") {
        text.replace_range(..1, "T");
    }
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'))
        .map(|(name, _)| name)
}

fn value<'a>(name: &str, variables: &'a Variables, fallback: Option<Language>) -> Option<&'a str> {
    if let Some(known) = variables.get(name).filter(|value| !value.is_empty()) {
        return Some(known);
    }
    Some(match (name, fallback?) {
        ("kb", Language::English) => "the update",
        ("kb", Language::Chinese) => "该更新",
        ("culprit" | "file", Language::English) => "the file named in the evidence",
        ("culprit" | "file", Language::Chinese) => "证据中列出的文件",
        (_, Language::English) => "unknown",
        (_, Language::Chinese) => "未知",
    })
}

fn fill(text: &str, variables: &Variables, language: Language, out: &mut String) {
    let mut parts = text.split('{');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        if let Some((name, after)) = part.split_once('}') {
            out.push_str(value(name, variables, Some(language)).unwrap_or_default());
            out.push_str(after);
        } else {
            out.push('{');
            out.push_str(part);
        }
    }
}

/// The end of a section that failed says only that: which it was, and its first errors stand above it.
pub(crate) fn section_in_words(row: &Row<'_>) -> String {
    let fields = FieldValues::parse(row.fields);
    let Some(section) = fields.get("section") else {
        return row.message.to_owned();
    };
    let mut text = format!("[{section}]");
    for (name, label) in [("driver", "driver "), ("error", "")] {
        if let Some(value) = fields.get(name) {
            text.push('\n');
            text.push_str(label);
            text.push_str(value);
        }
    }
    text.push('\n');
    text.push_str(row.message.lines().next_back().unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_and_optional_parts_drop() {
        let variables = Variables::from([("culprit".to_owned(), "a.dll".to_owned())]);
        assert_eq!(
            render(
                "{culprit} is open[ in {holder}].",
                &variables,
                Language::English
            ),
            "a.dll is open."
        );
        assert_eq!(
            render(
                "{kb}[ names {culprit}] [sic] {",
                &variables,
                Language::Chinese
            ),
            "该更新 names a.dll [sic] {"
        );
        assert_eq!(
            render("{kb} fails", &variables, Language::English),
            "The update fails"
        );
        assert_eq!(
            render("[open {culprit", &variables, Language::English),
            "[open {culprit"
        );
    }
}
