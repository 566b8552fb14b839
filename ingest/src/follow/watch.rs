//! Tells that something below a path may have changed. Where the system cannot tell, whoever waits
//! looks by himself after a while.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{Config, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

/// Watches paths as long as it lives.
pub struct Watch {
    changes: Arc<Notify>,
    _watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Starts to watch. A file is watched through its directory, so that its replacement is seen.
    pub fn new(paths: &[PathBuf]) -> Self {
        let changes = Arc::new(Notify::new());
        let told = Arc::clone(&changes);
        let tell = move |event: notify::Result<notify::Event>| {
            // Reading is no change, and we read.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                told.notify_one();
            }
        };
        // Links are not read, and one to the root would have the whole system watched.
        let config = Config::default().with_follow_symlinks(false);
        let watcher = RecommendedWatcher::new(tell, config);
        let watcher = watcher.and_then(|mut watcher| {
            for path in paths {
                let (path, mode) = if path.is_dir() {
                    (path.as_path(), RecursiveMode::Recursive)
                } else {
                    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
                    (dir.unwrap_or(Path::new(".")), RecursiveMode::NonRecursive)
                };
                watcher.watch(path, mode)?;
            }
            Ok(watcher)
        });
        let watcher = watcher
            .inspect_err(|error| {
                tracing::warn!(%error, "the system does not tell of changes; files are looked at from time to time");
            })
            .ok();
        Self {
            changes,
            _watcher: watcher,
        }
    }

    /// Returns when something may have changed since the last call.
    pub async fn changed(&self) {
        self.changes.notified().await;
    }
}
