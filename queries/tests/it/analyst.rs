//! Attacks on the embedded endpoint by who gives no password: each is refused, and the endpoint works on.

mod engine;
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
        code == SYNTAX_ERROR && text.contains("position 7 (1)"),
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
