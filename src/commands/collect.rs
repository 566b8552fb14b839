//! `collect`: log bundles to the event log.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use patchlens_ingest::collect::{CollectOptions, PathAccount, read_path};
use patchlens_ingest::ship::{Destination, Shipper, SpoolState, ship_all};

use crate::cli::Collect;
use crate::commands::follow;
use crate::config::Config;
use crate::output::{Outcome, print};
use crate::reading::{collect_options, warn_of_public_salt};
use crate::services::{runtime, stop_signal};
use crate::shipping::{Shipping, Way};

mod progress;

use progress::Progress;

pub(crate) fn run(config: &Config, command: &Collect) -> anyhow::Result<Outcome> {
    let options = collect_options(config, &command.reading, command.paths.len())?;
    for path in &command.paths {
        // Before the event log is opened: a wrong path shall leave nothing behind.
        anyhow::ensure!(
            path != Path::new("-") || path.exists(),
            "stdin is not read, since archives are not read from front to back: write it to a file first"
        );
        std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    }
    let url = command.to.clone().unwrap_or_else(|| config.event_log_url());
    runtime()?.block_on(async {
        let mut shipping = Shipping::open(config, &url, command.token_file.as_deref()).await?;
        if !matches!(shipping, Shipping::Straight(Way::Local(_))) {
            warn_of_public_salt(config);
        }
        if command.follow {
            let stop = stop_signal();
            let done = follow::run(config, &command.paths, options, &mut shipping, stop).await;
            let refused = set_aside(&shipping);
            shipping.close().await;
            let followed = done?;
            print(&followed.to_line(&url))?;
            if let Some(refused) = refused {
                print(&refused)?;
                return Ok(Outcome::DoneWithRejects);
            }
            return Ok(Outcome::from_rejects(followed.rejected));
        }
        let done = if command.drain {
            Ok(None)
        } else {
            ship(config, &mut shipping, command.paths.clone(), options)
                .await
                .map(Some)
        };
        let kept = settle(config, &mut shipping).await;
        shipping.close().await;
        let (account, kept) = (done?, kept?);
        if let Some(account) = &account {
            print(&account.to_line(&url))?;
        }
        if !kept.is_empty() {
            for line in kept {
                print(&line)?;
            }
            return Ok(Outcome::DoneWithRejects);
        }
        if command.drain {
            print(&format!("nothing waits for {url}"))?;
        }
        Ok(Outcome::from_rejects(
            account.map_or(0, Accounting::complaints),
        ))
    })
}

/// Hands over what waits in the spool; says what still does, and what was set aside, and why.
async fn settle(config: &Config, shipping: &mut Shipping) -> anyhow::Result<Vec<String>> {
    let Shipping::Spooled(spooled) = shipping else {
        return Ok(Vec::new());
    };
    let wait = Duration::from_secs(config.collect.spool.drain_seconds);
    let mut lines = Vec::new();
    if let SpoolState::Waiting(messages) = spooled.drain(wait).await? {
        lines.push(format!(
            "{messages} messages wait in the spool {} for {}: {}; `patchlens collect --drain --to URL` or the next collect hands them over",
            spooled.dir().display(),
            spooled.name(),
            spooled
                .last_failure()
                .unwrap_or("not all could be handed over in time"),
        ));
    }
    lines.extend(set_aside(shipping));
    Ok(lines)
}

/// Says what the destination refuses, if anything.
fn set_aside(shipping: &Shipping) -> Option<String> {
    let Shipping::Spooled(spooled) = shipping else {
        return None;
    };
    (spooled.set_aside() > 0).then(|| {
        format!(
            "{} messages are refused by {} for what they say and lie in {}; the log above says why. When that is mended, send each file with `curl --data-binary @FILE URL/ingest/v1/events` and delete it",
            spooled.set_aside(),
            spooled.name(),
            spooled.refused_dir().display(),
        )
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
    /// Files that no parser recognises; they are rejects as well.
    pub(crate) unrecognised: u64,
    pub(crate) messages: u64,
}

/// How many files that are not read are named in the log output.
const NAMED_MAX: usize = 20;

impl Accounting {
    fn add(&mut self, account: &PathAccount) {
        self.devices += account.devices.len() as u64;
        self.files += account.files();
        self.records += account.records();
        self.sent += account.sent();
        self.counted += account.noise_counted();
        self.rejected += account.rejected();
        self.unrecognised += account.unrecognised().count() as u64;
    }

    /// What the exit code counts: files that nobody knows lie in many a bundle, but where nothing else
    /// was found, something is wrong.
    fn complaints(self) -> u64 {
        if self.records == 0 {
            self.rejected + self.unrecognised
        } else {
            self.rejected
        }
    }

    pub(crate) fn to_line(self, url: &str) -> String {
        let Self {
            devices,
            files,
            records,
            sent,
            counted,
            rejected,
            unrecognised,
            messages,
        } = self;
        let unknown = match unrecognised {
            0 => String::new(),
            files => format!(" and {files} files not recognised"),
        };
        format!(
            "{records} records read = {sent} sent + {counted} counted as noise; {rejected} rejected{unknown} (table reject); \
             {files} files of {devices} devices in {messages} messages to {url}"
        )
    }
}

/// Reads the paths on a thread of its own and writes what comes out, side by side.
pub(crate) async fn ship(
    config: &Config,
    destination: &mut impl Destination,
    paths: Vec<PathBuf>,
    options: CollectOptions,
) -> anyhow::Result<Accounting> {
    let (shipper, inbox) = Shipper::new(config.collect.message_kib_max);
    let reading = tokio::task::spawn_blocking(move || {
        let bundles = bundles(&paths);
        let mut progress = Progress::new(shipper, bundles.len() as u64);
        let mut accounting = Accounting::default();
        let mut named = 0;
        let mut computers = BTreeSet::new();
        for path in &bundles {
            let mut account = read_path(path, &options, &mut progress)?;
            computers.append(&mut account.computers);
            for note in account.notes.iter().take(NAMED_MAX) {
                tracing::warn!(path = %path.display(), note, "devices told apart");
            }
            accounting.add(&account);
            let unread = account.unrecognised().chain(account.refused());
            for file in unread.take(NAMED_MAX - named) {
                tracing::warn!(path = %path.display(), file, "not read");
                named += 1;
            }
            progress.bundle_done();
        }
        if let Some(device) = options.device.filter(|_| computers.len() > 1) {
            let names: Vec<String> = computers.into_iter().take(NAMED_MAX).collect();
            tracing::warn!(%device, computers = %names.join(", "), "several computers were read as the one device that --device names; without it each is its own");
        }
        let mut shipper = progress.finish();
        shipper
            .flush()
            .map_err(|error| anyhow::anyhow!(error.to_string()))?;
        Ok::<_, anyhow::Error>(accounting)
    });
    let written = ship_all(destination, inbox).await;
    let read = reading.await.context("the reading thread ended early")?;
    // The writer's error is the cause when both fail: the reader only found the door closed.
    let messages = written.context("handing events over")?;
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
