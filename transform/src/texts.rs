//! Text columns under construction, for values that repeat. What all rows have in common is laid out
//! once: a cut of a hundred thousand records has one topic, one kind and no channel, and pages of memory
//! that are not touched cost nothing.

use polars::prelude::*;

/// A column of words of a closed set: each word is laid out once, and rows point to it.
#[derive(Default)]
pub(crate) struct WordsBuilder {
    words: Vec<&'static str>,
    height: usize,
    /// For each row the index of its word; empty while all have the first one.
    rows: Vec<IdxSize>,
}

impl WordsBuilder {
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
        if self.words.len() > 1 {
            self.rows.resize(self.height, 0);
            // A closed set holds far fewer words than an index can count.
            self.rows
                .push(IdxSize::try_from(place).unwrap_or(IdxSize::MAX));
        }
        self.height += 1;
    }

    /// Grain: one row per pushed word, in that order; no nulls.
    ///
    /// # Errors
    /// When Polars refuses an index, which no words bring about.
    pub(crate) fn finish(self, name: &str) -> PolarsResult<Column> {
        if let [word] = self.words.as_slice() {
            return Ok(same(name, word, self.height));
        }
        let words = StringChunked::from_iter_values(name.into(), self.words.into_iter());
        let rows = IdxCa::from_vec(PlSmallStr::EMPTY, self.rows);
        Ok(words.take(&rows)?.into_column())
    }
}

/// A column that mostly has one value.
pub(crate) struct MostlySame<'a> {
    name: &'static str,
    capacity: usize,
    first: &'a str,
    height: usize,
    /// All rows, once two have different values.
    each: Option<StringChunkedBuilder>,
}

impl<'a> MostlySame<'a> {
    pub(crate) fn new(name: &'static str, capacity: usize) -> Self {
        Self {
            name,
            capacity,
            first: "",
            height: 0,
            each: None,
        }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, value: &'a str) {
        if let Some(each) = &mut self.each {
            each.append_value(value);
        } else if self.height == 0 {
            self.first = value;
        } else if !equal(value, self.first) {
            let mut each = StringChunkedBuilder::new(self.name.into(), self.capacity);
            for _ in 0..self.height {
                each.append_value(self.first);
            }
            each.append_value(value);
            self.each = Some(each);
        }
        self.height += 1;
    }

    /// Grain: one row per pushed value, in that order; no nulls.
    pub(crate) fn finish(self) -> Column {
        match self.each {
            Some(each) => each.finish().into_column(),
            None => same(self.name, self.first, self.height),
        }
    }
}

/// Compares texts of which many are empty. An empty text has an address where no memory is, and the C
/// library compares with masked loads: at such an address one takes the processor hundreds of cycles.
pub(crate) fn equal(left: &str, right: &str) -> bool {
    left.len() == right.len() && (left.is_empty() || left == right)
}

/// A column of which all rows have one value.
pub(crate) fn same(name: &str, value: &str, height: usize) -> Column {
    let value = AnyValue::StringOwned(value.into());
    Column::new_scalar(name.into(), Scalar::new(DataType::String, value), height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(column: &Column) -> Vec<&str> {
        column.str().unwrap().iter().flatten().collect()
    }

    fn words(words: &[&'static str]) -> Column {
        let mut column = WordsBuilder::default();
        for word in words {
            column.push(word);
        }
        column.finish("words").unwrap()
    }

    fn values(values: &[&str]) -> Column {
        let mut column = MostlySame::new("values", values.len());
        for value in values {
            column.push(value);
        }
        column.finish()
    }

    #[test]
    fn rows_keep_their_texts_and_their_order() {
        for rows in [
            &[][..],
            &["error"],
            &["error", "error"],
            &["", "a_word_of_more_than_twelve_bytes", "", "error", "error"],
            &["error", "error", ""],
        ] {
            for column in [words(rows), values(rows)] {
                assert_eq!(texts(&column), rows);
                assert_eq!(column.dtype(), &DataType::String);
                assert_eq!((column.len(), column.null_count()), (rows.len(), 0));
            }
        }
    }

    #[test]
    fn what_all_rows_have_in_common_is_laid_out_once() {
        for column in [words(&["", ""]), values(&["local", "local"])] {
            assert!(column.as_scalar_column().is_some());
        }
        assert!(values(&["local", "other"]).as_scalar_column().is_none());
    }
}
