//! What `queries/server/analyst.sql` lets a server's analysts do, held by the real engine on real data.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{Patchlens, library, python, root, service, text};

/// Statements, and the name of the error that ends each.
const REFUSED: [(&str, &str); 28] = [
    // Files, other machines, other programs. The function file() is not here: on a server it is kept to the folder
    // user_files, by no right.
    (
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "ACCESS_DENIED",
    ),
    (
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "ACCESS_DENIED",
    ),
    (
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/object', 'CSV')",
        "ACCESS_DENIED",
    ),
    (
        "SELECT * FROM remote('127.0.0.1', 'system.one')",
        "ACCESS_DENIED",
    ),
    (
        "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
        "ACCESS_DENIED",
    ),
    ("SELECT * FROM sqlite('/tmp/x', 't')", "ACCESS_DENIED"),
    (
        "SELECT * FROM executable('ls', 'TSV', 'a String')",
        "ACCESS_DENIED",
    ),
    (
        "INSERT INTO FUNCTION file('/tmp/x.csv', 'CSV', 'a UInt8') SELECT 1",
        "ACCESS_DENIED",
    ),
    // Other tables, and what the engine says of itself.
    ("SELECT * FROM system.users", "ACCESS_DENIED"),
    ("SELECT * FROM system.grants", "ACCESS_DENIED"),
    ("SELECT addressToLine(1)", "ACCESS_DENIED"),
    ("SHOW CREATE QUOTA analyst", "ACCESS_DENIED"),
    // Writing.
    ("DROP TABLE patchlens.update_event", "ACCESS_DENIED"),
    ("TRUNCATE TABLE patchlens.update_event", "ACCESS_DENIED"),
    (
        "ALTER TABLE patchlens.update_event DELETE WHERE 1",
        "ACCESS_DENIED",
    ),
    (
        "INSERT INTO patchlens.update_event SELECT * FROM patchlens.update_event",
        "ACCESS_DENIED",
    ),
    (
        "CREATE TABLE patchlens.x (a UInt8) ENGINE = Memory",
        "ACCESS_DENIED",
    ),
    ("CREATE TEMPORARY TABLE x (a UInt8)", "ACCESS_DENIED"),
    ("CREATE DATABASE x", "ACCESS_DENIED"),
    ("CREATE FUNCTION f AS (a) -> a", "ACCESS_DENIED"),
    ("CREATE USER x", "ACCESS_DENIED"),
    ("GRANT SELECT ON *.* TO default", "ACCESS_DENIED"),
    ("SYSTEM SHUTDOWN", "ACCESS_DENIED"),
    // The limits.
    ("SET readonly = 0", "READONLY"),
    ("SET max_execution_time = 0", "SETTING_CONSTRAINT_VIOLATION"),
    (
        "SELECT 1 SETTINGS max_threads = 64",
        "SETTING_CONSTRAINT_VIOLATION",
    ),
    (
        "SELECT groupArray(number) FROM numbers(1000000000)",
        "MEMORY_LIMIT_EXCEEDED",
    ),
    (
        "SELECT number FROM numbers(2000000)",
        "TOO_MANY_ROWS_OR_BYTES",
    ),
];

/// The questions of docs/sql.md are answered, attacks are not, and the quota ends what is too much.
///
/// `patchlens` has filled its store and let go of it.
pub(crate) fn hold(patchlens: &Patchlens, questions: &[(String, String)]) {
    let python = python();
    if !service("Python", &python) {
        return;
    }
    let asked = json!({
        "answered": questions.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "refused": std::collections::BTreeMap::from(REFUSED),
    });
    let mut client = Command::new(python)
        .arg(root().join("tests/clients/server_rights_test.py"))
        .arg(library())
        .arg(patchlens.data_dir.path().join("store"))
        .arg(root().join("queries/server/analyst.sql"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = client.stdin.take().unwrap();
    input.write_all(asked.to_string().as_bytes()).unwrap();
    drop(input);
    let output = client.wait_with_output().unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}");
    println!("{said}");
}
