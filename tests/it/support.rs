//! Running the binary, and finding what tests need.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The project's root.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file or folder of the shared real logs, or `None` with a printed line.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let base = std::env::var_os("PATCHLENS_SHARED")
        .map_or_else(|| root().join("../shared"), PathBuf::from);
    let found = base.join(path);
    if found.exists() {
        return Some(found);
    }
    assert!(
        std::env::var("PATCHLENS_REQUIRE_SHARED").as_deref() != Ok("1"),
        "{} is missing, and PATCHLENS_REQUIRE_SHARED=1",
        found.display()
    );
    println!("skipped: {} is not there", found.display());
    None
}

/// True when the embedded engine's library is there; else prints a line.
pub(crate) fn engine() -> bool {
    service("libchdb", &library())
}

/// The engine's library.
pub(crate) fn library() -> PathBuf {
    std::env::var_os("PATCHLENS_LIBCHDB").map_or_else(
        || {
            PathBuf::from(std::env::var("HOME").unwrap_or_default())
                .join(".cache/patchlens/libchdb/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so")
        },
        PathBuf::from,
    )
}

/// True when `path` is there; else prints a line, or fails when services are required.
pub(crate) fn service(name: &str, path: &Path) -> bool {
    if path.exists() {
        return true;
    }
    assert!(
        std::env::var("PATCHLENS_REQUIRE_SERVICES").as_deref() != Ok("1"),
        "{name} is missing at {}, and PATCHLENS_REQUIRE_SERVICES=1",
        path.display()
    );
    println!("skipped: {name} is not at {}", path.display());
    false
}

/// A command line of the binary, with its own data directory and free ports.
pub(crate) struct Patchlens {
    pub(crate) data_dir: tempfile::TempDir,
    extra: Vec<String>,
}

impl Patchlens {
    pub(crate) fn new() -> Self {
        Self {
            data_dir: tempfile::tempdir().unwrap(),
            extra: Vec::new(),
        }
    }

    /// The same data directory, but this event log.
    pub(crate) fn with_event_log(mut self, url: &str) -> Self {
        self.extra = vec!["--event-log".to_owned(), url.to_owned()];
        self
    }

    /// With these settings as its configuration file.
    pub(crate) fn with_settings(mut self, settings: &str) -> Self {
        let file = self.data_dir.path().join("settings.toml");
        std::fs::write(&file, settings).unwrap();
        self.extra
            .extend(["--config".to_owned(), file.to_str().unwrap().to_owned()]);
        self
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(arguments);
        command
            .arg("--data-dir")
            .arg(self.data_dir.path())
            .args(&self.extra);
        // Port 0: the system gives a free one, so that tests run side by side.
        command
            .env("PATCHLENS_STORE_HTTP", "127.0.0.1:0")
            .env("PATCHLENS_HTTP", "127.0.0.1:0")
            .env("PATCHLENS_GATEWAY", "127.0.0.1:0");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs and expects the exit code.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "patchlens {arguments:?}\nstdout: {}\nstderr: {}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// One row of numbers.
    #[track_caller]
    pub(crate) fn numbers(&self, sql: &str) -> Vec<u64> {
        let out = self.expect(0, &["sql", sql, "--format", "TSV"]);
        out.trim()
            .split('\t')
            .map(|cell| {
                cell.parse()
                    .unwrap_or_else(|_| panic!("{sql} gave {out:?}"))
            })
            .collect()
    }

    /// All rows as JSON objects.
    #[track_caller]
    pub(crate) fn rows(&self, sql: &str) -> Vec<Value> {
        let out = self.expect(0, &["sql", sql, "--format", "JSONEachRow"]);
        out.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// A command line of the binary without a data directory.
pub(crate) fn bare(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patchlens"));
    command
        .args(arguments)
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .env("RUST_LOG", "warn")
        .env_remove("PATCHLENS_CONFIG");
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `path` as an argument.
pub(crate) fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// True when Debian's program is there; else prints a line, or fails when services are required.
pub(crate) fn installed(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    assert!(
        there || std::env::var("PATCHLENS_REQUIRE_SERVICES").as_deref() != Ok("1"),
        "{program} is missing, and PATCHLENS_REQUIRE_SERVICES=1"
    );
    if !there {
        println!("skipped: {program} is not installed");
    }
    there
}

/// Asks until there is an answer, or fails after a minute and a half.
pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

/// Python with the independent clients.
pub(crate) fn python() -> PathBuf {
    std::env::var_os("PATCHLENS_PYTHON").map_or_else(
        || {
            PathBuf::from(std::env::var("HOME").unwrap_or_default())
                .join(".cache/patchlens/venv/bin/python")
        },
        PathBuf::from,
    )
}

/// How many kills a test takes: as many as are usual, or as `make torture` asks for.
pub(crate) fn kills(usual: u64) -> u64 {
    std::env::var("PATCHLENS_KILLS").map_or(usual, |kills| kills.parse().unwrap())
}
