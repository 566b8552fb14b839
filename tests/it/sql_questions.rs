//! docs/sql.md: every question is answered on the demo's data, and every view is explained.

use serde_json::Value;

use crate::support::{Patchlens, engine, root};

/// The questions: title and statement.
fn questions(document: &str) -> Vec<(String, String)> {
    let asked = document.split("\n### ").skip(1);
    asked
        .map(|part| {
            let (title, rest) = part.split_once('\n').unwrap();
            let statement = rest.split("```sql\n").nth(1).unwrap();
            let statement = statement.split("```").next().unwrap();
            (title.to_owned(), statement.trim().to_owned())
        })
        .collect()
}

/// The names that the outermost SELECT gives, as the statement states them: `… AS name`, or a bare column.
fn columns(answer: &Value) -> Vec<&str> {
    let meta = answer["meta"].as_array().unwrap();
    meta.iter()
        .map(|column| column["name"].as_str().unwrap())
        .collect()
}

#[test]
fn twenty_questions_are_answered_on_the_demo_s_data() {
    let document = std::fs::read_to_string(root().join("docs/sql.md")).unwrap();
    let questions = questions(&document);
    assert_eq!(questions.len(), 20);
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new();
    patchlens.expect(
        0,
        &["demo", "--exit", "--devices", "110", "--format", "json"],
    );
    for (title, statement) in &questions {
        let answer = patchlens.expect(0, &["sql", statement, "--format", "JSONCompact"]);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer["rows"].as_u64().unwrap() > 0, "{title}: no rows");
        for column in columns(&answer) {
            let is_plain = column
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_');
            assert!(
                is_plain && statement.contains(column),
                "{title}: a column is called {column}"
            );
        }
    }
    // The catalogue that `patchlens code` reads is there to be joined.
    let known = patchlens.rows(
        "SELECT count() AS codes, countIf(meaning_zh != '') AS described FROM error_code_catalogue",
    );
    assert!(known[0]["codes"].as_u64().unwrap() > 9_000, "{known:?}");
    assert!(known[0]["described"].as_u64().unwrap() > 300, "{known:?}");
    // Each view is in the document, and its own comment names what is not plain from the name.
    let views = patchlens.rows(
        "SELECT name, comment FROM system.tables WHERE database = 'patchlens' AND engine = 'View'",
    );
    assert!(views.len() >= 13, "{views:?}");
    for view in &views {
        let name = view["name"].as_str().unwrap();
        let comment = view["comment"].as_str().unwrap();
        assert!(comment.starts_with("One row per "), "{name}: {comment}");
        assert!(
            document.contains(&format!("| `{name}` |")),
            "{name} is not in docs/sql.md"
        );
    }
    crate::server_rights::hold(&patchlens, &questions);
}

#[test]
fn the_command_reads_as_an_analyst_unless_told_to_write() {
    if !engine() {
        return;
    }
    let patchlens = Patchlens::new();
    patchlens.expect(0, &["migrate"]);
    let create = "CREATE TABLE patchlens.mine (a UInt8) ENGINE = MergeTree ORDER BY a";
    patchlens.expect(2, &["sql", create]);
    patchlens.expect(2, &["sql", "SELECT file('/etc/passwd')"]);
    patchlens.expect(0, &["sql", "--write", create]);
    assert_eq!(
        patchlens
            .expect(0, &["sql", "SELECT count() FROM mine", "--format", "TSV"])
            .trim(),
        "0"
    );
}
