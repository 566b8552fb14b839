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

/// Answers with `NAME.md`, or with the page that explains why there is none.
pub(crate) fn markdown(frame: &Frame, name: &str, case: Result<Document>) -> Response {
    match case {
        Ok(case) => answer::attachment(
            &format!("{name}.md"),
            "text/markdown",
            case::markdown(&case),
        ),
        Err(error) => answer::problem(frame, &error),
    }
}

/// Answers with `NAME.html`, one file that needs nothing else.
pub(crate) fn html(frame: &Frame, name: &str, case: Result<Document>) -> Response {
    match case {
        Ok(case) => answer::attachment(&format!("{name}.html"), "text/html", case::html(&case)),
        Err(error) => answer::problem(frame, &error),
    }
}
