//! `sql` and `migrate`.

use std::io::Read;
use std::time::Duration;

use anyhow::Context;

use crate::cli::Sql;
use crate::config::Config;
use crate::output::{Outcome, print, print_data};
use crate::services::{OpenStore, runtime};

/// How long an analyst's statement may run; the embedded engine allows no more.
const LONGEST: Duration = Duration::from_secs(30);

pub(crate) fn run(config: Config, command: &Sql) -> anyhow::Result<Outcome> {
    let mut statement = command.statement.clone();
    if statement == "-" {
        statement.clear();
        std::io::stdin()
            .read_to_string(&mut statement)
            .context("reading the statement from stdin")?;
    }
    runtime()?.block_on(async {
        let open = OpenStore::open_to_read(&config).await?;
        let store = if command.write {
            open.store.clone()
        } else {
            open.store.analyst(LONGEST)?
        };
        let answer = store
            .query_bytes("answer the statement", &statement, &[], &command.format)
            .await;
        open.close().await?;
        print_data(&answer?)?;
        Ok(Outcome::Done)
    })
}

pub(crate) fn migrate(config: Config) -> anyhow::Result<Outcome> {
    runtime()?.block_on(async {
        let open = OpenStore::connect(&config).await?;
        let migrated = open.store.migrate().await;
        open.close().await?;
        let report = migrated.context("bringing the store's tables and views up to date")?;
        print(&format!(
            "{} migrations applied now, {} before; {} views in place",
            report.applied, report.present, report.views
        ))?;
        Ok(Outcome::Done)
    })
}
