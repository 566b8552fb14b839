//! The error-code catalogue: one row per code, read from `knowledge/codes.csv`.
//!
//! The file holds ten thousand rows and a command asks for a handful, so a row is taken apart only
//! when it is asked for: loading notes where each code's line begins.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

use patchlens_event::Hresult;

use crate::{Error, Result};

/// What is known of one error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeEntry<'a> {
    /// The code.
    pub code: Hresult,
    /// Its symbol, `ERROR_SXS_COMPONENT_STORE_CORRUPT`.
    pub symbol: &'a str,
    /// The family it belongs to: `wu`, `uso`, `cbs`, `sxs`, `win32`, `setup`, `bits`, `do`, `http`,
    /// `ese`, `nt`, `appx`, `spapi`, `trust`, `com`, `hresult`.
    pub family: &'a str,
    /// True when it only says that something underneath failed.
    pub is_wrapper: bool,
    /// The phase that it usually comes from, empty when it comes from any.
    pub phase: &'a str,
    /// What it means, in English; empty when nobody has written it down.
    pub meaning_en: &'a str,
    /// What it means, in Chinese; empty when nobody has written it down.
    pub meaning_zh: &'a str,
    /// Where the code is documented.
    pub documented_in: &'a str,
    /// Other symbols of the same code, with blanks between.
    pub also: &'a str,
}

/// All codes that are known, by number and by symbol.
#[derive(Debug, Default)]
pub struct CodeCatalogue {
    /// In order of addition: a later text goes before an earlier one.
    texts: Vec<CatalogueText>,
    /// From the hash of a symbol in lower case to its code; made when first asked for.
    by_symbol: OnceLock<HashMap<u64, Hresult>>,
}

#[derive(Debug)]
struct CatalogueText {
    text: Cow<'static, str>,
    /// Code and place of each line, by code.
    lines: Vec<(u32, usize)>,
}

const HEADER: &str = "code,symbol,family,wrapper,phase,meaning_en,meaning_zh,documented_in";
/// What the file that the program carries has besides.
const ALSO: &str = ",also";

impl CodeCatalogue {
    /// Adds the rows of a CSV text; a row of an earlier text with the same code gives way. A text
    /// that was written by the generator and is tested need not be checked again at every start.
    ///
    /// # Errors
    /// When a row is not well formed or a code stands twice; file and line are named.
    pub(super) fn add(
        &mut self,
        file: &str,
        text: Cow<'static, str>,
        is_checked: bool,
    ) -> Result<()> {
        let refuse = |line: usize, detail: String| Error::Knowledge {
            file: file.to_owned(),
            line,
            detail,
        };
        let mut lines: Vec<(u32, usize)> = Vec::new();
        let mut offset = 0;
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let start = offset;
            offset += line.len();
            let row = line.trim_end();
            if index == 0 {
                let header = row.trim_start_matches('\u{feff}');
                if header.strip_suffix(ALSO).unwrap_or(header) != HEADER {
                    return Err(refuse(1, format!("the header must be {HEADER}")));
                }
                continue;
            }
            if row.is_empty() || row.starts_with('#') {
                continue;
            }
            let first = row.split(',').next().unwrap_or_default();
            let code = Hresult::parse(first).map_err(|e| refuse(index + 1, e.to_string()))?;
            if !is_checked {
                check(row).map_err(|detail| refuse(index + 1, detail))?;
            }
            lines.push((code.0, start));
        }
        lines.sort_unstable();
        let twice = lines.windows(2).find_map(|pair| match pair {
            [one, other] if one.0 == other.0 => Some(*other),
            _ => None,
        });
        if let Some((code, at)) = twice {
            let before = text.get(..at).unwrap_or_default();
            let line = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
            return Err(refuse(line, format!("{} stands twice", Hresult(code))));
        }
        self.texts.push(CatalogueText { text, lines });
        self.by_symbol = OnceLock::new();
        Ok(())
    }

    /// The entry of a code.
    pub fn get(&self, code: Hresult) -> Option<CodeEntry<'_>> {
        self.texts.iter().rev().find_map(|text| {
            let at = text
                .lines
                .binary_search_by_key(&code.0, |line| line.0)
                .ok()?;
            text.entry(*text.lines.get(at)?)
        })
    }

    /// The code of a symbol in any case; Win32 symbols give the HRESULT.
    pub fn by_symbol(&self, symbol: &str) -> Option<Hresult> {
        if symbol.is_empty() {
            return None;
        }
        let known = self.by_symbol.get_or_init(|| {
            let entries = self.texts.iter().rev().flat_map(CatalogueText::entries);
            let mut known = HashMap::new();
            for entry in entries {
                for name in std::iter::once(entry.symbol).chain(entry.also.split(' ')) {
                    known.entry(key_of(name)).or_insert(entry.code);
                }
            }
            known
        });
        let code = *known.get(&key_of(symbol))?;
        let entry = self.get(code)?;
        let is_it = |name: &str| name.eq_ignore_ascii_case(symbol);
        (is_it(entry.symbol) || entry.also.split(' ').any(is_it)).then_some(code)
    }

    /// Every entry, by code within each text.
    pub fn iter(&self) -> impl Iterator<Item = CodeEntry<'_>> {
        self.texts.iter().flat_map(CatalogueText::entries)
    }

    /// The symbol of a code, empty when it is not known.
    pub fn symbol(&self, code: Hresult) -> &str {
        self.get(code).map_or("", |entry| entry.symbol)
    }

    /// True when the code only says that something underneath failed.
    pub fn is_wrapper(&self, code: Hresult) -> bool {
        self.get(code).is_some_and(|entry| entry.is_wrapper)
    }
}

impl CatalogueText {
    fn entries(&self) -> impl Iterator<Item = CodeEntry<'_>> {
        self.lines.iter().filter_map(|line| self.entry(*line))
    }

    fn entry(&self, (code, at): (u32, usize)) -> Option<CodeEntry<'_>> {
        let line = self.text.get(at..)?.lines().next()?;
        let mut cells = cells(line).skip(1);
        let mut next = || cells.next().unwrap_or_default();
        Some(CodeEntry {
            code: Hresult(code),
            symbol: next(),
            family: next(),
            is_wrapper: next() == "yes",
            phase: next(),
            meaning_en: next(),
            meaning_zh: next(),
            documented_in: next(),
            also: next(),
        })
    }
}

/// The cells of a row: quotes keep commas together.
fn cells(row: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(row);
    std::iter::from_fn(move || {
        let text = rest?;
        if let Some((cell, after)) = text.strip_prefix('"').and_then(|text| text.split_once('"')) {
            rest = after.strip_prefix(',');
            return Some(cell);
        }
        let (cell, after) = text
            .split_once(',')
            .map_or((text, None), |(cell, after)| (cell, Some(after)));
        rest = after;
        Some(cell.trim())
    })
}

fn check(row: &str) -> std::result::Result<(), String> {
    let found: Vec<&str> = cells(row).collect();
    if !(8..=9).contains(&found.len()) {
        return Err(format!(
            "the row has {} cells: expected 8, with quotes around a text that holds a comma, and no quotes within",
            found.len()
        ));
    }
    let cell = |index: usize| found.get(index).copied().unwrap_or_default();
    if !matches!(cell(3), "yes" | "no") {
        return Err(format!("wrapper is {:?}: expected yes or no", cell(3)));
    }
    if cell(1).is_empty() {
        return Err(format!("{} lacks its symbol", cell(0)));
    }
    Ok(())
}

fn key_of(symbol: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    symbol.to_ascii_lowercase().hash(&mut hasher);
    hasher.finish()
}
