//! Columns whose values are words of a closed set: each word is laid out once, and rows point to it.

use polars::prelude::*;

/// A column under construction.
#[derive(Default)]
pub(crate) struct WordsBuilder {
    words: Vec<&'static str>,
    /// For each row the index of its word.
    rows: Vec<IdxSize>,
}

impl WordsBuilder {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self {
            words: Vec::new(),
            rows: Vec::with_capacity(rows),
        }
    }

    /// Adds a row. Words are told by their address, which costs no look at their text: one that stands at
    /// two addresses is laid out twice.
    pub(crate) fn push(&mut self, word: &'static str) {
        let known = self
            .words
            .iter()
            .position(|known| std::ptr::eq(*known, word));
        let place = known.unwrap_or_else(|| {
            self.words.push(word);
            self.words.len() - 1
        });
        // A closed set holds far fewer words than an index can count.
        self.rows
            .push(IdxSize::try_from(place).unwrap_or(IdxSize::MAX));
    }

    /// Grain: one row per pushed word, in that order; no nulls.
    ///
    /// # Errors
    /// When Polars refuses an index, which no words bring about.
    pub(crate) fn finish(self, name: &str) -> PolarsResult<Column> {
        let words = StringChunked::from_iter_values(name.into(), self.words.into_iter());
        let rows = IdxCa::from_vec(PlSmallStr::EMPTY, self.rows);
        Ok(words.take(&rows)?.into_column())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_words_and_their_order() {
        let words = ["error", "", "a_word_of_more_than_twelve_bytes", "error", ""];
        let mut column = WordsBuilder::with_capacity(words.len());
        for word in words {
            column.push(word);
        }
        let column = column.finish("words").unwrap();
        let texts: Vec<_> = column.str().unwrap().iter().flatten().collect();
        assert_eq!(texts, words);
        assert_eq!((column.null_count(), column.n_chunks()), (0, 1));
    }

    #[test]
    fn a_column_without_rows_is_empty() {
        let column = WordsBuilder::default().finish("none").unwrap();
        assert_eq!((column.len(), column.dtype()), (0, &DataType::String));
    }
}
