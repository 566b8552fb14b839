//! `serve`, and `standalone`: all services in one process.

use std::sync::Arc;

use anyhow::{Context, ensure};
use patchlens_dashboards::{Beside, DashboardConfig, Neighbours, Readers, Uploads, serve_on};
use patchlens_gateway::{Scope, Tokens};
use patchlens_stream::Metrics;
use tokio::sync::watch;

use crate::alerting;
use crate::cli::{ReaderAction, Serve, ServeAction, Standalone};
use crate::commands::{gateway, token};
use crate::config::{Config, socket_address};
use crate::output::{Outcome, announce};
use crate::services::{OpenStore, open_flow, runtime, stop_signal};
use crate::upload::uploads;

pub(crate) fn run(config: Config, command: &Serve) -> anyhow::Result<Outcome> {
    if let Some(ServeAction::Token(action)) = &command.action {
        let path = config.reader_token_file();
        return match action {
            ReaderAction::Add { name } => token::add(&path, name, vec![Scope::Read], &[]),
            ReaderAction::List => token::list(&path, "reader"),
            ReaderAction::Revoke { name } => token::revoke(&path, name),
        };
    }
    let config = config.with_addresses(&command.addresses)?;
    runtime()?.block_on(async {
        let stop = stop_signal();
        let beside = Beside {
            readers: readers(&config)?,
            ..Uploads::NoEventLog.into()
        };
        let open = OpenStore::open(&config).await?;
        let served = serve_until(&config, &open, beside, stop).await;
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
            all_services(&config, &open, metrics, stop)
        );
        open.close().await?;
        done?;
        Ok(Outcome::Done)
    })
}

/// Runs the transform stage, the alerts and the dashboards side by side; the first that fails ends all.
pub(crate) async fn all_services(
    config: &Config,
    open: &OpenStore,
    metrics: Arc<Metrics>,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let uploads = uploads(config, Arc::clone(&metrics)).await?;
    let mut flow = open_flow(config, open.store.clone(), false, Arc::clone(&metrics)).await?;
    let alert_metrics = Arc::new(patchlens_alert::Metrics::default());
    let alerts = alerting::service(config, None, open.store.clone(), Arc::clone(&alert_metrics))?;
    let sinks = config.alert.sinks()?;
    let beside = Beside {
        uploads,
        neighbours: Neighbours::new(move || metrics.prometheus() + &alert_metrics.prometheus()),
        readers: readers(config)?,
    };
    let moving = async {
        flow.run(stop.clone())
            .await
            .map(|_| ())
            .context("the transform stage failed")
    };
    let alerting = async {
        alerts.run(sinks, stop.clone()).await;
        Ok(())
    };
    let done = tokio::try_join!(
        moving,
        alerting,
        serve_until(config, open, beside, stop.clone())
    );
    flow.close().await;
    done.map(|_| ())
}

async fn serve_until(
    config: &Config,
    open: &OpenStore,
    beside: Beside,
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
    announce(&said)?;
    let stopped = async move {
        // An error means that the sender is gone: that is a stop as well.
        drop(stop.wait_for(|stop| *stop).await);
    };
    let settings = DashboardConfig {
        addr: bound,
        hosts: config.dashboards.hosts.clone(),
        ..DashboardConfig::default()
    };
    serve_on(listener, open.store.clone(), settings, beside, stopped)
        .await
        .context("serving the dashboards")
}

/// Who may open the pages: on this machine everybody as long as no reader has a token, from elsewhere nobody without one.
fn readers(config: &Config) -> anyhow::Result<Readers> {
    let address = socket_address("dashboards.http", &config.dashboards.http)?;
    let tokens = Tokens::open(&config.reader_token_file())?;
    let only_here = address.ip().is_loopback();
    ensure!(
        only_here || tokens.with(|file| !file.tokens.is_empty()),
        "the dashboards would be open to every machine that reaches {address}: no reader has a token in {}; `patchlens serve token add NAME` makes one, or listen on 127.0.0.1",
        tokens.path().display()
    );
    Ok(Readers::Admitted(Arc::new(move |authorization| {
        (only_here && tokens.is_open())
            || tokens.admits(authorization.unwrap_or_default(), Scope::Read)
    })))
}
