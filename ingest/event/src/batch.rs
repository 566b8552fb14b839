//! Several events in one log message: NDJSON, one event per line.

use serde::Serialize;

use crate::{Event, SCHEMA_VERSION};

/// One line of a message: the event, or why the line is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchItem {
    /// A well-formed event.
    Event(Box<Event>),
    /// The line, and what is wrong with it.
    Undecodable {
        /// The bytes of the line.
        raw: Vec<u8>,
        /// What the decoder found.
        detail: String,
    },
}

/// Appends one event or reject to a message under construction.
///
/// # Errors
/// When the value cannot be written as JSON, which no value of this crate's types does.
pub fn encode_batch<T: Serialize>(
    item: &T,
    message: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    serde_json::to_writer(&mut *message, item)?;
    message.push(b'\n');
    Ok(())
}

/// Reads a message. A line that is no event of a known version comes back as
/// [`BatchItem::Undecodable`] and does not disturb its neighbours; the index of an item is its row.
pub fn decode_batch(message: &[u8]) -> Vec<BatchItem> {
    message
        .split(|b| *b == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .map(|line| match serde_json::from_slice::<Event>(line) {
            Ok(event) if event.v == SCHEMA_VERSION => BatchItem::Event(Box::new(event)),
            Ok(event) => BatchItem::Undecodable {
                raw: line.to_vec(),
                detail: format!("contract version {} where {SCHEMA_VERSION} is known; a newer collector needs a newer transform", event.v),
            },
            Err(error) => BatchItem::Undecodable { raw: line.to_vec(), detail: error.to_string() },
        })
        .collect()
}
