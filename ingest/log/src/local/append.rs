//! Writing messages: one append is one transaction.

use std::io::Write as _;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, named_params};

use super::database::Database;
use super::retention;
use crate::{Error, Message, Result};

/// What a message costs on disk beside its key and payload.
const MESSAGE_OVERHEAD_BYTES: usize = 64;

/// So much room has to be on the disk for an append to be worth trying.
const ROOM_BYTES: usize = 1 << 20;

/// The log's clock: milliseconds since 1970, UTC.
pub(crate) const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/// Appends all messages or none. They are on disk when this returns.
pub(crate) fn append(
    database: &mut Database,
    topic: &str,
    messages: &[Message],
    disk_bytes_max: u64,
) -> Result<()> {
    let doing = "append";
    let outcome = transact(&mut database.connection, topic, messages, disk_bytes_max);
    match outcome.map_err(|error| database.error(doing, &error))? {
        Outcome::Appended => Ok(()),
        Outcome::Full { used_bytes } => Err(Error::Full {
            log: Arc::clone(&database.log),
            used_bytes,
            bytes_max: disk_bytes_max,
        }),
    }
}

/// Refuses when the log is over its budget and nothing in it is finished.
pub(crate) fn check_room(database: &mut Database, disk_bytes_max: u64) -> Result<()> {
    let doing = "ask for its size";
    let mut used =
        used_bytes(&database.connection).map_err(|error| database.error(doing, &error))?;
    if used >= disk_bytes_max {
        retention::delete_finished(&database.connection, &retention::NOTHING)
            .map_err(|error| database.error(doing, &error))?;
        used = used_bytes(&database.connection).map_err(|error| database.error(doing, &error))?;
    }
    if used < disk_bytes_max {
        return check_disk(database);
    }
    Err(Error::Full {
        log: Arc::clone(&database.log),
        used_bytes: used,
        bytes_max: disk_bytes_max,
    })
}

/// Refuses when the file cannot be written or the disk has no room beside it: takes the lock that an
/// append takes, and writes a file that is gone at once.
fn check_disk(database: &mut Database) -> Result<()> {
    let begun = database
        .connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .and_then(Transaction::rollback);
    begun.map_err(|error| database.error("ask whether it can be written", &error))?;
    let dir = database.path().parent().unwrap_or(database.path());
    let written = tempfile::tempfile_in(dir).and_then(|mut file| {
        file.write_all(&vec![0; ROOM_BYTES])?;
        file.flush()
    });
    written.map_err(|source| {
        let log = Arc::clone(&database.log);
        if source.kind() == std::io::ErrorKind::StorageFull {
            Error::DiskFull { log }
        } else {
            Error::Storage {
                log,
                doing: "write beside it".to_owned(),
                detail: source.to_string(),
            }
        }
    })
}

/// Makes the topics known.
pub(crate) fn ensure_topics(database: &mut Database, names: &[String]) -> Result<()> {
    let mut ensure = || {
        let transaction = database
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for name in names {
            topic_id(&transaction, name)?;
        }
        transaction.commit()
    };
    ensure().map_err(|error| database.error("create topics", &error))
}

/// Finds the topic, or makes it.
pub(crate) fn topic_id(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    let found = connection
        .prepare_cached("SELECT topic_id FROM topic WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    connection.execute("INSERT INTO topic (name) VALUES (?1)", [name])?;
    Ok(connection.last_insert_rowid())
}

enum Outcome {
    Appended,
    Full { used_bytes: u64 },
}

fn transact(
    connection: &mut Connection,
    topic: &str,
    messages: &[Message],
    disk_bytes_max: u64,
) -> rusqlite::Result<Outcome> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let incoming: usize = messages
        .iter()
        .map(|message| size(message) + MESSAGE_OVERHEAD_BYTES)
        .sum();
    let room = disk_bytes_max.saturating_sub(incoming as u64);
    let mut used_bytes = used_bytes(&transaction)?;
    while used_bytes > room {
        // Above the budget nothing finished is kept, whatever the retention says.
        if retention::delete_finished(&transaction, &retention::NOTHING)? == 0 {
            // What was deleted stays deleted: it was finished.
            transaction.commit()?;
            return Ok(Outcome::Full { used_bytes });
        }
        used_bytes = self::used_bytes(&transaction)?;
    }
    insert(&transaction, topic, messages)?;
    transaction.commit()?;
    Ok(Outcome::Appended)
}

fn insert(
    transaction: &Transaction<'_>,
    topic: &str,
    messages: &[Message],
) -> rusqlite::Result<()> {
    let topic_id = topic_id(transaction, topic)?;
    let (mut offset, mut end_bytes): (i64, i64) = transaction.query_row(
        "SELECT next_offset, end_bytes FROM topic WHERE topic_id = ?1",
        [topic_id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let appended_at: i64 = transaction.query_row(&format!("SELECT {NOW}"), (), |row| row.get(0))?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO message (topic_id, offset, appended_at, end_bytes, key, payload)
         VALUES (:topic_id, :offset, :appended_at, :end_bytes, :key, :payload)",
    )?;
    for message in messages {
        end_bytes = end_bytes.saturating_add(i64::try_from(size(message)).unwrap_or(i64::MAX));
        statement.execute(named_params! {
            ":topic_id": topic_id, ":offset": offset, ":appended_at": appended_at,
            ":end_bytes": end_bytes, ":key": message.key, ":payload": message.payload,
        })?;
        offset += 1;
    }
    transaction.execute(
        "UPDATE topic SET next_offset = ?1, end_bytes = ?2 WHERE topic_id = ?3",
        (offset, end_bytes, topic_id),
    )?;
    Ok(())
}

fn size(message: &Message) -> usize {
    message.key.len() + message.payload.len()
}

/// Bytes of the file that hold something.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pages = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let used = pages("page_count")?
        .saturating_sub(pages("freelist_count")?)
        .saturating_mul(pages("page_size")?);
    Ok(u64::try_from(used).unwrap_or(0))
}
