//! A recorded cut, as the metadata of an offset commit holds it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Cut, TopicPartition};

/// The metadata's JSON. Topic, partition and first offset are those of the commit.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CutNote {
    patchlens_cut: u32,
    last_offset: i64,
    made_by: String,
}

/// The version of the note.
const VERSION: u32 = 1;

/// Writes the note.
pub(super) fn write(cut: &Cut) -> serde_json::Result<String> {
    serde_json::to_string(&CutNote {
        patchlens_cut: VERSION,
        last_offset: cut.last_offset,
        made_by: cut.made_by.clone(),
    })
}

/// Reads the metadata of the position `next_offset`: `Ok(None)` when it holds no cut, `Err` when it
/// holds something that this program did not write.
pub(super) fn read(
    place: &TopicPartition,
    next_offset: i64,
    metadata: &str,
) -> Result<Option<Cut>, String> {
    if metadata.is_empty() {
        return Ok(None);
    }
    match serde_json::from_str::<CutNote>(metadata) {
        Ok(note) if note.patchlens_cut == VERSION && note.last_offset >= next_offset => {
            Ok(Some(Cut {
                topic: Arc::clone(&place.topic),
                partition: place.partition,
                first_offset: next_offset,
                last_offset: note.last_offset,
                made_by: note.made_by,
            }))
        }
        _ => Err(metadata.chars().take(80).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> TopicPartition {
        TopicPartition {
            topic: "events".into(),
            partition: 3,
        }
    }

    #[test]
    fn a_cut_survives_and_stays_within_what_brokers_take() {
        let made_by = "\"".repeat(Cut::MADE_BY_BYTES_MAX);
        let cut = Cut {
            topic: place().topic,
            partition: 3,
            first_offset: 7,
            last_offset: i64::MAX,
            made_by,
        };
        let note = write(&cut).unwrap();
        assert!(note.len() < 4096, "{}", note.len());
        assert_eq!(read(&place(), 7, &note), Ok(Some(cut)));
    }

    #[test]
    fn what_another_program_wrote_is_told_apart() {
        assert_eq!(read(&place(), 7, ""), Ok(None));
        for metadata in [
            "checkpoint-17",
            "{}",
            r#"{"patchlens_cut":2,"last_offset":9,"made_by":""}"#,
            r#"{"patchlens_cut":1,"last_offset":6,"made_by":""}"#,
        ] {
            assert!(read(&place(), 7, metadata).is_err(), "{metadata}");
        }
    }
}
