//! What the kernel and the list of functions add, and what a server would run instead.

use patchlens_queries::testing;

#[tokio::test]
async fn the_kernel_keeps_the_engine_to_its_directory() {
    let Some(engine) = testing::engine() else {
        return;
    };
    if !engine.is_confined() {
        println!("skipped: this kernel has no Landlock");
        return;
    }
    // With the writer's rights, so that no other layer helps.
    let store = testing::fresh_store().await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("x.csv");
    std::fs::write(&path, "readable\n").unwrap();
    for sql in [
        format!("SELECT file('{}')", path.display()),
        "SELECT file('/etc/passwd')".to_owned(),
        "SELECT file('/proc/self/environ')".to_owned(),
        format!(
            "INSERT INTO FUNCTION file('{}/y.csv', CSV, 'a UInt8') SELECT 1",
            elsewhere.path().display()
        ),
    ] {
        assert!(store.query_text(&sql, "TSV").await.is_err(), "{sql}");
    }
    assert!(!elsewhere.path().join("y.csv").exists());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let sql = format!(
        "SELECT * FROM url('http://127.0.0.1:{port}/', CSV, 'a String') SETTINGS http_max_tries = 1"
    );
    assert!(store.query_text(&sql, "TSV").await.is_err());
    assert_eq!(
        listener.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}

#[tokio::test]
async fn every_function_of_the_engine_was_looked_at() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let list = include_str!("../../../embedded/analyst_functions.txt");
    let known: std::collections::BTreeSet<String> = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.trim_start_matches("- ").split_whitespace())
        .map(str::to_ascii_lowercase)
        .collect();
    let engine = store
        .query_text(
            "SELECT DISTINCT lower(name) FROM system.functions",
            "TSVRaw",
        )
        .await
        .unwrap();
    let unknown: Vec<&str> = engine
        .lines()
        .filter(|name| !known.contains(*name))
        .collect();
    assert!(
        unknown.is_empty(),
        "put these into queries/embedded/analyst_functions.txt, allowed or refused: {unknown:?}"
    );
    let both = "SELECT name FROM system.table_functions WHERE lower(name) IN (SELECT lower(name) FROM system.functions) ORDER BY name";
    // A name that is harmless as a function must be so as a table function too: `format` reads what the statement holds.
    assert_eq!(
        store.query_text(both, "TSVRaw").await.unwrap(),
        "file\nformat\nfuzzQuery\n"
    );
}

/// The engine keeps no users, but it parses what a server would run. What that gives is tried in
/// `tests/it/server_rights.rs`.
#[tokio::test]
async fn the_server_s_role_profile_quota_and_user_are_understood() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let text = include_str!("../../../server/analyst.sql");
    let without_comments: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let statements: Vec<&str> = without_comments
        .split(';')
        .map(str::trim)
        .filter(|sql| !sql.is_empty())
        .collect();
    assert_eq!(statements.len(), 7);
    for sql in &statements {
        store
            .query_text(&format!("EXPLAIN AST {sql}"), "TSVRaw")
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    // Every setting exists under that name, and takes that value.
    let profile = statements[0].split_once("SETTINGS\n").unwrap().1;
    for line in profile.lines() {
        let (name, value) = line.trim().split_once(" = ").unwrap();
        let value = value.split([' ', ',']).next().unwrap();
        store
            .execute("set it", &format!("SET {name} = {value}"))
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
