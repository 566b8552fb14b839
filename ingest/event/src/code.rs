//! Error codes in every spelling that Windows logs use.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An HRESULT: 32 bits, shown as `0x80073712`.
///
/// NTSTATUS values and setup (MOSETUP, `0xC19001xx`) codes are kept in the same type as they are
/// printed; they are never translated into one another, for `0xC19001xx` would decode to nonsense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hresult(pub u32);

impl Hresult {
    /// Success.
    pub const OK: Self = Self(0);

    /// Wraps a Win32 error number the way `HRESULT_FROM_WIN32` does; 0 stays 0, and a value that
    /// already is a failing HRESULT stays as it is.
    pub fn from_win32(number: u32) -> Self {
        if number == 0 || number & 0x8000_0000 != 0 {
            Self(number)
        } else {
            Self(0x8007_0000 | (number & 0xFFFF))
        }
    }

    /// True when the severity bit says failure.
    pub fn is_failure(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }

    /// Reads a code as a person or a structured field may write it: `0x8024001e`, `8024001E`,
    /// `-2145124322`, `2149842974`, `5` (a Win32 error), with white space around.
    ///
    /// Eight hexadecimal digits that start with 8 or above, or contain a letter, are hexadecimal;
    /// everything else made of digits is decimal.
    ///
    /// # Errors
    /// When the text is none of these spellings.
    pub fn parse(text: &str) -> Result<Self, ParseHresultError> {
        let error = || ParseHresultError(text.chars().take(40).collect());
        let trimmed = text.trim();
        if let Some(hex) = trimmed
            .strip_prefix("0x")
            .or_else(|| trimmed.strip_prefix("0X"))
        {
            // Win32-sized values stay Win32 errors in whatever base they are printed.
            return parse_hex(hex).map(Self::widen).ok_or_else(error);
        }
        if let Some(negative) = trimmed.strip_prefix('-') {
            let magnitude: u32 = if negative.bytes().all(|b| b.is_ascii_digit()) {
                negative.parse().map_err(|_| error())?
            } else {
                return Err(error());
            };
            return if (1..=0x8000_0000).contains(&magnitude) {
                Ok(Self(magnitude.wrapping_neg()))
            } else {
                Err(error())
            };
        }
        let looks_hex = trimmed.len() == 8
            && trimmed.bytes().all(|b| b.is_ascii_hexdigit())
            && trimmed
                .bytes()
                .next()
                .is_some_and(|b| b == b'8' || b == b'9' || b.is_ascii_alphabetic());
        if looks_hex {
            return parse_hex(trimmed).map(Self).ok_or_else(error);
        }
        if !trimmed.is_empty() && trimmed.bytes().all(|b| b.is_ascii_digit()) {
            return trimmed.parse().map(Self::widen).map_err(|_| error());
        }
        Err(error())
    }

    fn widen(value: u32) -> Self {
        if value <= 0xFFFF {
            Self::from_win32(value)
        } else {
            Self(value)
        }
    }
}

fn parse_hex(digits: &str) -> Option<u32> {
    let well_formed =
        (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if well_formed {
        u32::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

impl fmt::Display for Hresult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08x}", self.0)
    }
}

/// The text was not an error code in any known spelling.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an error code: expected 0x80070005, 80070005, -2147024891, 2147942405 or a Win32 number such as 5"
)]
pub struct ParseHresultError(String);

impl FromStr for Hresult {
    type Err = ParseHresultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Hresult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hresult {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Hresult;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an error code such as \"0x80070005\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Hresult, E> {
                Hresult::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Hresult {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hresult".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^0x[0-9a-f]{8}$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seen_spelling_is_the_same_code() {
        for text in [
            "0x8024001e",
            "0X8024001E",
            "8024001e",
            " -2145124322 ",
            "2149842974",
        ] {
            assert_eq!(Hresult::parse(text), Ok(Hresult(0x8024_001e)), "{text}");
        }
        for text in [
            "5",
            "0x5",
            "0x00000005",
            "0x80070005",
            "80070005",
            "-2147024891",
            "2147942405",
        ] {
            assert_eq!(Hresult::parse(text), Ok(Hresult(0x8007_0005)), "{text}");
        }
        assert_eq!(Hresult::parse("c0000022"), Ok(Hresult(0xc000_0022)));
        assert_eq!(Hresult::parse("0xC1900107"), Ok(Hresult(0xc190_0107)));
        assert_eq!(Hresult::parse("0"), Ok(Hresult::OK));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in [
            "",
            "0x",
            "0x123456789",
            "banana",
            "-0",
            "--5",
            "-+5",
            "99999999999",
            "- 5",
            "8024001g",
            "+5",
        ] {
            assert!(Hresult::parse(text).is_err(), "{text}");
        }
    }
}
