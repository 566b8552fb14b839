//! An independent client: clickhouse-connect, from PyPI.

use std::path::PathBuf;
use std::process::Command;

use patchlens_queries::testing;

/// Runs `tests/clients/clickhouse_connect_test.py` with the Python that `PATCHLENS_PYTHON` names, by
/// default the one of the environment that the set-up makes.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment"
)]
fn clickhouse_connect_works_without_noticing() {
    let Some(engine) = testing::engine() else {
        return;
    };
    let home = PathBuf::from(std::env::var("HOME").unwrap_or_default());
    let python = std::env::var("PATCHLENS_PYTHON").map_or_else(
        |_| home.join(".cache/patchlens/venv/bin/python"),
        PathBuf::from,
    );
    if !python.exists() {
        assert!(
            std::env::var("PATCHLENS_REQUIRE_SERVICES").is_err(),
            "a Python with clickhouse-connect is required and not at {}",
            python.display()
        );
        println!(
            "skipped: no Python with clickhouse-connect at {}",
            python.display()
        );
        return;
    }
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/clients/clickhouse_connect_test.py"
    );
    let output = Command::new(python)
        .arg(script)
        .arg(engine.url())
        .arg(crate::http::password(engine))
        .output()
        .unwrap();
    let said = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    println!("{said}");
}
