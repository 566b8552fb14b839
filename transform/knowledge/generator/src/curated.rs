//! The rows that are written by hand.

use std::collections::BTreeMap;
use std::path::Path;

/// What a hand-written row says of a code.
#[derive(Debug)]
pub struct Curated {
    pub symbol: String,
    pub family: String,
    pub wrapper: String,
    pub phase: String,
    pub meaning_en: String,
    pub meaning_zh: String,
    pub documented_in: String,
}

/// Reads `curated.csv`; a row that lacks a part, or a code that stands twice, is refused with its line.
pub fn read(path: &Path) -> Result<BTreeMap<u32, Curated>, Box<dyn std::error::Error>> {
    let mut reader =
        csv::Reader::from_path(path).map_err(|e| format!("reading {}: {e}", path.display()))?;
    let mut rows = BTreeMap::new();
    for row in reader.records() {
        let row = row?;
        let line = row.position().map_or(0, csv::Position::line);
        let refuse = |what: &str| format!("{}:{line}: {what}", path.display());
        let cell = |index: usize| row.get(index).unwrap_or_default().trim().to_owned();
        let code = cell(0)
            .strip_prefix("0x")
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| refuse("the code must be of the form 0x80070005"))?;
        let curated = Curated {
            symbol: cell(1),
            family: cell(2),
            wrapper: cell(3),
            phase: cell(4),
            meaning_en: cell(5),
            meaning_zh: cell(6),
            documented_in: cell(7),
        };
        if [
            &curated.symbol,
            &curated.family,
            &curated.meaning_en,
            &curated.meaning_zh,
        ]
        .iter()
        .any(|text| text.is_empty())
        {
            return Err(refuse("symbol, family or a meaning is missing").into());
        }
        if !curated.documented_in.starts_with("https://") {
            return Err(refuse("the source of the meaning is not named").into());
        }
        if rows.insert(code, curated).is_some() {
            return Err(refuse("the code stands twice").into());
        }
    }
    Ok(rows)
}
