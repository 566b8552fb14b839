//! The dashboards over an embedded store with the data set of the tests, for the browser tests and for looking at.
//!
//! `cargo run --release -p patchlens-dashboards --example seeded -- 127.0.0.1:8099 [seed.sql]…`

#[path = "../tests/seed/mod.rs"]
mod seed;

use std::error::Error;

use patchlens_dashboards::DashboardConfig;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let addr = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:8099".to_owned())
        .parse()?;
    let Some(store) = patchlens_queries::testing::fresh_store().await else {
        return Err("libchdb is not on this machine: set PATCHLENS_LIBCHDB".into());
    };
    seed::fill(&store, seed::ROLLOUT).await?;
    for path in arguments {
        seed::fill(&store, &std::fs::read_to_string(path)?).await?;
    }
    let config = DashboardConfig {
        addr,
        ..DashboardConfig::default()
    };
    let stopped = async {
        // Without a signal handler the process ends by the signal itself, which is as good here.
        let _interrupted = tokio::signal::ctrl_c().await;
    };
    patchlens_dashboards::serve(store, config, stopped).await?;
    Ok(())
}
