//! `transform`: from the event log into the store.

use std::sync::Arc;

use patchlens_stream::Metrics;

use crate::cli::Transform;
use crate::config::{Config, socket_address};
use crate::health;
use crate::output::{Outcome, print};
use crate::services::{OpenStore, open_flow, runtime, stop_signal};

pub(crate) fn run(config: Config, command: &Transform) -> anyhow::Result<Outcome> {
    runtime()?.block_on(async {
        let stop = stop_signal();
        let metrics = Arc::new(Metrics::default());
        if let Some(address) = &command.health {
            health::serve(socket_address("--health", address)?, Arc::<Metrics>::clone(&metrics), stop.clone()).await?;
        }
        let open = OpenStore::open(&config).await?;
        let mut flow = open_flow(&config, open.store.clone(), command.until_idle, metrics).await?;
        let moved = flow.run(stop).await;
        flow.close().await;
        // The engine must be closed in good order whatever became of the flow.
        open.close().await?;
        let summary = moved?;
        print(&format!(
            "{} messages: {} rows inserted, {} present already, {} rejected; {} device recomputations",
            summary.messages, summary.inserted, summary.present, summary.rejected, summary.devices
        ))?;
        Ok(Outcome::from_rejects(summary.rejected))
    })
}
