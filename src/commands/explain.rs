//! `explain`: why the devices of a cluster are in it, shown on the devices themselves.

use anyhow::{Context, bail};
use patchlens_transform::report::{self, DiagnosisReport, device_reports};
use patchlens_transform::{Explanation, diagnose_and_explain, from_ipc_stream};
use serde::Serialize;

use crate::cli::{self, Explain};
use crate::commands::diagnose::explanation_text;
use crate::config::Config;
use crate::output::{Format, Outcome, print};
use crate::reference;
use crate::services::{OpenStore, runtime};

/// On how many devices the key is explained.
const DEVICES_MAX: usize = 3;

/// A cluster explained on some of its devices.
#[derive(Debug, Serialize)]
struct ClusterExplanation {
    cluster_key: String,
    /// Devices in the cluster.
    devices: usize,
    /// Shown on these.
    shown: Vec<DeviceExplanation>,
}

#[derive(Debug, Serialize)]
struct DeviceExplanation {
    device_id: String,
    explanation: Explanation,
    diagnosis: DiagnosisReport,
}

pub(crate) fn run(config: Config, command: &Explain) -> anyhow::Result<Outcome> {
    runtime()?.block_on(async {
        let open = OpenStore::open_to_read(&config).await?;
        let answer = explain(&open, &config, command).await;
        open.close().await?;
        print(&answer?)?;
        Ok(Outcome::Done)
    })
}

async fn explain(open: &OpenStore, config: &Config, command: &Explain) -> anyhow::Result<String> {
    let key = &command.cluster_key;
    let devices = open.store.cluster_devices(key).await?;
    if devices.is_empty() {
        bail!("no cluster {key:?} in the store; `patchlens report rollout` lists the keys");
    }
    let chosen: Vec<String> = devices
        .iter()
        .take(DEVICES_MAX)
        .map(|device| device.device_id.clone())
        .collect();
    let events = open.store.device_events(&chosen).await?;
    let events = from_ipc_stream(&events).context("reading the devices' records")?;
    let (reference, _) = reference::load(&open.store).await?;
    let knowledge = crate::knowledge::load(config)?;
    let (diagnosed, explanations) =
        tokio::task::spawn_blocking(move || diagnose_and_explain(&events, &reference, &knowledge))
            .await
            .context("the analysis ended early")??;
    let language = match command.lang {
        cli::Language::En => report::Language::En,
        cli::Language::Zh => report::Language::Zh,
    };
    let reports =
        device_reports(&diagnosed, language, report::Include::All).context("writing the report")?;
    let mut shown = Vec::new();
    for device in reports {
        let explanation = explanations
            .iter()
            .find(|why| why.device_id == device.device_id && why.cluster_key == *key);
        let diagnosis = device
            .diagnoses
            .into_iter()
            .find(|diagnosis| diagnosis.cluster_key == *key);
        if let (Some(explanation), Some(diagnosis)) = (explanation, diagnosis) {
            shown.push(DeviceExplanation {
                device_id: device.device_id,
                explanation: explanation.clone(),
                diagnosis,
            });
        }
    }
    if shown.is_empty() {
        bail!(
            "the rules in force give the devices of {key:?} another key than the store holds: the store was filled \
             with other rules; `patchlens transform` judges a device anew when it reports again"
        );
    }
    let answer = ClusterExplanation {
        cluster_key: key.clone(),
        devices: devices.len(),
        shown,
    };
    Ok(match command.format {
        Format::Json => serde_json::to_string_pretty(&answer)?,
        Format::Table | Format::Markdown => as_text(&answer),
    })
}

fn as_text(answer: &ClusterExplanation) -> String {
    let mut lines = vec![format!(
        "{}  {} devices, explained on {}",
        answer.cluster_key,
        answer.devices,
        answer.shown.len()
    )];
    for device in &answer.shown {
        lines.push(String::new());
        lines.push(format!(
            "{}  {}",
            device.device_id, device.diagnosis.summary
        ));
        lines.push(explanation_text(&device.explanation, "  "));
        for item in &device.diagnosis.evidence {
            let text = item.text.lines().next().unwrap_or_default();
            lines.push(format!("  evidence  {}:{} {text}", item.file, item.line));
        }
    }
    lines.join("\n")
}
