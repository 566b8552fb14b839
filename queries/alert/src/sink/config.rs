//! The settings of a sink.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::guard::Guard;
use super::http::Http;
use super::message::{Language, Template};
use crate::{Error, Result};

/// Whom to tell, as the settings file has it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    /// Its name, in logs, metrics and the table `alert_notification`.
    pub name: String,
    /// What it is.
    pub kind: SinkKind,
    /// Where it is. For Alertmanager its address without path: `http://alertmanager:9093`.
    #[serde(default)]
    pub url: String,
    /// File that holds the URL, when it is a secret itself, as those of chat robots are.
    #[serde(default)]
    pub url_file: PathBuf,
    /// File that holds the secret: the key of signatures, or Alertmanager's bearer token.
    #[serde(default)]
    pub secret_file: PathBuf,
    /// Environment variable that holds the secret.
    #[serde(default)]
    pub secret_env: String,
    /// For webhooks: empty for the JSON of docs/schema/webhook.v1.json, `wecom`, `dingtalk`, or a file.
    #[serde(default)]
    pub template: String,
    /// Language of what is said.
    #[serde(default)]
    pub language: Language,
    /// For webhooks: hosts, as spelled in the URL, whose addresses need not be public.
    #[serde(default)]
    pub allow_private: Vec<String>,
    /// Longest wait for an answer, in seconds.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u64,
    /// For Alertmanager: active alerts are sent again every so many seconds.
    #[serde(default = "resend_seconds")]
    pub resend_seconds: u64,
}

/// What a sink is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SinkKind {
    /// Prometheus Alertmanager: routing, grouping and silences are its job.
    Alertmanager,
    /// An HTTP endpoint that is told of every change.
    Webhook,
}

const fn timeout_seconds() -> u64 {
    10
}

const fn resend_seconds() -> u64 {
    60
}

/// What settings refer to, read by whoever may read it.
#[derive(Clone, Default)]
pub struct Secrets {
    /// The URL, when it is in a file.
    pub url: Option<String>,
    /// The secret.
    pub secret: Option<String>,
    /// The text of the template, when it is a file.
    pub template: Option<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// A sink that can be told.
#[derive(Debug)]
pub struct Sink {
    pub(super) name: String,
    pub(super) http: Http,
    pub(super) language: Language,
    pub(super) public_url: String,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Alertmanager {
        resend: Duration,
    },
    Generic,
    Chat {
        template: Template,
        is_dingtalk: bool,
    },
}

impl Sink {
    /// Checks the settings and prepares the connection; nothing is sent.
    ///
    /// # Input
    /// `public_url` is where people open the dashboards; empty when nowhere.
    ///
    /// # Errors
    /// [`Error::Sink`] naming what is wrong. No secret is part of it.
    pub fn new(config: &SinkConfig, secrets: Secrets, public_url: &str) -> Result<Self> {
        let wrong = |problem: String| Error::Sink {
            sink: config.name.clone(),
            problem,
        };
        let name = &config.name;
        if name.is_empty()
            || name.len() > 60
            || !name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        {
            return Err(wrong(
                "its name must have letters, digits, - and _ only".to_owned(),
            ));
        }
        if !(1..=60).contains(&config.timeout_seconds) {
            return Err(wrong(format!(
                "timeout_seconds is {}; it must lie between 1 and 60",
                config.timeout_seconds
            )));
        }
        if !(1..=180).contains(&config.resend_seconds) {
            return Err(wrong(format!(
                "resend_seconds is {}; it must lie between 1 and 180: Alertmanager wants to hear of an active alert every 30 s to 3 min",
                config.resend_seconds
            )));
        }
        let text = secrets.url.unwrap_or_else(|| config.url.clone());
        let url: reqwest::Url = text.trim().parse().map_err(|error| {
            wrong(format!(
                "its URL cannot be read: {error}; give url or url_file"
            ))
        })?;
        let kind = match (config.kind, config.template.as_str()) {
            (SinkKind::Alertmanager, "") => Kind::Alertmanager {
                resend: Duration::from_secs(config.resend_seconds),
            },
            (SinkKind::Alertmanager, _) => {
                return Err(wrong(
                    "Alertmanager has templates of its own; template is for webhooks".to_owned(),
                ));
            }
            (SinkKind::Webhook, "") => Kind::Generic,
            (SinkKind::Webhook, named) => Kind::Chat {
                template: Template::parse(secrets.template.as_deref().unwrap_or(named))
                    .map_err(&wrong)?,
                is_dingtalk: named == "dingtalk",
            },
        };
        // Alertmanager stands beside us by nature; what it is told leads nowhere else.
        let guard = match config.kind {
            SinkKind::Alertmanager => Guard::new(&[url.host_str().unwrap_or_default().to_owned()]),
            SinkKind::Webhook => Guard::new(&config.allow_private),
        };
        let http = Http::new(
            url,
            secrets.secret,
            guard,
            Duration::from_secs(config.timeout_seconds),
        )
        .map_err(wrong)?;
        Ok(Self {
            name: config.name.clone(),
            http,
            language: config.language,
            public_url: public_url.to_owned(),
            kind,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}
