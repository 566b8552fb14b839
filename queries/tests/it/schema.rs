//! Migrations: once, in order, and the same schema every time.

use patchlens_queries::{Error, testing};
use serde::Deserialize;

#[tokio::test]
async fn applying_twice_changes_nothing() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let report = store.migrate().await.unwrap();
    assert_eq!(report.applied, 0);
    assert!(report.present >= 12, "{report:?}");
}

#[tokio::test]
async fn a_changed_and_an_unknown_migration_stop_the_run() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    store.execute("tamper", "ALTER TABLE schema_migration UPDATE hash = 'other' WHERE number = 2 SETTINGS mutations_sync = 2").await.unwrap();
    let error = store.migrate().await.unwrap_err();
    assert!(
        matches!(&error, Error::MigrationChanged { name, .. } if name == "0002_create_update_event.sql"),
        "{error}"
    );
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    store.execute("tamper", "INSERT INTO schema_migration (number, name, hash) VALUES (9999, '9999_from_the_future.sql', 'x')").await.unwrap();
    let error = store.migrate().await.unwrap_err();
    assert!(
        matches!(&error, Error::MigrationUnknown { name } if name == "9999_from_the_future.sql"),
        "{error}"
    );
}

/// The schema after all migrations, as analysts see it. A change of this file is a change of contract.
#[tokio::test]
async fn the_schema_is_the_committed_one() {
    #[derive(Deserialize)]
    struct Column {
        table: String,
        name: String,
        r#type: String,
        default: String,
    }
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let sql = "SELECT table, name, type, default_expression AS default FROM system.columns WHERE database = currentDatabase() ORDER BY table, position";
    let columns: Vec<Column> = store.query_json("read the schema", sql, &[]).await.unwrap();
    let mut text = String::new();
    let mut last = String::new();
    for column in columns {
        if column.table != last {
            text.extend(["\n", &column.table, "\n"]);
            last.clone_from(&column.table);
        }
        let default = if column.default.is_empty() {
            String::new()
        } else {
            format!(" = {}", column.default)
        };
        text.extend(["    ", &column.name, " ", &column.r#type, &default, "\n"]);
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR")));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("schema", text));
}

#[tokio::test]
async fn every_table_view_and_table_column_says_what_it_is() {
    let Some(store) = testing::fresh_store().await else {
        return;
    };
    let sql = "SELECT name FROM system.tables WHERE database = currentDatabase() AND NOT startsWith(comment, 'One row per ')
        UNION ALL SELECT c.table || '.' || c.name FROM system.columns AS c INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
        WHERE c.database = currentDatabase() AND t.engine != 'View' AND c.comment = ''";
    let bytes = store
        .query_bytes("look for comments", sql, &[], "TSV")
        .await
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), "");
}
