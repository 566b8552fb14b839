//! The embedded engine as a process: how it ends, who may use its directory, what a kill leaves.
//!
//! Called without a role this is the parent, which runs every check; with a role, it is the child.
//! Without libchdb on the machine it says so and passes, unless `PATCHLENS_REQUIRE_SERVICES=1`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use patchlens_queries::embedded::{Engine, EngineConfig, default_library};
use patchlens_queries::{Error, Store};

/// Rows of one insert: more than one granule, so that a torn part would show.
const BATCH_ROWS: u64 = 20_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["child", role, data_dir] => runtime.block_on(child(role, Path::new(data_dir))),
        _ => parent(),
    }
}

fn library() -> PathBuf {
    let configured = std::env::var("PATCHLENS_LIBCHDB").ok().map(PathBuf::from);
    default_library(
        configured.as_deref(),
        Path::new(&std::env::var("HOME").unwrap_or_default()),
    )
}

fn parent() {
    if !library().exists() {
        assert!(
            std::env::var("PATCHLENS_REQUIRE_SERVICES").is_err(),
            "libchdb is required and not at {}",
            library().display()
        );
        println!("skipped: no libchdb at {}", library().display());
        return;
    }
    for (name, check) in [
        (
            "every way to end is a clean end",
            every_way_to_end_is_a_clean_end as fn(&Path),
        ),
        ("a second process is refused", a_second_process_is_refused),
        (
            "a kill takes nothing that was acknowledged",
            a_kill_takes_nothing_that_was_acknowledged,
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        check(directory.path());
        println!("ok: {name}");
    }
}

fn spawn(role: &str, data_dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", role])
        .arg(data_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads a child's lines up to and with the first for which `wanted` holds.
fn lines_until(child: &mut Child, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
        lines.push(line.unwrap());
        if wanted(lines.last().unwrap()) {
            break;
        }
    }
    lines
}

fn every_way_to_end_is_a_clean_end(directory: &Path) {
    for role in [
        "shutdown",
        "drop",
        "return with the engine up",
        "exit with the engine up",
        "exit with a query running",
    ] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["child", role])
            .arg(directory)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{role}: {} {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            !directory.join("patchlens.running").exists(),
            "{role}: the next start would take this for a crash"
        );
    }
}

fn a_second_process_is_refused(directory: &Path) {
    let mut first = spawn("serve", directory);
    lines_until(&mut first, |line| line == "ready");
    let second = Command::new(std::env::current_exe().unwrap())
        .args(["child", "refused"])
        .arg(directory)
        .output()
        .unwrap();
    assert!(
        second.status.success(),
        "{}",
        String::from_utf8_lossy(&second.stderr)
    );
    first.kill().unwrap();
    first.wait().unwrap();
    let third = Command::new(std::env::current_exe().unwrap())
        .args(["child", "shutdown"])
        .arg(directory)
        .status()
        .unwrap();
    assert!(
        third.success(),
        "the directory of a killed process opens again"
    );
}

fn a_kill_takes_nothing_that_was_acknowledged(directory: &Path) {
    let mut acknowledged = 0;
    for kill_after in [1, 2, 3, 5, 8] {
        let mut child = spawn("insert", directory);
        let wanted = format!("stored {}", acknowledged + kill_after);
        let lines = lines_until(&mut child, |line| line == wanted);
        // The child is in the middle of its next insert.
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged = lines
            .iter()
            .filter_map(|line| line.strip_prefix("stored ")?.parse::<u64>().ok())
            .max()
            .unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["child", "count"])
            .arg(directory)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let batches: Vec<(u64, u64)> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(batch, rows)| (batch.parse().unwrap(), rows.parse().unwrap()))
            .collect();
        for batch in 1..=acknowledged {
            assert!(
                batches.contains(&(batch, BATCH_ROWS)),
                "batch {batch} was acknowledged: {batches:?}"
            );
        }
        assert!(
            batches.iter().all(|(_, rows)| *rows == BATCH_ROWS),
            "a batch is there whole or not at all: {batches:?}"
        );
        // The insert that was under way may have arrived without its acknowledgement.
        acknowledged = batches.iter().map(|(batch, _)| *batch).max().unwrap();
    }
}

fn start(data_dir: &Path) -> Result<(Engine, Store), Error> {
    let mut config = EngineConfig::new(library(), data_dir);
    config.http_addr.set_port(0);
    let engine = Engine::start(config)?;
    let store = Store::connect(engine.store_config())?;
    Ok((engine, store))
}

async fn child(role: &str, data_dir: &Path) {
    if role == "refused" {
        let error = start(data_dir).unwrap_err();
        assert!(
            matches!(&error, Error::DataDirInUse { path } if path == data_dir),
            "{error}"
        );
        assert!(
            error.to_string().contains(&data_dir.display().to_string()) && error.is_retryable(),
            "{error}"
        );
        return;
    }
    let (engine, store) = start(data_dir).unwrap();
    store.migrate().await.unwrap();
    match role {
        "shutdown" => engine.shutdown().await.unwrap(),
        "drop" => drop(engine),
        "return with the engine up" => std::mem::forget(engine),
        "exit with the engine up" => std::process::exit(0),
        "exit with a query running" => {
            let asking = store.clone();
            let query = tokio::spawn(async move {
                let statement =
                    "SELECT sum(sleepEachRow(0.5)) FROM numbers(6) SETTINGS max_block_size=1";
                asking.query_text(statement, "TSV").await
            });
            // The query is known to the engine before the process ends.
            let running = "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%system.processes%'";
            while store.query_text(running, "TSV").await.unwrap() == "0\n" {
                assert!(!query.is_finished(), "the query ended before it was seen");
                tokio::task::yield_now().await;
            }
            drop(query);
            std::process::exit(0)
        }
        "serve" => {
            println!("ready");
            std::future::pending::<()>().await;
        }
        "insert" => insert(&store).await,
        "count" => {
            assert!(
                engine.was_unclean(),
                "the process before this one was killed"
            );
            let counts = store.query_text("SELECT line_number, count() FROM reject GROUP BY line_number ORDER BY line_number FORMAT CustomSeparated SETTINGS format_custom_field_delimiter = ' '", "TSV").await.unwrap();
            print!("{counts}");
            engine.shutdown().await.unwrap();
        }
        other => panic!("no role {other}"),
    }
}

/// Inserts batch after batch, for ever.
async fn insert(store: &Store) {
    let last = store
        .query_text("SELECT max(line_number) FROM reject", "TSV")
        .await
        .unwrap();
    let first: u64 = last.trim().parse::<u64>().unwrap() + 1;
    for batch in first.. {
        let rows: Vec<_> = (0..BATCH_ROWS).map(|row| serde_json::json!({"reject_id": format!("{batch}-{row}"), "line_number": batch})).collect();
        store
            .insert_json_rows("reject", &["reject_id", "line_number"], &rows)
            .await
            .unwrap();
        println!("stored {batch}");
    }
}
