//! What Elasticsearch clients ask before they send anything.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::refusal::{PlainRefusal, Refusal};
use crate::server::Shared;
use crate::token::Scope;

/// The version that is stated to a client that does not state its own.
const VERSION: &str = "8.15.0";

/// Elastic's own clients go on only when the server says that it is one of theirs.
pub(super) async fn product(mut response: Response) -> Response {
    response.headers_mut().insert(
        HeaderName::from_static("x-elastic-product"),
        HeaderValue::from_static("Elasticsearch"),
    );
    response
}

pub(super) async fn handshake(
    State(shared): State<Arc<Shared>>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    shared.admit(&headers, Scope::Winlogbeat)?;
    if method == Method::HEAD {
        return Ok(().into_response());
    }
    Ok(Json(json!({
        "name": "patchlens-gateway",
        "cluster_name": "patchlens",
        "cluster_uuid": "patchlens-gateway-000",
        "version": {
            "number": client_version(&headers),
            "build_flavor": "default",
            "build_type": "patchlens",
            "lucene_version": "9.11.1",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0"
        },
        "tagline": "You Know, for Search"
    }))
    .into_response())
}

/// A Beat refuses a server that is older than itself, so it is told its own version:
/// `Elastic-Winlogbeat/8.17.1 (windows; …)`.
fn client_version(headers: &HeaderMap) -> String {
    let stated = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .filter(|agent| agent.to_ascii_lowercase().contains("beat/"))
        .and_then(|agent| agent.split('/').nth(1)?.split([' ', '+', '-']).next());
    let is_version = |text: &&str| {
        text.split('.').count() == 3 && text.split('.').all(|part| part.parse::<u16>().is_ok())
    };
    stated.filter(is_version).unwrap_or(VERSION).to_owned()
}

pub(super) async fn license(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    shared.admit(&headers, Scope::Winlogbeat)?;
    let license = json!({
        "uid": "patchlens-gateway-000", "type": "basic", "mode": "basic", "status": "active"
    });
    // A Beat that was left to its own asks for ILM, and sends nothing when it is not to be had.
    let ilm = json!({"available": true, "enabled": true});
    Ok(Json(json!({"license": license, "features": {"ilm": ilm}})))
}

pub(super) async fn health(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    shared.admit(&headers, Scope::Winlogbeat)?;
    Ok(Json(
        json!({"cluster_name": "patchlens", "status": "green", "timed_out": false, "number_of_nodes": 1}),
    ))
}

/// The same for people and for rsyslog.
pub(super) async fn cat_health(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<&'static str, PlainRefusal> {
    shared.admit(&headers, Scope::Winlogbeat)?;
    Ok("patchlens green 1 1\n")
}

/// Templates and policies mean nothing here: they are there, and may be written, without effect.
pub(super) async fn present(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    shared.admit(&headers, Scope::Winlogbeat)?;
    Ok(Json(json!({"acknowledged": true})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_told_its_own_version() {
        for (agent, version) in [
            (
                "Elastic-Winlogbeat/8.17.1 (windows; amd64; abc; 2025-01-01)",
                "8.17.1",
            ),
            ("Elastic-winlogbeat/9.1.0-SNAPSHOT (windows)", "9.1.0"),
            ("Vector/0.50.0", VERSION),
            ("winlogbeat/x", VERSION),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, agent.parse().unwrap());
            assert_eq!(client_version(&headers), version, "{agent}");
        }
    }
}
