//! How log bundles are read: settings and flags become the collector's options.

use anyhow::ensure;
use patchlens_ingest::collect::CollectOptions;

use crate::cli::Reading;
use crate::config::{Config, utc_offset_minutes};
use crate::services::now;

/// The collector's options for a run on `paths` paths.
pub(crate) fn collect_options(
    config: &Config,
    reading: &Reading,
    paths: usize,
) -> anyhow::Result<CollectOptions> {
    ensure!(
        reading.device.is_none() || paths == 1,
        "--device names one device, but {paths} paths are given"
    );
    let offset = reading
        .assume_utc_offset
        .as_ref()
        .unwrap_or(&config.collect.assume_utc_offset);
    let mut options = CollectOptions::new(now()());
    options.device.clone_from(&reading.device);
    options.assumed_offset_minutes = utc_offset_minutes(offset)?;
    options.redaction = redaction(config);
    options.limits = config.collect.limits.clone();
    Ok(options)
}

/// What everybody knows is no secret: with it, names can be tried until a hash comes out.
pub(crate) fn warn_of_public_salt(config: &Config) {
    let redact = &config.collect.redact;
    if redact.salt == PUBLIC_SALT {
        tracing::warn!(
            "collect.redact.salt is the default, which everybody knows, so that hashes of names can be guessed; set one of your own, the same on all collectors, before the first device (PATCHLENS_REDACT_SALT)"
        );
    }
}

/// The salt of the default settings.
const PUBLIC_SALT: &str = "patchlens";

fn redaction(config: &Config) -> patchlens_ingest::redact::Redaction {
    let redact = &config.collect.redact;
    patchlens_ingest::redact::Redaction {
        user_names: redact.user_names,
        sids: redact.sids,
        email_addresses: redact.email_addresses,
        ip_addresses: redact.ip_addresses,
        salt: redact.salt.clone(),
    }
}
