//! `serve`, and `standalone`: all services in one process.

use std::sync::Arc;

use anyhow::Context;
use patchlens_dashboards::{DashboardConfig, serve_on};
use patchlens_stream::Metrics;
use tokio::sync::watch;

use crate::cli::{Serve, Standalone};
use crate::commands::gateway;
use crate::config::{Config, socket_address};
use crate::output::{Outcome, print};
use crate::services::{OpenStore, open_flow, runtime, stop_signal};

pub(crate) fn run(config: Config, command: &Serve) -> anyhow::Result<Outcome> {
    let config = config.with_addresses(&command.addresses)?;
    runtime()?.block_on(async {
        let stop = stop_signal();
        let open = OpenStore::open(&config).await?;
        let served = serve_until(&config, &open, stop).await;
        open.close().await?;
        served?;
        Ok(Outcome::Done)
    })
}

pub(crate) fn run_standalone(config: Config, command: &Standalone) -> anyhow::Result<Outcome> {
    let mut config = config.with_addresses(&command.addresses)?;
    if let Some(http) = &command.listen.http {
        config.gateway.http.clone_from(http);
    }
    runtime()?.block_on(async {
        let stop = stop_signal();
        let open = OpenStore::open(&config).await?;
        let metrics = Arc::new(Metrics::default());
        let done = tokio::try_join!(
            gateway::serve(&config, stop.clone()),
            transform_and_serve(&config, &open, metrics, stop)
        );
        open.close().await?;
        done?;
        Ok(Outcome::Done)
    })
}

/// Runs the transform stage and the dashboards side by side; the first that fails ends both.
pub(crate) async fn transform_and_serve(
    config: &Config,
    open: &OpenStore,
    metrics: Arc<Metrics>,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut flow = open_flow(config, open.store.clone(), false, metrics).await?;
    let moving = async {
        flow.run(stop.clone())
            .await
            .map(|_| ())
            .context("the transform stage failed")
    };
    let done = tokio::try_join!(moving, serve_until(config, open, stop.clone()));
    flow.close().await;
    done.map(|_| ())
}

async fn serve_until(
    config: &Config,
    open: &OpenStore,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let address = socket_address("dashboards.http", &config.dashboards.http)?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("listening at {address} for the dashboards; is another patchlens running? --http chooses another address"))?;
    let bound = listener
        .local_addr()
        .context("asking for the dashboards' address")?;
    let mut said = format!("dashboards   http://{bound}\n");
    if let Some(url) = open.engine_url() {
        said.push_str(&format!("ClickHouse   {url}   try: curl '{url}/?query=SELECT+*+FROM+patchlens.failure_cluster+FORMAT+PrettyCompact'\n"));
    }
    said.push_str("Ctrl-C stops.\n");
    print(&said)?;
    let stopped = async move {
        // An error means that the sender is gone: that is a stop as well.
        drop(stop.wait_for(|stop| *stop).await);
    };
    let settings = DashboardConfig {
        addr: bound,
        ..DashboardConfig::default()
    };
    serve_on(listener, open.store.clone(), settings, stopped)
        .await
        .context("serving the dashboards")
}
