//! `replay-rejects`: what was refused once, tried again with today's parsers.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use patchlens_event::{DeviceId, EventId, Origin, Reject, RejectReason};
use patchlens_ingest::collect::{CollectOptions, EventSink};
use patchlens_ingest::replay::replay;
use patchlens_ingest::ship::Shipper;
use patchlens_queries::RejectRow;

use crate::cli::{Reading, ReplayRejects};
use crate::config::Config;
use crate::output::{Outcome, columns, print};
use crate::reading::collect_options;
use crate::services::{OpenStore, open_writer, runtime};

/// How many rejects are read from the store at once: at most 16 MiB of text.
const ROWS: u32 = 1_000;

/// What became of the rejects.
#[derive(Debug, Default)]
struct Replayed {
    tried: u64,
    read: u64,
    events: u64,
    /// By reason of refusal and why it stays.
    stay: BTreeMap<(String, &'static str), u64>,
}

pub(crate) fn run(config: Config, command: &ReplayRejects) -> anyhow::Result<Outcome> {
    let reading = Reading {
        device: None,
        assume_utc_offset: command.assume_utc_offset.clone(),
    };
    let options = collect_options(&config, &reading, 0)?;
    runtime()?.block_on(async {
        let open = OpenStore::open_to_read(&config).await?;
        let done = all(&config, &open, &options, command.dry_run).await;
        open.close().await?;
        let replayed = done?;
        print(&as_text(&replayed, command.dry_run))?;
        Ok(Outcome::from_rejects(replayed.tried - replayed.read))
    })
}

async fn all(
    config: &Config,
    open: &OpenStore,
    options: &CollectOptions,
    is_dry: bool,
) -> anyhow::Result<Replayed> {
    let mut replayed = Replayed::default();
    let writer = Arc::new(open_writer(config, &config.event_log_url()).await?);
    let mut after = String::new();
    loop {
        let rows = open.store.rejects_after(&after, ROWS).await?;
        let Some(last) = rows.last() else { break };
        after.clone_from(&last.reject_id);
        let mut shipper = Shipper::holding(config.collect.message_kib_max);
        let mut read = Vec::new();
        for row in rows {
            replayed.tried += 1;
            let (id, reason) = (row.reject_id.clone(), row.reason.clone());
            let Some(reject) = as_reject(row, options) else {
                *replayed
                    .stay
                    .entry((reason, "of a reason that this version does not know"))
                    .or_default() += 1;
                continue;
            };
            match replay(&reject, options)? {
                Ok(events) => {
                    replayed.read += 1;
                    replayed.events += events.len() as u64;
                    for event in events {
                        shipper.event(event)?;
                    }
                    read.push(id);
                }
                Err(stays) => {
                    *replayed.stay.entry((reason, stays.as_str())).or_default() += 1;
                }
            }
        }
        if is_dry || read.is_empty() {
            continue;
        }
        for (topic, message) in shipper.take()? {
            writer
                .append(topic, vec![message])
                .await
                .context("writing to the event log")?;
        }
        // Only now: the events are durable.
        open.store.delete_rejects(read).await.context(
            "deleting rejects that were read; their events are in the event log, and replaying them again changes nothing",
        )?;
    }
    if let Some(writer) = Arc::into_inner(writer) {
        writer.close().await;
    }
    Ok(replayed)
}

fn as_reject(row: RejectRow, options: &CollectOptions) -> Option<Reject> {
    let reason: RejectReason = serde_json::from_value(row.reason.into()).ok()?;
    Some(Reject {
        reject_id: EventId::try_from(row.reject_id).ok()?,
        device_id: DeviceId::new(&row.device_id),
        reason,
        detail: String::new(),
        origin: Origin {
            file: row.source_file,
            line: row.line_number.parse().ok()?,
            byte_offset: row.byte_offset.parse().ok()?,
            record_id: None,
        },
        raw: row.raw,
        collected_at: options.collected_at,
        refused_by: String::new(),
    })
}

fn as_text(replayed: &Replayed, is_dry: bool) -> String {
    let Replayed {
        tried,
        read,
        events,
        stay,
    } = replayed;
    let sent = if is_dry { "would be sent" } else { "sent" };
    let mut text = format!(
        "{tried} rejects tried = {read} read + {} that stay; {events} events {sent}\n",
        tried - read
    );
    if !stay.is_empty() {
        let rows: Vec<Vec<String>> = stay
            .iter()
            .map(|((reason, why), count)| {
                vec![count.to_string(), reason.clone(), (*why).to_owned()]
            })
            .collect();
        text.push_str(&columns(&["stay", "refused as", "because"], &rows));
    }
    text
}
