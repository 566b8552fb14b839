//! One POST: guarded, signed, short, and without a word about secrets.

use std::sync::Arc;
use std::time::Duration;

use patchlens_event::causes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Response, StatusCode, Url, redirect};

use super::guard::Guard;
use super::sign;

/// An answer is read no further than this: it is worth an error message.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// How it went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// True when the next message may fare better: the sink is away, or busy.
    pub(super) is_sink: bool,
    /// What happened, without the URL.
    pub(super) problem: String,
}

impl Failure {
    pub(super) fn of_message(problem: String) -> Self {
        Self {
            is_sink: false,
            problem,
        }
    }
}

/// Where messages go.
pub(super) struct Http {
    client: Client,
    pub(super) url: Url,
    secret: Option<String>,
    guard: Guard,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

/// How a message says that it is genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof<'a> {
    /// The secret is a token for this receiver alone.
    Bearer,
    /// The body is signed; the key names the message, however often it is sent.
    Signature { idempotency_key: &'a str },
    /// As DingTalk's robots want it.
    DingTalk,
}

impl Http {
    pub(super) fn new(
        url: Url,
        secret: Option<String>,
        guard: Guard,
        timeout: Duration,
    ) -> Result<Self, String> {
        if let Some(problem) = guard.problem(&url) {
            return Err(problem);
        }
        let client = Client::builder()
            .user_agent(concat!("patchlens/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .connect_timeout(CONNECT_MAX.min(timeout))
            // A redirect would lead where nobody looked, a proxy would resolve names for itself, and an open
            // connection would outlive the check of its address.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(guard.clone()))
            .build()
            .map_err(|error| {
                format!("the connection cannot be prepared: {}", error.without_url())
            })?;
        Ok(Self {
            client,
            url,
            secret,
            guard,
        })
    }

    /// Sends a JSON body and returns the beginning of the answer.
    pub(super) async fn post(
        &self,
        url: &Url,
        body: Vec<u8>,
        proof: Proof<'_>,
        timestamp: i64,
    ) -> Result<Vec<u8>, Failure> {
        if let Some(problem) = self.guard.problem(url) {
            return Err(Failure {
                is_sink: true,
                problem,
            });
        }
        let mut url = url.clone();
        let mut request_headers = Vec::new();
        if let Some(secret) = &self.secret {
            match proof {
                Proof::Bearer => {
                    request_headers.push((AUTHORIZATION.as_str(), format!("Bearer {secret}")));
                }
                Proof::Signature { .. } => {
                    request_headers.push((
                        "x-patchlens-signature",
                        format!("v1={}", sign::signature(secret, timestamp, &body)),
                    ));
                }
                Proof::DingTalk => {
                    let milliseconds = timestamp * 1000;
                    url.query_pairs_mut()
                        .append_pair("timestamp", &milliseconds.to_string())
                        .append_pair("sign", &sign::dingtalk(secret, milliseconds));
                }
            }
        }
        if let Proof::Signature { idempotency_key } = proof {
            request_headers.push(("idempotency-key", idempotency_key.to_owned()));
            request_headers.push(("x-patchlens-timestamp", timestamp.to_string()));
        }
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        for (name, value) in request_headers {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|error| Failure {
            is_sink: true,
            problem: causes(&error.without_url()).join(": "),
        })?;
        let status = response.status();
        let answer = read(response).await?;
        if status.is_success() {
            return Ok(answer);
        }
        let text = String::from_utf8_lossy(&answer);
        Err(Failure {
            is_sink: !status.is_client_error()
                || matches!(
                    status,
                    StatusCode::REQUEST_TIMEOUT
                        | StatusCode::TOO_MANY_REQUESTS
                        | StatusCode::UNAUTHORIZED
                        | StatusCode::FORBIDDEN
                        | StatusCode::NOT_FOUND
                ),
            problem: format!("answered {status}: {}", crate::text::one_line(text.trim())),
        })
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut answer = Vec::new();
    loop {
        let chunk = response.chunk().await.map_err(|error| Failure {
            is_sink: true,
            problem: format!(
                "the answer broke off: {}",
                causes(&error.without_url()).join(": ")
            ),
        })?;
        let Some(chunk) = chunk else {
            return Ok(answer);
        };
        let room = ANSWER_BYTES_MAX - answer.len();
        answer.extend(chunk.iter().take(room));
        if answer.len() >= ANSWER_BYTES_MAX {
            return Ok(answer);
        }
    }
}
