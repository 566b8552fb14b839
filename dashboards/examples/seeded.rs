//! The dashboards over an embedded store with the data set of the tests, or over a store that runs, for looking at.
//!
//! `cargo run --release -p patchlens-dashboards --example seeded -- 127.0.0.1:8099 [seed.sql… | http://127.0.0.1:8123]`

#[path = "../tests/seed/mod.rs"]
mod seed;

use std::error::Error;

use patchlens_dashboards::{DashboardConfig, Uploads, serve_on};
use patchlens_queries::{Store, StoreConfig, testing};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let addr = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:8099".to_owned());
    let addr: std::net::SocketAddr = addr.parse()?;
    let arguments: Vec<String> = arguments.collect();
    let store = match arguments.first() {
        Some(url) if url.starts_with("http") => Store::connect(StoreConfig::new(url))?,
        _ => {
            let store = testing::fresh_store()
                .await
                .ok_or("libchdb is not on this machine: set PATCHLENS_LIBCHDB")?;
            seed::fill(&store, seed::ROLLOUT).await?;
            for path in &arguments {
                seed::fill(&store, &std::fs::read_to_string(path)?).await?;
            }
            store
        }
    };
    let config = DashboardConfig {
        addr,
        ..DashboardConfig::default()
    };
    let stopped = async {
        // Without a signal handler the process ends by the signal itself, which is as good here.
        let _interrupted = tokio::signal::ctrl_c().await;
    };
    let listener = tokio::net::TcpListener::bind(addr).await?;
    serve_on(listener, store, config, Uploads::NoEventLog, stopped).await?;
    Ok(())
}
