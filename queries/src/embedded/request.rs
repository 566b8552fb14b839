//! What a client asks for, out of URL, headers and form fields.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::embedded::access::Role;
use crate::embedded::codec::Encoding;
use crate::embedded::failure::{Failure, NOT_IMPLEMENTED};
use crate::embedded::ffi::Parameters;

/// One request to ClickHouse's HTTP interface, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// The `query` parameter; the body's beginning when empty.
    pub(crate) query: String,
    pub(crate) database: Option<String>,
    pub(crate) default_format: Option<String>,
    pub(crate) query_id: String,
    pub(crate) session: Option<SessionRequest>,
    /// `param_x`, without the prefix.
    pub(crate) parameters: Parameters,
    /// Settings of ClickHouse for this query.
    pub(crate) settings: Vec<(String, String)>,
    /// How the body is compressed: the HTTP encoding, and inside it ClickHouse's blocks.
    pub(crate) body_encoding: Encoding,
    pub(crate) body_has_blocks: bool,
    pub(crate) reply_encoding: Encoding,
    /// The whole result is to be known before the status is sent.
    pub(crate) wait_end_of_query: bool,
    /// GET and HEAD must not change anything.
    pub(crate) is_read_only: bool,
    /// Who asks, once it is known; the one with fewer rights before.
    pub(crate) role: Role,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

/// A named session: its settings and temporary tables outlive the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionRequest {
    pub(crate) id: String,
    pub(crate) timeout_seconds: u64,
    /// The session must exist already.
    pub(crate) must_exist: bool,
}

/// Settings that only mean something to a ClickHouse server's HTTP layer.
const IGNORED: &[&str] = &[
    "buffer_size",
    "cancel_http_readonly_queries_on_client_close",
    "client_protocol_version",
    "close_session",
    "framing",
    "http_headers_progress_interval_ms",
    "http_response_buffer_size",
    "http_wait_end_of_query",
    "http_zlib_compression_level",
    "quota_key",
    "role",
    "send_progress_in_http_headers",
    "stacktrace",
];

impl Request {
    /// Reads URL parameters (and form fields, which mean the same) and headers.
    pub(crate) fn new(
        pairs: Vec<(String, String)>,
        headers: &HeaderMap,
        is_read_only: bool,
        fresh_query_id: String,
    ) -> Result<Self, Failure> {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let content_encoding = text("content-encoding").unwrap_or_default();
        let body_encoding = Encoding::from_header(&content_encoding).ok_or_else(|| {
            Failure::new(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", &format!("Content-Encoding {content_encoding:?} is not known here: use gzip, deflate, zstd or lz4"))
        })?;
        let mut request = Self {
            query: String::new(),
            database: text("x-clickhouse-database"),
            default_format: text("x-clickhouse-format"),
            query_id: fresh_query_id,
            session: None,
            parameters: Parameters::default(),
            settings: Vec::new(),
            body_encoding,
            body_has_blocks: false,
            reply_encoding: Encoding::negotiate(
                &text(header::ACCEPT_ENCODING.as_str()).unwrap_or_default(),
            ),
            wait_end_of_query: false,
            is_read_only,
            role: Role::Analyst,
            user: text("x-clickhouse-user"),
            password: text("x-clickhouse-key"),
        };
        if let Some((user, password)) = text("authorization").and_then(|value| login_of(&value)) {
            request.user = request.user.or(user);
            request.password = request.password.or(Some(password));
        }
        let (mut session_id, mut session_timeout, mut session_check) = (None, 60, false);
        for (name, value) in pairs {
            match name.as_str() {
                // Several parts of a query are joined, as the server does.
                "query" => request.query.push_str(&value),
                "database" => request.database = Some(value),
                "default_format" => request.default_format = Some(value),
                "query_id" if !value.is_empty() => request.query_id = value,
                "session_id" if !value.is_empty() => session_id = Some(value),
                "session_timeout" => session_timeout = value.parse().unwrap_or(60).min(3600),
                "session_check" => session_check = is_on(&value),
                "compress" if is_on(&value) => request.reply_encoding = Encoding::Blocks,
                "enable_http_compression"
                    if !is_on(&value) && request.reply_encoding != Encoding::Blocks =>
                {
                    request.reply_encoding = Encoding::Identity;
                }
                "decompress" => request.body_has_blocks = is_on(&value),
                "wait_end_of_query" => request.wait_end_of_query = is_on(&value),
                "user" => request.user = Some(value),
                "password" => request.password = Some(value),
                "query_id" | "session_id" | "compress" | "enable_http_compression" => {}
                name if IGNORED.contains(&name) => {}
                name => match name.strip_prefix("param_") {
                    Some(parameter) => request.parameters.0.push((parameter.to_owned(), value)),
                    None => request.settings.push((name.to_owned(), value)),
                },
            }
        }
        request.session = session_id.map(|id| SessionRequest {
            id,
            timeout_seconds: session_timeout,
            must_exist: session_check,
        });
        request.database = request.database.filter(|name| !name.is_empty());
        Ok(request)
    }
}

fn is_on(value: &str) -> bool {
    !matches!(value, "" | "0" | "false")
}

/// Takes user and password out of `Basic …`, or the token out of `Bearer …`.
fn login_of(authorization: &str) -> Option<(Option<String>, String)> {
    if let Some(token) = authorization.strip_prefix("Bearer ") {
        return Some((None, token.trim().to_owned()));
    }
    let encoded = authorization.strip_prefix("Basic ")?.trim();
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    decoded
        .split_once(':')
        .map(|(user, password)| (Some(user.to_owned()), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn request(pairs: &[(&str, &str)], headers: &[(&'static str, &str)]) -> Request {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect();
        Request::new(pairs, &headers, false, "id".to_owned()).unwrap()
    }

    #[test]
    fn parameters_settings_and_the_interface_s_own_are_told_apart() {
        let found = request(
            &[
                ("query", "SELECT {a:String}"),
                ("param_a", "x"),
                ("max_threads", "2"),
                ("buffer_size", "1"),
                ("session_id", "s"),
                ("compress", "1"),
            ],
            &[("accept-encoding", "gzip"), ("x-clickhouse-key", "secret")],
        );
        assert_eq!(found.parameters.0, [("a".to_owned(), "x".to_owned())]);
        assert_eq!(found.settings, [("max_threads".to_owned(), "2".to_owned())]);
        assert_eq!(found.session.unwrap().id, "s");
        assert_eq!(found.reply_encoding, Encoding::Blocks);
        assert_eq!(found.password.as_deref(), Some("secret"));
    }

    #[test]
    fn a_password_may_come_in_any_of_clickhouse_s_ways() {
        assert_eq!(
            request(&[], &[("authorization", "Basic ZGVmYXVsdDpzZWNyZXQ6MQ==")])
                .password
                .as_deref(),
            Some("secret:1")
        );
        assert_eq!(
            request(&[], &[("authorization", "Bearer abc")])
                .password
                .as_deref(),
            Some("abc")
        );
        assert_eq!(
            request(&[("password", "p")], &[]).password.as_deref(),
            Some("p")
        );
        let basic = request(&[], &[("authorization", "Basic ZGVmYXVsdDpzZWNyZXQ6MQ==")]);
        assert_eq!(basic.user.as_deref(), Some("default"));
        assert_eq!(request(&[("user", "u")], &[]).user.as_deref(), Some("u"));
        for no_base64 in ["Basic *", "Basic ZGVmYXVsdDpzZWNyZXQ6MQ==="] {
            assert_eq!(request(&[], &[("authorization", no_base64)]).password, None);
        }
    }
}
