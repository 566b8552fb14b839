//! Settings of the alerts. Each is explained in `default.toml`.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alert {
    pub(crate) interval_seconds: u64,
    pub(crate) rules_dir: PathBuf,
    pub(crate) public_url: String,
    pub(crate) sinks: Vec<patchlens_alert::sink::SinkConfig>,
    /// What the sinks' settings refer to, in their order; never shown.
    #[serde(skip)]
    pub(crate) secrets: Vec<patchlens_alert::sink::Secrets>,
}

impl Alert {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            (5..=3600).contains(&self.interval_seconds),
            "alert.interval_seconds is {}; it must lie between 5 and 3600",
            self.interval_seconds
        );
        self.sinks()?;
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "sinks name the environment variables that hold their secrets"
    )]
    pub(super) fn read_secrets(&mut self) -> anyhow::Result<()> {
        for sink in &self.sinks {
            let read = |key: &str, path: &Path| -> anyhow::Result<Option<String>> {
                if path.as_os_str().is_empty() {
                    return Ok(None);
                }
                let text = std::fs::read_to_string(path).with_context(|| {
                    format!(
                        "reading {key} {} of the alert sink {}",
                        path.display(),
                        sink.name
                    )
                })?;
                Ok(Some(text.trim_end().to_owned()))
            };
            let secret = if sink.secret_env.is_empty() {
                read("secret_file", &sink.secret_file)?
            } else {
                let secret = std::env::var(&sink.secret_env).with_context(|| {
                    format!(
                        "reading secret_env {} of the alert sink {}",
                        sink.secret_env, sink.name
                    )
                })?;
                Some(secret)
            };
            let template = match sink.template.as_str() {
                "" | "wecom" | "dingtalk" => None,
                file => read("template", Path::new(file))?,
            };
            self.secrets.push(patchlens_alert::sink::Secrets {
                url: read("url_file", &sink.url_file)?,
                secret,
                template,
            });
        }
        Ok(())
    }

    /// The sinks, ready to be told.
    pub(crate) fn sinks(&self) -> anyhow::Result<Vec<patchlens_alert::sink::Sink>> {
        let mut sinks = Vec::new();
        let mut names = std::collections::BTreeSet::new();
        for (sink, secrets) in self.sinks.iter().zip(&self.secrets) {
            ensure!(
                names.insert(&sink.name),
                "two alert sinks are named {:?}",
                sink.name
            );
            sinks.push(patchlens_alert::sink::Sink::new(
                sink,
                secrets.clone(),
                &self.public_url,
            )?);
        }
        Ok(sinks)
    }
}
