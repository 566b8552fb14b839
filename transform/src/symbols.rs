//! The dictionary that servicing prints in its own log, against the catalogue of codes.
//!
//! `[HRESULT = 0x800f0823 - CBS_E_NEW_SERVICING_STACK_REQUIRED]` teaches a symbol. Where the log and the
//! catalogue name one code differently, one of the two is wrong or older, and an engineer should know.

use std::collections::BTreeMap;

use memchr::memmem;
use patchlens_event::Hresult;
use polars::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::columns::{EventColumns, text};
use crate::knowledge::{CodeEntry, Knowledge};

/// A symbol that logs print beside a code and the catalogue does not hold for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SymbolConflict {
    /// The code, `0x800f0823`.
    pub code: String,
    /// The symbol that the log prints.
    pub printed: String,
    /// The symbol in the catalogue; null when it has none for the code: then the log teaches one.
    pub catalogue: Option<String>,
    /// How many records print it.
    pub records: u64,
    /// File of the first of them.
    pub file: String,
    /// Line of the first of them.
    pub line: u64,
}

/// Compares the symbols that records print with the catalogue.
///
/// # Input
/// Events with the schema [`crate::schema::update_event`].
///
/// # Output
/// One entry per failing code and printed symbol that the catalogue does not hold, by code; contradictions
/// and new symbols alike.
///
/// # Errors
/// When a column is missing or has another type.
pub fn symbol_conflicts(
    events: &DataFrame,
    knowledge: &Knowledge,
) -> PolarsResult<Vec<SymbolConflict>> {
    let mut frame = events.clone();
    frame.rechunk_mut();
    let columns = EventColumns::new(&frame)?;
    let mut found: BTreeMap<(u32, &str), SymbolConflict> = BTreeMap::new();
    for row in 0..columns.len() {
        let printed = printed_symbols(text(columns.message, row));
        for (code, printed) in printed.filter(|(code, _)| Hresult(*code).is_failure()) {
            let entry = knowledge.codes.get(Hresult(code));
            if entry.is_some_and(|entry| is_named(&entry, printed)) {
                continue;
            }
            let conflict = found
                .entry((code, printed))
                .or_insert_with(|| SymbolConflict {
                    code: Hresult(code).to_string(),
                    printed: printed.to_owned(),
                    catalogue: entry
                        .map(|entry| entry.symbol.to_owned())
                        .filter(|symbol| !symbol.is_empty()),
                    records: 0,
                    file: text(columns.source_file, row).to_owned(),
                    line: columns.line_number.get(row).unwrap_or_default(),
                });
            conflict.records += 1;
        }
    }
    Ok(found.into_values().collect())
}

fn is_named(entry: &CodeEntry<'_>, symbol: &str) -> bool {
    std::iter::once(entry.symbol)
        .chain(entry.also.split(' '))
        .any(|known| known.eq_ignore_ascii_case(symbol))
}

/// Codes and symbols of `HRESULT = 0x800f0823 - CBS_E_…]`, in reading order. `Unknown Error` is no
/// symbol.
pub(crate) fn printed_symbols(message: &str) -> impl Iterator<Item = (u32, &str)> {
    const MARK: &[u8] = b"HRESULT = 0x";
    memmem::find_iter(message.as_bytes(), MARK).filter_map(move |at| {
        let after = message.get(at + MARK.len()..)?;
        let code = u32::from_str_radix(after.get(..8)?, 16).ok()?;
        let symbol = after.get(8..)?.strip_prefix(" - ")?.split(']').next()?;
        let symbol = symbol.trim();
        let is_symbol = symbol.len() > 3
            && symbol
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        is_symbol.then_some((code, symbol))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_read_out_of_the_brackets() {
        let read = |message: &'static str| printed_symbols(message).collect::<Vec<_>>();
        assert_eq!(
            read(
                "Failed to create package. [HRESULT = 0x800f0823 - CBS_E_NEW_SERVICING_STACK_REQUIRED]"
            ),
            [(0x800f_0823, "CBS_E_NEW_SERVICING_STACK_REQUIRED")]
        );
        assert!(read("search failed [HRESULT = 0x8024402c - Unknown Error]").is_empty());
        assert!(read("[HRESULT = 0x80070002]").is_empty());
        assert!(read("[HRESULT = 0x8007").is_empty());
    }
}
