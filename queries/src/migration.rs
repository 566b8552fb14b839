//! Applies `migrations/*.sql` once each, and `views/*.sql` every time.
//!
//! The files are the schema; this module only runs them. A file holds one idempotent statement, so
//! that a run that breaks off between statement and record can be repeated.

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::sql::{self, Deployment};
use crate::store::Store;
use crate::{Error, Result};

static MIGRATIONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/migrations");
static VIEWS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/views");

/// One migration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// From 1, without gaps.
    pub number: u32,
    /// File name.
    pub name: String,
    /// The file's text.
    pub text: String,
}

impl Migration {
    /// Returns the first 32 hexadecimal digits of the file's BLAKE3 hash.
    pub fn hash(&self) -> String {
        blake3::hash(self.text.as_bytes())
            .to_hex()
            .chars()
            .take(32)
            .collect()
    }
}

/// What [`Store::migrate`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Migrations applied now.
    pub applied: usize,
    /// Migrations that were there already.
    pub present: usize,
    /// Views written.
    pub views: usize,
}

/// Returns the migrations of this program, in order.
///
/// # Errors
/// When a file breaks a rule: name, numbering, header, one statement.
pub fn migrations() -> Result<Vec<Migration>> {
    check_all(files(&MIGRATIONS))
}

/// Returns the views of this program, file name and text, in the order in which they are applied.
pub fn views() -> Vec<(String, String)> {
    files(&VIEWS)
}

fn files(dir: &Dir<'_>) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = dir
        .files()
        .filter(|file| {
            file.path()
                .extension()
                .is_some_and(|extension| extension == "sql")
        })
        .filter_map(|file| {
            Some((
                file.path().to_str()?.to_owned(),
                file.contents_utf8()?.to_owned(),
            ))
        })
        .collect();
    files.sort();
    files
}

fn check_all(files: Vec<(String, String)>) -> Result<Vec<Migration>> {
    let mut migrations = Vec::new();
    for (expected, (name, text)) in (1..).zip(files) {
        let invalid = |problem: String| Error::MigrationInvalid {
            name: name.clone(),
            problem,
        };
        let number: Option<u32> = name.get(..4).and_then(|digits| digits.parse().ok());
        match number {
            Some(number) if number == expected && name.get(4..5) == Some("_") => {}
            Some(number) => {
                return Err(invalid(format!(
                    "has number {number} where {expected:04} is next: numbers have no gaps and no doubles"
                )));
            }
            None => return Err(invalid("is not named NNNN_verb_noun.sql".to_owned())),
        }
        for heading in ["-- Why: ", "-- Reads: ", "-- Key: ", "-- Retention: "] {
            if !text.lines().any(|line| line.starts_with(heading)) {
                return Err(invalid(format!("its header has no line {heading:?}")));
            }
        }
        if sql::statements(&text) != 1 {
            return Err(invalid("holds not exactly one statement".to_owned()));
        }
        migrations.push(Migration {
            number: expected,
            name,
            text,
        });
    }
    Ok(migrations)
}

#[derive(Debug, Deserialize)]
struct Applied {
    number: u32,
    name: String,
    hash: String,
}

/// Compares what was applied with what this program has; returns the first migration to apply.
fn compare(migrations: &[Migration], applied: &[Applied]) -> Result<usize> {
    for row in applied {
        let known = usize::try_from(row.number)
            .ok()
            .and_then(|number| migrations.get(number.checked_sub(1)?));
        let Some(known) = known else {
            return Err(Error::MigrationUnknown {
                name: row.name.clone(),
            });
        };
        if known.hash() != row.hash {
            return Err(Error::MigrationChanged {
                name: known.name.clone(),
                recorded: row.hash.clone(),
                found: known.hash(),
            });
        }
    }
    let count = (1..)
        .zip(migrations)
        .take_while(|(number, _)| applied.iter().any(|row| row.number == *number))
        .count();
    match applied
        .iter()
        .find(|row| usize::try_from(row.number).is_ok_and(|number| number > count))
    {
        Some(later) => Err(Error::MigrationInvalid {
            name: later.name.clone(),
            problem: format!(
                "was applied, but number {} before it was not: the record in schema_migration has a gap",
                count + 1
            ),
        }),
        None => Ok(count),
    }
}

pub(crate) async fn migrate(store: &Store) -> Result<Report> {
    let config = store.config();
    let deployment = Deployment {
        database: config.database.clone(),
        cluster: config.cluster.clone(),
    };
    let migrations = migrations()?;
    let create = format!(
        "CREATE DATABASE IF NOT EXISTS `{}`{}",
        config.database,
        config.on_cluster()
    );
    store
        .execute_on_server("create the database", &create)
        .await?;
    let first = migrations
        .first()
        .map(|migration| deployment.render_table(&migration.text))
        .unwrap_or_default();
    for statement in first {
        store
            .execute("create the record of migrations", &statement)
            .await?;
    }
    let applied = store
        .query_json(
            "read the record of migrations",
            "SELECT DISTINCT number, name, hash FROM schema_migration ORDER BY number",
            &[],
        )
        .await?;
    let present = compare(&migrations, &applied)?;
    let mut report = Report {
        present,
        ..Report::default()
    };
    for migration in migrations.iter().skip(present) {
        for statement in deployment.render_table(&migration.text) {
            store
                .execute(&format!("apply migration {}", migration.name), &statement)
                .await?;
        }
        record(store, migration).await?;
        tracing::info!(
            migration = migration.name,
            database = config.database,
            "applied migration"
        );
        report.applied += 1;
    }
    // Before the views: they shall not show the tables of a store that is brought up to date half made.
    let refreshed = store.refresh_outdated().await?;
    if refreshed > 0 {
        tracing::info!(devices = refreshed, "refreshed what views count over");
    }
    for (name, text) in views() {
        store
            .execute(&format!("write view {name}"), &deployment.render(&text))
            .await?;
        report.views += 1;
    }
    Ok(report)
}

async fn record(store: &Store, migration: &Migration) -> Result<()> {
    // Name and hash are ours: a checked file name and hexadecimal digits.
    let sql = format!(
        "INSERT INTO schema_migration (number, name, hash) VALUES ({}, '{}', '{}')",
        migration.number,
        migration.name,
        migration.hash()
    );
    store
        .execute(&format!("record migration {}", migration.name), &sql)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "-- t: one row per x.\n-- Why: y.\n-- Reads: z.\n-- Key: k.\n-- Retention: r.\nCREATE TABLE IF NOT EXISTS {table:t} (a UInt8 COMMENT 'b; c') ENGINE = {engine:MergeTree} ORDER BY a\n";

    fn check(files: &[(&str, &str)]) -> Result<Vec<Migration>> {
        check_all(
            files
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn the_files_of_this_program_follow_the_rules() {
        assert!(migrations().unwrap().len() >= 12, "{MIGRATIONS:?}");
        for (name, text) in views() {
            assert_eq!(sql::statements(&text), 1, "{name}");
        }
    }

    #[test]
    fn a_gap_a_double_a_bad_name_a_missing_header_and_two_statements_are_refused() {
        assert!(check(&[("0001_create_t.sql", GOOD), ("0002_create_u.sql", GOOD)]).is_ok());
        let two = format!("{GOOD};\nSELECT 1");
        for files in [
            vec![("0001_create_t.sql", GOOD), ("0003_create_u.sql", GOOD)],
            vec![("0001_create_t.sql", GOOD), ("0001_create_u.sql", GOOD)],
            vec![("create_t.sql", GOOD)],
            vec![("0001_create_t.sql", "SELECT 1")],
            vec![("0001_create_t.sql", two.as_str())],
        ] {
            assert!(
                matches!(check(&files), Err(Error::MigrationInvalid { .. })),
                "{files:?}"
            );
        }
    }

    #[test]
    fn what_was_applied_must_be_what_is_here() {
        let known = check(&[("0001_create_t.sql", GOOD), ("0002_create_u.sql", GOOD)]).unwrap();
        let row = |number: u32, hash: &str| Applied {
            number,
            name: format!("{number:04}_x.sql"),
            hash: hash.to_owned(),
        };
        let hash = known[0].hash();
        assert_eq!(compare(&known, &[]).unwrap(), 0);
        assert_eq!(compare(&known, &[row(1, &hash)]).unwrap(), 1);
        assert!(matches!(
            compare(&known, &[row(1, "other")]),
            Err(Error::MigrationChanged { .. })
        ));
        assert!(matches!(
            compare(&known, &[row(3, &hash)]),
            Err(Error::MigrationUnknown { .. })
        ));
        assert!(matches!(
            compare(&known, &[row(2, &hash)]),
            Err(Error::MigrationInvalid { .. })
        ));
    }
}
