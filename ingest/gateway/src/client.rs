//! The other side: ships messages of the event log through a gateway.

use std::time::{Duration, Instant};

use patchlens_event::causes;
use patchlens_ingest::ship::{Backoff, Destination, ShipError};
use patchlens_log::Message;
use reqwest::header;
use reqwest::{StatusCode, Url};

use crate::answer::NOT_ALLOWED;
use crate::{Error, EventsAnswer, Result};

/// Bytes of lines in one request, before compression: half of what a gateway takes by default.
const REQUEST_BYTES_MAX: usize = 8 << 20;
/// zstd's fastest ordinary level: logs shrink by a factor of ten all the same.
const ZSTD_LEVEL: i32 = 1;
/// First and longest pause between two attempts when the gateway does not say.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
/// How long one request may take at most, and at least: an answer takes a moment, however little
/// time there is for all attempts.
const REQUEST_WAITS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(2));

/// How to reach a gateway.
#[derive(Clone)]
pub struct ClientOptions {
    /// `http://host:port` or `https://…`, with or without a path before `/ingest/v1`.
    pub url: String,
    /// The token; `None` only for a gateway on this machine that demands none.
    pub token: Option<String>,
    /// How long one append may keep trying.
    pub deadline: Duration,
}

impl std::fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientOptions")
            .field("url", &self.url)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Ships messages through a gateway.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    events: Url,
    options: ClientOptions,
    /// How many bytes of lines go into the next request, and at most: both shrink when the gateway
    /// says that it was too much, or the way is too slow for it.
    bytes: usize,
    bytes_max: usize,
}

/// Why a request was not done, and whether a smaller one may be.
struct Failure {
    error: ShipError,
    why: Why,
}

#[derive(PartialEq, Eq)]
enum Why {
    TooLarge,
    TooSlow,
    Other,
}

impl Failure {
    fn new(why: Why, error: ShipError) -> Self {
        Self { error, why }
    }
}

impl Client {
    /// Prepares to ship; the gateway need not be there yet.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(options: ClientOptions) -> Result<Self> {
        let wrong = |reason: String| Error::Address {
            url: options.url.clone(),
            reason,
        };
        let base = Url::parse(&options.url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(wrong(
                "expected http://host:port or https://host:port".to_owned(),
            ));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(Error::Address {
                url: "http://…@…".to_owned(),
                reason: "it holds credentials; give the token with --token-file or PATCHLENS_TOKEN"
                    .to_owned(),
            });
        }
        let path = base.path().trim_end_matches('/');
        let mut events = base.clone();
        events.set_path(&format!("{path}/ingest/v1/events"));
        events.set_query(None);
        let http = reqwest::Client::builder()
            .user_agent(concat!("patchlens/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            // A redirect would take the token somewhere else.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            http,
            events,
            options,
            bytes: REQUEST_BYTES_MAX,
            bytes_max: REQUEST_BYTES_MAX,
        })
    }

    /// Sends lines until they are durable, the deadline has passed, or the answer is no.
    async fn send(
        &self,
        lines: &[u8],
        deadline: Instant,
    ) -> std::result::Result<EventsAnswer, Failure> {
        let body = zstd::encode_all(lines, ZSTD_LEVEL).map_err(|error| {
            Failure::new(
                Why::Other,
                ShipError::Refused {
                    destination: self.name(),
                    detail: format!("the body cannot be compressed: {error}"),
                    is_for_content: false,
                },
            )
        })?;
        let mut backoff = BACKOFF;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = left.clamp(REQUEST_WAITS.0, REQUEST_WAITS.1);
            let failure = match self.attempt(body.clone(), wait).await {
                Err(failure) if failure.error.is_retryable() && failure.why == Why::Other => {
                    failure
                }
                outcome => return outcome,
            };
            let wait = backoff.pause(failure.error.retry_after());
            if wait >= deadline.saturating_duration_since(Instant::now()) {
                return Err(failure);
            }
            tracing::debug!(error = %failure.error, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(
        &self,
        body: Vec<u8>,
        wait: Duration,
    ) -> std::result::Result<EventsAnswer, Failure> {
        let mut request = self
            .http
            .post(self.events.clone())
            .timeout(wait)
            .header(header::CONTENT_TYPE, "application/x-ndjson")
            .header(header::CONTENT_ENCODING, "zstd")
            .body(body);
        if let Some(token) = &self.options.token {
            request = request.bearer_auth(token);
        }
        let away = |detail: String, retry_after| ShipError::Away {
            destination: self.name(),
            detail,
            retry_after,
        };
        let lost = |error: reqwest::Error| {
            // An address where nobody is, is not reached by less either.
            let is_slow = error.is_timeout() && !error.is_connect();
            let why = if is_slow { Why::TooSlow } else { Why::Other };
            Failure::new(why, away(causes(&error).join(": "), None))
        };
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let bytes = response.bytes().await.map_err(lost)?;
        let refused = |detail, is_for_content| ShipError::Refused {
            destination: self.name(),
            detail,
            is_for_content,
        };
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| {
                let detail = format!(
                    "it does not answer as a gateway does ({error}); is the address right?"
                );
                Failure::new(Why::Other, refused(detail, false))
            });
        }
        let answer: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let said = |name: &str| {
            let text = answer.get("error").and_then(|error| error.get(name));
            text.and_then(serde_json::Value::as_str).unwrap_or_default()
        };
        let detail = format!("{status}: {}", said("detail"));
        let may_pass = status.is_server_error()
            || matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
            );
        if may_pass && status != StatusCode::NOT_IMPLEMENTED {
            let why = match status {
                StatusCode::REQUEST_TIMEOUT => Why::TooSlow,
                _ => Why::Other,
            };
            return Err(Failure::new(why, away(detail, retry_after)));
        }
        Err(match (status, said("reason")) {
            (StatusCode::PAYLOAD_TOO_LARGE, _) => {
                Failure::new(Why::TooLarge, refused(detail, true))
            }
            // Only a gateway that says so means what was sent; others may mean the address or the token.
            (StatusCode::BAD_REQUEST, "malformed_request")
            | (StatusCode::FORBIDDEN, NOT_ALLOWED) => {
                Failure::new(Why::Other, refused(detail, true))
            }
            _ => Failure::new(Why::Other, refused(detail, false)),
        })
    }
}

/// The lines of the first messages, as many as go into one request, and the messages behind them.
fn lines(messages: &[Message], bytes_max: usize) -> (Vec<u8>, &[Message]) {
    let mut lines = Vec::new();
    let mut rest = messages;
    while let Some((message, later)) = rest.split_first() {
        if !lines.is_empty() && lines.len() + message.payload.len() >= bytes_max {
            break;
        }
        lines.extend_from_slice(&message.payload);
        if !lines.ends_with(b"\n") {
            lines.push(b'\n');
        }
        rest = later;
    }
    (lines, rest)
}

impl Destination for Client {
    /// Events and rejects go to one endpoint: each line says what it is.
    async fn append(
        &mut self,
        _topic: &str,
        messages: Vec<Message>,
    ) -> std::result::Result<(), ShipError> {
        let mut rest = messages.as_slice();
        let mut deadline = Instant::now() + self.options.deadline;
        while !rest.is_empty() {
            let (lines, later) = lines(rest, self.bytes);
            match self.send(&lines, deadline).await {
                Ok(answer) => {
                    if let Some(problem) = answer.problems.first() {
                        tracing::warn!(
                            rejected = answer.rejected,
                            detail = problem.detail,
                            "the gateway kept lines as rejects"
                        );
                    }
                    self.bytes = self.bytes.saturating_mul(2).min(self.bytes_max);
                    rest = later;
                    deadline = Instant::now() + self.options.deadline;
                }
                Err(Failure { error, why }) => {
                    let is_one = rest.len() - later.len() == 1;
                    self.bytes = match why {
                        Why::Other => self.bytes,
                        Why::TooLarge | Why::TooSlow => (lines.len() / 2).max(1),
                    };
                    if why == Why::TooLarge {
                        self.bytes_max = self.bytes;
                    }
                    let is_late = why == Why::TooSlow && Instant::now() >= deadline;
                    if why == Why::Other || is_one || is_late {
                        return Err(error);
                    }
                    tracing::debug!(%error, bytes = self.bytes, "sending less at a time");
                }
            }
        }
        Ok(())
    }

    fn name(&self) -> String {
        let mut url = self.events.clone();
        let path = url.path().trim_end_matches("/ingest/v1/events").to_owned();
        url.set_path(&path);
        url.to_string()
    }
}
