//! What a reader looks for among error codes: a code in any of its spellings, or a text.

use super::model::CodeRow;

/// A search that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Search {
    text: String,
    code: Option<u32>,
}

impl Search {
    /// Reads what was typed; `None` when that is nothing.
    pub(super) fn new(typed: &str) -> Option<Self> {
        let text = typed.trim().to_lowercase();
        let code = spelled(&text);
        (!text.is_empty()).then_some(Self { text, code })
    }

    /// Whether a row is what is looked for.
    pub(super) fn finds(&self, row: &CodeRow) -> bool {
        if let Some(code) = self.code {
            return row.error_code == code;
        }
        let texts = [&row.error_symbol, &row.meaning_en, &row.meaning_zh];
        row.hex().contains(&self.text)
            || texts
                .iter()
                .any(|text| text.to_lowercase().contains(&self.text))
    }
}

/// The code of `0x80070005`, `80070005`, `-2147024891`, `2147942405` and `5`; eight digits are hexadecimal, as logs
/// write codes without a prefix, and a small number is a Win32 error.
fn spelled(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return u32::from_str_radix(digits, 16).ok();
    }
    match text.parse::<i64>().ok()? {
        // As Windows wraps a Win32 error into an HRESULT.
        number @ 1..=0xffff => u32::try_from(0x8007_0000 | number).ok(),
        number => i32::try_from(number)
            .ok()
            .filter(|number| *number < 0)
            .map(i32::cast_unsigned)
            .or_else(|| u32::try_from(number).ok().filter(|number| *number != 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_every_spelling() {
        for spelling in [
            "0x80070005",
            "80070005",
            " 0X80070005 ",
            "-2147024891",
            "2147942405",
            "5",
        ] {
            let search = Search::new(spelling).unwrap();
            assert_eq!(search.code, Some(0x8007_0005), "{spelling}");
        }
        for text in ["0x8007", "access", "WU_E_", "0", "-0", "99999999999"] {
            assert_eq!(Search::new(text).unwrap().code, None, "{text}");
        }
        assert_eq!(Search::new("  "), None);
    }

    #[test]
    fn a_text_is_looked_for_in_code_symbol_and_both_meanings() {
        let row = CodeRow {
            error_code: 0x8007_0005,
            error_symbol: "E_ACCESSDENIED".to_owned(),
            meaning_en: "Access was denied.".to_owned(),
            meaning_zh: "访问被拒绝。".to_owned(),
            ..CodeRow::default()
        };
        for text in ["0x8007", "accessd", "was DENIED", "被拒绝", "5"] {
            assert!(Search::new(text).unwrap().finds(&row), "{text}");
        }
        for text in ["0x8008", "granted", "6"] {
            assert!(!Search::new(text).unwrap().finds(&row), "{text}");
        }
    }
}
