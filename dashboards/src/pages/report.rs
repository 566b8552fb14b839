//! Case reports as files: for a ticket (Markdown), and to print or send (HTML), in the reader's language.

use axum::response::Response;
use patchlens_queries::case::{self, Document, Language};

use crate::answer;
use crate::error::Result;
use crate::frame::Frame;
use crate::i18n::Lang;

/// The language of a report is the page's.
pub(crate) fn language(frame: &Frame) -> Language {
    match frame.lang {
        Lang::En => Language::En,
        Lang::Zh => Language::Zh,
    }
}

/// Answers with `KIND-ID.md`, or with the page that explains why there is none.
pub(crate) fn markdown(frame: &Frame, kind: &str, id: &str, case: Result<Document>) -> Response {
    match case {
        Ok(case) => answer::attachment(
            &format!("{}.md", file_name(kind, id)),
            "text/markdown",
            case::markdown(&case),
        ),
        Err(error) => answer::problem(frame, &error),
    }
}

/// Answers with `KIND-ID.html`, one file that needs nothing else.
pub(crate) fn html(frame: &Frame, kind: &str, id: &str, case: Result<Document>) -> Response {
    match case {
        Ok(case) => answer::attachment(
            &format!("{}.html", file_name(kind, id)),
            "text/html",
            case::html(&case),
        ),
        Err(error) => answer::problem(frame, &error),
    }
}

/// Longest id in a file's name; ids end in what tells them apart.
const ID_CHARS: usize = 80;

/// A name that every file system and every mail program takes.
fn file_name(kind: &str, id: &str) -> String {
    let plain: Vec<char> = id
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let end: String = plain
        .iter()
        .skip(plain.len().saturating_sub(ID_CHARS))
        .collect();
    format!("{kind}-{}", end.trim_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_report_is_called_by_what_it_is_about() {
        for (id, name) in [
            ("HZ-0042", "device-HZ-0042"),
            ("v1:disk-space:c:", "device-v1-disk-space-c"),
            ("../../etc/passwd\r\nX: y", "device-etc-passwd--X--y"),
            ("更新", "device-"),
        ] {
            assert_eq!(file_name("device", id), name);
        }
        assert!(file_name("device", &"x".repeat(10_000)).len() < 100);
    }
}
