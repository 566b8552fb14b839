//! The contract of the JSON API, `docs/openapi.json`, kept at its boundary: what the document does not name is refused.
//!
//! Handlers give bodies; this layer refuses unknown, doubled and oversized parameters and other methods, answers
//! `OPTIONS`, and gives each body an `ETag`, so that who asks again for what has not changed gets 304 and no body.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::answer;
use crate::error::Error;
use crate::frame::Frame;

/// The document, as `GET /api/v1/openapi.json` gives it.
pub(crate) const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// What every resource allows.
const METHODS: &str = "GET, HEAD, OPTIONS";
/// No filter needs more.
const VALUE_CHARS_MAX: usize = 1_000;
/// Bodies are bounded by the reports' own limits; this bounds a mistake.
const BODY_BYTES_MAX: usize = 64 << 20;

/// The query parameters of each path, out of the document.
static PARAMETERS: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    let document: Document = serde_json::from_str(DOCUMENT).unwrap_or_default();
    let names = |item: Item| {
        let queries = item.get.parameters.into_iter();
        queries
            .filter(|parameter| parameter.place == "query")
            .map(|parameter| parameter.name)
            .collect()
    };
    let paths = document.paths.into_iter();
    paths.map(|(path, item)| (path, names(item))).collect()
});

/// What this layer reads of the document.
#[derive(Default, Deserialize)]
struct Document {
    paths: BTreeMap<String, Item>,
}

#[derive(Deserialize)]
struct Item {
    get: Operation,
}

#[derive(Deserialize)]
struct Operation {
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    #[serde(rename = "in")]
    place: String,
}

/// `GET /api/v1/openapi.json`.
pub(crate) async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

/// The layer around every resource of the API.
pub(crate) async fn contract(request: Request, next: Next) -> Response {
    match *request.method() {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return (StatusCode::NO_CONTENT, [(ALLOW, METHODS)]).into_response(),
        _ => {
            let method = request.method().as_str().chars().take(20).collect();
            let mut refused = answer::problem_json(&Error::Method { method });
            refused
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static(METHODS));
            return refused;
        }
    }
    let (parts, body) = request.into_parts();
    if let Err(error) = check(parts.uri.path(), &Frame::of(&parts).query) {
        return answer::problem_json(&error);
    }
    let known = parts.headers.get(IF_NONE_MATCH).cloned();
    let is_head = parts.method == Method::HEAD;
    let response = next.run(Request::from_parts(parts, body)).await;
    if response.status() == StatusCode::BAD_REQUEST && !is_json(&response) {
        // What the framework refuses before a handler sees it: an id that is no text.
        return answer::problem_json(&Error::Query {
            name: "id".to_owned(),
            expected: "percent-encoded UTF-8".to_owned(),
        });
    }
    // The stream of news has no end to hash.
    let is_stream = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if is_stream || response.status() != StatusCode::OK {
        return response;
    }
    let mut response = with_etag(response, known.as_ref()).await;
    if is_head {
        *response.body_mut() = Body::empty();
    }
    response
}

fn is_json(response: &Response) -> bool {
    response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.contains("json"))
}

fn check(path: &str, query: &[(String, String)]) -> Result<(), Error> {
    // A resource of one thing is called by the thing's id, which stands in braces in the document.
    let of_path = PARAMETERS.get(path).or_else(|| {
        let (parent, _) = path.rsplit_once('/')?;
        let item = |(name, _): &(&String, _)| {
            name.strip_prefix(parent)
                .is_some_and(|rest| rest.starts_with("/{"))
        };
        PARAMETERS.iter().find(item).map(|(_, known)| known)
    });
    let known = of_path.map_or(&[][..], Vec::as_slice);
    for (index, (name, value)) in query.iter().enumerate() {
        let refused = |expected: String| Error::Query {
            name: name.chars().take(100).collect(),
            expected,
        };
        if !known.contains(name) {
            let list = if known.is_empty() {
                "this resource takes no parameters".to_owned()
            } else {
                format!("this resource takes {}", known.join(", "))
            };
            return Err(refused(list));
        }
        if query.iter().skip(index + 1).any(|(other, _)| other == name) {
            return Err(refused("give it once".to_owned()));
        }
        if value.chars().count() > VALUE_CHARS_MAX || value.contains('\0') {
            return Err(refused(format!(
                "at most {VALUE_CHARS_MAX} characters, none of them NUL"
            )));
        }
    }
    Ok(())
}

async fn with_etag(response: Response, known: Option<&HeaderValue>) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let tag = tag(&bytes);
    if let Ok(value) = HeaderValue::from_str(&tag) {
        parts.headers.insert(ETAG, value);
    }
    // Asked again each time, sent again only when it changed.
    parts
        .headers
        .insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if known.is_some_and(|known| matches(known, &tag)) {
        let mut headers = HeaderMap::new();
        for name in [ETAG, CACHE_CONTROL] {
            if let Some(value) = parts.headers.get(&name) {
                headers.insert(name, value.clone());
            }
        }
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    parts
        .headers
        .insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Response::from_parts(parts, Body::from(bytes))
}

fn tag(bytes: &[u8]) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("\"{:016x}-{:x}\"", hasher.finish(), bytes.len())
}

/// Whether `If-None-Match` names the tag; weak comparison, as the standard wants it.
fn matches(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    known
        .split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(path: &str, query: &[(&str, &str)]) -> bool {
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        check(path, &query).is_ok()
    }

    #[test]
    fn only_what_the_document_names_is_taken() {
        let devices = "/api/v1/devices";
        assert!(checked(devices, &[("site", "A&B"), ("page", "2")]));
        assert!(!checked(devices, &[("sites", "A")]));
        assert!(!checked(devices, &[("site", "A"), ("site", "B")]));
        assert!(!checked(devices, &[("q", &"x".repeat(1_001))]));
        assert!(!checked(devices, &[("q", "a\0")]));
        assert!(!checked("/api/v1/pipeline", &[("site", "A")]));
        assert!(checked("/api/v1/devices/PC-1", &[("all", "1")]));
        assert!(!checked("/api/v1/devices/PC-1", &[("site", "A")]));
        assert!(!checked("/api/v1/clusters/devices", &[("all", "1")]));
    }

    #[test]
    fn a_tag_is_recognised_weak_or_in_a_list() {
        let tag = tag(b"[]");
        for (known, same) in [
            (tag.clone(), true),
            (format!("\"x\", W/{tag}"), true),
            ("*".to_owned(), true),
            ("\"x\"".to_owned(), false),
        ] {
            let known = HeaderValue::from_str(&known).unwrap();
            assert_eq!(matches(&known, &tag), same, "{known:?}");
        }
    }
}
