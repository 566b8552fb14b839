//! Another independent client: @clickhouse/client, from npm, which only reads.

use std::path::PathBuf;
use std::process::Command;

use patchlens_queries::testing;

/// Runs `tests/clients/node/read.mjs` with the modules that `PATCHLENS_CLIENT_MODULES` names, by default
/// those that the set-up installs.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment"
)]
fn the_javascript_client_reads_without_noticing() {
    let Some(engine) = testing::engine() else {
        return;
    };
    let home = PathBuf::from(std::env::var("HOME").unwrap_or_default());
    let modules = std::env::var("PATCHLENS_CLIENT_MODULES")
        .map_or_else(|_| home.join(".cache/patchlens/clients"), PathBuf::from);
    if !modules.join("node_modules/@clickhouse/client").exists() {
        assert!(
            std::env::var("PATCHLENS_REQUIRE_SERVICES").is_err(),
            "@clickhouse/client is required and not in {}",
            modules.display()
        );
        println!("skipped: no @clickhouse/client in {}", modules.display());
        return;
    }
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/clients/node/read.mjs"
    );
    let output = Command::new("node")
        .arg(script)
        .arg(engine.url())
        .arg(modules)
        .output()
        .unwrap();
    let said = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
}
