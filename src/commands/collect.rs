//! `collect`: log bundles to the event log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use patchlens_ingest::collect::{CollectOptions, PathAccount, read_path};
use patchlens_log::Writer;

use crate::cli::Collect;
use crate::config::Config;
use crate::output::{Outcome, print};
use crate::reading::collect_options;
use crate::services::{open_writer, runtime};
use crate::shipping::{Shipper, write_all};

pub(crate) fn run(config: &Config, command: &Collect) -> anyhow::Result<Outcome> {
    let options = collect_options(config, &command.reading, command.paths.len())?;
    for path in &command.paths {
        // Before the event log is opened: a wrong path shall leave nothing behind.
        std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    }
    let url = command.to.clone().unwrap_or_else(|| config.event_log_url());
    runtime()?.block_on(async {
        let writer = Arc::new(open_writer(config, &url).await?);
        let account = ship(config, &writer, command.paths.clone(), options).await?;
        if let Some(writer) = Arc::into_inner(writer) {
            writer.close().await;
        }
        print(&account.to_line(&url))?;
        Ok(Outcome::from_rejects(account.rejected))
    })
}

/// What became of the records: `read = sent + counted`, rejects beside them.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Accounting {
    pub(crate) devices: u64,
    pub(crate) files: u64,
    pub(crate) records: u64,
    pub(crate) sent: u64,
    pub(crate) counted: u64,
    pub(crate) rejected: u64,
    pub(crate) messages: u64,
}

impl Accounting {
    fn add(&mut self, account: &PathAccount) {
        self.devices += account.devices.len() as u64;
        self.files += account.files();
        self.records += account.records();
        self.sent += account.sent();
        self.counted += account.noise_counted();
        self.rejected += account.rejected();
    }

    pub(crate) fn to_line(self, url: &str) -> String {
        let Self {
            devices,
            files,
            records,
            sent,
            counted,
            rejected,
            messages,
        } = self;
        format!(
            "{records} records read = {sent} sent + {counted} counted as noise; {rejected} rejected (table reject); \
             {files} files of {devices} devices in {messages} messages to {url}"
        )
    }
}

/// Reads the paths on a thread of its own and writes what comes out, side by side.
pub(crate) async fn ship(
    config: &Config,
    writer: &Arc<Writer>,
    paths: Vec<PathBuf>,
    options: CollectOptions,
) -> anyhow::Result<Accounting> {
    let (mut shipper, inbox) = Shipper::new(config.collect.message_kib_max);
    let reading = tokio::task::spawn_blocking(move || {
        let bundles = bundles(&paths);
        let bar = progress(bundles.len() as u64);
        let mut accounting = Accounting::default();
        for path in &bundles {
            let account = read_path(path, &options, &mut shipper)?;
            accounting.add(&account);
            bar.inc(1);
        }
        shipper
            .flush()
            .map_err(|error| anyhow::anyhow!(error.to_string()))?;
        bar.finish_and_clear();
        Ok::<_, anyhow::Error>(accounting)
    });
    let written = write_all(writer, inbox).await;
    let read = reading.await.context("the reading thread ended early")?;
    // The writer's error is the cause when both fail: the reader only found the door closed.
    let messages = written?;
    let mut accounting = read?;
    accounting.messages = messages;
    Ok(accounting)
}

/// A directory of bundles counts each of them, so that progress can be shown.
fn bundles(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut bundles = Vec::new();
    for path in paths {
        let zips = zips(path);
        if zips.is_empty() {
            bundles.push(path.clone());
        } else {
            bundles.extend(zips);
        }
    }
    bundles
}

fn zips(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else {
        return Vec::new();
    };
    let mut all: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    let is_zip = |path: &PathBuf| {
        path.is_file()
            && path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
    };
    if !all.iter().all(is_zip) {
        return Vec::new();
    }
    all.sort();
    all
}

fn progress(bundles: u64) -> ProgressBar {
    if bundles < 2 {
        return ProgressBar::hidden();
    }
    // Drawn on stderr, and only when that is a terminal.
    let bar = ProgressBar::new(bundles);
    if let Ok(style) =
        ProgressStyle::with_template("{elapsed_precise} {wide_bar} {pos}/{len} bundles, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}
