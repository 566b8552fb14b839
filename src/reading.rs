//! How log bundles are read: settings and flags become the collector's options.

use std::num::NonZero;

use anyhow::ensure;
use patchlens_ingest::collect::CollectOptions;

use crate::cli::Reading;
use crate::config::{Config, utc_offset_minutes};
use crate::services::now;

/// Reading gets no faster beyond: the disk and the one that takes the events are the limit.
const THREADS_MAX: usize = 8;

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
    options.threads = std::thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(THREADS_MAX);
    Ok(options)
}

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
