//! Content identity: the same record collected twice has the same id.
//!
//! The id is a hash of device, source, logged time and text, and of how many equal records came
//! before it in the same file. File name, line number and time of collection are no part of it, so
//! that a log that was copied, grown or trimmed at the front yields the ids it yielded before.
//!
//! What is hashed is the text before redaction, so that what a reader knows of names makes no other
//! id. The hash is therefore keyed with the secret that redaction is salted with: without it, whoever
//! holds the redacted event and its id could try names until the id comes out.

use std::collections::HashMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DeviceId, Source};

/// 128 bits of a BLAKE3 hash over the content, shown as 32 hexadecimal digits.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String")]
pub struct EventId(String);

impl EventId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes an id from named parts. Each part is hashed with its length, so that no two different
    /// lists of parts run together into the same bytes.
    pub fn from_parts(parts: &[&[u8]]) -> Self {
        Self::hashed(blake3::Hasher::new(), parts)
    }

    /// The same under a key: for parts that hold what redaction takes out.
    pub fn from_secret_parts(key: &IdentityKey, parts: &[&[u8]]) -> Self {
        Self::hashed(key.hasher(), parts)
    }

    fn hashed(mut hasher: blake3::Hasher, parts: &[&[u8]]) -> Self {
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let hex = hasher.finalize().to_hex();
        Self(hex.get(..32).unwrap_or_default().to_owned())
    }
}

/// What ids of unredacted text are keyed with. All collectors that share the salt of redaction
/// have the same one, and give a record the same id.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentityKey([u8; 32]);

impl IdentityKey {
    /// The key that belongs to a salt; another one than that of the names' own hashes.
    pub fn of_salt(salt: &str) -> Self {
        Self(blake3::derive_key(
            "patchlens 2026 identity of records before redaction",
            salt.as_bytes(),
        ))
    }

    fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityKey")
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EventId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let well_formed =
            text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if well_formed {
            Ok(Self(text))
        } else {
            Err("an event_id is 32 lower-case hexadecimal digits".to_owned())
        }
    }
}

/// Hands out the ids of one file's records, in reading order. One scope per file.
#[derive(Debug)]
pub struct IdentityScope {
    device_id: DeviceId,
    source: Source,
    key: IdentityKey,
    recent: HashMap<u64, u32>,
    older: HashMap<u64, u32>,
}

impl IdentityScope {
    /// How many different records are remembered, twice: bounds the memory of a scope whatever the
    /// size of the file. Equal records further apart than this get the same id.
    const GENERATION_LENGTH: usize = 1 << 19;

    /// Starts a scope for one file of one device.
    pub fn new(device_id: DeviceId, source: Source, key: IdentityKey) -> Self {
        Self {
            device_id,
            source,
            key,
            recent: HashMap::new(),
            older: HashMap::new(),
        }
    }

    /// Forgets all records, and begins anew.
    pub fn forget(&mut self) {
        (self.recent, self.older) = (HashMap::new(), HashMap::new());
    }

    /// Returns the id of the next record. `logged_time` is the time as it stands in the file, and
    /// `text` the rest of the record, decoded, before redaction; line ends and trailing white space
    /// do not count.
    pub fn next_id(&mut self, logged_time: &str, text: &str) -> EventId {
        let content = self.content(logged_time, text);
        let ordinal = self.ordinal(&content);
        self.id(&content, ordinal)
    }

    /// Returns the id of a record that Windows has numbered within `log`. The number takes the place of
    /// text and order: forwarders send records in any order and portion, some of them again, with
    /// other precision of the time, with or without the message in the device's language, and a Beat
    /// with the event data in another order each time. `second` is when it was logged: numbers begin
    /// anew when a log is cleared.
    pub fn numbered_id(&self, log: &str, second: &str, number: u64) -> EventId {
        EventId::from_parts(&[
            b"numbered-record.v2",
            self.device_id.as_str().as_bytes(),
            self.source.as_str().as_bytes(),
            log.as_bytes(),
            second.as_bytes(),
            &number.to_le_bytes(),
        ])
    }

    /// Returns the id that [`next_id`](Self::next_id) would return, and remembers nothing: for a
    /// record that is known before it is complete.
    pub fn peek_id(&self, logged_time: &str, text: &str) -> EventId {
        let content = self.content(logged_time, text);
        let ordinal = self
            .before(key(&content))
            .map_or(0, |n| n.saturating_add(1));
        self.id(&content, ordinal)
    }

    fn content(&self, logged_time: &str, text: &str) -> blake3::Hash {
        let text = text.trim_end();
        let mut hasher = self.key.hasher();
        hasher.update(logged_time.as_bytes());
        hasher.update(&[0]);
        for line in text.lines() {
            hasher.update(line.trim_end().as_bytes());
            hasher.update(b"\n");
        }
        hasher.finalize()
    }

    /// The content's hash is keyed already; what it is put together with is no secret.
    fn id(&self, content: &blake3::Hash, ordinal: u32) -> EventId {
        EventId::from_parts(&[
            b"record.v2",
            self.device_id.as_str().as_bytes(),
            self.source.as_str().as_bytes(),
            content.as_bytes(),
            &ordinal.to_le_bytes(),
        ])
    }

    fn ordinal(&mut self, content: &blake3::Hash) -> u32 {
        let key = key(content);
        if self.recent.len() >= Self::GENERATION_LENGTH {
            self.older = std::mem::take(&mut self.recent);
        }
        let ordinal = self.before(key).map_or(0, |n| n.saturating_add(1));
        self.recent.insert(key, ordinal);
        ordinal
    }

    fn before(&self, key: u64) -> Option<u32> {
        self.recent
            .get(&key)
            .or_else(|| self.older.get(&key))
            .copied()
    }
}

fn key(content: &blake3::Hash) -> u64 {
    let (first, _) = content
        .as_bytes()
        .split_first_chunk()
        .unwrap_or((&[0; 8], &[]));
    u64::from_le_bytes(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> IdentityScope {
        scope_of("YR-1", "fleet")
    }

    fn scope_of(device: &str, salt: &str) -> IdentityScope {
        IdentityScope::new(
            DeviceId::new(device).unwrap(),
            Source::CbsLog,
            IdentityKey::of_salt(salt),
        )
    }

    fn ids(lines: &[&str]) -> Vec<EventId> {
        let mut scope = scope();
        lines
            .iter()
            .map(|line| scope.next_id("2024-08-20 10:02:41", line))
            .collect()
    }

    #[test]
    fn equal_lines_in_the_same_second_are_two_records() {
        let ids = ids(&["a", "a", "b", "a"]);
        let mut scope = scope();
        for id in &ids {
            let line = if *id == ids[2] { "b" } else { "a" };
            let peeked = scope.peek_id("2024-08-20 10:02:41", line);
            assert_eq!(
                (&peeked, id),
                (id, &scope.next_id("2024-08-20 10:02:41", line))
            );
        }
        assert_eq!(
            ids.iter().collect::<std::collections::HashSet<_>>().len(),
            4
        );
    }

    #[test]
    fn a_numbered_record_is_the_same_wherever_it_stands() {
        let mut scope = scope();
        let first = scope.numbered_id("system", "1", 7);
        scope.next_id("1", "a");
        assert_eq!(first, scope.numbered_id("system", "1", 7));
        assert_ne!(first, scope.numbered_id("system", "1", 8));
        assert_ne!(first, scope.numbered_id("setup", "1", 7));
        // After the log was cleared the numbers begin anew.
        assert_ne!(first, scope.numbered_id("system", "2", 7));
    }

    #[test]
    fn a_grown_log_keeps_its_ids_and_a_trimmed_one_adds_none() {
        let whole = ids(&["a", "a", "b", "a", "c"]);
        assert_eq!(ids(&["a", "a", "b"]), whole[..3]);
        let trimmed = ids(&["b", "a", "c"]);
        assert!(trimmed.iter().all(|id| whole.contains(id)));
    }

    #[test]
    fn line_ends_do_not_count_but_device_time_and_text_do() {
        let id = scope().next_id("t", "a\nb");
        assert_eq!(id, scope().next_id("t", "a\r\nb  \r\n"));
        assert_ne!(id, scope().next_id("u", "a\nb"));
        assert_ne!(id, scope().next_id("t", "ab"));
        assert_ne!(id, scope_of("YR-2", "fleet").next_id("t", "a\nb"));
    }

    #[test]
    fn without_the_salt_nobody_can_try_which_text_an_id_is_of() {
        let text = r"open C:\Users\jroe\x";
        let id = scope().next_id("t", text);
        assert_eq!(id, scope_of("YR-1", "fleet").next_id("t", text));
        assert_ne!(id, scope_of("YR-1", "other").next_id("t", text));
        let parts: [&[u8]; 1] = [text.as_bytes()];
        let (one, other) = (IdentityKey::of_salt("fleet"), IdentityKey::of_salt("other"));
        let keyed = EventId::from_secret_parts(&one, &parts);
        assert_ne!(keyed, EventId::from_parts(&parts));
        assert_ne!(keyed, EventId::from_secret_parts(&other, &parts));
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }
}
