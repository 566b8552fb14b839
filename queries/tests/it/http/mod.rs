//! Raw requests, as curl would send them.

mod data;

use patchlens_queries::embedded::{Engine, WRITER, WRITER_PASSWORD_FILE};
use patchlens_queries::testing;
use reqwest::{Client, Response, StatusCode};

struct Http {
    client: Client,
    url: String,
}

impl Http {
    fn new() -> Option<Self> {
        let engine = testing::engine()?;
        let login = [
            ("x-clickhouse-user", WRITER.to_owned()),
            ("x-clickhouse-key", password(engine)),
        ];
        let headers = login.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Some(Self {
            client: Client::builder()
                .default_headers(headers.into_iter().collect())
                .build()
                .unwrap(),
            url: engine.url(),
        })
    }

    async fn post(
        &self,
        parameters: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Response {
        let mut request = self.client.post(url(&self.url, parameters)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    async fn run(&self, sql: &str) -> String {
        let response = self.post(&[], &[], sql.to_owned()).await;
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{sql}: {text}");
        text
    }
}

/// The writer's password, from where an administrator finds it.
pub(crate) fn password(engine: &Engine) -> String {
    let file = engine.data_dir().join(WRITER_PASSWORD_FILE);
    std::fs::read_to_string(file).unwrap()
}

pub(crate) fn url(base: &str, parameters: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        text.bytes()
            .map(|b| {
                if b.is_ascii_alphanumeric() {
                    char::from(b).to_string()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect::<String>()
    };
    let pairs: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    format!("{base}/?{}", pairs.join("&"))
}

async fn error(response: Response) -> (u16, String, String) {
    let code = response
        .headers()
        .get("x-clickhouse-exception-code")
        .map(|value| value.to_str().unwrap().to_owned())
        .unwrap_or_default();
    (
        response.status().as_u16(),
        code,
        response.text().await.unwrap(),
    )
}

#[tokio::test]
async fn a_sign_of_life_and_unknown_paths() {
    let Some(http) = Http::new() else { return };
    for (path, status, body) in [
        ("/ping", 200, "Ok.\n"),
        ("/replicas_status", 200, "Ok.\n"),
        ("/", 200, "Ok.\n"),
        ("/nope", 404, "There is no handle /nope"),
    ] {
        let response = http
            .client
            .get(format!("{}{path}", http.url))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert!(response.text().await.unwrap().starts_with(body), "{path}");
    }
}

#[tokio::test]
async fn a_query_in_url_or_body_with_formats_and_headers() {
    let Some(http) = Http::new() else { return };
    let get = http
        .client
        .get(url(
            &http.url,
            &[
                ("query", "SELECT 1 AS a FORMAT JSONEachRow"),
                ("query_id", "my-id"),
            ],
        ))
        .send()
        .await
        .unwrap();
    assert_eq!(get.headers()["x-clickhouse-query-id"], "my-id");
    assert_eq!(get.headers()["x-clickhouse-format"], "JSONEachRow");
    assert_eq!(get.headers()["x-clickhouse-timezone"], "UTC");
    assert!(
        get.headers()["x-clickhouse-summary"]
            .to_str()
            .unwrap()
            .contains("read_rows")
    );
    assert_eq!(get.text().await.unwrap(), "{\"a\":1}\n");
    assert_eq!(http.run("SELECT 1, 'a\tb'").await, "1\ta\\tb\n");
    assert_eq!(
        http.post(&[("query", "SELECT 1")], &[], " + 1")
            .await
            .text()
            .await
            .unwrap(),
        "2\n"
    );
    assert_eq!(
        http.post(&[("default_format", "CSVWithNames")], &[], "SELECT 1 AS a;")
            .await
            .text()
            .await
            .unwrap(),
        "\"a\"\n1\n"
    );
    assert_eq!(
        http.post(
            &[],
            &[("X-ClickHouse-Format", "TSVWithNames")],
            "SELECT 1 AS a"
        )
        .await
        .text()
        .await
        .unwrap(),
        "a\n1\n"
    );
    assert!(
        http.run("SELECT 1 AS a FORMAT JSON")
            .await
            .contains("\"rows\": 1")
    );
    assert!(http.run("SHOW DATABASES").await.contains("system"));
}

#[tokio::test]
async fn parameters_and_settings_hold_for_one_request() {
    let Some(http) = Http::new() else { return };
    let hostile = "it's; DROP TABLE x -- \\";
    let escaped = hostile.replace('\\', "\\\\");
    let response = http
        .post(
            &[
                ("param_a", &escaped),
                ("param_b", "[1,2]"),
                ("param_n", "\\N"),
            ],
            &[],
            "SELECT {a:String}, {b:Array(UInt8)}, {n:Nullable(UInt8)} FORMAT JSONCompactEachRow",
        )
        .await;
    assert_eq!(
        response.text().await.unwrap(),
        format!(
            "[{}, [1,2], null]\n",
            serde_json::to_string(hostile).unwrap()
        )
    );
    assert_eq!(
        http.post(
            &[("max_threads", "1"), ("session_timezone", "Asia/Shanghai")],
            &[],
            "SELECT getSetting('max_threads'), timezone()"
        )
        .await
        .text()
        .await
        .unwrap(),
        "1\tAsia/Shanghai\n"
    );
    assert_eq!(http.run("SELECT timezone()").await, "UTC\n");
    let (status, code, text) =
        error(http.post(&[("max_threads", "x")], &[], "SELECT 1").await).await;
    assert_eq!((status, code.as_str()), (400, "27"), "{text}");
    let (status, code, text) = error(
        http.post(&[("no_such_setting", "1")], &[], "SELECT 1")
            .await,
    )
    .await;
    assert_eq!((status, code.as_str()), (404, "115"), "{text}");
    assert_eq!(
        error(
            http.post(&[("path", "/tmp/x"), ("a'b", "1")], &[], "SELECT 1")
                .await
        )
        .await
        .1,
        "115"
    );
}

#[tokio::test]
async fn errors_look_as_a_server_s_do() {
    let Some(http) = Http::new() else { return };
    for (sql, status, code) in [
        ("SELECT * FROM nope", 404, "60"),
        ("SELEC 1", 400, "62"),
        ("", 400, "62"),
        ("SELECT 1; SELECT 2", 400, "62"),
        ("SELECT throwIf(1)", 500, "395"),
        ("SELECT 1 FORMAT Nope", 404, "73"),
        ("SELECT 1 INTO OUTFILE '/tmp/patchlens-outfile'", 501, "48"),
        ("SELECT {a:String}", 400, "456"),
    ] {
        let (found, found_code, text) = error(http.post(&[], &[], sql).await).await;
        assert_eq!(
            (found, found_code.as_str()),
            (status, code),
            "{sql}: {text}"
        );
        assert!(
            text.starts_with(&format!("Code: {code}. DB::Exception: ")) && text.ends_with("))\n"),
            "{sql}: {text}"
        );
    }
    assert_eq!(
        error(http.post(&[("database", "nope")], &[], "SELECT 1").await)
            .await
            .1,
        "81"
    );
}

#[tokio::test]
async fn get_changes_nothing_and_foreign_pages_are_refused() {
    let Some(http) = Http::new() else { return };
    for sql in [
        "CREATE TABLE default.from_get (a UInt8) ENGINE = Memory",
        "INSERT INTO default.t FORMAT TSV 1",
        "SET max_threads = 1",
    ] {
        let response = http
            .client
            .get(url(&http.url, &[("query", sql)]))
            .send()
            .await
            .unwrap();
        assert_eq!(error(response).await.1, "164", "{sql}");
    }
    for (name, value) in [
        ("Origin", "https://example.org"),
        ("Origin", "null"),
        ("Host", "rebound.example:8123"),
    ] {
        assert_eq!(
            error(http.post(&[], &[(name, value)], "SELECT 1").await)
                .await
                .1,
            "516",
            "{name}: {value}"
        );
    }
    assert_eq!(
        http.post(&[], &[("Origin", "http://127.0.0.1:8080")], "SELECT 1")
            .await
            .status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_session_keeps_its_tables_and_settings_and_lets_one_query_in() {
    let Some(http) = Http::new() else { return };
    let session = [("session_id", "s1")];
    for sql in [
        "CREATE TEMPORARY TABLE mine (a UInt8)",
        "INSERT INTO mine FORMAT TSV 7",
        "SET max_threads = 3",
        "USE system",
    ] {
        let response = http.post(&session, &[], sql).await;
        assert!(
            response.status().is_success(),
            "{sql}: {}",
            response.text().await.unwrap()
        );
    }
    let seen = http
        .post(
            &[
                ("session_id", "s1"),
                ("max_threads", "5"),
                ("database", "default"),
            ],
            &[],
            "SELECT a, getSetting('max_threads'), currentDatabase() FROM mine",
        )
        .await;
    assert_eq!(seen.text().await.unwrap(), "7\t5\tdefault\n");
    let after = http
        .post(
            &session,
            &[],
            "SELECT getSetting('max_threads'), currentDatabase()",
        )
        .await;
    assert_eq!(after.text().await.unwrap(), "3\tsystem\n");
    assert_eq!(
        error(http.post(&[], &[], "SELECT * FROM mine").await)
            .await
            .1,
        "60"
    );
    assert_eq!(
        error(
            http.post(
                &[("session_id", "never"), ("session_check", "1")],
                &[],
                "SELECT 1"
            )
            .await
        )
        .await
        .1,
        "372"
    );
    // The first piece is held back until there is one: the session is taken by then.
    let running = http
        .post(&session, &[], "SELECT number FROM numbers(1000000000)")
        .await;
    assert_eq!(
        error(http.post(&session, &[], "SELECT 1").await).await.1,
        "373"
    );
    drop(running);
}

#[tokio::test]
async fn a_form_means_the_same_as_the_url() {
    let Some(http) = Http::new() else { return };
    let form = "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT {a:UInt8} + 1\r\n--b\r\nContent-Disposition: form-data; name=\"param_a\"\r\n\r\n41\r\n--b--\r\n";
    let response = http
        .post(
            &[],
            &[("Content-Type", "multipart/form-data; boundary=b")],
            form,
        )
        .await;
    assert_eq!(response.text().await.unwrap(), "42\n");
}
