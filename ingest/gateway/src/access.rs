//! Who is asking, and may he.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use patchlens_event::DeviceId;

use crate::refusal::Refusal;
use crate::token::{Scope, TokenEntry, Tokens};

/// Who is asking.
#[derive(Debug, Clone)]
pub(crate) struct Collector {
    entry: Option<TokenEntry>,
}

/// The name of collectors without a token, which this machine alone may be.
const LOCAL: &str = "local";

impl Collector {
    /// The name, for logs, limits and evidence.
    pub(crate) fn name(&self) -> &str {
        self.entry.as_ref().map_or(LOCAL, |entry| &entry.name)
    }

    pub(crate) fn speaks_for(&self, device: &DeviceId) -> bool {
        self.entry
            .as_ref()
            .is_none_or(|entry| entry.speaks_for(device))
    }
}

/// Decides whether a request may go on. `only_local` says that no other machine can be asking.
pub(crate) fn admit(
    tokens: &Tokens,
    only_local: bool,
    headers: &HeaderMap,
    scope: Scope,
) -> Result<Collector, Refusal> {
    let presented = headers.get(header::AUTHORIZATION);
    let Some(token) = presented.and_then(|value| token_in(value.to_str().ok()?)) else {
        if !only_local || !tokens.is_open() {
            return Err(Refusal::NoToken);
        }
        // Pages in a browser on this machine can send requests here; collectors have no origin.
        if headers.contains_key(header::ORIGIN) {
            return Err(Refusal::Forbidden(
                "requests of web pages are not taken".to_owned(),
            ));
        }
        return Ok(Collector { entry: None });
    };
    tokens.with(|file| {
        let entry = file.find(&token).ok_or(Refusal::NoToken)?;
        if entry.scopes.contains(&scope) {
            Ok(Collector {
                entry: Some(entry.clone()),
            })
        } else {
            Err(Refusal::Forbidden(format!(
                "the token of {} has no scope {}",
                entry.name,
                scope.as_str()
            )))
        }
    })
}

/// The token in an `Authorization` header: `Bearer TOKEN`, or where a client knows only Elasticsearch's ways, the
/// password of `Basic` or the key of `ApiKey id:key`.
pub(crate) fn token_in(authorization: &str) -> Option<String> {
    let (scheme, rest) = authorization.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") || scheme.eq_ignore_ascii_case("apikey") {
        let pair = String::from_utf8(BASE64.decode(rest).ok()?).ok()?;
        return Some(pair.split_once(':')?.1.to_owned());
    }
    // Not a way that is known: as wrong as a wrong token.
    Some(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_every_form_that_clients_speak() {
        let basic = BASE64.encode("winlogbeat:plt_1");
        for value in [
            "Bearer plt_1".to_owned(),
            "bearer  plt_1".to_owned(),
            format!("Basic {basic}"),
            format!("ApiKey {basic}"),
        ] {
            assert_eq!(token_in(&value).as_deref(), Some("plt_1"), "{value}");
        }
        for value in ["Basic !!", "Basic cGx0", "Digest x", "Negotiate abc"] {
            assert_ne!(token_in(value).as_deref(), Some("plt_1"), "{value}");
        }
    }
}
