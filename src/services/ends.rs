//! Wiring: opens the two ends that the settings name, and puts the transform stage between them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use patchlens_event::{DOCUMENTS_TOPIC, EVENTS_TOPIC, REJECTS_TOPIC};
use patchlens_log::{LogUrl, Reader, ReaderOptions};
use patchlens_queries::Store;
use patchlens_queries::embedded::{
    ANALYST, AnalystLimits, Engine, EngineConfig, WRITER, WRITER_PASSWORD_FILE, running_at,
};
use patchlens_queries::{Login, Secret, StoreConfig};
use patchlens_stream::devices::Analysis;
use patchlens_stream::{Flow, FlowOptions, Metrics};

use super::{ensure, now};
use crate::cli::Reading;
use crate::config::{Config, socket_address};
use crate::documents::Documents;
use crate::reading::collect_options;
use crate::reference;

/// The store, and the engine behind it when it runs in this process.
pub(crate) struct OpenStore {
    pub(crate) store: Store,
    engine: Option<Engine>,
}

impl OpenStore {
    /// Connects to the store that the settings name; starts the embedded engine when they name none.
    /// Tables and views are brought up to date.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let opened = Self::connect(config).await?;
        opened
            .store
            .migrate()
            .await
            .context("bringing the store's tables and views up to date")?;
        Ok(opened)
    }

    pub(crate) async fn connect(config: &Config) -> anyhow::Result<Self> {
        let engine = if config.store.url.is_empty() {
            Some(start_engine(config)?)
        } else {
            None
        };
        let ends = engine
            .as_ref()
            .map_or_else(|| server(config), Engine::store_config);
        let store = Store::connect(StoreConfig {
            database: config.store.database.clone(),
            ..ends
        })
        .context("connecting to the store")?;
        store
            .wait_ready(Duration::from_secs(config.store.ready_deadline_seconds))
            .await
            .context("waiting for the store")?;
        Ok(Self { store, engine })
    }

    /// The same for a command beside services: when a process of this machine has the data directory, its engine is
    /// asked.
    pub(crate) async fn join(config: &Config) -> anyhow::Result<Self> {
        match beside(config) {
            Some(beside) => Self::connect(&beside).await,
            None => Self::open(config).await,
        }
    }

    /// The same for a command that only reads: the tables of a store elsewhere are left as they are, for a reader need
    /// not be allowed to change them, and where there is no store none is made.
    pub(crate) async fn open_to_read(config: &Config) -> anyhow::Result<Self> {
        if let Some(beside) = beside(config) {
            Self::connect(&beside).await
        } else if config.store.url.is_empty() {
            let directory = config.data_dir.join("store");
            anyhow::ensure!(
                directory.is_dir(),
                "there is no store in {}: `patchlens standalone`, `transform` or `demo` makes one, and --data-dir or \
                 PATCHLENS_DATA_DIR names the place of one that there is",
                config.data_dir.display()
            );
            Self::open(config).await
        } else {
            Self::connect(config).await
        }
    }

    /// The URL of the engine in this process.
    pub(crate) fn engine_url(&self) -> Option<String> {
        self.engine.as_ref().map(Engine::url)
    }

    /// Ends the engine in good order; without this the process would end with a fault.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        if let Some(engine) = self.engine {
            engine
                .shutdown()
                .await
                .context("shutting the embedded store down")?;
        }
        Ok(())
    }
}

/// The settings with the URL of the engine that runs on the data directory, in another process of this machine.
/// `None` when none does, or the settings name a store.
fn beside(config: &Config) -> Option<Config> {
    if !config.store.url.is_empty() {
        return None;
    }
    let url = running_at(&config.data_dir.join("store"))?;
    let mut beside = config.clone();
    beside.store.url = url;
    Some(beside)
}

/// How to reach a store elsewhere. An engine on this machine that runs on the same data directory (`standalone`) is
/// reached as its writer, by the password that it left there.
fn server(config: &Config) -> StoreConfig {
    let settings = &config.store;
    let password = &settings.password.0;
    let store = StoreConfig {
        user: Some(settings.user.clone()),
        password: (!password.is_empty()).then(|| Secret::new(password.clone())),
        ..StoreConfig::new(&settings.url)
    };
    if !password.is_empty() || settings.user != "default" || !store.is_local() {
        return store;
    }
    let directory = config.data_dir.join("store");
    // What a process left that is gone, or listens elsewhere, opens nothing here.
    if running_at(&directory).is_none_or(|url| !store.is_at(&url)) {
        return store;
    }
    match std::fs::read_to_string(directory.join(WRITER_PASSWORD_FILE)) {
        Ok(password) => StoreConfig {
            user: Some(WRITER.to_owned()),
            password: Some(Secret::new(password)),
            analyst: Some(Login {
                user: ANALYST.to_owned(),
                password: analyst_password(config),
            }),
            ..store
        },
        // No engine of this data directory: a server of its own, which may do without a password.
        Err(_) => store,
    }
}

fn start_engine(config: &Config) -> anyhow::Result<Engine> {
    let engine = EngineConfig {
        http_addr: socket_address("embedded.http", &config.embedded.http)?,
        threads: config.embedded.threads,
        memory_bytes_max: config.embedded.memory_mib_max << 20,
        analyst: AnalystLimits {
            // Half of the threads and half of the memory stay the program's own.
            statements: (config.embedded.threads / 2).max(1),
            memory_bytes: (config.embedded.memory_mib_max << 20)
                / 2
                / (config.embedded.threads as u64 / 2).max(1),
            database: config.store.database.clone(),
            ..AnalystLimits::default()
        },
        analyst_password: analyst_password(config),
        ..EngineConfig::new(config.library(), config.data_dir.join("store"))
    };
    Engine::start(engine).context("starting the embedded store")
}

fn analyst_password(config: &Config) -> Option<Secret> {
    let password = &config.embedded.analyst_password.0;
    (!password.is_empty()).then(|| Secret::new(password.clone()))
}

/// What the transform stage reads. Nobody but patchlens writes to a local log.
fn topics(url: &LogUrl) -> impl Iterator<Item = &'static str> {
    let documents = matches!(url, LogUrl::Kafka { .. }).then_some(DOCUMENTS_TOPIC);
    [EVENTS_TOPIC, REJECTS_TOPIC].into_iter().chain(documents)
}

/// Puts the transform stage together.
pub(crate) async fn open_flow(
    config: &Config,
    store: Store,
    until_idle: bool,
    metrics: Arc<Metrics>,
) -> anyhow::Result<Flow> {
    let url: LogUrl = config.event_log_url().parse()?;
    ensure(config, &url, topics(&url)).await?;
    let instance_id = Some(config.event_log.instance_id.clone()).filter(|id| !id.is_empty());
    let options = ReaderOptions {
        instance_id,
        ..ReaderOptions::new(&config.event_log.group, topics(&url))
    };
    let reading = Reading {
        device: None,
        assume_utc_offset: None,
    };
    let documents = Documents::new(collect_options(config, &reading, 0)?)?;
    let reader = Reader::open(&url, options).await?;
    let (reference, reference_version) = reference::load(&store).await?;
    let knowledge = crate::knowledge::load(config)?;
    crate::knowledge::publish_codes(&knowledge, &store).await?;
    let options = FlowOptions {
        cut_bytes_max: config.transform.cut_mib_max << 20,
        cut_wait: Duration::from_millis(config.transform.cut_wait_ms),
        until_idle,
        documents: Arc::new(documents),
        now: now(),
    };
    let analysis = Analysis {
        knowledge: Arc::new(knowledge),
        reference: Arc::new(reference),
        reference_version,
    };
    Flow::new(reader, store, analysis, options, metrics).context("starting the transform thread")
}
