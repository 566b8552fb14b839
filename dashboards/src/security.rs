//! What guards every answer: headers, the `Host` check that keeps foreign web pages out of a local server, and who may
//! read.

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, SET_COOKIE, VARY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::answer;
use crate::error::Error;
use crate::frame::{Frame, LANG_COOKIE, THEME_COOKIE};
use crate::server::{App, Readers};

/// No inline script, no inline style, nothing from elsewhere, no framing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Adds the headers that every answer carries, and remembers a language or theme that the address asked for.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let frame = Frame::of(&parts);
    let asked = |name: &str| {
        parts
            .uri
            .query()
            .is_some_and(|query| query.split('&').any(|pair| pair.starts_with(name)))
    };
    let cookies = [
        asked("lang=").then(|| (LANG_COOKIE, frame.lang.code())),
        asked("theme=").then(|| (THEME_COOKIE, frame.theme.name())),
    ];
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.append(VARY, HeaderValue::from_static("accept-language, cookie"));
    for (name, value) in cookies.into_iter().flatten() {
        let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(SET_COOKIE, cookie);
        }
    }
    response
}

/// Refuses a `Host` that this server is not known by: a page elsewhere whose name was pointed at this address
/// (DNS rebinding) must not read the fleet's data through the reader's browser.
pub(crate) async fn known_host(State(app): State<App>, request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|value| value.to_str().ok())
        .or_else(|| {
            request
                .uri()
                .authority()
                .map(axum::http::uri::Authority::as_str)
        })
        .unwrap_or_default();
    if app.config.knows_host(host) {
        next.run(request).await
    } else {
        let message = "unknown host name: open the page by the address it listens on, or add the name to the setting `hosts`";
        (StatusCode::MISDIRECTED_REQUEST, message).into_response()
    }
}

/// Asks for a token, where readers need one. Browsers ask their user and send it with every request from then on.
pub(crate) async fn reader(State(app): State<App>, request: Request, next: Next) -> Response {
    let Readers::Admitted(admits) = &app.readers else {
        return next.run(request).await;
    };
    let presented = request.headers().get(AUTHORIZATION);
    if admits(presented.and_then(|value| value.to_str().ok())) {
        return next.run(request).await;
    }
    let (parts, _) = request.into_parts();
    let mut response = if parts.uri.path().starts_with("/api/") {
        answer::problem_json(&Error::NoToken)
    } else {
        answer::problem(&Frame::of(&parts), &Error::NoToken)
    };
    let challenge = HeaderValue::from_static("Basic realm=\"patchlens\", charset=\"UTF-8\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}
