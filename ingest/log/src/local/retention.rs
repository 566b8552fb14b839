//! Deleting what every group that is in use has finished.

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, named_params};

use super::append::NOW;
use crate::Retention;

/// The retention of a log that is over its budget.
pub(crate) const NOTHING: Retention = Retention {
    age_max: Duration::ZERO,
    bytes_max: 0,
};

/// How many messages of a topic one transaction deletes, so that appends need not wait long.
const BATCH_MESSAGES: i64 = 1000;

/// How many batches one finished cut pays for: deletion keeps up with reading, and a cut never
/// waits for a backlog of deletions.
const BATCHES_PER_CUT: usize = 20;

/// Pages that are given back to the file system at a time.
const VACUUM_PAGES: i64 = 1024;

/// Deletes what the retention does not keep, and gives free pages back when they are many.
pub(crate) fn apply(connection: &mut Connection, retention: &Retention) -> rusqlite::Result<()> {
    for _ in 0..BATCHES_PER_CUT {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let deleted = delete_finished(&transaction, retention)?;
        transaction.commit()?;
        if deleted == 0 {
            break;
        }
    }
    let pages = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (free, all) = (pages("freelist_count")?, pages("page_count")?);
    // Free pages are used again by the next appends; only a file that has become much too large shrinks.
    if free > VACUUM_PAGES && free > all / 4 {
        connection.execute_batch(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
    }
    Ok(())
}

/// A group that no reader used for so long is forgotten once another reads its topic, as Kafka forgets groups
/// (`offsets.retention.minutes`): a name that was changed in the settings must not keep the log from being emptied.
const UNUSED_MAX: Duration = Duration::from_hours(168);

/// Forgets groups that are in use no more, of topics that another group still reads. A group that comes back begins
/// with the oldest message there is.
fn forget_unused(connection: &Connection) -> rusqlite::Result<()> {
    let unused_max_ms = i64::try_from(UNUSED_MAX.as_millis()).unwrap_or(i64::MAX);
    let mut forget = connection.prepare_cached(&format!(
        "DELETE FROM position WHERE used_at < {NOW} - ?1
         AND topic_id IN (SELECT topic_id FROM position WHERE used_at IS NULL OR used_at >= {NOW} - ?1)
         RETURNING group_name, (SELECT name FROM topic WHERE topic.topic_id = position.topic_id), next_offset"
    ))?;
    let mut forgotten = forget.query([unused_max_ms])?;
    while let Some(row) = forgotten.next()? {
        let (group, topic, offset): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        tracing::warn!(group, topic, offset, unused_for = ?UNUSED_MAX, "forgot a group that nobody uses any more, so that the event log can be emptied");
    }
    Ok(())
}

/// Deletes one batch of each topic's oldest finished messages that are over a limit. Returns how many.
pub(crate) fn delete_finished(
    connection: &Connection,
    retention: &Retention,
) -> rusqlite::Result<usize> {
    forget_unused(connection)?;
    let age_max_ms = i64::try_from(retention.age_max.as_millis()).unwrap_or(i64::MAX);
    let bytes_max = i64::try_from(retention.bytes_max).unwrap_or(i64::MAX);
    let mut topics = connection.prepare_cached(
        "SELECT finished.topic_id, finished.next_offset, coalesce(message.end_bytes, 0)
         FROM (SELECT topic_id, min(next_offset) AS next_offset FROM position GROUP BY topic_id) AS finished
         LEFT JOIN message ON message.topic_id = finished.topic_id AND message.offset = finished.next_offset - 1",
    )?;
    let finished: Vec<(i64, i64, i64)> = topics
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut delete = connection.prepare_cached(&format!(
        "DELETE FROM message WHERE topic_id = :topic_id
         AND offset IN (SELECT offset FROM message WHERE topic_id = :topic_id AND offset < :finished ORDER BY offset LIMIT {BATCH_MESSAGES})
         AND (end_bytes <= :finished_bytes - :bytes_max OR appended_at <= {NOW} - :age_max_ms)"
    ))?;
    let mut deleted = 0;
    for (topic_id, finished, finished_bytes) in finished {
        deleted += delete.execute(named_params! {
            ":topic_id": topic_id, ":finished": finished, ":finished_bytes": finished_bytes,
            ":bytes_max": bytes_max, ":age_max_ms": age_max_ms,
        })?;
    }
    Ok(deleted)
}
