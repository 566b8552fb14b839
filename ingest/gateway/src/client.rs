//! The other side: ships messages of the event log through a gateway.

use std::time::{Duration, Instant};

use patchlens_ingest::ship::{Destination, ShipError};
use patchlens_log::Message;
use reqwest::header;
use reqwest::{StatusCode, Url};

use crate::{Error, EventsAnswer, Result};

/// Bytes of lines in one request, before compression: half of what a gateway takes by default.
const REQUEST_BYTES_MAX: usize = 8 << 20;
/// zstd's fastest ordinary level: logs shrink by a factor of ten all the same.
const ZSTD_LEVEL: i32 = 1;
/// First and longest pause between two attempts when the gateway does not say.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// How long one request may take.
const REQUEST_WAIT: Duration = Duration::from_mins(2);

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
            .timeout(REQUEST_WAIT)
            // A redirect would take the token somewhere else.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            http,
            events,
            options,
        })
    }

    /// Sends lines until they are durable, the deadline has passed, or the answer is no.
    async fn send(&self, lines: &[u8]) -> std::result::Result<EventsAnswer, ShipError> {
        let body = zstd::encode_all(lines, ZSTD_LEVEL).map_err(|error| ShipError::Refused {
            destination: self.name(),
            detail: format!("the body cannot be compressed: {error}"),
        })?;
        let deadline = Instant::now() + self.options.deadline;
        let mut pause = PAUSES.0;
        loop {
            let error = match self.attempt(body.clone()).await {
                Err(error) if error.is_retryable() => error,
                outcome => return outcome,
            };
            let wait = error.retry_after().unwrap_or(pause);
            if Instant::now() + wait >= deadline {
                return Err(error);
            }
            tracing::debug!(%error, ?wait, "trying again");
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn attempt(&self, body: Vec<u8>) -> std::result::Result<EventsAnswer, ShipError> {
        let mut request = self
            .http
            .post(self.events.clone())
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
        let response = request
            .send()
            .await
            .map_err(|error| away(causes(&error), None))?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let bytes = response
            .bytes()
            .await
            .map_err(|error| away(causes(&error), None))?;
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| ShipError::Refused {
                destination: self.name(),
                detail: format!(
                    "it does not answer as a gateway does ({error}); is the address right?"
                ),
            });
        }
        let detail = serde_json::from_slice::<serde_json::Value>(&bytes)
            .ok()
            .and_then(|body| Some(body.get("error")?.get("detail")?.as_str()?.to_owned()))
            .unwrap_or_default();
        let detail = format!("{status}: {detail}");
        let may_pass = status.is_server_error()
            || matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
            );
        Err(if may_pass && status != StatusCode::NOT_IMPLEMENTED {
            away(detail, retry_after)
        } else {
            ShipError::Refused {
                destination: self.name(),
                detail,
            }
        })
    }
}

/// An error of the HTTP client with its causes: the outermost says little.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl Destination for Client {
    /// Events and rejects go to one endpoint: each line says what it is.
    async fn append(
        &mut self,
        _topic: &str,
        messages: Vec<Message>,
    ) -> std::result::Result<(), ShipError> {
        let mut messages = messages.into_iter().peekable();
        while messages.peek().is_some() {
            let mut lines = Vec::new();
            while let Some(message) = messages.next_if(|message| {
                lines.is_empty() || lines.len() + message.payload.len() < REQUEST_BYTES_MAX
            }) {
                lines.extend_from_slice(&message.payload);
                if !lines.ends_with(b"\n") {
                    lines.push(b'\n');
                }
            }
            let answer = self.send(&lines).await?;
            if let Some(problem) = answer.problems.first() {
                tracing::warn!(
                    rejected = answer.rejected,
                    detail = problem.detail,
                    "the gateway kept lines as rejects"
                );
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
