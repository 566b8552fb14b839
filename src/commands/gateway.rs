//! `gateway`: events and bundles over HTTP into the event log, and the tokens of its collectors.

use std::sync::Arc;

use anyhow::Context;
use patchlens_gateway::{Scope, serve_on};
use tokio::sync::watch;

use crate::cli::{Gateway, GatewayAction, Reading, TokenAction, TokenScope};
use crate::commands::token;
use crate::config::{Config, socket_address};
use crate::output::{Outcome, announce, say};
use crate::reading::{collect_options, warn_of_public_salt};
use crate::services::{open_writer_within, runtime, stop_signal};

pub(crate) fn run(mut config: Config, command: &Gateway) -> anyhow::Result<Outcome> {
    if let Some(http) = &command.listen.http {
        config.gateway.http.clone_from(http);
    }
    match &command.action {
        Some(GatewayAction::Token(action)) => token(&config, action),
        None => runtime()?.block_on(async {
            serve(&config, stop_signal()).await?;
            Ok(Outcome::Done)
        }),
    }
}

/// Serves the gateway until told to stop.
pub(crate) async fn serve(config: &Config, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
    let address = socket_address("gateway.http", &config.gateway.http)?;
    let reading = Reading {
        device: None,
        assume_utc_offset: None,
    };
    let url = config.event_log_url();
    let deadline = std::time::Duration::from_secs(config.gateway.append_deadline_seconds);
    if !address.ip().is_loopback() {
        warn_of_public_salt(config);
    }
    // Before the port is bound: a gateway that accepts connections is one that can take events.
    let writer = Arc::new(open_writer_within(config, &url, deadline).await?);
    let gateway = patchlens_gateway::Gateway::new(
        config.gateway_config(collect_options(config, &reading, 0)?),
        address,
        Arc::clone(&writer),
    )?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("listening at {address} for the gateway; is another patchlens running? --gateway chooses another address"))?;
    let bound = listener
        .local_addr()
        .context("asking for the gateway's address")?;
    announce(&format!("gateway      http://{bound}\n"))?;
    if gateway.is_open() {
        say(
            "the gateway takes requests of this machine without a token; `patchlens gateway token add NAME` ends that",
        );
    }
    let stopped = async move {
        // An error means that the sender is gone: that is a stop as well.
        drop(stop.wait_for(|stop| *stop).await);
    };
    serve_on(listener, gateway, stopped).await;
    if let Some(writer) = Arc::into_inner(writer) {
        writer.close().await;
    }
    Ok(())
}

fn token(config: &Config, action: &TokenAction) -> anyhow::Result<Outcome> {
    let path = config.gateway_token_file();
    match action {
        TokenAction::Add {
            name,
            scopes,
            devices,
        } => {
            let scopes: Vec<Scope> = if scopes.is_empty() {
                Scope::COLLECTING.to_vec()
            } else {
                scopes.iter().map(|scope| (*scope).into()).collect()
            };
            token::add(&path, name, scopes, devices)
        }
        TokenAction::List => token::list(&path, "collector"),
        TokenAction::Revoke { name } => token::revoke(&path, name),
    }
}

impl From<TokenScope> for Scope {
    fn from(scope: TokenScope) -> Self {
        match scope {
            TokenScope::Events => Self::Events,
            TokenScope::Bundles => Self::Bundles,
            TokenScope::Winlogbeat => Self::Winlogbeat,
        }
    }
}
