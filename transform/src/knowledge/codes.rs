//! The error-code catalogue: one row per code, read from `knowledge/codes.csv`.

use std::collections::{BTreeMap, HashMap};

use patchlens_event::Hresult;

use crate::{Error, Result};

/// What is known of one error code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeEntry {
    /// The code.
    pub code: Hresult,
    /// Its symbol, `ERROR_SXS_COMPONENT_STORE_CORRUPT`.
    pub symbol: String,
    /// The family it belongs to: `wu`, `cbs`, `sxs`, `win32`, `setup`, `bits`, `do`, `http`, `ese`, `nt`, `appx`.
    pub family: String,
    /// True when it only says that something underneath failed.
    pub is_wrapper: bool,
    /// The phase that it usually comes from, empty when it comes from any.
    pub phase: String,
    /// What it means, in English.
    pub meaning_en: String,
    /// What it means, in Chinese.
    pub meaning_zh: String,
    /// Where the meaning is documented.
    pub documented_in: String,
}

/// All codes that are known, by number and by symbol.
#[derive(Debug, Default)]
pub struct CodeCatalogue {
    by_code: BTreeMap<Hresult, CodeEntry>,
    by_symbol: HashMap<String, Hresult>,
}

const HEADER: [&str; 8] = [
    "code",
    "symbol",
    "family",
    "wrapper",
    "phase",
    "meaning_en",
    "meaning_zh",
    "documented_in",
];

impl CodeCatalogue {
    /// Adds the rows of a CSV text; a row of an earlier file with the same code is replaced.
    ///
    /// # Errors
    /// When a row is not well formed or a code stands twice; file and line are named.
    pub(super) fn add(&mut self, file: &str, text: &str) -> Result<()> {
        let mut read = BTreeMap::new();
        let mut reader = csv::ReaderBuilder::new()
            .comment(Some(b'#'))
            .from_reader(text.as_bytes());
        let refuse = |line: u64, detail: String| Error::Knowledge {
            file: file.to_owned(),
            line: usize::try_from(line).unwrap_or(usize::MAX),
            detail,
        };
        let header = reader.headers().map_err(|e| refuse(1, e.to_string()))?;
        if header.iter().ne(HEADER) {
            return Err(refuse(
                1,
                format!("the header must be {}", HEADER.join(",")),
            ));
        }
        for row in reader.records() {
            let row = row
                .map_err(|e| refuse(e.position().map_or(0, csv::Position::line), e.to_string()))?;
            let line = row.position().map_or(0, csv::Position::line);
            let cell = |index: usize| row.get(index).unwrap_or_default().trim().to_owned();
            let code = Hresult::parse(&cell(0)).map_err(|e| refuse(line, e.to_string()))?;
            let is_wrapper = match cell(3).as_str() {
                "yes" => true,
                "no" => false,
                other => {
                    return Err(refuse(
                        line,
                        format!("wrapper is {other:?}: expected yes or no"),
                    ));
                }
            };
            let entry = CodeEntry {
                code,
                symbol: cell(1),
                family: cell(2),
                is_wrapper,
                phase: cell(4),
                meaning_en: cell(5),
                meaning_zh: cell(6),
                documented_in: cell(7),
            };
            if entry.symbol.is_empty() || entry.meaning_en.is_empty() || entry.meaning_zh.is_empty()
            {
                return Err(refuse(
                    line,
                    format!("{code} lacks its symbol or a meaning"),
                ));
            }
            if read.insert(code, entry).is_some() {
                return Err(refuse(line, format!("{code} stands twice")));
            }
        }
        for (code, entry) in read {
            self.by_symbol.entry(entry.symbol.clone()).or_insert(code);
            self.by_code.insert(code, entry);
        }
        Ok(())
    }

    /// The entry of a code.
    pub fn get(&self, code: Hresult) -> Option<&CodeEntry> {
        self.by_code.get(&code)
    }

    /// The code of a symbol; Win32 symbols give the HRESULT.
    pub fn by_symbol(&self, symbol: &str) -> Option<Hresult> {
        self.by_symbol.get(symbol).copied()
    }

    /// Every entry, by code.
    pub fn iter(&self) -> impl Iterator<Item = &CodeEntry> {
        self.by_code.values()
    }

    /// The symbol of a code, empty when it is not known.
    pub fn symbol(&self, code: Hresult) -> &str {
        self.get(code).map_or("", |entry| entry.symbol.as_str())
    }

    /// True when the code only says that something underneath failed.
    pub fn is_wrapper(&self, code: Hresult) -> bool {
        self.get(code).is_some_and(|entry| entry.is_wrapper)
    }
}
