//! Attacks on the embedded endpoint by who gives no password: each is refused, and the endpoint works on.

mod exhaustion;

use std::path::PathBuf;

use patchlens_queries::testing;
use reqwest::Client;

use crate::http::url;

/// One test takes all places of analysts; the others run while it does not.
static PLACES: tokio::sync::RwLock<()> = tokio::sync::RwLock::const_new(());

struct Analyst {
    client: Client,
    url: String,
    database: String,
    #[expect(dead_code, reason = "held, not read")]
    place: Option<tokio::sync::RwLockReadGuard<'static, ()>>,
}

/// What came back: ClickHouse's error number, 0 for none, and the text.
type Answer = (u32, String);

impl Analyst {
    /// An analyst of a fresh, migrated database.
    async fn new() -> Option<Self> {
        let store = testing::fresh_store().await?;
        Some(Self {
            client: Client::new(),
            url: testing::engine()?.url(),
            database: store.config().database.clone(),
            place: Some(PLACES.read().await),
        })
    }

    async fn ask_with(&self, sql: &str, parameters: &[(&str, &str)]) -> Answer {
        let mut all = vec![("database", self.database.as_str())];
        all.extend(parameters);
        let request = self.client.post(url(&self.url, &all)).body(sql.to_owned());
        let response = request.send().await.unwrap();
        let code = response
            .headers()
            .get("x-clickhouse-exception-code")
            .map_or(0, |code| code.to_str().unwrap().parse().unwrap());
        (code, response.text().await.unwrap_or_default())
    }

    async fn ask(&self, sql: &str) -> Answer {
        self.ask_with(sql, &[]).await
    }

    /// Every statement is refused with one of the codes, and says nothing of a file's content.
    async fn refused(&self, codes: &[u32], statements: &[&str]) {
        for sql in statements {
            let (code, text) = self.ask(sql).await;
            assert!(codes.contains(&code), "{sql}: {code} {text}");
            assert!(!text.contains("root:"), "{sql}: {text}");
        }
        assert_eq!(self.ask("SELECT 1 + 1").await, (0, "2\n".to_owned()));
    }
}

const READONLY: u32 = 164;
const ACCESS_DENIED: u32 = 497;
const SYNTAX_ERROR: u32 = 62;

#[tokio::test]
async fn questions_are_answered() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    for sql in [
        "SELECT count() FROM failure_cluster",
        "WITH d AS (SELECT site, count() AS n FROM device GROUP BY site) SELECT * FROM d JOIN d AS e USING (site)",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT sum(n) FROM r",
        "SELECT uniqExactIf(device_id, is_open = 1) OVER (PARTITION BY site) FROM cluster_device",
        "SELECT * EXCEPT (facts) REPLACE (lower(site) AS site) FROM device FINAL ARRAY JOIN [1, 2] AS n",
        "SELECT quantiles(0.5, 0.9)(hours_from_start), median(hours_from_start) FROM time_to_patch",
        "SELECT name, comment FROM system.tables WHERE database = currentDatabase()",
        "SELECT table_name FROM information_schema.tables LIMIT 1",
        "SHOW TABLES",
        "SHOW COLUMNS FROM failure_cluster",
        "SHOW CREATE TABLE failure_cluster",
        "DESCRIBE TABLE failure_cluster",
        "EXISTS TABLE failure_cluster",
        "EXPLAIN indexes = 1 SELECT * FROM device",
        "EXPLAIN PIPELINE SELECT count() FROM device_at_risk",
        "SELECT toStartOfWeek(day), sum(devices) FROM error_code_daily GROUP BY 1 ORDER BY 1 WITH FILL STEP 7",
        "SELECT * FROM numbers(3) UNION ALL SELECT 1 EXCEPT SELECT 2",
        "SELECT * FROM (VALUES ('a', 1))",
        "SELECT device_id FROM device WHERE site IN (SELECT site FROM device) LIMIT 5 FORMAT JSONEachRow",
    ] {
        let (code, text) = analyst.ask(sql).await;
        assert_eq!(code, 0, "{sql}: {text}");
    }
    let with = [
        ("param_t", "device"),
        ("param_n", "7"),
        ("max_threads", "1"),
    ];
    let sql = "SELECT {n:UInt8} FROM {t:Identifier} LIMIT 0 UNION ALL SELECT {n:UInt8}";
    assert_eq!(analyst.ask_with(sql, &with).await, (0, "7\n".to_owned()));
}

#[tokio::test]
async fn writing_is_refused() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    let statements = [
        "INSERT INTO device (device_id) VALUES ('x')",
        "INSERT INTO device (device_id) FORMAT TSV x",
        "INSERT INTO device SELECT * FROM device",
        "INSERT INTO FUNCTION file('/tmp/patchlens-written.csv') SELECT 1",
        "CREATE TABLE mine (a UInt8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE mine (a UInt8)",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE FUNCTION mine AS (x) -> file(x)",
        "CREATE DICTIONARY mine (a UInt64) PRIMARY KEY a SOURCE(FILE(PATH '/etc/passwd' FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(1)",
        "CREATE NAMED COLLECTION mine AS a = 1",
        "CREATE USER mine",
        "ALTER TABLE device DELETE WHERE 1",
        "ALTER TABLE device ADD COLUMN x UInt8",
        "DELETE FROM device WHERE 1",
        "UPDATE device SET site = '' WHERE 1",
        "DROP TABLE device",
        "DROP DATABASE system",
        "TRUNCATE TABLE device",
        "RENAME TABLE device TO devices",
        "EXCHANGE TABLES device AND diagnosis",
        "DETACH TABLE device",
        "OPTIMIZE TABLE device FINAL",
        "GRANT ALL ON *.* TO default",
        "BACKUP TABLE device TO File('/tmp/patchlens-backup')",
        "RESTORE TABLE device FROM File('/tmp/patchlens-backup')",
        "SYSTEM SHUTDOWN",
        "SYSTEM DROP MARK CACHE",
        "SYSTEM STOP MERGES",
        "KILL QUERY WHERE 1",
        "KILL MUTATION WHERE 1",
        "SET max_threads = 1",
        "SET readonly = 0",
        "USE default",
        "BEGIN TRANSACTION",
    ];
    for sql in statements {
        let (code, text) = analyst.ask(sql).await;
        assert!(
            [READONLY, ACCESS_DENIED, SYNTAX_ERROR].contains(&code),
            "{sql}: {code} {text}"
        );
    }
    assert!(!PathBuf::from("/tmp/patchlens-written.csv").exists());
    assert!(!PathBuf::from("/tmp/patchlens-backup").exists());
    assert_eq!(
        analyst.ask("SELECT count() FROM device").await,
        (0, "0\n".to_owned())
    );
}

#[tokio::test]
async fn two_statements_are_refused() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    analyst
        .refused(
            &[SYNTAX_ERROR, ACCESS_DENIED],
            &[
                "SELECT 1; DROP TABLE device",
                "SELECT 1;;SELECT 2",
                "SELECT 1 /* ; */ ; SET readonly = 0",
                "SELECT 1 PARALLEL WITH SELECT 2",
            ],
        )
        .await;
}

#[tokio::test]
async fn files_are_out_of_reach() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    analyst
        .refused(
            &[ACCESS_DENIED, READONLY, SYNTAX_ERROR, 60],
            &[
                "SELECT file('/etc/passwd')",
                "SELECT * FROM file('/etc/passwd', LineAsString)",
                "SELECT * FROM file('../../../../etc/passwd')",
                "SELECT * FROM default.`/etc/passwd`",
                "SELECT * FROM `/etc/passwd`",
                "SELECT * FROM '/etc/passwd'",
                "SELECT 1 IN default.`/etc/passwd`",
                "SELECT * FROM fileCluster('default', '/etc/passwd', CSV)",
                "SELECT * FROM filesystem('/etc')",
                "SELECT * FROM sqlite('/etc/passwd', 't')",
                "SELECT * FROM deltaLakeLocal('/etc')",
                "SELECT * FROM icebergLocal('/etc')",
                "DESCRIBE TABLE file('/etc/passwd', LineAsString)",
                "EXPLAIN SELECT file('/etc/passwd')",
                "EXPLAIN SYNTAX SELECT * FROM file('/etc/passwd', LineAsString)",
                "SELECT filesystemAvailable()",
                "SELECT catboostEvaluate('/etc/passwd', 1)",
            ],
        )
        .await;
}

#[tokio::test]
async fn a_result_goes_to_no_file() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    analyst
        .refused(
            &[READONLY, 48],
            &[
                "SELECT 1 INTO OUTFILE '/tmp/patchlens-outfile'",
                "SELECT 1 INTO/**/OUTFILE '/tmp/patchlens-outfile' TRUNCATE FORMAT CSV",
                "(SELECT 1) INTO OUTFILE '/tmp/patchlens-outfile' APPEND",
                "DESCRIBE TABLE device INTO OUTFILE '/tmp/patchlens-outfile'",
            ],
        )
        .await;
    assert!(!PathBuf::from("/tmp/patchlens-outfile").exists());
}

#[tokio::test]
async fn other_machines_and_programs_are_out_of_reach() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    analyst
        .refused(
            &[ACCESS_DENIED, READONLY],
            &[
                "SELECT * FROM url('http://127.0.0.1:1/', CSV)",
                "SELECT * FROM urlCluster('default', 'http://127.0.0.1:1/', CSV)",
                "SELECT * FROM s3('http://127.0.0.1:1/b/k', CSV)",
                "SELECT * FROM gcs('http://127.0.0.1:1/b/k', CSV)",
                "SELECT * FROM remote('127.0.0.1:1', system.one)",
                "SELECT * FROM remoteSecure('127.0.0.1:1', system.one)",
                "SELECT * FROM cluster('default', system.one)",
                "SELECT * FROM clusterAllReplicas('default', system.one)",
                "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
                "SELECT * FROM postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')",
                "SELECT * FROM mongodb('127.0.0.1:1', 'd', 't', 'u', 'p', 'a UInt8')",
                "SELECT * FROM redis('127.0.0.1:1', 'k', 'k String')",
                "SELECT * FROM hdfs('hdfs://127.0.0.1:1/', 'CSV')",
                "SELECT * FROM azureBlobStorage('http://127.0.0.1:1', 'c', 'b')",
                "SELECT * FROM jdbc('x', 'y')",
                "SELECT * FROM odbc('x', 'y', 'z')",
                "SELECT * FROM executable('id', TSV, 'a String')",
                "SELECT * FROM eval('SELECT 1')",
                "SELECT hasColumnInTable('127.0.0.1:1', 'u', 'p', 'd', 't', 'c')",
                "SELECT aiGenerate('x')",
                "DESCRIBE TABLE url('http://127.0.0.1:1/', CSV)",
                "EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:1', 'd', 't', 'u', 'p') COLUMNS (a UInt8)",
            ],
        )
        .await;
}

#[tokio::test]
async fn hiding_a_call_does_not_help() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    analyst
        .refused(
            &[ACCESS_DENIED, READONLY, SYNTAX_ERROR, 60, 63],
            &[
                "SELECT `file`('/etc/passwd')",
                "SELECT \"f\\x69le\"('/etc/passwd')",
                "SELECT FiLe('/etc/passwd')",
                "SELECT file/* */ ('/etc/passwd')",
                "SELECT file -- (\n('/etc/passwd')",
                "SELECT 1 + (SELECT length(file('/etc/passwd')))",
                "WITH x AS (SELECT file('/etc/passwd') AS t) SELECT t FROM x",
                "WITH (SELECT file('/etc/passwd')) AS t SELECT t",
                "WITH (p) -> file(p) AS f SELECT f('/etc/passwd')",
                "SELECT arrayMap(p -> file(p), ['/etc/passwd'])",
                "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')",
                "SELECT * APPLY(p -> file(p)) FROM (SELECT '/etc/passwd')",
                "SELECT * REPLACE (file(p) AS p) FROM (SELECT '/etc/passwd' AS p)",
                "SELECT * FROM view(SELECT file('/etc/passwd'))",
                "SELECT * FROM viewIfPermitted(SELECT file('/etc/passwd') ELSE null('a String'))",
                "SELECT * FROM (EXPLAIN SELECT file('/etc/passwd'))",
                "SELECT 1 ORDER BY file('/etc/passwd')",
                "SELECT 1 LIMIT length(file('/etc/passwd'))",
                "SELECT count() FILTER (WHERE file('/etc/passwd') != '')",
                "SELECT sum(1) OVER (ORDER BY file('/etc/passwd'))",
                "SELECT 1 FROM device GROUP BY GROUPING SETS ((file('/etc/passwd')))",
                "SELECT 1 UNION ALL SELECT length(file('/etc/passwd'))",
                "SELECT 1 INTERSECT SELECT length(file('/etc/passwd'))",
                "SELECT 1 IN url('http://127.0.0.1:1/', CSV)",
                "SELECT * FROM device JOIN url('http://127.0.0.1:1/', CSV) AS u ON 1 = 1",
                "SELECT * FROM numbers(1) AS a, remote('127.0.0.1:1', system.one) AS b",
                "SELECT 1 AS `a\n  Literal`, file('/etc/passwd')",
                "SELECT joinGet('t', 'c', 1)",
                "SELECT dictGet('d', 'a', 1)",
                "SELECT * FROM dictionary('d')",
                "SELECT * FROM merge('system', 'processes')",
                "SELECT arrayReduce('fileState', [1])",
            ],
        )
        .await;
    let (code, text) = analyst
        .ask_with(
            "SELECT * FROM {d:Identifier}.{t:Identifier}",
            &[("param_d", "system"), ("param_t", "processes")],
        )
        .await;
    assert_eq!(code, ACCESS_DENIED, "{text}");
}

#[tokio::test]
async fn the_engine_s_own_tables_tell_nothing_of_others() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    let tables = [
        "processes",
        "query_log",
        "text_log",
        "errors",
        "users",
        "grants",
        "named_collections",
        "server_settings",
        "disks",
        "parts",
        "stack_trace",
        "dictionaries",
        "user_directories",
        "macros",
        "clusters",
        "metrics",
        "certificates",
        "settings_changes",
        "schema_inference_cache",
        "query_cache",
        "filesystem_cache",
        "detached_parts",
        "fail_points",
        "remote_data_paths",
        "warnings",
        "symbols",
    ];
    for table in tables {
        for sql in [
            format!("SELECT * FROM system.{table}"),
            format!("SELECT * FROM `system`.\"{table}\""),
            format!("SELECT 1 IN system.{table}"),
            format!("SELECT * FROM SYSTEM . {table}"),
        ] {
            let (code, text) = analyst.ask(&sql).await;
            assert!(
                [ACCESS_DENIED, 60, 81].contains(&code),
                "{sql}: {code} {text}"
            );
        }
    }
    analyst
        .refused(
            &[ACCESS_DENIED, READONLY],
            &[
                "SHOW PROCESSLIST",
                "SHOW GRANTS",
                "SHOW ACCESS",
                "SHOW USERS",
                "CHECK TABLE device",
            ],
        )
        .await;
    let (code, _) = analyst
        .ask_with("SELECT 1", &[("database", "system")])
        .await;
    assert_eq!(code, ACCESS_DENIED);
}

#[tokio::test]
async fn limits_cannot_be_lifted() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    analyst
        .refused(
            &[ACCESS_DENIED, READONLY],
            &[
                "SELECT 1 SETTINGS max_execution_time = 0",
                "SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)",
                "WITH x AS (SELECT 1 SETTINGS max_memory_usage = 0, readonly = 0) SELECT * FROM x",
                "SELECT * FROM view(SELECT 1 SETTINGS readonly = 0)",
                "SELECT 1 IN (SELECT 1 SETTINGS max_ast_elements = 0)",
                "SELECT 1 FORMAT CSV SETTINGS format_schema = '/etc/passwd'",
                "EXPLAIN SELECT 1 SETTINGS max_threads = 1",
            ],
        )
        .await;
    for (name, value) in [
        ("allow_ddl", "1"),
        ("output_format_schema", "/tmp/patchlens-schema"),
        ("format_schema", "/etc/passwd"),
        ("format_template_row", "/etc/passwd"),
        ("max_ast_elements", "0"),
        ("allow_introspection_functions", "1"),
    ] {
        let (code, text) = analyst.ask_with("SELECT 1", &[(name, value)]).await;
        assert_eq!(code, READONLY, "{name}: {text}");
    }
    // What is above the limit gives the limit; readonly is not the client's.
    let lifted = [
        ("max_execution_time", "0"),
        ("max_result_rows", "0"),
        ("max_memory_usage", "0"),
        ("readonly", "0"),
    ];
    let sql = "SELECT getSetting('max_execution_time') > 0, getSetting('max_result_rows'), getSetting('max_memory_usage') > 0, getSetting('readonly')";
    assert_eq!(
        analyst.ask_with(sql, &lifted).await,
        (0, "1\t1000000\t1\t1\n".to_owned())
    );
    // A session keeps nothing of it, and is not the writer's.
    let session = [("session_id", "s1"), ("max_result_rows", "5")];
    assert_eq!(analyst.ask_with("SELECT 1", &session).await.0, 0);
    let sql = "SELECT getSetting('max_result_rows')";
    assert_eq!(
        analyst.ask_with(sql, &[("session_id", "s1")]).await.1,
        "1000000\n"
    );
}

#[tokio::test]
async fn who_is_no_writer_does_not_become_one() {
    let Some(analyst) = Analyst::new().await else {
        return;
    };
    let (code, text) = analyst.ask("SELEC 1").await;
    assert!(
        code == SYNTAX_ERROR && text.contains("position 1 (SELEC)"),
        "{text}"
    );
    for (user, password) in [
        ("patchlens", ""),
        ("patchlens", "patchlens"),
        ("default", "x"),
        ("root", ""),
        ("PATCHLENS", ""),
    ] {
        let login = [("user", user), ("password", password)];
        assert_eq!(analyst.ask_with("SELECT 1", &login).await.0, 516, "{user}");
    }
    assert_eq!(
        analyst.ask_with("SELECT 1", &[("user", "analyst")]).await.0,
        0
    );
}

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
    let list = include_str!("../../embedded/analyst_functions.txt");
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

/// The engine has no users to try it with, but it parses what a server would run.
#[tokio::test]
async fn the_server_s_role_profile_quota_and_user_are_understood() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let text = include_str!("../../server/analyst.sql");
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
