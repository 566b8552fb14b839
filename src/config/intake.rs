//! Settings of the ways in: gateway, spool, follow mode. Each is explained in `default.toml`.

use std::path::{Path, PathBuf};
#[cfg(feature = "fleet")]
use std::time::Duration;

use anyhow::{Context, ensure};
#[cfg(feature = "fleet")]
use patchlens_gateway::{ConnectionLimits, GatewayConfig};
#[cfg(feature = "fleet")]
use patchlens_ingest::collect::CollectOptions;
use serde::{Deserialize, Serialize};

use super::{Config, Secret, socket_address};
#[cfg(feature = "fleet")]
use crate::services::now;

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gateway {
    pub(crate) http: String,
    pub(crate) token_file: PathBuf,
    pub(crate) request_mib_max: usize,
    pub(crate) bundle_mib_max: u64,
    pub(crate) upload_mib_max: u64,
    pub(crate) bundles_max: usize,
    pub(crate) memory_mib_max: usize,
    pub(crate) requests_per_second: u32,
    pub(crate) mib_per_second: u32,
    pub(crate) body_wait_seconds: u64,
    pub(crate) append_deadline_seconds: u64,
}

impl Gateway {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        socket_address("gateway.http", &self.http)?;
        let within = |key: &str, value: u64, least: u64, most: u64| {
            ensure!(
                (least..=most).contains(&value),
                "gateway.{key} is {value}; it must lie between {least} and {most}"
            );
            Ok(())
        };
        within("request_mib_max", self.request_mib_max as u64, 1, 256)?;
        within("bundle_mib_max", self.bundle_mib_max, 1, 1 << 20)?;
        within("upload_mib_max", self.upload_mib_max, 1, 1 << 24)?;
        within("bundles_max", self.bundles_max as u64, 1, 1_000)?;
        within("memory_mib_max", self.memory_mib_max as u64, 1, 1 << 20)?;
        within(
            "requests_per_second",
            self.requests_per_second.into(),
            1,
            1_000_000,
        )?;
        within("mib_per_second", self.mib_per_second.into(), 1, 1 << 20)?;
        within("body_wait_seconds", self.body_wait_seconds, 1, 3_600)?;
        within(
            "append_deadline_seconds",
            self.append_deadline_seconds,
            1,
            600,
        )?;
        ensure!(
            self.memory_mib_max >= self.request_mib_max,
            "gateway.memory_mib_max is {}; it must not be less than gateway.request_mib_max",
            self.memory_mib_max
        );
        ensure!(
            self.upload_mib_max >= self.bundle_mib_max,
            "gateway.upload_mib_max is {}; it must not be less than gateway.bundle_mib_max",
            self.upload_mib_max
        );
        Ok(())
    }
}

impl Config {
    /// The file of the gateway's tokens, the default filled in.
    pub(crate) fn gateway_token_file(&self) -> PathBuf {
        self.token_file(&self.gateway.token_file, "gateway")
    }

    /// The file of the tokens of the dashboards' readers, the default filled in.
    pub(crate) fn reader_token_file(&self) -> PathBuf {
        self.token_file(&self.dashboards.token_file, "dashboards")
    }

    fn token_file(&self, set: &Path, service: &str) -> PathBuf {
        if set.as_os_str().is_empty() {
            self.data_dir.join(service).join("tokens.json")
        } else {
            set.to_owned()
        }
    }

    /// What the gateway is told.
    #[cfg(feature = "fleet")]
    pub(crate) fn gateway_config(&self, collect: CollectOptions) -> GatewayConfig {
        let gateway = &self.gateway;
        GatewayConfig {
            token_file: self.gateway_token_file(),
            upload_dir: self.data_dir.join("gateway/uploads"),
            request_bytes_max: gateway.request_mib_max << 20,
            bundle_bytes_max: gateway.bundle_mib_max << 20,
            upload_bytes_max: gateway.upload_mib_max << 20,
            bundles_max: gateway.bundles_max,
            memory_bytes_max: gateway.memory_mib_max << 20,
            requests_per_second: gateway.requests_per_second,
            kib_per_second: gateway.mib_per_second.saturating_mul(1024),
            body_wait: Duration::from_secs(gateway.body_wait_seconds),
            connections: ConnectionLimits::default(),
            message_kib_max: self.collect.message_kib_max,
            collect,
            now: now(),
        }
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spool {
    pub(crate) dir: PathBuf,
    pub(crate) mib_max: u64,
    pub(crate) after_seconds: u64,
    pub(crate) drain_seconds: u64,
}

impl Spool {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.mib_max <= 1 << 20,
            "collect.spool.mib_max is {}; it must lie between 0 (no spool) and 1048576",
            self.mib_max
        );
        ensure!(
            (1..=3_600).contains(&self.after_seconds),
            "collect.spool.after_seconds is {}; it must lie between 1 and 3600",
            self.after_seconds
        );
        ensure!(
            self.drain_seconds <= 86_400,
            "collect.spool.drain_seconds is {}; it must lie between 0 and 86400",
            self.drain_seconds
        );
        Ok(())
    }
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Follow {
    pub(crate) settle_ms: u64,
    pub(crate) partial_seconds: u64,
    pub(crate) look_ms: u64,
    pub(crate) counts_seconds: u64,
}

impl Follow {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for (key, value, least, most) in [
            ("settle_ms", self.settle_ms, 10, 60_000),
            ("partial_seconds", self.partial_seconds, 1, 86_400),
            ("look_ms", self.look_ms, 50, 60_000),
            ("counts_seconds", self.counts_seconds, 1, 86_400),
        ] {
            ensure!(
                (least..=most).contains(&value),
                "collect.follow.{key} is {value}; it must lie between {least} and {most}"
            );
        }
        Ok(())
    }
}

/// The collector's token for a gateway: the file, or else the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "a secret may come from the environment"
)]
pub(crate) fn collector_token(file: Option<&Path>) -> anyhow::Result<Option<Secret>> {
    let text = match file.filter(|file| !file.as_os_str().is_empty()) {
        Some(file) => std::fs::read_to_string(file)
            .with_context(|| format!("reading the token file {}", file.display()))?,
        None => std::env::var("PATCHLENS_TOKEN").unwrap_or_default(),
    };
    let token = text.trim();
    ensure!(
        !token.contains(char::is_whitespace) && token.is_ascii(),
        "the token file holds more than one word; it shall hold the token and nothing else"
    );
    Ok((!token.is_empty()).then(|| Secret(token.to_owned())))
}
