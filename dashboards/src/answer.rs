//! From results to answers: pages, JSON, CSV, and for each of them what an error looks like.

use askama::Template;
use axum::Json;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::frame::{Frame, Theme};
use crate::i18n;

/// A page that says what is the matter and what to do.
#[derive(Template)]
#[template(path = "state.html")]
struct State<'a> {
    f: &'a Frame,
    title: String,
    what: String,
    todo: String,
    detail: String,
}

/// An error of the JSON API, as RFC 9457 has it.
#[derive(Debug, Serialize)]
struct Problem {
    /// No page describes the code: it stands for itself.
    r#type: &'static str,
    title: String,
    status: u16,
    /// What is the matter with this request.
    detail: String,
    /// Stable: programs decide by it.
    code: &'static str,
    /// What to do.
    todo: String,
}

/// Answers with a page, or with the page that explains why there is none.
pub(crate) fn page(frame: &Frame, rendered: Result<String>) -> Response {
    match rendered {
        Ok(html) => Html(html).into_response(),
        Err(error) => problem(frame, &error),
    }
}

/// Answers with JSON, or with a [`Problem`].
pub(crate) fn json<T: IntoResponse>(result: Result<T>) -> Response {
    match result {
        Ok(body) => body.into_response(),
        Err(error) => problem_json(&error),
    }
}

/// Answers with what is the matter, for a program.
pub(crate) fn problem_json(error: &Error) -> Response {
    log(error);
    // For a program an empty store is "nothing there yet" where a page is a friendly state.
    let status = if matches!(error, Error::Empty) {
        StatusCode::NOT_FOUND
    } else {
        error.status()
    };
    let code = error.code();
    let text = |part: &str| i18n::label(i18n::Lang::En, "problem", &format!("{code}_{part}"));
    let (title, todo) = match error {
        Error::Method { .. } => (
            "The method is not allowed".to_owned(),
            "Use GET or HEAD: the API reads.".to_owned(),
        ),
        _ => (text("title"), text("todo")),
    };
    let problem = Problem {
        r#type: "about:blank",
        title,
        status: status.as_u16(),
        detail: error.chain(),
        code,
        todo,
    };
    let mut response = (status, Json(problem)).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Answers with a CSV file.
pub(crate) fn csv(frame: &Frame, name: &str, result: Result<String>) -> Response {
    match result {
        Ok(body) => attachment(&format!("{name}.csv"), "text/csv", body),
        Err(error) => problem(frame, &error),
    }
}

/// A file to keep: browsers store it and open nothing of it under this address.
pub(crate) fn attachment(name: &str, kind: &str, body: String) -> Response {
    let headers = [
        (CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, body).into_response()
}

/// Answers with the page that says what is the matter.
pub(crate) fn problem(frame: &Frame, error: &Error) -> Response {
    log(error);
    let code = error.code();
    let text = |part: &str| i18n::label(frame.lang, "problem", &format!("{code}_{part}"));
    let detail = match error {
        Error::Empty => String::new(),
        Error::NotFound { id, .. } => id.chars().take(200).collect(),
        other => other.chain(),
    };
    let state = State {
        f: frame,
        title: text("title"),
        what: text("what"),
        todo: text("todo"),
        detail,
    };
    match state.render() {
        Ok(html) => (error.status(), Html(html)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn log(error: &Error) {
    if error.status().is_server_error() {
        tracing::warn!(
            code = error.code(),
            error = error.chain(),
            "a page could not be shown"
        );
    }
}
