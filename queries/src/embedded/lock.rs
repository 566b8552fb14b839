//! One process per data directory, and how the one before it ended.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

const LOCK_FILE: &str = "patchlens.lock";
const MARK_FILE: &str = "patchlens.running";

/// Holds the directory until the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    directory: PathBuf,
    was_left_running: bool,
    locked: File,
}

impl DirectoryLock {
    /// Makes the directory when it is missing and takes it for this process.
    pub(crate) fn take(directory: &Path) -> Result<Self> {
        let failed = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| Error::DataDir {
                doing,
                path,
                source,
            }
        };
        fs::create_dir_all(directory).map_err(failed("create the data directory", directory))?;
        let (lock_path, mark_path) = (directory.join(LOCK_FILE), directory.join(MARK_FILE));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(failed("open", &lock_path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::DataDirInUse {
                    path: directory.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock", &lock_path)(source)),
        }
        let was_left_running = mark_path.exists();
        let mark = File::create(&mark_path).map_err(failed("create", &mark_path))?;
        mark.sync_all().map_err(failed("write", &mark_path))?;
        Ok(Self {
            directory: directory.to_owned(),
            was_left_running,
            locked: file,
        })
    }

    /// Leaves where this process answers, for who finds the directory taken: see [`running_at`].
    pub(crate) fn announce(&mut self, url: &str) -> Result<()> {
        let failed = |source| Error::DataDir {
            doing: "write the engine's address to",
            path: self.directory.join(LOCK_FILE),
            source,
        };
        self.locked.set_len(0).map_err(failed)?;
        self.locked.write_all(url.as_bytes()).map_err(failed)
    }

    /// True when the last process did not shut the engine down.
    pub(crate) fn was_left_running(&self) -> bool {
        self.was_left_running
    }

    /// Records that the engine was shut down.
    pub(crate) fn release_cleanly(self) {
        let mark = self.directory.join(MARK_FILE);
        if let Err(error) = fs::remove_file(&mark) {
            tracing::warn!(%error, path = %mark.display(), "cannot remove the mark of a running engine");
        }
    }
}

/// Writes everything of the directory's file system to the disk.
pub(crate) fn sync_file_system(directory: &Path) -> Result<()> {
    let failed = |source| Error::DataDir {
        doing: "write to the disk what is stored in",
        path: directory.to_owned(),
        source,
    };
    let opened = File::open(directory).map_err(failed)?;
    rustix::fs::syncfs(&opened).map_err(|error| failed(error.into()))
}

/// Where the engine answers that a process of this machine runs on `directory`: the URL of its HTTP interface. `None`
/// when no process has the directory, or it has only just taken it.
pub fn running_at(directory: &Path) -> Option<String> {
    let mut file = File::open(directory.join(LOCK_FILE)).ok()?;
    if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        return None;
    }
    let mut url = String::new();
    file.read_to_string(&mut url).ok()?;
    (!url.is_empty()).then_some(url)
}
