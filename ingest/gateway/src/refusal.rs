//! What the gateway answers to a request that is not done.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::answer::NOT_ALLOWED;

/// When to try again after the event log took nothing.
pub(crate) const LOG_RETRY: Duration = Duration::from_secs(5);

/// The reason of a refusal, beside its answer, for who counts them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason(pub(crate) &'static str);

/// Why a request was not done. Becomes `{"error":{"reason":…,"detail":…}}`.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// 400
    Malformed(String),
    /// 401
    NoToken,
    /// 403
    Forbidden(String),
    /// 403 for what the request says, not for who sends it: something else may be taken.
    NotAllowed(String),
    /// 404
    Unknown(String),
    /// 408
    TooSlow,
    /// 409
    Taken(String),
    /// 413
    TooLarge(String),
    /// 429
    TooFast(Duration),
    /// 503
    Busy(String, Duration),
    /// 500
    Broken(String),
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::NotAllowed(_) => StatusCode::FORBIDDEN,
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Taken(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooFast(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy(..) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The name in metrics and answers.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed_request",
            Self::NoToken => "no_token",
            Self::Forbidden(_) => "forbidden",
            Self::NotAllowed(_) => NOT_ALLOWED,
            Self::Unknown(_) => "unknown",
            Self::TooSlow => "too_slow",
            Self::Taken(_) => "taken",
            Self::TooLarge(_) => "too_large",
            Self::TooFast(_) => "too_fast",
            Self::Busy(..) => "busy",
            Self::Broken(_) => "broken",
        }
    }

    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Malformed(detail)
            | Self::Forbidden(detail)
            | Self::NotAllowed(detail)
            | Self::Unknown(detail)
            | Self::Taken(detail)
            | Self::TooLarge(detail)
            | Self::Busy(detail, _)
            | Self::Broken(detail) => detail.clone(),
            Self::NoToken => "a token is needed: `Authorization: Bearer TOKEN`; `patchlens gateway token add NAME` makes one".to_owned(),
            Self::TooSlow => "the body did not arrive in time".to_owned(),
            Self::TooFast(_) => "this collector sends more than it may; see Retry-After".to_owned(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooFast(wait) | Self::Busy(_, wait) => Some(*wait),
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "error": {"reason": self.reason(), "detail": self.detail()}
        });
        let mut response = (self.status(), Json(body)).into_response();
        response.extensions_mut().insert(Reason(self.reason()));
        if let Some(wait) = self.retry_after() {
            // Whole seconds, rounded up: the header knows no smaller ones.
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        if matches!(self, Self::NoToken) {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer, Basic realm=\"patchlens\""),
            );
        }
        if matches!(self, Self::TooLarge(_) | Self::TooSlow) {
            // The rest of the body is not read.
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// A refusal in plain text, for clients that take whatever is JSON for an answer to their documents.
#[derive(Debug)]
pub(crate) struct PlainRefusal(Refusal);

impl From<Refusal> for PlainRefusal {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for PlainRefusal {
    fn into_response(self) -> Response {
        // The first word must not be one of JSON's.
        let text = format!("refused, {}: {}\n", self.0.reason(), self.0.detail());
        let (mut parts, _) = self.0.into_response().into_parts();
        parts.headers.remove(header::CONTENT_LENGTH);
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        parts.headers.insert(header::CONTENT_TYPE, plain);
        Response::from_parts(parts, text.into())
    }
}

/// What the routing itself refuses, such as a wrong query parameter, in the form of all refusals.
/// `is_elastic`: for a client that takes whatever is JSON for an answer to its documents.
pub(crate) async fn uniform(response: Response, is_elastic: bool) -> Response {
    let status = response.status();
    let is_ours = response.extensions().get::<Reason>().is_some()
        || response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if is_ours || !status.is_client_error() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let said = axum::body::to_bytes(body, SAID_BYTES_MAX).await;
    let said = said.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    let said = said.ok().filter(|said| !said.is_empty());
    let said = said.unwrap_or_else(|| match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            "this Content-Encoding is not taken: gzip, zstd or none".to_owned()
        }
        StatusCode::METHOD_NOT_ALLOWED => "this method is not taken here".to_owned(),
        StatusCode::NOT_FOUND => "there is nothing at this address".to_owned(),
        _ => status.to_string(),
    });
    let reason = match status {
        StatusCode::NOT_FOUND => "unknown",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        _ => "malformed_request",
    };
    let mut answer = if is_elastic {
        (status, format!("refused, {reason}: {said}\n")).into_response()
    } else {
        let body = serde_json::json!({"error": {"reason": reason, "detail": said}});
        (status, Json(body)).into_response()
    };
    answer.extensions_mut().insert(Reason(reason));
    for name in [header::ALLOW, header::ACCEPT_ENCODING] {
        if let Some(value) = parts.headers.get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

/// How much is passed on of what the routing says.
const SAID_BYTES_MAX: usize = 4096;

/// Turns a failure of the event log into an answer.
pub(crate) fn log_refusal(error: &patchlens_log::Error) -> Refusal {
    if error.is_retryable() {
        tracing::warn!(%error, "the event log takes nothing now");
        // Which broker or directory it is, is no business of a collector.
        Refusal::Busy(
            "the event log takes nothing now; nothing of this request was acknowledged".to_owned(),
            LOG_RETRY,
        )
    } else if matches!(error, patchlens_log::Error::Storage { .. }) {
        // A disk that fails or may not be written: somebody has to see to it, and the collector keeps
        // what it has until then.
        tracing::error!(%error, "the event log cannot be written");
        Refusal::Busy(
            "the event log cannot be written; nothing of this request was acknowledged".to_owned(),
            LOG_RETRY,
        )
    } else {
        tracing::error!(%error, "the event log refuses");
        Refusal::Broken("the event log refuses; the gateway's own log says why".to_owned())
    }
}
