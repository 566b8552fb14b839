//! Getting messages out of the file.

use std::sync::Arc;

use super::PARTITION;
use super::database::Database;
use super::position::OwnedTopic;
use crate::Delivered;

/// What one poll may still take.
pub(super) struct Room {
    bytes_left: usize,
    is_empty: bool,
}

impl Room {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_left: bytes_max,
            is_empty: true,
        }
    }

    /// Takes a message's bytes. The first message is always taken, or a large one would block its partition.
    fn take(&mut self, bytes: usize) -> bool {
        let fits = self.is_empty || bytes <= self.bytes_left;
        if fits {
            self.is_empty = false;
            self.bytes_left = self.bytes_left.saturating_sub(bytes);
        }
        fits
    }
}

/// Reads on at the topic's cursor until the room is used up.
pub(super) fn read_messages(
    database: &Database,
    owned: &mut OwnedTopic,
    room: &mut Room,
    messages: &mut Vec<Delivered>,
) -> rusqlite::Result<()> {
    let mut statement = database
        .connection
        .prepare_cached("SELECT offset, key, payload, appended_at FROM message WHERE topic_id = ?1 AND offset >= ?2 ORDER BY offset")?;
    let mut rows = statement.query((owned.topic_id, owned.cursor))?;
    while let Some(row) = rows.next()? {
        let key = row.get_ref(1)?.as_str()?;
        let payload = row.get_ref(2)?.as_blob()?;
        if !room.take(key.len() + payload.len()) {
            break;
        }
        let offset = row.get(0)?;
        messages.push(Delivered {
            topic: Arc::clone(&owned.topic),
            partition: PARTITION,
            offset,
            key: key.to_owned(),
            payload: payload.to_vec(),
            appended_at: Some(row.get(3)?),
        });
        owned.cursor = offset + 1;
    }
    Ok(())
}
