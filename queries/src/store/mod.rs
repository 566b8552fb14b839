//! The store client: one ClickHouse HTTP endpoint, embedded or not.

mod answer;
mod config;
mod identity;
mod insert;
mod query;
mod reference;
mod refresh;
mod reject;
mod removal;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clickhouse::{Client, Compression};

pub use config::{Login, Secret, StoreConfig};
pub use query::Param;
pub use reference::RECORDS_PER_DEVICE_MAX;
pub use reject::RejectRow;

use crate::{Error, Result, embedded, migration};

/// Longest pause between two questions whether the store is there.
const WAIT_PAUSE_MAX: Duration = Duration::from_secs(2);

/// What holds a statement to reading where the store has no user for analysts. `readonly = 2` still lets a statement's
/// own SETTINGS raise the limits: the user of `queries/server/analyst.sql` is held by constraints.
const ANALYST_SETTINGS: &[(&str, &str)] = &[
    ("readonly", "2"),
    ("max_result_rows", "1000000"),
    ("max_result_bytes", "268435456"),
    ("max_memory_usage", "2000000000"),
];

/// A client of one database. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Store {
    /// Knows no database: what creates it cannot name it.
    server: Client,
    client: Client,
    config: Arc<StoreConfig>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Prepares a client. Connects only with the first request.
    ///
    /// # Errors
    /// When database or cluster are no plain identifiers.
    pub fn connect(config: StoreConfig) -> Result<Self> {
        config.check()?;
        let mut server = Client::default()
            .with_url(&config.url)
            .with_product_info("patchlens", env!("CARGO_PKG_VERSION"));
        if let Some(user) = config.user.as_deref().filter(|user| !user.is_empty()) {
            server = server.with_user(user);
        }
        if let Some(password) = &config.password {
            server = server.with_password(password.expose());
        }
        // Compressing towards the same machine costs more than it saves.
        server = server.with_compression(if config.is_local() {
            Compression::None
        } else {
            Compression::Lz4
        });
        // What was inserted is read in the next step: a Distributed table shall not hold it back.
        if config.cluster.is_some() {
            server = server.with_setting("distributed_foreground_insert", "1");
        }
        let client = server.clone().with_database(&config.database);
        Ok(Self {
            server,
            client,
            config: Arc::new(config),
        })
    }

    /// Returns the settings that it was made with.
    pub fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// Returns the same store with another database.
    ///
    /// # Errors
    /// When the name is no plain identifier.
    pub fn with_database(&self, database: &str) -> Result<Self> {
        Self::connect(StoreConfig {
            database: database.to_owned(),
            ..(*self.config).clone()
        })
    }

    /// Returns the same store for ad-hoc SQL: as the analyst where one is named, else as the same user, with settings
    /// that hold each statement to reading and to limits. A statement may run for `longest`, in whole seconds.
    ///
    /// # Errors
    /// When database or cluster are no plain identifiers.
    pub fn analyst(&self, longest: Duration) -> Result<Self> {
        let mut analyst = match self.config.analyst.clone() {
            Some(login) => Self::connect(StoreConfig {
                user: Some(login.user),
                password: login.password,
                ..(*self.config).clone()
            })?,
            None => self.clone(),
        };
        if self.config.analyst.is_none() {
            for (name, value) in ANALYST_SETTINGS {
                analyst.client = analyst.client.with_setting(*name, *value);
            }
        }
        Ok(analyst.within(longest))
    }

    /// Returns the same store with statements that the store itself ends after `longest`, in whole seconds, rounded up:
    /// one that its asker waits for no more must not go on. Signs of life and migrations are not limited.
    #[must_use]
    pub fn within(mut self, longest: Duration) -> Self {
        let seconds = longest.as_millis().div_ceil(1000).max(1).to_string();
        self.client = self.client.with_setting("max_execution_time", seconds);
        self
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// When there is none, or the credentials are refused.
    pub async fn ping(&self) -> Result<()> {
        self.execute_on(
            &self.server,
            "ask for a sign of life",
            "SELECT 1 FORMAT Null",
        )
        .await
    }

    /// Waits until the store answers.
    ///
    /// # Errors
    /// [`Error::NotReady`] after `longest`; at once when trying again cannot help.
    pub async fn wait_ready(&self, longest: Duration) -> Result<()> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(50);
        let mut said = false;
        loop {
            let error = match self.ping().await {
                Ok(()) => return Ok(()),
                Err(error) if !error.is_retryable() => return Err(error),
                Err(error) => error,
            };
            if started.elapsed() + pause > longest {
                return Err(Error::NotReady {
                    url: self.config.url.clone(),
                    waited: started.elapsed(),
                    source: Box::new(error),
                });
            }
            if pause == WAIT_PAUSE_MAX && !said {
                said = true;
                tracing::warn!(%error, url = self.config.url, patience = ?longest, "the store does not answer yet");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(WAIT_PAUSE_MAX);
        }
    }

    /// Makes what was stored so far survive a power cut, where the engine runs in this process: it syncs files and the
    /// directories of parts, but not the directory above them, in which a part gets its name. To be called before a
    /// position moves elsewhere on the strength of what is stored.
    ///
    /// # Errors
    /// When the system reports that it could not write: what was stored since the last call may be lost.
    pub async fn make_durable(&self) -> Result<()> {
        let Some(directory) = self.config.data_dir.clone() else {
            return Ok(());
        };
        let path = directory.clone();
        let synced = tokio::task::spawn_blocking(move || embedded::sync_file_system(&directory));
        synced.await.unwrap_or_else(|panicked| {
            Err(Error::DataDir {
                doing: "write to the disk what is stored in",
                path,
                source: std::io::Error::other(panicked),
            })
        })
    }

    /// Brings the database to the schema of this program: migrations that are missing, then all views.
    ///
    /// # Errors
    /// When a migration was changed after it was applied, is not known here, or is refused.
    pub async fn migrate(&self) -> Result<migration::Report> {
        migration::migrate(self).await
    }

    /// Drops the whole database.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn drop_database(&self) -> Result<()> {
        let sql = format!(
            "DROP DATABASE IF EXISTS `{}`{} SYNC",
            self.config.database,
            self.config.on_cluster()
        );
        self.execute_on(&self.server, "drop the database", &sql)
            .await
    }

    /// Runs one statement that gives no rows.
    ///
    /// # Errors
    /// When the store refuses it or does not answer.
    pub async fn execute(&self, doing: &str, sql: &str) -> Result<()> {
        self.execute_on(&self.client, doing, sql).await
    }

    pub(crate) async fn execute_on_server(&self, doing: &str, sql: &str) -> Result<()> {
        self.execute_on(&self.server, doing, sql).await
    }

    async fn execute_on(&self, client: &Client, doing: &str, sql: &str) -> Result<()> {
        let query = client
            .query_raw(sql)
            .with_setting("wait_end_of_query", "1")
            .execute();
        let answered = tokio::time::timeout(self.config.request_timeout, query).await;
        answered
            .unwrap_or(Err(clickhouse::error::Error::TimedOut))
            .map_err(|error| self.error(doing, error))
    }
}
