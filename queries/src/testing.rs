//! What tests of this and other crates share: one engine per test process, one fresh database per test.
//!
//! ```no_run
//! # async fn example() {
//! let Some(store) = patchlens_queries::testing::fresh_store().await else { return };
//! # }
//! ```

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::embedded::{Engine, EngineConfig, default_library};
use crate::{Store, StoreConfig};

static ENGINE: OnceLock<Option<Engine>> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Returns the engine of this test process, started on first use in a fresh directory under
/// the system's temporary directory, and stopped when the process exits.
///
/// `None`, with a printed line, when libchdb is not on this machine.
///
/// # Panics
/// When it is not and `PATCHLENS_REQUIRE_SERVICES=1`, or when the engine does not start.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::panic,
    reason = "tests are told by the environment, and fail by panicking"
)]
pub fn engine() -> Option<&'static Engine> {
    let start = || {
        let configured = std::env::var("PATCHLENS_LIBCHDB").ok().map(PathBuf::from);
        let home = std::env::var("HOME").unwrap_or_default();
        let library = default_library(configured.as_deref(), Path::new(&home));
        if !library.exists() {
            let required =
                std::env::var("PATCHLENS_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
            assert!(
                !required,
                "libchdb is required and not at {}",
                library.display()
            );
            println!("skipped: no libchdb at {}", library.display());
            return None;
        }
        let data_dir = fresh_directory();
        let mut config = EngineConfig::new(library, &data_dir);
        config.http_addr.set_port(0);
        match Engine::start(config) {
            Ok(engine) => Some(engine),
            Err(error) => panic!("the embedded engine for tests did not start: {error}"),
        }
    };
    ENGINE.get_or_init(start).as_ref()
}

/// Returns a path of this process's own, and removes those of test processes that are gone.
fn fresh_directory() -> PathBuf {
    const PREFIX: &str = "patchlens-test-";
    let parent = std::env::temp_dir();
    for entry in std::fs::read_dir(&parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_left_over = name
            .strip_prefix(PREFIX)
            .is_some_and(|id| !Path::new("/proc").join(id).exists());
        if is_left_over {
            let _removed_by_another = std::fs::remove_dir_all(entry.path());
        }
    }
    parent.join(format!("{PREFIX}{}", std::process::id()))
}

/// Returns a store with a fresh, migrated database on [`engine`].
///
/// # Panics
/// When the database cannot be made.
#[expect(clippy::panic, reason = "tests fail by panicking")]
pub async fn fresh_store() -> Option<Store> {
    let engine = engine()?;
    let database = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let store = Store::connect(StoreConfig {
        database,
        ..engine.store_config()
    });
    match store {
        Ok(store) => match store.migrate().await {
            Ok(_) => Some(store),
            Err(error) => panic!("the test database could not be migrated: {error}"),
        },
        Err(error) => panic!("the test store could not be made: {error}"),
    }
}
