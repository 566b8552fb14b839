//! Where a group stands, in the same file as the messages.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};

use super::PARTITION;
use super::append::{NOW, topic_id};
use crate::position::{Position, Step};
use crate::{Cut, PartitionLag};

/// One topic of a reader that owns it.
#[derive(Debug)]
pub(crate) struct OwnedTopic {
    pub(crate) topic: Arc<str>,
    pub(crate) topic_id: i64,
    pub(crate) position: Position,
    /// The offset of the next message to deliver.
    pub(crate) cursor: i64,
}

/// Loads the group's position in each topic; a new group begins with the oldest message there is.
pub(crate) fn load(
    connection: &mut Connection,
    group: &str,
    topics: &[Arc<str>],
) -> rusqlite::Result<Vec<OwnedTopic>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut owned = Vec::with_capacity(topics.len());
    for topic in topics {
        let topic_id = topic_id(&transaction, topic)?;
        transaction.execute(
            "INSERT OR IGNORE INTO position (group_name, topic_id, next_offset)
             SELECT ?1, topic_id, coalesce((SELECT min(offset) FROM message WHERE message.topic_id = topic.topic_id), next_offset)
             FROM topic WHERE topic_id = ?2",
            (group, topic_id),
        )?;
        let position = transaction.query_row(
            "SELECT next_offset, cut_first_offset, cut_last_offset, cut_made_by FROM position WHERE group_name = ?1 AND topic_id = ?2",
            (group, topic_id),
            |row| read_position(row, topic),
        )?;
        touch(&transaction, group, topic_id)?;
        owned.push(OwnedTopic {
            topic: Arc::clone(topic),
            topic_id,
            cursor: position.next_offset,
            position,
        });
    }
    transaction.commit()?;
    Ok(owned)
}

fn read_position(row: &Row<'_>, topic: &Arc<str>) -> rusqlite::Result<Position> {
    let (first, last, made_by): (Option<i64>, Option<i64>, Option<String>) =
        (row.get(1)?, row.get(2)?, row.get(3)?);
    let cut = first.zip(last).map(|(first_offset, last_offset)| Cut {
        topic: Arc::clone(topic),
        partition: PARTITION,
        first_offset,
        last_offset,
        made_by: made_by.unwrap_or_default(),
    });
    Ok(Position::inherited(row.get(0)?, cut))
}

/// Stores the step for all cuts or for none. On disk when this returns.
pub(crate) fn store(
    connection: &mut Connection,
    group: &str,
    step: Step,
    cuts: &[(i64, &Cut)],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (topic_id, cut) in cuts {
        match step {
            Step::Record => transaction.execute(
                "UPDATE position SET next_offset = ?3, cut_first_offset = ?3, cut_last_offset = ?4, cut_made_by = ?5
                 WHERE group_name = ?1 AND topic_id = ?2",
                (group, topic_id, cut.first_offset, cut.last_offset, &cut.made_by),
            )?,
            Step::Finish => transaction.execute(
                "UPDATE position SET next_offset = ?3 + 1, cut_first_offset = NULL, cut_last_offset = NULL, cut_made_by = NULL
                 WHERE group_name = ?1 AND topic_id = ?2",
                (group, topic_id, cut.last_offset),
            )?,
        };
        touch(&transaction, group, *topic_id)?;
    }
    transaction.commit()
}

/// Notes that a reader of the group is at work.
pub(crate) fn touch(connection: &Connection, group: &str, topic_id: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(&format!(
            "UPDATE position SET used_at = {NOW} WHERE group_name = ?1 AND topic_id = ?2"
        ))?
        .execute((group, topic_id))
        .map(drop)
}

/// How far the group is behind. Needs no ownership.
pub(crate) fn lag(
    connection: &Connection,
    group: &str,
    topics: &[Arc<str>],
) -> rusqlite::Result<Vec<PartitionLag>> {
    let mut statement = connection.prepare_cached(
        "SELECT coalesce((SELECT next_offset FROM position WHERE group_name = ?1 AND position.topic_id = topic.topic_id),
                         (SELECT min(offset) FROM message WHERE message.topic_id = topic.topic_id),
                         next_offset),
                next_offset
         FROM topic WHERE name = ?2",
    )?;
    let mut lags = Vec::with_capacity(topics.len());
    for topic in topics {
        let offsets = statement
            .query_row((group, topic.as_ref()), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let (next_offset, end_offset) = offsets.unwrap_or((0, 0));
        lags.push(PartitionLag {
            topic: Arc::clone(topic),
            partition: PARTITION,
            next_offset,
            end_offset,
        });
    }
    Ok(lags)
}
