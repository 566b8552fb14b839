//! Identifiers: newtypes, so that a device name cannot stand where a KB number belongs.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names one device for ever: the computer name in upper case unless the operator gives another id.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct DeviceId(String);

impl DeviceId {
    /// The longest id that is kept, in bytes; what is longer is cut at a character boundary.
    pub const BYTES_MAX: usize = 256;

    /// Makes an id from a computer name or an operator's own id: trimmed, upper case, control
    /// characters dropped. `None` when nothing is left.
    pub fn new(name: &str) -> Option<Self> {
        let mut id: String = name
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .flat_map(char::to_uppercase)
            .collect();
        let mut end = id.len().min(Self::BYTES_MAX);
        while !id.is_char_boundary(end) {
            end -= 1;
        }
        id.truncate(end);
        (!id.is_empty()).then_some(Self(id))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a knowledge-base article, which names an update: shown as `KB5041580`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct KbArticle(pub u32);

impl fmt::Display for KbArticle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KB{}", self.0)
    }
}

/// The text was not a KB number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a KB number: expected 6 or 7 digits, with or without the letters KB before them"
)]
pub struct ParseKbArticleError(String);

impl FromStr for KbArticle {
    type Err = ParseKbArticleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim();
        let digits = match trimmed.as_bytes() {
            [b'K' | b'k', b'B' | b'b', ..] => trimmed.get(2..).unwrap_or_default(),
            _ => trimmed,
        };
        let well_formed =
            (6..=7).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        match digits.parse() {
            Ok(number) if well_formed => Ok(Self(number)),
            _ => Err(ParseKbArticleError(text.chars().take(40).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_id_is_the_trimmed_upper_case_name() {
        assert_eq!(DeviceId::new(" yr-0042\r\n").unwrap().as_str(), "YR-0042");
        assert_eq!(DeviceId::new(" \t"), None);
        assert_eq!(DeviceId::new(&"ü".repeat(300)).unwrap().as_str().len(), 256);
    }

    #[test]
    fn a_kb_number_is_read_in_its_usual_spellings() {
        for text in ["KB5041580", "kb5041580", " 5041580 "] {
            assert_eq!(text.parse(), Ok(KbArticle(5_041_580)));
        }
        for text in ["", "KB", "KB12345", "KB12345678", "KB50415x0", "+504158"] {
            assert!(text.parse::<KbArticle>().is_err(), "{text}");
        }
        assert_eq!(KbArticle(976_002).to_string(), "KB976002");
    }
}
