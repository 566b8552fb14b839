//! What the SQL page shows.

use std::borrow::Borrow;

use serde::{Deserialize, Serialize};

/// The answer to one statement: names, types, and every value as text.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<String>>,
    /// Whether rows were left out.
    pub(crate) cut: bool,
}

impl Table {
    /// Whether a column holds numbers.
    pub(crate) fn is_number(&self, column: impl Borrow<usize>) -> bool {
        self.columns
            .get(*column.borrow())
            .is_some_and(Column::is_number)
    }
}

/// One column of an answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) data_type: String,
}

impl Column {
    /// Numbers stand at the right.
    pub(crate) fn is_number(&self) -> bool {
        [
            "UInt",
            "Int",
            "Float",
            "Decimal",
            "Nullable(UInt",
            "Nullable(Int",
            "Nullable(Float",
        ]
        .iter()
        .any(|prefix| self.data_type.starts_with(prefix))
    }
}

impl Relation {
    /// What one row is: the first sentence of the comment.
    pub(crate) fn grain(&self) -> &str {
        let sentence = self.comment.split(". ").next().unwrap_or_default();
        sentence
            .split([':', '：', '。'])
            .next()
            .unwrap_or_default()
            .trim_end_matches('.')
    }

    /// Name and type of each column.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.columns
            .iter()
            .map(|column| column.split_once(' ').unwrap_or((column, "")))
    }

    /// A page that shows the first rows.
    pub(crate) fn address(&self) -> String {
        let statement = format!("SELECT *\nFROM {}\nLIMIT 100", self.name);
        crate::frame::address("/sql", [("q", statement.as_str())].into_iter())
    }
}

/// A view or table of the schema list; grain: one per view or table.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Relation {
    pub(crate) name: String,
    pub(crate) is_view: u8,
    pub(crate) comment: String,
    /// `name type` of each column.
    pub(crate) columns: Vec<String>,
}
