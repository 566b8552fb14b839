//! The file: what is in it, and how it is opened.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::database::Database;
use crate::{Error, Result};

/// Marks a file as ours in SQLite's header: "PLog".
const APPLICATION_ID: i64 = 0x504c_6f67;

/// The format of the file, in SQLite's `user_version`.
const FORMAT: i64 = 1;

/// How long one statement waits for another process. Longer waits are up to the caller's deadline.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// `topic.end_bytes` and `message.end_bytes` count the bytes of a topic from its beginning, so that
/// the size of any range is one subtraction. Offsets of a topic have no gaps. `position.used_at` is when a reader of the
/// group was last at work, in milliseconds since 1970.
const TABLES: &str = "
    CREATE TABLE topic (
        topic_id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        next_offset INTEGER NOT NULL DEFAULT 0,
        end_bytes INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE message (
        message_id INTEGER PRIMARY KEY,
        topic_id INTEGER NOT NULL REFERENCES topic,
        offset INTEGER NOT NULL,
        appended_at INTEGER NOT NULL,
        end_bytes INTEGER NOT NULL,
        key TEXT NOT NULL,
        payload BLOB NOT NULL,
        UNIQUE (topic_id, offset)
    ) STRICT;
    CREATE TABLE position (
        group_name TEXT NOT NULL,
        topic_id INTEGER NOT NULL REFERENCES topic,
        next_offset INTEGER NOT NULL,
        cut_first_offset INTEGER,
        cut_last_offset INTEGER,
        cut_made_by TEXT,
        used_at INTEGER,
        PRIMARY KEY (group_name, topic_id)
    ) STRICT, WITHOUT ROWID;
";

/// Files from before `position.used_at` lack it. Their format stays: whoever does not know the column leaves it null,
/// which means "in use".
const ADD_USED_AT: &str = "ALTER TABLE position ADD COLUMN used_at INTEGER";

/// Makes the file ours if it is empty, and refuses it if it is something else.
pub(crate) fn prepare(database: &mut Database) -> Result<()> {
    let doing = "open it";
    configure(&database.connection).map_err(|error| database.error(doing, &error))?;
    let identified = identify_at_once(&mut database.connection);
    match identified.map_err(|error| database.error(doing, &error))? {
        Identity::Ours => complete(&mut database.connection)
            .map_err(|error| database.error("extend its tables", &error))?,
        Identity::Empty => create(&mut database.connection)
            .map_err(|error| database.error("create its tables", &error))?,
        Identity::Newer(found) => {
            return Err(Error::NewerFormat {
                path: database.path().to_path_buf(),
                found,
                known: FORMAT,
            });
        }
        Identity::Foreign => {
            return Err(Error::Foreign {
                path: database.path().to_path_buf(),
                detail: "it is a database of another program".to_owned(),
            });
        }
    }
    // Only now: the switch writes to the file, and a foreign file stays as it was.
    database
        .connection
        .pragma_update(None, "journal_mode", "wal")
        .map_err(|error| database.error(doing, &error))
}

enum Identity {
    Ours,
    Empty,
    Newer(i64),
    Foreign,
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // An append is claimed only when the write-ahead log is synced.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Messages are tens of kilobytes: larger pages mean fewer overflow chains.
    connection.pragma_update(None, "page_size", 16384)?;
    connection.pragma_update(None, "auto_vacuum", "incremental")
}

/// One look at the file: between two, another process may make its tables.
fn identify_at_once(connection: &mut Connection) -> rusqlite::Result<Identity> {
    let transaction = connection.transaction()?;
    let identity = identify(&transaction)?;
    transaction.finish()?;
    Ok(identity)
}

fn identify(connection: &Connection) -> rusqlite::Result<Identity> {
    let application_id: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok(match (application_id, format, objects) {
        (APPLICATION_ID, FORMAT, _) => Identity::Ours,
        (APPLICATION_ID, newer, _) => Identity::Newer(newer),
        (0, 0, 0) => Identity::Empty,
        _ => Identity::Foreign,
    })
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    // Another process may have been faster.
    if matches!(identify(&transaction)?, Identity::Empty) {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
    }
    transaction.commit()
}

/// Adds what files of earlier versions lack.
fn complete(connection: &mut Connection) -> rusqlite::Result<()> {
    if knows_use(connection)? {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if !knows_use(&transaction)? {
        transaction.execute_batch(ADD_USED_AT)?;
    }
    transaction.commit()
}

fn knows_use(connection: &Connection) -> rusqlite::Result<bool> {
    connection.column_exists(None, "position", "used_at")
}
